// Seed 000 on pgtrail: its table as a view, column by column, and every query of its README.
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mem0 } from "../../src/data/profile/mem0.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let writer: Role
beforeAll(async () => {
  db = await testDatabase()
  writer = await db.role()
  const trail = await db.trail()
  await trail.installProfile("mem0", { writers: [writer.name] })
})
afterAll(() => db.drop())

const refused = (sql: string, params: unknown[] = []) =>
  db.query(sql, params).then(
    () => undefined,
    (error: { code: string; message: string; column?: string; constraint?: string; hint?: string }) => error,
  )

const count = async () => (await db.query("select count(*) from pgtrail.event"))[0]?.count

test("the view has the columns of the seed, in its order, with their defaults", async () => {
  const rows = await db.query(`
    select column_name || ' ' || udt_name || coalesce(' ' || column_default, '') as c
    from information_schema.columns where table_schema = 'public' and table_name = 'audit_logs' order by ordinal_position`)
  expect(rows.map(({ c }) => c)).toEqual([
    "id uuid gen_random_uuid()",
    "timestamp timestamptz now()",
    "user_id varchar",
    "user_role varchar",
    "operation varchar",
    "resource_type varchar",
    "resource_id varchar",
    "action_result varchar",
    "ip_address varchar",
    "user_agent text",
    "request_id varchar",
    "data_classification varchar",
    "data_size_bytes int8",
    "details jsonb",
    "signature text",
  ])
})

test("the insert of the README keeps its id, its time and its nulls", async () => {
  const rows = await db.query(
    `INSERT INTO audit_logs (id, timestamp, user_id, operation, resource_id, action_result, details)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`,
    [
      "5f0c7a52-8f55-4a0e-9c39-0d6b7a3b2a11",
      "2026-05-01 10:00:00+00",
      "ann",
      "mem0_search",
      "m-1",
      "allowed",
      '{"query": "tea", "n": 1.50}',
    ],
  )
  const whole = {
    id: "5f0c7a52-8f55-4a0e-9c39-0d6b7a3b2a11",
    timestamp: "2026-05-01 10:00:00+00",
    user_id: "ann",
    user_role: null,
    operation: "mem0_search",
    resource_type: null,
    resource_id: "m-1",
    action_result: "allowed",
    ip_address: null,
    user_agent: null,
    request_id: null,
    data_classification: null,
    data_size_bytes: null,
    details: '{"n": 1.50, "query": "tea"}',
    signature: null,
  }
  expect(rows).toEqual([whole])
  expect(await db.query("select * from audit_logs where user_id = 'ann'")).toEqual([whole])
  expect(
    await db.query("select source, organization_id, outcome from pgtrail.event where id = $1", [whole.id]),
  ).toEqual([{ source: "mem0", organization_id: "default", outcome: "success" }])
})

test("every value comes back as it was inserted, whatever the event could hold of it", async () => {
  const addresses = ["10.1.2.3", "2001:db8::1", "2001:DB8::1", "10.0.0.0/8", "010.1.1.1", "unknown", ""]
  const details = [
    null,
    "null",
    "{}",
    "[1]",
    '"x"',
    '{"a": 1}',
    '{"ip_address": "mine"}',
    '{"pgtrail_kept": ["ip_address"]}',
    '{"pgtrail_details": 1}',
    '["pgtrail_kept"]',
  ]
  const rows = [...addresses, null].flatMap((ip) => details.map((value) => [ip, value] as const))
  const results = ["allowed", "denied", "error"]
  const classes = ["public", "internal", "confidential", "restricted", null]
  const wanted = []
  for (const [n, [ip, value]] of rows.entries()) {
    const row = {
      request_id: `r-${n}`,
      user_role: "admin",
      resource_type: "policy",
      action_result: results[n % 3] ?? "",
      ip_address: ip,
      data_classification: classes[n % 5] ?? null,
      details: value,
      signature: "s".repeat(500),
    }
    wanted.push(row)
    const [told] = await db.query(
      `insert into audit_logs (request_id, user_role, resource_type, action_result, ip_address, data_classification, details,
         signature, user_id, operation) values ($1, $2, $3, $4, $5, $6, $7, $8, 'values', 'policy_check')
       returning request_id, user_role, resource_type, action_result, ip_address, data_classification, details, signature`,
      Object.values(row),
    )
    expect(told).toEqual(row)
  }
  const read = await db.query(`
    select request_id, user_role, resource_type, action_result, ip_address, data_classification, details, signature
    from audit_logs where user_id = 'values' order by length(request_id), request_id`)
  expect(read).toEqual(wanted)
  // What is an address can be looked for as one; what is none stands in the identity group too, and goes with the person.
  expect(
    await db.query("select count(*) from pgtrail.event where actor_id = 'values' and ip_address is not null"),
  ).toEqual([{ count: String(4 * details.length) }])
  expect(
    await db.query("select count(*) from pgtrail.event where actor_id = 'values' and device_id = 'unknown'"),
  ).toEqual([{ count: String(details.length) }])
})

