// How far the daily summaries answer a question: which whole days, of which organizations, and what they lack there.
import type { ClientBase } from "pg"
import { criterionNames, type Values } from "../query/criteria.js"
import { isBoundSql, openEvents, sourceOf } from "../query/source.js"
import type { Period } from "../query/time.js"
import type { Dimension, Source, StatsOptions } from "./options.js"

/** The place up to which a lane is counted; what is after it the summaries lack. */
export interface Behind {
  readonly organization: string
  readonly lane: string
  readonly seq: string
}

export interface Coverage {
  readonly organizations: readonly string[]
  /** The first whole day, and the first that is none any more; null: there is none after the last. */
  readonly since: string
  readonly until: string | null
  /** When these days begin and end, and what the question has beside them. */
  readonly whole: Period
  readonly edges: readonly Period[]
  readonly behind: readonly Behind[]
  /** How many events that is at most: some may have been purged, or lie in other days. */
  readonly missing: bigint
  /** Days of organizations whose rows do not count at present. */
  readonly days: readonly { readonly organization: string; readonly day: string }[]
}

type Refusal = Source & { counted: "events" }
const events = (why: string, hint: string | null = null): Refusal => ({ counted: "events", why, hint })

const known: readonly Dimension[] = ["actor", "type", "outcome", "category", "day"]

/** What the summaries answer, or why they do not. In the transaction on whose snapshot everything is counted. */
export async function coverage(client: ClientBase, asked: StatsOptions): Promise<Coverage | Refusal> {
  const unknown = (asked.by ?? []).filter((dimension) => !known.includes(dimension))
  if (unknown.length > 0) return events(`the summaries do not tell ${unknown.join(", ")}`)
  const others = criterionNames.filter((name) => name !== "organization")
  if (others.some((name) => list(asked[name]).length > 0 || list(asked.not?.[name]).length > 0)) {
    return events("the summaries do not know the users of a part of an organization's events")
  }
  const able = await client.query<{ able: string; is_bound: string }>(
    `select ${isBoundSql} as is_bound, coalesce(bool_and(has_table_privilege(to_regclass(t), 'select')), false) and count(to_regclass(t)) = 5 as able
     from unnest('{pgtrail.summary,pgtrail.summary_actor,pgtrail.summary_cursor,pgtrail.summary_recount,pgtrail.chain_head}'::text[]) t`,
  )
  if (sourceOf(able.rows[0]?.is_bound) === openEvents)
    return events("a restriction may hide events from this role, and the summaries have all")
  if (able.rows[0]?.able !== "t") return events("this role, or this log, has no summaries to read")

  const lanes = await readLanes(client, asked)
  const heads = lanes.reduce((sum, { head }) => sum + BigInt(head), 0n)
  const counted = lanes.reduce((sum, { seq }) => sum + BigInt(seq), 0n)
  if (lanes.some(({ head, seq }) => BigInt(seq) > BigInt(head)))
    return events("the summaries are ahead of the log", "pgtrail summary rebuild")
  if (heads === 0n) return events("there is nothing in the summaries")
  if (counted === 0n) return events("there are no summaries yet", "pgtrail summary refresh")
  if (counted * 2n < heads)
    return events("the summaries have not half of the events", "pgtrail summary refresh")
  const days = await wholeDays(client, asked)
  if (days === undefined) return events("the time has no whole day of UTC")
  const organizations = [...new Set(lanes.map(({ organization }) => organization))]
  const listed = await client.query<{ organization: string; day: string }>(
    `select r.organization_id as organization, r.day from pgtrail.summary_recount r
     where r.organization_id = any($1::text[]) and r.day >= $2 and (r.day < $3 or $3 is null)
     order by 1, 2 limit ${mostDays + 1}`,
    [organizations, days.since, days.until],
  )
  if (listed.rows.length > mostDays)
    return events("many days of the summaries wait to be counted again", "pgtrail summary refresh")
  return {
    ...days,
    organizations,
    behind: lanes.filter(({ head, seq }) => head !== seq),
    missing: heads - counted,
    days: listed.rows,
  }
}

const list = (values: Values | undefined): readonly string[] =>
  typeof values === "string" ? [values] : (values ?? [])

/** Each costs a look into an index; beyond, all of it is better counted at once. */
const mostDays = 3000

interface Lane extends Behind {
  readonly head: string
}

/** From organization to organization and from lane to lane in the index: each lane has up to 128 heads. */
async function readLanes(client: ClientBase, { organization, not }: StatsOptions): Promise<Lane[]> {
  const { rows } = await client.query<Lane>(
    `with recursive known as (
       (select h.organization_id as name from pgtrail.chain_head h where $1::text[] = '{}' order by 1 limit 1)
       union all
       select n.name from known k, lateral (
         select h.organization_id as name from pgtrail.chain_head h where h.organization_id > k.name order by 1 limit 1) n
     ), chosen as (
       select k.name from (select name from known union select unnest($1::text[])) k where k.name <> all ($2::text[])
     ), place as (
       select c.name, (select min(h.lane) from pgtrail.chain_head h where h.organization_id = c.name) as lane from chosen c
       union all
       select p.name, (select min(h.lane) from pgtrail.chain_head h where h.organization_id = p.name and h.lane > p.lane)
       from place p where p.lane is not null
     )
     select p.name as organization, p.lane, coalesce(s.seq, 0) as seq, (
       select max(h.seq) from pgtrail.chain_head h where h.organization_id = p.name and h.lane = p.lane) as head
     from place p left join pgtrail.summary_cursor s on s.organization_id = p.name and s.lane = p.lane
     where p.lane is not null
     union all
     select s.organization_id, s.lane, s.seq, 0 from chosen c join pgtrail.summary_cursor s on s.organization_id = c.name
     where not exists (select from pgtrail.chain_head h where h.organization_id = s.organization_id and h.lane = s.lane)`,
    [list(organization), list(not?.organization)],
  )
  return rows
}

type Days = Pick<Coverage, "since" | "until" | "whole" | "edges">

/** The days of UTC that lie whole in the period: by the server, which knows years of five digits and infinity. */
async function wholeDays(client: ClientBase, { since, until }: Period): Promise<Days | undefined> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select d.first, d.last, d.first_at, d.last_at, d.last is null or d.first < d.last as is_any,
       d.since < d.first_at as begins_within, d.until > d.last_at as ends_within
     from (
       select b.since, b.until, b.first, b.last, b.first::timestamp at time zone 'UTC' as first_at,
         b.last::timestamp at time zone 'UTC' as last_at
       from (
         select a.since, a.until, (a.until at time zone 'UTC')::date as last,
           (a.since at time zone 'UTC')::date + (date_trunc('day', a.since) < a.since)::int as first
         from (select coalesce($1::timestamptz, '-infinity') as since, $2::timestamptz as until) a
       ) b
     ) d`,
    [since ?? null, until ?? null],
  )
  const { first, last = null, first_at: from, last_at: to = null, ...is } = rows[0] ?? {}
  if (first == null || from == null || is.is_any !== "t") return undefined
  return {
    since: first,
    until: last,
    whole: { since: since === undefined ? undefined : from, until: to ?? undefined },
    edges: [
      ...(is.ends_within === "t" && to !== null ? [{ since: to, until }] : []),
      ...(is.begins_within === "t" ? [{ since, until: from }] : []),
    ],
  }
}
