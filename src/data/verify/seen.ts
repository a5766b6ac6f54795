// One event as the ordered reading keeps it, and how well it fits a place.
import * as crypto from "node:crypto"
import type { RedactionFault } from "../redaction/judge.js"
import { idOf, type Row, recordedAtOf, seqAt } from "./row.js"

export interface Seen {
  readonly seq: number
  readonly previous: string
  readonly hash: string
  readonly computed: string
  readonly version: number
  /** What is wrong with its redacted groups. */
  readonly faults: readonly RedactionFault[]
  readonly event_id: string
  /** Microseconds since 2000. */
  readonly occurredAt: bigint
  /** Microseconds since 2000. */
  readonly recordedAt: bigint
  readonly record: Buffer | undefined
  readonly organizationLength: number
}

/** `row` is reused by its reader; this is not. */
export function keep(row: Row): Seen {
  return {
    seq: row.seq,
    previous: row.previous,
    hash: row.hash,
    computed: row.computed,
    version: row.version,
    faults: row.faults,
    event_id: idOf(row),
    occurredAt: (BigInt(row.timeHigh) << 32n) | BigInt(row.timeLow),
    recordedAt: recordedAtOf(row),
    record: row.computed === row.hash ? undefined : Buffer.from(row.record),
    organizationLength: row.organizationLength,
  }
}

export const alteredMessage = (row: Seen): string => `event ${row.seq} was altered: its hash does not fit it`

/** The event of a place that belongs there most: its hash fits, it follows the one before, the one after follows it. */
export function best(
  group: readonly Seen[],
  accepted: readonly string[] | undefined,
  next: Seen | undefined,
): Seen {
  const score = (row: Seen) =>
    (row.computed === row.hash ? 4 : 0) +
    (accepted === undefined || accepted.includes(row.previous) ? 2 : 0) +
    (next !== undefined && next.seq === row.seq + 1 && next.previous === row.hash ? 1 : 0)
  // Of equals the earlier, then the smaller hash: every reading tells of the same one.
  const isBefore = (a: Seen, b: Seen) =>
    a.occurredAt < b.occurredAt || (a.occurredAt === b.occurredAt && a.hash < b.hash)
  const isBetter = (a: Seen, b: Seen) => score(a) > score(b) || (score(a) === score(b) && isBefore(a, b))
  return group.reduce((a, b) => (isBetter(b, a) ? b : a))
}

export function fitsAt(row: Seen, seq: number): boolean {
  if (row.record === undefined || seq === row.seq) return false
  const record = Buffer.from(row.record)
  record.writeBigInt64BE(BigInt(seq), seqAt + row.organizationLength)
  return crypto.hash("sha256", record, "binary") === row.hash
}

/** Of the whole record, also of a row that has no place; hex. */
export const digestOf = (row: Row): string => crypto.hash("sha256", row.record, "hex")

/** What makes two findings about an event the same: what is stored, and what it hashes to. */
export const evidenceOf = (row: Seen): string =>
  Buffer.from(row.previous + row.hash + row.computed, "latin1").toString("hex")
