// Makes the test vectors of FORMAT.md in PostgreSQL, by its own record_send() and sha256(): nothing of pgtrail's code takes part.
import { acts, catalog, type EventInput, inputs, logId } from "./inputs.js"
import { values } from "./values.js"

export type TextRow = Record<string, string | null>
type Query = (sql: string, params?: readonly unknown[]) => Promise<TextRow[]>

export interface EventVector {
  readonly name: string
  /** Every column of pgtrail.event that is not null, as COPY text has it before its own escapes. */
  readonly row: TextRow
  /** The three records before hashing, hex. Those of a redacted group are of the values before the redaction. */
  readonly identity_record: string
  readonly content_record: string
  readonly event_record: string
  readonly identity_digest: string
  readonly content_digest: string
}

export interface Vectors {
  readonly log_id: string
  readonly values: readonly { readonly type: string; readonly text: string; readonly bytes: string }[]
  readonly genesis: readonly TextRow[]
  readonly act_genesis: TextRow
  readonly catalog: {
    readonly rows: readonly { object: string; definition: string }[]
    readonly digest: string
  }
  readonly heads: { readonly rows: readonly TextRow[]; readonly digest: string }
  readonly acts: readonly { readonly row: TextRow; readonly record: string }[]
  readonly events: readonly EventVector[]
}

const identityRecord = `record_send(row('pgtrail identity'::text, identity_salt, actor_id, actor_name, actor_email, ip_address,
    user_agent, session_id, device_id))`
const contentRecord = `record_send(row('pgtrail content'::text, content_salt, resource_id, resource_name, namespace,
    description, error_message, request_path, request_id, correlation_id, request_params, before_state, after_state, details,
    tags, signature))`
const eventRecord = `record_send(row('pgtrail event'::text, hash_version, organization_id, lane, seq, previous_hash,
    sha256(${identityRecord}), sha256(${contentRecord}),
    occurred_at, recorded_at, id, external_id, external_number, source, project_id, event_type, category, action, severity,
    outcome, status_code, actor_type, actor_role, resource_type, request_method, data_classification, data_size_bytes,
    retention_policy, compliance_tags, event_version, processing_latency_ms))`
const actRecord = `record_send(row('pgtrail act'::text, hash_version, organization_id, seq, previous_hash, kind, parameters,
    digest, recorded_at, session_user_name, client_address, transaction_id::text::bigint, system_identifier, timeline))`

const identityColumns = "actor_id actor_name actor_email ip_address user_agent session_id device_id".split(
  " ",
)
const contentColumns = (
  "resource_id resource_name namespace description error_message request_path request_id correlation_id " +
  "request_params before_state after_state details tags signature"
).split(" ")

const hexUuid = (kind: number, number: number): string =>
  `00000000-0000-4000-8000-${String(kind).padStart(4, "0")}${String(number).padStart(8, "0")}`

const notNull = (row: TextRow | undefined): TextRow =>
  Object.fromEntries(Object.entries(row ?? {}).filter(([, value]) => value !== null))

