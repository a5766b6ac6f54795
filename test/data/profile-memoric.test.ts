// Seed 001 on pgtrail: its table as a view, every filter of its query list, and its summary.
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { from as copyFrom } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { memoric } from "../../src/data/profile/memoric.js"
import { knownTypes } from "../../src/data/type/known.js"
import { type Role, type TestDatabase, type TextRow, testDatabase } from "../database.js"

let db: TestDatabase
let writer: Role
let reader: Role
beforeAll(async () => {
  db = await testDatabase()
  writer = await db.role()
  reader = await db.role()
  // As the account of --writer has it; the sessions of these tests are the superuser's.
  await db.query("set timezone = 'UTC'")
  const trail = await db.trail()
  await trail.installProfile("memoric", { writers: [writer.name], readers: [reader.name] })
})
afterAll(() => db.drop())

const refused = (sql: string, params: unknown[] = []) =>
  db.query(sql, params).then(
    () => undefined,
    (error: { code: string; message: string; column?: string; hint?: string }) => error,
  )

const count = async () => (await db.query("select count(*) from pgtrail.event"))[0]?.count

const columns =
  `id event_type severity description user_id username session_id ip_address user_agent resource_type
  resource_id namespace action before_state after_state request_method request_path request_params success error_message
  status_code metadata tags compliance_tags retention_policy timestamp`.split(/\s+/)

test("the view has the columns of the seed, in its order, with their types and defaults", async () => {
  const rows = await db.query(`
    select column_name as name, udt_name as type, column_default as value
    from information_schema.columns where table_schema = 'public' and table_name = 'audit_logs' order by ordinal_position`)
  expect(rows.map(({ name }) => name)).toEqual(columns)
  expect(rows.filter(({ value }) => value !== null)).toEqual([
    { name: "id", type: "int4", value: "nextval('audit_logs_id_seq'::regclass)" },
    { name: "severity", type: "varchar", value: "'info'::character varying" },
    { name: "success", type: "bool", value: "true" },
  ])
  const of = (type: string) => rows.filter((row) => row.type === type).map(({ name }) => name)
  expect(of("text")).toEqual(["description", "user_agent", "error_message"])
  expect(of("jsonb")).toEqual([
    "before_state",
    "after_state",
    "request_params",
    "metadata",
    "tags",
    "compliance_tags",
  ])
  expect(of("timestamptz")).toEqual(["timestamp"])
})

test("the least row has the seed's defaults and NULLs, and numbers of its sequence; several rows have several", async () => {
  const rows = await db.query(
    "insert into audit_logs (event_type, timestamp) values ('system.startup', '2026-06-01 08:00:00'), ('x', '2026-06-01') returning *",
  )
  const nothing = Object.fromEntries(columns.map((name) => [name, null]))
  const first = {
    ...nothing,
    id: "1",
    event_type: "system.startup",
    severity: "info",
    success: "t",
    timestamp: "2026-06-01 08:00:00+00",
  }
  const second = { ...first, id: "2", event_type: "x", timestamp: "2026-06-01 00:00:00+00" }
  expect(rows).toEqual([first, second])
  expect(await db.query("select * from audit_logs order by id")).toEqual([first, second])
  await db.query("insert into audit_logs (id, event_type, timestamp) values (77, 'x', '2026-06-01')")
  expect(await db.query("select event_type from audit_logs where id = 77")).toEqual([{ event_type: "x" }])
  expect(
    await db.query("select category from pgtrail.event where external_number in (1, 2) order by 1"),
  ).toEqual([{ category: "system" }, { category: null }])
})

