// The columns of an event: what each is, as the database says it, and by which filter it is asked for.
import type { ClientBase } from "pg"
import { type EventColumn, eventColumns, eventTypes } from "../event-columns.js"
import { type CriterionName, flagOf } from "../query/criteria.js"
import { type Group, groupOf } from "../verification/difference.js"

export interface Field {
  readonly name: EventColumn
  readonly type: string
  /** What it is hashed with: FORMAT.md. */
  readonly group: Group
  readonly meaning: string | null
  /** `--actor`; several where a column has several. */
  readonly filters: readonly string[]
}

/** Which criteria look at a column. A test compares it with the statements that they become. */
const filters: Partial<Record<EventColumn, readonly CriterionName[]>> = {
  organization_id: ["organization", "at"],
  project_id: ["project"],
  event_type: ["type"],
  category: ["category"],
  action: ["action"],
  severity: ["severity"],
  outcome: ["outcome"],
  status_code: ["statusCode"],
  actor_type: ["actorType"],
  actor_role: ["role"],
  resource_type: ["resource"],
  request_method: ["method"],
  data_classification: ["classification"],
  retention_policy: ["policy"],
  compliance_tags: ["compliance"],
  actor_id: ["actor"],
  actor_name: ["actorName", "grep"],
  actor_email: ["actorEmail", "grep"],
  ip_address: ["ip"],
  session_id: ["session"],
  device_id: ["device"],
  resource_id: ["resource"],
  resource_name: ["grep"],
  namespace: ["namespace"],
  description: ["grep"],
  error_message: ["grep"],
  request_id: ["request"],
  correlation_id: ["correlation"],
  request_params: ["grep"],
  before_state: ["grep"],
  after_state: ["grep"],
  details: ["where", "grep"],
  tags: ["tag"],
  lane: ["at"],
  seq: ["at"],
}

const ofTime = ["--since", "--until"]

/** In the order of the table. */
export async function fields(client: ClientBase): Promise<Field[]> {
  const { rows } = await client.query<{ name: string; meaning: string | null }>(
    `select a.attname as name, col_description(a.attrelid, a.attnum) as meaning
     from pg_attribute a where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0`,
  )
  const meanings = new Map(rows.map(({ name, meaning }) => [name, meaning]))
  return eventColumns.map((name) => ({
    name,
    type: eventTypes[name],
    // It is hashed beside the chain (FORMAT.md), but it is the application that says it.
    group: name === "organization_id" ? "frame" : groupOf(name),
    meaning: meanings.get(name) ?? null,
    filters: name === "occurred_at" ? ofTime : (filters[name] ?? []).map(flagOf),
  }))
}
