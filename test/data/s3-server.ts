// An S3 server of the tests' own: s3rver, behind a proxy that knows what s3rver does not, and fails when it is told to.
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { S3Settings } from "../../src/data/store/store.js"

export interface Seen {
  readonly method: string
  /** With the query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly bytes: number
}

/** What becomes of a request. `cut` sends so many bytes of the answer's body; `lose` sends nothing of it, though all was done. */
export type Fate =
  | {
      readonly answer: number
      readonly code?: string
      readonly headers?: Record<string, string>
      readonly body?: string | Buffer
    }
  | { readonly cut: number }
  | "reset"
  | "lose"
  | "silence"
  | "twice"
  | undefined

export interface S3Server {
  readonly settings: S3Settings
  readonly bucket: string
  /** All that were asked since the last `quiet`. */
  readonly seen: Seen[]
  /** Decides on each request; the number is how often one of the same method and URL was asked before. */
  fate: (request: Seen, before: number) => Fate
  /** Headers that its answer has besides, as one of a bucket with versions or a lock. */
  also: (request: Seen) => Record<string, string>
  /** Like older servers, which take no condition for a PUT. */
  isOld: boolean
  /** Unfinished uploads, by their keys. */
  unfinished(): Promise<string[]>
  quiet(): void
  close(): Promise<void>
}

export const isPut = ({ method, url }: Seen): boolean => method === "PUT" && !url.includes("?")
export const isBegin = ({ method, url }: Seen): boolean => method === "POST" && url.includes("uploads=")
export const isPart = ({ method, url }: Seen): boolean => method === "PUT" && url.includes("partNumber=")
export const isComplete = ({ method, url }: Seen): boolean => method === "POST" && url.includes("uploadId=")
export const isAbort = ({ method, url }: Seen): boolean => method === "DELETE" && url.includes("uploadId=")

interface Rver {
  run(): Promise<AddressInfo>
  close(): Promise<void>
}

export async function startS3(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "pgtrail-s3-"))
  const { default: S3rver } = (await import("s3rver" as string)) as {
    default: new (options: unknown) => Rver
  }
  const bucket = "audit"
  const rver = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: bucket }],
  })
  const { port } = await rver.run()
  const uploads = join(directory, bucket, "._S3rver_uploads")
  const counts = new Map<string, number>()
  /** One at a time, as a server does that knows conditions. */
  let turn: Promise<unknown> = Promise.resolve()

  const server: S3Server = {
    settings: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER", region: "us-east-1" },
    bucket,
    seen: [],
    fate: () => undefined,
    also: () => ({}),
    isOld: false,
    async unfinished() {
      const found: string[] = []
      for (const id of await readdir(uploads).catch(() => [])) {
        found.push(await readFile(join(uploads, id, "key"), "utf8"))
      }
      return found.sort()
    },
    quiet() {
      server.seen.length = 0
      counts.clear()
      server.fate = () => undefined
      server.also = () => ({})
      server.isOld = false
    },
    async close() {
      proxy.closeAllConnections()
      await new Promise((done) => proxy.close(done))
      await rver.close()
      await rm(directory, { recursive: true, force: true })
    },
  }

  const proxy = createServer((asked, answer) => {
    void handle(asked, answer).catch(() => asked.socket.destroy())
  })
  // s3rver closes no connection that waits, so a test of silence must not take long.
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done))
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  Object.assign(server, {
    settings: {
      ...server.settings,
      endpoint,
      partBytes: 262_144,
      patience: { attempts: 4, pause: 1, silence: 5000 },
    } satisfies S3Settings,
  })

  async function handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of asked) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const { method = "", url = "", headers } = asked
    const seen: Seen = { method, url, headers, bytes: body.length }
    server.seen.push(seen)
    const before = counts.get(`${method} ${url}`) ?? 0
    counts.set(`${method} ${url}`, before + 1)
    const fate = server.fate(seen, before)
    if (fate === "silence") return
    if (fate === "reset") return void asked.socket.destroy()
    if (typeof fate === "object" && "answer" in fate) {
      return reply(answer, fate.answer, fate.code, { ...fate.headers }, fate.body)
    }
    if (fate === "twice") await forward(seen, body)
    const isWrite = method === "PUT" || method === "POST"
    const given = isWrite ? turn.then(() => done(seen, body)) : done(seen, body)
    if (isWrite) turn = given.catch(() => undefined)
    const { status, headers: sent, data } = await given
    if (fate === "lose") return void asked.socket.destroy()
    answer.writeHead(status, { ...sent, ...server.also(seen) })
    if (fate === undefined || fate === "twice") return void answer.end(data)
    answer.write(data.subarray(0, fate.cut), () => asked.socket.destroy())
  }

  interface Given {
    readonly status: number
    readonly headers: IncomingHttpHeaders
    readonly data: Buffer
  }

  async function done(seen: Seen, body: Buffer): Promise<Given> {
    const { method, url, headers } = seen
    const { searchParams: query, pathname } = new URL(url, endpoint)
    const md5 = headers["content-md5"]
    if (md5 !== undefined && md5 !== createHash("md5").update(body).digest("base64"))
      return failure(400, "BadDigest")
    const sha256 = headers["x-amz-content-sha256"]
    if (sha256 !== "UNSIGNED-PAYLOAD" && sha256 !== createHash("sha256").update(body).digest("hex")) {
      return failure(400, "XAmzContentSHA256Mismatch")
    }
    const id = query.get("uploadId")
    const isThere = id !== null && existsSync(join(uploads, id))
    if (id !== null && !isThere) return failure(404, "NoSuchUpload")
    if (id !== null && method === "DELETE") {
      await rm(join(uploads, id), { recursive: true, force: true })
      return { status: 204, headers: {}, data: Buffer.alloc(0) }
    }
    if (query.has("uploads") && method === "GET") return await listUploads(query.get("prefix") ?? "")
    if (headers["if-none-match"] !== undefined && (method === "PUT" || method === "POST")) {
      if (server.isOld) return failure(501, "NotImplemented")
      const isTaken = existsSync(
        join(directory, decodeURIComponent(pathname), "..", `${pathname.split("/").at(-1)}._S3rver_object`),
      )
      if (isTaken) return failure(412, "PreconditionFailed")
    }
    return await forward(seen, body)
  }

  /** To s3rver, which checks the signature as well; it never has the condition, which it takes for one of a GET. */
  function forward({ method, url, headers }: Seen, body: Buffer): Promise<Given> {
    return new Promise((give, fail) => {
      const sent = request(
        { host: "127.0.0.1", port, method, path: url, headers, agent: false },
        async (got) => {
          const parts: Buffer[] = []
          for await (const part of got) parts.push(part as Buffer)
          const { connection: _, "transfer-encoding": __, ...kept } = got.headers
          give({ status: got.statusCode ?? 0, headers: kept, data: Buffer.concat(parts) })
        },
      )
      sent.on("error", fail)
      sent.end(body)
    })
  }

  async function listUploads(prefix: string): Promise<Given> {
    const found: string[] = []
    for (const id of await readdir(uploads).catch(() => [])) {
      const key = await readFile(join(uploads, id, "key"), "utf8")
      if (!key.startsWith(prefix)) continue
      found.push(
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>2026-11-21T00:00:00Z</Initiated></Upload>`,
      )
    }
    const data = `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${found.join("")}</ListMultipartUploadsResult>`
    return { status: 200, headers: { "content-type": "application/xml" }, data: Buffer.from(data) }
  }

  const failure = (status: number, code: string): Given => ({
    status,
    headers: { "content-type": "application/xml" },
    data: Buffer.from(`<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>`),
  })

  function reply(
    answer: ServerResponse,
    status: number,
    code = "",
    headers: Record<string, string> = {},
    body:
      | string
      | Buffer = `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>AKIA SECRET</Message></Error>`,
  ): void {
    answer.writeHead(status, { "content-type": "application/xml", ...headers })
    answer.end(answer.req.method === "HEAD" ? "" : body)
  }

  return server
}
