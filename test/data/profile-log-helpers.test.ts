// The library's log helpers for authentication, memory and authorization write rows of memoric's audit_logs, where they are told its schema.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'; create schema \"My Memory\"")
  await trail.installProfile("memoric", { schema: "My Memory", organization: "acme" })
})
afterAll(() => db.drop())

test("each helper's event has the next id, and the columns that memoric's own logger fills", async () => {
  const writer = await db.role({ memberOf: ["pgtrail_writer"] })
  await trail.installProfile("memoric", { schema: "My Memory", organization: "acme", writers: [writer.name] })
  const writing = await db.trail({ url: writer.url })
  await db.query(
    `insert into "My Memory".audit_logs (event_type, user_id, timestamp) values ('auth.logout', 'ada', now())`,
  )
  const here = { userId: "ada", organization: "acme", memoric: "My Memory" } as const
  await writing.logAuth({ ...here, type: "auth.login.failed", ipAddress: "10.0.0.1" })
  await writing.logMemory({ ...here, type: "memory.updated", memoryId: "m", afterState: { a: 1 } })
  await writing.logAuthorization({
    ...here,
    resourceType: "memory",
    resourceId: "m",
    action: "read",
    granted: false,
  })
  expect(
    await db.query(
      `select id, event_type, user_id, severity, success, ip_address, resource_id, action, after_state, retention_policy
       from "My Memory".audit_logs where id > 1 order by id`,
    ),
  ).toMatchObject([
    {
      id: "2",
      event_type: "auth.login.failed",
      user_id: "ada",
      severity: "warning",
      success: "f",
      ip_address: "10.0.0.1",
    },
    {
      id: "3",
      event_type: "memory.updated",
      resource_id: "m",
      action: "update",
      success: "t",
      after_state: '{"a": 1}',
    },
    { id: "4", event_type: "authz.access.denied", severity: "warning", success: "f", action: "read" },
  ])
  expect(
    await db.query(
      "select distinct retention_policy, source from pgtrail.event where organization_id = 'acme'",
    ),
  ).toEqual([{ retention_policy: "memoric", source: "memoric" }])
  expect(await db.query('select distinct retention_policy from "My Memory".audit_logs')).toEqual([
    { retention_policy: null },
  ])
})

test("where the profile is not installed nothing is appended, and a log that is switched off asks nobody", async () => {
  const [before] = await db.query("select count(*) from pgtrail.event")
  await expect(trail.logAuth({ type: "auth.logout", memoric: "elsewhere" })).rejects.toMatchObject({
    code: "not-found",
    hint: expect.stringContaining("nothing was appended"),
  })
  expect(await db.query("select count(*) from pgtrail.event")).toEqual([before])
  const { open } = await import("../../src/data/index.js")
  await using off = await open({
    host: "127.0.0.1",
    port: 1,
    user: "nobody",
    database: "none",
    enabled: false,
  })
  expect(await off.logAuth({ type: "auth.logout", memoric: "elsewhere" })).toEqual([])
})
