// What is found of purges: acts that say what was not so, and records without authority.
import { microseconds } from "../binary.js"
import { digestOfPurge, type PurgeRecord } from "../purge/records.js"
import type { Findings } from "./finding.js"
import type { PurgeAct } from "./purges.js"
import type { RetentionPurge } from "./retention-purge.js"

/** Whether an event of a record was not yet old enough for the retention that purged it. */
export function isTooYoung(row: PurgeRecord, retention: RetentionPurge | undefined): boolean {
  if (retention?.limits === undefined) return false
  const { occurred, recorded } = retention.limits
  return microseconds(row.newest_occurred_at) >= occurred || microseconds(row.newest_recorded_at) >= recorded
}

export function reportAct(act: PurgeAct, isTooYoung: boolean, findings: Findings): void {
  const { seq, hash, retention } = act
  const what = `the purge of act ${seq}`
  reportRetention(what, seq, hash, retention, isTooYoung, findings)
  reportHolds(what, act, findings)
}

/** An act that removed an archive. */
export interface Removal {
  readonly seq: string
  /** Hex. */
  readonly hash: string
  /** Undefined where it was not because nothing kept it any longer. */
  readonly retention: RetentionPurge | undefined
  /** It says other holds than were in force by the acts before it. */
  readonly sawOtherHolds: boolean
  /** seq of the act that made the archive; undefined where none did. */
  readonly purge: string | undefined
}

/** `newest`: when the newest of its events occurred. */
export function reportRemoval(removal: Removal, newest: bigint | undefined, findings: Findings): void {
  const { seq, hash, retention } = removal
  // When they were recorded does not matter: they were archived since.
  const isTooYoung =
    retention?.limits !== undefined && newest !== undefined && newest >= retention.limits.occurred
  const what = `the removal of an archive by act ${seq}`
  reportRetention(what, seq, hash, retention, isTooYoung, findings)
  reportHolds(what, removal, findings)
}

function reportHolds(
  what: string,
  { seq, hash, sawOtherHolds }: Pick<Removal, "seq" | "hash" | "sawOtherHolds">,
  findings: Findings,
): void {
  if (!sawOtherHolds) return
  findings.add({
    kind: "unauthorized_purge",
    seq,
    group: "object",
    message: `${what} saw other legal holds than those that were in force by the acts: somebody had changed them`,
    evidence: `retention holds ${hash}`,
  })
}

function reportRetention(
  what: string,
  seq: string,
  hash: string,
  retention: RetentionPurge | undefined,
  isTooYoung: boolean,
  findings: Findings,
): void {
  const records = ["records", "took events that were not old enough"] as const
  for (const [problem, words] of [...(retention?.problems ?? []), ...(isTooYoung ? [records] : [])]) {
    const message = `${what} ${words}: retention did not make it`
    const evidence = `retention ${problem} ${hash}`
    findings.add({ kind: "unauthorized_purge", seq, group: "object", message, evidence })
  }
}

/** A record without authority: the places that it names count as missing. */
export function reportRecord(row: PurgeRecord, why: string, findings: Findings): void {
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
