// What the application of seed 003 does by drizzle, as its document has it, on the views and tables of its profile, as an operator who writes.
import { and, count, desc, eq, lt } from "drizzle-orm"
import { drizzle } from "drizzle-orm/node-postgres"
import { integer, jsonb, pgTable, primaryKey, serial, text, timestamp, varchar } from "drizzle-orm/pg-core"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

const time = (name: string) => timestamp(name, { withTimezone: true, mode: "string" })
const auditLog = pgTable("audit_log", {
  id: serial("id").primaryKey(),
  timestamp: time("timestamp").notNull(),
  ttl: varchar("ttl", { length: 255 }),
  principalId: varchar("principal_id", { length: 255 }),
  organizationId: varchar("organization_id", { length: 255 }),
  action: varchar("action", { length: 255 }).notNull(),
  targetResourceType: varchar("target_resource_type", { length: 255 }),
  targetResourceId: varchar("target_resource_id", { length: 255 }),
  status: varchar("status", { length: 50 }).notNull(),
  outcomeDescription: text("outcome_description"),
  hash: varchar("hash", { length: 64 }),
  hashAlgorithm: varchar("hash_algorithm", { length: 50 }).default("SHA-256"),
  eventVersion: varchar("event_version", { length: 20 }).default("1.0"),
  correlationId: varchar("correlation_id", { length: 255 }),
  dataClassification: varchar("data_classification", { length: 20 }),
  retentionPolicy: varchar("retention_policy", { length: 50 }).default("standard"),
  processingLatency: integer("processing_latency"),
  archivedAt: time("archived_at"),
  details: jsonb("details"),
})
const alerts = pgTable("alerts", {
  id: varchar("id", { length: 255 }).primaryKey(),
  organizationId: varchar("organization_id", { length: 255 }).notNull(),
  severity: varchar("severity", { length: 20 }).notNull(),
  type: varchar("type", { length: 20 }).notNull(),
  title: varchar("title", { length: 500 }).notNull(),
  description: text("description").notNull(),
  source: varchar("source", { length: 100 }).notNull(),
  correlationId: varchar("correlation_id", { length: 255 }),
  metadata: jsonb("metadata").notNull().default({}),
  acknowledged: varchar("acknowledged", { length: 10 }).notNull().default("false"),
  acknowledgedAt: time("acknowledged_at"),
  acknowledgedBy: varchar("acknowledged_by", { length: 255 }),
  resolved: varchar("resolved", { length: 10 }).notNull().default("false"),
  resolvedAt: time("resolved_at"),
  resolvedBy: varchar("resolved_by", { length: 255 }),
  resolutionNotes: text("resolution_notes"),
  createdAt: time("created_at").notNull().defaultNow(),
  updatedAt: time("updated_at").notNull().defaultNow(),
})
const roles = pgTable(
  "organization_role",
  {
    organizationId: varchar("organization_id", { length: 50 }).notNull(),
    name: varchar("name", { length: 50 }).notNull(),
    description: text("description"),
    permissions: jsonb("permissions"),
    inherits: jsonb("inherits"),
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.name] })],
)
const policies = pgTable("audit_retention_policy", {
  id: serial("id").primaryKey(),
  policyName: varchar("policy_name", { length: 100 }).notNull(),
  retentionDays: integer("retention_days").notNull(),
  archiveAfterDays: integer("archive_after_days"),
  deleteAfterDays: integer("delete_after_days"),
  dataClassification: varchar("data_classification", { length: 20 }).notNull(),
  description: text("description"),
  isActive: varchar("is_active", { length: 10 }).default("true"),
  createdAt: time("created_at").notNull().defaultNow(),
  updatedAt: time("updated_at").notNull().defaultNow(),
  createdBy: varchar("created_by", { length: 255 }),
})

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await testDatabase()
  // Policies are set by an operator.
  const writer = await db.role({ memberOf: ["pgtrail_operator"] })
  const trail = await db.trail()
  await trail.installProfile("audit-db", { writers: [writer.name], readers: [writer.name] })
  client = new pg.Client({ connectionString: writer.url })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await db?.drop()
})

