// AI Usage Firewall: log_entries, which hold what is known about prompts and never a prompt, and its three tables.
import { areTypes, knownKeys, metadataCompanions, noPrompt, valueLimit } from "./ai-firewall-metadata.js"
import { tables } from "./ai-firewall-tables.js"
import type { Check, EventView, Profile, ViewColumn } from "./shape.js"
import { inUtc } from "./utc.js"

/** What the details keep; whatever else stands there, the view is readable. */
const number = (key: string): string =>
  `case jsonb_typeof(e.details -> '${key}') when 'number' then case when (e.details -> '${key}')::numeric between -2147483648 and 2147483647 then (e.details -> '${key}')::int end end`
const boolean = (key: string): string =>
  `case jsonb_typeof(e.details -> '${key}') when 'boolean' then (e.details -> '${key}')::boolean end`

/** A name has one line; a prompt may have more. */
const oneLine = (column: string): Check => ({
  name: "pgtrail_one_line",
  sql: `new.${column} !~ '[[:cntrl:]]'`,
})

/** Its counts are of characters and of things found. */
const notNegative = (column: string): Check => ({ name: `pgtrail_${column}`, sql: `new.${column} >= 0` })

const columns: readonly ViewColumn[] = [
  { name: "id", type: "uuid", read: "e.id", default: "gen_random_uuid()", isRequired: true },
  {
    name: "timestamp",
    type: "timestamptz",
    read: "e.occurred_at",
    default: "now()",
    isRequired: true,
    // It sends times without a zone, and means UTC.
    check: inUtc("timestamp"),
  },
  {
    name: "device_id",
    type: "varchar",
    read: "e.device_id",
    isRequired: true,
    limit: 300,
    check: oneLine("device_id"),
  },
  {
    name: "user_id",
    type: "varchar",
    read: "left(e.actor_id, 300)",
    isRequired: true,
    limit: 300,
    check: oneLine("user_id"),
  },
  // In resource_name it has its home; in resource_type it has an index.
  {
    name: "tool_name",
    type: "varchar",
    read: "left(e.resource_type, 100)",
    isRequired: true,
    limit: 100,
    check: oneLine("tool_name"),
  },
  {
    name: "tool_type",
    type: "varchar",
    read: "e.details ->> 'tool_type'",
    isRequired: true,
    check: { name: "pgtrail_tool_type", sql: "new.tool_type in ('web', 'desktop', 'cli')" },
  },
  {
    name: "risk_level",
    type: "varchar",
    read: "case e.severity when 'info' then 'green' when 'warning' then 'amber' when 'critical' then 'red' else e.severity end",
    isRequired: true,
    check: { name: "pgtrail_risk_level", sql: "new.risk_level in ('green', 'amber', 'red')" },
  },
  {
    name: "prompt_length",
    type: "int",
    read: number("prompt_length"),
    isRequired: true,
    check: notNegative("prompt_length"),
  },
  {
    name: "detected_entity_types",
    type: "json",
    read: "e.details -> 'detected_entity_types'",
    default: "'[]'",
    isRequired: true,
    check: {
      name: "pgtrail_no_prompt_text",
      sql: areTypes("new.detected_entity_types"),
      hint: `Nothing was changed. It is a list of the names of types, each one word: '["EMAIL", "IBAN"]'.`,
    },
  },
  {
    name: "entity_count",
    type: "int",
    read: number("entity_count"),
    default: "0",
    isRequired: true,
    check: notNegative("entity_count"),
  },
  {
    name: "was_sanitized",
    type: "boolean",
    read: boolean("was_sanitized"),
    default: "false",
    isRequired: true,
  },
  {
    name: "log_metadata",
    type: "json",
    read: "e.details -> 'log_metadata'",
    default: "'{}'",
    isRequired: true,
  },
  // Always by the server's clock, whatever is sent.
  { name: "created_at", type: "timestamptz", read: "e.recorded_at", default: "now()" },
]

