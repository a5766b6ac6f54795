// Seed 000, the governance pack for Mem0. Its README names no lengths: text is bounded where the log's indexes would show it cut.
import { parseAddress, readAddress, writeAddressText } from "./kept.js"
import type { EventView, Place, Profile, Replacement } from "./shape.js"
import { inUtc } from "./utc.js"

const auditLogs: EventView = {
  name: "audit_logs",
  hasOrganization: false,
  columns: [
    { name: "id", type: "uuid", read: "e.id", default: "gen_random_uuid()", isRequired: true },
    {
      name: "timestamp",
      type: "timestamptz",
      read: "e.occurred_at",
      default: "now()",
      isRequired: true,
      // Its Python sends datetime.utcnow(), which has no zone.
      check: inUtc("timestamp"),
    },
    { name: "user_id", type: "varchar", read: "left(e.actor_id, 300)", isRequired: true, limit: 300 },
    { name: "user_role", type: "varchar", read: "e.actor_role" },
    {
      name: "operation",
      type: "varchar",
      read: "left(e.event_type, 300)",
      isRequired: true,
      limit: 300,
      // An event without a type is none.
      check: { name: "audit_logs_operation_check", sql: "new.operation <> ''" },
    },
    { name: "resource_type", type: "varchar", read: "left(e.resource_type, 100)", limit: 100 },
    { name: "resource_id", type: "varchar", read: "left(e.resource_id, 300)", limit: 300 },
    {
      name: "action_result",
      type: "varchar",
      read: "case e.outcome when 'success' then 'allowed' when 'denied' then 'denied' else 'error' end",
      isRequired: true,
      check: {
        name: "audit_logs_action_result_check",
        sql: "new.action_result in ('allowed', 'denied', 'error')",
      },
    },
    { name: "ip_address", type: "varchar", read: readAddress },
    { name: "user_agent", type: "text", read: "e.user_agent" },
    { name: "request_id", type: "varchar", read: "left(e.request_id, 300)", limit: 300 },
    {
      name: "data_classification",
      type: "varchar",
      read: "lower(e.data_classification)",
      check: {
        name: "audit_logs_data_classification_check",
        sql: "new.data_classification in ('public', 'internal', 'confidential', 'restricted')",
      },
    },
    { name: "data_size_bytes", type: "bigint", read: "e.data_size_bytes" },
    { name: "details", type: "jsonb", read: "e.details" },
    { name: "signature", type: "text", read: "e.signature" },
  ],
  before: () => parseAddress,
  write: {
    id: "new.id",
    occurred_at: "new.timestamp",
    actor_id: "new.user_id",
    actor_role: "new.user_role",
    event_type: "new.operation",
    resource_type: "new.resource_type",
    resource_id: "new.resource_id",
    outcome: "case new.action_result when 'allowed' then 'success' else new.action_result end",
    ip_address: "found_address",
    device_id: writeAddressText,
    user_agent: "new.user_agent",
    request_id: "new.request_id",
    data_classification: "upper(new.data_classification)",
    data_size_bytes: "new.data_size_bytes",
    details: "new.details",
    signature: "new.signature",
    // The policy of this name is for these events alone, whatever else is in the log.
    retention_policy: "'mem0'",
  },
}

function replacements({ schema }: Place): Replacement[] {
  return [
    {
      instead: "pg_dump -U audit_user -t audit_logs your_database | gzip > /backups/audit_logs_$DATE.sql.gz",
      run: `pgtrail backup create --to /backups\n\\copy (select * from ${schema}.audit_logs) to audit_logs.csv csv header`,
      why: "audit_logs is a view: pg_dump -t writes its definition and no row. pgtrail backup verify checks such a backup, where gunzip -t checks gzip alone; the second writes the rows alone",
    },
    {
      instead: "psql -U your_user -d your_database -f audit_log_schema.sql",
      run: "pgtrail profile install mem0",
      why: "the names are taken by the views",
    },
    { instead: "\\dt audit_logs", run: "\\dv audit_logs", why: "audit_logs is a view" },
    {
      instead: "\\di audit_logs*",
      run: "\\di pgtrail.event*",
      why: "a view has no indexes: those of pgtrail.event serve its filters",
    },
    {
      instead: "\\d audit_logs",
      run: `\\d+ audit_logs\n\\sf ${schema}.pgtrail_audit_logs_insert`,
      why: "\\d shows the columns and defaults; what a row must be is checked on INSERT, by this function",
    },
    {
      instead: "SELECT pg_size_pretty(pg_total_relation_size('audit_logs'));",
      run: "SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) AS pg_size_pretty FROM pg_partition_tree('pgtrail.event') WHERE isleaf",
      why: "a view has no size; this is the size of the whole log, and pgtrail partition list tells it month by month",
    },
    {
      instead:
        "SELECT indexrelname, idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE schemaname = 'public' AND relname = 'audit_logs';",
      run: "SELECT indexrelname, idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE schemaname = 'pgtrail' AND relname LIKE 'event\\_%'",
      why: "the indexes are those of the log's partitions",
    },
  ]
}

export const mem0: Profile = {
  name: "mem0",
  summary: "governance pack for Mem0: audit_logs",
  views: [auditLogs],
  companions: [],
  replacements,
  next: [
    // 7 years are at most 2557 days.
    "pgtrail retention policy set mem0 --keep 2557d --archive-after 90d",
    "pgtrail archive create --due --to PLACE",
    "pgtrail profile install mem0 --writer ROLE",
  ],
}
