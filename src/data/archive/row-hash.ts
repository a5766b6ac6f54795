// Hashes events from the lines that COPY writes of them, without a database. Bytes, not text: this is the inner loop of writing and of
// checking an archive, and must not be slower than gzip. What has a rare form goes through binary.ts.
import * as crypto from "node:crypto"
import { oids, type SqlType } from "../binary.js"
import { contentFields, type FieldList, frameFields, identityFields } from "../canonical.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { chainOf } from "../verify/row.js"
import { BadLine, isHash } from "./field-forms.js"
import { type Fields, FieldWriter } from "./field-writer.js"

/** A group of columns of which values were redacted: the digest that stands in the event's hash, and that of the values that are there. Hex. */
export interface RowRedaction {
  readonly group: "identity" | "content"
  readonly stored: string
  readonly present: string
  /** What `present` is of; only where whole records are wanted. */
  readonly record?: Buffer | undefined
}

/** One event as it was read; the object is reused. Hashes are hex. */
export interface HashedRow {
  /** Organization and lane as bytes: the key of the chain, as verify/row.ts makes it. */
  chain: string
  seq: number
  /** hash_version; of one that is not known nothing is computed. */
  version: number
  previous: string
  /** As stored. */
  hash: string
  /** As computed. */
  computed: string
  /** Groups of which a stored digest stands in the hash. */
  redactions: readonly RowRedaction[]
  /** occurred_at and recorded_at in microseconds since 2000, as two halves. */
  occurredHigh: number
  occurredLow: number
  recordedHigh: number
  recordedLow: number
  /** What `computed` is of; valid only during the call. */
  record: Buffer
}

export const columnCount = eventColumns.length
const indexOf = (column: EventColumn): number => eventColumns.indexOf(column)

interface Field {
  readonly at: number
  readonly type: SqlType
}

const plan = (fields: FieldList): readonly Field[] =>
  fields.map(([column, type]) => ({ at: eventColumns.indexOf(column as EventColumn), type }))

/** The number of fields, and the tag. */
function opening(tag: string, fields: number): Buffer {
  const bytes = Buffer.alloc(12 + tag.length)
  bytes.writeInt32BE(fields + 1, 0)
  bytes.writeInt32BE(oids.text, 4)
  bytes.writeInt32BE(tag.length, 8)
  bytes.write(tag, 12, "latin1")
  return bytes
}

const group = (tag: string, salt: EventColumn, digest: EventColumn, fields: FieldList) => ({
  opening: opening(tag, fields.length + 1),
  fields: [{ at: indexOf(salt), type: "uuid" as const }, ...plan(fields)],
  digest: indexOf(digest),
})
const identity = group("pgtrail identity", "identity_salt", "identity_digest", identityFields)
const content = group("pgtrail content", "content_salt", "content_digest", contentFields)
const event = { opening: opening("pgtrail event", frameFields.length + 7), fields: plan(frameFields) }

const [version, organization, lane, seq, previous, hash, occurred, recorded] = (
  [
    "hash_version",
    "organization_id",
    "lane",
    "seq",
    "previous_hash",
    "hash",
    "occurred_at",
    "recorded_at",
  ] as const
).map(indexOf) as [number, number, number, number, number, number, number, number]
const needed = [version, organization, lane, seq, previous, hash, occurred, recorded]

/** Where the organization stands in the event's record (FORMAT.md), and how much of what follows it names the lane. */
const organizationAt = 43
const laneBytes = 10

const none: readonly RowRedaction[] = []

export class RowHasher {
  readonly row: HashedRow = {
    chain: "",
    seq: 0,
    version: 0,
    previous: "",
    hash: "",
    computed: "",
    redactions: none,
    occurredHigh: 0,
    occurredLow: 0,
    recordedHigh: 0,
    recordedLow: 0,
    record: Buffer.alloc(0),
  }
  readonly #writer = new FieldWriter()
  readonly #isWhole: boolean

  /** `isWhole`: with the records of redacted groups, and a hash also of versions that are not known, as verify computes it. */
  constructor(isWhole = false) {
    this.#isWhole = isWhole
  }

