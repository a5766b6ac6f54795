// The canonical bytes of FORMAT.md: what an event and an act are hashed over. The second implementation beside SQL's own
// record_send(): it takes values in PostgreSQL's text form and needs no database.
import * as crypto from "node:crypto"
import { encode, oids, type SqlType } from "./binary.js"
import { type EventColumn, eventTypes } from "./event-columns.js"

export type { SqlType } from "./binary.js"

export type FieldList = readonly (readonly [column: string, type: SqlType])[]

const fields = (...columns: readonly EventColumn[]): FieldList =>
  columns.map((column) => [column, eventTypes[column]] as const)

/** Columns of pgtrail.event under identity_digest, in hashed order, after the tag and identity_salt. */
export const identityFields = fields(
  "actor_id",
  "actor_name",
  "actor_email",
  "ip_address",
  "user_agent",
  "session_id",
  "device_id",
)

/** Columns under content_digest, after the tag and content_salt. */
export const contentFields = fields(
  "resource_id",
  "resource_name",
  "namespace",
  "description",
  "error_message",
  "request_path",
  "request_id",
  "correlation_id",
  "request_params",
  "before_state",
  "after_state",
  "details",
  "tags",
  "signature",
)

/** Place of an event in its lane: stands before the two digests. */
export const placeFields = fields("hash_version", "organization_id", "lane", "seq", "previous_hash")

/** The frame: stands after the two digests. */
export const frameFields = fields(
  "occurred_at",
  "recorded_at",
  "id",
  "external_id",
  "external_number",
  "source",
  "project_id",
  "event_type",
  "category",
  "action",
  "severity",
  "outcome",
  "status_code",
  "actor_type",
  "actor_role",
  "resource_type",
  "request_method",
  "data_classification",
  "data_size_bytes",
  "retention_policy",
  "compliance_tags",
  "event_version",
  "processing_latency_ms",
)

/** Columns of pgtrail.act, after the tag. transaction_id is hashed as a bigint. */
export const actFields: FieldList = [
  ["hash_version", "smallint"],
  ["organization_id", "text"],
  ["seq", "bigint"],
  ["previous_hash", "bytea"],
  ["kind", "text"],
  ["parameters", "jsonb"],
  ["digest", "bytea"],
  ["recorded_at", "timestamptz"],
  ["session_user_name", "text"],
  ["client_address", "inet"],
  ["transaction_id", "bigint"],
  ["system_identifier", "bigint"],
  ["timeline", "int"],
]

/** Hash version that this code computes. */
export const hashVersion = "1"

/** A row with every column in PostgreSQL's text form (ISO dates in UTC or with an offset, bytea as `\x` hex). */
export type TextRow = Readonly<Record<string, string | null | undefined>>

export function sha256(bytes: Uint8Array): Buffer {
  return crypto.createHash("sha256").update(bytes).digest()
}

/** record_send(ROW(tag, values...)): field count, then OID, length and bytes of each field. */
export function record(tag: string, fields: readonly (readonly [SqlType, string | Buffer | null])[]): Buffer {
  const values = fields.map(([type, value]) =>
    typeof value === "string" && type !== "text" ? encode(type, value) : value,
  )
  let size = 12 + Buffer.byteLength(tag)
  const sizes = values.map((value) => {
    const length = value === null ? 0 : typeof value === "string" ? Buffer.byteLength(value) : value.length
    size += 8 + length
    return length
  })
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeInt32BE(fields.length + 1, 0)
  const put = (type: SqlType, value: string | Buffer | null, length: number): void => {
    at = bytes.writeInt32BE(oids[type], at)
    at = bytes.writeInt32BE(value === null ? -1 : length, at)
    if (typeof value === "string") bytes.write(value, at, "utf8")
    else if (value !== null) bytes.set(value, at)
    at += length
  }
  put("text", tag, Buffer.byteLength(tag))
  for (const [index, [type]] of fields.entries()) put(type, values[index] ?? null, sizes[index] ?? 0)
  return bytes
}

const list = (row: TextRow, fields: FieldList): [SqlType, string | null][] =>
  fields.map(([column, type]) => [type, row[column] ?? null])

/** Recomputes the hash of an event from all its columns. A digest that is set (a redacted group) stands for its group. Lowercase hex. */
export function recompute(row: TextRow): { identity: string; content: string; hash: string } {
  const identity =
    hexBytes(row.identity_digest) ??
    sha256(record("pgtrail identity", [["uuid", row.identity_salt ?? null], ...list(row, identityFields)]))
  const content =
    hexBytes(row.content_digest) ??
    sha256(record("pgtrail content", [["uuid", row.content_salt ?? null], ...list(row, contentFields)]))
  const hash = sha256(
    record("pgtrail event", [
      ...list(row, placeFields),
      ["bytea", identity],
      ["bytea", content],
      ...list(row, frameFields),
    ]),
  )
  return { identity: identity.toString("hex"), content: content.toString("hex"), hash: hash.toString("hex") }
}

/** Recomputes the hash of an act. Lowercase hex. */
export function recomputeAct(row: TextRow): string {
  return sha256(record("pgtrail act", list(row, actFields))).toString("hex")
}

/** previous_hash of the first event of a lane. */
export function genesis(logId: string, organization: string, lane: string): Buffer {
  return sha256(
    record("pgtrail genesis", [
      ["uuid", logId],
      ["text", organization],
      ["smallint", lane],
    ]),
  )
}

/** previous_hash of the first act. */
export function actGenesis(logId: string): Buffer {
  return sha256(record("pgtrail act genesis", [["uuid", logId]]))
}

/** What of a head goes into the digest of all. */
export const headBytes = (head: {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  readonly hash: string
}): Buffer =>
  record("pgtrail head", [
    ["text", head.organization_id],
    ["smallint", head.lane],
    ["bigint", head.seq],
    ["bytea", head.hash],
  ])

/** Digest of a list of heads that is sorted by organization (bytes) and lane. */
export function headsDigest(
  heads: Iterable<{ organization_id: string; lane: string; seq: string; hash: string }>,
): string {
  const digest = crypto.createHash("sha256")
  for (const head of heads) digest.update(headBytes(head))
  return digest.digest("hex")
}

function hexBytes(value: string | null | undefined): Buffer | undefined {
  return value == null ? undefined : encode("bytea", value)
}
