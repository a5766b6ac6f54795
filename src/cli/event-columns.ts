// The columns of a report of events: which are printed, in which form of the answer, and how.
import { eventColumns, isEventColumn } from "../data/event-columns.js"
import { kindOf } from "../data/query/columns.js"
import { madeColumns } from "../data/query/made.js"
import type { Column } from "./command.js"
import type { Session } from "./session.js"

/** What people see who asked for nothing else: `event` is what `pgtrail show` takes. */
const tableColumns: readonly string[] = [
  "occurred_at",
  "event_type",
  "actor_id",
  "resource",
  "outcome",
  "severity",
  "event",
]

/** The same of the form that has a line for each: what stands last is cut to the terminal. */
const shortColumns: readonly string[] = [
  "occurred_at",
  "severity",
  "event_type",
  "actor_id",
  "resource",
  "outcome",
  "description",
]

const kinds = {
  text: "text",
  number: "number",
  json: "json",
  array: "json",
  time: "text",
  bytes: "text",
} as const

/** Those that this run prints; `needed` (src/data/query/made.ts) tells what must be read for them. */
export function printedColumns({ fields, format }: Pick<Session, "fields" | "format">): readonly string[] {
  if (fields !== undefined) return fields
  return format === "table" ? tableColumns : format === "short" ? shortColumns : eventColumns
}

/** Those that are printed, in their order, and the others for who names them. */
export function reportColumns(printed: readonly string[]): Column[] {
  const names = [...new Set([...printed, ...eventColumns, ...madeColumns])].filter(
    (name) => isEventColumn(name) || madeColumns.includes(name),
  )
  return names.map((name) => ({
    name,
    kind: isEventColumn(name) ? kinds[kindOf(name)] : "text",
    onRequest: !printed.includes(name),
  }))
}
