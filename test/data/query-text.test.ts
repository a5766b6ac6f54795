// Evidence is not altered on its way out: every value arrives as Postgres writes it, or in the one form that is agreed.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("numbers, times, arrays, addresses and JSON keep what they say", async () => {
  await db.query(
    `insert into pgtrail.event (event_type, occurred_at, external_number, data_size_bytes, ip_address, details, before_state,
       tags, compliance_tags, actor_name, description)
     values ('odd', '2026-11-21 10:00:00.000001+02', 9007199254740993, 9223372036854775807, '2001:db8::/32',
       '{"n": 9007199254740993, "scale": 1.10, "minus": -0, "s": "\\u00e9\\n"}', 'null',
       array['a,b', null, '', '"q"', E'\\\\', 'é'], '{}', '', E'\\x1b[31m\\ttab')`,
  )
  const trail = await db.trail()
  for await (const row of await trail.query({ type: "odd" })) {
    expect(row).toMatchObject({
      occurred_at: "2026-11-21T08:00:00.000001Z",
      external_number: "9007199254740993",
      data_size_bytes: "9223372036854775807",
      ip_address: "2001:db8::/32",
      details: '{"n": 9007199254740993, "s": "é\\n", "minus": 0, "scale": 1.10}',
      before_state: "null",
      after_state: null,
      tags: '["a,b",null,"","\\"q\\"","\\\\","é"]',
      compliance_tags: "[]",
      actor_name: "",
      actor_email: null,
      description: "\u001b[31m\ttab",
      lane: "0",
      seq: "1",
    })
    expect(row.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(row.recorded_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  }
})

test("times before the common era and beyond all times", async () => {
  await db.query(
    "insert into pgtrail.event (event_type, occurred_at) values ('t', '0044-03-15Z BC'), ('t', 'infinity'), ('t', '-infinity'), ('t', '294000-01-01Z')",
  )
  const trail = await db.trail()
  const times: (string | null | undefined)[] = []
  for await (const row of await trail.query({ type: "t", columns: ["occurred_at"] }))
    times.push(row.occurred_at)
  expect(times).toEqual([
    "infinity",
    "294000-01-01T00:00:00.000000Z",
    "0044-03-15T00:00:00.000000Z BC",
    "-infinity",
  ])
})

test("the server's and the role's own settings change nothing", async () => {
  const role = await db.role({ memberOf: ["pgtrail_reader"] })
  for (const setting of [
    "datestyle = 'SQL, DMY'",
    "timezone = 'Asia/Kolkata'",
    "bytea_output = 'escape'",
    "search_path = public",
  ]) {
    await db.query(`alter role "${role.name}" set ${setting}`)
  }
  const read = async (url: string) => {
    const rows: unknown[] = []
    for await (const row of await (await db.trail({ url })).query()) rows.push(row)
    return rows
  }
  expect(await read(role.url)).toEqual(await read(db.url))
})
