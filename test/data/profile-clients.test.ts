// Clients of an application meet the view of a profile as they met its table: node-postgres, drizzle, and COPY.
import { pipeline } from "node:stream/promises"
import { and, desc, eq, gte, lt } from "drizzle-orm"
import { drizzle } from "drizzle-orm/node-postgres"
import { boolean, integer, jsonb, pgTable, serial, text, timestamp, varchar } from "drizzle-orm/pg-core"
import pg from "pg"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

/** As the application of seed 001 would define it. */
const auditLogs = pgTable("audit_logs", {
  id: serial("id").primaryKey(),
  eventType: varchar("event_type", { length: 128 }).notNull(),
  severity: varchar("severity", { length: 32 }).notNull().default("info"),
  description: text("description"),
  userId: varchar("user_id", { length: 128 }),
  username: varchar("username", { length: 128 }),
  sessionId: varchar("session_id", { length: 256 }),
  ipAddress: varchar("ip_address", { length: 45 }),
  userAgent: text("user_agent"),
  resourceType: varchar("resource_type", { length: 64 }),
  resourceId: varchar("resource_id", { length: 256 }),
  namespace: varchar("namespace", { length: 128 }),
  action: varchar("action", { length: 64 }),
  beforeState: jsonb("before_state"),
  afterState: jsonb("after_state"),
  requestMethod: varchar("request_method", { length: 16 }),
  requestPath: varchar("request_path", { length: 512 }),
  requestParams: jsonb("request_params"),
  success: boolean("success").notNull().default(true),
  errorMessage: text("error_message"),
  statusCode: integer("status_code"),
  metadata: jsonb("metadata"),
  tags: jsonb("tags"),
  complianceTags: jsonb("compliance_tags"),
  retentionPolicy: varchar("retention_policy", { length: 64 }),
  timestamp: timestamp("timestamp", { withTimezone: true, mode: "string" }).notNull(),
})

let db: TestDatabase
let writer: Role
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  writer = await db.role()
  const trail = await db.trail()
  await trail.installProfile("memoric", { writers: [writer.name], readers: [writer.name] })
  // With the types that node-postgres gives by itself, as an application has them.
  client = new pg.Client({ connectionString: writer.url })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await db?.drop()
})

test("node-postgres inserts with parameters, and RETURNING and SELECT give back what it sent", async () => {
  const inserted = await client.query(
    `insert into audit_logs (event_type, user_id, success, status_code, metadata, tags, timestamp)
     values ($1, $2, $3, $4, $5, $6, $7), ('b', 'n', default, default, default, default, $7)
     returning *`,
    [
      "memory.created",
      "n",
      false,
      418,
      { deep: { list: [1, "2", null] } },
      '["a", 1]',
      "2026-05-01 12:00:00.123456",
    ],
  )
  expect(inserted.rowCount).toBe(2)
  const [first, second] = inserted.rows
  expect(first).toMatchObject({
    event_type: "memory.created",
    severity: "info",
    user_id: "n",
    success: false,
    status_code: 418,
    metadata: { deep: { list: [1, "2", null] } },
    tags: ["a", 1],
    retention_policy: null,
    timestamp: new Date("2026-05-01T12:00:00.123Z"),
  })
  expect(second).toMatchObject({ success: true, status_code: null, metadata: null })
  expect(second.id).toBe(first.id + 1)
  const read = await client.query("select * from audit_logs where user_id = $1 order by id", ["n"])
  expect(read.rows).toEqual(inserted.rows)
})

test("node-postgres meets one bad row of many: the whole statement is refused, and the session goes on", async () => {
  const statement = client.query(
    "insert into audit_logs (event_type, user_id, timestamp) values ('a', 'bad', now()), ('b', repeat('x', 129), now())",
  )
  await expect(statement).rejects.toMatchObject({
    code: "22001",
    message: expect.stringContaining("user_id"),
  })
  expect((await client.query("select id from audit_logs where user_id = 'bad'")).rows).toEqual([])
})

test("drizzle inserts with returning, and its filters find the rows", async () => {
  const orm = drizzle(client)
  const made = await orm
    .insert(auditLogs)
    .values([
      { eventType: "auth.login.failed", userId: "d", success: false, timestamp: "2026-06-01 00:00:00+00" },
      {
        eventType: "memory.retrieved",
        userId: "d",
        complianceTags: ["SOC2", "GDPR"],
        afterState: { content: "Meeting notes" },
        timestamp: "2026-06-02 00:00:00+00",
      },
    ])
    .returning()
  expect(made).toHaveLength(2)
  expect(made[1]).toMatchObject({
    severity: "info",
    success: true,
    complianceTags: ["SOC2", "GDPR"],
    afterState: { content: "Meeting notes" },
    metadata: null,
  })
  const page = await orm
    .select()
    .from(auditLogs)
    .where(
      and(
        eq(auditLogs.userId, "d"),
        gte(auditLogs.timestamp, "2026-06-01 00:00:00+00"),
        lt(auditLogs.timestamp, "2026-07-01 00:00:00+00"),
      ),
    )
    .orderBy(desc(auditLogs.timestamp))
    .limit(100)
  expect(page).toEqual([...made].reverse())
  const failed = await orm
    .select({ id: auditLogs.id })
    .from(auditLogs)
    .where(and(eq(auditLogs.userId, "d"), eq(auditLogs.success, false)))
  expect(failed).toEqual([{ id: made[0]?.id }])
})

