// One organization: its lanes and their heads, what it did in the last 30 days, who reads it alone, and what was purged.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { purgeRecordTable } from "../purge/gone.js"
import { writeTime } from "../query/columns.js"
import { type OrganizationHeads, organizationHeads } from "./heads.js"
import { detailed, headsOf, type Organization } from "./list.js"
import { type Sources, sources } from "./sources.js"

export interface Lane {
  readonly lane: string
  /** Of its newest event. */
  readonly seq: string
  /** Hex. */
  readonly hash: string
}

export interface OrganizationPurge {
  readonly act: string
  /** Null where this role may not read acts. */
  readonly recorded_at: string | null
  readonly session_user_name: string | null
  readonly lanes: string
  readonly events: string
  readonly oldest_event: string
  readonly newest_event: string
  /** seq of the act that brought them back from an archive; null while they are gone. */
  readonly restored_act: string | null
}

/** Of the newest events of the last 30 days, at most 100,000. */
export interface Recent {
  readonly since: string
  readonly events: string
  /** False: there were more events than were looked at. */
  readonly all: boolean
  /** Different actor ids. */
  readonly actors: string
  /** The ten most frequent ones. */
  readonly event_types: readonly { event_type: string; events: string }[]
}

export interface ShownOrganization extends Organization {
  readonly heads: readonly Lane[]
  /** Null where this role may not read events. */
  readonly recent: Recent | null
  /** Null where this role may not read them. */
  readonly purges: readonly OrganizationPurge[] | null
}

/** Throws `not-found`, with near names, for an organization that has no chain or that this role does not see. */
export async function showOrganization(client: ClientBase, name: string): Promise<ShownOrganization> {
  const from = await sources(client)
  const table = headsOf(from)
  const heads = await lanesOf(client, table, name)
  if (heads.length === 0) throw await notFound(client, table, name)
  const counted: OrganizationHeads = {
    organization_id: name,
    lanes: String(heads.length),
    events: String(heads.reduce((sum, { seq }) => sum + BigInt(seq), 0n)),
  }
  const [organization] = await detailed(client, from, [counted])
  return {
    ...counted,
    purged: null,
    first_event: null,
    newest_event: null,
    readers: null,
    ...organization,
    heads,
    recent: from.events === null ? null : await recentOf(client, from.events, name),
    purges: from.purges ? await purgesOf(client, from, name) : null,
  }
}

async function lanesOf(client: ClientBase, heads: string, name: string): Promise<Lane[]> {
  const { rows } = await client.query<Lane>(
    `select distinct on (h.lane) h.lane, h.seq, encode(h.hash, 'hex') as hash from ${heads} h
     where h.organization_id = $1 order by h.lane, h.seq desc`,
    [name],
  )
  return rows
}

async function notFound(
  client: ClientBase,
  heads: NonNullable<Sources["heads"]>,
  name: string,
): Promise<TrailError> {
  const known = (await organizationHeads(client, heads)).map((organization) => organization.organization_id)
  const meant = near(name, known)
  const said = meant.map((other) => JSON.stringify(other)).join(" or ")
  return new TrailError("not-found", `there is no organization ${JSON.stringify(name)} in this log`, {
    hint:
      meant.length === 0
        ? "pgtrail organization list"
        : `did you mean ${said}? pgtrail organization list tells all`,
  })
}

/** Enough to see what an organization does; to count millions is what `stats` is for. */
const most = 100_000

async function recentOf(client: ClientBase, events: string, name: string): Promise<Recent> {
  const period = await client.query<{ since: string; until: string }>(
    "select now() - interval '30 days' as since, now() as until",
  )
  const { since = "", until = "" } = period.rows[0] ?? {}
  // The bounds as parameters: the plan then opens these partitions and no others.
  const { rows } = await client.query<{ event_type: string; events: string; total: string; actors: string }>(
    `with recent as materialized (
       select e.event_type, e.actor_id from ${events} e
       where e.organization_id = $1 and e.occurred_at >= $2 and e.occurred_at <= $3
       order by e.occurred_at desc limit ${most + 1}
     )
     select r.event_type, count(*) as events, (select count(*) from recent) as total,
       (select count(distinct a.actor_id) from recent a) as actors
     from recent r group by r.event_type order by count(*) desc, r.event_type limit 10`,
    [name, since, until],
  )
  const total = rows[0]?.total ?? "0"
  const all = Number(total) <= most
  return {
    since: writeTime(since),
    events: all ? total : String(most),
    all,
    actors: rows[0]?.actors ?? "0",
    event_types: rows.map(({ event_type, events: count }) => ({ event_type, events: count })),
  }
}

async function purgesOf(client: ClientBase, { acts }: Sources, name: string): Promise<OrganizationPurge[]> {
  const act = acts
    ? "left join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = p.act_seq"
    : "cross join (select null::timestamptz as recorded_at, null::text as session_user_name) a"
  const { rows } = await client.query<OrganizationPurge>(
    `select p.act_seq as act, a.recorded_at, a.session_user_name, count(*) as lanes, sum(p.events) as events,
       min(p.oldest_occurred_at) as oldest_event, max(p.newest_occurred_at) as newest_event,
       p.restored_seq as restored_act
     from ${purgeRecordTable} p ${act}
     where p.organization_id = $1 group by 1, 2, 3, p.restored_seq order by p.act_seq desc`,
    [name],
  )
  return rows.map((row) => ({
    ...row,
    recorded_at: writeTime(row.recorded_at),
    oldest_event: writeTime(row.oldest_event),
    newest_event: writeTime(row.newest_event),
  }))
}