test("events are inserted with its defaults, and come back as they were sent, page by page", async () => {
  const orm = drizzle(client)
  const sent = Array.from({ length: 25 }, (_, n) => ({
    timestamp: `2026-07-01 00:${String(n).padStart(2, "0")}:00+00`,
    principalId: `user-${n % 2}`,
    organizationId: "org-456",
    action: n % 5 === 0 ? "user.login" : "document.update",
    targetResourceType: "Patient",
    targetResourceId: `p-${n}`,
    status: ["attempt", "success", "failure"][n % 3] ?? "",
    correlationId: `c-${n}`,
    processingLatency: n,
    details: n % 4 === 0 ? null : { n, deep: [1, "2", null] },
  }))
  const made = await orm.insert(auditLog).values(sent).returning()
  expect(made).toHaveLength(25)
  for (const [n, row] of made.entries()) {
    const defaults = { hashAlgorithm: "SHA-256", retentionPolicy: "standard", eventVersion: "1.0" }
    expect(row).toMatchObject({ ...sent[n], ...defaults, archivedAt: null })
  }
  const mine = and(eq(auditLog.organizationId, "org-456"), eq(auditLog.principalId, "user-1"))
  const newest = [...made].filter(({ principalId }) => principalId === "user-1").reverse()
  const page = (before: string) =>
    orm
      .select()
      .from(auditLog)
      .where(and(mine, lt(auditLog.timestamp, before)))
      .orderBy(desc(auditLog.timestamp))
      .limit(5)
  const first = await page("2026-08-01 00:00:00+00")
  expect(first).toEqual(newest.slice(0, 5))
  expect(await page(first.at(-1)?.timestamp ?? "")).toEqual(newest.slice(5, 10))
})

test("an alert is sent, acknowledged, resolved, counted and cleaned up", async () => {
  const orm = drizzle(client)
  const alert = {
    organizationId: "org-456",
    severity: "HIGH",
    type: "SECURITY",
    title: "Failed logins",
    description: "12 in a minute",
    source: "audit-monitoring",
    metadata: { count: 12 },
  }
  await orm.insert(alerts).values([
    { ...alert, id: "a-1" },
    { ...alert, id: "a-2" },
  ])
  const of = (id: string) => and(eq(alerts.id, id), eq(alerts.organizationId, "org-456"))
  const at = "2026-07-01 00:00:00+00"
  await orm
    .update(alerts)
    .set({ acknowledged: "true", acknowledgedAt: at, acknowledgedBy: "eve" })
    .where(of("a-1"))
  await orm
    .update(alerts)
    .set({ resolved: "true", resolvedAt: at, resolvedBy: "eve", resolutionNotes: "a test" })
    .where(of("a-1"))
  const active = await orm.select().from(alerts).where(eq(alerts.resolved, "false"))
  expect(active).toMatchObject([{ ...alert, id: "a-2", acknowledged: "false", acknowledgedAt: null }])
  const counted = await orm
    .select({ resolved: alerts.resolved, count: count() })
    .from(alerts)
    .groupBy(alerts.resolved)
    .orderBy(alerts.resolved)
  expect(counted).toEqual([
    { resolved: "false", count: 1 },
    { resolved: "true", count: 1 },
  ])
  const gone = and(eq(alerts.resolved, "true"), lt(alerts.resolvedAt, "2026-08-01 00:00:00+00"))
  expect(await orm.delete(alerts).where(gone).returning({ id: alerts.id })).toEqual([{ id: "a-1" }])
})

test("a role is put there once more by its key, and a policy by its name", async () => {
  const orm = drizzle(client)
  const role = { organizationId: "org-123", name: "auditor", inherits: ["reader"] }
  for (const resource of ["audit.events", "audit.reports"]) {
    const permissions = [{ resource, action: "read" }]
    await orm
      .insert(roles)
      .values({ ...role, permissions })
      .onConflictDoUpdate({ target: [roles.organizationId, roles.name], set: { permissions } })
  }
  const permissions = [{ resource: "audit.reports", action: "read" }]
  expect(await orm.select().from(roles)).toEqual([{ ...role, description: null, permissions }])
  const policy = { policyName: "phi", retentionDays: 2555, archiveAfterDays: 365, dataClassification: "PHI" }
  const [made] = await orm.insert(policies).values(policy).returning()
  expect(made).toMatchObject({ ...policy, isActive: "true" })
  const [kept] = await orm.select().from(policies).where(eq(policies.policyName, "phi"))
  expect(kept).toEqual(made)
})

test("its deletion by age is refused with what to run instead, and what it wrote verifies", async () => {
  const deletion = drizzle(client).delete(auditLog).where(lt(auditLog.timestamp, "2020-01-01 00:00:00+00"))
  const error = await deletion.then(
    () => undefined,
    (thrown: { cause?: unknown }) => thrown.cause ?? thrown,
  )
  expect(error).toMatchObject({ code: "42501", hint: expect.stringContaining("pgtrail retention run") })
  const trail = await db.trail()
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})
