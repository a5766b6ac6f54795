// Puts a stream into a bucket, whatever its length, in memory for two of its parts; and takes away what was begun when that fails.
import { createHash, randomUUID } from "node:crypto"
import { TrailError } from "../errors.js"
import { type S3Client, S3Failure } from "./s3-client.js"
import { type Head, headOf, isMissing } from "./s3-head.js"
import { uploads } from "./s3-list.js"
import { elementOf, escapedXml } from "./xml.js"

const usualPart = 16_777_216
const mostParts = 10_000

export interface PutOptions {
  readonly signal: AbortSignal | undefined
  readonly partBytes: number | undefined
}

interface Put {
  readonly client: S3Client
  readonly key: string
  /** Written with the object: whether it is this one's work can be told when an answer was lost. */
  readonly token: string
  readonly signal: AbortSignal
}

/** Throws S3Failure, or what the content or the signal threw. */
export async function putObject(
  client: S3Client,
  key: string,
  content: AsyncIterable<Uint8Array>,
  { signal, partBytes = usualPart }: PutOptions,
): Promise<bigint | "exists"> {
  signal?.throwIfAborted()
  if ((await headOf(client, key, { signal })) !== undefined) return "exists"
  // What is on its way must end before what was begun can be taken away.
  const ending = new AbortController()
  const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal])
  const put: Put = { client, key, token: randomUUID(), signal: either }
  const parts: string[] = []
  let upload: string | undefined
  let bytes = 0n
  let sending: Promise<void> | undefined
  let isBegunTwice = false
  try {
    for await (const { data, isLast } of slices(content, partBytes)) {
      await sending
      either.throwIfAborted()
      bytes += BigInt(data.length)
      if (isLast && upload === undefined) return await putWhole(put, data)
      upload ??= await beginUpload(put, (failure) => {
        isBegunTwice ||= failure.isDoubtful
      })
      const number = parts.push("")
      if (number > mostParts) throw tooLarge(partBytes)
      sending = sendPart(put, upload, number, data).then((etag) => {
        parts[number - 1] = etag
      })
      // It is waited for before the next.
      sending.catch(() => undefined)
    }
    await sending
    return await completeUpload(put, upload ?? "", parts, bytes)
  } catch (error) {
    ending.abort()
    await sending?.catch(() => undefined)
    if (upload !== undefined) await endUpload(client, key, upload).catch(() => undefined)
    throw error
  } finally {
    if (isBegunTwice) await endOthers(client, key, upload).catch(() => undefined)
  }
}

/** One that was begun although no answer came has no other name than its key. */
async function endOthers(client: S3Client, key: string, own: string | undefined): Promise<void> {
  for await (const other of uploads(client, key)) {
    if (other.key === key && other.upload !== own) await endUpload(client, key, other.upload)
  }
}

const digest = (data: Uint8Array): string => createHash("md5").update(data).digest("base64")

const alone = { "if-none-match": "*" }

async function putWhole(put: Put, data: Uint8Array): Promise<bigint | "exists"> {
  const { client, key, token, signal } = put
  const headers = {
    "content-type": "application/octet-stream",
    "content-md5": digest(data),
    "x-amz-meta-pgtrail-put": token,
  }
  const etag = createHash("md5").update(data).digest("hex")
  return await settle(put, BigInt(data.length), etag, (condition) =>
    client.ask({ method: "PUT", key, headers: { ...headers, ...condition }, body: data, signal }),
  )
}

async function beginUpload(
  { client, key, token, signal }: Put,
  failed: (failure: S3Failure) => void,
): Promise<string> {
  const headers = { "content-type": "application/octet-stream", "x-amz-meta-pgtrail-put": token }
  const { text } = await client.ask({ method: "POST", key, query: { uploads: "" }, headers, signal, failed })
  const upload = elementOf(text, "UploadId")
  if (upload === undefined || upload === "") throw new S3Failure("NotS3")
  return upload
}

