// Reads events from a binary COPY of their canonical records, and hashes each one: the inner loop of verify.
import * as crypto from "node:crypto"
import { contentFields, type FieldList, frameFields, identityFields, placeFields } from "../canonical.js"

const expressions = (fields: FieldList): string =>
  fields.map(([column, type]) => `${column}::${type}`).join(", ")
const zeros = `'\\x${"00".repeat(32)}'::bytea`

/**
 * Built-in expressions only: a function stored in the database is never trusted. The digests stand as zeros in the event's record;
 * the reader puts in what it computed itself, or what a redacted event has stored.
 */
export const recordColumns = [
  `row('pgtrail identity'::text, identity_salt::uuid, ${expressions(identityFields)})`,
  `row('pgtrail content'::text, content_salt::uuid, ${expressions(contentFields)})`,
  `row('pgtrail event'::text, ${expressions(placeFields)}, ${zeros}, ${zeros}, ${expressions(frameFields)})`,
  "hash::bytea",
  "identity_digest::bytea",
  "content_digest::bytea",
].join(", ")

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
  /** occurred_at in microseconds since 2000, as two halves. */
  timeHigh: number
  timeLow: number
  /** Valid only during the call: the record the hash is over, and where its parts are. */
  record: Buffer
  organizationLength: number
}

// Offsets in the event's record, without the bytes of the organization (see FORMAT.md).
const versionAt = 33
const organizationAt = 43
const laneAt = 51
export const seqAt = 61
const previousAt = 77
const identityAt = 117
const contentAt = 157
const occurredAt = 197
const recordedAt = 213
const idAt = 229

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

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1")

/** Cuts the stream of COPY chunks into rows and calls `visit` for each. */
export class RowReader {
  /** Rows read so far. */
  rows = 0
  readonly #visit: (row: Row) => void
  #parts: Buffer[] = []
  #size = 0
  #need = 19
  #started = false
  readonly #row: Row = {
    chain: "",
    seq: 0,
    version: 0,
    previous: "",
    hash: "",
    computed: "",
    redactedIdentity: false,
    redactedContent: false,
    timeHigh: 0,
    timeLow: 0,
    record: Buffer.alloc(0),
    organizationLength: 0,
  }

  constructor(visit: (row: Row) => void) {
    this.#visit = visit
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#need) return
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#size)
    const used = this.#read(bytes)
    const rest = bytes.subarray(used)
    this.#parts = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
  }

  #read(bytes: Buffer): number {
    let at = 0
    if (!this.#started) {
      if (bytes.compare(signature, 0, signature.length, 0, signature.length) !== 0)
        throw new Error("not a binary COPY stream")
      at = 19 + bytes.readInt32BE(15)
      this.#started = true
      this.#need = 2
    }
    const end = bytes.length
    const starts = [0, 0, 0, 0, 0, 0]
    const lengths = [0, 0, 0, 0, 0, 0]
    while (true) {
      if (at + 2 > end) break
      if (bytes.readInt16BE(at) === -1) {
        at = end
        break
      }
      let field = at + 2
      let complete = true
      for (let index = 0; index < 6; index++) {
        if (field + 4 > end) {
          this.#need = field + 4 - at
          complete = false
          break
        }
        const length = bytes.readInt32BE(field)
        starts[index] = field + 4
        lengths[index] = length
        field += 4 + Math.max(length, 0)
        if (field > end) {
          this.#need = field - at
          complete = false
          break
        }
      }
      if (!complete) return at
      this.#hash(bytes, starts, lengths)
      at = field
    }
    this.#need = 2
    return at
  }

  #hash(bytes: Buffer, starts: readonly number[], lengths: readonly number[]): void {
    const [
      identityStart = 0,
      contentStart = 0,
      eventStart = 0,
      hashStart = 0,
      identityDigestStart = 0,
      contentDigestStart = 0,
    ] = starts
    const [
      identityLength = 0,
      contentLength = 0,
      eventLength = 0,
      hashLength = 0,
      identityDigestLength = -1,
      contentDigestLength = -1,
    ] = lengths
    this.rows += 1
    const row = this.#row
    const record = bytes.subarray(eventStart, eventStart + eventLength)
    row.record = record
    row.hash = hashLength < 0 ? "" : bytes.toString("latin1", hashStart, hashStart + hashLength)
    row.redactedIdentity = identityDigestLength >= 0
    row.redactedContent = contentDigestLength >= 0

    const length = record.readInt32BE(39)
    // A row whose place is null or whose previous hash has another width was not made by pgtrail: it has no chain to stand in.
    const regular =
      record.readInt32BE(29) === 2 &&
      length >= 0 &&
      record.length > idAt + length + 16 &&
      record.readInt32BE(organizationAt + length + 4) === 2 &&
      record.readInt32BE(laneAt + length + 6) === 8 &&
      record.readInt32BE(seqAt + length + 12) === 32 &&
      // Beyond 2^53 no chain will ever be.
      Math.abs(record.readInt32BE(seqAt + length)) < 0x200000
    if (!regular) {
      row.chain = ""
      row.seq = Number.NaN
      this.#visit(row)
      return
    }
    row.organizationLength = length
    row.version = record.readInt16BE(versionAt)
    row.chain = record.toString("latin1", organizationAt, laneAt + length + 2)
    row.seq = record.readInt32BE(seqAt + length) * 4294967296 + record.readUInt32BE(seqAt + length + 4)
    row.previous = record.toString("latin1", previousAt + length, previousAt + length + 32)
    row.timeHigh = record.readInt32BE(occurredAt + length)
    row.timeLow = record.readUInt32BE(occurredAt + length + 4)
    if (identityDigestLength === 32) {
      bytes.copy(record, identityAt + length, identityDigestStart, identityDigestStart + 32)
    } else {
      const digest = crypto.hash(
        "sha256",
        bytes.subarray(identityStart, identityStart + identityLength),
        "binary",
      )
      record.write(digest, identityAt + length, "latin1")
    }
    if (contentDigestLength === 32) {
      bytes.copy(record, contentAt + length, contentDigestStart, contentDigestStart + 32)
    } else {
      const digest = crypto.hash(
        "sha256",
        bytes.subarray(contentStart, contentStart + contentLength),
        "binary",
      )
      record.write(digest, contentAt + length, "latin1")
    }
    row.computed = crypto.hash("sha256", record, "binary")
    this.#visit(row)
  }
}
