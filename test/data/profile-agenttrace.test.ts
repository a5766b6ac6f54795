// AgentTrace's audit_events on the log: its columns, checks, queries and hashes, as its database guide prints them.
import type pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { withClients } from "./writers.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2026-11-01Z', '2026-11-01Z')")
  trail = await db.trail()
  await trail.installProfile("agenttrace")
})
afterAll(() => db.drop())

const whole: Readonly<Record<string, string | null>> = {
  event_id: "evt-456",
  timestamp: "2026-11-15 10:00:00+00",
  organization_id: "org-123",
  project_id: "proj-1",
  actor_type: "user",
  actor_id: "user-123",
  actor_email: "ada@example.com",
  actor_ip: "192.0.2.7",
  actor_user_agent: "agent/1",
  event_category: "eval",
  event_type: "eval.run",
  event_severity: "critical",
  resource_type: "trace",
  resource_id: "trace-9",
  resource_name: "Trace nine",
  action: "export",
  previous_state: '{"a": [1, null]}',
  new_state: '"text"',
  request_id: "req-1",
  session_id: "sess-1",
  hash: "a".repeat(64),
  previous_hash: "b".repeat(64),
}

async function insert(row: Readonly<Record<string, string | null>>): Promise<TextRow> {
  const names = Object.keys(row)
  const rows = await db.query(
    `insert into audit_events (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")}) returning *`,
    Object.values(row),
  )
  return rows[0] ?? {}
}

async function refused(sql: string, params: readonly unknown[] = []): Promise<Record<string, unknown>> {
  try {
    await db.query(sql, params)
  } catch (error) {
    return { ...(error as Error), message: (error as Error).message }
  }
  throw new Error(`not refused: ${sql}`)
}

