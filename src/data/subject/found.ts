// What a plan says, added up: by organization, month and type, by field, and what stands in the way. It holds no value of an event but the ids of
// others who have an address of the subject's, for whoever is to say whether they are the same person.
import type { ClientBase } from "pg"
import type { Identifier } from "./identifiers.js"
import type { FoundActor } from "./shared-address.js"
import { type FoundUngiven, readOwn } from "./ungiven.js"

export type FieldGroup = "identity" | "content" | "frame"

/** Events of one organization, month and type. */
export interface FoundEvents {
  readonly organization_id: string
  /** `2026-07`, of occurred_at in UTC. */
  readonly month: string
  readonly event_type: string
  readonly events: string
  /** The subject is the event's actor, the event is about the subject, the subject is only named in it; an event may be several. */
  readonly as_actor: string
  readonly as_subject: string
  readonly mentioned: string
  /** Values of these are replaced, or would be. */
  readonly replaced: string
  /** A hold is on these: they stay as they are. */
  readonly held: string
  /** A law keeps these: they get a token, so that what belongs together still does. */
  readonly kept: string
  /** These are not as they were appended: they are evidence, and stay. */
  readonly unsound: string
}

/** How many events have a field that is replaced, or would be; of the group `frame` one that cannot be. */
export interface FoundField {
  readonly organization_id: string
  readonly group: FieldGroup
  /** The column. */
  readonly field: string
  readonly events: string
}

/** Why a law keeps how many events. */
export interface FoundLaw {
  readonly law: string
  readonly events: string
}

export interface FoundCase {
  readonly case_id: string
  readonly events: string
}

export interface Found {
  readonly events: readonly FoundEvents[]
  readonly fields: readonly FoundField[]
  readonly laws: readonly FoundLaw[]
  /** Of the holds that are on what is held. */
  readonly cases: readonly FoundCase[]
  /** Events that the subject did and that have identifiers besides those that were given. */
  readonly ungiven: readonly FoundUngiven[]
  /** Who did what is found as the subject's: where an e-mail address was given, which others may have. */
  readonly actors: readonly FoundActor[]
  /** Events about the subject with text or JSON that no rule is for. */
  readonly unruled: string
}

export const nothingFound: Found = {
  events: [],
  fields: [],
  laws: [],
  cases: [],
  ungiven: [],
  actors: [],
  unruled: "0",
}

/** The condition that the values of an event `p` of the plan are replaced. */
export const isReplaced = `(not p.held and p.sound
  and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0)`

const month = `case when isfinite(p.occurred_at) then to_char(p.occurred_at at time zone 'UTC', 'YYYY-MM')
    || case when p.occurred_at < '0001-01-01Z' then ' BC' else '' end else p.occurred_at::text end`

/** Of the plan of this transaction: all of it. `given`: whom was asked for, where somebody was. */
export async function readFound(client: ClientBase, given?: readonly Identifier[]): Promise<Found> {
  const { rows: events } = await client.query<FoundEvents>(
    `select p.organization_id, ${month} as month, p.event_type, count(*) as events,
       count(*) filter (where p.as_actor) as as_actor, count(*) filter (where p.as_subject) as as_subject,
       count(*) filter (where p.mentioned) as mentioned, count(*) filter (where ${isReplaced}) as replaced,
       count(*) filter (where p.held) as held, count(*) filter (where p.law is not null and ${isReplaced}) as kept,
       count(*) filter (where not p.sound and not p.held) as unsound
     from pg_temp.pgtrail_plan p group by 1, 2, 3 order by 1, 2, 3`,
  )
  if (events.length === 0) return nothingFound
  // Few lists of fields occur: they are taken apart once, and not in each event.
  const { rows: fields } = await client.query<FoundField>(
    `select l.organization_id, f.field_group as group, f.field, sum(l.events) as events
     from (
       select p.organization_id, p.identity_fields, p.content_fields, p.frame_fields, ${isReplaced} as replaced, count(*) as events
       from pg_temp.pgtrail_plan p group by 1, 2, 3, 4, 5) l,
       lateral (
         select distinct g.field_group, split_part(n.name, '.', 1) as field
         from (values ('identity', l.identity_fields), ('content', l.content_fields), ('frame', l.frame_fields)) g (field_group, names),
           unnest(g.names) n (name)
         where g.field_group = 'frame' or l.replaced) f
     group by 1, 2, 3 order by 1, 2 desc, 3`,
  )
  return {
    events,
    fields,
    laws: await lawsOf(client),
    cases: await casesOf(client, events),
    ...(given === undefined ? { ungiven: [], actors: [], unruled: "0" } : await readOwn(client, given)),
  }
}

/** Of the plan of this transaction: which laws keep how many of the events whose values are replaced. */
export async function lawsOf(client: ClientBase): Promise<FoundLaw[]> {
  const { rows } = await client.query<FoundLaw>(
    `select p.law, count(*) as events from pg_temp.pgtrail_plan p where p.law is not null and ${isReplaced} group by 1 order by 1`,
  )
  return rows.map((row) => ({ ...row }))
}

/** Looked up only where something is held. Of several partitions each tells its own. */
async function casesOf(client: ClientBase, events: readonly FoundEvents[]): Promise<FoundCase[]> {
  if (!events.some(({ held }) => held !== "0")) return []
  const { rows } = await client.query<FoundCase>("select c.case_id, c.events from pgtrail.plan_cases() c")
  return summed(rows, ["case_id"])
}

/** Of several plans together, in the order in which it is shown. */
export function sumFound(all: readonly Found[]): Found {
  return {
    events: summed(
      all.flatMap(({ events }) => events),
      ["organization_id", "month", "event_type"],
    ),
    fields: summed(
      all.flatMap(({ fields }) => fields),
      ["organization_id", "group", "field"],
    ),
    laws: summed(
      all.flatMap(({ laws }) => laws),
      ["law"],
    ),
    cases: summed(
      all.flatMap(({ cases }) => cases),
      ["case_id"],
    ),
    ungiven: summed(
      all.flatMap(({ ungiven }) => ungiven),
      ["kind"],
    ),
    actors: summed(
      all.flatMap(({ actors }) => actors),
      ["organization_id", "actor_id", "identifier"],
    ),
    unruled: String(all.reduce((sum, { unruled }) => sum + BigInt(unruled), 0n)),
  }
}

/** What is not in `by` is a count. */
function summed<T extends object>(rows: readonly T[], by: readonly (keyof T & string)[]): T[] {
  const sums = new Map<string, T>()
  for (const row of rows) {
    const key = by.map((name) => String(row[name])).join("\0")
    const before = sums.get(key)
    sums.set(key, before === undefined ? row : plus(before, row, by))
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

function plus<T extends object>(a: T, b: T, by: readonly string[]): T {
  const counts = Object.entries(b).filter(([name]) => !by.includes(name))
  const sums = counts.map(([name, count]) => [
    name,
    String(BigInt(String(a[name as keyof T])) + BigInt(String(count))),
  ])
  return { ...a, ...Object.fromEntries(sums) } as T
}

export type FoundCount =
  | "events"
  | "as_actor"
  | "as_subject"
  | "mentioned"
  | "replaced"
  | "held"
  | "kept"
  | "unsound"

export const countFound = ({ events }: Found, count: FoundCount): string =>
  String(events.reduce((sum, row) => sum + BigInt(row[count]), 0n))

/** Nothing that was found stays as it is. */
export const staysNothing = (found: Found): boolean =>
  countFound(found, "held") === "0" &&
  countFound(found, "unsound") === "0" &&
  found.fields.every(({ group }) => group !== "frame")
