// Cuts what COPY writes into rows and fields in one pass over the bytes: the inner loop of an export of a subject.
import { TrailError } from "../errors.js"

/** Bytes; an event has at most 1 GiB by its setting, and nobody stores one near that. */
const longestRow = 256 * 1024 * 1024
const quote = 0x22
const comma = 0x2c
const lineFeed = 0x0a

/** Gets the bytes of a row, and where each of its fields ends. */
export type VisitFields = (bytes: Buffer, start: number, ends: Int32Array) => void

/** What stands between quotes belongs to a value. */
export class FieldCutter {
  readonly #visit: VisitFields
  readonly #ends: Int32Array
  #parts: Buffer[] = []
  #size = 0
  #isQuoted = false

  constructor(fields: number, visit: VisitFields) {
    this.#visit = visit
    this.#ends = new Int32Array(fields)
  }

  push(chunk: Buffer): void {
    const ends = this.#ends
    let isQuoted = this.#isQuoted
    let start = 0
    let field = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (byte > comma) continue
      if (byte === quote) isQuoted = !isQuoted
      else if (isQuoted) continue
      else if (byte === comma) ends[field++] = at
      else if (byte === lineFeed) {
        ends[field] = at
        if (this.#size === 0) this.#visit(chunk, start, ends)
        else this.#whole(chunk.subarray(start, at + 1))
        start = at + 1
        field = 0
      }
    }
    this.#isQuoted = isQuoted
    if (start === chunk.length) return
    this.#parts.push(chunk.subarray(start))
    this.#size += chunk.length - start
    if (this.#size > longestRow) throw new TrailError("file", "a row is longer than any event")
  }

  /** Of a row that came in parts the ends are counted again. */
  #whole(rest: Buffer): void {
    const row = Buffer.concat([...this.#parts, rest])
    this.#parts = []
    this.#size = 0
    this.#isQuoted = false
    this.push(row)
  }
}