const logEntries: EventView = {
  name: "log_entries",
  columns,
  hasOrganization: false,
  before: noPrompt,
  write: {
    id: "new.id",
    occurred_at: 'new."timestamp"',
    // One type for all, so that log_retention_days is a rule for these events and for no others of the organization.
    event_type: "'ai_firewall.interaction'",
    category: "'ai_firewall'",
    actor_type: "'user'",
    actor_id: "new.user_id",
    device_id: "new.device_id",
    resource_type: "new.tool_name",
    resource_name: "new.tool_name",
    severity:
      "case new.risk_level when 'green' then 'info' when 'amber' then 'warning' when 'red' then 'critical' end",
    details: `jsonb_build_object('tool_type', new.tool_type, 'prompt_length', new.prompt_length,
        'detected_entity_types', new.detected_entity_types::jsonb, 'entity_count', new.entity_count,
        'was_sanitized', new.was_sanitized, 'log_metadata', new.log_metadata::jsonb)`,
  },
  answers: { created_at: "e.recorded_at" },
}

/** The second: the comments by which the profile knows its tables would be dropped. */
const autogenerate = `context.configure(..., include_object=lambda object, name, type_, reflected, compare_to: name != "log_entries")
connection.dialect.supports_comments = False`

export const aiFirewall: Profile = {
  name: "ai-firewall",
  summary: "AI Usage Firewall: log_entries of one organization, users, devices and firewall_configs",
  views: [logEntries],
  companions: [...metadataCompanions, ...tables],
  notes: [
    "stored of each entry: id, timestamp, device_id, user_id, tool_name, tool_type (web, desktop or cli), risk_level, prompt_length, detected_entity_types, entity_count, was_sanitized, log_metadata, created_at",
    "refused, and nothing is stored: a key of log_metadata or detected_entity_types that holds a prompt or an answer (prompt, content, text, message, response...), named; detected_entity_types with anything but names of one word, as a list or with a number each; a device_id, user_id or tool_name of several lines",
    `stored of log_metadata: ${knownKeys.join(", ")}, however these are written (browser_version, browserVersion), and an object of them within one of them; each value a number, true, false, null, or text of one line and at most ${valueLimit} characters. Everything else in it is left out, and a NOTICE names the keys`,
    "not found out: a prompt that the application itself writes into an id, a name or one of these values",
    "firewall_configs: where there is a row with the name of the organization, one named default changes nothing; a row that is deleted leaves its policy in force (pgtrail retention policy list; pgtrail retention policy remove NAME)",
  ],
  replacements: ({ schema }) => [
    {
      instead: "pg_dump -t log_entries",
      run: `pgtrail backup create --to PLACE\n\\copy (select * from ${schema}.log_entries) to log_entries.csv csv header`,
      why: "log_entries is a view, of which pg_dump keeps no rows; the second writes the rows alone, without the evidence",
    },
    {
      instead: "alembic upgrade head",
      run: "alembic stamp head",
      why: "the tables are there already: it records that, and creates none",
    },
    {
      instead: 'alembic revision --autogenerate -m "Description"',
      run: autogenerate,
      why: "in alembic/env.py: autogenerate lists tables and no views, and would create log_entries once more; and it would drop the comments by which the profile knows its three tables. What else it finds in these is right. include_object goes to both calls of context.configure, and the second line behind the one that has a connection",
    },
    {
      instead: "python cleanup_logs.py",
      run: "pgtrail retention run",
      why: "in a crontab, also in the place of POST /api/v1/admin/cleanup-logs and ENABLE_RETENTION_SCHEDULER=true: DELETE FROM log_entries is refused; log_retention_days sets the policy of the organization, and retention records what it takes",
    },
    {
      instead: "UPDATE log_entries SET ...",
      run: "pgtrail gdpr rectify ORG/LANE/SEQ --set NAME=VALUE --reason WHY --requested-by WHO\npgtrail gdpr erase ID --reason WHY --requested-by WHO",
      why: "the trail is append-only; these record what they change",
    },
    {
      instead: "CREATE INDEX ... ON log_entries (...)",
      run: "pgtrail profile install ai-firewall",
      why: "nothing further is to be run: the indexes of pgtrail.event serve user_id, tool_name and times; device_id and risk_level are looked for along the time",
    },
  ],
  next: [
    "insert into firewall_configs (organization_id, updated_by) values ('ORGANIZATION', 'WHO')   # 90 days, unless log_retention_days says more or less",
    "pgtrail retention run   # in a crontab: takes what is past log_retention_days",
    "pgtrail profile install ai-firewall --writer ROLE",
  ],
}
