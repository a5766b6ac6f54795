// The first page of an incident report: first and last affected, which chains, and what is still proven.
import type { ClientBase } from "pg"
import type { Explained, OtherGap } from "./explanation.js"
import type { VerificationSummary } from "./list.js"
import { isLane } from "./rows.js"
import type { Rights } from "./surroundings.js"

export interface AffectedPlace {
  readonly place: string
  readonly recorded_at: string | null
  readonly occurred_at: string | null
  /** Of an event that is gone: when the one before it was recorded. */
  readonly recorded_after: string | null
}

export interface ProvenRange {
  readonly first: string
  readonly last: string
  /**
   * head: every event up to the head of the chain follows from them. original: the originals of all affected events were found, and
   * they follow them. genesis: they are chained to the beginning of the lane, but what they were followed by is lost, so that nothing
   * after them vouches for them.
   */
  readonly by: "head" | "original" | "genesis"
}

export interface AffectedLane {
  readonly organization_id: string
  readonly lane: string
  readonly first: string | null
  readonly last: string | null
  readonly head: string | null
  readonly proven: readonly ProvenRange[]
}

export interface Incident {
  readonly first: AffectedPlace | null
  readonly last: AffectedPlace | null
  readonly organizations: readonly string[]
  readonly lanes: readonly AffectedLane[]
  /** Why the ranges of `lanes` cannot be told. */
  readonly unproven: string | null
  /** The last verification of the whole log before this one that found nothing wrong. */
  readonly last_intact: VerificationSummary | null
}

export async function incidentOf(
  client: ClientBase,
  rights: Rights,
  findings: readonly Explained[],
  lastIntact: VerificationSummary | null,
  unproven: string | null,
): Promise<Incident> {
  const affected = findings.filter(({ explanation }) => explanation.still !== false)
  const chains = affected.filter((finding) => finding.organization_id !== null)
  const places = chains.map(placeOf).sort((a, b) => compare(timeOf(a), timeOf(b)))
  return {
    first: places[0] ?? null,
    last: places.at(-1) ?? null,
    organizations: [...new Set(chains.flatMap(({ organization_id }) => organization_id ?? []))].sort(compare),
    lanes: await lanesOf(client, rights, chains, unproven === null),
    unproven,
    last_intact: lastIntact,
  }
}

function placeOf({ organization_id, lane, seq, explanation }: Explained): AffectedPlace {
  const { recorded_at, occurred_at, recorded_after } = explanation
  const place = [organization_id, lane, seq].filter((part) => part !== null).join("/")
  return { place, recorded_at, occurred_at, recorded_after }
}

const timeOf = (place: AffectedPlace): string => place.recorded_at ?? place.recorded_after ?? ""
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

async function lanesOf(
  client: ClientBase,
  rights: Rights,
  findings: readonly Explained[],
  isWhole: boolean,
): Promise<AffectedLane[]> {
  const lanes = new Map<string, Explained[]>()
  for (const finding of findings) {
    const { lane } = finding
    if (lane === null || !isLane(lane)) continue
    const key = `${finding.organization_id}\t${lane}`
    lanes.set(key, [...(lanes.get(key) ?? []), finding])
  }
  const list = [...lanes].map(([key, own]) => {
    const tab = key.lastIndexOf("\t")
    return { organization_id: key.slice(0, tab), lane: key.slice(tab + 1), own }
  })
  const heads = rights.heads ? await headsOf(client, list) : []
  return list.map(({ organization_id, lane, own }, index) => {
    const head = heads[index] ?? null
    const { first, last } = extent(own)
    const proven = isWhole && first !== null && last !== null ? provenIn(own, first, last, head) : []
    return {
      organization_id,
      lane,
      first: first === null ? null : String(first),
      last: last === null ? null : String(last),
      head,
      proven,
    }
  })
}

async function headsOf(
  client: ClientBase,
  lanes: readonly { organization_id: string; lane: string }[],
): Promise<(string | null)[]> {
  const { rows } = await client.query<{ seq: string | null }>(
    `select h.seq from unnest($1::text[], $2::smallint[]) with ordinality p (organization_id, lane, position)
     left join lateral (select c.seq from pgtrail.chain_head c
       where c.organization_id = p.organization_id and c.lane = p.lane order by c.seq desc limit 1) h on true
     order by p.position`,
    [lanes.map(({ organization_id }) => organization_id), lanes.map(({ lane }) => lane)],
  )
  return rows.map(({ seq }) => seq)
}

/** First and last affected place of a lane; null where no finding says, as when all of it is gone. */
function extent(findings: readonly Explained[]): { first: bigint | null; last: bigint | null } {
  const ends: bigint[] = []
  for (const { seq, explanation } of findings) {
    if (seq !== null && /^\d{1,18}$/.test(seq)) ends.push(BigInt(seq))
    for (const gap of explanation.gaps) ends.push(BigInt(gap.first), BigInt(gap.last ?? gap.first))
  }
  if (ends.length === 0) return { first: null, last: null }
  return { first: ends.reduce((a, b) => (b < a ? b : a)), last: ends.reduce((a, b) => (b > a ? b : a)) }
}

function provenIn(
  findings: readonly Explained[],
  first: bigint,
  last: bigint,
  head: string | null,
): ProvenRange[] {
  const ranges: ProvenRange[] = []
  // One original that is missing breaks what vouches for everything before it.
  const isLinked = findings.every(isResolved)
  if (first > 1n) ranges.push({ first: "1", last: String(first - 1n), by: isLinked ? "original" : "genesis" })
  // A chain that was rewritten up to its head, or set back, vouches for nothing after that place.
  const isRewritten = findings.some(({ kind, group }) => group === "head" || kind === "rolled_back")
  if (head !== null && !isRewritten && last < BigInt(head))
    ranges.push({ first: String(last + 1n), last: head, by: "head" })
  return ranges
}

/** The original is known, and it follows the event before it. */
function isResolved({ explanation }: Explained): boolean {
  const { found_by, follows, against } = explanation
  if (Array.isArray(against))
    return against.every((gap: OtherGap) => gap.state === "original" && gap.joins_before === true)
  return found_by !== null && follows === true
}
