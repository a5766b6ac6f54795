// The forms of the events of a subject, and how a row of COPY gets each: what nothing changes is copied as bytes.
import { type EventColumn, eventColumns } from "../event-columns.js"
import type { Pages } from "../export/pages.js"
import { putTime } from "../export/raw-csv.js"
import { formOf } from "../export/text-row.js"
import { xmlOpening } from "../export/xml.js"
import { kindOf } from "../query/columns.js"
import { fieldText, flags } from "./export-field.js"
import type { SubjectMask } from "./export-mask.js"

export const subjectFormats = ["json", "csv", "xml"] as const
export type SubjectFormat = (typeof subjectFormats)[number]

/** With a salt anybody could try values for those that are masked; hashes and signatures prove nothing of what is left. */
const withheld: readonly EventColumn[] = [
  "signature",
  "identity_salt",
  "content_salt",
  "previous_hash",
  "hash",
  "hash_version",
  "identity_digest",
  "content_digest",
]
export const columns = eventColumns.filter((column) => !withheld.includes(column))
/** As they stand in the files. */
export const subjectColumns: readonly string[] = ["found_as", ...columns]
export const eventSchema = "pgtrail.subject-event/1"

/** Puts a row that the mask has just judged. */
export type PutRow = (bytes: Buffer, ends: Int32Array) => void

export interface SubjectForm {
  readonly opening: string
  readonly closing: string
  rows(pages: Pages, mask: SubjectMask): PutRow
}

export function formOfSubject(format: SubjectFormat): SubjectForm {
  if (format === "csv") return { opening: `${subjectColumns.join(",")}\n`, closing: "", rows: csvRows }
  if (format === "json") {
    return { opening: `{"schema":"${eventSchema}","events":[`, closing: "\n]}\n", rows: jsonRows }
  }
  const { closing } = formOf(xml)
  return { opening: xmlOpening(eventSchema, subjectColumns), closing, rows: xmlRows }
}

const xml = { format: "xml", isExcel: false, columns, read: columns, excluded: [], isWhole: false } as const

function xmlRows(pages: Pages, mask: SubjectMask): PutRow {
  const { line } = formOf(xml)
  return (bytes, ends) => {
    const row: Record<string, string | null> = {}
    for (const [at, column] of columns.entries()) {
      row[column] = fieldText(bytes, startOf(ends, at), endOf(ends, at))
    }
    for (const { at, start, end } of mask.changes) {
      row[columns[at] ?? ""] = fieldText(mask.changed.bytes, start, end)
    }
    pages.row(line(row).replace("<event>", `<event><found_as>${mask.foundAs}</found_as>`))
  }
}

const startOf = (ends: Int32Array, at: number): number => (ends[at + flags - 1] ?? 0) + 1
const endOf = (ends: Int32Array, at: number): number => ends[at + flags] ?? 0

/** As PostgreSQL's row_to_json, but for numbers, which are text here; a document that is none has no member. */
function jsonRows(pages: Pages, mask: SubjectMask): PutRow {
  const members = columns.map((column) => ({
    kind: kindOf(column),
    name: Buffer.from(`,"${column}":`),
    none: Buffer.from(`,"${column}":null`),
  }))
  let separator = ""
  return (bytes, ends) => {
    pages.text(`${separator}\n{"found_as":"${mask.foundAs}"`)
    separator = ","
    let nextChange = 0
    for (const [at, { kind, name, none }] of members.entries()) {
      let [from, start, end] = [bytes, startOf(ends, at), endOf(ends, at)]
      const change = mask.changes[nextChange]
      if (change?.at === at) {
        nextChange += 1
        ;[from, start, end] = [mask.changed.bytes, change.start, change.end]
      } else if (start === end) {
        if (kind !== "json") pages.put(none, 0, none.length)
        continue
      }
      pages.put(name, 0, name.length)
      if (kind === "json" || kind === "array") {
        pages.text(fieldText(from, start, end) ?? "")
      } else if (kind === "time") {
        pages.put(mark, 0, 1)
        putTime(from, start, end, pages)
        pages.put(mark, 0, 1)
      } else if (isPlain(from, start, end)) {
        pages.put(mark, 0, 1)
        pages.put(from, start, end)
        pages.put(mark, 0, 1)
      } else pages.text(JSON.stringify(fieldText(from, start, end)))
    }
    pages.text("}")
    pages.rowEnded()
  }
}

const mark = Buffer.from('"')

/** JSON writes it as it is: beyond ASCII too. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) return false
  }
  return true
}

/** What nothing changes is not touched. */
function csvRows(pages: Pages, mask: SubjectMask): PutRow {
  const times = columns.flatMap((column, at) => (kindOf(column) === "time" ? [at] : []))
  const opening: Record<string, Buffer> = {}
  return (bytes, ends) => {
    opening[mask.foundAs] ??= Buffer.from(mask.foundAs)
    const found = opening[mask.foundAs]
    if (found !== undefined) pages.put(found, 0, found.length)
    // With the comma before it.
    let from = ends[flags - 1] ?? 0
    const { changes } = mask
    let [nextTime, nextChange] = [0, 0]
    for (;;) {
      const time = times[nextTime] ?? columns.length
      const change = changes[nextChange]
      const at = Math.min(time, change?.at ?? columns.length)
      if (at === columns.length) break
      const [start, end] = [startOf(ends, at), endOf(ends, at)]
      pages.put(bytes, from, start)
      if (at === time) {
        putTime(bytes, start, end, pages)
        nextTime += 1
      } else {
        pages.put(mask.changed.bytes, change?.start ?? 0, change?.end ?? 0)
        nextChange += 1
      }
      from = end
    }
    pages.put(bytes, from, ends[flags + columns.length - 1] ?? 0)
    pages.endRow()
  }
}
