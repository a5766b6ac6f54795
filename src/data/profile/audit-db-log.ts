// Seed 003: audit_log, the events of audit-db. Its presets are applied to each row before it is checked.
import { isKept, type Kept, readKept } from "./kept.js"
import type { EventView, Place } from "./shape.js"
import { inUtc } from "./utc.js"

const kept: readonly Kept[] = [
  { column: "ttl", isLost: "new.ttl is not null" },
  // What the application sends as its own hash stays beside the one that the database computes.
  { column: "hash", isLost: "new.hash is not null" },
  { column: "hash_algorithm", isLost: "new.hash_algorithm is distinct from 'SHA-256'" },
  {
    column: "data_classification",
    isLost: "new.data_classification is distinct from upper(new.data_classification)",
  },
  { column: "retention_policy", isLost: "new.retention_policy is null" },
  { column: "archived_at", isLost: "new.archived_at is not null" },
]

const orKept = (column: string, otherwise: string): string =>
  `case when ${isKept(column)} then e.details ->> '${column}' else ${otherwise} end`

const text = "(e.details ->> 'archived_at')"
/** A time that the cast takes whatever it says: on the first of its month. The day is added after it, for there may be no such day. */
const isTime = `${text} ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,6})?[+-](0[0-9]|1[0-4])(:[0-5][0-9]){0,2}$'`

/** Text that is no time, as a marker of an erasure or what somebody appended, is none: the view stays readable. */
const archivedAt = ({ schema }: Pick<Place, "schema">) => `case when ${isKept("archived_at")} then
        case when ${isTime} then overlay(${text} placing '01' from 9 for 2)::timestamptz
            + make_interval(hours => 24 * (substr(${text}, 9, 2)::int - 1)) end
        else (
            select t.recorded_at from ${schema}.pgtrail_audit_db_act t
            where t.organization_id = 'pgtrail' and t.seq = (
                select p.act_seq from pgtrail.purge p
                where p.organization_id = e.organization_id and p.lane = e.lane and p.ranges @> e.seq
                    and exists (select from pgtrail.archive a where a.act_seq = p.act_seq)
                order by p.act_seq desc limit 1)) end`

const hash = orKept("hash", "encode(e.hash, 'hex')")

export const auditLog: EventView = {
  name: "audit_log",
  hasOrganization: true,
  sequence: "audit_log_id_seq",
  columns: [
    {
      name: "id",
      type: "integer",
      read: "case when e.external_number between -2147483648 and 2147483647 then e.external_number end",
      isRequired: true,
    },
    {
      name: "timestamp",
      type: "timestamptz",
      read: "e.occurred_at",
      default: "now()",
      isRequired: true,
      check: inUtc("timestamp"),
    },
    { name: "ttl", type: "varchar", read: orKept("ttl", "null"), limit: 255 },
    { name: "principal_id", type: "varchar", read: "left(e.actor_id, 300)", limit: 255 },
    // Its own column takes 255; the log knows none of more than 128.
    {
      name: "organization_id",
      type: "varchar",
      read: "e.organization_id",
      limit: 128,
      check: { name: "audit_log_organization_id_check", sql: "new.organization_id <> ''" },
    },
    // Read from the type of the event, which is the same text and has an index.
    {
      name: "action",
      type: "varchar",
      read: "left(e.event_type, 300)",
      isRequired: true,
      limit: 255,
      check: { name: "audit_log_action_check", sql: "new.action <> ''" },
    },
    // Whole: it may have 255 characters, and the index has the first hundred.
    { name: "target_resource_type", type: "varchar", read: "e.resource_type", limit: 255 },
    { name: "target_resource_id", type: "varchar", read: "left(e.resource_id, 300)", limit: 255 },
    {
      name: "status",
      type: "varchar",
      read: "e.outcome",
      isRequired: true,
      limit: 50,
      check: { name: "audit_log_status_check", sql: "new.status in ('attempt', 'success', 'failure')" },
    },
    { name: "outcome_description", type: "text", read: "e.description" },
    { name: "hash", type: "varchar", read: hash, limit: 64 },
    {
      name: "hash_algorithm",
      type: "varchar",
      read: orKept("hash_algorithm", "'SHA-256'"),
      default: "'SHA-256'",
      limit: 50,
    },
    { name: "event_version", type: "varchar", read: "e.event_version", default: "'1.0'", limit: 20 },
    { name: "correlation_id", type: "varchar", read: "left(e.correlation_id, 300)", limit: 255 },
    {
      name: "data_classification",
      type: "varchar",
      read: orKept("data_classification", "e.data_classification"),
      limit: 20,
      check: {
        name: "audit_log_data_classification_check",
        sql: "upper(new.data_classification) in ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED', 'PHI')",
      },
    },
    {
      name: "retention_policy",
      type: "varchar",
      read: orKept("retention_policy", "e.retention_policy"),
      default: "'standard'",
      limit: 50,
    },
    { name: "processing_latency", type: "integer", read: "e.processing_latency_ms" },
    {
      name: "archived_at",
      type: "timestamptz",
      read: archivedAt,
      // It stands as text with a year of four digits.
      check: {
        name: "audit_log_archived_at_check",
        sql: "new.archived_at >= '0002-01-01 UTC' and new.archived_at < '9999-01-01 UTC'",
      },
    },
    { name: "details", type: "jsonb", read: readKept(kept) },
  ],
  // A row of no organization is one of the profile's own: the log has no event without one.
  before: ({ schema, organization }) => `    if new.organization_id is null then
        new.organization_id := ${organization};
    end if;
    if exists (select from ${schema}.audit_preset p where p.organization_id = new.organization_id and p.action = new.action) then
        for found_row in
            select p.* from ${schema}.audit_preset p where p.organization_id = new.organization_id and p.action = new.action order by p.id
        loop
            new := jsonb_populate_record(new, ${schema}.pgtrail_audit_preset_apply(to_jsonb(found_row), to_jsonb(new)));
        end loop;
    end if;`,
  kept: { column: "details", values: kept },
  write: {
    external_number: "new.id",
    occurred_at: "new.timestamp",
    actor_id: "new.principal_id",
    organization_id: "new.organization_id",
    event_type: "new.action",
    action: "new.action",
    resource_type: "new.target_resource_type",
    resource_id: "new.target_resource_id",
    outcome: "new.status",
    description: "new.outcome_description",
    event_version: "new.event_version",
    correlation_id: "new.correlation_id",
    data_classification: "upper(new.data_classification)",
    retention_policy: "coalesce(new.retention_policy, 'standard')",
    processing_latency_ms: "new.processing_latency",
  },
  // An application that sends none is told the one that it will read.
  answers: { hash },
}
