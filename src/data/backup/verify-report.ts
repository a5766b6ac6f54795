// What a verification of a backup finds and reports: what verify would report of the log, with file and line, and what is wrong with the files themselves.
import { createHash } from "node:crypto"
import { TrailError } from "../errors.js"
import {
  type Acceptance,
  type Finding,
  type FindingKind,
  Findings,
  type NewFinding,
  verdictOf,
} from "../verify/finding.js"
import type { BackupVerdict, VerifyLevel } from "./results.js"
import type { Place } from "./verify-reading.js"

/** Of the files: `manifest` and `file` are tampering, or damage; the others say that something could not be looked at. */
export type BackupFindingKind = FindingKind | "manifest" | "file" | "encrypted" | "later" | "unfinished"

export interface BackupFinding extends Omit<Finding, "kind"> {
  readonly kind: BackupFindingKind
  /** Name in the folder of the backup; null where it is about none, or about several. */
  readonly file: string | null
  readonly line: string | null
}

export interface AcceptedBackupFinding extends BackupFinding {
  readonly accepted: Acceptance
}

export interface BackupVerification {
  readonly schema: "pgtrail.backup_verification/1"
  readonly name: string
  readonly location: string
  readonly level: VerifyLevel
  readonly verdict: BackupVerdict
  /** Hex; null where there is no manifest that can be read, as of the next ones. */
  readonly manifest_sha256: string | null
  readonly log_id: string | null
  readonly started_at: string | null
  readonly partition: string | null
  readonly organization: string | null
  /** Files that were read, and the bytes of them that lie there. */
  readonly files: string
  readonly bytes: string
  /** Counts of what was judged; null where the events were not read. */
  readonly covered: {
    readonly chains: string
    readonly events: string
    readonly purged: string
    readonly redacted: string
    readonly archived: string
    readonly lost: string
  } | null
  /** The anchors whose heads were compared. */
  readonly compared: readonly { readonly name: string; readonly time: string }[]
  readonly findings: readonly BackupFinding[]
  /** All, of which the list has the first 10,000. */
  readonly findings_total: string
  readonly accepted: readonly AcceptedBackupFinding[]
  readonly accepted_total: string
  readonly unchecked_signatures: string
  /** What a backup, or this part of one, cannot tell. */
  readonly not_covered: readonly string[]
  /** What could not be judged because its files could not be read. */
  readonly unread: readonly string[]
  /** Why the result does not lie beside the backup; null where it does, or nobody wanted it. */
  readonly not_kept: string | null
}

const most = 10_000
const unseen: readonly BackupFindingKind[] = ["encrypted", "later", "unfinished"]

export class BackupFindings {
  readonly log = new Findings()
  readonly #files: BackupFinding[] = []
  readonly #places = new Map<Finding, Place>()
  #isDamaged = false
  #isOfLog = false
  #isUnseen = false
  #total = 0

  /** What verify would find in the log. */
  add(finding: NewFinding, place?: Place | undefined): void {
    const { list, accepted } = this.log
    const [before, acceptedBefore] = [list.length, accepted.length]
    this.log.add(finding)
    const added =
      this.log.list.length > before
        ? this.log.list.at(-1)
        : accepted.length > acceptedBefore
          ? accepted.at(-1)
          : undefined
    if (added !== undefined && place !== undefined) this.#places.set(added, place)
  }

  /** What is wrong with a file; the message goes on from its name. */
  addFile(
    kind: Exclude<BackupFindingKind, FindingKind>,
    file: string | null,
    message: string,
    line?: number,
  ): void {
    if (unseen.includes(kind)) this.#isUnseen = true
    else this.#isDamaged = true
    this.#addTo(kind, file, message, line)
  }

  /** What a file that is as it was written shows of the log in it. */
  addOfLog(file: string, message: string): void {
    this.#isOfLog = true
    this.#addTo("file", file, message)
  }

  #addTo(kind: BackupFindingKind, file: string | null, message: string, line?: number): void {
    this.#total += 1
    if (this.#files.length >= most) return
    const parts = JSON.stringify([kind, file, line ?? null, message])
    this.#files.push({
      id: createHash("sha256").update(parts).digest("hex").slice(0, 16),
      kind,
      organization_id: null,
      lane: null,
      seq: null,
      event_id: null,
      group: null,
      message: file === null ? message : `${file} ${message}`,
      file,
      line: line === undefined ? null : String(line),
    })
  }

  get list(): readonly BackupFinding[] {
    return [...this.#files, ...this.log.list.map((one) => this.#placed(one))].slice(0, most)
  }

  get accepted(): readonly AcceptedBackupFinding[] {
    return this.log.accepted.map((one) => ({ ...this.#placed(one), accepted: one.accepted }))
  }

  get total(): number {
    return this.#total + this.log.total
  }

  get isDamaged(): boolean {
    return this.#isDamaged
  }

  /** `isWhole`: whether everything was looked at that there is. */
  verdict(isQuick: boolean, isWhole: boolean): BackupVerdict {
    if (this.#isDamaged || this.#isOfLog) return "tampered"
    const found = verdictOf(this.log.kinds, isWhole && !this.#isUnseen)
    return found === "intact" && isQuick ? "whole" : found
  }

  #placed(finding: Finding): BackupFinding {
    const place = this.#places.get(finding)
    return { ...finding, file: place?.file ?? null, line: place === undefined ? null : String(place.line) }
  }
}

/** Runs what reads files that anybody may have written: what cannot be read is told, and ends nothing else. */
export class Parts {
  readonly failures: { readonly part: string; readonly why: string }[] = []

  async run<T>(
    part: string,
    work: () => Promise<T>,
    signal?: AbortSignal | undefined,
  ): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      // Who cannot reach the store has not looked.
      const isAbout = error instanceof TrailError ? error.code === "broken" : error instanceof Error
      if (!isAbout) throw error
      const why =
        error instanceof TrailError ? error.message : "a value in it has no form that PostgreSQL writes"
      this.failures.push({ part, why })
      return undefined
    }
  }
}