test("what a row must be is refused by column, without its value, and nothing is half written", async () => {
  const good = "('ok', 'mem0_search', 'allowed', null, null)"
  const insert =
    "insert into audit_logs (user_id, operation, action_result, data_classification, resource_id) values"
  const before = await count()
  const cases = [
    ["(null, 'secret-op', 'allowed', null, null)", "23502", "user_id"],
    ["('secret', null, 'allowed', null, null)", "23502", "operation"],
    ["('secret', '', 'allowed', null, null)", "23514", "operation"],
    ["('secret', 'x', null, null, null)", "23502", "action_result"],
    ["('x', 'x', 'secret', null, null)", "23514", "action_result"],
    ["('x', 'x', 'allowed', 'secret', null)", "23514", "data_classification"],
    ["('x', 'x', 'allowed', null, repeat('secret', 51))", "22001", "resource_id"],
    ["(repeat('secret', 51), 'x', 'allowed', null, null)", "22001", "user_id"],
  ] as const
  for (const [row, code, column] of cases) {
    const error = await refused(`${insert} ${good}, ${good}, ${row}, ${good}`)
    expect(error, row).toMatchObject({ code, column })
    expect(error?.message).toContain(column)
    expect(JSON.stringify({ ...error, message: error?.message })).not.toContain("secret")
  }
  expect(
    await refused(
      "insert into audit_logs (id, user_id, operation, action_result) values (null, 'x', 'x', 'error')",
    ),
  ).toMatchObject({ code: "23502", column: "id" })
  expect(await count()).toBe(before)
  await db.query(`${insert} ${good}, ${good}, ${good}`)
  expect(await count()).toBe(String(Number(before) + 3))
})

test("UPDATE and DELETE are refused to everybody, also where no row matches", async () => {
  for (const where of ["", " where false"]) {
    for (const statement of [
      `update audit_logs set user_id = 'x'${where}`,
      `delete from audit_logs${where}`,
    ]) {
      const error = await refused(statement)
      expect(error, statement).toMatchObject({ code: "42501" })
      expect(error?.message).toContain("append-only")
      expect(error?.hint).toContain("pgtrail retention run")
      await expect(db.asRole(writer.name, (client) => client.query(statement))).rejects.toMatchObject({
        code: "42501",
      })
    }
  }
})

test("an account that may only insert inserts, and reads nothing", async () => {
  const client = await writer.client()
  await client.query(
    "insert into audit_logs (user_id, operation, action_result) values ('app', 'x', 'denied')",
  )
  expect(await client.query("show timezone").then(({ rows }) => rows)).toEqual([{ TimeZone: "UTC" }])
  await expect(client.query("select user_id from audit_logs")).rejects.toMatchObject({ code: "42501" })
  await expect(client.query("select * from pgtrail.event")).rejects.toMatchObject({ code: "42501" })
  expect(await db.query("select action_result from audit_logs where user_id = 'app'")).toEqual([
    { action_result: "denied" },
  ])
})

test("the queries of the README answer, and those that a view cannot answer have their replacement", async () => {
  const months = await db.query(`
    SELECT DATE_TRUNC('month', timestamp) as month, COUNT(*) as records, pg_size_pretty(SUM(pg_column_size(details))) as json_size
    FROM audit_logs GROUP BY month ORDER BY month DESC`)
  expect(months.reduce((sum, { records }) => sum + Number(records), 0)).toBe(Number(await count()))
  expect(await db.query("SELECT pg_size_pretty(pg_total_relation_size('audit_logs'))")).toEqual([
    { pg_size_pretty: "0 bytes" },
  ])
  const list = mem0.replacements({ schema: "public", organization: "'default'" })
  expect(list[0]?.instead).toContain("pg_dump")
  for (const { run } of list) {
    if (!run.startsWith("SELECT")) continue
    const rows = await db.query(run)
    expect(rows.length, run).toBeGreaterThan(0)
    expect(Object.values(rows[0] ?? {})[0], run).not.toBe("0 bytes")
  }
  const lines = list.flatMap(({ run }) => run.split("\n"))
  for (const run of lines.filter((line) => /^\\[ds]/.test(line))) {
    const { stdout } = await promisify(execFile)("psql", ["-X", "-c", run, db.url])
    expect(stdout, run).toMatch(/audit_logs|event_actor/)
  }
})

test("what comes next can be run: 7 years, and out of the table after 90 days, for these events alone", async () => {
  const trail = await db.trail()
  expect(mem0.next[0]).toBe("pgtrail retention policy set mem0 --keep 2557d --archive-after 90d")
  await trail.setRetentionRule("policy", { name: "mem0", keepDays: 2557, archiveAfterDays: 90 })
  expect(await db.query("select distinct retention_policy from pgtrail.event where source = 'mem0'")).toEqual(
    [{ retention_policy: "mem0" }],
  )
})

test("the log is intact after it all", async () => {
  const trail = await db.trail()
  expect(await trail.verify()).toMatchObject({ verdict: "intact" })
})
