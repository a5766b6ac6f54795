// Asks an S3 server: signs, waits a while, and asks again where the failure may pass.
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http"
import { Agent as TlsAgent, request as tlsRequest } from "node:https"
import { setTimeout as wait } from "node:timers/promises"
import { escaped, queryText, sign } from "./s3-sign.js"
import type { Patience, S3Settings } from "./store.js"
import { elementOf } from "./xml.js"

export interface Asked {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  /** Without it the bucket is meant. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  /** Names in small letters. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal | undefined
  /** Hears of every attempt that failed. */
  readonly failed?: (failure: S3Failure) => void
}

export interface Answer {
  readonly headers: IncomingMessage["headers"]
  readonly text: string
}

export interface S3Client {
  readonly bucket: string
  readonly region: string
  /** Host and port, to be shown. */
  readonly server: string
  readonly patience: Patience
  /** Throws S3Failure when it fails for good, or the reason of the signal. */
  ask(asked: Asked): Promise<Answer>
  /** For what is too large to be had at once. */
  open(asked: Asked): Promise<IncomingMessage>
  close(): void
}

/** What a server answered, or that it did not. Never has a word of the answer in it but its code. */
export class S3Failure extends Error {
  override readonly name = "S3Failure"
  readonly status: number | undefined
  /** Of S3, or of the network. */
  readonly code: string
  /** Where the server says that the bucket is. */
  readonly region: string | undefined
  /** The clock of the server. */
  readonly date: string | undefined
  readonly retryAfter: number

  constructor(code: string, answer?: IncomingMessage, text = "") {
    super(`${answer?.statusCode ?? "no answer"} ${code}`)
    this.code = code
    this.status = answer?.statusCode
    const region = answer?.headers["x-amz-bucket-region"] ?? elementOf(text, "Region")
    this.region = typeof region === "string" && /^[a-z0-9-]{1,40}$/i.test(region) ? region : undefined
    this.date = answer?.headers.date
    this.retryAfter = Number(answer?.headers["retry-after"] ?? 0) || 0
  }

  /** It may have been carried out all the same. */
  get isDoubtful(): boolean {
    return this.status === undefined || this.status === 200 || this.status >= 500
  }

  get mayPass(): boolean {
    if (this.status === undefined) return passing.test(this.code)
    return [200, 408, 429, 500, 502, 503, 504].includes(this.status) || passingCodes.has(this.code)
  }
}

const passing =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|HPE_.*|ERR_STREAM_PREMATURE_CLOSE)$/
const passingCodes: ReadonlySet<string> = new Set([
  "RequestTimeout",
  "SlowDown",
  "InternalError",
  "OperationAborted",
  "ConditionalRequestConflict",
])

const usual: Patience = { attempts: 6, pause: 250, silence: 60_000 }
const longestPause = 20_000
/** A page of a list has a thousand names. */
const largestAnswer = 8_388_608
/** What a server says of a failure is short; of one that goes on for ever no more is read. */
const longestReason = 65_536