const refusedRow = (change: Readonly<Record<string, string | null>>) => {
  const row = { ...whole, event_id: "refused", ...change }
  const names = Object.keys(row)
  return refused(
    `insert into audit_events (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
    Object.values(row),
  )
}

/** As the guide says it; what it needs and has no value of its own. */
const insertMany = (organization: string, count: number, lead = "evt") =>
  db.query(
    `insert into audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
       resource_type, resource_id, action, request_id, hash)
     select '${lead}-' || i, timestamptz '2026-11-01Z' + (i / 3) * interval '10 seconds', $1, 'user', 'user-' || i % 50, 'data', 'trace.read' || i % 40,
       case when i % 500 = 0 then 'critical' else 'info' end, 'trace', 'trace-' || i % 100, 'read', 'req-' || i, md5(i::text)
     from generate_series(1, ${count}) i`,
    [organization],
  )

test("the columns stand in the system's order, with types that the indexes serve", async () => {
  const rows = await db.query(
    `select attname || ' ' || format_type(atttypid, atttypmod) as c from pg_attribute
     where attrelid = 'audit_events'::regclass and attnum > 0 order by attnum`,
  )
  expect(rows.map(({ c }) => c)).toEqual([
    "event_id character varying",
    "timestamp timestamp with time zone",
    "organization_id character varying",
    "project_id character varying",
    "actor_type character varying",
    "actor_id character varying",
    "actor_email character varying",
    "actor_ip inet",
    "actor_user_agent text",
    "event_category character varying",
    "event_type character varying",
    "event_severity character varying",
    "resource_type character varying",
    "resource_id character varying",
    "resource_name character varying",
    "action character varying",
    "previous_state jsonb",
    "new_state jsonb",
    "request_id character varying",
    "session_id character varying",
    "hash character varying",
    "previous_hash character varying",
  ])
})

test("a whole row comes back as it was sent, with the hashes of the log; what was sent as hash is kept beside them", async () => {
  await db.query("set time zone 'UTC'")
  const given = await insert(whole)
  expect(given.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(given.previous_hash).toMatch(/^[0-9a-f]{64}$/)
  expect(given).toEqual({ ...whole, hash: given.hash, previous_hash: given.previous_hash })
  expect(await db.query("select * from audit_events where event_id = 'evt-456'")).toEqual([given])
  const [event] = await db.query(
    "select encode(hash, 'hex') as hash, source, details->>'hash' as sent, details->>'previous_hash' as before from pgtrail.event where external_id = 'evt-456'",
  )
  expect(event).toEqual({
    hash: given.hash,
    source: "agenttrace",
    sent: whole.hash,
    before: whole.previous_hash,
  })
})

test("what may be null may be left out, and previous_hash has its default", async () => {
  const optional = ["project_id", "actor_email", "actor_ip", "actor_user_agent", "resource_name"]
  const none = [...optional, "previous_state", "new_state", "session_id"]
  const least = Object.fromEntries(
    Object.entries(whole).filter(([name]) => !none.includes(name) && name !== "previous_hash"),
  )
  const left = await insert({ ...least, event_id: "least" })
  const nulls = await insert({
    ...whole,
    ...Object.fromEntries(none.map((name) => [name, null])),
    event_id: "nulls",
  })
  for (const name of none) expect([name, left[name], nulls[name]]).toEqual([name, null, null])
  const rows = await db.query("select details from pgtrail.event where external_id = 'least'")
  expect(rows).toEqual([{ details: `{"hash": "${whole.hash}"}` }])
})

test("values that break its limits are refused as a table refuses them, and nothing of the statement stays", async () => {
  const before = await db.query("select count(*) from pgtrail.event")
  const limits = { event_id: 64, organization_id: 64, project_id: 64, actor_id: 64, actor_email: 255 }
  const more = { event_type: 100, resource_type: 100, resource_id: 64, resource_name: 255, request_id: 64 }
  for (const [column, limit] of Object.entries({ ...limits, ...more, session_id: 64, hash: 64 })) {
    expect(await refusedRow({ [column]: "é".repeat(limit + 1) }), column).toMatchObject({
      code: "22001",
      column,
    })
  }
  const required = ["event_id", "timestamp", "organization_id", "actor_type", "actor_id", "event_category"]
  const also = ["event_type", "event_severity", "resource_type", "resource_id", "action", "request_id"]
  for (const column of [...required, ...also, "previous_hash"]) {
    expect(await refusedRow({ [column]: null }), column).toMatchObject({ code: "23502", column })
  }
  const checks = {
    actor_type: "valid_actor_type",
    event_category: "valid_event_category",
    action: "valid_action",
    event_severity: "valid_severity",
  }
  for (const [column, constraint] of Object.entries(checks)) {
    const failure = await refusedRow({ [column]: "robot" })
    expect(failure).toMatchObject({ code: "23514", column, constraint })
    expect(JSON.stringify(failure)).not.toContain("robot")
  }
  expect(
    await refused(
      `insert into audit_events select 'half-' || i, now(), 'org-123', null, 'user', 'u', null, null, null, 'auth', 'x',
         case i when 3 then 'error' else 'info' end, 'r', 'r', null, 'read', null, null, 'q', null, '', '' from generate_series(1, 3) i`,
    ),
  ).toMatchObject({ code: "23514", constraint: "valid_severity" })
  expect(await db.query("select count(*) from pgtrail.event")).toEqual(before)
})

test("UPDATE and DELETE are refused, with what to do instead, to a writer and to who has every right", async () => {
  for (const sql of [
    "update audit_events set action = 'read'",
    "delete from audit_events",
    "delete from audit_events where false",
  ]) {
    expect(await refused(sql)).toMatchObject({
      code: "42501",
      hint: expect.stringContaining("pgtrail retention run"),
    })
  }
  const writer = await db.role()
  await trail.installProfile("agenttrace", { writers: [writer.name] })
  const client = await writer.client()
  const values = "'w', now(), 'org-123', null, 'user', 'u', null, null, null, 'auth', 'x', 'info'"
  const { rows } = await client.query(
    `insert into audit_events values (${values}, 'r', 'r', null, 'read', null, null, 'q', null, '', '') returning event_id, hash`,
  )
  expect(rows).toMatchObject([{ event_id: "w", hash: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  await expect(client.query("delete from audit_events")).rejects.toMatchObject({ code: "42501" })
  await expect(client.query("update audit_events set action = 'read'")).rejects.toMatchObject({
    code: "42501",
  })
  await client.end()
})

test("the cursor of its guide walks every event once, newest first", async () => {
  await insertMany("org-pages", 1000)
  const seen: string[] = []
  let cursor: readonly (string | null | undefined)[] = ["infinity", ""]
  for (let page = 0; page < 20; page += 1) {
    const rows = await db.query(
      `SELECT * FROM audit_events WHERE organization_id = 'org-pages' AND (timestamp, event_id) < ($1, $2)
       ORDER BY timestamp DESC, event_id DESC LIMIT 100`,
      cursor,
    )
    if (rows.length === 0) break
    seen.push(...rows.map((row) => row.event_id ?? ""))
    cursor = [rows.at(-1)?.timestamp, rows.at(-1)?.event_id]
  }
  expect(seen).toHaveLength(1000)
  expect(new Set(seen).size).toBe(1000)
})

test("what its seven indexes serve, an index of the log serves", async () => {
  await insertMany("org-plans", 4000)
  // So few are sorted as fast; of a million none would be.
  await db.query("analyze pgtrail.event; set enable_sort = off")
  const org = "SELECT * FROM audit_events WHERE organization_id = 'org-plans'"
  const november = "timestamp >= '2026-11-01Z' AND timestamp < '2026-12-01Z'"
  const queries = {
    [`${org} AND ${november} ORDER BY timestamp DESC LIMIT 100`]: "occurred_at_id_idx",
    [`${org} AND (timestamp, event_id) < ('2026-11-02 10:00:00Z', 'evt-456') AND ${november} ORDER BY timestamp DESC, event_id DESC LIMIT 100`]:
      "occurred_at_id_idx",
    [`${org} AND actor_id = 'user-12' AND ${november} ORDER BY timestamp DESC LIMIT 20`]:
      "left_occurred_at_idx",
    [`${org} AND resource_type = 'trace' AND resource_id = 'trace-7' AND ${november} ORDER BY timestamp DESC`]:
      "left_left1_occurred_at_idx",
    [`${org} AND event_category = 'data' AND event_type = 'trace.read7' AND ${november} ORDER BY timestamp DESC LIMIT 20`]:
      "left_occurred_at_idx",
    [`${org} AND event_severity = 'critical' AND ${november} ORDER BY timestamp DESC`]:
      "organization_id_occurred_at_idx",
    "SELECT hash, previous_hash FROM audit_events_chain WHERE organization_id = 'org-plans' AND lane = 0 AND seq BETWEEN 10 AND 90 ORDER BY seq":
      "pkey",
  }
  for (const [sql, index] of Object.entries(queries)) {
    const rows = await db.query(`explain ${sql}`)
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n")
    expect(plan, sql).toContain(index)
    expect(plan, sql).not.toContain("Seq Scan on event_2026_11")
  }
})

test("the daily summary counts exactly, with actors each once a day", async () => {
  const counted = await db.query(
    `select organization_id, (timestamp)::date as date, event_category, count(*) as event_count, count(distinct actor_id) as unique_actors
     from audit_events group by 1, 2, 3 order by 1, 2, 3`,
  )
  expect(counted.length).toBeGreaterThan(3)
  expect(await db.query("select * from audit_daily_summary order by 1, 2, 3")).toEqual(counted)
})

test("the archive takes the columns as they are, and no event twice", async () => {
  const copy =
    "INSERT INTO audit_events_archive SELECT * FROM audit_events WHERE timestamp < NOW() - INTERVAL '7 years'"
  await insert({ ...whole, event_id: "old", timestamp: "2015-01-01 00:00:00+00", organization_id: "org-old" })
  await db.query(copy)
  expect(await db.query("select * from audit_events_archive")).toEqual(
    await db.query("select * from audit_events where organization_id = 'org-old'"),
  )
  expect(await refused(copy)).toMatchObject({ code: "23505" })
  const foreign =
    "insert into audit_events_archive select * from audit_events where organization_id = 'org-pages' limit 1"
  const changed =
    "insert into audit_events_archive select event_id, timestamp + interval '1 day', organization_id, null, actor_type, actor_id, null, null, null, event_category, event_type, event_severity, resource_type, resource_id, null, action, null, null, request_id, null, hash, '' from audit_events where organization_id = 'org-pages' limit 1"
  expect(await refused(changed)).toMatchObject({
    code: "23503",
    column: "hash",
    hint: expect.stringContaining("insert others into audit_events first"),
  })
  await db.query(foreign)
  for (const sql of ["update audit_events_archive set action = 'read'", "delete from audit_events_archive"]) {
    expect(await refused(sql)).toMatchObject({
      code: "42501",
      hint: expect.stringContaining("Nothing was changed"),
    })
  }
})

test("what is erased in the log is erased in its archive, and no byte of the person stays there", async () => {
  const row = {
    ...whole,
    event_id: "archived",
    actor_id: "archived-ada",
    actor_email: "ada@archived.example",
    organization_id: "org-erase",
  }
  await insert({ ...row, actor_ip: "198.51.100.77", new_state: '{"by": "archived-ada"}' })
  await db.query(
    "insert into audit_events_archive select * from audit_events where organization_id = 'org-erase'",
  )
  await trail.eraseSubject([{ kind: "id", value: "archived-ada" }], {
    reason: "r",
    requestedBy: "w",
    confirm: "archived-ada",
  })
  expect(
    await db.query(
      "select event_id, actor_id, actor_email, actor_ip from audit_events_archive where organization_id = 'org-erase'",
    ),
  ).toEqual(
    await db.query(
      "select event_id, actor_id, actor_email, actor_ip from audit_events where organization_id = 'org-erase'",
    ),
  )
  const bytes = await db.query(
    `select (select count(*) from audit_events_archive a where a::text ~ 'archived-ada|ada@archived|198.51.100.77') as shown,
       (select count(*) from pgtrail_audit_events_archive a where a::text ~ 'archived-ada|ada@archived|198.51.100.77') as stored`,
  )
  expect(bytes).toEqual([{ shown: "0", stored: "0" }])
})

test("after 32 writers at once every event stands in its chain, and the recipe finds none out of it", async () => {
  await withClients(db, 32, async (client, n) => {
    for (let i = 0; i < 8; i += 1) {
      await client.query(
        `insert into audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
           resource_type, resource_id, action, request_id)
         select 'w' || $1 || '-' || $2 || '-' || i, now(), 'org-writers', 'service', 'w' || $1, 'config', 'x', 'info', 'r', 'r', 'create', 'q'
         from generate_series(1, 3) i`,
        [n, i],
      )
    }
  })
  const [counted] = await db.query(
    "select count(*), count(distinct event_id) as ids from audit_events where organization_id = 'org-writers'",
  )
  expect(counted).toEqual({ count: "768", ids: "768" })
  const [chained] = await db.query(
    `select count(*) filter (where previous_hash = before) as linked, count(*) filter (where before is null) as first,
       count(distinct lane) as lanes, count(*)
     from (select *, lag(hash) over (partition by organization_id, lane order by seq) as before
       from audit_events_chain where organization_id = 'org-writers') c`,
  )
  expect(chained?.first).toBe(chained?.lanes)
  expect(Number(chained?.linked) + Number(chained?.first)).toBe(768)
  const recipe = (await trail.installProfile("agenttrace", { dryRun: true })).replacements.find(
    ({ instead }) => instead.startsWith("a hash chain"),
  )
  expect(await db.query(recipe?.run ?? "")).toEqual([])
})

test("an event whose people were erased is still readable, and the log is intact", async () => {
  await insert({ ...whole, event_id: "erased", actor_id: "gone", organization_id: "org-gone" })
  await trail.eraseSubject([{ kind: "id", value: "gone" }], {
    reason: "r",
    requestedBy: "w",
    confirm: "gone",
  })
  const [row] = await db.query("select * from audit_events where event_id = 'erased'")
  expect(row?.actor_id).not.toBe("gone")
  expect(row?.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(await trail.verify()).toMatchObject({ verdict: "intact" })
})

test("a reader reads all of it, and whom a restriction hides is in none of it", async () => {
  await insert({ ...whole, event_id: "hidden", actor_id: "hidden-user", organization_id: "org-hidden" })
  await db.query("insert into audit_events_archive select * from audit_events where event_id = 'hidden'")
  const reader = await db.role()
  const officer = await db.role({ memberOf: ["pgtrail_privacy"] })
  await trail.installProfile("agenttrace", { readers: [reader.name, officer.name] })
  const client = await reader.client()
  const privacy = await officer.client()
  const relations = ["audit_events", "audit_events_chain", "audit_daily_summary", "audit_events_archive"]
  const counts = async (session: pg.Client) => {
    const found: unknown[] = []
    for (const name of relations) {
      const { rows } = await session.query(
        `select count(*) from ${name} where organization_id = 'org-hidden'`,
      )
      found.push(rows[0]?.count)
    }
    return found
  }
  expect(await counts(client)).toEqual(["1", "1", "1", "1"])
  await trail.restrictSubject([{ kind: "id", value: "hidden-user" }], {
    reason: "r",
    requestedBy: "w",
  })
  expect(await counts(client)).toEqual(["0", "0", "0", "0"])
  // Who answers his requests sees them, also by SET ROLE; a superuser has every right, and is not asking for him.
  expect(await counts(privacy)).toEqual(["1", "1", "1", "1"])
  const superuser = await db.client()
  expect(await counts(superuser)).toEqual(["0", "0", "0", "0"])
  await superuser.query(`set role "${officer.name}"`)
  expect(await counts(superuser)).toEqual(["1", "1", "1", "1"])
  await superuser.end()
  await privacy.end()
  await expect(
    client.query("insert into audit_events_archive select * from audit_events"),
  ).rejects.toMatchObject({
    code: "42501",
  })
  await client.end()
})
