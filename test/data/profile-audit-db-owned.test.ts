// Profile audit-db (seed 003): what pgtrail owns, as the views that the system's applications know.
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

test("retention policies are pgtrail's, and whoever may set these may write the view", async () => {
  expect(await db.query("select policy_name, retention_days, is_active from audit_retention_policy")).toEqual(
    [{ policy_name: "standard", retention_days: "2555", is_active: "true" }],
  )
  const insert = `insert into audit_retention_policy (policy_name, retention_days, archive_after_days, delete_after_days, data_classification, description)
    values ('phi', 365, null, 3650, 'PHI', 'ten years')`
  expect(await refusal(insert, writer.name)).toMatchObject({ code: "42501" })
  expect(await refusal(insert, reader.name)).toMatchObject({ code: "42501" })
  await db.asRole(operator.name, (client) => client.query(insert))
  const rule =
    "select name, keep_days, archive_after_days, data_classification from pgtrail.retention_rule where ended_seq is null and name <> 'standard'"
  expect(await db.query(rule)).toEqual([
    { name: "phi", keep_days: "3650", archive_after_days: "365", data_classification: "PHI" },
  ])
  const read =
    "select retention_days, archive_after_days, delete_after_days, description, is_active from audit_retention_policy where policy_name = 'phi'"
  expect(await db.query(read)).toEqual([
    {
      retention_days: "365",
      archive_after_days: null,
      delete_after_days: "3650",
      description: "ten years",
      is_active: "true",
    },
  ])
  expect(await refusal(insert)).toMatchObject({ code: "23505" })
  expect(await refusal("insert into audit_retention_policy (policy_name) values ('none')")).toMatchObject({
    code: "23502",
    column: "retention_days",
  })
  expect(
    await refusal("insert into audit_retention_policy (policy_name, retention_days) values ('none', 0)"),
  ).toMatchObject({ code: "TR009" })

  // What changes it elsewhere is what the view shows.
  await db.query("select pgtrail.set_retention('policy', 'phi', 4000, null, 'PHI')")
  expect(await db.query(read)).toEqual([
    {
      retention_days: "4000",
      archive_after_days: null,
      delete_after_days: "4000",
      description: "ten years",
      is_active: "true",
    },
  ])
  await db.query("update audit_retention_policy set is_active = 'false' where policy_name = 'phi'")
  expect(await db.query(rule)).toEqual([])
  expect(await db.query(read)).toMatchObject([{ retention_days: "4000", is_active: "false" }])
  await db.query(
    "update audit_retention_policy set is_active = 'true', policy_name = 'phi-10' where policy_name = 'phi'",
  )
  expect(await db.query(rule)).toMatchObject([{ name: "phi-10", keep_days: "4000" }])
  await db.query("delete from audit_retention_policy where policy_name = 'phi-10'")
  expect(await db.query(rule)).toEqual([])
  expect(await db.query("select policy_name from audit_retention_policy")).toEqual([
    { policy_name: "standard" },
  ])
  expect(await refusal("delete from audit_retention_policy")).toMatchObject({ code: "TR009" })
  await db.query(
    "update audit_retention_policy set retention_days = 3000, delete_after_days = 3000 where policy_name = 'standard'",
  )
  expect(await db.query("select keep_days from pgtrail.retention_rule where ended_seq is null")).toEqual([
    { keep_days: "3000" },
  ])

  const changes = await db.query(
    "select field, new_value ->> 'keep' as keep from config_change_event where field like 'retention%' order by id",
  )
  expect(changes[0]).toEqual({ field: "retention.policy.phi", keep: "3650" })
  expect(changes.at(-1)).toEqual({ field: "retention.policy.standard", keep: "3000" })
})

test("a policy is written as it is said, or refused with the column named", async () => {
  const name = "a".repeat(255)
  await db.query(
    "insert into audit_retention_policy (policy_name, retention_days, created_by) values ('long', 30, $1)",
    [name],
  )
  const read = "select retention_days, delete_after_days, created_by from audit_retention_policy"
  expect(await db.query(`${read} where policy_name = 'long'`)).toMatchObject([{ created_by: name }])
  for (const [column, value, code] of [
    ["created_by", "a".repeat(256), "22001"],
    ["is_active", "t", "23514"],
    ["is_active", "no", "23514"],
    ["data_classification", "SECRET", "23514"],
  ]) {
    const isActive = column === "is_active" ? "" : ", is_active"
    expect(
      await refusal(
        `insert into audit_retention_policy (policy_name, retention_days, ${column}${isActive}) values ('odd', 30, '${value}'${isActive && ", 'false'"})`,
      ),
      `${column} ${value}`,
    ).toMatchObject({ code, column, table: "audit_retention_policy" })
  }
  await db.query("delete from audit_retention_policy where policy_name = 'long'")
})

