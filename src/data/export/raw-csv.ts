// The rows of COPY as they leave in CSV: only the two times are written anew, and the place of each event is read on the way. Bytes, not
// text: this is the inner loop of an export, and must not be slower than the server.
import type { EventColumn } from "../event-columns.js"
import { writeTime } from "../query/columns.js"
import { fieldEnd, fieldsOf } from "./csv.js"
import type { Lanes, Spot } from "./lanes.js"
import type { Pages } from "./pages.js"

const nowhere: Spot = { file: 0, line: 0 }
const space = 0x20
const comma = 0x2c
const zero = 0x30

/** Columns in their own order; what stands before the two times, and from `lane` on, no group takes away. */
export function rawRow(
  columns: readonly EventColumn[],
  lanes: Lanes,
  pages: Pages,
): (bytes: Buffer, start: number, end: number) => void {
  const organizationAt = columns.indexOf("organization_id")
  const lastFront = columns.indexOf("recorded_at")
  const times = [columns.indexOf("occurred_at"), lastFront]
  const tail = columns.slice(columns.indexOf("lane"))
  const [seqAt, previousAt, hashAt] = [
    tail.indexOf("seq"),
    tail.indexOf("previous_hash"),
    tail.indexOf("hash"),
  ]
  // Where each field of the tail ends; none of them is ever quoted.
  const ends = new Array<number>(tail.length + 1).fill(0)

  return (bytes, start, end) => {
    let at = end
    ends[tail.length] = end
    for (let field = tail.length - 1; field >= 0; field--) {
      do at -= 1
      while (bytes[at] !== comma)
      ends[field] = at
    }
    const text = (field: number, skip: number) =>
      bytes.toString("latin1", (ends[field] ?? 0) + 1 + skip, ends[field + 1] ?? 0)

    let from = start
    let organization = ""
    at = start
    for (let field = 0; field <= lastFront; field++) {
      const to = fieldEnd(bytes, at, end)
      if (field === organizationAt) organization = bytes.toString("latin1", at, to)
      else if (times.includes(field)) {
        pages.put(bytes, from, at)
        putTime(bytes, at, to, pages)
        from = to
      }
      at = to + 1
    }
    pages.put(bytes, from, end)
    pages.endRow()

    const lane = text(0, 0)
    const state = lanes.lane(`${lane}/${organization}`, () => {
      const name = Buffer.from(organization, "latin1").toString("utf8")
      return [fieldsOf(name)?.[0] ?? name, lane]
    })
    const seq = Number.parseInt(text(seqAt, 0), 10)
    // `\x` stands before the digits.
    lanes.add(state, seq, text(previousAt, 2), text(hashAt, 2), nowhere)
  }
}

/** `2026-07-10 12:00:00.5+00` as `2026-07-10T12:00:00.500000Z`. */
export function putTime(bytes: Buffer, start: number, end: number, pages: Pages): void {
  const fraction = end - start - 23
  const isPlain =
    fraction <= 6 &&
    bytes[start + 10] === space &&
    bytes[end - 3] === 0x2b &&
    (fraction > 0 ? bytes[start + 19] === 0x2e : end - start === 22)
  if (!isPlain) {
    const text = Buffer.from(writeTime(bytes.toString("latin1", start, end)), "latin1")
    pages.put(text, 0, text.length)
    return
  }
  const { page, used } = pages.room(27)
  for (let at = 0; at < 19; at++) page[used + at] = bytes[start + at] ?? 0
  page[used + 10] = 0x54
  page[used + 19] = 0x2e
  for (let at = 0; at < 6; at++)
    page[used + 20 + at] = at < fraction ? (bytes[start + 20 + at] ?? zero) : zero
  page[used + 26] = 0x5a
}
