// Which ranges of time shall have a partition: those that somebody names, and those that are due. The server computes them, in UTC.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { readCover } from "./cover.js"

export interface Range {
  readonly name: string
  readonly since: string
  readonly until: string
  /** What DEFAULT holds of it. */
  readonly events: string
}

/** Why events stay in DEFAULT. */
export type Reason = "no-partition" | "older" | "beyond" | "detached" | "overlap"

export interface Left {
  /** Null where no partition could have these times: year 1, infinity. */
  readonly name: string | null
  readonly events: string
  readonly oldest: string
  readonly newest: string
  readonly reason: Reason
}

export interface Due {
  readonly due: readonly Range[]
  readonly left: readonly Left[]
  /** Partitions that have rows and no statistics. */
  readonly unanalyzed: readonly string[]
  /** What maintain makes nothing before: the oldest time that a rule of retention keeps. */
  readonly keptSince: string
  readonly ahead: string
}

/** More would be a slip: 20 years of months. */
const most = 240

type DueRow = Record<
  "name" | "since" | "until" | "events" | "oldest" | "newest" | "verdict" | "kept_since" | "ahead",
  string | null
>

/** `stray`: a query for what DEFAULT holds, as pgtrail.default_times() tells it. */
export const dueSql = (stray: string): string => `
with recursive given as materialized (
  select coalesce((select s.value::int from pgtrail.setting s where s.name = 'partitions-ahead'), 6) as ahead,
    now() - coalesce((select max(r.keep_days) from pgtrail.retention_rule r
      where r.counts_until > now() - coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7)
        * interval '24 hours'), 0) * interval '24 hours' as kept_since
), next as (
  select 0 as n, r.name, r.since, r.until from pgtrail.partition_range(now()) r
  union all
  select n.n + 1, r.name, r.since, r.until
  from next n cross join given g cross join lateral pgtrail.partition_range(n.until) r
  where n.n < g.ahead
), stray as materialized (
  ${stray}
), wanted as (
  select n.n, n.name, n.since, n.until, coalesce(s.events, 0) as events, s.oldest, s.newest from next n left join stray s on s.since = n.since
  union all
  select null, s.name, s.since, s.until, s.events, s.oldest, s.newest from stray s where not exists (select from next n where n.since = s.since)
), part as materialized (
  select p.since, p.until, p.attached from pgtrail.partitions() p where not p.is_default
)
select w.n, w.name, w.since, w.until, w.events, w.oldest, w.newest, g.kept_since, g.ahead,
  case when w.since is null then 'no-partition'
    when w.until <= g.kept_since then 'older'
    when w.since >= (select max(n.until) from next n) then 'beyond'
    when exists (select from part p where not p.attached and p.since < w.until and w.since < p.until) then 'detached'
    when tstzrange(w.since, w.until) <@ (select range_agg(tstzrange(p.since, p.until)) from part p where p.attached) then 'there'
    when exists (select from part p where p.since < w.until and w.since < p.until) then 'overlap'
    else 'due' end as verdict
from wanted w cross join given g
order by w.since nulls last`

/** What `maintain` would do now. Reads what DEFAULT holds. */
export async function findDue(client: Client): Promise<Due> {
  const { rows } = await client.query<DueRow>(dueSql("select t.* from pgtrail.default_times() t"))
  // A table that was just built has the number of its rows from its indexes, and no statistics.
  const unanalyzed = await client.query<{ name: string }>(
    `select p.name from pgtrail.partitions() p
     where p.attached and pg_relation_size(p.oid) > 0
       and coalesce(pg_stat_get_last_analyze_time(p.oid), pg_stat_get_last_autoanalyze_time(p.oid)) is null
     order by p.since, p.name`,
  )
  const made: Range[] = []
  const left: Left[] = []
  for (const row of rows) {
    const { name, events, verdict } = row
    if (verdict === "due") {
      made.push({
        name: name ?? "",
        since: writeTime(row.since) ?? "",
        until: writeTime(row.until) ?? "",
        events: events ?? "0",
      })
    } else if (verdict !== "there" && events !== null && events !== "0") {
      left.push({
        name,
        events,
        oldest: writeTime(row.oldest) ?? "",
        newest: writeTime(row.newest) ?? "",
        reason: verdict as Reason,
      })
    }
  }
  return {
    due: made,
    left,
    unanalyzed: unanalyzed.rows.map(({ name }) => name),
    keptSince: writeTime(rows[0]?.kept_since ?? null) ?? "",
    ahead: rows[0]?.ahead ?? "",
  }
}

