// How many events each organization has appended: from the heads, which tell it without counting.
import type { ClientBase } from "pg"
import type { Sources } from "./sources.js"

export interface OrganizationHeads {
  readonly organization_id: string
  readonly lanes: string
  /** Appended ever: a lane's newest seq is the number of its events, purged ones too. */
  readonly events: string
}

/** Jumps from lane to lane in the index: each has up to 128 heads, of which one counts. */
const fromTable = `with recursive lane as (
    (select organization_id, lane from pgtrail.chain_head order by organization_id, lane limit 1)
    union all
    select n.organization_id, n.lane from lane l, lateral (
      select h.organization_id, h.lane from pgtrail.chain_head h
      where (h.organization_id, h.lane) > (l.organization_id, l.lane) order by h.organization_id, h.lane limit 1) n
  ), head as (
    select l.organization_id, l.lane, (
      select max(h.seq) from pgtrail.chain_head h where h.organization_id = l.organization_id and h.lane = l.lane) as seq
    from lane l
  )`
/** The barrier of a view lets no such jump through; a bound reader has few. */
const fromView = `with head as (
    select h.organization_id, h.lane, max(h.seq) as seq from pgtrail.organization_head h group by 1, 2
  )`

/** With the most events first. */
export async function organizationHeads(
  client: ClientBase,
  heads: NonNullable<Sources["heads"]>,
): Promise<OrganizationHeads[]> {
  const { rows } = await client.query<OrganizationHeads>(
    `${heads === "pgtrail.chain_head" ? fromTable : fromView}
     select h.organization_id, count(*) as lanes, sum(h.seq) as events from head h
     group by h.organization_id order by sum(h.seq) desc, h.organization_id`,
  )
  return rows
}