test("every value comes back as it was inserted, whatever the event could hold of it", async () => {
  const whole: TextRow = {
    event_type: "memory.updated",
    severity: "error",
    description: "d",
    user_id: "u".repeat(128),
    username: "é".repeat(128),
    session_id: "s".repeat(256),
    ip_address: "2001:db8::1",
    user_agent: "agent",
    resource_type: "r".repeat(64),
    resource_id: "i".repeat(256),
    namespace: "n".repeat(128),
    action: "a".repeat(64),
    before_state: '{"a": 1.10}',
    after_state: "null",
    request_method: "POST",
    request_path: "p".repeat(512),
    request_params: "[1, 2]",
    success: "f",
    error_message: "",
    status_code: "-1",
    metadata: '{"k": {"a": null}}',
    tags: '["a", "b"]',
    compliance_tags: '["SOC2", "GDPR", "HIPAA"]',
    retention_policy: "p".repeat(64),
    timestamp: "2026-06-02 08:00:00.123456+00",
  }
  const texts = [
    "[]",
    '["a", "a", ""]',
    '["a", null]',
    "[1]",
    '[["a"]]',
    '{"a": null}',
    '"a"',
    "null",
    "true",
    null,
  ]
  const variants: Partial<TextRow>[] = [
    {},
    ...texts.flatMap((tags) => [
      { tags },
      { compliance_tags: tags },
      { tags, compliance_tags: tags, metadata: null },
    ]),
    ...["standard", "memoric", "", null].map((retention_policy) => ({ retention_policy })),
    ...["10.0.0.1", "10.0.0.1/24", "FE80::1", "localhost", "", null].map((ip_address) => ({ ip_address })),
    ...[null, "null", "[]", '{"tags": 1}', '{"pgtrail_kept": 1}', '"pgtrail_kept"'].flatMap((metadata) => [
      { metadata },
      { metadata, tags: "[1]", retention_policy: "memoric" },
    ]),
    Object.fromEntries(Object.keys(whole).map((name) => [name, null])),
  ]
  const given = variants.map((variant, n) => ({
    ...whole,
    ...variant,
    event_type: "memory.updated",
    severity: "error",
    success: n % 2 === 0 ? "t" : "f",
    user_agent: `v-${1000 + n}`,
    timestamp: whole.timestamp ?? null,
  }))
  const names = Object.keys(whole).join(", ")
  for (const row of given) {
    const [told] = await db.query(
      `insert into audit_logs (${names}) values (${Object.keys(whole).map((_, n) => `$${n + 1}`)}) returning ${names}`,
      Object.values(row),
    )
    expect(told).toEqual(row)
  }
  expect(
    await db.query(`select ${names} from audit_logs where user_agent like 'v-%' order by user_agent`),
  ).toEqual(given)
})

test("limits, NULLs and severities are refused by column, without the value, and nothing is half written", async () => {
  const before = await count()
  const limits = {
    event_type: 128,
    user_id: 128,
    username: 128,
    session_id: 256,
    ip_address: 45,
    resource_type: 64,
    resource_id: 256,
    namespace: 128,
    action: 64,
    request_method: 16,
    request_path: 512,
    retention_policy: 64,
  }
  const cases: [string, string | null, string][] = [
    ...Object.entries(limits).map(([name, limit]): [string, string, string] => [
      name,
      "secret".padEnd(limit + 1, "é"),
      "22001",
    ]),
    ...["event_type", "severity", "success", "timestamp", "id"].map((name): [string, null, string] => [
      name,
      null,
      "23502",
    ]),
    ["severity", "secret", "23514"],
    ["event_type", "", "23514"],
  ]
  for (const [name, value, code] of cases) {
    const base: Record<string, string | null> = { event_type: "ok", timestamp: "2026-06-03", [name]: value }
    const row = Object.entries({ severity: "info", success: "t", id: "5", ...base })
    const list = row.map(([key]) => key).join(", ")
    const good = row.map(
      ([key]) =>
        ({ event_type: "'ok'", timestamp: "'2026-06-03'", severity: "'info'", success: "true" })[key] ??
        (key === "id" ? "6" : "null"),
    )
    const bad = row.map((_, n) => `$${n + 1}${row[n]?.[0] === "timestamp" ? "::timestamptz" : ""}`)
    const types = { id: "::int", success: "::bool" } as Record<string, string>
    const error = await refused(
      `insert into audit_logs (${list}) values (${good}), (${bad.map((b, n) => b + (types[row[n]?.[0] ?? ""] ?? ""))}), (${good})`,
      row.map(([, v]) => v),
    )
    expect(error, name).toMatchObject({ code, column: name })
    expect(error?.message).toContain(name)
    expect(error?.message).not.toContain("secret")
  }
  expect(await count()).toBe(before)
})

test("a time that a session reads in another zone is refused, and one in UTC is what the application sent", async () => {
  const client = await db.client()
  const insert = "insert into audit_logs (event_type, timestamp) values ('zone', '2026-06-04 10:00:00')"
  await client.query("set timezone = 'Europe/Zurich'")
  await expect(client.query(insert)).rejects.toMatchObject({
    code: "23514",
    column: "timestamp",
    constraint: "pgtrail_time_zone_utc",
  })
  for (const zone of ["UTC", "Africa/Abidjan", "Etc/GMT"]) {
    await client.query(`set timezone = '${zone}'`)
    await client.query(insert)
  }
  await client.end()
  const app = await writer.client()
  await app.query(insert)
  expect(await db.query("select distinct timestamp from audit_logs where event_type = 'zone'")).toEqual([
    { timestamp: "2026-06-04 10:00:00+00" },
  ])
})

