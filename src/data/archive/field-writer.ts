// Writes the fields of a record from the columns of a line of COPY: the header (OID, length) and the bytes that the type sends.
import { encode, oids, type SqlType } from "../binary.js"
import { arraySize, BadLine, Clock, putArray, putHash, putIpv4, putUuid } from "./field-forms.js"

/** Where each column begins and ends in a line, and whether it has a backslash. */
export interface Fields {
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly escaped: Uint8Array
}

const backslash = 0x5c
const nullMark = 0x4e
const zero = 0x30
/** What stands behind a backslash, and what it means. */
const escapes: Readonly<Record<number, number>> = {
  [backslash]: backslash,
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
  118: 11,
}
/** Below it a loop is faster than a call. */
const short = 40
/** Headers and numbers of a record, beside the bytes of its line. */
const margin = 4096
const half = 4_294_967_296

export class FieldWriter {
  /** Where the next byte goes. */
  at = 0
  #out = Buffer.alloc(65_536)
  #source: Buffer = this.#out
  #length = 0
  #starts: Int32Array = new Int32Array()
  #ends: Int32Array = new Int32Array()
  #escaped: Uint8Array = new Uint8Array()
  readonly #clock = new Clock()

  /** Goes on to another line, of `length` bytes. */
  open(source: Buffer, { starts, ends, escaped }: Fields, length: number): void {
    this.#source = source
    this.#starts = starts
    this.#ends = ends
    this.#escaped = escaped
    this.#length = length
    this.at = 0
    this.#reserve(0)
  }

  begin(opening: Buffer): void {
    for (let at = 0; at < opening.length; at++) this.#out[at] = opening[at] as number
    this.at = opening.length
  }

  /** What was written; valid until the next line. */
  bytes(): Buffer {
    return this.#out.subarray(0, this.at)
  }

