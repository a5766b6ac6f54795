// One event as verify reads it, and where its parts stand in the record that its hash is over.
import type { RedactionFault } from "../redaction/judge.js"

/** One event as it was read. Binary strings (latin1) hold bytes: they compare and travel faster than buffers. The object is reused. */
export interface Row {
  /** Organization and lane as bytes: the key of the chain. */
  chain: string
  /** Place in the lane; NaN when the row has no usable place. */
  seq: number
  version: number
  previous: string
  /** As stored. */
  hash: string
  /** As recomputed. */
  computed: string
  redactedIdentity: boolean
  redactedContent: boolean
  /** What is wrong with its redacted groups, by the entries that were read with it. */
  faults: readonly RedactionFault[]
  /** occurred_at in microseconds since 2000, as two halves. */
  timeHigh: number
  timeLow: number
  /** Valid only during the call: the record the hash is over, and where its parts are. */
  record: Buffer
  organizationLength: number
}

// Offsets in the event's record, without the bytes of the organization (see FORMAT.md).
export const versionAt = 33
export const organizationAt = 43
export const laneAt = 51
export const seqAt = 61
export const previousAt = 77
export const identityAt = 117
export const contentAt = 157
export const occurredAt = 197
const recordedAt = 213
export const idAt = 229

export function organizationOf(row: Row): string {
  return row.record.toString("utf8", organizationAt, organizationAt + row.organizationLength)
}

export function laneOf(row: Row): number {
  return row.record.readInt16BE(laneAt + row.organizationLength)
}

export function recordedAtOf(row: Row): bigint {
  return row.record.readBigInt64BE(recordedAt + row.organizationLength)
}

/** Organization and lane of a chain key. */
export function chainOf(chain: string): { organization: string; lane: string } {
  const bytes = Buffer.from(chain, "latin1")
  return {
    organization: bytes.toString("utf8", 0, bytes.length - 10),
    lane: String(bytes.readInt16BE(bytes.length - 2)),
  }
}

/** The key of a chain: the organization's bytes, then the lane's field as it stands in the record. */
export function chainKey(organization: string, lane: string): string {
  const field = Buffer.alloc(10)
  field.writeInt32BE(21, 0)
  field.writeInt32BE(2, 4)
  field.writeInt16BE(Number.parseInt(lane, 10), 8)
  return Buffer.concat([Buffer.from(organization, "utf8"), field]).toString("latin1")
}

export function idOf(row: Row): string {
  const at = idAt + row.organizationLength
  const hex = row.record.toString("hex", at, at + 16)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}
