// Where events are read: the table, or the views of a reader of some organizations alone.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"

export interface Source {
  /** Of the schema pgtrail. */
  readonly events: "event" | "open_event" | "organization_event"
  readonly heads: "chain_head" | "organization_head"
  /** A barrier is between the reader and the table: what may not pass it meets no index. */
  readonly isBound: boolean
}

export const wholeLog: Source = { events: "event", heads: "chain_head", isBound: false }
/** Without what restrictions hide (Article 18): for all but pgtrail_privacy, as soon as there is one. No barrier, so it is asked as the table is. */
export const openEvents: Source = { events: "open_event", heads: "chain_head", isBound: false }
export const boundViews: Source = {
  events: "organization_event",
  heads: "organization_head",
  isBound: true,
}

const restrictions = "to_regclass('pgtrail.subject_restriction')"

/**
 * An expression that is `t` for whoever may not read the table and may read the view, and `r` for whom restrictions hide events: a column of
 * some statement that is run anyway. A role that may read neither is told so by the server, of the table. Who is restricted a reader may not
 * know: that the table has pages says that somebody may be, and the view then says whose events are hidden. Its owner alone may truncate it.
 */
export const isBoundSql = `(select case
    when not coalesce(has_table_privilege(to_regclass('pgtrail.event'), 'select'), false)
      and coalesce(has_table_privilege(to_regclass('pgtrail.organization_event'), 'select'), false) then 't'
    when pg_relation_size(${restrictions}) > 0 and not has_table_privilege(${restrictions}, 'truncate')
      and not coalesce(pg_has_role(to_regrole('pgtrail_privacy'), 'usage'), false) then 'r'
    else 'f' end)`

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
  isBound === "t" ? boundViews : isBound === "r" ? openEvents : wholeLog

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
