// Every column of the audit tables of five existing systems has a home in an event: they must later run on it unchanged.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let columns: string[]
beforeAll(async () => {
  db = await testDatabase()
  const rows = await db.query(
    "select attname as name from pg_attribute where attrelid = 'pgtrail.event'::regclass and attnum > 0 and not attisdropped",
  )
  columns = rows.map((row) => row.name ?? "")
})
afterAll(() => db.drop())

/** The columns as these systems define them; facts, not choices. */
const tables: Readonly<Record<string, string>> = {
  "mem0 audit_logs": `id timestamp user_id user_role operation resource_type resource_id action_result ip_address user_agent
    request_id data_classification data_size_bytes details signature`,
  "memoric audit_logs": `id event_type severity description user_id username session_id ip_address user_agent resource_type
    resource_id namespace action before_state after_state request_method request_path request_params success error_message
    status_code metadata tags compliance_tags retention_policy timestamp`,
  "agenttrace audit_events": `event_id timestamp organization_id project_id actor_type actor_id actor_email actor_ip
    actor_user_agent event_category event_type event_severity resource_type resource_id resource_name action previous_state
    new_state request_id session_id hash previous_hash`,
  "audit-db audit_log": `id timestamp ttl principal_id organization_id action target_resource_type target_resource_id status
    outcome_description hash hash_algorithm event_version correlation_id data_classification retention_policy
    processing_latency archived_at details`,
  "firewall log_entries": `id timestamp device_id user_id tool_name tool_type risk_level prompt_length detected_entity_types
    entity_count was_sanitized log_metadata created_at`,
}

/** Where each column lives: columns of pgtrail.event, `details.key` for what has none, `= ...` for what is not stored a row. */
const homes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "mem0 audit_logs": {
    id: "id",
    timestamp: "occurred_at",
    user_id: "actor_id",
    user_role: "actor_role",
    operation: "event_type",
    resource_type: "resource_type",
    resource_id: "resource_id",
    action_result: "outcome",
    ip_address: "ip_address, else details.ip_address",
    user_agent: "user_agent",
    request_id: "request_id",
    data_classification: "data_classification",
    data_size_bytes: "data_size_bytes",
    details: "details",
    signature: "signature",
  },
  "memoric audit_logs": {
    id: "external_number",
    event_type: "event_type",
    severity: "severity",
    description: "description",
    user_id: "actor_id",
    username: "actor_name",
    session_id: "session_id",
    ip_address: "ip_address, else details.ip_address",
    user_agent: "user_agent",
    resource_type: "resource_type",
    resource_id: "resource_id",
    namespace: "namespace",
    action: "action",
    before_state: "before_state",
    after_state: "after_state",
    request_method: "request_method",
    request_path: "request_path",
    request_params: "request_params",
    success: "outcome",
    error_message: "error_message",
    status_code: "status_code",
    metadata: "details",
    tags: "tags, else details.tags",
    compliance_tags: "compliance_tags, else details.compliance_tags",
    retention_policy: "retention_policy",
    timestamp: "occurred_at",
  },
  "agenttrace audit_events": {
    event_id: "external_id",
    timestamp: "occurred_at",
    organization_id: "organization_id",
    project_id: "project_id",
    actor_type: "actor_type",
    actor_id: "actor_id",
    actor_email: "actor_email",
    actor_ip: "ip_address",
    actor_user_agent: "user_agent",
    event_category: "category",
    event_type: "event_type",
    event_severity: "severity",
    resource_type: "resource_type",
    resource_id: "resource_id",
    resource_name: "resource_name",
    action: "action",
    previous_state: "before_state",
    new_state: "after_state",
    request_id: "request_id",
    session_id: "session_id",
    // What the application sends as its own hash stays beside the one that the database computes.
    hash: "hash, else details.hash",
    previous_hash: "previous_hash, else details.previous_hash",
  },
  "audit-db audit_log": {
    id: "external_number",
    timestamp: "occurred_at",
    ttl: "details.ttl",
    principal_id: "actor_id",
    organization_id: "organization_id",
    action: "action",
    target_resource_type: "resource_type",
    target_resource_id: "resource_id",
    status: "outcome",
    outcome_description: "description",
    hash: "hash, else details.hash",
    hash_algorithm: "= hash_version: version 1 is SHA-256",
    event_version: "event_version",
    correlation_id: "correlation_id",
    data_classification: "data_classification",
    retention_policy: "retention_policy",
    processing_latency: "processing_latency_ms",
    archived_at: "= time of the purge record that names the archive",
    details: "details",
  },
  "firewall log_entries": {
    id: "id",
    timestamp: "occurred_at",
    device_id: "device_id",
    user_id: "actor_id",
    tool_name: "resource_name",
    tool_type: "details.tool_type",
    risk_level: "severity",
    prompt_length: "details.prompt_length",
    detected_entity_types: "details.detected_entity_types",
    entity_count: "details.entity_count",
    was_sanitized: "details.was_sanitized",
    log_metadata: "details.log_metadata",
    created_at: "recorded_at",
  },
}

for (const [table, list] of Object.entries(tables)) {
  test(`every column of ${table} has a home`, () => {
    const names = list.split(/\s+/)
    expect(names.filter((name) => homes[table]?.[name] === undefined)).toEqual([])
    expect(Object.keys(homes[table] ?? {}).filter((name) => !names.includes(name))).toEqual([])
  })

  test(`every home of ${table} exists`, () => {
    for (const [name, home] of Object.entries(homes[table] ?? {})) {
      const places = home.startsWith("= ") ? [/^= (\w+)/.exec(home)?.[1] ?? ""] : home.split(", else ")
      for (const place of places) {
        if (home.startsWith("= time of")) continue
        expect(columns, `${table}.${name}`).toContain(place.replace(/^details\.\w+$/, "details"))
      }
    }
  })
}

test("ids of any shape have a column of their type", async () => {
  const rows = await db.query(`insert into pgtrail.event (event_type, id, external_id, external_number)
    values ('x', '0190a5d0-0000-4000-8000-000000000001', repeat('e', 64), 2147483648) returning id, external_id, external_number`)
  expect(rows).toEqual([
    {
      id: "0190a5d0-0000-4000-8000-000000000001",
      external_id: "e".repeat(64),
      external_number: "2147483648",
    },
  ])
})

test("the classes and outcomes of these systems are among ours", async () => {
  // audit-db: attempt, success, failure; mem0: allowed (success), denied, error; memoric: true, false (success, failure).
  for (const outcome of ["attempt", "success", "failure", "denied", "error"]) {
    await db.query("insert into pgtrail.event (event_type, outcome) values ('x', $1)", [outcome])
  }
  // agenttrace: info, warning, critical; firewall: green, amber, red (info, warning, critical); memoric: all five.
  for (const severity of ["debug", "info", "warning", "error", "critical"]) {
    await db.query("insert into pgtrail.event (event_type, severity) values ('x', $1)", [severity])
  }
  for (const classification of ["public", "internal", "confidential", "restricted", "phi"]) {
    await db.query("insert into pgtrail.event (event_type, data_classification) values ('x', upper($1))", [
      classification,
    ])
  }
})
