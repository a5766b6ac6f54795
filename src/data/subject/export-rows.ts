// Writes the events of a subject in the form that was asked for, masked, and lists beside them what a human has to look at.
import type { EventColumn } from "../event-columns.js"
import { Pages } from "../export/pages.js"
import { selected } from "../export/shape.js"
import { kindOf } from "../query/columns.js"
import type { VisitFields } from "./export-cut.js"
import { fieldText, flags, isSame } from "./export-field.js"
import { columns, formOfSubject, type SubjectFormat } from "./export-forms.js"
import { type MaskCounts, type MaskOptions, SubjectMask } from "./export-mask.js"
import type { ActorSums } from "./shared-address.js"

export { type SubjectFormat, subjectColumns, subjectFormats } from "./export-forms.js"

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
  readonly actors: ActorSums
  /** Organizations that have an event here. */
  readonly organizations: ReadonlySet<string>
  /** Of the statement that reads what was found as `e`. */
  readonly select: string
  /** Of a row of that statement. */
  readonly fields: number
  /** A row of that statement, as COPY wrote it. */
  readonly write: VisitFields
}

export function subjectRows(options: RowsOptions): SubjectRows {
  const { folder, format } = options
  const mask = new SubjectMask(columns, format === "csv" ? "array" : "json", options)
  const form = formOfSubject(format)
  const events = new Pages({
    folder,
    name: () => names[format],
    opening: form.opening,
    closing: form.closing,
    split: undefined,
  })
  const review = new Pages({
    folder,
    name: () => reviewName,
    opening: "organization_id,lane,seq,column\n",
    closing: "",
    split: undefined,
  })
  const put = form.rows(events, mask)
  const organizationAt = columns.indexOf("organization_id") + flags
  const [laneAt, seqAt] = [columns.indexOf("lane") + flags, columns.indexOf("seq") + flags]
  const organizations = new Set<string>()
  // As text only what was not seen just now: an event mostly has another organization than the one before, and a log few of them.
  const none = Buffer.alloc(0)
  const known = new Array<Buffer>(64).fill(none)
  return {
    events,
    review,
    counts: mask.counts,
    actors: mask.actors,
    organizations,
    select: `e.as_actor, e.as_subject, e.mentioned, ${columns.map((column) => selectedOf(format, column)).join(", ")}`,
    fields: flags + columns.length,
    write(bytes, start, ends) {
      const [from, to] = [(ends[organizationAt - 1] ?? 0) + 1, ends[organizationAt] ?? 0]
      const slot = ((bytes[to - 1] ?? 0) + 11 * (bytes[to - 2] ?? 0)) % known.length
      if (!isSame(known[slot] ?? none, bytes, from, to)) {
        known[slot] = Buffer.from(bytes.subarray(from, to))
        organizations.add(fieldText(bytes, from, to) ?? "")
      }
      mask.judge(bytes, start, ends)
      put(bytes, ends)
      for (const column of mask.review) {
        review.put(bytes, from, to)
        // With the comma before each.
        review.put(bytes, ends[laneAt - 1] ?? 0, ends[laneAt] ?? 0)
        review.put(bytes, ends[seqAt - 1] ?? 0, ends[seqAt] ?? 0)
        review.row(`,${column}\n`)
      }
    },
  }
}

function selectedOf(format: SubjectFormat, column: EventColumn): string {
  const isPlain = format === "csv" || kindOf(column) !== "array"
  return isPlain ? `e.${column}` : selected({ format: "ndjson", excluded: [] }, column, "e.")
}