/** `query` is a session whose values are text, with ISO dates in UTC and bytea as hex, on a database where pgtrail is installed. */
export async function makeVectors(query: Query): Promise<Vectors> {
  const one = async (sql: string, params?: readonly unknown[]): Promise<TextRow> => {
    const [row] = await query(sql, params)
    if (row === undefined) throw new Error("a vector's query has no row")
    return row
  }
  const text = async (sql: string, params?: readonly unknown[]): Promise<string> =>
    Object.values(await one(sql, params))[0] ?? ""
  // A copy without constraints and triggers.
  await query("create temporary table vector_event as select * from pgtrail.event with no data")
  await query("create temporary table vector_act as select * from pgtrail.act with no data")

  const genesis: TextRow[] = []
  const last = new Map<string, { seq: number; hash: string }>()
  const events: EventVector[] = []
  for (const [index, input] of inputs.entries()) {
    const organization = input.organization ?? "acme"
    const lane = input.lane ?? 0
    const chain = `${lane} ${organization}`
    let before = last.get(chain)
    if (before === undefined) {
      const start = await one(
        `select $2::text as organization_id, $3::smallint as lane, encode(r, 'hex') as record, sha256(r) as hash
         from record_send(row('pgtrail genesis'::text, $1::uuid, $2::text, $3::smallint)) r`,
        [logId, organization, lane],
      )
      genesis.push(start)
      before = { seq: 0, hash: start.hash ?? "" }
    }
    const place = {
      organization_id: organization,
      lane: String(lane),
      seq: String(before.seq + 1),
      previous_hash: before.hash,
    }
    const event = await makeEvent(query, one, input, { ...place, ...standing(index + 1) })
    events.push(event)
    last.set(chain, { seq: before.seq + 1, hash: event.row.hash ?? "" })
  }

  const heads = await query(
    `select organization_id, lane, seq, hash from (
        select distinct on (organization_id, lane) * from vector_event order by organization_id, lane, seq desc) h
     order by organization_id collate "C", lane`,
  )
  const digests: Record<string, string> = {
    heads: await text(
      `select sha256(string_agg(record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash)), ''::bytea
          order by h.organization_id collate "C", h.lane))
       from json_to_recordset($1::json) h (organization_id text, lane smallint, seq bigint, hash bytea)`,
      [JSON.stringify(heads)],
    ),
    catalog: await text(
      `select sha256(convert_to(string_agg(object || E'\\n' || definition || E'\\n', '' order by object collate "C"), 'UTF8'))
       from json_to_recordset($1::json) c (object text, definition text)`,
      [JSON.stringify(catalog)],
    ),
  }
  const actGenesis = await one(
    `select encode(r, 'hex') as record, sha256(r) as hash from record_send(row('pgtrail act genesis'::text, $1::uuid)) r`,
    [logId],
  )
  let previous = actGenesis.hash ?? ""
  const actVectors: { row: TextRow; record: string }[] = []
  for (const [index, act] of acts.entries()) {
    const digest = act.digest == null ? null : (digests[act.digest] ?? null)
    const row = {
      organization_id: "pgtrail",
      seq: String(index + 1),
      previous_hash: previous,
      hash_version: "1",
      ...act,
      digest,
    }
    await insert(query, "vector_act", row)
    await query(`update vector_act set hash = sha256(${actRecord}) where seq = $1`, [index + 1])
    const record = await text(`select encode(${actRecord}, 'hex') from vector_act where seq = $1`, [
      index + 1,
    ])
    const made = notNull(await one("select * from vector_act where seq = $1", [index + 1]))
    actVectors.push({ row: made, record })
    previous = made.hash ?? ""
  }

  const typed: { type: string; text: string; bytes: string }[] = []
  for (const [type, texts] of Object.entries(values)) {
    for (const value of texts) {
      // A record of one field: 4 bytes of count, then 8 of OID and length, then the value.
      const made = await one(
        `select v.value::text as text, encode(substr(record_send(row(v.value)), 13), 'hex') as bytes from (select $1::${type} as value) v`,
        [value],
      )
      typed.push({ type, text: made.text ?? "", bytes: made.bytes ?? "" })
    }
  }
  return {
    log_id: logId,
    values: typed,
    genesis,
    act_genesis: actGenesis,
    catalog: { rows: catalog, digest: digests.catalog ?? "" },
    heads: { rows: heads, digest: digests.heads ?? "" },
    acts: actVectors,
    events,
  }
}

/** What every event needs, fixed by its number so that the vectors stay as they are. */
const standing = (number: number): Record<string, string> => ({
  id: hexUuid(1, number),
  identity_salt: hexUuid(2, number),
  content_salt: hexUuid(3, number),
  hash_version: "1",
  recorded_at: `2026-11-21 09:30:${String(number).padStart(2, "0")}.000001+00`,
  occurred_at: `2026-11-21 09:29:${String(number).padStart(2, "0")}+00`,
  event_type: "test.vector",
  severity: "info",
  outcome: "success",
  retention_policy: "standard",
})

async function makeEvent(
  query: Query,
  one: (sql: string, params?: readonly unknown[]) => Promise<TextRow>,
  input: EventInput,
  base: Readonly<Record<string, string>>,
): Promise<EventVector> {
  await insert(query, "vector_event", { ...base, ...input.values })
  const at = [base.id]
  const made = await one(
    `select encode(${identityRecord}, 'hex') as identity_record, encode(${contentRecord}, 'hex') as content_record,
        encode(${eventRecord}, 'hex') as event_record,
        sha256(${identityRecord}) as identity_digest, sha256(${contentRecord}) as content_digest
     from vector_event where id = $1`,
    at,
  )
  await query(`update vector_event set hash = sha256(${eventRecord}) where id = $1`, at)
  const groups = [
    { group: "identity", salt: "-0004", columns: identityColumns, redacted: input.identity },
    { group: "content", salt: "-0005", columns: contentColumns, redacted: input.content },
  ]
  for (const { group, salt, columns, redacted } of groups) {
    if (redacted === undefined) continue
    const set = columns.map((column, index) => `${column} = $${index + 4}`).join(", ")
    await query(`update vector_event set ${group}_digest = $2, ${group}_salt = $3, ${set} where id = $1`, [
      base.id,
      made[`${group}_digest`],
      base.id?.replace("-0001", salt),
      ...columns.map((c) => redacted[c] ?? null),
    ])
  }
  return {
    name: input.name,
    row: notNull(await one("select * from vector_event where id = $1", at)),
    identity_record: made.identity_record ?? "",
    content_record: made.content_record ?? "",
    event_record: made.event_record ?? "",
    identity_digest: made.identity_digest ?? "",
    content_digest: made.content_digest ?? "",
  }
}

/** Parameters take the type of their column: the same as typing the value in SQL. */
async function insert(
  query: Query,
  table: string,
  row: Readonly<Record<string, string | null>>,
): Promise<void> {
  const columns = Object.keys(row)
  const params = columns.map((_, index) => `$${index + 1}`).join(", ")
  await query(`insert into ${table} (${columns.join(", ")}) values (${params})`, Object.values(row))
}
