// What the purges of one chain come to: their ranges in the order of places, and what they add to its sum.
import { disjoint, type LanePurges, readPart } from "../purge/ranges.js"
import type { PurgeRecord } from "../purge/records.js"
import type { Chains } from "./chains.js"
import type { Head, Watched } from "./walk-range.js"

/** What the purges of a chain come to, without their ranges. */
export interface PurgedChain {
  /** Places after the one that the verification starts from. */
  readonly places: number
  /** Those of them whose events are in archives. */
  readonly archived: number
  /** What they add to the chain's sum. */
  readonly sum: bigint
  /** Of the places that anchors know and that were purged: the hash there, or nothing where the record does not say. */
  readonly known: ReadonlyMap<number, string>
  /** Of those of them of which only an archive can tell the hash: the act of its purge. */
  readonly inside: ReadonlyMap<number, string>
  /** A record of it is not what pgtrail makes: it is read again in order. */
  readonly isOdd: boolean
}

export const noPlaces: PurgedChain = {
  places: 0,
  archived: 0,
  sum: 0n,
  known: new Map(),
  inside: new Map(),
  isOdd: false,
}

type Odd = readonly [record: PurgeRecord, why: string]

/** What the records of one lane come to, in the order of their acts. */
export function assemble(records: readonly PurgeRecord[]): { lane: LanePurges; odd: Odd[] } {
  const parts = records.map((record) => ({ record, part: readPart(record) }))
  const { lane, overlapping } = disjoint(parts.flatMap(({ part }) => (part === undefined ? [] : [part])))
  const odd = parts.flatMap(({ record, part }): Odd[] => {
    if (part === undefined) return [[record, "and are not what a purge records"]]
    return overlapping.includes(part) ? [[record, "and an act before it purged some of them"]] : []
  })
  return { lane, odd }
}

export function total(
  lane: LanePurges,
  start: Watched | undefined,
  watched: readonly Head[],
  sums: Pick<Chains, "link">,
  isArchived: (act: string) => boolean,
): Omit<PurgedChain, "isOdd"> {
  const after = start?.seq ?? 0
  let places = 0
  let archived = 0
  let sum = 0n
  for (let index = lane.from(after + 1); index < lane.length; index++) {
    const { first, last, before, hash, act } = lane.at(index)
    // Where it starts inside of a range, what the anchor knows stands for what was purged up to there.
    const from = first > after ? sums.link(first - 1, before) : sums.link(after, start?.hash ?? "")
    sum += sums.link(last, hash) - from
    places += last - Math.max(first - 1, after)
    if (isArchived(act)) archived += last - Math.max(first - 1, after)
  }
  const known = new Map<number, string>()
  const inside = new Map<number, string>()
  for (const { seq } of watched) {
    const range = lane.find(seq)
    if (range === undefined) continue
    known.set(seq, range.last === seq ? range.hash : "")
    if (range.last !== seq && isArchived(range.act)) inside.set(seq, range.act)
  }
  return { places, archived, sum, known, inside }
}
