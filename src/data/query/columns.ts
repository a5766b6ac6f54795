// The columns of an event and how each is written for people and programs: text as Postgres sent it, times in UTC with six digits.
import type { SqlType } from "../binary.js"
import { type EventColumn, eventTypes } from "../event-columns.js"

/** "number" is written as text like the others, but stands to the right in a table. */
export type EventColumnKind = "text" | "number" | "json" | "array" | "time" | "bytes"

const kindOfType = {
  bigint: "number",
  bytea: "bytes",
  inet: "text",
  int: "number",
  jsonb: "json",
  smallint: "number",
  text: "text",
  "text[]": "array",
  timestamptz: "time",
  uuid: "text",
} as const satisfies Record<SqlType, EventColumnKind>

export function kindOf(column: EventColumn): EventColumnKind {
  return kindOfType[eventTypes[column]]
}

/** An event, or the columns of it that were asked for. */
export type EventRow = Readonly<Record<string, string | null>>

/** Turns Postgres' text of the columns that have another form here, in place: a copy of each row would cost a tenth of an export. */
export function rowWriter(columns: readonly EventColumn[]): (row: Record<string, string | null>) => EventRow {
  const times = columns.filter((column) => kindOf(column) === "time")
  const bytes = columns.filter((column) => kindOf(column) === "bytes")
  return (row) => {
    for (const column of times) row[column] = writeTime(row[column] ?? null)
    for (const column of bytes) row[column] = row[column]?.slice(2) ?? null
    return row
  }
}

const finite = /^(\d{4,})-(\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00( BC)?$/

/** `2026-07-10T12:00:00.500000Z`; before the common era with ` BC` behind; `infinity` stays. Postgres reads each of them back. */
export function writeTime(postgres: string): string
export function writeTime(postgres: string | null): string | null
export function writeTime(postgres: string | null): string | null {
  const parts = postgres === null ? null : finite.exec(postgres)
  if (parts === null) return postgres
  const [, year, day, clock, fraction = "", era = ""] = parts
  return `${year}-${day}T${clock}.${fraction.padEnd(6, "0")}Z${era}`
}
