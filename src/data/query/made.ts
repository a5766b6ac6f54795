// Columns that are put together from columns of the event, for people: where it stands, and what it was done to.
import { type EventColumn, isEventColumn } from "../event-columns.js"
import type { EventRow } from "./columns.js"

interface Made {
  readonly from: readonly EventColumn[]
  of(row: EventRow): string | null
}

const made: Readonly<Record<string, Made>> = {
  resource: { from: ["resource_type", "resource_id"], of: writeResource },
  event: { from: ["organization_id", "lane", "seq"], of: writePlace },
}

export const madeColumns: readonly string[] = Object.keys(made)

/** The columns to be read for these. */
export function needed(columns: readonly string[]): EventColumn[] {
  const names = columns.flatMap((name) => made[name]?.from ?? (isEventColumn(name) ? [name] : []))
  return names.length === 0 ? ["id"] : [...new Set(names)]
}

/** Adds to a row those of the columns that are put together. */
export function maker(columns: readonly string[]): (row: EventRow) => EventRow {
  const added = columns.flatMap((name) => (made[name] === undefined ? [] : [[name, made[name].of] as const]))
  if (added.length === 0) return (row) => row
  return (row) => ({ ...row, ...Object.fromEntries(added.map(([name, of]) => [name, of(row)])) })
}

/** ORG/LANE/SEQ, which `pgtrail show` takes. */
export function writePlace(row: EventRow): string {
  return `${row.organization_id}/${row.lane}/${row.seq}`
}

function writeResource({ resource_type: type = null, resource_id: id = null }: EventRow): string | null {
  return id === null ? type : `${type ?? ""}/${id}`
}
