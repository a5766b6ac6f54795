// What of an organization is left to be purged: its places, and the partitions that have them.
import type { ClientBase } from "pg"
import { withTransaction } from "../connection.js"
import { detachedPartitions } from "../verify/detached.js"
import { holdPartition } from "../verify/partitions.js"
import { goneTable } from "./gone.js"

/** Places of a lane that are left, from the first to the last. */
export interface Left {
  readonly lane: string
  readonly first: bigint
  readonly last: bigint
}

/** What one act purges of a lane. */
export interface Window extends Left {
  /** Hash that the last event must have, `\x` hex; null for any. */
  readonly hash: string | null
  /** How many places of it are left: between them may be some that were purged before. */
  readonly places: bigint
}

export interface LaneHead {
  readonly lane: string
  readonly seq: string
  /** `\x` hex. */
  readonly hash: string
}

/** The newest head of each lane. */
export async function laneHeads(client: ClientBase, organization: string): Promise<LaneHead[]> {
  const { rows } = await client.query<LaneHead>(
    `select distinct on (h.lane) h.lane, h.seq, h.hash from pgtrail.chain_head h
     where h.organization_id = $1 order by h.lane, h.seq desc`,
    [organization],
  )
  return rows
}

/** What is left up to the heads, lane by lane, in the order of places. */
export async function leftUpTo(
  client: ClientBase,
  organization: string,
  heads: readonly LaneHead[],
): Promise<Left[]> {
  const { rows } = await client.query<{ lane: string; first: string; last: string }>(
    `select h.lane, lower(r) as first, upper(r) - 1 as last
     from unnest($2::smallint[], $3::bigint[]) h (lane, seq),
       unnest(int8multirange(int8range(1, h.seq, '[]')) - coalesce((
         select range_agg(g) from ${goneTable} p, unnest(p.ranges) g
         where p.organization_id = $1 and p.lane = h.lane), '{}')) r
     where h.seq > 0
     order by h.lane, 2`,
    [organization, heads.map((head) => head.lane), heads.map((head) => head.seq)],
  )
  return rows.map(({ lane, first, last }) => ({ lane, first: BigInt(first), last: BigInt(last) }))
}

export const countOf = (left: readonly Left[]): bigint =>
  left.reduce((sum, { first, last }) => sum + last - first + 1n, 0n)

export const placesOf = (windows: readonly Window[]): bigint =>
  windows.reduce((sum, { places }) => sum + places, 0n)

/** The windows of each act: at most `most` places that are left, `all` in all of them, each lane once. */
export function* batches(
  left: readonly Left[],
  heads: readonly LaneHead[],
  most: bigint,
  all: bigint = countOf(left),
): Generator<Window[]> {
  const hashes = new Map(heads.map(({ lane, seq, hash }) => [`${lane}/${seq}`, hash]))
  let windows: Window[] = []
  let rest = all
  let room = least(most, rest)
  for (const { lane, first, last } of left) {
    for (let next = first; next <= last && room > 0n; ) {
      const end = last - next < room ? last : next + room - 1n
      const hash = hashes.get(`${lane}/${end}`) ?? null
      const places = end - next + 1n
      const open = windows.at(-1)
      if (open?.lane !== lane) windows.push({ lane, first: next, last: end, hash, places })
      else windows[windows.length - 1] = { ...open, last: end, hash, places: open.places + places }
      room -= places
      rest -= places
      next = end + 1n
      if (room > 0n) continue
      yield windows
      windows = []
      room = least(most, rest)
    }
  }
  if (windows.length > 0) yield windows
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** A partition that has events of the organization. */
export interface Home {
  readonly oid: string
  /** Quoted and qualified by the server. */
  readonly name: string
  /** Of each lane the first and the last place. */
  readonly lanes: ReadonlyMap<string, readonly [least: bigint, most: bigint]>
}

/** By the primary key of each partition, from lane to lane, each in a short transaction. */
export async function homes(client: ClientBase, organization: string): Promise<Home[]> {
  const found: Home[] = []
  for (const { oid, name } of await partitionNames(client)) {
    await client.query("begin read only")
    if (!(await holdPartition(client, name))) continue
    const { rows } = await client.query<{ lane: string; least: string; most: string }>(
      `with recursive place as (
         (select e.lane from only ${name} e where e.organization_id = $1 order by e.organization_id, e.lane limit 1)
         union all
         select n.lane from place p, lateral (
           select e.lane from only ${name} e where e.organization_id = $1 and e.lane > p.lane
           order by e.organization_id, e.lane limit 1) n
       )
       select p.lane,
         (select e.seq from only ${name} e where e.organization_id = $1 and e.lane = p.lane order by e.seq limit 1) as least,
         (select e.seq from only ${name} e where e.organization_id = $1 and e.lane = p.lane order by e.seq desc limit 1) as most
       from place p`,
      [organization],
    )
    await client.query("commit")
    if (rows.length === 0) continue
    const lanes = new Map(rows.map(({ lane, least, most }) => [lane, [BigInt(least), BigInt(most)] as const]))
    found.push({ oid, name, lanes })
  }
  return found
}

/** Those that may have an event of the windows. */
export function homesOf(all: readonly Home[], windows: readonly Window[]): Home[] {
  return all.filter(({ lanes }) =>
    windows.some(({ lane, first, last }) => {
      const [least, most] = lanes.get(lane) ?? [1n, 0n]
      return least <= last && first <= most
    }),
  )
}

export interface HomeSize {
  readonly name: string
  readonly events: string
  /** Of the table and its indexes, as a share of its rows. */
  readonly bytes: string
  readonly oldest: string
  readonly newest: string
}

/** How much of a partition is the organization's; null where it has nothing, or is gone. */
export function sizeOf(
  client: ClientBase,
  organization: string,
  { oid, name }: Home,
): Promise<HomeSize | null> {
  return withTransaction(client, "begin read only", async () => {
    const { rows } = await client.query<HomeSize>(
      `select e.events, e.oldest, e.newest,
         round(pg_total_relation_size($2::oid) * e.events / greatest(c.reltuples, e.events, 1)::numeric)::bigint as bytes
       from (select count(*) as events, min(e.occurred_at) as oldest, max(e.occurred_at) as newest
             from only ${name} e where e.organization_id = $1) e, pg_class c
       where c.oid = $2::oid and e.events > 0`,
      [organization, oid],
    )
    const [size] = rows
    return size === undefined ? null : { ...size, name }
  })
}

async function partitionNames(client: ClientBase): Promise<{ oid: string; name: string }[]> {
  const { rows } = await client.query<{ oid: string; name: string }>(
    `select c.oid, format('%I.%I', n.nspname, c.relname) as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = 'pgtrail.event'::regclass order by c.relname`,
  )
  return [...rows, ...(await detachedPartitions(client))]
}
