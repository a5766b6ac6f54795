// The helpers of the library for the events that every application logs, and the log that is switched off.
import { afterAll, beforeAll, expect, test } from "vitest"
import { open, type Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

/** What of an event is not null and no default of the database. */
async function logged(id: string | undefined) {
  const [row] = await db.query("select * from pgtrail.event where id = $1", [id])
  const chain = /^(id|occurred_at|recorded_at|lane|seq|.*_salt|.*hash.*|source|retention_policy)$/
  return Object.fromEntries(
    Object.entries(row ?? {}).filter(([name, value]) => value !== null && !chain.test(name)),
  )
}

test("a login that succeeded, and one that failed", async () => {
  const [good] = await trail.logAuth({
    type: "auth.login.success",
    userId: "user123",
    username: "alice",
    ipAddress: "192.168.1.100",
  })
  expect(await logged(good?.id)).toEqual({
    organization_id: "default",
    event_type: "auth.login.success",
    category: "authentication",
    severity: "info",
    outcome: "success",
    actor_id: "user123",
    actor_name: "alice",
    ip_address: "192.168.1.100",
  })
  const [bad] = await trail.logAuth({
    type: "auth.login.failed",
    username: "alice",
    userAgent: "agent",
    sessionId: "s",
    errorMessage: "wrong password",
    organization: "acme",
    requestId: "r-1",
    tags: ["t"],
    complianceTags: ["SOC2"],
    details: { tries: 3 },
    fields: { status_code: 401 },
  })
  expect(await logged(bad?.id)).toEqual({
    organization_id: "acme",
    event_type: "auth.login.failed",
    category: "authentication",
    severity: "warning",
    outcome: "failure",
    actor_name: "alice",
    user_agent: "agent",
    session_id: "s",
    error_message: "wrong password",
    request_id: "r-1",
    tags: "{t}",
    compliance_tags: "{SOC2}",
    details: '{"tries": 3}',
    status_code: "401",
  })
})

test("success says otherwise than the type, and a type that nobody knows has the group of the helper", async () => {
  const [created] = await trail.logAuth({ type: "user.created", success: false })
  expect(await logged(created?.id)).toMatchObject({
    category: "user",
    severity: "warning",
    outcome: "failure",
  })
  const [other] = await trail.logAuth({ type: "auth.mfa.passed" })
  expect(await logged(other?.id)).toMatchObject({ category: "authentication", outcome: "success" })
})

test("a memory operation has its action, its memory and the states before and after", async () => {
  const [updated] = await trail.logMemory({
    type: "memory.updated",
    userId: "user123",
    memoryId: "42",
    namespace: "work",
    beforeState: { content: "old" },
    afterState: { content: "Meeting notes" },
  })
  expect(await logged(updated?.id)).toEqual({
    organization_id: "default",
    event_type: "memory.updated",
    category: "memory",
    severity: "info",
    outcome: "success",
    action: "update",
    actor_id: "user123",
    resource_type: "memory",
    resource_id: "42",
    namespace: "work",
    before_state: '{"content": "old"}',
    after_state: '{"content": "Meeting notes"}',
  })
  for (const [type, action] of [
    ["memory.created", "create"],
    ["memory.retrieved", "read"],
    ["memory.deleted", "delete"],
    ["memory.searched", "search"],
  ] as const) {
    const [appended] = await trail.logMemory({ type, success: false })
    expect(await logged(appended?.id)).toMatchObject({ action, outcome: "failure", severity: "warning" })
  }
})

test("a check of rights that was granted, and one that was denied, with the reason", async () => {
  const check = { userId: "user123", resourceType: "memory", resourceId: "42", action: "read" }
  const [granted] = await trail.logAuthorization({ ...check, granted: true, reason: "Owner access" })
  expect(await logged(granted?.id)).toEqual({
    organization_id: "default",
    event_type: "authz.access.granted",
    category: "authorization",
    severity: "info",
    outcome: "success",
    action: "read",
    actor_id: "user123",
    resource_type: "memory",
    resource_id: "42",
    description: "Owner access",
  })
  const [denied] = await trail.logAuthorization({ ...check, granted: false })
  expect(await logged(denied?.id)).toMatchObject({
    event_type: "authz.access.denied",
    severity: "warning",
    outcome: "denied",
  })
})

test("what is no event is refused by the field, as append refuses it", async () => {
  await expect(trail.logAuth({ type: "auth.logout", ipAddress: "nowhere" })).rejects.toMatchObject({
    code: "bad-event",
    message: expect.stringContaining("ip_address"),
  })
})

test("a log that is switched off takes everything, drops it without a connection, and says so once", async () => {
  const warnings: string[] = []
  const listen = (warning: Error & { code?: string }) => warnings.push(warning.code ?? "")
  process.on("warning", listen)
  try {
    for (const enabled of [false, false]) {
      // Nobody listens there: a connection would fail.
      await using off = await open({ host: "127.0.0.1", port: 1, user: "nobody", database: "none", enabled })
      expect(await off.append({ event_type: "x" })).toEqual([])
      expect(await off.appendJson('{"event_type": "x"}')).toEqual([])
      expect(await off.logAuth({ type: "auth.logout" })).toEqual([])
      expect(await off.logMemory({ type: "memory.created" })).toEqual([])
      expect(await off.logAuthorization({ resourceType: "m", action: "read", granted: true })).toEqual([])
      await using writer = await off.writer()
      await writer.append({ event_type: "x" })
      await writer.flush()
      expect(writer.pending).toBe(0)
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings.filter((code) => code === "PGTRAIL_DISABLED")).toHaveLength(1)
  } finally {
    process.off("warning", listen)
  }
  await using on = await open({ connectionString: db.url, enabled: true })
  expect(await on.append({ event_type: "x" })).toHaveLength(1)
})