test("UPDATE and DELETE are refused to everybody, also where no row matches, with the hint", async () => {
  for (const where of ["", " where false", " where timestamp < NOW() - INTERVAL '90 days'"]) {
    for (const statement of [
      `update audit_logs set success = true${where}`,
      `delete from audit_logs${where}`,
    ]) {
      const error = await refused(statement)
      expect(error, statement).toMatchObject({ code: "42501" })
      expect(error?.hint).toContain("pgtrail retention run")
      for (const { name } of [writer, reader]) {
        await expect(db.asRole(name, (client) => client.query(statement))).rejects.toMatchObject({
          code: "42501",
        })
      }
    }
  }
})

test("all 33 types and 5 severities are accepted", async () => {
  const types = knownTypes.filter(({ source }) => source === "Memoric")
  expect(types).toHaveLength(33)
  for (const { name, severity, category } of types) {
    await db.query(
      "insert into audit_logs (event_type, severity, user_id, timestamp) values ($1, $2, 'types', '2026-06-05')",
      [name, severity],
    )
    expect(
      await db.query(
        "select category, severity from pgtrail.event where event_type = $1 and actor_id = 'types'",
        [name],
      ),
    ).toEqual([{ category, severity }])
  }
  const rows = await db.query("select count(distinct severity) from audit_logs")
  expect(rows).toEqual([{ count: "4" }])
  await db.query(
    "insert into audit_logs (event_type, severity, timestamp) values ('x', 'debug', '2026-06-05')",
  )
})

test("every filter of the query list finds its rows, and the indexes of the log serve it", async () => {
  await db.query(`
    insert into audit_logs (event_type, user_id, resource_type, resource_id, session_id, success, severity, timestamp)
    select 'bulk.' || n % 50, 'user-' || n % 200, 'kind-' || n % 40, 'thing-' || n % 400, 'session-' || n % 300, n % 10 > 0,
      case when n % 500 = 0 then 'critical' else 'info' end, timestamptz '2026-07-01' + n * interval '1 minute'
    from generate_series(1, 4000) n`)
  await db.query("analyze pgtrail.event")
  const filters = {
    "user_id = 'user-7'": ["20", "actor_id"],
    "event_type = 'bulk.7'": ["80", "event_type"],
    "resource_type = 'kind-7'": ["100", "resource_type"],
    "resource_type = 'kind-7' and resource_id = 'thing-7'": ["10", "resource_type"],
    "resource_id = 'thing-7'": ["10", undefined],
    "session_id = 'session-7'": ["14", "session_id"],
    "success = false": ["400", undefined],
    "severity = 'critical'": ["8", "organization_id"],
    "event_type like 'bulk.%'": ["4000", undefined],
    "user_id = 'user-7' and success is false and timestamp >= '2026-07-01'": ["0", "actor_id"],
    "timestamp >= '2026-07-03 18:00' and timestamp < '2026-07-03 18:20'": ["20", "occurred_at"],
  } as const
  for (const [filter, [found, index]] of Object.entries(filters)) {
    const where = `from audit_logs where ${filter} and timestamp >= '2026-07-01'`
    expect(await db.query(`select count(*) ${where}`), filter).toEqual([{ count: found }])
    if (index === undefined) continue
    const plan = await db.query(`explain select * ${where} order by timestamp desc limit 100 offset 0`)
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n")
    const conditions = text.split("\n").filter((line) => line.includes("Index Cond: "))
    expect(conditions.length, `${filter}\n${text}`).toBeGreaterThan(0)
    for (const condition of conditions) expect(condition, text).toContain(index)
    expect(text, filter).not.toContain("Seq Scan on event_default")
  }
  // What the seed's get_statistics counts.
  const [statistics] = await db.query(`
    select count(*) as total_events, count(*) filter (where not success) as failed_operations, count(distinct user_id) as unique_users
    from audit_logs where timestamp >= '2026-07-01'`)
  expect(statistics).toEqual({ total_events: "4000", failed_operations: "400", unique_users: "200" })
})

