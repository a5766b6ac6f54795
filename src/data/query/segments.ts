// Divides time by the partitions of pgtrail.event, newest first, so that one statement opens one partition.
import type { ClientBase } from "pg"
import type { Order } from "./order.js"
import { isBoundSql, type Source, sourceOf } from "./source.js"
import type { Period } from "./time.js"

/**
 * Each partition's range, and each range between, before and after them, whose events are in the DEFAULT partition. A missing end is
 * unbounded: 'infinity' itself lies beyond every other time. A partition without a single page is left out: the months made in
 * advance would cost more than the answer. (On Citus the coordinator's own tables have no pages, so nothing is left out.)
 */
const ranges = `
with partition as (
  select regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \\((.*)\\) TO \\((.*)\\)$') as bound,
    pg_relation_size(c.oid) > 0 or to_regclass('pg_catalog.pg_dist_partition') is not null as is_used
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'pgtrail.event'::regclass
), ranged as (
  select p.is_used, tstzrange(
    case when p.bound[1] <> 'MINVALUE' then btrim(p.bound[1], '''')::timestamptz end,
    case when p.bound[2] <> 'MAXVALUE' then btrim(p.bound[2], '''')::timestamptz end) as range
  from partition p
  where p.bound is not null
), wanted as (
  select tstzrange($1::timestamptz, $2::timestamptz) as range
), segment as (
  select r.range * w.range as range
  from ranged r, wanted w
  where r.is_used
  union all
  select unnest(tstzmultirange(w.range) - coalesce((select range_agg(r.range) from ranged r), '{}'))
  from wanted w
  where exists (select from partition p where p.bound is null and p.is_used)
)
select lower(s.range) as since, upper(s.range) as until, ${isBoundSql} as is_bound
from segment s
where not isempty(s.range)
  and ($3::timestamptz is null or lower(s.range) is null or lower(s.range) <= $3)
  and ($4::timestamptz is null or upper(s.range) is null or upper(s.range) > $4)
order by lower(s.range) desc nulls last`

interface RangeRow {
  readonly since: string | null
  readonly until: string | null
  readonly is_bound: string
}

export interface Walk {
  readonly source: Source
  readonly segments: readonly Period[]
}

export interface WalkOptions {
  /** Newest first unless told. */
  readonly order?: Order | undefined
  /** Without the segments that lie before this time in that order. */
  readonly from?: string | undefined
}

/** The segments, and whether this role reads the table or the views: one statement tells both. */
export async function readWalk(
  client: ClientBase,
  period: Period,
  { order = "newest", from }: WalkOptions = {},
): Promise<Walk> {
  const bounds = [
    period.since,
    period.until,
    order === "newest" ? from : undefined,
    order === "oldest" ? from : undefined,
  ]
  const { rows } = await client.query<RangeRow>(
    ranges,
    bounds.map((bound) => bound ?? null),
  )
  const newestFirst = rows.map((row) => ({ since: row.since ?? undefined, until: row.until ?? undefined }))
  return {
    source: sourceOf(rows[0]?.is_bound),
    segments: order === "newest" ? newestFirst : newestFirst.reverse(),
  }
}

/** The statements ask pgtrail.event itself for a segment's period, so a partition that comes or goes meanwhile loses no event. */
export async function segments(client: ClientBase, period: Period): Promise<readonly Period[]> {
  return (await readWalk(client, period)).segments
}

/** The condition that holds an event `e` in a segment, with its parameters from `$first` on. An end that is missing is no bound. */
export function within({ since, until }: Period, first: number): { text: string; values: string[] } {
  const bounds = [
    ["e.occurred_at >=", since],
    ["e.occurred_at <", until],
  ] as const
  const values: string[] = []
  const text = ["true"]
  for (const [comparison, value] of bounds) {
    if (value === undefined) continue
    text.push(`${comparison} $${first + values.length}`)
    values.push(value)
  }
  return { text: text.join(" and "), values }
}
