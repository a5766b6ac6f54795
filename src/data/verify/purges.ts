// What purges removed with a record: whether the records are those of the acts, and what they add to the chains.
import { createHash } from "node:crypto"
import type { ClientBase } from "pg"
import { microseconds } from "../binary.js"
import { recomputeAct, type TextRow } from "../canonical.js"
import { disjoint, LanePurges, readPart } from "../purge/ranges.js"
import {
  digestOfPurge,
  keepsPurges,
  laneRecords,
  type PurgeRecord,
  purgeRecord,
  purgeRecords,
} from "../purge/records.js"
import type { Chains } from "./chains.js"
import type { Findings } from "./finding.js"
import type { RetentionPurge } from "./retention-purge.js"
import { chainKey } from "./row.js"
import type { Head, Watched } from "./walk-range.js"

/** An act of kind purge. */
export interface PurgeAct {
  readonly seq: string
  /** Hex. */
  readonly digest: string
  /** Its own; hex. */
  readonly hash: string
  readonly lanes: string
  /** Of one that retention made: what it must keep to. */
  readonly retention: RetentionPurge | undefined
}

/** What the purges of a chain come to, without their ranges. */
export interface PurgedChain {
  /** Places after the one that the verification starts from. */
  readonly places: number
  /** What they add to the chain's sum. */
  readonly sum: bigint
  /** Of the places that anchors know and that were purged: the hash there, or nothing where the record does not say. */
  readonly known: ReadonlyMap<number, string>
  /** A record of it is not what pgtrail makes: it is read again in order. */
  readonly isOdd: boolean
}

const noPlaces: PurgedChain = { places: 0, sum: 0n, known: new Map(), isOdd: false }

/** Which records count: those whose act has their digest. */
export class Purges {
  /** Of each act of a purge, whether its records are those that it recorded. */
  readonly #acts = new Map<string, boolean>()
  #kept = false
  #chains: ReadonlyMap<string, PurgedChain> = new Map()

  /** By chain key; known after `sum`. */
  get chains(): ReadonlyMap<string, PurgedChain> {
    return this.#chains
  }

