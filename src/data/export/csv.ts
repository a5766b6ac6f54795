// CSV as COPY writes it: cut into rows, and read back with null (nothing) and the empty text ("") apart.
import { TrailError } from "../errors.js"

/** Bytes; an event has at most 1 GiB by its setting, and nobody stores one near that. */
const longestRow = 256 * 1024 * 1024
const quote = 0x22
const comma = 0x2c
const lineFeed = 0x0a

/** Gets the bytes of a row without its line end; `line` is where it begins, from 1 on. */
export type VisitRow = (bytes: Buffer, start: number, end: number, line: number) => void

/** Cuts a stream into rows: a line feed between quotes belongs to a value, but in plain lines, where a quote is like any other byte. */
export class RowCutter {
  /** Of the row that comes next. */
  line = 1
  readonly #visit: VisitRow
  readonly #quote: number
  #parts: Buffer[] = []
  #size = 0
  #isQuoted = false
  #lines = 1

  constructor(visit: VisitRow, form: "csv" | "lines" = "csv") {
    this.#visit = visit
    this.#quote = form === "csv" ? quote : -1
  }

  push(chunk: Buffer): void {
    const mark = this.#quote
    let start = 0
    let isQuoted = this.#isQuoted
    let lines = this.#lines
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === mark) isQuoted = !isQuoted
      else if (byte === lineFeed) {
        if (isQuoted) {
          lines += 1
          continue
        }
        if (this.#size === 0) this.#visit(chunk, start, at, this.line)
        else this.#whole(chunk.subarray(start, at))
        this.line += lines
        lines = 1
        start = at + 1
      }
    }
    this.#isQuoted = isQuoted
    this.#lines = lines
    if (start === chunk.length) return
    this.#parts.push(chunk.subarray(start))
    this.#size += chunk.length - start
    if (this.#size > longestRow) {
      throw new TrailError("file", `line ${this.line} begins a row that is longer than any event`)
    }
  }

  /** Whether a row was begun and has no end. */
  get isOpen(): boolean {
    return this.#size > 0
  }

  #whole(rest: Buffer): void {
    const row = Buffer.concat([...this.#parts, rest])
    this.#parts = []
    this.#size = 0
    this.#visit(row, 0, row.length, this.line)
  }
}

/** The fields of a row; undefined where it is none that COPY writes. */
export function fieldsOf(row: string): (string | null)[] | undefined {
  const fields: (string | null)[] = []
  for (let at = 0; ; at += 1) {
    let end = at
    if (row.charCodeAt(at) === quote) {
      do {
        end = row.indexOf('"', end + 1) + 1
        if (end === 0) return undefined
      } while (row.charCodeAt(end) === quote)
      fields.push(row.slice(at + 1, end - 1).replaceAll('""', '"'))
    } else {
      end = row.indexOf(",", at)
      if (end === -1) end = row.length
      const plain = row.slice(at, end)
      // COPY quotes these; other readers would cut the row there, or go on beyond the comma.
      if (plain.includes('"') || plain.includes("\r")) return undefined
      fields.push(end === at ? null : plain)
    }
    if (end === row.length) return fields
    if (row.charCodeAt(end) !== comma) return undefined
    at = end
  }
}

/** Where a field that begins at `at` ends. */
export function fieldEnd(bytes: Buffer, at: number, end: number): number {
  let to = at
  if (bytes[at] === quote) {
    do {
      to = bytes.indexOf(quote, to + 1) + 1
    } while (to < end && bytes[to] === quote)
    return to
  }
  while (to < end && bytes[to] !== comma) to += 1
  return to
}

/** A field as COPY writes it. */
export function csvField(value: string | null): string {
  if (value === null) return ""
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
