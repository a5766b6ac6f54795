// What purges removed with a record: whether the records are those of the acts, and what they add to the chains.
import { createHash } from "node:crypto"
import { microseconds } from "../binary.js"
import { LanePurges } from "../purge/ranges.js"
import { type PurgeRecord, purgeRecord } from "../purge/records.js"
import type { ArchivedPurge } from "./archives.js"
import type { Chains } from "./chains.js"
import type { Replay } from "./controls.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"
import { isTooYoung, reportAct, reportRecord, reportRemoval } from "./purge-findings.js"
import { assemble, noPlaces, type PurgedChain, total } from "./purged-chain.js"
import type { RetentionPurge } from "./retention-purge.js"
import { chainKey } from "./row.js"
import type { Watched } from "./walk-range.js"

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
  /** By its digest other holds were in force than the acts before it placed and did not release. */
  readonly sawOtherHolds: boolean
  /** What it put its events into. */
  readonly archive: ArchivedPurge | undefined
}

/** What the acts say of purges. */
export type PurgeActs = Pick<Replay, "purges" | "removals" | "newest">

/** Which records count: those whose act has their digest, and whose events no act has brought back. */
export class Purges {
  /** Of each act of a purge, whether its records are those that it recorded, and still count. */
  readonly #acts = new Map<string, boolean>()
  readonly #archived = new Map<string, ArchivedPurge | undefined>()
  /** seq of the newest act that was replayed. */
  #newest: bigint | undefined
  #kept = false
  /** Acts of which a record counts in what is verified. */
  readonly #present = new Set<string>()
  #chains: ReadonlyMap<string, PurgedChain> = new Map()

  /** By chain key; known after `sum`. */
  get chains(): ReadonlyMap<string, PurgedChain> {
    return this.#chains
  }

