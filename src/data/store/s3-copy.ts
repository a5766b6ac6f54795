// Copies an object within its bucket, on the server: nothing of it passes through here, whatever its length.
import { type S3Client, S3Failure } from "./s3-client.js"
import { headOf } from "./s3-head.js"
import { endUpload } from "./s3-put.js"
import { escaped } from "./s3-sign.js"
import { elementOf, escapedXml } from "./xml.js"

/** What one request copies at most, and a part of what is larger. */
const mostAtOnce = 5n * 1024n * 1024n * 1024n
const usualPart = 1n * 1024n * 1024n * 1024n

export interface CopyOptions {
  readonly signal: AbortSignal | undefined
  /** Of what is copied in parts; smaller in tests. */
  readonly partBytes: number | undefined
}

/** Throws S3Failure, or the reason of the signal. */
export async function copyObject(
  client: S3Client,
  from: string,
  key: string,
  { signal, partBytes }: CopyOptions,
): Promise<"done" | "missing" | "exists" | "unable"> {
  const source = await headOf(client, from, { signal, sure: true })
  if (source === undefined) return "missing"
  if ((await headOf(client, key, { signal })) !== undefined) return "exists"
  const copied = { "x-amz-copy-source": `/${client.bucket}/${from.split("/").map(escaped).join("/")}` }
  const most = partBytes === undefined ? mostAtOnce : BigInt(partBytes)
  try {
    if (source.bytes <= most) await client.ask({ method: "PUT", key, headers: copied, signal })
    else await copyParts(client, key, copied, source.bytes, { signal, partBytes })
  } catch (error) {
    if (error instanceof S3Failure && error.status === 501) return "unable"
    throw error
  }
  const made = await headOf(client, key, { signal })
  if (made?.bytes !== source.bytes) throw new S3Failure("NotS3")
  return "done"
}

async function copyParts(
  client: S3Client,
  key: string,
  copied: Readonly<Record<string, string>>,
  bytes: bigint,
  { signal, partBytes }: CopyOptions,
): Promise<void> {
  const size = partBytes === undefined ? usualPart : BigInt(partBytes)
  const begun = await client.ask({ method: "POST", key, query: { uploads: "" }, signal })
  const upload = elementOf(begun.text, "UploadId")
  if (upload === undefined || upload === "") throw new S3Failure("NotS3")
  try {
    const parts: string[] = []
    for (let first = 0n; first < bytes; first += size) {
      const last = first + size < bytes ? first + size - 1n : bytes - 1n
      const query = { partNumber: String(parts.length + 1), uploadId: upload }
      const headers = { ...copied, "x-amz-copy-source-range": `bytes=${first}-${last}` }
      const { text } = await client.ask({ method: "PUT", key, query, headers, signal })
      const etag = elementOf(text, "ETag")
      if (etag === undefined) throw new S3Failure("NotS3")
      parts.push(`<Part><PartNumber>${parts.length + 1}</PartNumber><ETag>${escapedXml(etag)}</ETag></Part>`)
    }
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`)
    await client.ask({ method: "POST", key, query: { uploadId: upload }, body, signal })
  } catch (error) {
    await endUpload(client, key, upload).catch(() => undefined)
    throw error
  }
}
