// The daily summaries as they are, and how far they reach.
import type { ClientBase } from "pg"
import type { Period } from "../query/time.js"
import { failedOutcomes } from "../stats/statement.js"
import { organizationsOf } from "./organizations.js"

export interface SummaryFilter extends Period {
  readonly organization?: string | undefined
  /** At most this many days, the newest. */
  readonly limit?: number | undefined
}

export interface SummaryDay {
  /** 2026-07-10, of UTC. */
  readonly day: string
  readonly organizations: string
  readonly events: string
  /** Of these with the outcome failure, denied or error. */
  readonly failed: string
  readonly actors: string
  readonly data_size_bytes: string
  /** False: of some of the organizations it waits to be counted again. */
  readonly complete: boolean
}

export interface ShownSummary {
  readonly days: readonly SummaryDay[]
  /** True: the limit left days out. */
  readonly more: boolean
  /** Events that no summary has yet. */
  readonly behind: string
  /** Days, of one organization each, that wait to be counted again. */
  readonly days_left: string
}

/** $3 is not included. */
const lastDay = `coalesce((($3::timestamptz - interval '1 microsecond') at time zone 'UTC')::date, 'infinity')`

/** Days of which a part lies in the period, newest first. Throws `not-found` for an organization that the log does not have. */
export async function showSummary(client: ClientBase, filter: SummaryFilter = {}): Promise<ShownSummary> {
  const { organization, limit } = filter
  const left = await reach(client, organization)
  if (left.length === 0 && organization !== undefined) await organizationsOf(client, organization)
  const organizations = left.map(({ name }) => name)
  const since = await firstDay(client, organizations, filter)
  const wanted = `s.organization_id = any($1::text[]) and s.day >= $2::date and s.day <= ${lastDay}`
  const { rows } = await client.query<Omit<SummaryDay, "complete"> & { complete: string }>(
    `with listed as (
       select s.day from pgtrail.summary_recount s where ${wanted} group by s.day
     ), counted as (
       select s.day, count(distinct s.organization_id) as organizations, sum(s.events) as events,
         coalesce(sum(s.events) filter (where s.outcome in ${failedOutcomes}), 0) as failed, sum(s.data_size_bytes) as bytes
       from pgtrail.summary s where ${wanted} group by s.day
     ), acted as (
       select s.day, count(distinct s.actor_key) as actors from pgtrail.summary_actor s where ${wanted} group by s.day
     )
     select day, coalesce(c.organizations, 0) as organizations, coalesce(c.events, 0) as events, coalesce(c.failed, 0) as failed,
       coalesce(a.actors, 0) as actors, coalesce(c.bytes, 0) as data_size_bytes, l.day is null as complete
     from counted c full join listed l using (day) left join acted a using (day)
     order by day desc limit $4::bigint`,
    [organizations, since, filter.until ?? null, limit === undefined ? null : String(limit + 1)],
  )
  const shown = limit === undefined ? rows : rows.slice(0, limit)
  const sum = (of: (one: Reach) => string): string =>
    String(left.reduce((all, one) => all + BigInt(of(one)), 0n))
  return {
    days: shown.map((row) => ({ ...row, complete: row.complete === "t" })),
    more: rows.length > shown.length,
    behind: sum((one) => one.behind),
    days_left: sum((one) => one.days),
  }
}

interface Reach {
  readonly name: string
  readonly behind: string
  readonly days: string
}

/** Of each organization what no summary has yet. */
async function reach(client: ClientBase, organization: string | undefined): Promise<Reach[]> {
  const { rows } = await client.query<Reach>(
    `select h.organization_id as name, sum(h.seq - coalesce(c.seq, 0)) as behind,
       (select count(*) from pgtrail.summary_recount r where r.organization_id = h.organization_id) as days
     from (
       select h.organization_id, h.lane, max(h.seq) as seq from pgtrail.chain_head h
       where $1::text is null or h.organization_id = $1 group by 1, 2
     ) h
     left join pgtrail.summary_cursor c on c.organization_id = h.organization_id and c.lane = h.lane
     group by 1`,
    [organization ?? null],
  )
  return rows
}

/** Beyond, all days are read. */
const mostSteps = 1000

/** The oldest day that can be shown: from day to day in the index of each organization, so that no others are read. */
async function firstDay(
  client: ClientBase,
  organizations: readonly string[],
  { since, until, limit }: SummaryFilter,
): Promise<string> {
  const before = (day: string): string =>
    `select max(m.day) from unnest($1::text[]) o (name), lateral (
       select max(s.day) as day from pgtrail.summary s
       where s.organization_id = o.name and ${day} and s.day <= ${lastDay}
     ) m`
  const { rows } = await client.query<{ day: string }>(
    `with recursive newest (day, number) as (
       select (${before("true")}), 0::bigint
       union all
       select (${before("s.day < n.day")}), n.number + 1 from newest n
       where n.day is not null and n.number < $4::bigint
     )
     select greatest(
       coalesce(($2::timestamptz at time zone 'UTC')::date, '-infinity'),
       coalesce((select n.day from newest n where n.number = $4::bigint), '-infinity')) as day`,
    [
      organizations,
      since ?? null,
      until ?? null,
      limit === undefined || limit > mostSteps ? null : String(limit),
    ],
  )
  return rows[0]?.day ?? "-infinity"
}