  /** seq of the acts whose records count. */
  get acts(): string[] {
    return [...this.#acts].flatMap(([seq, counts]) => (counts ? [seq] : []))
  }

  /** Whether a sound act put into an archive what it purged, and the archive was not removed. */
  isArchived(act: string): boolean {
    return this.#archived.has(act)
  }

  /** seq of the acts whose events are in archives and nowhere else. */
  get archivedActs(): string[] {
    return [...this.#archived.keys()]
  }

  /** The archives in force as the acts of the snapshot have them; of an organization, those that have events of it. Known after `sum`. */
  archives(organization: string | undefined): ArchivedPurge[] {
    return [...this.#archived.values()]
      .filter((archive) => archive !== undefined)
      .filter(({ act }) => organization === undefined || this.#present.has(act))
  }

  /**
   * Compares pgtrail.purge with the acts. Without them, which then could not be read, the records are taken as they stand.
   */
  async check(tables: LogTables, acts: PurgeActs | undefined, findings: Findings): Promise<void> {
    this.#kept = await tables.has("purge")
    this.#newest = acts?.newest
    const known = new Map(acts?.purges.map((act) => [act.seq, act]))
    const found = new Map<string, Found>()
    for await (const row of this.#kept ? tables.purges() : []) {
      if (acts === undefined) this.#acts.set(row.act_seq, row.restored_seq === null)
      else if (known.has(row.act_seq)) {
        const of = found.get(row.act_seq) ?? {
          lanes: 0,
          digest: createHash("sha256"),
          isTooYoung: false,
          restored: new Set(),
          newest: undefined,
        }
        found.set(row.act_seq, of)
        of.lanes += 1
        of.digest.update(purgeRecord(row))
        of.restored.add(row.restored_seq)
        const newest = microseconds(row.newest_occurred_at)
        if (of.newest === undefined || newest > of.newest) of.newest = newest
        of.isTooYoung ||= isTooYoung(row, known.get(row.act_seq)?.retention)
      } else reportRecord(row, "and no act of a purge has that number", findings)
    }
    for (const act of known.values()) this.#judge(act, found.get(act.seq), findings)
    for (const removal of acts?.removals ?? []) {
      reportRemoval(removal, found.get(removal.purge ?? "")?.newest, findings)
    }
  }

  #judge(act: PurgeAct, found: Found | undefined, findings: Findings): void {
    const { seq, lanes, digest, archive } = act
    const { lanes: live = 0, digest: hash = createHash("sha256"), isTooYoung = false } = found ?? {}
    reportAct(act, isTooYoung, findings)
    const altered = (message: string, evidence: string) =>
      findings.add({ kind: "control_altered", group: "object", message, evidence: `${message} ${evidence}` })
    const now = hash.digest("hex")
    const restored = archive?.restored ?? null
    this.#acts.set(seq, now === digest && restored === null)
    if (archive !== undefined && restored === null && archive.removed === null)
      this.#archived.set(seq, archive)
    if (now !== digest) {
      const how =
        String(live) === lanes ? "its digest differs from the act's" : `lanes: ${live} instead of ${lanes}`
      altered(`pgtrail.purge of act ${seq} is not what the act recorded: ${how}`, now)
    }
    const others = [...(found?.restored ?? [])].filter((one) => one !== restored)
    if (others.length > 0) {
      const how = (one: string | null) => (one === null ? "gone" : `back by act ${one}`)
      altered(
        `the events of the purge of act ${seq} are ${others.map(how).join(" and ")} in pgtrail.purge, and ${how(restored)} by the acts`,
        others.join(" "),
      )
    }
  }

  /** Adds up what was purged of each chain. `starts`: where an incremental verification begins. */
  async sum(
    tables: LogTables,
    organization: string | undefined,
    starts: ReadonlyMap<string, Watched> | undefined,
    watched: ReadonlyMap<string, readonly Watched[]>,
    sums: Pick<Chains, "link">,
    findings: Findings,
  ): Promise<void> {
    const chains = new Map<string, PurgedChain>()
    if (this.acts.length === 0) return
    let records: PurgeRecord[] = []
    const close = () => {
      const [first] = records
      if (first === undefined) return
      const key = chainKey(first.organization_id, first.lane)
      const start = starts?.get(key)
      const places = [...(watched.get(key) ?? []), ...(start === undefined ? [] : [start])]
      const { lane, odd } = assemble(records)
      for (const [record, why] of odd) reportRecord(record, why, findings)
      const isArchived = (act: string) => this.isArchived(act)
      chains.set(key, { ...total(lane, start, places, sums, isArchived), isOdd: odd.length > 0 })
      records = []
    }
    for await (const row of tables.purges(organization)) {
      if (this.#acts.get(row.act_seq) !== true) continue
      this.#present.add(row.act_seq)
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

  /** The ranges of a lane, on the snapshot of the tables: purges may have come since the records were compared. */
  async ofLane(tables: LogTables, organization: string, lane: string): Promise<LanePurges> {
    if (!this.#kept) return LanePurges.none
    const records = await tables.purgesOf(organization, lane)
    const counting: PurgeRecord[] = []
    for (const row of records) if (await this.#counts(tables, row)) counting.push(row)
    return counting.length === 0 ? LanePurges.none : assemble(counting).lane
  }

  async #counts(tables: LogTables, row: PurgeRecord): Promise<boolean> {
    if (!this.#acts.has(row.act_seq)) {
      const later = await tables.laterPurge(row.act_seq)
      this.#acts.set(row.act_seq, later !== undefined)
      if (later?.isArchived === true) this.#archived.set(row.act_seq, undefined)
    }
    if (this.#acts.get(row.act_seq) !== true) return false
    // What was replayed says so of all acts up to the newest of them; it may be back since.
    const isLater = row.restored_seq !== null && BigInt(row.restored_seq) > (this.#newest ?? -1n)
    if (!isLater || !(await tables.isBack(row))) return true
    this.#acts.set(row.act_seq, false)
    return false
  }
}

/** The records of one act. */
interface Found {
  lanes: number
  readonly digest: ReturnType<typeof createHash>
  /** What its records have as restored_seq. */
  readonly restored: Set<string | null>
  isTooYoung: boolean
  /** When the newest of its events occurred; microseconds since 2000. */
  newest: bigint | undefined
}