  /** seq of the acts whose records count. */
  get acts(): string[] {
    return [...this.#acts].flatMap(([seq, counts]) => (counts ? [seq] : []))
  }

  /** Compares pgtrail.purge with the acts. Without acts, which then could not be read, the records are taken as they stand. */
  async check(client: ClientBase, acts: readonly PurgeAct[] | undefined, findings: Findings): Promise<void> {
    this.#kept = await keepsPurges(client)
    const known = new Map(acts?.map((act) => [act.seq, act]))
    const found = new Map<string, Found>()
    for await (const row of this.#kept ? purgeRecords(client) : []) {
      if (acts === undefined) this.#acts.set(row.act_seq, true)
      else if (known.has(row.act_seq)) {
        const of = found.get(row.act_seq) ?? { lanes: 0, digest: createHash("sha256"), isTooYoung: false }
        found.set(row.act_seq, of)
        of.lanes += 1
        of.digest.update(purgeRecord(row))
        of.isTooYoung ||= isTooYoung(row, known.get(row.act_seq)?.retention)
      } else report(row, "and no act of a purge has that number", findings)
    }
    for (const act of known.values()) {
      const { seq, lanes, digest } = act
      const {
        lanes: live = 0,
        digest: hash = createHash("sha256"),
        isTooYoung = false,
      } = found.get(seq) ?? {}
      reportRetention(act, isTooYoung, findings)
      const now = hash.digest("hex")
      this.#acts.set(seq, now === digest)
      if (now === digest) continue
      const how =
        String(live) === lanes ? "its digest differs from the act's" : `lanes: ${live} instead of ${lanes}`
      const message = `pgtrail.purge of act ${seq} is not what the act recorded: ${how}`
      findings.add({ kind: "control_altered", group: "object", message, evidence: `${message} ${now}` })
    }
  }

  /** Adds up what was purged of each chain. `starts`: where an incremental verification begins. */
  async sum(
    client: ClientBase,
    organization: string | undefined,
    starts: ReadonlyMap<string, Watched> | undefined,
    watched: ReadonlyMap<string, readonly Watched[]>,
    sums: Pick<Chains, "link">,
    findings: Findings,
  ): Promise<void> {
    const chains = new Map<string, PurgedChain>()
    if (this.acts.length === 0) return
    const where = organization === undefined ? "true" : "p.organization_id = $1"
    let records: PurgeRecord[] = []
    const close = () => {
      const [first] = records
      if (first === undefined) return
      const key = chainKey(first.organization_id, first.lane)
      const start = starts?.get(key)
      const places = [...(watched.get(key) ?? []), ...(start === undefined ? [] : [start])]
      const { lane, odd } = assemble(records)
      for (const [record, why] of odd) report(record, why, findings)
      chains.set(key, { ...total(lane, start, places, sums), isOdd: odd.length > 0 })
      records = []
    }
    for await (const row of purgeRecords(client, where, organization === undefined ? [] : [organization])) {
      if (this.#acts.get(row.act_seq) !== true) continue
      const [first] = records
      if (first?.organization_id !== row.organization_id || first.lane !== row.lane) close()
      records.push(row)
    }
    close()
    this.#chains = chains
  }

  of(chain: string): PurgedChain {
    return this.#chains.get(chain) ?? noPlaces
  }

  /** The ranges of a lane, on the snapshot of the client: purges may have come since the records were compared. */
  async ofLane(client: ClientBase, organization: string, lane: string): Promise<LanePurges> {
    if (!this.#kept) return LanePurges.none
    const records = await laneRecords(client, organization, lane)
    const counting: PurgeRecord[] = []
    for (const row of records) if (await this.#counts(client, row.act_seq)) counting.push(row)
    return counting.length === 0 ? LanePurges.none : assemble(counting).lane
  }

  async #counts(client: ClientBase, act: string): Promise<boolean> {
    const known = this.#acts.get(act)
    if (known !== undefined) return known
    const counts = await isRecorded(client, act)
    this.#acts.set(act, counts)
    return counts
  }
}

/** Whether an act that came later is sound by itself, and has the digest of its records; its place in the chain the next verification looks at. */
export async function isRecorded(client: ClientBase, seq: string): Promise<boolean> {
  const { rows } = await client.query<TextRow>(
    "select * from pgtrail.act where organization_id = 'pgtrail' and seq = $1 and kind = 'purge'",
    [seq],
  )
  const [act] = rows
  if (act === undefined || `\\x${recomputeAct(act)}` !== act.hash) return false
  const digest = createHash("sha256")
  for await (const row of purgeRecords(client, "p.act_seq = $1", [seq])) digest.update(purgeRecord(row))
  return `\\x${digest.digest("hex")}` === act.digest
}

/** The records of one act. */
interface Found {
  lanes: number
  readonly digest: ReturnType<typeof createHash>
  isTooYoung: boolean
}

/** Whether an event of a record was not yet old enough for the retention that purged it. */
function isTooYoung(row: PurgeRecord, retention: RetentionPurge | undefined): boolean {
  if (retention?.limits === undefined) return false
  const { occurred, recorded } = retention.limits
  return microseconds(row.newest_occurred_at) >= occurred || microseconds(row.newest_recorded_at) >= recorded
}

function reportRetention(act: PurgeAct, isTooYoung: boolean, findings: Findings): void {
  const { seq, hash, retention } = act
  const records = ["records", "took events that were not old enough"] as const
  for (const [what, words] of [...(retention?.problems ?? []), ...(isTooYoung ? [records] : [])]) {
    const message = `the purge of act ${seq} ${words}: retention did not make it`
    findings.add({
      kind: "unauthorized_purge",
      seq,
      group: "object",
      message,
      evidence: `retention ${what} ${hash}`,
    })
  }
}

type Odd = readonly [record: PurgeRecord, why: string]

/** What the records of one lane come to, in the order of their acts. */
function assemble(records: readonly PurgeRecord[]): { lane: LanePurges; odd: Odd[] } {
  const parts = records.map((record) => ({ record, part: readPart(record) }))
  const { lane, overlapping } = disjoint(parts.flatMap(({ part }) => (part === undefined ? [] : [part])))
  const odd = parts.flatMap(({ record, part }): Odd[] => {
    if (part === undefined) return [[record, "and are not what a purge records"]]
    return overlapping.includes(part) ? [[record, "and an act before it purged some of them"]] : []
  })
  return { lane, odd }
}

function total(
  lane: LanePurges,
  start: Watched | undefined,
  watched: readonly Head[],
  sums: Pick<Chains, "link">,
): Omit<PurgedChain, "isOdd"> {
  const after = start?.seq ?? 0
  let places = 0
  let sum = 0n
  for (let index = lane.from(after + 1); index < lane.length; index++) {
    const { first, last, before, hash } = lane.at(index)
    // Where it starts inside of a range, what the anchor knows stands for what was purged up to there.
    const from = first > after ? sums.link(first - 1, before) : sums.link(after, start?.hash ?? "")
    sum += sums.link(last, hash) - from
    places += last - Math.max(first - 1, after)
  }
  const known = new Map<number, string>()
  for (const { seq } of watched) {
    const range = lane.find(seq)
    if (range !== undefined) known.set(seq, range.last === seq ? range.hash : "")
  }
  return { places, sum, known }
}

/** A record without authority: the places that it names count as missing. */
function report(row: PurgeRecord, why: string, findings: Findings): void {
  const first = /^\{\[(\d{1,16}),/.exec(row.ranges)?.[1] ?? null
  findings.add({
    kind: "unauthorized_purge",
    organization_id: row.organization_id,
    lane: row.lane,
    seq: first,
    message: `events stand in pgtrail.purge as purged by act ${row.act_seq}, ${why}`,
    evidence: `record ${row.act_seq} ${digestOfPurge(row)}`,
  })
}
