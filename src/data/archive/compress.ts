// The bytes of a file on their way: summed up, compressed by gzip and read back, in flat memory.
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { constants, createGunzip, createGzip } from "node:zlib"

/** What a stream of bytes comes to. */
export class Sum {
  bytes = 0
  readonly #hash = createHash("sha256")

  add(chunk: Uint8Array): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
  }

  /** Called once, at the end; counts are text, hashes hex. */
  finish(): { readonly bytes: string; readonly sha256: string } {
    return { bytes: String(this.bytes), sha256: this.#hash.digest("hex") }
  }
}

export async function* summed(source: AsyncIterable<Uint8Array>, sum: Sum): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    sum.add(chunk)
    yield chunk
  }
}

/** Each call of zlib goes to another thread and back. */
const chunkSize = 262_144

export async function* gzipped(
  source: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  // memLevel: a little faster and smaller than the default, for a quarter of a megabyte.
  const gzip = createGzip({ level, memLevel: 9, chunkSize })
  const input = Readable.from(source, { objectMode: true, highWaterMark: 4 })
  // An error of the one must reach whoever reads the other.
  input.once("error", (error) => gzip.destroy(error))
  gzip.once("close", () => input.destroy())
  yield* input.pipe(gzip)
}

/** Why a stream could not be read to its end, in words that go on from "it". */
export type InflateFailure = "cut" | "broken" | "longer" | "trailing"

/**
 * Hands what `source` holds to `visit`, but no more than `most` bytes. Reads the source to its end whatever it is, so that its sum is
 * known, but where `visit` throws: that comes back as it is, at once. What it promises is waited for before it gets more.
 */
export async function inflate(
  source: AsyncIterable<Uint8Array>,
  most: bigint,
  visit: (chunk: Buffer) => void | Promise<void>,
): Promise<InflateFailure | undefined> {
  const gunzip = createGunzip({ chunkSize })
  let failure: InflateFailure | undefined
  let thrown: { readonly error: unknown } | undefined
  let fed = 0
  let bytes = 0
  let isOver = false
  let wake = (): void => undefined
  const stop = (why: InflateFailure | undefined): void => {
    failure ??= why
    isOver = true
    wake()
  }
  const fail = (error: unknown): void => {
    thrown = { error }
    stop(undefined)
    gunzip.destroy()
  }
  gunzip.on("data", (chunk: Buffer) => {
    if (isOver) return
    bytes += chunk.length
    try {
      if (bytes > most) stop("longer")
      else {
        const work = visit(chunk)
        if (work !== undefined) {
          gunzip.pause()
          work.then(() => gunzip.resume(), fail)
        }
      }
    } catch (error) {
      fail(error)
    }
    if (isOver) gunzip.destroy()
  })
  gunzip.on("drain", () => wake())
  gunzip.on("end", () => stop(undefined))
  gunzip.on("error", (error: NodeJS.ErrnoException & { errno?: number }) =>
    stop(error.errno === constants.Z_BUF_ERROR ? "cut" : BigInt(bytes) === most ? "trailing" : "broken"),
  )
  const turn = (): Promise<void> =>
    new Promise((done) => {
      wake = done
    })
  try {
    for await (const chunk of source) {
      fed += chunk.length
      if (thrown !== undefined) break
      if (isOver) continue
      const waiting = turn()
      if (!gunzip.write(chunk)) await waiting
    }
    if (!isOver) {
      const waiting = turn()
      gunzip.end()
      await waiting
    }
  } finally {
    gunzip.destroy()
  }
  if (thrown !== undefined) throw thrown.error
  // Zeros behind the end are padding to zlib.
  return failure ?? (gunzip.bytesWritten < fed ? "trailing" : undefined)
}