test("drizzle's update is refused, with what the log is", async () => {
  const update = drizzle(client).update(auditLogs).set({ severity: "debug" }).where(eq(auditLogs.userId, "d"))
  const error = await update.then(
    () => undefined,
    (thrown: { cause?: unknown }) => thrown.cause ?? thrown,
  )
  expect(error).toMatchObject({ code: "42501" })
})

test("COPY FROM fills the view, and COPY of a SELECT gives the same lines back", async () => {
  const lines = Array.from(
    { length: 500 },
    (_, n) =>
      `copy.${n % 7},c,${n % 2 === 0 ? "t" : "f"},2026-07-01 00:00:${String(n % 60).padStart(2, "0")}+00,"{""n"": ${n}}"\n`,
  )
  const columns = "event_type, user_id, success, timestamp, metadata"
  await pipeline(lines, client.query(copyFrom(`copy audit_logs (${columns}) from stdin csv`)))
  const back: Buffer[] = []
  const select = `select ${columns} from audit_logs where user_id = 'c' order by id`
  for await (const part of client.query(copyTo(`copy (${select}) to stdout csv`))) back.push(part as Buffer)
  expect(Buffer.concat(back).toString()).toBe(lines.join(""))
})

const lines = {
  mem0: ["audit_logs", "user_id,operation,action_result,details", 'ada,mem0_search,allowed,"{""n"": 1}"'],
  agenttrace: [
    "audit_events",
    "event_id,timestamp,organization_id,actor_type,actor_id,event_category,event_type,event_severity,resource_type,resource_id,action,request_id",
    "evt-1,2026-07-01 00:00:00+00,acme,user,ada,auth,auth.login,info,user,u-1,read,r-1",
  ],
  "audit-db": [
    "audit_log",
    "organization_id,principal_id,action,status,details",
    'acme,ada,user.login,success,"{""n"": 1}"',
  ],
  "ai-firewall": [
    "log_entries",
    "user_id,device_id,tool_name,tool_type,prompt_length,risk_level,detected_entity_types",
    'ada,d-1,chat,web,12,green,"[""EMAIL""]"',
  ],
} as const

test.each(Object.entries(lines))("COPY fills the view of %s", async (name, [view, columns, line]) => {
  const trail = await db.trail()
  const schema = name.replace("-", "_")
  const session = await db.client()
  await session.query(`create schema ${schema}; set timezone = 'UTC'`)
  await trail.installProfile(name, { schema })
  const table = `${schema}.${view}`
  await pipeline([`${line}\n`], session.query(copyFrom(`copy ${table} (${columns}) from stdin csv`)))
  const back: Buffer[] = []
  for await (const part of session.query(copyTo(`copy (select ${columns} from ${table}) to stdout csv`)))
    back.push(part as Buffer)
  expect(Buffer.concat(back).toString()).toBe(`${line}\n`)
})

test("a line that COPY may not take leaves none of the others", async () => {
  const lines = ["a,half,2026-07-01\n", `${"e".repeat(129)},half,2026-07-01\n`]
  const copy = pipeline(
    lines,
    client.query(copyFrom("copy audit_logs (event_type, user_id, timestamp) from stdin csv")),
  )
  await expect(copy).rejects.toMatchObject({ code: "22001", message: expect.stringContaining("event_type") })
  expect((await client.query("select id from audit_logs where user_id = 'half'")).rows).toEqual([])
})

test("who may only write gets the new id back, and reads nothing", async () => {
  const trail = await db.trail()
  const alone = await db.role()
  await trail.installProfile("memoric", { writers: [alone.name] })
  const session = await alone.client()
  const insert = "insert into audit_logs (event_type, user_id, timestamp) values ('w', 'w', now()) returning"
  expect((await session.query(`${insert} id`)).rows).toEqual([{ id: expect.stringMatching(/^\d+$/) }])
  await expect(session.query(`${insert} user_id`)).rejects.toMatchObject({ code: "42501" })
  await expect(session.query("select user_id from audit_logs")).rejects.toMatchObject({ code: "42501" })
})

test("what the clients wrote verifies", async () => {
  const trail = await db.trail()
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})
