// Profile audit-db (seed 003): lists and rules that are enforced, views that say what makes their rows, and filters on a table of some size.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let writer: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  writer = await db.role()
  await trail.installProfile("audit-db", { writers: [writer.name] })
})
afterAll(() => db.drop())

const refusal = (sql: string, role?: string): Promise<Record<string, unknown>> =>
  (role === undefined ? db.query(sql) : db.asRole(role, (client) => client.query(sql))).then(
    () => ({}),
    (error: unknown) => error as Record<string, unknown>,
  )

test("a preset with a rule that is not known is refused, and the rule is named with those that there are", async () => {
  const preset = (validation: string, classification = "PHI") =>
    `insert into audit_preset (name, organization_id, action, data_classification, validation) values ('p', 'org-1', 'x', '${classification}', '${validation}')`
  for (const [rule, unknown] of [
    ['{"status": {"regex": "^a"}}', '"regex"'],
    ['{"status": {"pattern": "^s", "maxlength": 3, "Enum": []}}', '"Enum", "maxlength"'],
    ['{"action": {"enum": ["x"]}, "status": {"max_lenght": 3}}', '"max_lenght"'],
  ] as const) {
    expect(await refusal(preset(rule)), rule).toMatchObject({
      code: "23514",
      column: "validation",
      message: expect.stringMatching(new RegExp(`no such rule: ${unknown}$`)),
      hint: "Nothing was changed. The rules of a field are pattern, enum and max_length (or maxLength).",
    })
  }
  expect(await refusal(preset("{}", "SECRET"))).toMatchObject({
    code: "23514",
    column: "data_classification",
  })
  expect(await db.query("select from audit_preset")).toEqual([])
  await db.query(preset('{"status": {"pattern": "^s", "maxLength": 7, "enum": ["success"]}}', "phi"))
  const event = (status: string) =>
    `insert into audit_log (organization_id, action, status) values ('org-1', 'x', '${status}')`
  expect(await refusal(event("failure"))).toMatchObject({ code: "23514", column: "status" })
  expect(await refusal(event("success"))).toEqual({})
  expect(await refusal(`update audit_preset set validation = '{"status": {"regexp": "^s"}}'`)).toMatchObject({
    code: "23514",
  })
})

test("an alert has a severity, a type and states of the lists, and what is refused names the column and no value", async () => {
  const alert = (over: Record<string, string>) => {
    const row = { id: "a1", organization_id: "o", severity: "HIGH", type: "SECURITY", title: "t", ...over }
    return `insert into alerts (${Object.keys(row).join(", ")}) values (${Object.values(row)
      .map((value) => `'${value}'`)
      .join(", ")})`
  }
  for (const [column, value] of [
    ["severity", "HUGE"],
    ["severity", "low"],
    ["type", "WEATHER"],
    ["acknowledged", "maybe"],
    ["resolved", "1"],
  ] as const) {
    const error = await refusal(alert({ [column]: value }), writer.name)
    expect(error, column).toMatchObject({ code: "23514", column, constraint: `alerts_${column}_check` })
    expect(`${String(error.message)} ${String(error.detail)}`).not.toContain(value)
  }
  expect(await refusal(alert({}), writer.name)).toEqual({})
  expect(await refusal("update alerts set severity = 'HUGE'", writer.name)).toMatchObject({
    column: "severity",
  })
  expect(await refusal("update alerts set resolved = 'true'", writer.name)).toEqual({})
  // What stood there before the profile asked stays, and can be closed.
  await db.query(
    "alter table alerts disable trigger pgtrail_check; update alerts set type = 'OLD'; alter table alerts enable trigger pgtrail_check",
  )
  expect(await refusal("update alerts set acknowledged = 'true'", writer.name)).toEqual({})
})

test("a role has a list of permissions with resource and action, and inherits names", async () => {
  const role = (permissions: string, inherits: string) =>
    `insert into organization_role (organization_id, name, permissions, inherits) values ('o', 'r', '${permissions}', ${inherits})`
  for (const [permissions, inherits, column] of [
    ['{"x": 1}', "null", "permissions"],
    ['["read"]', "null", "permissions"],
    ['[{"resource": "audit"}]', "null", "permissions"],
    ['[{"resource": "audit", "action": 1}]', "null", "permissions"],
    ["[[]]", "null", "permissions"],
    ["null", "null", "permissions"],
    ["[]", `'"viewer"'`, "inherits"],
    ["[]", "'[1]'", "inherits"],
    ["[]", "'[[\"viewer\"]]'", "inherits"],
  ] as const) {
    expect(await refusal(role(permissions, inherits)), permissions + inherits).toMatchObject({
      code: "23514",
      column,
      constraint: `organization_role_${column}_check`,
    })
  }
  expect(await db.query("select from organization_role")).toEqual([])
  expect(await refusal(role('[{"resource": "a", "action": "b", "conditions": {}}]', `'["viewer"]'`))).toEqual(
    {},
  )
  expect(await refusal("update organization_role set inherits = null")).toEqual({})
})