test("retention_days changed alone is the period of a policy that was set elsewhere, whichever way it goes", async () => {
  const rule =
    "select keep_days, archive_after_days from pgtrail.retention_rule where ended_seq is null and name = 'elsewhere'"
  await db.query("select pgtrail.set_retention('policy', 'elsewhere', 1000, null, 'PHI')")
  for (const days of ["700", "300", "900"]) {
    await db.query(
      `update audit_retention_policy set retention_days = ${days} where policy_name = 'elsewhere'`,
    )
    expect(await db.query(rule)).toEqual([{ keep_days: days, archive_after_days: null }])
  }
  await db.query("delete from audit_retention_policy where policy_name = 'elsewhere'")
})

test("settings that were changed are changes of configuration", async () => {
  await db.query("select pgtrail.set_setting('retention-grace', '9d')")
  expect(
    await db.query(
      "select previous_value, new_value, environment from config_change_event where field = 'retention-grace'",
    ),
  ).toEqual(
    [{ previous_value: null, new_value: '"9d"', environment: db.name }].map((row) =>
      expect.objectContaining({ new_value: row.new_value, environment: row.environment }),
    ),
  )
})

test("verifications are rows, and so are their findings", async () => {
  await db.query(
    "insert into audit_log (id, organization_id, action, status) values (501, 'org-v', 'a', 'success'), (502, 'org-v', 'b', 'success')",
  )
  await trail.verify({})
  const all =
    "select audit_log_id, verification_status, verified_by, expected_hash, verification_details ->> 'kind' as kind from audit_integrity_log order by id"
  expect(await db.query(all)).toMatchObject([
    { audit_log_id: null, verification_status: "success", kind: null },
  ])
  await db.query("set session_replication_role = replica")
  await db.query("update pgtrail.event set description = 'altered' where external_number = 502")
  await db.query("set session_replication_role = origin")
  await trail.verify({})
  const rows = await db.query(all)
  expect(rows.slice(1)).toMatchObject([
    { audit_log_id: null, verification_status: "failure", kind: null },
    { audit_log_id: "502", verification_status: "failure", kind: "altered" },
  ])
  expect(rows[2]?.expected_hash).toMatch(/^[0-9a-f]{64}$/)
  // Whatever a verification says, the view is read.
  await db.query(`select pgtrail.record_verification('{"findings": "3"}')`)
  await db.query(
    `select pgtrail.record_verification('{"findings": [{"id": "0123456789abcdef", "kind": "k", "message": "m", "lane": "x", "seq": {}}]}')`,
  )
  expect(await db.query(all)).toHaveLength(6)
})

test("pseudonyms and archives are granted to nobody, and are views of pgtrail's", async () => {
  await db.query(`insert into pgtrail.archive_storage (id, metadata) values ('a/b', '{"bytes": 100}')`)
  await db.query(
    `insert into pgtrail.archive_storage_part values ('a/b', 2, decode(repeat('22', 50), 'hex')), ('a/b', 1, decode(repeat('11', 50), 'hex'))`,
  )
  expect(
    await db.query(
      "select encode(decode(data, 'base64'), 'hex') as bytes, retrieved_count from archive_storage",
    ),
  ).toEqual([{ bytes: "11".repeat(50) + "22".repeat(50), retrieved_count: "0" }])
  expect(await db.query("select * from pseudonym_mapping")).toEqual([])
  for (const name of ["pseudonym_mapping", "archive_storage", "pgtrail_audit_retention_policy"]) {
    for (const role of [writer.name, reader.name])
      expect(await refusal(`select * from ${name}`, role)).toMatchObject({ code: "42501" })
  }
  for (const name of [
    "audit_log",
    "audit_integrity_log",
    "config_change_event",
    "audit_retention_policy",
    "error_aggregation",
    "alerts",
  ]) {
    expect(await refusal(`select * from ${name}`, reader.name), name).toEqual({})
  }
})
