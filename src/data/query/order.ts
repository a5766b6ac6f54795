// The two orders in which events are read, and where in them one statement goes on after another.
import { asc, desc, type SQL, sql } from "drizzle-orm"
import type { EventTable } from "./filter.js"

export type Order = "newest" | "oldest"

/** The last event that was read: the next statement goes on after it. */
export type Position = Readonly<Record<(typeof positionColumns)[number], string>>
export const positionColumns = ["occurred_at", "organization_id", "lane", "seq"] as const

export function orderBy(event: EventTable, order: Order): SQL[] {
  return order === "newest"
    ? [desc(event.occurred_at), asc(event.organization_id), asc(event.lane), desc(event.seq)]
    : [asc(event.occurred_at), asc(event.organization_id), asc(event.lane), asc(event.seq)]
}

/** What comes after a position, as placeholders. The first comparison is the index's, the others are for events of the same moment. */
export function after(event: EventTable, order: Order): SQL {
  const [time, organization, lane, seq] = positionColumns.map((column) => sql.placeholder(column))
  const [further, before] = order === "newest" ? [sql`<`, sql`<=`] : [sql`>`, sql`>=`]
  return sql`${event.occurred_at} ${before} ${time} and (${event.occurred_at} ${further} ${time}
    or (${event.organization_id}, ${event.lane}) > (${organization}, ${lane})
    or ${event.organization_id} = ${organization} and ${event.lane} = ${lane} and ${event.seq} ${further} ${seq})`
}
