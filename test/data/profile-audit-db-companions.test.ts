// Profile audit-db (seed 003): its presets, roles, errors, alerts and reports.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let writer: Role
let reader: Role
let operator: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  writer = await db.role()
  reader = await db.role()
  operator = await db.role({ memberOf: ["pgtrail_operator"] })
  await trail.installProfile("audit-db", { writers: [writer.name, operator.name], readers: [reader.name] })
})
afterAll(() => db.drop())

const refusal = (sql: string, role?: string): Promise<Record<string, unknown>> =>
  (role === undefined ? db.query(sql) : db.asRole(role, (client) => client.query(sql))).then(
    () => ({}),
    (error: unknown) => error as Record<string, unknown>,
  )

test("a default below details makes what is above it, and leaves what else stands there", async () => {
  await db.query(
    `insert into audit_preset (name, organization_id, action, default_values) values ('deep', 'org-1', 'deep', '{"details.a.b": 1}')`,
  )
  const given = [null, "{}", '{"a": {"c": 2}}', '{"a": {"b": 3}}', '{"a": [1]}', '{"a": "x"}', "[1]"]
  for (const details of given) {
    await db.query(
      "insert into audit_log (organization_id, action, status, details) values ('org-1', 'deep', 'success', $1)",
      [details],
    )
  }
  const rows = await db.query("select details from audit_log where action = 'deep' order by id")
  expect(rows.map((row) => row.details)).toEqual([
    '{"a": {"b": 1}}',
    '{"a": {"b": 1}}',
    '{"a": {"b": 1, "c": 2}}',
    '{"a": {"b": 3}}',
    '{"a": [1]}',
    '{"a": "x"}',
    "[1]",
  ])
})

test("a preset fills in, requires and validates", async () => {
  await db.query(`insert into audit_preset (name, organization_id, action, data_classification, required_fields, default_values, validation)
    values ('patient', 'org-1', 'patient.read', 'PHI', '["principalId", "target_resource_id", "ward"]',
      '{"target_resource_type": "Patient", "retentionPolicy": "hipaa", "processing_latency": 3, "details.form": "F1"}',
      '{"principal_id": {"pattern": "^u-[0-9]+$", "max_length": 6}, "status": {"enum": ["success", "failure"]}, "ward": {"enum": ["A", "B"]}}')`)
  const insert = (over: Record<string, string | null>) => {
    const row = {
      organization_id: "org-1",
      action: "patient.read",
      status: "success",
      principal_id: "u-1",
      target_resource_id: "p1",
      details: '{"ward": "A"}',
      ...over,
    } as Record<string, string | null>
    const values = Object.values(row).map((value) => (value === null ? "null" : `'${value}'`))
    return `insert into audit_log (${Object.keys(row).join(", ")}) values (${values.join(", ")}) returning id`
  }
  const id = (await db.asRole(writer.name, (client) => client.query<{ id: string }>(insert({})))).rows[0]?.id
  expect(
    await db.query(
      "select target_resource_type, retention_policy, data_classification, processing_latency, details from audit_log where id = $1",
      [id],
    ),
  ).toEqual([
    {
      target_resource_type: "Patient",
      retention_policy: "hipaa",
      data_classification: "PHI",
      processing_latency: "3",
      details: '{"form": "F1", "ward": "A"}',
    },
  ])
  for (const [over, column, rule] of [
    [{ principal_id: null }, "principal_id", "required_fields"],
    [{ details: null }, "details", "required_fields"],
    [{ principal_id: "secret" }, "principal_id", "pattern"],
    [{ principal_id: "u-1234567" }, "principal_id", "max_length"],
    [{ status: "attempt" }, "status", "enum"],
    [{ details: '{"ward": "secret"}' }, "details", "enum"],
    [{ data_classification: "PUBLIC" }, "data_classification", "data_classification"],
  ] as const) {
    const error = await refusal(insert(over))
    expect(error, rule).toMatchObject({ code: "23514", column, constraint: `audit_preset_${rule}` })
    expect(String(error.message)).toContain("audit preset patient")
    expect(String(error.message)).not.toMatch(/secret|1234567/)
  }
  // Of another organization or action it says nothing.
  for (const over of [{ organization_id: "org-2" }, { action: "patient.list" }]) {
    expect(await refusal(insert({ ...over, principal_id: "anything" }))).toEqual({})
  }
})

test("a preset that could not be applied is refused itself", async () => {
  for (const [column, value, code] of [
    ["required_fields", '{"a": 1}', "23514"],
    ["required_fields", "[1]", "23514"],
    ["default_values", "[]", "23514"],
    ["validation", '{"action": 1}', "23514"],
    ["validation", '{"action": {"pattern": "("}}', "2201B"],
    ["default_values", '{"processing_latency": "soon"}', "22P02"],
  ]) {
    const sql = `insert into audit_preset (name, organization_id, action, ${column}) values ('bad', 'org-1', 'x', '${value}')`
    expect(await refusal(sql), sql).toMatchObject({ code })
  }
})

