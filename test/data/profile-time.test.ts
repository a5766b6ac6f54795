// A time without a zone is UTC, for whoever writes: in a session of another zone it is refused, and never shifted unseen.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let group: Role
let member: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  group = await db.role()
  member = await db.role({ memberOf: [group.name] })
  // As a server in an office has it; the role that logs in is a member of the one that was named.
  await db.query(`alter database "${db.name}" set timezone = 'Europe/Berlin'`)
  for (const name of Object.keys(inserts)) {
    const schema = name.replace("-", "_")
    await db.query(`create schema ${schema}`)
    await trail.installProfile(name, { schema, writers: [group.name], readers: [group.name] })
  }
})
afterAll(() => db.drop())

/** By profile: a row with the time $1, and where it is read. */
const inserts = {
  mem0: [
    "insert into mem0.audit_logs (user_id, operation, action_result, timestamp) values ('u', 'o', 'allowed', $1)",
    "mem0.audit_logs",
  ],
  memoric: ["insert into memoric.audit_logs (event_type, timestamp) values ('t', $1)", "memoric.audit_logs"],
  agenttrace: [
    `insert into agenttrace.audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
       resource_type, resource_id, action, request_id) values ('e', $1, 'o', 'user', 'u', 'auth', 't', 'info', 'r', 'r', 'read', 'q')`,
    "agenttrace.audit_events",
  ],
  "audit-db": [
    "insert into audit_db.audit_log (organization_id, action, status, timestamp) values ('o', 'a', 'success', $1)",
    "audit_db.audit_log",
  ],
  "ai-firewall": [
    `insert into ai_firewall.log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length, timestamp)
       values ('d', 'u', 't', 'cli', 'green', 1, $1)`,
    "ai_firewall.log_entries",
  ],
} as const

test.each(Object.entries(inserts))(
  "%s refuses a time from a member of a group whose session has another zone, and says what to run; then it is UTC",
  async (_name, [insert, view]) => {
    const session = await member.client()
    expect((await session.query("show timezone")).rows).toEqual([{ TimeZone: "Europe/Berlin" }])
    for (const time of ["2026-11-15 10:00:00", "2026-07-15 10:00:00", "2026-11-15 10:00:00+00"]) {
      await expect(session.query(insert, [time])).rejects.toMatchObject({
        code: "23514",
        column: "timestamp",
        constraint: "pgtrail_time_zone_utc",
        hint: expect.stringMatching(/^Nothing was changed\..*set timezone = 'UTC'.*alter role/),
      })
    }
    // The server's own time is right in every zone.
    await session.query(insert.replace("$1", "now()"))
    await session.query("set timezone = 'UTC'")
    await session.query(insert, ["2026-11-15 10:00:00"])
    const { rows } = await session.query(`select timestamp from ${view} order by timestamp limit 1`)
    expect(rows).toEqual([{ timestamp: "2026-11-15 10:00:00+00" }])
    await session.end()
  },
)

test("the role that was named has UTC, and a member has it by the command that the hint names", async () => {
  const named = await group.client()
  expect((await named.query("show timezone")).rows).toEqual([{ TimeZone: "UTC" }])
  await named.end()
  await db.query(`alter role "${member.name}" in database "${db.name}" set timezone = 'UTC'`)
  const session = await member.client()
  await session.query(inserts.memoric[0], ["2026-11-16 10:00:00"])
  await session.end()
  expect((await trail.profile("memoric")).notes.at(-1)).toContain(
    "alter role MEMBER in database DATABASE set timezone = 'UTC'",
  )
})

test("where the clocks of the session's zone are at UTC a time is what was written, and beside it is refused", async () => {
  const session = await db.client()
  await session.query("set timezone = 'Europe/London'")
  await session.query(inserts.mem0[0], ["2026-01-15 10:00:00"])
  await expect(session.query(inserts.mem0[0], ["2026-07-15 10:00:00"])).rejects.toMatchObject({
    code: "23514",
  })
  await session.query("set timezone = 'UTC'")
  const { rows } = await session.query("select timestamp from mem0.audit_logs order by 1 limit 1")
  expect(rows).toEqual([{ timestamp: "2026-01-15 10:00:00+00" }])
  await session.end()
})
