// Compares two texts of one event, column by column, by their canonical bytes: the same time in another zone is no difference.
import { encode } from "../binary.js"
import { contentFields, identityFields, type TextRow } from "../canonical.js"
import { type EventColumn, eventColumns, eventTypes } from "../event-columns.js"

/** Which part of an event a column belongs to. */
export type Group = "identity" | "content" | "frame" | "chain"

export interface Difference {
  readonly column: EventColumn
  readonly group: Group
  /** As it was recorded. Undefined where only the column is known. */
  readonly original: string | null
  readonly present: string | null
}

const chain: ReadonlySet<string> = new Set([
  "organization_id",
  "lane",
  "seq",
  "previous_hash",
  "hash",
  "hash_version",
])
const identity = new Set<string>([
  ...identityFields.map(([column]) => column),
  "identity_salt",
  "identity_digest",
])
const content = new Set<string>([
  ...contentFields.map(([column]) => column),
  "content_salt",
  "content_digest",
])

export function groupOf(column: EventColumn): Group {
  if (chain.has(column)) return "chain"
  if (identity.has(column)) return "identity"
  return content.has(column) ? "content" : "frame"
}

export function differences(original: TextRow, present: TextRow): Difference[] {
  return eventColumns
    .filter((column) => !isSame(column, original[column] ?? null, present[column] ?? null))
    .map((column) => ({
      column,
      group: groupOf(column),
      original: original[column] ?? null,
      present: present[column] ?? null,
    }))
}

function isSame(column: EventColumn, a: string | null, b: string | null): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  try {
    return encode(eventTypes[column], a).equals(encode(eventTypes[column], b))
  } catch {
    return false
  }
}

/** The groups of differences, each once, in the order of the hash. */
export function groupsOf(list: readonly Difference[]): Group[] {
  const order: readonly Group[] = ["identity", "content", "frame", "chain"]
  return order.filter((group) => list.some((difference) => difference.group === group))
}
