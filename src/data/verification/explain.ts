// Explains findings from the live log, some at a time: a batch asks the server together.
import type { ClientBase } from "pg"
import { explainEvent } from "./explain-event.js"
import { explainGap, explainVanished, gapKinds, nextPresent } from "./explain-gap.js"
import { type Explained, nothing } from "./explanation.js"
import type { RecordedFinding } from "./list.js"
import { type PurgedPlace, purgedPlaces } from "./purged-places.js"
import { batchSize, type EventPlace, isLane, isPlace } from "./rows.js"
import { logIds, type Rights, Surroundings } from "./surroundings.js"

/** Findings whose places may explain where an event was moved from. */
const open: ReadonlySet<string> = new Set([
  "altered",
  "missing",
  "truncated",
  "reordered",
  "inserted",
  "vanished",
])

export async function explain(
  client: ClientBase,
  rights: Rights,
  findings: readonly RecordedFinding[],
  all: readonly RecordedFinding[],
  signal?: AbortSignal,
): Promise<Explained[]> {
  const ids = await logIds(client)
  const homes = movedFrom(all)
  const explained: Explained[] = []
  for (let at = 0; at < findings.length; at += batchSize) {
    signal?.throwIfAborted()
    explained.push(...(await explainBatch(client, rights, findings.slice(at, at + batchSize), ids, homes)))
  }
  return explained
}

async function explainBatch(
  client: ClientBase,
  rights: Rights,
  findings: readonly RecordedFinding[],
  ids: readonly string[],
  homes: ReadonlyMap<string, readonly EventPlace[]>,
): Promise<Explained[]> {
  const named = findings.filter(isPlace)
  const gaps = rights.events ? named.filter((finding) => gapKinds.has(finding.kind)) : []
  const next = await nextPresent(client, gaps)
  const nextOf = new Map(gaps.map((gap, index) => [gap, next[index] ?? null]))
  const purged = await purgedPlaces(client, gaps)
  const purgedOf = new Map(gaps.map((gap, index) => [gap, purged[index]]))
  // The end of a gap is looked at as well as its beginning.
  const ends = [...nextOf].flatMap(([{ organization_id, lane }, seq]) =>
    seq === null ? [] : [{ organization_id, lane, seq }],
  )
  const around = new Surroundings(ids)
  await around.load(client, rights, distinct([...named, ...ends]))
  const explained: Explained[] = []
  for (const finding of findings) {
    explained.push(await explainOne(client, rights, finding, { around, ids, homes, nextOf, purgedOf }))
  }
  return explained
}

interface Batch {
  readonly around: Surroundings
  readonly ids: readonly string[]
  readonly homes: ReadonlyMap<string, readonly EventPlace[]>
  readonly nextOf: ReadonlyMap<RecordedFinding, string | null>
  readonly purgedOf: ReadonlyMap<RecordedFinding, PurgedPlace | undefined>
}

async function explainOne(
  client: ClientBase,
  rights: Rights,
  finding: RecordedFinding,
  { around, ids, homes, nextOf, purgedOf }: Batch,
): Promise<Explained> {
  const plain = (...says: string[]): Explained => ({
    ...finding,
    explanation: { ...nothing, says },
    wish: null,
  })
  const { organization_id, lane } = finding
  if (finding.kind === "act_altered" || finding.kind === "unsigned_act") {
    return plain(finding.seq === null ? "it is about the chain of acts" : `pgtrail act show ${finding.seq}`)
  }
  if (organization_id === null) return plain()
  if (!rights.events) return plain("this role may not read events: grant pgtrail_auditor to it")
  if (finding.kind === "vanished" && (lane === null || isLane(lane)))
    return explainVanished(client, { ...finding, organization_id }, ids)
  if (!isPlace(finding)) return plain()
  // A place of the report that is set back may have another event now.
  const isGap =
    gapKinds.has(finding.kind) && (finding.kind !== "rolled_back" || nextOf.get(finding) !== finding.seq)
  if (isGap) return explainGap(finding, finding, nextOf.get(finding) ?? null, purgedOf.get(finding), around)
  const places = [...(homes.get(organization_id) ?? []), ...(homes.get("") ?? [])]
  return explainEvent(finding, finding, around, places)
}

/** Places of each organization, and under "" of all, that an event may have been moved from: a few are enough for a trial. */
function movedFrom(findings: readonly RecordedFinding[]): Map<string, EventPlace[]> {
  const homes = new Map<string, EventPlace[]>()
  const keep = (key: string, place: EventPlace) => {
    const list = homes.get(key) ?? []
    if (list.length < 32) homes.set(key, [...list, place])
  }
  for (const finding of findings) {
    if (!open.has(finding.kind)) continue
    const place = { organization_id: finding.organization_id, lane: finding.lane, seq: finding.seq ?? "1" }
    if (!isPlace(place)) continue
    keep(place.organization_id, place)
    keep("", place)
  }
  return homes
}

function distinct(places: readonly EventPlace[]): EventPlace[] {
  const known = new Map<string, EventPlace>()
  for (const { organization_id, lane, seq } of places)
    known.set(JSON.stringify([organization_id, lane, seq]), { organization_id, lane, seq })
  return [...known.values()]
}