export function createClient(bucket: string, settings: S3Settings): S3Client {
  const { patience = usual } = settings
  const { url, isVirtual } = addressOf(bucket, settings)
  const isTls = url.protocol === "https:"
  const agent = isTls ? new TlsAgent({ keepAlive: true }) : new PlainAgent({ keepAlive: true })
  const folder = url.pathname.replace(/\/$/, "") + (isVirtual ? "" : `/${bucket}`)

  function send(asked: Asked): Promise<IncomingMessage> {
    const { method, key, query = {}, body, signal } = asked
    const path = key === undefined ? folder || "/" : `${folder}/${key.split("/").map(escaped).join("/")}`
    const headers = sign(
      { method, host: url.host, path, query, headers: asked.headers ?? {}, body },
      settings,
      new Date(),
    )
    const length = body?.length ?? (method === "PUT" || method === "POST" ? 0 : undefined)
    const search = queryText(query)
    return new Promise((done, fail) => {
      let answer: IncomingMessage | undefined
      const sent = (isTls ? tlsRequest : plainRequest)({
        method,
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ""),
        ...(url.port === "" ? {} : { port: url.port }),
        path: search === "" ? path : `${path}?${search}`,
        headers: { ...headers, ...(length === undefined ? {} : { "content-length": String(length) }) },
        ...(signal === undefined ? {} : { signal }),
      })
      sent.setTimeout(patience.silence, () => {
        // It is this side that takes its time.
        if (answer !== undefined && answer.readableLength > 0) return
        sent.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }))
      })
      sent.on("error", fail)
      sent.on("response", (response) => {
        answer = response
        done(response)
      })
      sent.end(body)
    })
  }

  async function once(asked: Asked): Promise<IncomingMessage> {
    try {
      const answer = await send(asked)
      if (answer.statusCode !== undefined && answer.statusCode >= 200 && answer.statusCode < 300)
        return answer
      const text = await reasonOf(answer)
      throw new S3Failure(codeOf(answer, text), answer, text)
    } catch (error) {
      throw failureOf(error)
    }
  }

  async function patiently<T>(asked: Asked, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      asked.signal?.throwIfAborted()
      try {
        return await work()
      } catch (error) {
        if (error instanceof S3Failure) asked.failed?.(error)
        asked.signal?.throwIfAborted()
        if (!(error instanceof S3Failure) || !error.mayPass || attempt >= patience.attempts) throw error
        await pauseAfter(attempt, error, patience, asked.signal)
      }
    }
  }

  return {
    bucket,
    region: settings.region,
    server: url.host,
    patience,
    ask: (asked) =>
      patiently(asked, async () => {
        const answer = await once(asked)
        const text = await textOf(answer).catch((error) => {
          throw failureOf(error)
        })
        // What takes a server long is answered with 200 before it is done.
        const reason = text.trimStart().slice(0, longestReason)
        if (/^(<\?xml[^<>]*>)?\s*<Error[\s>]/.test(reason.slice(0, 1000))) {
          throw new S3Failure(codeOf(answer, reason), answer, reason)
        }
        return { headers: answer.headers, text }
      }),
    open: (asked) => patiently(asked, () => once(asked)),
    close: () => agent.destroy(),
  }
}

export async function pauseAfter(
  attempt: number,
  failure: S3Failure,
  { pause }: Patience,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Many that failed together must not come back together.
  const jittered = Math.min(pause * 2 ** (attempt - 1), longestPause) * (0.5 + Math.random() / 2)
  const asked = Math.min(failure.retryAfter * 1000, longestPause)
  await wait(Math.max(jittered, asked), undefined, signal === undefined ? {} : { signal }).catch(
    () => undefined,
  )
  signal?.throwIfAborted()
}

export function failureOf(error: unknown): unknown {
  if (error instanceof S3Failure || !(error instanceof Error) || error.name === "AbortError") return error
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
  const code = (inner as NodeJS.ErrnoException).code
  return code === undefined ? error : new S3Failure(code)
}

function codeOf(answer: IncomingMessage, text: string): string {
  const code = elementOf(text, "Code") ?? String(answer.headers["x-amz-error-code"] ?? "")
  return /^[A-Za-z0-9.]{1,60}$/.test(code) ? code : ""
}

/** What is longer is cut, and the connection with it. */
async function reasonOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    if (size >= longestReason) break
  }
  return Buffer.concat(parts).subarray(0, longestReason).toString("utf8")
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length
    if (size > largestAnswer) throw new S3Failure("TooLong", answer)
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

function addressOf(bucket: string, settings: S3Settings): { url: URL; isVirtual: boolean } {
  const { endpoint, region, addressing } = settings
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  const url = new URL(endpoint ?? `https://s3.${region}.${suffix}`)
  // A certificate for *.HOST is none for a.b.HOST.
  const isVirtual =
    addressing === undefined ? endpoint === undefined && !bucket.includes(".") : addressing === "virtual"
  if (isVirtual) url.hostname = `${bucket}.${url.hostname}`
  return { url, isVirtual }
}
