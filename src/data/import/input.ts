// Reads what is to be imported: a file or a stream, compressed or not, and says which source it is.
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip } from "node:zlib"
import { TrailError } from "../errors.js"

export interface Input {
  /** sha256 of the uncompressed content as hex, or the name that was given. */
  readonly source: string
  /** The uncompressed content, from the beginning, without a byte order mark. */
  content(): AsyncIterable<Buffer>
  close(): Promise<void>
}

export interface InputOptions {
  /** Called in messages by this name. */
  readonly name: string
  /** Names a stream that grows: it is read once, and what was imported before is skipped. */
  readonly source?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const bufferSize = 256 * 1024

/** Opens a file, or takes a stream (one that has no name is first written to a private temporary file). */
export async function openInput(from: string | Readable, options: InputOptions): Promise<Input> {
  const { name, source } = options
  if (typeof from === "string") {
    const isFile = await describe(() => stat(from).then(checkKind), name)
    const bytes = () => createReadStream(from, { highWaterMark: bufferSize })
    if (isFile) {
      const content = () => uncompressed(bytes(), name)
      return { source: source ?? (await digest(content(), options)), content, async close() {} }
    }
    return openInput(bytes(), options)
  }
  if (source !== undefined) return { source, content: () => uncompressed(from, name), async close() {} }
  return spooled(from, options)
}

/** True for a regular file, which can be read twice. */
function checkKind(found: { isFile(): boolean; isDirectory(): boolean }): boolean {
  if (found.isDirectory()) throw new TrailError("file", "it is a folder")
  return found.isFile()
}

/** A stream can be read once, but the source must be known before the first batch. */
async function spooled(stream: Readable, options: InputOptions): Promise<Input> {
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-"))
  const file = join(folder, "content")
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    const hash = createHash("sha256")
    const tee = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of uncompressed(stream, options.name)) {
        options.signal?.throwIfAborted()
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(tee, createWriteStream(file, { mode: 0o600, flags: "wx" }))
    const content = () => createReadStream(file, { highWaterMark: bufferSize })
    return { source: hash.digest("hex"), content, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function digest(content: AsyncIterable<Buffer>, { signal }: InputOptions): Promise<string> {
  const hash = createHash("sha256")
  for await (const chunk of content) {
    signal?.throwIfAborted()
    hash.update(chunk)
  }
  return hash.digest("hex")
}

/** Gzip is known by its first bytes, whatever the file is called. */
async function* uncompressed(stream: Readable, name: string): AsyncGenerator<Buffer> {
  let head: Buffer = Buffer.alloc(0)
  try {
    const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
    while (head.length < 3) {
      const next = await chunks.next()
      if (next.done === true) break
      head = Buffer.concat([head, next.value])
    }
    const whole = async function* (): AsyncGenerator<Buffer> {
      if (head.length > 0) yield head
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
    }
    if (head[0] === 0x1f && head[1] === 0x8b) {
      const gunzip = createGunzip({ chunkSize: bufferSize })
      const fed = pipeline(whole, gunzip)
      fed.catch(() => undefined)
      yield* withoutMark(gunzip)
      await fed
    } else {
      yield* withoutMark(whole())
    }
  } catch (error) {
    throw fileError(error, name)
  } finally {
    stream.destroy()
  }
}

/** Windows programs put U+FEFF before UTF-8; it is no part of the content. */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const chunk of chunks) {
    const hasMark = isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf
    isFirst = false
    yield hasMark ? chunk.subarray(3) : chunk
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read by this user",
  EISDIR: "it is a folder",
  ENOSPC: "the disk is full",
  Z_DATA_ERROR: "its compressed content is damaged",
  Z_BUF_ERROR: "its compressed content ends too early",
}

/** An error of the file system or of zlib becomes one that names the file; anything else stays. */
export function fileError(error: unknown, name: string): unknown {
  if (error instanceof TrailError) {
    return error.code === "file"
      ? new TrailError("file", `${name}: ${error.message}`, { cause: error })
      : error
  }
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error
  if (!/^(E[A-Z]+|Z_[A-Z_]+)$/.test(error.code)) return error
  return new TrailError("file", `${name}: ${reasons[error.code] ?? error.code}`, { cause: error })
}

async function describe<T>(work: () => Promise<T>, name: string): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fileError(error, name)
  }
}
