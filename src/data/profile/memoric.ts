// Seed 001, Memoric: its audit_logs, and its audit summary out of the daily summaries.
import { knownTypes } from "../type/known.js"
import { isKept, type Kept, parseAddress, readAddress, readKept, writeAddressText } from "./kept.js"
import { auditSummary } from "./memoric-summary.js"
import type { EventView, Place, Profile, Replacement, Seldom } from "./shape.js"
import { inUtc } from "./utc.js"

/** SQL: a JSON array of text, which text[] gives back the same; not so null, a number or an array in it. */
const isTexts = (column: string): string =>
  `jsonb_typeof(${column}) = 'array' and not jsonb_path_exists(${column}, 'strict $[*] ? (@.type() != "string")', silent => true)`

const keptTexts = (column: string): Kept => ({
  column,
  isLost: `new.${column} is not null and not (${isTexts(`new.${column}`)})`,
})

const writeTexts = (column: string): Seldom => ({
  when: isTexts(`new.${column}`),
  value: `array(select jsonb_array_elements_text(new.${column}))`,
})

const readTexts = (column: string): string =>
  `case when e.${column} is not null then to_jsonb(e.${column}) when ${isKept(column)} then e.details -> '${column}' end`

const kept: readonly Kept[] = [
  keptTexts("tags"),
  keptTexts("compliance_tags"),
  // An event always has a policy: that of these events, `memoric`, stands for none.
  { column: "retention_policy", isLost: "new.retention_policy = 'memoric'" },
]

/** The groups of its event types, by the word that a type begins with. */
const categories = new Map(
  knownTypes
    .filter(({ source }) => source === "Memoric")
    .map(({ name, category }) => [name.split(".")[0] ?? "", category ?? ""]),
)

const auditLogs: EventView = {
  name: "audit_logs",
  hasOrganization: false,
  sequence: "audit_logs_id_seq",
  columns: [
    {
      name: "id",
      type: "integer",
      // An event that came another way may have a larger number: it must not make the whole view unreadable.
      read: "case when e.external_number between -2147483648 and 2147483647 then e.external_number end",
      isRequired: true,
    },
    {
      name: "event_type",
      type: "varchar",
      read: "left(e.event_type, 300)",
      isRequired: true,
      limit: 128,
      // An event without a type is none.
      check: { name: "audit_logs_event_type_check", sql: "new.event_type <> ''" },
    },
    {
      name: "severity",
      type: "varchar",
      read: "e.severity",
      default: "'info'",
      isRequired: true,
      limit: 32,
      check: {
        name: "audit_logs_severity_check",
        sql: "new.severity in ('debug', 'info', 'warning', 'error', 'critical')",
      },
    },
    { name: "description", type: "text", read: "e.description" },
    { name: "user_id", type: "varchar", read: "left(e.actor_id, 300)", limit: 128 },
    { name: "username", type: "varchar", read: "e.actor_name", limit: 128 },
    { name: "session_id", type: "varchar", read: "left(e.session_id, 300)", limit: 256 },
    { name: "ip_address", type: "varchar", read: readAddress, limit: 45 },
    { name: "user_agent", type: "text", read: "e.user_agent" },
    { name: "resource_type", type: "varchar", read: "left(e.resource_type, 100)", limit: 64 },
    { name: "resource_id", type: "varchar", read: "left(e.resource_id, 300)", limit: 256 },
    { name: "namespace", type: "varchar", read: "e.namespace", limit: 128 },
    { name: "action", type: "varchar", read: "e.action", limit: 64 },
    { name: "before_state", type: "jsonb", read: "e.before_state" },
    { name: "after_state", type: "jsonb", read: "e.after_state" },
    { name: "request_method", type: "varchar", read: "e.request_method", limit: 16 },
    { name: "request_path", type: "varchar", read: "e.request_path", limit: 512 },
    { name: "request_params", type: "jsonb", read: "e.request_params" },
    {
      name: "success",
      type: "boolean",
      read: "e.outcome not in ('failure', 'denied', 'error')",
      default: "true",
      isRequired: true,
    },
    { name: "error_message", type: "text", read: "e.error_message" },
    { name: "status_code", type: "integer", read: "e.status_code" },
    { name: "metadata", type: "jsonb", read: readKept(kept) },
    { name: "tags", type: "jsonb", read: readTexts("tags") },
    { name: "compliance_tags", type: "jsonb", read: readTexts("compliance_tags") },
    {
      name: "retention_policy",
      type: "varchar",
      read: `case when e.retention_policy <> 'memoric' then e.retention_policy when ${isKept("retention_policy")} then 'memoric' end`,
      limit: 64,
    },
    {
      name: "timestamp",
      type: "timestamptz",
      read: "e.occurred_at",
      isRequired: true,
      // Its own column has no zone, and it sends UTC.
      check: inUtc("timestamp"),
    },
  ],
  before: () => parseAddress,
  kept: { column: "metadata", values: kept },
  write: {
    external_number: "new.id",
    event_type: "new.event_type",
    category: `case split_part(new.event_type, '.', 1) ${[...categories]
      .map(([word, category]) => `when '${word}' then '${category}'`)
      .join(" ")} end`,
    severity: "new.severity",
    description: "new.description",
    actor_id: "new.user_id",
    actor_name: "new.username",
    session_id: "new.session_id",
    ip_address: "found_address",
    device_id: writeAddressText,
    user_agent: "new.user_agent",
    resource_type: "new.resource_type",
    resource_id: "new.resource_id",
    namespace: "new.namespace",
    action: "new.action",
    before_state: "new.before_state",
    after_state: "new.after_state",
    request_method: "new.request_method",
    request_path: "new.request_path",
    request_params: "new.request_params",
    outcome: "case when new.success then 'success' else 'failure' end",
    error_message: "new.error_message",
    status_code: "new.status_code",
    tags: writeTexts("tags"),
    compliance_tags: writeTexts("compliance_tags"),
    retention_policy: "coalesce(new.retention_policy, 'memoric')",
    occurred_at: "new.timestamp",
  },
}

