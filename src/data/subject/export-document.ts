// Withholds the strings of a document that nothing else is to be judged in, as most are, without making text of it: a copy of its bytes, in one pass.
import type { FieldBuffer } from "./export-field.js"
import { textOf } from "./export-json.js"
import { otherPerson } from "./export-others.js"
import type { OwnNames } from "./export-own.js"
import { forReview } from "./export-values.js"

const quote = 0x22
const colon = 0x3a
const backslash = 0x5c
const beyondAscii = 0x80
const withheld = Buffer.from(forReview)

export class DocumentMask {
  /** Strings of the document that wait for a human. */
  waits = 0
  readonly #own: OwnNames
  readonly #includeText: boolean

  constructor(own: OwnNames, includeText: boolean) {
    this.#own = own
    this.#includeText = includeText
  }

  /** A field as COPY wrote it, of an event that has nothing of others, and a column that no rule is for. Where a string is withheld, the field goes into `into`. */
  withhold(bytes: Buffer, start: number, end: number, into: FieldBuffer): void {
    this.waits = 0
    // Without a quote it has no string.
    if (bytes[start] !== quote) return
    // A string of one letter, which takes seven bytes with what stands around it, becomes one of twelve.
    into.makeRoom(3 * (end - start))
    const to = into.bytes
    let { used } = into
    let isWithheld = false
    let at = start
    to[used++] = quote
    at += 1
    while (at < end - 1) {
      const byte = bytes[at++] ?? 0
      to[used++] = byte
      if (byte !== quote) continue
      // Quotes are doubled; one that belongs to the string has a backslash before it.
      to[used++] = quote
      const first = ++at
      const kept = used
      let isPlain = true
      for (let one = bytes[at] ?? quote; one !== quote; one = bytes[at] ?? quote) {
        if (one >= beyondAscii) isPlain = false
        to[used++] = one
        at += 1
        if (one !== backslash) continue
        isPlain = false
        const escaped = bytes[at++] ?? 0
        to[used++] = escaped
        if (escaped === quote) to[used++] = bytes[at++] ?? 0
      }
      const last = at
      at += 2
      if (bytes[at] !== colon && !this.#stays(bytes, first, last, isPlain)) {
        this.waits += 1
        if (!this.#includeText) {
          isWithheld = true
          used = kept
          for (let next = 0; next < withheld.length; next++) to[used++] = withheld[next] ?? 0
        }
      }
      to[used++] = quote
      to[used++] = quote
    }
    if (!isWithheld) return
    to[used++] = quote
    into.used = used
  }

  /** `isPlain`: ASCII, and nothing in it is escaped. */
  #stays(bytes: Buffer, first: number, last: number, isPlain: boolean): boolean {
    if (isPlain) {
      const length = last - first
      if (length !== otherPerson.length && !this.#own.mayBeHarmless(length)) return false
      const text = bytes.toString("latin1", first, last)
      return text === otherPerson || this.#own.isHarmless(text)
    }
    return this.#own.isHarmless(textOf(`"${bytes.toString("utf8", first, last).replaceAll('""', '"')}"`))
  }
}
