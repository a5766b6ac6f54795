// The organizations of a log: how much each has appended, from when to when, what was purged, and who reads it alone.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { goneTable } from "../purge/gone.js"
import { writeTime } from "../query/columns.js"
import { segments, within } from "../query/segments.js"
import { type OrganizationHeads, organizationHeads } from "./heads.js"
import { type Sources, sources } from "./sources.js"

export interface Organization extends OrganizationHeads {
  /** Null where this role may not read that. */
  readonly purged: string | null
  /** When its oldest and its newest event that are in the log occurred; null where there is none, or this role may not read it. */
  readonly first_event: string | null
  readonly newest_event: string | null
  /** Roles that were bound to it by `grant reader --org`, in their order; null where this role may not read that. */
  readonly readers: readonly string[] | null
}

export interface Organizations {
  readonly organizations: readonly Organization[]
  /** How many the limit left out. */
  readonly more: number
}

/** Those with the most events first; a bound reader's own. Throws `privilege` where the role may read no heads. */
export async function organizations(
  client: ClientBase,
  { limit }: { readonly limit?: number | undefined } = {},
): Promise<Organizations> {
  const from = await sources(client)
  const all = await organizationHeads(client, headsOf(from))
  const shown = limit === undefined ? all : all.slice(0, limit)
  return { organizations: await detailed(client, from, shown), more: all.length - shown.length }
}

export function headsOf({ heads }: Sources): NonNullable<Sources["heads"]> {
  if (heads !== null) return heads
  throw new TrailError("privilege", "this role may not read the heads of the log", {
    hint: "grant pgtrail_reader to the role of this connection: pgtrail grant reader ROLE",
  })
}

export async function detailed(
  client: ClientBase,
  from: Sources,
  shown: readonly OrganizationHeads[],
): Promise<Organization[]> {
  const names = shown.map((organization) => organization.organization_id)
  const newest = from.times ? await edges(client, from, names, "newest") : undefined
  const first = from.times ? await edges(client, from, names, "first") : undefined
  const purged = from.purges ? await purgedOf(client, names) : undefined
  const readers = from.bindings ? await readersOf(client, names) : undefined
  return shown.map((heads) => ({
    ...heads,
    purged: purged === undefined ? null : (purged.get(heads.organization_id) ?? "0"),
    first_event: writeTime(first?.get(heads.organization_id) ?? null),
    newest_event: writeTime(newest?.get(heads.organization_id) ?? null),
    readers: readers === undefined ? null : (readers.get(heads.organization_id) ?? []),
  }))
}

/** By partitions from that end on, each with one step in an index for every organization that is not found yet. */
async function edges(
  client: ClientBase,
  { events }: Sources,
  names: readonly string[],
  end: "newest" | "first",
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const newestFirst = await segments(client, {})
  for (const period of end === "newest" ? newestFirst : newestFirst.toReversed()) {
    const left = names.filter((name) => !found.has(name))
    if (left.length === 0) break
    const { text, values } = within(period, 2)
    const { rows } = await client.query<{ name: string; at: string | null }>(
      `select o.name, (
         select e.occurred_at from ${events} e where e.organization_id = o.name and ${text}
         order by e.occurred_at ${end === "newest" ? "desc" : "asc"} limit 1) as at
       from unnest($1::text[]) o (name)`,
      [left, ...values],
    )
    for (const { name, at } of rows) if (at !== null) found.set(name, at)
  }
  return found
}

async function purgedOf(client: ClientBase, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; events: string }>(
    `select p.organization_id as name, sum(p.events) as events from ${goneTable} p
     where p.organization_id = any ($1::text[]) group by 1`,
    [names],
  )
  return new Map(rows.map(({ name, events }) => [name, events]))
}

async function readersOf(client: ClientBase, names: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ name: string; role: string }>(
    `select r.organization_id as name, r.role_name as role from pgtrail.organization_reader r
     where r.organization_id = any ($1::text[]) order by 1, 2`,
    [names],
  )
  const readers = new Map<string, string[]>()
  for (const { name, role } of rows) readers.set(name, [...(readers.get(name) ?? []), role])
  return readers
}
