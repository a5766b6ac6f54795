// The usual forms of times, addresses and arrays in a line of COPY, byte by byte into what their types send. Every rarer form is
// left to binary.ts: then nothing was written, and the answer is -1.
import { microseconds, oids } from "../binary.js"

/** A line that COPY never wrote of an event. Never with a value: it may be a secret. */
export class BadLine extends Error {}

const zero = 0x30
/** Days whose beginning is remembered. */
const mostDays = 10_000
const daysOf = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const half = 4_294_967_296

/** Reads times; `high` and `low` are the two halves of the last one, in microseconds since 2000. */
export class Clock {
  high = 0
  low = 0
  readonly #days = new Map<number, readonly [high: number, low: number]>()

  /** `2026-07-10 12:00:00.5+00`, and with more work every other form. */
  read(source: Buffer, start: number, end: number): void {
    const fraction = end - start - 23
    const isPlain =
      end - start >= 22 &&
      source[start + 4] === 0x2d &&
      source[start + 7] === 0x2d &&
      source[start + 10] === 0x20 &&
      source[start + 13] === 0x3a &&
      source[start + 16] === 0x3a &&
      source[end - 3] === 0x2b &&
      source[end - 2] === zero &&
      source[end - 1] === zero &&
      (fraction > 0 ? source[start + 19] === 0x2e && fraction <= 6 : fraction === -1)
    if (!isPlain) {
      ;[this.high, this.low] = halves(source.toString("latin1", start, end))
      return
    }
    const month = number(source, start + 5, 2)
    const date = number(source, start, 4) * 10_000 + month * 100 + number(source, start + 8, 2)
    const [hour, minute] = [number(source, start + 11, 2), number(source, start + 14, 2)]
    const second = number(source, start + 17, 2)
    if (hour > 23 || minute > 59 || second > 59) throw new BadLine("a time is none")
    let micros = 0
    for (let at = 0; at < 6; at++)
      micros = micros * 10 + (at < fraction ? number(source, start + 20 + at, 1) : 0)
    const day = this.#days.get(date) ?? this.#day(date, source.toString("latin1", start, start + 10))
    const sum = day[1] + (hour * 3600 + minute * 60 + second) * 1_000_000 + micros
    this.high = day[0] + Math.floor(sum / half)
    this.low = sum % half
  }

  #day(date: number, text: string): readonly [high: number, low: number] {
    const last = daysOf[(Math.floor(date / 100) % 100) - 1] ?? 0
    if (date % 100 < 1 || date % 100 > last) throw new BadLine("a time is none")
    const found = halves(`${text} 00:00:00+00`)
    if (this.#days.size >= mostDays) this.#days.clear()
    this.#days.set(date, found)
    return found
  }
}

function halves(text: string): readonly [high: number, low: number] {
  let value: bigint
  try {
    value = microseconds(text)
  } catch {
    throw new BadLine("a time is none")
  }
  if (BigInt.asIntN(64, value) !== value) throw new BadLine("a time is none")
  return [Number(value >> 32n), Number(value & 0xffff_ffffn)]
}

function number(source: Buffer, start: number, count: number): number {
  let value = 0
  for (let at = start; at < start + count; at++) {
    const digit = (source[at] as number) - zero
    if (digit < 0 || digit > 9) throw new BadLine("a time is none")
    value = value * 10 + digit
  }
  return value
}

/** Of a hex digit in lower case; 255 of any other byte. */
const digits = new Uint8Array(256).fill(255)
for (let value = 0; value < 16; value++) digits[value.toString(16).charCodeAt(0)] = value

function putHex(source: Buffer, from: number, out: Buffer, to: number): void {
  const high = digits[source[from] as number] as number
  const low = digits[source[from + 1] as number] as number
  if ((high | low) > 15) throw new BadLine("a uuid or a hash is none")
  out[to] = (high << 4) | low
}

export function putUuid(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  if (end - start !== 36) throw new BadLine("a uuid is none")
  let at = to
  for (let from = start; from < end; from += 2) {
    const place = from - start
    if (place === 8 || place === 13 || place === 18 || place === 23) {
      if (source[from] !== 0x2d) throw new BadLine("a uuid is none")
      from += 1
    }
    putHex(source, from, out, at++)
  }
  return at
}

/** Of 32 bytes; `\\x` is how COPY writes the `\x` of bytea. */
export function putHash(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  if (!isHash(source, start, end)) throw new BadLine("a hash is none")
  let at = to
  for (let from = start + 3; from < end; from += 2) putHex(source, from, out, at++)
  return at
}

export const isHash = (source: Buffer, start: number, end: number): boolean =>
  end - start === 67 && source[start] === 0x5c && source[start + 1] === 0x5c && source[start + 2] === 0x78

/** An IPv4 address without a prefix: its eight bytes to `out`. */
export function putIpv4(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  let parts = 0
  let value = 0
  let count = 0
  for (let at = start; at <= end; at++) {
    const byte = at === end ? 0x2e : (source[at] as number)
    if (byte === 0x2e) {
      if (count === 0 || count > 3 || value > 255 || parts === 4) return -1
      out[to + 4 + parts] = value
      parts += 1
      value = 0
      count = 0
    } else if (byte >= zero && byte < zero + 10) {
      value = value * 10 + byte - zero
      count += 1
    } else return -1
  }
  if (parts !== 4) return -1
  out[to] = 2
  out[to + 1] = 32
  out[to + 2] = 0
  out[to + 3] = 4
  return to + 8
}

/** `{a,b}`: one dimension, nothing quoted, no null. `out` must have room for `arraySize` bytes. */
export function putArray(source: Buffer, start: number, end: number, out: Buffer, to: number): number {
  if (end - start < 2 || source[start] !== 0x7b || source[end - 1] !== 0x7d) return -1
  let at = out.writeInt32BE(end - start === 2 ? 0 : 1, to)
  at = out.writeInt32BE(0, at)
  at = out.writeInt32BE(oids.text, at)
  if (end - start === 2) return at
  const countAt = at
  at = out.writeInt32BE(1, at + 4)
  let elements = 0
  for (let from = start + 1; from < end; from++) {
    const lengthAt = at
    at += 4
    const first = from
    for (; from < end - 1; from++) {
      const byte = source[from] as number
      if (byte === 0x2c) break
      // Quotes and braces; what has a backslash never comes here.
      if (byte === 0x22 || byte === 0x7b || byte === 0x7d) return -1
      out[at++] = byte
    }
    const length = from - first
    if (length === 0 || (length === 4 && /^null$/i.test(source.toString("latin1", first, from)))) return -1
    out.writeInt32BE(length, lengthAt)
    elements += 1
  }
  out.writeInt32BE(elements, countAt)
  return at
}

/** What an array of so many bytes of text may take: an element has a byte and a comma at least. */
export const arraySize = (length: number): number => 20 + length * 4