function replacements({ schema }: Place): Replacement[] {
  return [
    {
      instead: "pg_dump -t audit_logs",
      run: "pgtrail backup create --to PLACE",
      why: "audit_logs is a view: pg_dump -t writes its definition and no row",
    },
    {
      instead: "DELETE FROM audit_logs WHERE timestamp < NOW() - INTERVAL '90 days';",
      run: "pgtrail retention policy set memoric --keep 90d\npgtrail retention run",
      why: "the log is append-only; what leaves it leaves it by a policy, with a record, and the chains stay whole; the second goes into a crontab",
    },
    {
      instead:
        "INSERT INTO audit_logs_archive SELECT * FROM audit_logs WHERE timestamp < NOW() - INTERVAL '90 days';",
      run: "pgtrail retention policy set memoric --keep 400d --archive-after 90d\npgtrail archive create --due --to PLACE",
      why: "an archive is files that verify, and pgtrail archive restore brings them back; the second goes into a crontab; there is no table audit_logs_archive",
    },
    {
      instead: "CREATE TABLE audit_logs (...)",
      run: "pgtrail profile install memoric",
      why: "metadata.create_all(engine) leaves a name alone that is there; the indexes of pgtrail.event serve the filters of the view",
    },
    {
      instead: "INSERT INTO audit_summary ...",
      run: `pgtrail summary refresh\nSELECT * FROM ${schema}.audit_summary`,
      why: "pgtrail counts, each event once, when the first is run, which goes into a crontab; they are all events of the organization, whichever profile they came through",
    },
  ]
}

export const memoric: Profile = {
  name: "memoric",
  summary: "Memoric: audit_logs, audit_summary",
  views: [auditLogs],
  companions: [auditSummary],
  replacements,
  notes: [
    "audit_summary counts every event of the organization, those of other systems too: it is read from the daily summaries (pgtrail summary refresh), which tell events apart by type and outcome, and not by the system that they came from. Of memoric's own alone: select timestamp::date, event_type, count(*), count(*) filter (where not success), count(distinct user_id) from audit_logs where timestamp >= current_date - 30 group by 1, 2",
  ],
  next: [
    "pgtrail retention policy set memoric --keep 400d --archive-after 90d",
    "pgtrail archive create --due --to PLACE",
    "pgtrail summary refresh",
    "pgtrail index add external   # where id = 5 reaches an index; again in a crontab, for new partitions",
    "pgtrail profile install memoric --writer ROLE",
  ],
}