test("errors are counted as they are written", async () => {
  await db.asRole(writer.name, (client) =>
    client.query(`insert into error_log (id, category, severity, code, message, component, user_id, aggregation_key, timestamp)
      select 'e' || n, 'DB', case when n = 12 then 'HIGH' else 'LOW' end, 'E1', 'm' || n, 'c' || n % 2, 'u' || n % 3, 'k1', '2026-11-20 10:00Z'::timestamptz + n * interval '1 minute'
      from generate_series(1, 12) n`),
  )
  await db.query(
    `insert into error_log (id, aggregation_key, timestamp) values ('e0', 'k1', '2026-11-20 10:00Z'), ('f1', 'k2', '2026-11-20 10:00Z'), ('g1', null, now())`,
  )
  await db.query("set timezone = 'UTC'")
  const rows =
    await db.query(`select aggregation_key, severity, count, error_rate, trend, first_occurrence, last_occurrence, affected_components, affected_users,
    jsonb_array_length(samples) as samples, samples -> 9 ->> 'id' as newest from error_aggregation order by 1`)
  expect(rows).toEqual([
    {
      aggregation_key: "k1",
      severity: "HIGH",
      count: "13",
      error_rate: "1.08",
      trend: "stable",
      first_occurrence: "2026-11-20 10:00:00+00",
      last_occurrence: "2026-11-20 10:12:00+00",
      affected_components: '["c1", "c0"]',
      affected_users: '["u1", "u2", "u0"]',
      samples: "10",
      newest: "e0",
    },
    {
      aggregation_key: "k2",
      severity: null,
      count: "1",
      error_rate: "1.00",
      trend: "stable",
      first_occurrence: "2026-11-20 10:00:00+00",
      last_occurrence: "2026-11-20 10:00:00+00",
      affected_components: "[]",
      affected_users: "[]",
      samples: "1",
      newest: null,
    },
  ])
})

test("roles inherit, also in a circle", async () => {
  await db.query(`insert into organization_role (organization_id, name, permissions, inherits) values
    ('org-1', 'admin', '[{"resource": "audit", "action": "delete"}]', '["editor"]'),
    ('org-1', 'editor', '[{"resource": "audit", "action": "write"}]', '["viewer", "admin", "gone"]'),
    ('org-1', 'viewer', '[{"resource": "audit", "action": "read"}]', null),
    ('org-2', 'viewer', '[{"resource": "other", "action": "read"}]', null)`)
  const of = async (name: string) =>
    (
      await db.asRole(reader.name, (client) =>
        client.query<{ action: string }>(
          "select permission ->> 'action' as action from organization_role_permissions('org-1', $1) order by 1",
          [name],
        ),
      )
    ).rows.map((row) => row.action)
  expect(await of("admin")).toEqual(["delete", "read", "write"])
  expect(await of("editor")).toEqual(["delete", "read", "write"])
  expect(await of("viewer")).toEqual(["read"])
  expect(await of("nobody")).toEqual([])
})

test("alerts, reports and dead letters are written and read", async () => {
  await db.asRole(writer.name, async (client) => {
    await client.query(
      "insert into alerts (id, organization_id, severity, type, title) values ('a1', 'org-1', 'HIGH', 'SECURITY', 'title')",
    )
    await client.query(
      "update alerts set acknowledged = 'true', acknowledged_at = now(), acknowledged_by = 'me' where id = 'a1'",
    )
    await client.query("insert into report_templates (id, name, report_type) values ('t1', 'n', 'HIPAA')")
    await client.query(
      "insert into scheduled_reports (id, name, template_id, report_type) values ('s1', 'n', 't1', 'HIPAA')",
    )
    await client.query(
      "insert into report_executions (id, report_config_id, status) values ('x1', 's1', 'completed')",
    )
    await client.query(
      "insert into archive_dlq_event (action, failure_reason, failure_count) values ('archive', 'full', 3)",
    )
  })
  expect(await db.query("select acknowledged, resolved from alerts")).toEqual([
    { acknowledged: "true", resolved: "false" },
  ])
  expect(await db.query("select id from archive_dlq_event")).toEqual([{ id: "1" }])
  expect(
    await refusal(
      `insert into alerts (id, organization_id, severity, type, title) values ('a2', 'o', 'HIGH', 'SYSTEM', repeat('x', 501))`,
    ),
  ).toMatchObject({ code: "22001" })
  expect(
    await refusal(
      "insert into report_executions (id, report_config_id, status) values ('x2', 'none', 'failed')",
    ),
  ).toMatchObject({ code: "23503" })
})

test("installs again without a change, and leaves its tables when it goes", async () => {
  const again = await trail.installProfile("audit-db")
  expect(again.objects.filter((object) => object.state === "created")).toEqual([])
  const removed = await trail.removeProfile("audit-db")
  expect(removed.kept).toContain("error_log")
  await db.query("insert into error_log (id, aggregation_key) values ('later', 'k1')")
  await db.query(
    "insert into alerts (id, organization_id, severity, type, title) values ('later', 'o', 'LOW', 'SYSTEM', 't')",
  )
  await trail.installProfile("audit-db")
  expect(await db.query("select count(*) as n from alerts")).toEqual([{ n: "2" }])
  const [newest] = await db.query("select max(external_number) + 1 as id from pgtrail.event")
  expect(await db.query("select nextval('audit_log_id_seq') as id")).toEqual([newest])
})