test("a view of what pgtrail records refuses a row, to whoever writes, with the command that makes one", async () => {
  for (const [view, insert, command] of [
    ["audit_integrity_log", "(verification_status) values ('success')", "pgtrail verify"],
    ["config_change_event", "(field, new_value) values ('a', '1')", "pgtrail setting set"],
    ["pseudonym_mapping", "(pseudonym_id, original_id) values ('p', 'o')", "pgtrail gdpr pseudonymize"],
    ["archive_storage", "(id, metadata) values ('a', '{}')", "pgtrail archive create --due --to table:"],
  ] as const) {
    for (const role of [undefined, writer.name]) {
      expect(await refusal(`insert into ${view} ${insert}`, role), view).toMatchObject({
        code: "42501",
        message: `public.${view} shows what pgtrail records itself: INSERT refused`,
        hint: expect.stringContaining(command),
      })
    }
    for (const sql of [
      `delete from ${view}`,
      `update ${view} set id = id`,
      `insert into ${view} (id) select id from ${view} where false`,
    ]) {
      const error = await refusal(sql)
      expect(error, sql).toMatchObject({ code: "42501" })
    }
    expect(await refusal(`delete from ${view}`, writer.name)).toMatchObject({ code: "42501" })
  }
})

test("a change of a setting or a policy has the value before it", async () => {
  await trail.setSetting("retention-grace", "9d")
  await trail.setSetting("retention-grace", "12d")
  await db.query("insert into audit_retention_policy (policy_name, retention_days) values ('phi', 3000)")
  await db.query(
    "update audit_retention_policy set retention_days = 4000, delete_after_days = 4000 where policy_name = 'phi'",
  )
  const rows = await db.query(
    "select field, previous_value, new_value from config_change_event where field in ('retention-grace', 'retention.policy.phi') order by id",
  )
  expect(rows.slice(0, 2)).toMatchObject([
    { field: "retention-grace", new_value: '"9d"' },
    { field: "retention-grace", previous_value: '"9d"', new_value: '"12d"' },
  ])
  expect(rows[2]).toMatchObject({ field: "retention.policy.phi", previous_value: null })
  expect(rows[3]?.previous_value).toBe("3000")
  expect(JSON.parse(rows[3]?.new_value ?? "null")).toMatchObject({ keep: 4000 })
  const [installed] = await db.query(
    "select new_value from config_change_event where field = 'profile.audit-db' limit 1",
  )
  expect(Object.keys(JSON.parse(installed?.new_value ?? "{}"))).not.toContain("objects")
})

test("the filters of the seed go by the indexes of the log in a table of some size", async () => {
  await db.query(`insert into audit_log (timestamp, organization_id, principal_id, action, status, target_resource_type, target_resource_id, correlation_id, data_classification)
    select timestamptz '2026-03-01Z' + n * interval '2 minutes', 'org-' || n % 5, 'u' || n % 400, 'kind.' || n % 60, 'success', 'Patient', 'p' || n % 900, 'c' || n % 3000,
      case when n % 1000 = 0 then 'PHI' else 'INTERNAL' end
    from generate_series(1, 6000) n`)
  await db.query("analyze pgtrail.event")
  for (const [filter, count, index] of [
    ["principal_id = 'u7'", "15", "actor_id, 300"],
    ["action = 'kind.7'", "100", "event_type"],
    ["correlation_id = 'c7'", "2", "correlation_id"],
    ["target_resource_type = 'Patient' and target_resource_id = 'p7'", "7", "resource_id, 300"],
    ["timestamp >= '2026-03-05Z' and timestamp < '2026-03-05 02:00Z'", "12", "occurred_at"],
  ] as const) {
    const where = `from audit_log where organization_id = 'org-2' and ${filter}`
    expect(await db.query(`select count(*) ${where}`), filter).toEqual([{ count }])
    const plan = await db.query(`explain select * ${where} order by timestamp desc limit 50`)
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n")
    const conditions = text.split("\n").filter((line) => /Index Cond: .*'org-2'/.test(line))
    expect(
      conditions.some((line) => line.includes(index)),
      `${filter}\n${text}`,
    ).toBe(true)
    expect(text, filter).not.toContain("Seq Scan on event_default")
  }
})