  /** Fills `row`. Throws BadLine where the line is none of an event. */
  hash(bytes: Buffer, fields: Fields, length: number): HashedRow {
    const { row } = this
    const writer = this.#writer
    writer.open(bytes, fields, length)
    for (const at of needed) {
      if (writer.isNull(at)) throw new BadLine(`${eventColumns[at]} is null`)
    }
    const { starts, ends } = fields
    row.hash = hexOf(bytes, starts[hash] ?? 0, ends[hash] ?? 0)
    row.previous = hexOf(bytes, starts[previous] ?? 0, ends[previous] ?? 0)
    row.version = writer.integer(version)
    row.seq = writer.integer(seq)
    const isIdentity = writer.isNull(identity.digest)
    const isContent = writer.isNull(content.digest)
    const isKnown = this.#isWhole || row.version === 1
    row.redactions = none
    if (isKnown && !isIdentity) row.redactions = [this.#redaction("identity", identity, bytes, fields)]
    if (isKnown && !isContent)
      row.redactions = [...row.redactions, this.#redaction("content", content, bytes, fields)]
    const identityDigest = isKnown && isIdentity ? this.#digest(identity) : ""
    const contentDigest = isKnown && isContent ? this.#digest(content) : ""

    writer.begin(event.opening)
    writer.put(version, "smallint")
    writer.put(organization, "text")
    const organizationEnd = writer.at
    writer.put(lane, "smallint")
    writer.put(seq, "bigint")
    writer.put(previous, "bytea")
    if (isIdentity) writer.digest(identityDigest)
    else writer.put(identity.digest, "bytea")
    if (isContent) writer.digest(contentDigest)
    else writer.put(content.digest, "bytea")
    const timesAt = writer.at
    for (const { at, type } of event.fields) writer.put(at, type)
    const record = writer.bytes()
    row.record = record
    row.chain = record.toString("latin1", organizationAt, organizationEnd + laneBytes)
    // A field of eight bytes, with its header, for each of the two times.
    row.occurredHigh = record.readInt32BE(timesAt + 8)
    row.occurredLow = record.readUInt32BE(timesAt + 12)
    row.recordedHigh = record.readInt32BE(timesAt + 24)
    row.recordedLow = record.readUInt32BE(timesAt + 28)
    row.computed = isKnown ? crypto.hash("sha256", record, "hex") : ""
    return row
  }

  #redaction(
    name: RowRedaction["group"],
    group: typeof identity,
    bytes: Buffer,
    { starts, ends }: Fields,
  ): RowRedaction {
    const stored = hexOf(bytes, starts[group.digest] ?? 0, ends[group.digest] ?? 0)
    const present = Buffer.from(this.#digest(group), "latin1").toString("hex")
    const record = this.#isWhole ? Buffer.from(this.#writer.bytes()) : undefined
    return { group: name, stored, present, record }
  }

  #digest({ opening, fields }: { readonly opening: Buffer; readonly fields: readonly Field[] }): string {
    const writer = this.#writer
    writer.begin(opening)
    for (const { at, type } of fields) writer.put(at, type)
    return crypto.hash("sha256", writer.bytes(), "binary")
  }
}

/** As text: whether its digits are some, the comparison with what was computed tells. */
function hexOf(bytes: Buffer, start: number, end: number): string {
  if (!isHash(bytes, start, end)) throw new BadLine("a hash is none")
  return bytes.toString("latin1", start + 3, end)
}

export const placeOf = ({ chain, seq }: HashedRow): { organization: string; lane: string; seq: number } => ({
  ...chainOf(chain),
  seq,
})

/** In the order of the microseconds. */
export const isBefore = (high: number, low: number, than: readonly [high: number, low: number]): boolean =>
  high < than[0] || (high === than[0] && low < than[1])

/** The eight bytes of a time. */
export function timeBytes(high: number, low: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(high, 0)
  bytes.writeUInt32BE(low, 4)
  return bytes
}
