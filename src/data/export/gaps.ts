// Why places of a lane are not in an export: their events occurred outside of the period, or were purged, or nothing explains it.
import type { ClientBase } from "pg"
import { goneTable } from "../purge/gone.js"
import { placesInDetached } from "../query/detached.js"
import { segments, within } from "../query/segments.js"
import { wholeLog } from "../query/source.js"
import { laneKey } from "./covering.js"
import type { Facts } from "./facts.js"
import type { Lane } from "./lanes.js"
import type { ManifestGap } from "./manifest.js"

/** More are counted lane by lane, and not listed. */
export const mostGaps = 2_000

interface Gap {
  readonly lane: Lane
  readonly first: number
  readonly last: number
}

/** Of lanes that have events here, or should have some: the newest place of each, by `laneKey`. */
export async function newestPlaces(
  client: ClientBase,
  { source, readsHeads }: Facts,
  organizations: readonly string[],
): Promise<Map<string, Head>> {
  if (!readsHeads) return new Map()
  const { rows } = await client.query<Head>(
    `select h.organization_id as organization, h.lane, max(h.seq) as last from pgtrail.${source.heads} h
     where $1::text[] is null or h.organization_id = any ($1) group by h.organization_id, h.lane order by 1, 2`,
    [organizations.length === 0 ? null : organizations],
  )
  return new Map(rows.map((head) => [laneKey(head.organization, head.lane), head]))
}

export interface Head {
  readonly organization: string
  readonly lane: string
  readonly last: string
}

/** Lanes that wrote events of which none is there any more. */
export function absentLanes(heads: ReadonlyMap<string, Head>, lanes: readonly Lane[]): Lane[] {
  const there = new Set(lanes.map(({ organization, lane }) => laneKey(organization, lane)))
  return [...heads].flatMap(([key, { organization, lane, last }]) =>
    there.has(key) || last === "0" ? [] : [noEvents(organization, lane)],
  )
}

const noEvents = (organization: string, lane: string): Lane => ({
  organization,
  lane,
  events: 0,
  first: 1,
  firstPrevious: "",
  firstHash: "",
  last: 0,
  lastHash: "",
  runs: [],
  closes: false,
})

/** By lane; a lane without an entry has gaps that are not listed. `heads`: of an export without a period, which has every lane from end to end. */
export async function explainGaps(
  client: ClientBase,
  lanes: readonly Lane[],
  facts: Facts,
  heads?: ReadonlyMap<string, Head>,
): Promise<Map<Lane, ManifestGap[]>> {
  const found = new Map<Lane, ManifestGap[]>()
  const gaps: Gap[] = []
  for (const lane of lanes) {
    const own = gapsOf(lane, heads)
    if (own === undefined || gaps.length + own.length > mostGaps) continue
    found.set(lane, [])
    gaps.push(...own)
  }
  if (gaps.length === 0) return found
  const values = [
    gaps.map(({ lane }) => lane.organization),
    gaps.map(({ lane }) => lane.lane),
    gaps.map(({ first }) => String(first)),
    gaps.map(({ last }) => String(last)),
  ]
  const outside = await elsewhere(client, facts, values)
  const purged = facts.readsPurges ? await purgedPlaces(client, values) : undefined
  for (const [at, { lane, first, last }] of gaps.entries()) {
    const there = outside.get(at) ?? 0n
    const removed = purged?.get(at) ?? []
    const explained = removed.reduce((sum, { events }) => sum + BigInt(events), there)
    found.get(lane)?.push({
      first: String(first),
      last: String(last),
      outside: String(there),
      purged: purged === undefined ? null : removed,
      unexplained: String(atLeastNone(BigInt(last) - BigInt(first) + 1n - explained)),
    })
  }
  return found
}

const atLeastNone = (count: bigint): bigint => (count < 0n ? 0n : count)

function gapsOf(lane: Lane, heads: ReadonlyMap<string, Head> | undefined): Gap[] | undefined {
  const runs = lane.closes ? [lane] : lane.runs
  if (runs === undefined) return undefined
  const gaps: Gap[] = []
  let expected = heads === undefined ? lane.first : 1
  for (const run of runs) {
    if (run.first > expected) gaps.push({ lane, first: expected, last: run.first - 1 })
    expected = Math.max(expected, run.last + 1)
  }
  const last = Number.parseInt(heads?.get(laneKey(lane.organization, lane.lane))?.last ?? "0", 10)
  if (last >= expected) gaps.push({ lane, first: expected, last })
  return gaps
}

const wanted =
  "unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[]) with ordinality g (organization_id, lane, first, last, at)"

/** Events that are there, counted by the primary key: the only statement about events outside of the period, a partition at a time. */
async function elsewhere(
  client: ClientBase,
  { source }: Facts,
  values: readonly string[][],
): Promise<Map<number, bigint>> {
  const counts = new Map<number, bigint>()
  for (const segment of await segments(client, {})) {
    const bounds = within(segment, 5)
    const { rows } = await client.query<{ at: string; events: string }>(
      `select g.at, count(*) as events
       from ${wanted}
       join pgtrail.${source.isBound ? source.events : wholeLog.events} e on e.organization_id = g.organization_id and e.lane = g.lane and e.seq between g.first and g.last
         and ${bounds.text}
       group by g.at`,
      [...values, ...bounds.values],
    )
    for (const row of rows) {
      const at = Number.parseInt(row.at, 10) - 1
      counts.set(at, (counts.get(at) ?? 0n) + BigInt(row.events))
    }
  }
  // Evidence of a time of which one of them has events is refused: these are outside of it.
  for (const [at, events] of await placesInDetached(client, values))
    counts.set(at, (counts.get(at) ?? 0n) + events)
  return counts
}

async function purgedPlaces(
  client: ClientBase,
  values: readonly string[][],
): Promise<Map<number, { act: string; events: string }[]>> {
  const { rows } = await client.query<{ at: string; act: string; events: string }>(
    `select g.at, p.act_seq as act, sum(upper(r.range) - lower(r.range)) as events
     from ${wanted}
     join ${goneTable} p on p.organization_id = g.organization_id and p.lane = g.lane
     cross join lateral unnest(p.ranges * int8multirange(int8range(g.first, g.last, '[]'))) r (range)
     group by g.at, p.act_seq order by g.at, p.act_seq`,
    [...values],
  )
  const found = new Map<number, { act: string; events: string }[]>()
  for (const { at, act, events } of rows) {
    const place = Number.parseInt(at, 10) - 1
    found.set(place, [...(found.get(place) ?? []), { act, events }])
  }
  return found
}
