// pgtrail.event, and the views of it, as drizzle sees them: mirrors the SQL, never creates it (test/data/schema.test.ts compares it with the catalog).
import {
  bigint,
  customType,
  inet,
  integer,
  jsonb,
  pgSchema,
  smallint,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core"

const bytea = customType<{ data: string }>({ dataType: () => "bytea" })
/** Text in and text out: a time is never a Date. */
const time = (name: string) => timestamp(name, { withTimezone: true, mode: "string" })

const columns = () => ({
  id: uuid("id").notNull(),
  external_id: text("external_id"),
  external_number: bigint("external_number", { mode: "bigint" }),
  source: text("source"),
  organization_id: text("organization_id").notNull(),
  project_id: text("project_id"),
  occurred_at: time("occurred_at").notNull(),
  recorded_at: time("recorded_at").notNull(),
  event_type: text("event_type").notNull(),
  category: text("category"),
  action: text("action"),
  severity: text("severity").notNull(),
  outcome: text("outcome").notNull(),
  status_code: integer("status_code"),
  actor_type: text("actor_type"),
  actor_role: text("actor_role"),
  resource_type: text("resource_type"),
  request_method: text("request_method"),
  data_classification: text("data_classification"),
  data_size_bytes: bigint("data_size_bytes", { mode: "bigint" }),
  retention_policy: text("retention_policy").notNull(),
  compliance_tags: text("compliance_tags").array(),
  event_version: text("event_version"),
  processing_latency_ms: integer("processing_latency_ms"),
  actor_id: text("actor_id"),
  actor_name: text("actor_name"),
  actor_email: text("actor_email"),
  ip_address: inet("ip_address"),
  user_agent: text("user_agent"),
  session_id: text("session_id"),
  device_id: text("device_id"),
  resource_id: text("resource_id"),
  resource_name: text("resource_name"),
  namespace: text("namespace"),
  description: text("description"),
  error_message: text("error_message"),
  request_path: text("request_path"),
  request_id: text("request_id"),
  correlation_id: text("correlation_id"),
  request_params: jsonb("request_params"),
  before_state: jsonb("before_state"),
  after_state: jsonb("after_state"),
  details: jsonb("details"),
  tags: text("tags").array(),
  signature: text("signature"),
  lane: smallint("lane").notNull(),
  seq: bigint("seq", { mode: "bigint" }).notNull(),
  identity_salt: uuid("identity_salt").notNull(),
  content_salt: uuid("content_salt").notNull(),
  previous_hash: bytea("previous_hash").notNull(),
  hash: bytea("hash").notNull(),
  hash_version: smallint("hash_version").notNull(),
  identity_digest: bytea("identity_digest"),
  content_digest: bytea("content_digest"),
})

export const event = pgSchema("pgtrail").table("event", columns())

/** The view that a reader of some organizations alone reads in its place: the same columns, and those that `prefixOf` tells. */
export const organizationEvent = pgSchema("pgtrail").table(
  "organization_event",
  columns(),
) as unknown as typeof event

/** The view of what no restriction hides: the same columns. */
export const openEvent = pgSchema("pgtrail").table("open_event", columns()) as unknown as typeof event
