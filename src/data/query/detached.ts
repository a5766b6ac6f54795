// Partitions that are detached: no query finds their events, so that whoever asks of their time is told.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { plural } from "../words.js"
import { writeTime } from "./columns.js"

export interface DetachedPartition {
  readonly name: string
  readonly since: string
  readonly until: string
}

interface Known extends DetachedPartition {
  /** Quoted and qualified by the server. */
  readonly table: string
  /** Whether this role may read its events. */
  readonly readable: string
}

interface Period {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Those that have a part of the period, oldest first. None where the log is of an earlier version, or the role may not know. */
async function detachedIn(client: ClientBase, { since, until }: Period): Promise<Known[]> {
  const able = await client.query<{ able: string }>(
    `select coalesce(bool_and(has_column_privilege(d.oid, c.name, 'select')), false) as able
     from (select to_regclass('pgtrail.detached_partition') as oid) d, (values ('name'), ('since'), ('until')) c (name)
     where d.oid is not null`,
  )
  if (able.rows[0]?.able !== "t") return []
  const { rows } = await client.query<Record<keyof Known, string>>(
    `select d.name, d.since, d.until, format('pgtrail.%I', d.name) as table, has_table_privilege(c.oid, 'select') as readable
     from pgtrail.detached_partition d
     join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
     where not exists (select from pg_inherits i where i.inhrelid = c.oid)
       and ($1::timestamptz is null or d.until > $1) and ($2::timestamptz is null or d.since < $2)
     order by d.since, d.name`,
    [since ?? null, until ?? null],
  )
  return rows.map((row) => ({ ...row, since: writeTime(row.since), until: writeTime(row.until) }))
}

export async function detachedPartitionsIn(client: ClientBase, period: Period): Promise<DetachedPartition[]> {
  return (await detachedIn(client, period)).map(({ name, since, until }) => ({ name, since, until }))
}

/** What to say beside an answer that was asked of their time; undefined where there are none. */
export function describeDetached(partitions: readonly DetachedPartition[]): string | undefined {
  const [first, ...others] = partitions
  if (first === undefined) return undefined
  if (others.length === 0) return `${first.name} is detached: its events are not asked`
  const names = partitions.slice(0, 5).map(({ name }) => name)
  const more = partitions.length > names.length ? ` and ${partitions.length - names.length} more` : ""
  return `${names.join(", ")}${more} are detached: their events are not asked`
}

export const attachHint = (name: string): string => `pgtrail partition attach ${name}`

/**
 * Refuses evidence of a time and of organizations of which a detached partition has events, or may have some as far as this role
 * can know: evidence leaves nothing out.
 */
export async function refuseDetached(
  client: ClientBase,
  filter: Period & { readonly organization?: string | readonly string[] | undefined },
): Promise<void> {
  const organizations = [filter.organization ?? []].flat()
  const named = organizations.length === 0 ? null : organizations
  for (const { name, table, readable } of await detachedIn(client, filter)) {
    if (readable === "t") {
      const { rows } = await client.query<{ has: string }>(
        `select exists (select from only ${table} e where ($1::text[] is null or e.organization_id = any ($1))
           and ($2::timestamptz is null or e.occurred_at >= $2) and ($3::timestamptz is null or e.occurred_at < $3)) as has`,
        [named, filter.since ?? null, filter.until ?? null],
      )
      if (rows[0]?.has !== "t") continue
    }
    const has = readable === "t" ? "has" : "may have"
    throw new TrailError("incomplete", `${name} is detached, and ${has} events of what was asked for`, {
      hint: `nothing was written, since evidence leaves nothing out; ${attachHint(name)}, or another time`,
    })
  }
}

/** Those whose events this role may read. */
export async function readableDetached(client: ClientBase): Promise<{ name: string; table: string }[]> {
  return (await detachedIn(client, {})).filter(({ readable }) => readable === "t")
}

/** An event that no query finds: where it is, and the way to it. */
export function inDetached(event: string, partition: string): TrailError {
  return new TrailError("not-found", `${event} is in the detached partition ${partition}`, {
    hint: `nothing is lost, and queries find it again after: ${attachHint(partition)}`,
  })
}

/** Of windows of places (organizations, lanes, first and last of each), how many events the detached partitions have: by index from 0. */
export async function placesInDetached(
  client: ClientBase,
  windows: readonly (readonly string[])[],
): Promise<Map<number, bigint>> {
  const counts = new Map<number, bigint>()
  for (const { table } of await readableDetached(client)) {
    const { rows } = await client.query<{ at: string; events: string }>(
      `select g.at, c.events
       from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[]) with ordinality g (organization_id, lane, first, last, at)
       cross join lateral (
         select count(*) as events from only ${table} e
         where e.organization_id = g.organization_id and e.lane = g.lane and e.seq between g.first and g.last offset 0) c
       where c.events > 0`,
      windows.map((values) => [...values]),
    )
    for (const { at, events } of rows) {
      const place = Number.parseInt(at, 10) - 1
      counts.set(place, (counts.get(place) ?? 0n) + BigInt(events))
    }
  }
  return counts
}

/** For the statement of a manifest. */
export function statedDetached(partitions: readonly DetachedPartition[]): string {
  const names = partitions.map(({ name }) => name).join(", ")
  return partitions.length === 1
    ? `1 partition of this time is detached, and was not read: ${names}. What is in it is neither here nor counted.`
    : `${plural(partitions.length, "partition")} of this time are detached, and were not read: ${names}. What is in them is neither here nor counted.`
}
