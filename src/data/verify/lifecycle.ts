// Replays what retention, holds, partitions, purges and archives did, act by act: what each of them may do hangs on those before it.
import { word } from "../act/about.js"
import { microseconds } from "../binary.js"
import type { TextRow } from "../canonical.js"
import { checkArchiveTables } from "./archive-tables.js"
import { type ArchivedPurge, Archives } from "./archives.js"
import { Detachments } from "./detachments.js"
import type { Findings } from "./finding.js"
import { Holds } from "./holds.js"
import type { LogTables } from "./log-tables.js"
import type { Removal } from "./purge-findings.js"
import type { PurgeAct } from "./purges.js"
import { judgeRetention, judgeRules, time } from "./retention-purge.js"
import { RetentionRules } from "./retention-rules.js"

/** The migration that made the tables of rules, holds and detached partitions; taken back, it takes them along. */
const rulesMigration = "0005_lifecycle"
/** The same of archives: what they have is purged from then on. */
const archivesMigration = "0006_archive"

/** Kinds of acts that it replays, beside those that are destructive. */
export const lifecycleKinds: readonly string[] = ["hold", "detach", "attach", "restore"]

type Parameters = Readonly<Record<string, unknown>>

export class Lifecycle {
  readonly #rules = new RetentionRules()
  readonly #holds = new Holds()
  readonly #detachments = new Detachments()
  readonly #archives = new Archives()
  readonly #purges: Omit<PurgeAct, "archive">[] = []
  readonly #removals: Removal[] = []
  /** Those that saw other holds than there were. */
  readonly #redactions: { readonly seq: string; readonly hash: string }[] = []

  /** In their order. */
  get purges(): readonly PurgeAct[] {
    const archives = new Map(this.archives.map((archive) => [archive.act, archive]))
    return this.#purges.map((purge) => ({ ...purge, archive: archives.get(purge.seq) }))
  }

  /** In their order; also those that were restored or removed since. */
  get archives(): readonly ArchivedPurge[] {
    return [...this.#archives.all.values()]
  }

  /** Of archives. */
  get removals(): readonly Removal[] {
    return this.#removals
  }

  /** Migrations that were taken back. */
  migrateDown(migrations: readonly unknown[]): void {
    if (migrations.includes(rulesMigration)) {
      for (const one of [this.#rules, this.#holds, this.#detachments]) one.reset()
    }
    if (migrations.includes(archivesMigration)) this.#archives.reset()
  }

  /** `grace`: the setting retention-grace as the acts before have it. */
  add(kind: string, seq: string, act: TextRow, given: Parameters, grace: string | undefined): void {
    const recordedAt = act.recorded_at ?? ""
    if (kind === "hold") this.#holds.place(seq, act.digest ?? "", given)
    else if (kind === "release") this.#holds.release(seq, given)
    else if (kind === "retention") this.#rules.add(seq, recordedAt, given)
    else if (kind === "detach") this.#detachments.detach(seq, given)
    else if (kind === "attach") this.#detachments.end(given)
    else if (kind === "restore") this.#archives.restore(seq, act, given)
    else if (kind === "redact") this.#redact(seq, act, given)
    else if (kind === "remove_archive") this.#remove(seq, act, given, grace)
    else if (kind === "purge") {
      const at = time(given.at) ?? microseconds(recordedAt)
      this.#purges.push({
        seq,
        hash: act.hash?.slice(2) ?? "",
        digest: act.digest?.slice(2) ?? "",
        lanes: word(given.lanes),
        // What rules were in force then, the acts before it say.
        retention: judgeRetention({ recordedAt }, given, this.#rules, grace),
        sawOtherHolds: this.#sawOtherHolds(given, at),
      })
      this.#archives.purge(seq, act, given)
      if (given.method === "drop") this.#detachments.end(given)
    }
  }

  #remove(seq: string, act: TextRow, given: Parameters, grace: string | undefined): void {
    const recordedAt = act.recorded_at ?? ""
    this.#removals.push({
      seq,
      hash: act.hash?.slice(2) ?? "",
      retention: given.expired === true ? judgeRules({ recordedAt }, given, this.#rules, grace) : undefined,
      sawOtherHolds: this.#sawOtherHolds(given, time(given.at) ?? microseconds(recordedAt)),
      purge: this.#archives.named(given)?.act,
    })
    this.#archives.remove(seq, act, given)
  }

  #redact(seq: string, act: TextRow, given: Parameters): void {
    const at = time(given.at) ?? microseconds(act.recorded_at ?? "")
    if (this.#sawOtherHolds(given, at)) this.#redactions.push({ seq, hash: act.hash?.slice(2) ?? "" })
    this.#holds.clear(seq, at, given)
    if (given.archive !== undefined && given.archive !== null) this.#archives.rewrite(seq, act, given)
  }

  /** An act of an earlier level does not say what holds it saw. */
  #sawOtherHolds(given: Parameters, at: bigint): boolean {
    return given.holds !== undefined && given.holds !== this.#holds.digest(at)
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    for (const one of [this.#rules, this.#holds, this.#detachments]) await one.check(tables, findings)
    await checkArchiveTables(tables, this.#archives.all, findings)
    for (const { seq, hash } of this.#redactions) {
      findings.add({
        kind: "unauthorized_redaction",
        seq,
        group: "object",
        message: `the redaction of act ${seq} saw other legal holds than those that were in force by the acts: somebody had changed them`,
        evidence: `redaction holds ${hash}`,
      })
    }
    for (const { seq, message, hash } of this.#archives.vain) {
      findings.add({ kind: "act_altered", seq, message, evidence: `${message} ${hash}` })
    }
  }
}
