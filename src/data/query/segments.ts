// Divides time by the partitions of pgtrail.event, newest first.
import type { ClientBase } from "pg"
import type { Order } from "./order.js"
import { type Cells, readRows } from "./rows.js"
import { isBoundSql, type Source, sourceOf } from "./source.js"
import type { Period } from "./time.js"

const since = "greatest($1::timestamptz, $4::timestamptz)"
/** A last moment that belongs to it too, where there is one after it. */
const until = `least($2::timestamptz, case when isfinite($3::timestamptz) and $3::timestamptz < '294276-12-31 23:59Z' then $3::timestamptz + interval '1 microsecond' end)`

/** As the catalog knows them, since VACUUM or ANALYZE last looked, so that a plan which was made before is made anew. */
const settledPages = 32

/**
 * Each partition's range, newest first, as far as it is wanted. A missing end is unbounded: 'infinity' itself lies beyond every other time. A
 * partition without a single page is not used: the months made in advance would cost more than the answer. (On Citus the coordinator's
 * own tables have no pages, so all are.) The bounds are written without the name of the table, and pages that the catalog knows of
 * are not counted: either would open the partition. Each is looked up by itself: to join them the server reads the whole of pg_class.
 */
const ranges = `
select p.is_default, p.is_used, greatest(p.since, ${since}) as since, least(p.until, ${until}) as until,
  ${since} as wanted_since, ${until} as wanted_until, coalesce(${since} >= ${until}, false) as is_empty,
  p.is_settled, ${isBoundSql} as is_bound
from (
  select c.is_used, c.is_settled, c.bound = 'DEFAULT' as is_default,
    nullif(nullif(btrim(split_part(split_part(c.bound, ' FROM (', 2), ') TO (', 1), ''''), ''), 'MINVALUE')::timestamptz as since,
    nullif(nullif(btrim(split_part(c.bound, ') TO (', 2), ''')'), ''), 'MAXVALUE')::timestamptz as until
  from (
    select pg_get_expr(k.relpartbound, 0) as bound, k.relpages >= ${settledPages} as is_settled,
      k.relpages > 0 or pg_relation_size(k.oid) > 0 or to_regclass('pg_catalog.pg_dist_partition') is not null as is_used
    from pg_inherits i, lateral (
      select k.oid, k.relpages, k.relpartbound from pg_class k where k.oid = i.inhrelid and k.relpartbound is not null offset 0
    ) k
    where i.inhparent = 'pgtrail.event'::regclass
    offset 0
  ) c
  offset 0
) p
where p.is_default
  or (p.since is null or ${until} is null or p.since < ${until}) and (p.until is null or ${since} is null or p.until > ${since})
order by p.since desc nulls last`

/** A partition's range, or a range between, before or after partitions, whose events are in the DEFAULT partition. */
export interface Segment extends Period {
  readonly isDefault: boolean
  /**
   * Has the ends of partitions, and so many pages that no plan reads it from end to end for a few events: a plan that is made now is good for
   * others who ask, and when it has more.
   */
  readonly isSettled: boolean
}

export interface Walk {
  readonly source: Source
  readonly segments: readonly Segment[]
}

export interface WalkOptions {
  /** Newest first unless told. */
  readonly order?: Order | undefined
  /** Without what lies before this time in that order, where that can be told. */
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
  const { rows } = await readRows(client, ranges, bounds, 9, { kept: true })
  const newestFirst = divided(rows)
  return {
    source: sourceOf(rows[0]?.at(-1)),
    segments: order === "newest" ? newestFirst : newestFirst.reverse(),
  }
}

/** Ends are compared as text: the server wrote all of them alike. */
function divided(rows: readonly Cells[]): Segment[] {
  const [first] = rows
  if (first === undefined) return []
  const [, , , , wantedSince = null, wantedUntil = null, isEmpty] = first
  if (isEmpty === "t") return []
  const default_ = rows.find(([isDefault, isUsed]) => isDefault === "t" && isUsed === "t")
  const partitions = rows.filter(([isDefault]) => isDefault !== "t")
  const found: Segment[] = []
  const add = (row: Cells, from: string | null, to: string | null): void => {
    const isCut = (from !== null && from === wantedSince) || (to !== null && to === wantedUntil)
    const [isDefault, isSettled] = [row[0] === "t", row[7] === "t" && !isCut]
    found.push({ isDefault, isSettled, since: from ?? undefined, until: to ?? undefined })
  }
  let end = wantedUntil
  for (const row of partitions) {
    const [, isUsed, from = null, to = null] = row
    if (default_ !== undefined && to !== end) add(default_, to, end)
    if (isUsed === "t") add(row, from, to)
    end = from
  }
  if (default_ !== undefined && (partitions.length === 0 || end !== wantedSince)) {
    add(default_, wantedSince, end)
  }
  return found
}

/** The statements ask pgtrail.event itself for a segment's period, so a partition that comes or goes meanwhile loses no event. */
export async function segments(client: ClientBase, period: Period): Promise<readonly Segment[]> {
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

/** The same with the ends in the text, for a statement that the server keeps: they must be the server's own words for the ends of partitions. */
export function withinText(period: Period): string {
  const { text, values } = within(period, 1)
  return text.replace(/\$(\d+)/g, (_, number) => quotedEnd(values[Number(number) - 1] ?? ""))
}

export const quotedEnd = (time: string): string => `'${time.replaceAll("'", "''")}'`