export interface Named {
  readonly missing: readonly Range[]
  /** Those that have been there before. */
  readonly there: readonly string[]
}

/** The ranges that a time covers, or those from one time to another, both included. Throws `usage` where another partition has a part of one. */
export async function findNamed(
  client: Client,
  typed: string,
  until: string | undefined,
  now: Date,
): Promise<Named> {
  const first = readCover(typed, "the time", now)
  const last = until === undefined ? first : readCover(until, "--until", now)
  if (last.from < first.from) {
    throw new TrailError("usage", `--until ${JSON.stringify(until)} is before ${JSON.stringify(typed)}`, {
      hint: "nothing was made; --until names the last partition to make",
    })
  }
  const { rows } = await client.query<
    Record<"name" | "since" | "until" | "other" | "same" | "detached", string>
  >(
    `with recursive wanted as (
       select 1 as n, r.name, r.since, r.until from pgtrail.partition_range($1::timestamptz) r
       union all
       select w.n + 1, r.name, r.since, r.until from wanted w cross join lateral pgtrail.partition_range(w.until) r
       where w.until <= $2::timestamptz and w.n <= ${most}
     )
     select w.name, w.since, w.until, p.name as other, p.since = w.since and p.until = w.until as same, not p.attached as detached
     from wanted w
     left join lateral (
       select o.name, o.since, o.until, o.attached from pgtrail.partitions() o
       where not o.is_default and o.since < w.until and w.since < o.until order by o.since limit 1
     ) p on true
     order by w.since`,
    [first.from, last.to],
  )
  if (rows.length > most) {
    throw new TrailError("usage", `that would be more than ${most} partitions`, {
      hint: "nothing was made; make fewer at a time, if it is meant",
    })
  }
  for (const row of rows) {
    if (row.other === null || (row.same === "t" && row.detached !== "t")) continue
    throw new TrailError(
      "usage",
      row.detached === "t"
        ? row.name === row.other
          ? `${row.name} is there already, and detached`
          : `the time of ${row.name} belongs to ${row.other}, which is detached`
        : `the time of ${row.name} belongs to ${row.other}, in part or with more`,
      {
        hint:
          row.detached === "t"
            ? `nothing was made; pgtrail partition attach ${row.other}`
            : "nothing was made; pgtrail partition list tells what is there",
      },
    )
  }
  const missing = rows.filter(({ other }) => other === null)
  return {
    missing: missing.length === 0 ? [] : await counted(client, missing),
    there: rows.filter(({ other }) => other !== null).map(({ name }) => name),
  }
}

/** What DEFAULT holds of each; where it has not a page, nothing is read. */
async function counted(
  client: Client,
  ranges: readonly { readonly name: string; readonly since: string; readonly until: string }[],
): Promise<Range[]> {
  const { rows } = await client.query<{ since: string; events: string }>(
    "select t.since, sum(t.events)::bigint as events from pgtrail.default_times() t where t.since is not null group by 1",
  )
  const held = new Map(rows.map(({ since, events }) => [since, events]))
  return ranges.map(({ name, since, until }) => ({
    name,
    since: writeTime(since),
    until: writeTime(until),
    events: held.get(since) ?? "0",
  }))
}
