// How far each lane has come: the newest heads, on one snapshot. Within a lane events become visible in the order of seq, without a gap, because
// the lane's lock is held to the commit: what is new is all that lies between two readings.
import type { ClientBase } from "pg"
import type { Source } from "../query/source.js"

export interface LaneHead {
  readonly organization: string
  readonly lane: string
  readonly seq: bigint
  /** `\x` hex. */
  readonly hash: string
}

/** Of an organization, which may have any character but NUL, and a lane. */
export const laneKey = (organization: string, lane: string): string => `${lane}/${organization}`

/** From lane to lane in the index: each has up to 128 heads, of which one counts. */
const ofAll = `with recursive lane as (
    (select organization_id, lane from pgtrail.chain_head order by organization_id, lane limit 1)
    union all
    select n.organization_id, n.lane from lane l, lateral (
      select h.organization_id, h.lane from pgtrail.chain_head h
      where (h.organization_id, h.lane) > (l.organization_id, l.lane) order by h.organization_id, h.lane limit 1) n
  )
  select l.organization_id, l.lane, h.seq, h.hash from lane l, lateral (
    select h.seq, h.hash from pgtrail.chain_head h
    where h.organization_id = l.organization_id and h.lane = l.lane order by h.seq desc limit 1) h`
const ofSome = `select o.name as organization_id, l.lane, h.seq, h.hash
  from unnest($1::text[]) o (name), lateral (
    with recursive lane as (
      (select h.lane from pgtrail.chain_head h where h.organization_id = o.name collate "C" order by h.lane limit 1)
      union all
      select n.lane from lane l, lateral (
        select h.lane from pgtrail.chain_head h
        where h.organization_id = o.name collate "C" and h.lane > l.lane order by h.lane limit 1) n
    )
    select lane from lane
  ) l, lateral (
    select h.seq, h.hash from pgtrail.chain_head h
    where h.organization_id = o.name collate "C" and h.lane = l.lane order by h.seq desc limit 1) h`
/** The barrier of a view lets no such jump through; a bound reader has few. */
const ofBound = `select distinct on (h.organization_id, h.lane) h.organization_id, h.lane, h.seq, h.hash
  from pgtrail.organization_head h where $1::text[] is null or h.organization_id = any($1)
  order by h.organization_id, h.lane, h.seq desc`

/** By key; of these organizations alone where some are named. */
export async function newestHeads(
  client: ClientBase,
  { isBound }: Source,
  organizations: readonly string[] | undefined,
): Promise<Map<string, LaneHead>> {
  const text = isBound ? ofBound : organizations === undefined ? ofAll : ofSome
  const values = isBound ? [organizations ?? null] : organizations === undefined ? [] : [organizations]
  const { rows } = await client.query<Record<"organization_id" | "lane" | "seq" | "hash", string>>(
    text,
    values,
  )
  return new Map(
    rows.map(({ organization_id: organization, lane, seq, hash }) => [
      laneKey(organization, lane),
      { organization, lane, seq: BigInt(seq), hash },
    ]),
  )
}

/**
 * Changes with every commit that could have appended something, and costs nothing: on a primary the transactions that are under way and the
 * newest that is over; on a standby, whose snapshots do not list them, how far it has replayed.
 */
const mark = `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text else pg_current_snapshot()::text end as mark`

/** A statement that is prepared once: asked three times a second. */
export async function commitMark(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ mark: string }>({ name: "pgtrail_mark", text: mark, values: [] })
  return rows[0]?.mark ?? ""
}
