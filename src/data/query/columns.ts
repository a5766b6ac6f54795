// The columns of an event and how each is written for people and programs: text as Postgres sent it, times in UTC with six digits.

/** "number" is written as text like the others, but stands to the right in a table. */
export type EventColumnKind = "text" | "number" | "json" | "array" | "time" | "bytes"

const kinds = {
  id: "text",
  external_id: "text",
  external_number: "number",
  source: "text",
  organization_id: "text",
  project_id: "text",
  occurred_at: "time",
  recorded_at: "time",
  event_type: "text",
  category: "text",
  action: "text",
  severity: "text",
  outcome: "text",
  status_code: "number",
  actor_type: "text",
  actor_role: "text",
  resource_type: "text",
  request_method: "text",
  data_classification: "text",
  data_size_bytes: "number",
  retention_policy: "text",
  compliance_tags: "array",
  event_version: "text",
  processing_latency_ms: "number",
  actor_id: "text",
  actor_name: "text",
  actor_email: "text",
  ip_address: "text",
  user_agent: "text",
  session_id: "text",
  device_id: "text",
  resource_id: "text",
  resource_name: "text",
  namespace: "text",
  description: "text",
  error_message: "text",
  request_path: "text",
  request_id: "text",
  correlation_id: "text",
  request_params: "json",
  before_state: "json",
  after_state: "json",
  details: "json",
  tags: "array",
  signature: "text",
  lane: "number",
  seq: "number",
  identity_salt: "text",
  content_salt: "text",
  previous_hash: "bytes",
  hash: "bytes",
  hash_version: "number",
  identity_digest: "bytes",
  content_digest: "bytes",
} as const satisfies Record<string, EventColumnKind>

export type EventColumn = keyof typeof kinds

/** An event, or the columns of it that were asked for. */
export type EventRow = Readonly<Record<string, string | null>>

export const eventColumnKinds: Readonly<Record<EventColumn, EventColumnKind>> = kinds

export const isEventColumn = (name: string): name is EventColumn => Object.hasOwn(kinds, name)

export const eventColumns: readonly EventColumn[] = Object.keys(kinds).filter(isEventColumn)

/** Turns Postgres' text of the columns that have another form here, in place: a copy of each row would cost a tenth of an export. */
export function rowWriter(columns: readonly EventColumn[]): (row: Record<string, string | null>) => EventRow {
  const times = columns.filter((column) => kinds[column] === "time")
  const bytes = columns.filter((column) => kinds[column] === "bytes")
  return (row) => {
    for (const column of times) row[column] = writeTime(row[column] ?? null)
    for (const column of bytes) row[column] = row[column]?.slice(2) ?? null
    return row
  }
}

const finite = /^(\d{4,})-(\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00( BC)?$/

/** `2026-07-10T12:00:00.500000Z`; before the common era with ` BC` behind; `infinity` stays. Postgres reads each of them back. */
export function writeTime(postgres: string): string
export function writeTime(postgres: string | null): string | null
export function writeTime(postgres: string | null): string | null {
  const parts = postgres === null ? null : finite.exec(postgres)
  if (parts === null) return postgres
  const [, year, day, clock, fraction = "", era = ""] = parts
  return `${year}-${day}T${clock}.${fraction.padEnd(6, "0")}Z${era}`
}
