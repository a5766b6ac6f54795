// The rows of COPY as they leave in any form but raw CSV: read whole, and written anew as lines of text.
import type { EventColumn } from "../event-columns.js"
import { kindOf, rowWriter, writeTime } from "../query/columns.js"
import { csvField, fieldsOf } from "./csv.js"
import { excelRow } from "./excel.js"
import type { Lanes, Spot } from "./lanes.js"
import type { Pages } from "./pages.js"
import type { Shape } from "./shape.js"
import { xmlClosing, xmlOpening, xmlWriter } from "./xml.js"

type Row = Record<string, string | null>

export interface Form {
  readonly opening: string
  readonly closing: string
  /** Of an event, with the end of the line; changes the row. */
  line(row: Row): string
}

export const schema = "pgtrail.event/1"

export function formOf({ format, isExcel, columns }: Shape): Form {
  const write = rowWriter(columns)
  if (isExcel) {
    const row = excelRow(columns)
    // The mark tells Excel that it is UTF-8.
    return { opening: `\ufeff${columns.join(",")}\r\n`, closing: "", line: (raw) => row(write(raw)) }
  }
  if (format === "ndjson") {
    const json = jsonRow(columns)
    return { opening: "", closing: "", line: (raw) => json(write(raw)) }
  }
  if (format === "xml") {
    const xml = xmlWriter(columns)
    return { opening: xmlOpening(schema, columns), closing: xmlClosing, line: (raw) => xml(write(raw)) }
  }
  return { opening: `${columns.join(",")}\n`, closing: "", line: csvRow(columns) }
}

/** As COPY: bytea with its `\x`, arrays as PostgreSQL writes them; times as everywhere here. */
function csvRow(columns: readonly EventColumn[]): (row: Row) => string {
  const isTime = columns.map((column) => kindOf(column) === "time")
  return (row) => {
    const fields = columns.map((column, at) => {
      const value = row[column] ?? null
      return csvField(isTime[at] ? writeTime(value) : value)
    })
    return `${fields.join(",")}\n`
  }
}

/** JSON of PostgreSQL's stands in the line as it is; it has no line ends. Its `null` is a document: a jsonb column that has none has no member. */
function jsonRow(columns: readonly EventColumn[]): (row: Readonly<Row>) => string {
  const kinds = columns.map(kindOf)
  return (row) => {
    let text = "{"
    for (const [at, column] of columns.entries()) {
      const value = row[column] ?? null
      if (value === null && kinds[at] === "json") continue
      const isRaw = value !== null && (kinds[at] === "json" || kinds[at] === "array")
      text += `${text === "{" ? "" : ","}"${column}":${isRaw ? value : JSON.stringify(value)}`
    }
    return `${text}}\n`
  }
}

const nowhere: Spot = { file: 0, line: 0 }

export function textRow(
  shape: Shape,
  lanes: Lanes,
  pages: Pages,
): (bytes: Buffer, start: number, end: number) => void {
  const { read } = shape
  const { line } = formOf(shape)
  return (bytes, start, end) => {
    const fields = fieldsOf(bytes.toString("utf8", start, end)) ?? []
    const row: Row = {}
    for (const [at, column] of read.entries()) row[column] = fields[at] ?? null
    const { organization_id: organization, lane, seq, previous_hash: previous, hash } = row
    const state = lanes.lane(`${lane}/${organization}`, () => [organization ?? "", lane ?? ""])
    lanes.add(state, Number.parseInt(seq ?? "0", 10), previous?.slice(2) ?? "", hash?.slice(2) ?? "", nowhere)
    pages.row(line(row))
  }
}
