// Writes the events of a subject in the form that was asked for, masked, and lists beside them what a human has to look at.
import { type EventColumn, eventColumns } from "../event-columns.js"
import { csvField } from "../export/csv.js"
import { Pages } from "../export/pages.js"
import { putTime } from "../export/raw-csv.js"
import { selected } from "../export/shape.js"
import { type Form, formOf } from "../export/text-row.js"
import { xmlOpening } from "../export/xml.js"
import { kindOf } from "../query/columns.js"
import { fieldText, flags } from "./export-field.js"
import { type MaskCounts, type MaskOptions, SubjectMask } from "./export-mask.js"

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
const columns = eventColumns.filter((column) => !withheld.includes(column))
/** As they stand in the files. */
export const subjectColumns: readonly string[] = ["found_as", ...columns]
export const eventSchema = "pgtrail.subject-event/1"

const names = { json: "events.json", csv: "events.csv", xml: "events.xml" } as const
export const reviewName = "review.csv"

export interface RowsOptions extends MaskOptions {
  /** Where the files are made. */
  readonly folder: string
  readonly format: SubjectFormat
}

export interface SubjectRows {
  readonly events: Pages
  readonly review: Pages
  readonly counts: MaskCounts
  /** Organizations that have an event here. */
  readonly organizations: ReadonlySet<string>
  /** Of the statement that reads what was found as `e`. */
  readonly select: string
  /** A row of that statement, as COPY wrote it. */
  write(bytes: Buffer, start: number, end: number): void
}

export function subjectRows(options: RowsOptions): SubjectRows {
  const { folder, format } = options
  const mask = new SubjectMask(columns, format === "csv" ? "array" : "json", options)
  const form = formOfSubject(format)
  const events = new Pages({ folder, name: () => names[format], ...form, split: undefined })
  const review = new Pages({
    folder,
    name: () => reviewName,
    opening: "organization_id,lane,seq,column\n",
    closing: "",
    split: undefined,
  })
  const ends = new Int32Array(flags + columns.length)
  const put = format === "csv" ? rawRows(events, mask, ends) : textRows(events, mask, ends, form.line)
  const place = (["organization_id", "lane", "seq"] as const).map((column) => columns.indexOf(column) + flags)
  const organizations = new Set<string>()
  let organization = ""
  return {
    events,
    review,
    counts: mask.counts,
    organizations,
    select: `e.as_actor, e.as_subject, e.mentioned, ${columns.map((column) => selectedOf(format, column)).join(", ")}`,
    write(bytes, start, end) {
      split(bytes, start, end, ends)
      const [whose = "", lane = "", seq = ""] = place.map((at) =>
        bytes.toString("utf8", (ends[at - 1] ?? 0) + 1, ends[at] ?? 0),
      )
      if (whose !== organization) {
        organization = whose
        organizations.add(fieldText(Buffer.from(whose), 0, Buffer.byteLength(whose)) ?? "")
      }
      mask.judge(bytes, start, ends)
      put(bytes, start)
      for (const column of mask.review) review.row(`${whose},${lane},${seq},${column}\n`)
    },
  }
}

function selectedOf(format: SubjectFormat, column: EventColumn): string {
  const isPlain = format === "csv" || kindOf(column) !== "array"
  return isPlain ? `e.${column}` : selected({ format: "ndjson", excluded: [] }, column, "e.")
}

/** Where each field ends: a comma between quotes belongs to a value. */
function split(bytes: Buffer, start: number, end: number, ends: Int32Array): void {
  let field = 0
  let isQuoted = false
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte === 0x22) isQuoted = !isQuoted
    else if (byte === 0x2c && !isQuoted) ends[field++] = at
  }
  ends[field] = end
}

function formOfSubject(format: SubjectFormat): Form {
  if (format === "csv") return { opening: `${subjectColumns.join(",")}\n`, closing: "", line: () => "" }
  const { closing, line } = formOf({ ...shape, format: format === "json" ? "ndjson" : "xml" })
  if (format === "xml") {
    const written = (row: Row): string =>
      line(row).replace("<event>", `<event><found_as>${row.found_as}</found_as>`)
    return { opening: xmlOpening(eventSchema, subjectColumns), closing, line: written }
  }
  let isFirst = true
  return {
    opening: `{"schema":"${eventSchema}","events":[`,
    closing: "\n]}\n",
    line(row) {
      const text = `${isFirst ? "" : ","}\n{"found_as":"${row.found_as}",${line(row).slice(1, -1)}`
      isFirst = false
      return text
    },
  }
}

type Row = Record<string, string | null>

const shape = { isExcel: false, columns, read: columns, excluded: [], isWhole: false } as const

function textRows(
  pages: Pages,
  mask: SubjectMask,
  ends: Int32Array,
  line: (row: Row) => string,
): (bytes: Buffer, start: number) => void {
  return (bytes) => {
    const row: Row = { found_as: mask.foundAs }
    for (const [at, column] of columns.entries()) {
      row[column] = fieldText(bytes, (ends[at + flags - 1] ?? 0) + 1, ends[at + flags] ?? 0)
    }
    for (const { at, text } of mask.changes) row[columns[at] ?? ""] = text
    pages.row(line(row))
  }
}

/** What nothing changes is not touched. */
function rawRows(pages: Pages, mask: SubjectMask, ends: Int32Array): (bytes: Buffer, start: number) => void {
  const times = columns.flatMap((column, at) => (kindOf(column) === "time" ? [at] : []))
  const text = (written: string): void => {
    const now = Buffer.from(written)
    pages.put(now, 0, now.length)
  }
  const opening: Record<string, Buffer> = {}
  return (bytes) => {
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
      const [start, end] = [(ends[at + flags - 1] ?? 0) + 1, ends[at + flags] ?? 0]
      pages.put(bytes, from, start)
      if (at === time) {
        putTime(bytes, start, end, pages)
        nextTime += 1
      } else {
        text(csvField(change?.text ?? null))
        nextChange += 1
      }
      from = end
    }
    pages.put(bytes, from, ends[flags + columns.length - 1] ?? 0)
    pages.endRow()
  }
}
