// Replays the acts: what the control tables must hold, which acts had to be signed, and which findings were accepted.
import { parametersOf, readParameters, word } from "../act/about.js"
import { destructiveKinds } from "../act/text.js"
import { actGenesis, type TextRow } from "../canonical.js"
import type { VerifierKey } from "../checkpoint/note.js"
import { isObject } from "../manifest-form.js"
import type { ArchivedPurge } from "./archives.js"
import { Bindings } from "./bindings.js"
import { checkIncarnations, checkLosses, checkSettings } from "./control-tables.js"
import type { Acceptance, Findings } from "./finding.js"
import { Lifecycle, lifecycleKinds } from "./lifecycle.js"
import type { LogTables } from "./log-tables.js"
import type { Removal } from "./purge-findings.js"
import type { PurgeAct } from "./purges.js"
import type { RedactAct } from "./redactions.js"
import { checkSignatures, type SignableAct } from "./signatures.js"
import { Subjects, subjectKinds } from "./subjects.js"

export interface ReplayedIncarnation {
  readonly number: string
  readonly logId: string
  /** seq of the act that opened it; null of the installation. */
  readonly act: string | null
  readonly reason: string
  /** As PostgreSQL writes it. */
  readonly openedAt: string
}

/** What an act says of the incarnation that it opened. */
export interface OpenedIncarnation extends ReplayedIncarnation {
  readonly act: string
  /** Null where a backup was restored: what was lost since was told by none. */
  readonly checkpoint: string | null
  /** How many lanes lost something, and the digest (hex) of what they lost. */
  readonly lanes: string
  readonly digest: string
}

/** What stands in pgtrail.setting before the first act; a migration brings its own. */
const atFirst: readonly (readonly [name: string, value: string])[] = [
  ["event-size-limit", "1048576"],
  ["require-signed-acts", "off"],
]
const ofMigration: readonly (readonly [name: string, parameter: string])[] = [
  ["roles", "roles"],
  ["code-checksum", "code_checksum"],
  ["catalog-checksum", "catalog_checksum"],
  ["partition-interval", "partition_interval"],
]

/** What else is replayed. */
const otherKinds: readonly string[] = [
  "verify",
  "migrate",
  "grant",
  "revoke",
  ...lifecycleKinds,
  ...subjectKinds,
]

/** The checkpoint that an incarnation was opened from; undefined where that was a backup, which tells of no loss. */
const noteOf = ({ checkpoint, backup }: Readonly<Record<string, unknown>>): string | undefined =>
  checkpoint === null && isObject(backup) ? undefined : word(checkpoint)

/** Give it every act in order, then `check` once; `accepted` and `incarnations` are complete after that. */
export class Replay {
  readonly #settings = new Map(atFirst)
  readonly #opened: OpenedIncarnation[] = []
  readonly #bindings = new Bindings()
  readonly #lifecycle = new Lifecycle()
  readonly #subjects = new Subjects()
  readonly #destructive: SignableAct[] = []
  /** Ids of findings that verifications recorded. */
  readonly #found = new Set<string>()
  #genesis: string | undefined
  #newest = 0n
  #accepted = new Map<string, Acceptance>()
  #unverifiedSignatures = 0
  #incarnations: readonly ReplayedIncarnation[] = []

  /** By the id of the finding: only what a verification had found, by an act that needs no signature or has one that fits. */
  get accepted(): ReadonlyMap<string, Acceptance> {
    return this.#accepted
  }

  /** In their order, from the installation. */
  get incarnations(): readonly ReplayedIncarnation[] {
    return this.#incarnations
  }

  /** In their order. */
  get purges(): readonly PurgeAct[] {
    return this.#lifecycle.purges
  }

  get removals(): readonly Removal[] {
    return this.#lifecycle.removals
  }

  /** In their order; also those that were restored or removed since. */
  get archives(): readonly ArchivedPurge[] {
    return this.#lifecycle.archives
  }

  /** The newest act of a redaction; null without any. */
  get redacted(): RedactAct | null {
    return this.#subjects.redacted
  }

  /** seq of the newest act. */
  get newest(): bigint {
    return this.#newest
  }

