// Where events are read: the table, or the views of a reader of some organizations alone.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"

export interface Source {
  /** Of the schema pgtrail. */
  readonly events: "event" | "organization_event"
  readonly heads: "chain_head" | "organization_head"
  /** A barrier is between the reader and the table: what may not pass it meets no index. */
  readonly isBound: boolean
}

export const wholeLog: Source = { events: "event", heads: "chain_head", isBound: false }
export const boundViews: Source = {
  events: "organization_event",
  heads: "organization_head",
  isBound: true,
}

/**
 * An expression that is true for whoever may not read the table and may read the view: a column of some statement that is run anyway. A
 * role that may read neither is told so by the server, of the table.
 */
export const isBoundSql = `(select not coalesce(has_table_privilege(to_regclass('pgtrail.event'), 'select'), false)
  and coalesce(has_table_privilege(to_regclass('pgtrail.organization_event'), 'select'), false))`

/** The planner's statistics are of all organizations: what it says of one tells of the others. */
export function refuseBound({ isBound }: Source, what: string): void {
  if (!isBound) return
  throw new TrailError(
    "privilege",
    `${what} is made from the statistics of all organizations, and this role reads some alone`,
    {
      hint: "pgtrail query --count",
    },
  )
}

export const sourceOf = (isBound: string | null | undefined): Source =>
  isBound === "t" ? boundViews : wholeLog

export async function readSource(client: ClientBase): Promise<Source> {
  const { rows } = await client.query<{ is_bound: string }>(`select ${isBoundSql} as is_bound`)
  return sourceOf(rows[0]?.is_bound)
}

/**
 * Prepares a session for pages of a view, and tells the one organization that it shows, if it is one: named in a condition it lets the
 * indexes give the order. The planner would sort all that fits instead, because behind a barrier it does not know that a page is asked.
 */
export async function prepareBound(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    "select distinct h.organization_id as name from pgtrail.organization_head h where h.seq = 0 limit 2",
  )
  // Where a sort is needed all the same, what it is said to cost must not bring the compiler in.
  await client.query("set enable_sort = off; set jit = off")
  return rows.length === 1 ? rows[0]?.name : undefined
}
