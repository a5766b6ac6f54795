// The event types that occur in the log and are not known: by jumps in an index, so that no event is read that is not told of.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import { readCriterion } from "../query/criteria.js"
import { readWalk, within } from "../query/segments.js"
import { prepareBound, type Source } from "../query/source.js"
import type { Period } from "../query/time.js"
import { eventTypes } from "./list.js"

export interface UnknownType {
  readonly name: string
  readonly last_event: string
  /** The one that had that event. */
  readonly organization_id: string
  /** How many have such events. */
  readonly organizations: string
}

export interface UnknownTypes {
  /** Those that were seen last first. */
  readonly types: readonly UnknownType[]
  /** False: a partition has more types than are looked at. */
  readonly all: boolean
  /** False: types that were added are among them, since this role may not read acts. */
  readonly complete: boolean
}

interface Seen {
  readonly organization_id: string
  readonly event_type: string
  readonly last: string
}

/** Pairs of organization and type that are read of one partition: whoever makes up a type for each event must not fill our memory. */
const most = 20_000

/** Of one organization, or of all. Partition by partition, the newest first: the first time that a type is met is when it was seen last. */
export async function unknownTypes(
  client: ClientBase,
  organization: string | undefined,
): Promise<UnknownTypes> {
  // Throws for what cannot be in a text of the server.
  readCriterion("organization", organization)
  const { types, complete } = await eventTypes(client)
  const known = new Set(types.map(({ name }) => name))
  const { source, segments } = await readWalk(client, {})
  if (source.isBound) await prepareBound(client)
  const found = new Map<string, { newest: Seen; organizations: Set<string> }>()
  let all = true
  for (const segment of segments) {
    const seen = await seenIn(client, source, segment, organization)
    if (seen.length > most) all = false
    for (const one of seen.slice(0, most)) {
      if (known.has(one.event_type)) continue
      const before = found.get(one.event_type)
      if (before !== undefined) before.organizations.add(one.organization_id)
      else if (found.size < most)
        found.set(one.event_type, { newest: one, organizations: new Set([one.organization_id]) })
      else all = false
    }
  }
  return {
    types: [...found].map(([name, { newest, organizations }]) => ({
      name,
      last_event: writeTime(newest.last),
      organization_id: newest.organization_id,
      organizations: String(organizations.size),
    })),
    all,
    complete,
  }
}

async function seenIn(
  client: ClientBase,
  { events, isBound }: Source,
  segment: Period,
  organization: string | undefined,
): Promise<Seen[]> {
  const given = organization === undefined ? [] : [organization]
  const { text, values } = within(segment, given.length + 1)
  const where = organization === undefined ? text : `e.organization_id = $1 and ${text}`
  // The barrier of a view lets no such jump through.
  const seen = isBound
    ? `with seen as (select e.organization_id, e.event_type, max(e.occurred_at) as last
         from pgtrail.${events} e where ${where} group by 1, 2)`
    : jumps(where)
  const { rows } = await client.query<Seen>(
    `${seen} select s.organization_id, s.event_type, s.last from seen s order by s.last desc, s.organization_id limit ${most + 1}`,
    [...given, ...values],
  )
  return rows
}

/** By index event_type: of types that are alike in their first 300 characters it finds the one that was seen last. */
const jumps = (where: string): string => `with recursive pair as (
    (select e.organization_id, left(e.event_type, 300) as beginning, e.event_type, e.occurred_at as last
     from pgtrail.event e where ${where}
     order by e.organization_id, left(e.event_type, 300), e.occurred_at desc limit 1)
    union all
    select n.* from pair p, lateral (
      select e.organization_id, left(e.event_type, 300) as beginning, e.event_type, e.occurred_at as last
      from pgtrail.event e
      where (e.organization_id, left(e.event_type, 300)) > (p.organization_id, p.beginning) and ${where}
      order by e.organization_id, left(e.event_type, 300), e.occurred_at desc limit 1) n
  ), seen as (select p.organization_id, p.event_type, p.last from pair p limit ${most + 1})`