async function sendPart(
  { client, key, signal }: Put,
  upload: string,
  number: number,
  data: Uint8Array,
): Promise<string> {
  const query = { partNumber: String(number), uploadId: upload }
  const headers = { "content-md5": digest(data) }
  const answer = await client.ask({ method: "PUT", key, query, headers, body: data, signal })
  return answer.headers.etag ?? ""
}

async function completeUpload(
  put: Put,
  upload: string,
  etags: readonly string[],
  bytes: bigint,
): Promise<bigint | "exists"> {
  const { client, key, signal } = put
  const list = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapedXml(etag)}</ETag></Part>`,
  )
  const body = Buffer.from(`<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`)
  const all = Buffer.from(etags.map((etag) => etag.replaceAll('"', "")).join(""), "hex")
  const etag = `${createHash("md5").update(all).digest("hex")}-${etags.length}`
  const query = { uploadId: upload }
  const done = await settle(put, bytes, etag, (headers) =>
    client.ask({ method: "POST", key, query, headers, body, signal }),
  )
  if (done === "exists") await endUpload(client, key, upload).catch(() => undefined)
  return done
}

/** Takes the step that gives the object its name, and finds out what became of it where the answer does not say. */
async function settle(
  put: Put,
  bytes: bigint,
  etag: string,
  step: (condition: Readonly<Record<string, string>>) => Promise<unknown>,
): Promise<bigint | "exists"> {
  const { client, key, signal } = put
  try {
    await step(alone).catch((error) => {
      // Older servers know no such condition; that nothing is there was asked before.
      if (error instanceof S3Failure && error.code === "NotImplemented") return step({})
      throw error
    })
    return bytes
  } catch (error) {
    if (error instanceof S3Failure && !isUnclear(error)) throw error
    // Not by the signal, which may be what ended it.
    const found = await headOf(client, key).catch(() => "unknown" as const)
    if (found === "unknown") throw unknown(error, client, key)
    if (found !== undefined && isOwn(found, put, bytes, etag)) {
      if (!signal.aborted) return bytes
      await client.ask({ method: "DELETE", key }).catch(() => {
        throw unknown(error, client, key)
      })
    } else if (found !== undefined && error instanceof S3Failure && error.status === 412) return "exists"
    throw error
  }
}

/** A second attempt of what was done already is answered like this as well. */
const isUnclear = (failure: S3Failure): boolean =>
  failure.isDoubtful || failure.status === 412 || failure.code === "NoSuchUpload"

const isOwn = (found: Head, { token }: Put, bytes: bigint, etag: string): boolean =>
  found.token === undefined ? found.bytes === bytes && found.etag === etag : found.token === token

/** Gone already is fine. */
export async function endUpload(client: S3Client, key: string, upload: string): Promise<void> {
  await client.ask({ method: "DELETE", key, query: { uploadId: upload } }).catch((error) => {
    if (!isMissing(error)) throw error
  })
}

const unknown = (cause: unknown, { bucket }: S3Client, key: string): TrailError =>
  new TrailError(
    "unreachable",
    `whether s3://${bucket}/${key} was stored is not known: the server does not answer any more`,
    {
      hint: "see whether it is there before it is put there again",
      cause,
    },
  )

const tooLarge = (partBytes: number): TrailError =>
  new TrailError("usage", `more than ${mostParts} parts of ${partBytes} bytes`, {
    hint: "nothing was stored; S3 takes no more parts of one object",
  })

/** Two buffers take turns: one is sent while the other is filled. */
async function* slices(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly data: Buffer; readonly isLast: boolean }> {
  // Memory that is never written to is never taken.
  let filling: Buffer = Buffer.allocUnsafeSlow(size)
  let other: Buffer | undefined
  let filled = 0
  for await (const chunk of content) {
    for (let taken = 0; taken < chunk.length; ) {
      if (filled === size) {
        yield { data: filling, isLast: false }
        const sent = filling
        filling = other ?? Buffer.allocUnsafeSlow(size)
        other = sent
        filled = 0
      }
      const some = chunk.subarray(taken, taken + size - filled)
      filling.set(some, filled)
      filled += some.length
      taken += some.length
    }
  }
  yield { data: filling.subarray(0, filled), isLast: true }
}
