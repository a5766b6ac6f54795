// Reads events from a binary COPY of their canonical records, and hashes each one: the inner loop of verify.
import * as crypto from "node:crypto"
import { contentFields, type FieldList, frameFields, identityFields, placeFields } from "../canonical.js"
import { type Entry, entriesOfEvent, parseEntries } from "../redaction/entry.js"
import { judgeGroups, type RedactionFault } from "../redaction/judge.js"
import {
  contentAt,
  idAt,
  identityAt,
  laneAt,
  laneOf,
  occurredAt,
  organizationAt,
  organizationOf,
  previousAt,
  type Row,
  seqAt,
  versionAt,
} from "./row.js"

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

/** With the entries of redactions: of redacted events alone, because to look for those of any other would cost a search each. */
export const redactedColumns = `${recordColumns}, case when event.identity_digest is not null or event.content_digest is not null
  then ${entriesOfEvent} end`

/** With the entries of all events: also those of which an entry is left although what it replaced is back. */
export const judgedColumns = `${recordColumns}, ${entriesOfEvent}`

const noFaults: readonly RedactionFault[] = []
const noEntries: readonly Entry[] = []

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
    faults: noFaults,
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
    const starts = [0, 0, 0, 0, 0, 0, 0]
    const lengths = [0, 0, 0, 0, 0, 0, -1]
    while (true) {
      if (at + 2 > end) break
      const columns = bytes.readInt16BE(at)
      if (columns === -1) {
        at = end
        break
      }
      let field = at + 2
      let complete = true
      for (let index = 0; index < columns; index++) {
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
      entriesStart = 0,
    ] = starts
    const [
      identityLength = 0,
      contentLength = 0,
      eventLength = 0,
      hashLength = 0,
      identityDigestLength = -1,
      contentDigestLength = -1,
      entriesLength = -1,
    ] = lengths
    this.rows += 1
    const row = this.#row
    const record = bytes.subarray(eventStart, eventStart + eventLength)
    row.record = record
    row.hash = hashLength < 0 ? "" : bytes.toString("latin1", hashStart, hashStart + hashLength)
    row.redactedIdentity = identityDigestLength >= 0
    row.redactedContent = contentDigestLength >= 0
    row.faults = noFaults

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
    if (row.redactedIdentity || row.redactedContent || entriesLength >= 0) {
      const part = (start: number, length: number) => bytes.subarray(start, start + Math.max(length, 0))
      const entries =
        entriesLength < 0 ? noEntries : parseEntries(part(entriesStart, entriesLength).toString("utf8"))
      const stored = (is: boolean, start: number, length: number) =>
        is ? part(start, length).toString("hex") : undefined
      const groups = [
        {
          group: "identity",
          stored: stored(row.redactedIdentity, identityDigestStart, identityDigestLength),
          record: part(identityStart, identityLength),
        },
        {
          group: "content",
          stored: stored(row.redactedContent, contentDigestStart, contentDigestLength),
          record: part(contentStart, contentLength),
        },
      ] as const
      row.faults = judgeGroups(groups, entries, () => ({
        organization: organizationOf(row),
        lane: String(laneOf(row)),
        seq: String(row.seq),
      }))
    }
    this.#visit(row)
  }
}
