// One event out of a file of a backup, as verify reads it from a database: what is judged there is judged here, with the same evidence.
import { columnCount, type HashedRow, type RowRedaction } from "../archive/row-hash.js"
import { encode, type SqlType } from "../binary.js"
import {
  contentFields,
  type FieldList,
  frameFields,
  identityFields,
  placeFields,
  record,
  type TextRow,
} from "../canonical.js"
import { eventColumns } from "../event-columns.js"
import type { PresentGroup } from "../redaction/judge.js"
import { organizationAt, type Row } from "../verify/row.js"
import { RowReader } from "../verify/row-reader.js"
import { valuesOf } from "./copy-text.js"

const noFaults: Row["faults"] = []
const none = Buffer.alloc(0)

/** 64 hex digits as 32 bytes. */
export const bytesOf = (hex: string): string => Buffer.from(hex, "hex").toString("latin1")

/** Valid as long as `hashed` is. */
export function rowOf(hashed: HashedRow): Row {
  return {
    chain: hashed.chain,
    seq: hashed.seq,
    version: hashed.version,
    previous: bytesOf(hashed.previous),
    hash: bytesOf(hashed.hash),
    computed: bytesOf(hashed.computed),
    redactedIdentity: hashed.redactions.some(({ group }) => group === "identity"),
    redactedContent: hashed.redactions.some(({ group }) => group === "content"),
    faults: noFaults,
    timeHigh: hashed.occurredHigh,
    timeLow: hashed.occurredLow,
    record: hashed.record,
    organizationLength: hashed.record.readInt32BE(organizationAt - 4),
  }
}

/** What stands in the groups of an event, for whoever has the entries of its redactions. */
export const groupsOf = (redactions: readonly RowRedaction[]): readonly PresentGroup[] =>
  (["identity", "content"] as const).map((group) => {
    const found = redactions.find((one) => one.group === group)
    return { group, stored: found?.stored, record: found?.record ?? none }
  })

const zeros = Buffer.alloc(32)
const signature = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)])

/** Reads what no event of pgtrail's looks like, but its table can hold: a hash of another length, chain columns that are null. */
export class OddRows {
  #row: Row | undefined
  #reader: RowReader | undefined

  /** Undefined where it is no row of that table at all. */
  read(line: Buffer): { readonly row: Row; readonly groups: readonly PresentGroup[] } | undefined {
    const values = valuesOf(line)
    if (values.length !== columnCount) return undefined
    const row: TextRow = Object.fromEntries(eventColumns.map((column, at) => [column, values[at] ?? null]))
    try {
      const [identity, content] = [
        record("pgtrail identity", [["uuid", row.identity_salt ?? null], ...list(row, identityFields)]),
        record("pgtrail content", [["uuid", row.content_salt ?? null], ...list(row, contentFields)]),
      ]
      const event = record("pgtrail event", [
        ...list(row, placeFields),
        ["bytea", zeros],
        ["bytea", zeros],
        ...list(row, frameFields),
      ])
      const digests = [row.hash, row.identity_digest, row.content_digest].map(bytes)
      this.#row = undefined
      this.#reader ??= this.#open()
      this.#reader.push(tuple([identity, content, event, ...digests]))
      if (this.#row === undefined) return undefined
      const stored = (at: number) => digests[at]?.toString("hex")
      return {
        row: { ...(this.#row as Row), faults: noFaults },
        groups: [
          { group: "identity", stored: stored(1), record: identity },
          { group: "content", stored: stored(2), record: content },
        ],
      }
    } catch {
      // A value that its type cannot have: PostgreSQL never wrote it.
      this.#reader = undefined
      return undefined
    }
  }

  #open(): RowReader {
    const reader = new RowReader((row) => {
      this.#row = row
    })
    reader.push(signature)
    return reader
  }
}

const bytes = (value: string | null | undefined): Buffer | null =>
  value == null ? null : encode("bytea", value)

const list = (row: TextRow, fields: FieldList): [SqlType, string | null][] =>
  fields.map(([column, type]) => [type, row[column] ?? null])

/** As COPY sends it in binary. */
function tuple(fields: readonly (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(fields.length, 0)
  return Buffer.concat([
    count,
    ...fields.flatMap((field) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(field?.length ?? -1, 0)
      return field === null ? [length] : [length, field]
    }),
  ])
}

/** As the server writes the name of a partition. */
export const qualified = (name: string): string =>
  `pgtrail.${/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`}`