  isNull(column: number): boolean {
    const start = this.#starts[column] as number
    return (
      (this.#ends[column] as number) - start === 2 &&
      this.#source[start] === backslash &&
      this.#source[start + 1] === nullMark
    )
  }

  /** A whole number that a double holds. */
  integer(column: number): number {
    const start = this.#starts[column] as number
    const end = this.#ends[column] as number
    const source = this.#source
    const isNegative = source[start] === 0x2d
    const first = isNegative ? start + 1 : start
    let value = 0
    for (let at = first; at < end; at++) {
      const digit = (source[at] as number) - zero
      if (digit < 0 || digit > 9) throw new BadLine("a number is none")
      value = value * 10 + digit
    }
    if (end === first || value > Number.MAX_SAFE_INTEGER) throw new BadLine("a number is none")
    return isNegative ? -value : value
  }

  /** A digest that was computed; nothing where it was not. */
  digest(binary: string): void {
    this.#header(oids.bytea, 32)
    this.#out.write(binary, this.at, "latin1")
    this.at += 32
  }

  put(column: number, type: SqlType): void {
    const start = this.#starts[column] as number
    const end = this.#ends[column] as number
    const source = this.#source
    if (end - start === 2 && source[start] === backslash && source[start + 1] === nullMark) {
      this.#header(oids[type], -1)
      return
    }
    const isEscaped = this.#escaped[column] === 1
    switch (type) {
      case "text":
      case "jsonb":
        this.#text(oids[type], start, end, isEscaped)
        return
      case "uuid":
        this.#header(oids.uuid, 16)
        this.at = putUuid(source, start, end, this.#out, this.at)
        return
      case "timestamptz":
        this.#clock.read(source, start, end)
        this.#header(oids.timestamptz, 8)
        this.#int64(this.#clock.high, this.#clock.low)
        return
      case "bytea":
        this.#header(oids.bytea, 32)
        this.at = putHash(source, start, end, this.#out, this.at)
        return
      case "inet": {
        const to = putIpv4(source, start, end, this.#out, this.at + 8)
        if (to === -1) this.#rare(type, column)
        else {
          this.#header(oids.inet, 8)
          this.at = to
        }
        return
      }
      case "text[]": {
        this.#reserve(arraySize(end - start))
        const from = this.at
        const to = isEscaped ? -1 : putArray(source, start, end, this.#out, from + 8)
        if (to === -1) this.#rare(type, column)
        else {
          this.#header(oids["text[]"], to - from - 8)
          this.at = to
        }
        return
      }
      default:
        this.#integer(type, column, start, end)
    }
  }

  #header(oid: number, length: number): void {
    const out = this.#out
    const { at } = this
    out[at] = 0
    out[at + 1] = 0
    out[at + 2] = oid >> 8
    out[at + 3] = oid
    out[at + 4] = length >> 24
    out[at + 5] = length >> 16
    out[at + 6] = length >> 8
    out[at + 7] = length
    this.at = at + 8
  }

  /** jsonb has its version before its text. */
  #text(oid: number, start: number, end: number, isEscaped: boolean): void {
    const headerAt = this.at
    const extra = oid === oids.jsonb ? 1 : 0
    this.#header(oid, end - start + extra)
    const out = this.#out
    const source = this.#source
    if (extra === 1) out[this.at++] = 1
    let { at } = this
    if (isEscaped) {
      for (let from = start; from < end; from++) {
        let byte: number | undefined = source[from] as number
        if (byte === backslash) {
          from += 1
          byte = from < end ? escapes[source[from] as number] : undefined
          if (byte === undefined) throw new BadLine("a backslash stands before what needs none")
        }
        out[at++] = byte
      }
      out.writeInt32BE(at - headerAt - 8, headerAt + 4)
    } else if (end - start < short) {
      for (let from = start; from < end; from++) out[at++] = source[from] as number
    } else at += source.copy(out, at, start, end)
    this.at = at
  }

  #integer(type: "smallint" | "int" | "bigint", column: number, start: number, end: number): void {
    this.#header(oids[type], type === "smallint" ? 2 : type === "int" ? 4 : 8)
    if (end - start > 15) {
      const text = this.#source.toString("latin1", start, end)
      const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined
      if (type !== "bigint" || value === undefined || BigInt.asIntN(64, value) !== value)
        throw new BadLine("a number is none")
      this.at = this.#out.writeBigInt64BE(value, this.at)
      return
    }
    const value = this.integer(column)
    const [out, at] = [this.#out, this.at]
    if (type === "bigint") this.#int64(Math.floor(value / half), value % half)
    else if (value === (type === "int" ? value | 0 : (value << 16) >> 16)) {
      this.at = type === "int" ? out.writeInt32BE(value, at) : out.writeInt16BE(value, at)
    } else throw new BadLine("a number is none")
  }

  #int64(high: number, low: number): void {
    const out = this.#out
    const { at } = this
    out[at] = high >> 24
    out[at + 1] = high >> 16
    out[at + 2] = high >> 8
    out[at + 3] = high
    out[at + 4] = low >>> 24
    out[at + 5] = low >>> 16
    out[at + 6] = low >>> 8
    out[at + 7] = low
    this.at = at + 8
  }

  /** As text, by the code that knows every form. */
  #rare(type: SqlType, column: number): void {
    const from = this.at
    const [start, end] = [this.#starts[column] as number, this.#ends[column] as number]
    // As a text first, for the escapes.
    this.#text(oids.text, start, end, this.#escaped[column] === 1)
    const text = this.#out.toString("utf8", from + 8, this.at)
    this.at = from
    let bytes: Buffer
    try {
      bytes = encode(type, text)
    } catch {
      throw new BadLine(`a value of type ${type} is none`)
    }
    this.#reserve(bytes.length)
    this.#header(oids[type], bytes.length)
    this.at += bytes.copy(this.#out, this.at)
  }

  /** Room for so many bytes more than the line itself takes, whatever of it is still to come. */
  #reserve(more: number): void {
    const size = this.at + more + this.#length + margin
    if (size <= this.#out.length) return
    const larger = Buffer.allocUnsafe(size * 2)
    this.#out.copy(larger, 0, 0, this.at)
    this.#out = larger
  }
}
