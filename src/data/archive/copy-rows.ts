// Cuts a stream of COPY text into lines and their columns, and hashes each event.
import { BadLine } from "./field-forms.js"
import { columnCount, type HashedRow, RowHasher } from "./row-hash.js"

/** Bytes; an event has at most 1 GiB by its setting, and nobody stores one near that. */
const longestRow = 256 * 1024 * 1024
const tab = 0x09
const lineFeed = 0x0a
const backslash = 0x5c

export interface RowVisitor {
  /** Valid only during the call; `line` is from 1 on. */
  row(row: HashedRow, line: number): void
  /** A line that is no event, and why; its bytes are valid only during the call. */
  bad(line: number, why: string, text: Buffer): void
}

export class CopyRows {
  /** Lines that have ended. */
  lines = 0
  readonly #visitor: RowVisitor
  readonly #hasher: RowHasher
  readonly #longest: number
  readonly #starts = new Int32Array(columnCount)
  readonly #ends = new Int32Array(columnCount)
  readonly #escaped = new Uint8Array(columnCount)
  readonly #fields = { starts: this.#starts, ends: this.#ends, escaped: this.#escaped }
  #parts: Buffer[] = []
  #size = 0

  constructor(visitor: RowVisitor, hasher = new RowHasher(), longest = longestRow) {
    this.#visitor = visitor
    this.#hasher = hasher
    this.#longest = longest
  }

  push(chunk: Buffer): void {
    let start = 0
    if (this.#size > 0) {
      const end = chunk.indexOf(lineFeed)
      if (end === -1) {
        this.#keep(chunk)
        return
      }
      const row = Buffer.concat([...this.#parts, chunk.subarray(0, end + 1)])
      this.#parts = []
      this.#size = 0
      this.#read(row, 0)
      start = end + 1
    }
    const used = this.#read(chunk, start)
    if (used < chunk.length) this.#keep(chunk.subarray(used))
  }

  /** Whether a line was begun and has no end. */
  get isOpen(): boolean {
    return this.#size > 0
  }

  #keep(rest: Buffer): void {
    this.#parts.push(rest)
    this.#size += rest.length
    if (this.#size > this.#longest) throw new BadLine("it is longer than any event")
  }

  /** Reads the whole lines from `start` on; returns where they end. */
  #read(bytes: Buffer, start: number): number {
    const starts = this.#starts
    const ends = this.#ends
    const escaped = this.#escaped
    const { length } = bytes
    let begin = start
    let column = 0
    starts[0] = start
    escaped[0] = 0
    for (let at = start; at < length; at++) {
      const byte = bytes[at] as number
      if (byte > lineFeed && byte !== backslash) continue
      if (byte === tab) {
        ends[column] = at
        column += 1
        // Beyond the last nothing is stored: typed arrays let it fall.
        starts[column] = at + 1
        escaped[column] = 0
      } else if (byte === backslash) {
        escaped[column] = 1
      } else if (byte === lineFeed) {
        ends[column] = at
        this.#row(bytes, begin, column + 1, at - begin)
        begin = at + 1
        column = 0
        starts[0] = begin
        escaped[0] = 0
      }
    }
    return begin
  }

  #row(bytes: Buffer, begin: number, columns: number, length: number): void {
    this.lines += 1
    let row: HashedRow
    try {
      if (columns !== columnCount) throw new BadLine(`it has ${columns} columns, and an event ${columnCount}`)
      row = this.#hasher.hash(bytes, this.#fields, length)
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      this.#visitor.bad(this.lines, error.message, bytes.subarray(begin, begin + length))
      return
    }
    this.#visitor.row(row, this.lines)
  }
}
