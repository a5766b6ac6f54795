// AgentTrace: audit_events, whose organizations and hashes are those of the log; its event ids are text.
import { archive } from "./agenttrace-archive.js"
import { chainView, summaryView } from "./agenttrace-companions.js"
import { replacements } from "./agenttrace-replacements.js"
import type { EventView, Profile, ViewColumn } from "./shape.js"
import { inUtc } from "./utc.js"

const oneOf = (
  name: string,
  column: string,
  values: readonly string[],
): NonNullable<ViewColumn["check"]> => ({
  name,
  sql: `new.${column} in (${values.map((value) => `'${value}'`).join(", ")})`,
})

const columns: readonly ViewColumn[] = [
  { name: "event_id", type: "varchar", read: "left(e.external_id, 300)", isRequired: true, limit: 64 },
  {
    name: "timestamp",
    type: "timestamptz",
    read: "e.occurred_at",
    isRequired: true,
    check: inUtc("timestamp"),
  },
  {
    name: "organization_id",
    type: "varchar",
    read: "e.organization_id",
    isRequired: true,
    limit: 64,
    // The log has no event without an organization, nor one without a type.
    check: { name: "audit_events_organization_id_check", sql: "new.organization_id <> ''" },
  },
  { name: "project_id", type: "varchar", read: "e.project_id", limit: 64 },
  {
    name: "actor_type",
    type: "varchar",
    read: "e.actor_type",
    isRequired: true,
    limit: 20,
    check: oneOf("valid_actor_type", "actor_type", ["user", "service", "system"]),
  },
  { name: "actor_id", type: "varchar", read: "left(e.actor_id, 300)", isRequired: true, limit: 64 },
  { name: "actor_email", type: "varchar", read: "e.actor_email", limit: 255 },
  { name: "actor_ip", type: "inet", read: "e.ip_address" },
  { name: "actor_user_agent", type: "text", read: "e.user_agent" },
  {
    name: "event_category",
    type: "varchar",
    read: "e.category",
    isRequired: true,
    limit: 20,
    check: oneOf("valid_event_category", "event_category", ["auth", "data", "config", "admin", "eval"]),
  },
  {
    name: "event_type",
    type: "varchar",
    read: "left(e.event_type, 300)",
    isRequired: true,
    limit: 100,
    check: { name: "audit_events_event_type_check", sql: "new.event_type <> ''" },
  },
  {
    name: "event_severity",
    type: "varchar",
    read: "e.severity",
    isRequired: true,
    limit: 20,
    check: oneOf("valid_severity", "event_severity", ["info", "warning", "critical"]),
  },
  {
    name: "resource_type",
    type: "varchar",
    read: "left(e.resource_type, 100)",
    isRequired: true,
    limit: 100,
  },
  { name: "resource_id", type: "varchar", read: "left(e.resource_id, 300)", isRequired: true, limit: 64 },
  { name: "resource_name", type: "varchar", read: "e.resource_name", limit: 255 },
  {
    name: "action",
    type: "varchar",
    read: "e.action",
    isRequired: true,
    limit: 20,
    check: oneOf("valid_action", "action", ["create", "read", "update", "delete", "export"]),
  },
  { name: "previous_state", type: "jsonb", read: "e.before_state" },
  { name: "new_state", type: "jsonb", read: "e.after_state" },
  { name: "request_id", type: "varchar", read: "left(e.request_id, 300)", isRequired: true, limit: 64 },
  { name: "session_id", type: "varchar", read: "left(e.session_id, 300)", limit: 64 },
  // Never null, as in the system: the database computes both, so an application need not send them.
  { name: "hash", type: "varchar", read: "encode(e.hash, 'hex')", limit: 64 },
  {
    name: "previous_hash",
    type: "varchar",
    read: "encode(e.previous_hash, 'hex')",
    default: "''",
    isRequired: true,
    limit: 64,
  },
]

const auditEvents: EventView = {
  name: "audit_events",
  columns,
  hasOrganization: true,
  write: {
    external_id: "new.event_id",
    occurred_at: 'new."timestamp"',
    organization_id: "new.organization_id",
    project_id: "new.project_id",
    actor_type: "new.actor_type",
    actor_id: "new.actor_id",
    actor_email: "new.actor_email",
    ip_address: "new.actor_ip",
    user_agent: "new.actor_user_agent",
    category: "new.event_category",
    event_type: "new.event_type",
    severity: "new.event_severity",
    resource_type: "new.resource_type",
    resource_id: "new.resource_id",
    resource_name: "new.resource_name",
    action: "new.action",
    before_state: "new.previous_state",
    after_state: "new.new_state",
    request_id: "new.request_id",
    session_id: "new.session_id",
    // What the application sends as its own stays beside what the database computes.
    details: `nullif(jsonb_strip_nulls(jsonb_build_object('hash', nullif(new.hash, ''), 'previous_hash', nullif(new.previous_hash, ''))), '{}')`,
  },
  answers: { hash: "encode(e.hash, 'hex')", previous_hash: "encode(e.previous_hash, 'hex')" },
}

export const agenttrace: Profile = {
  name: "agenttrace",
  summary: "AgentTrace: audit_events with hashes, a daily summary and an archive",
  views: [auditEvents],
  companions: [chainView(columns), summaryView, ...archive(columns)],
  replacements,
  next: [
    "pgtrail retention policy set standard --keep 2557d   # seven years, as its archive step keeps them",
    "pgtrail verify                                       # checks every hash, where its own index served a query",
    "pgtrail index add search                             # for the full-text search that it has as an option",
    "pgtrail index add external                           # where event_id = 'x' reaches an index; again in a crontab, for new partitions",
    "pgtrail profile install agenttrace --writer ROLE",
  ],
}