test("the audit summary is that of the daily summaries", async () => {
  const trail = await db.trail()
  await trail.refreshSummary()
  const rows = await db.asRole(reader.name, (client) =>
    client.query(
      "select * from audit_summary where day = '2026-07-02' and event_type in ('bulk.7', 'bulk.0') order by event_type",
    ),
  )
  expect(rows.rows).toEqual(
    await db.query(`
      select timestamp::date as day, event_type, count(*) as total_events, count(*) filter (where not success) as failed_operations,
        (select count(distinct user_id) from audit_logs where timestamp::date = '2026-07-02') as unique_users
      from audit_logs where timestamp::date = '2026-07-02' and event_type in ('bulk.7', 'bulk.0') group by 1, 2 order by 2`),
  )
  expect(rows.rows).toHaveLength(2)
  const [sums] = await db.query(
    "select sum(total_events) as total, sum(failed_operations) as failed from audit_summary",
  )
  expect(sums).toEqual(
    (
      await db.query(
        "select count(*) as total, count(*) filter (where not success) as failed from audit_logs",
      )
    )[0],
  )
})

test("what is redacted, or came another way, is readable still", async () => {
  await db.query(`
    insert into pgtrail.event (event_type, source, external_number, outcome, details, tags, retention_policy)
    values ('odd', 'memoric', 9223372036854775807, 'denied', '"[redacted]"', null, 'standard'),
      ('odd', 'memoric', null, 'attempt', '{"pgtrail_kept": "[redacted]"}', '{a,NULL}', 'memoric')`)
  expect(
    await db.query(
      "select id, success, metadata, tags, retention_policy, ip_address from audit_logs where event_type = 'odd' order by success",
    ),
  ).toEqual([
    {
      id: null,
      success: "f",
      metadata: '"[redacted]"',
      tags: null,
      retention_policy: "standard",
      ip_address: null,
    },
    { id: null, success: "t", metadata: "{}", tags: '["a", null]', retention_policy: null, ip_address: null },
  ])
})

test("COPY fills it, with what it leaves out, and one bad row refuses the whole copy", async () => {
  const client = await writer.client()
  const copy = (lines: readonly string[]) =>
    pipeline(
      Readable.from(lines),
      client.query(copyFrom("copy audit_logs (event_type, user_id, success, tags, timestamp) from stdin")),
    )
  const good = 'copied\tann\tf\t["a"]\t2026-08-01 00:00:00\n'
  await copy([good, good])
  const before = await count()
  await expect(copy([good, `copied\t${"x".repeat(129)}\tf\t[]\t2026-08-01\n`, good])).rejects.toMatchObject({
    code: "22001",
    column: "user_id",
  })
  expect(await count()).toBe(before)
  expect(
    await db.query(
      "select severity, success, tags, count(distinct id) from audit_logs where event_type = 'copied' group by 1, 2, 3",
    ),
  ).toEqual([{ severity: "info", success: "f", tags: '["a"]', count: "2" }])
})

test("after an erasure its events are there, without the person", async () => {
  await db.query(`
    insert into audit_logs (event_type, user_id, username, ip_address, metadata, tags, timestamp)
    values ('erased', 'jane-doe', 'Jane Doe', '10.9.8.7', '{"by": "jane-doe"}', '[1]', '2026-08-02')`)
  const trail = await db.trail()
  const { receipt } = await trail.eraseSubject([{ kind: "id", value: "jane-doe" }], {
    reason: "Article 17",
    requestedBy: "R-1",
    confirm: "jane-doe",
  })
  expect(receipt).toMatchObject({ complete: true })
  const rows = await db.query("select * from audit_logs where event_type = 'erased'")
  expect(rows).toMatchObject([
    { user_id: null, username: null, ip_address: null, success: "t", retention_policy: null },
  ])
  expect(JSON.stringify(rows)).not.toMatch(/jane|10\.9/i)
})

test("another profile in the same database has its own events, and neither sees the other's", async () => {
  await db.query("create schema governance")
  const trail = await db.trail()
  await trail.installProfile("mem0", { schema: "governance", organization: "gov" })
  const before = await db.query("select count(*) from audit_logs")
  await db.query(
    "insert into governance.audit_logs (user_id, operation, action_result) values ('ann', 'mem0_search', 'denied')",
  )
  expect(await db.query("select count(*) from audit_logs")).toEqual(before)
  expect(await db.query("select user_id from governance.audit_logs")).toEqual([{ user_id: "ann" }])
  expect(await db.query("select organization_id from pgtrail.event where source = 'mem0'")).toEqual([
    { organization_id: "gov" },
  ])
})

test("the replacements begin with pg_dump, and name the views where they were put", () => {
  const list = memoric.replacements({ schema: '"My Schema"', organization: "'default'" })
  expect(list[0]?.instead).toContain("pg_dump -t audit_logs")
  expect(list.map(({ run }) => run).join("\n")).toContain('"My Schema".audit_summary')
})

test("the log is intact after it all", async () => {
  const trail = await db.trail()
  expect(await trail.verify()).toMatchObject({ verdict: "intact" })
})