  /** Acts that had to be signed and have a signature, which nobody checked: no public key was given. Known after `check`. */
  get unverifiedSignatures(): number {
    return this.#unverifiedSignatures
  }

  add(act: TextRow): void {
    const seq = act.seq ?? "0"
    if (seq === "1") this.#genesis = act.previous_hash ?? ""
    if (BigInt(seq) > this.#newest) this.#newest = BigInt(seq)
    const kind = act.kind ?? ""
    if (!destructiveKinds.includes(kind) && !otherKinds.includes(kind)) return
    const given = readParameters(act.parameters)
    if (kind === "migrate") {
      for (const [name, parameter] of ofMigration) {
        if (word(given[parameter]) !== "") this.#settings.set(name, word(given[parameter]))
      }
      if (Array.isArray(given.down)) {
        this.#lifecycle.migrateDown(given.down)
        this.#subjects.migrateDown(given.down)
      }
    } else if (kind === "setting") {
      this.#settings.set(word(given.name), word(given.value))
    } else if (kind === "grant" || kind === "revoke") {
      this.#bindings.add(kind, given)
    } else if (kind === "verify" && Array.isArray(given.findings)) {
      // A finding that was accepted is told by later verifications as well: one id stands here once.
      for (const finding of given.findings) this.#found.add(word(parametersOf(finding).id))
    } else if (kind === "incarnation") {
      this.#opened.push({
        number: word(given.number),
        logId: word(given.log_id),
        act: seq,
        reason: word(given.reason),
        openedAt: act.recorded_at ?? "",
        checkpoint: noteOf(given) ?? null,
        lanes: word(given.lanes),
        digest: act.digest?.slice(2) ?? "",
      })
    }
    this.#lifecycle.add(kind, seq, act, given, this.#settings.get("retention-grace"))
    this.#subjects.add(kind, seq, act, given)
    if (destructiveKinds.includes(kind)) {
      const accepts = kind === "accept" ? this.#acceptable(parametersOf(given.finding)) : undefined
      this.#destructive.push({
        seq,
        kind,
        hash: act.hash?.slice(2) ?? "",
        requires: kind === "setting" && given.name === "require-signed-acts" ? word(given.value) : undefined,
        accepts,
        note: kind === "incarnation" ? noteOf(given) : undefined,
        reason: word(given.reason),
      })
    }
  }

  /** The finding's id; empty where no verification before had found it: such an act no function of pgtrail makes. */
  #acceptable(finding: Readonly<Record<string, unknown>>): string {
    const id = word(finding.id)
    return this.#found.has(id) ? id : ""
  }

  /**
   * Compares the control tables with the acts. `logId` is the log's present id. Without keys a signature
   * that is there is taken for good; with keys it must be by one of them. `isWhole`: whether the tables have the rows of all organizations;
   * without them only what belongs to none can be compared.
   */
  async check(
    tables: LogTables,
    logId: string | undefined,
    keys: readonly VerifierKey[],
    findings: Findings,
    isWhole = true,
  ): Promise<void> {
    await checkSettings(tables, this.#settings, findings)
    const fits = (id: string) => `\\x${actGenesis(id).toString("hex")}` === this.#genesis
    this.#incarnations = await checkIncarnations(tables, { opened: this.#opened, logId, fits }, findings)
    if (!isWhole) return
    await checkLosses(tables, this.#opened, findings)
    await this.#bindings.check(tables, findings)
    await this.#lifecycle.check(tables, findings)
    await this.#subjects.check(tables, findings)
    const actLogId = this.#incarnations[0]?.logId ?? logId ?? ""
    const { bad, unverified } = await checkSignatures(
      tables,
      { acts: this.#destructive, newest: this.#newest, actLogId, keys },
      findings,
    )
    this.#unverifiedSignatures = unverified
    for (const { seq, accepts, reason } of this.#destructive) {
      if (accepts === undefined || bad.has(seq)) continue
      if (accepts === "") {
        const message = `act ${seq} accepts a finding that no verification had recorded before: it accepts nothing`
        findings.add({ kind: "act_altered", seq, message, evidence: `${message} ${reason}` })
      } else {
        this.#accepted.set(accepts, { act: seq, reason })
      }
    }
  }
}
