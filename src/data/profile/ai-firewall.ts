// AI Usage Firewall: log_entries, which hold what is known about prompts and never a prompt, and its three tables.
import { tables } from "./ai-firewall-tables.js"
import type { EventView, Place, Profile, ViewColumn } from "./shape.js"

/** What the details keep; whatever else stands there, the view is readable. */
const number = (key: string): string =>
  `case jsonb_typeof(e.details -> '${key}') when 'number' then case when (e.details -> '${key}')::numeric between -2147483648 and 2147483647 then (e.details -> '${key}')::int end end`
const boolean = (key: string): string =>
  `case jsonb_typeof(e.details -> '${key}') when 'boolean' then (e.details -> '${key}')::boolean end`

const columns: readonly ViewColumn[] = [
  { name: "id", type: "uuid", read: "e.id", default: "gen_random_uuid()", isRequired: true },
  {
    name: "timestamp",
    type: "timestamptz",
    read: "e.occurred_at",
    default: "now()",
    isRequired: true,
    // It sends times without a zone, and means UTC: in a session of another zone they would be hours off.
    check: { name: "pgtrail_time_zone_utc", sql: 'extract(timezone from new."timestamp") = 0' },
  },
  { name: "device_id", type: "varchar", read: "e.device_id", isRequired: true },
  { name: "user_id", type: "varchar", read: "left(e.actor_id, 300)", isRequired: true, limit: 300 },
  // In resource_name it has its home; in resource_type it has an index.
  { name: "tool_name", type: "varchar", read: "left(e.resource_type, 100)", isRequired: true, limit: 100 },
  { name: "tool_type", type: "varchar", read: "e.details ->> 'tool_type'", isRequired: true },
  {
    name: "risk_level",
    type: "varchar",
    read: "case e.severity when 'info' then 'green' when 'warning' then 'amber' when 'critical' then 'red' else e.severity end",
    isRequired: true,
    check: { name: "pgtrail_risk_level", sql: "new.risk_level in ('green', 'amber', 'red')" },
  },
  { name: "prompt_length", type: "int", read: number("prompt_length"), isRequired: true },
  {
    name: "detected_entity_types",
    type: "json",
    read: "e.details -> 'detected_entity_types'",
    default: "'[]'",
    isRequired: true,
  },
  { name: "entity_count", type: "int", read: number("entity_count"), default: "0", isRequired: true },
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

/** Names that hold a prompt or an answer, in small letters and without what stands between them. */
const promptKeys = [
  ...["prompt", "prompts", "prompttext", "promptcontent", "promptbody", "rawprompt", "originalprompt"],
  ...["sanitizedprompt", "userprompt", "systemprompt", "content", "contents", "text", "rawtext"],
  ...["originaltext", "sanitizedtext", "message", "messages", "completion", "completions"],
  ...["response", "responses", "responsetext", "question", "answer", "userinput", "userquery"],
]

/** Only where a document has one of these words at all, or a character written as a number, is it walked through. */
const noPrompt = (_place: Place): string => {
  const walks = ["log_metadata", "detected_entity_types"].map(
    (column) => `        with recursive walk (key, value) as (
            select null::text, new.${column}::jsonb
            union all
            select m.key, m.value
            from walk w, lateral (
                select o.key, o.value from jsonb_each(case jsonb_typeof(w.value) when 'object' then w.value end) o
                union all
                select null, a.value from jsonb_array_elements(case jsonb_typeof(w.value) when 'array' then w.value end) a (value)
            ) m
        )
        select w.key into found_row from walk w
        where regexp_replace(lower(w.key), '[^a-z]', '', 'g') = any ('{${promptKeys.join(",")}}') limit 1;
        if found then
            raise exception using errcode = '23514', constraint = 'pgtrail_no_prompt_text', column = '${column}',
                table = tg_table_name, schema = tg_table_schema,
                message = format('column ${column} of relation %I must not have the key %s: no text of a prompt or an answer is stored',
                    tg_table_name, to_json(left(found_row.key, 100)));
        end if;`,
  )
  return `    if concat(new.log_metadata, new.detected_entity_types) ~* 'prompt|content|text|message|completion|response|question|answer|user|\\\\u' then
${walks.join("\n")}
    end if;`
}

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

export const aiFirewall: Profile = {
  name: "ai-firewall",
  summary: "AI Usage Firewall: log_entries of one organization, users, devices and firewall_configs",
  views: [logEntries],
  companions: tables,
  replacements: ({ schema }) => [
    {
      instead: "pg_dump -t log_entries",
      run: `psql -c "\\copy (select * from ${schema}.log_entries) to 'log_entries.csv' csv header"`,
      why: "log_entries is a view, of which pg_dump keeps no rows; the evidence itself: pgtrail export create, or pgtrail backup create",
    },
    {
      instead: "alembic upgrade head",
      run: "alembic stamp head",
      why: "the tables are there already: it records that, and creates none",
    },
    {
      instead: "cleanup_logs.py, POST /api/v1/admin/cleanup-logs, or ENABLE_RETENTION_SCHEDULER=true",
      run: "pgtrail retention run, in a crontab",
      why: "DELETE FROM log_entries is refused; log_retention_days sets the policy of the organization, and retention records what it takes",
    },
    {
      instead: "UPDATE log_entries or DELETE FROM log_entries",
      run: "pgtrail gdpr rectify, pgtrail gdpr erase or pgtrail retention run",
      why: "the trail is append-only; these record what they change",
    },
    {
      instead: "CREATE INDEX ... ON log_entries (...)",
      run: "nothing",
      why: "the indexes of pgtrail.event serve user_id, tool_name and times; device_id and risk_level are looked for along the time",
    },
  ],
  next: [
    "insert into firewall_configs (organization_id, updated_by) values ('ORGANIZATION', 'WHO')   # 90 days, unless log_retention_days says more or less",
    "pgtrail retention run   # in a crontab: takes what is past log_retention_days",
  ],
}
