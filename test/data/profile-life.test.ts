// What a profile's events live through: many writers at once, an archive after 90 days, a retention by days, and a hash that somebody altered.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { withClients } from "./writers.js"

let db: TestDatabase
let trail: Trail
let folder: string
/** Of a month that was over 120 days ago. */
let old: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-profile-"))
  await db.query("set timezone = 'UTC'")
  for (const name of ["mem0", "memoric", "agenttrace", "ai-firewall"]) {
    const schema = name.replace("-", "_")
    await db.query(`create schema ${schema}`)
    await trail.installProfile(name, { schema, organization: schema })
  }
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  const [month] = await db.query(
    "select m as first, m + interval '1 month' as next, m + interval '9 days' as day, to_char(m, 'YYYY_MM') as name from date_trunc('month', now() - interval '150 days') m",
  )
  old = month?.day ?? ""
  await db.query("select pgtrail.create_partition($1, $2, $3)", [
    `event_${month?.name}`,
    month?.first ?? null,
    month?.next ?? null,
  ])
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await db.drop()
})

test("32 writers at once get an id each from memoric's sequence, and every event is whole", async () => {
  await withClients(db, 32, async (client, n) => {
    await client.query("set timezone = 'UTC'")
    for (let i = 0; i < 8; i += 1) {
      const { rows } = await client.query(
        "insert into memoric.audit_logs (event_type, user_id, timestamp) select 'memory.created', $1, now() from generate_series(1, 3) returning id",
        [`w${n}`],
      )
      expect(new Set(rows.map(({ id }) => id)).size).toBe(3)
    }
  })
  expect(
    await db.query(
      "select count(*), count(distinct id) as ids, min(id) as least, max(id) as most, count(distinct user_id) as users from memoric.audit_logs",
    ),
  ).toEqual([{ count: "768", ids: "768", least: "1", most: "768", users: "32" }])
})

test("mem0's events go into an archive after 90 days, by its policy, and come back into its view", async () => {
  await db.query(
    `insert into mem0.audit_logs (user_id, operation, action_result, timestamp)
     values ('u', 'old', 'allowed', $1), ('u', 'older', 'denied', $1::timestamptz + interval '1 hour'), ('u', 'new', 'allowed', now())`,
    [old],
  )
  await trail.setRetentionRule("policy", { name: "mem0", keepDays: 2557, archiveAfterDays: 90 })
  const operations = async () =>
    (await db.query("select operation from mem0.audit_logs order by timestamp")).map(
      ({ operation }) => operation,
    )
  const run = await trail.createArchives({ due: true, to: pathToFileURL(folder).href })
  expect(run).toMatchObject({ archives: "1", events: "2", failed: [] })
  expect(await operations()).toEqual(["new"])
  await trail.restoreArchive(run.partitions[0]?.archive ?? "", { reason: "r" })
  expect(await operations()).toEqual(["old", "older", "new"])
})

test("ai-firewall's log_retention_days is what a run of retention goes by, for its events alone", async () => {
  await db.query(
    "insert into ai_firewall.firewall_configs (organization_id, updated_by, log_retention_days) values ('ai_firewall', 'w', 30)",
  )
  await db.query(
    `insert into ai_firewall.log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length, timestamp)
     values ('d', 'u', 'old', 'web', 'green', 1, $1), ('d', 'u', 'new', 'web', 'green', 1, now())`,
    [old],
  )
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('ai_firewall', 'of another', $1)",
    [old],
  )
  expect(await trail.runRetention()).toMatchObject({ events: "1" })
  expect(await db.query("select tool_name from ai_firewall.log_entries")).toEqual([{ tool_name: "new" }])
  expect(await db.query("select event_type from pgtrail.event where event_type = 'of another'")).toHaveLength(
    1,
  )
})

test("the recipe for agenttrace's hashes finds the event after one whose hash somebody altered", async () => {
  await db.query(
    `insert into agenttrace.audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
       resource_type, resource_id, action, request_id)
     select 'e' || i, now(), 'o', 'user', 'u', 'auth', 't', 'info', 'r', 'r', 'read', 'q' from generate_series(1, 5) i`,
  )
  const { replacements } = await trail.installProfile("agenttrace", { schema: "agenttrace", dryRun: true })
  const recipe = replacements.find(({ instead }) => instead.startsWith("a hash chain"))?.run ?? ""
  expect(await db.query(recipe)).toEqual([])
  await db.query(
    "begin; set local session_replication_role = replica; update pgtrail.event set hash = sha256('x') where external_id = 'e2'",
  )
  const found = await db.query(recipe)
  await db.query("rollback")
  expect(found).toEqual([{ event_id: "e3" }])
})

test("agenttrace's full-text index was for words of three columns: the query finds them through the view", async () => {
  await db.query(
    `insert into agenttrace.audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
       resource_type, resource_id, resource_name, action, new_state, request_id) values
      ('by name', now(), 'words', 'user', 'u', 'auth', 't', 'info', 'r', 'r', 'Quarterly reports', 'read', null, 'q'),
      ('by state', now(), 'words', 'user', 'u', 'auth', 't', 'info', 'r', 'r', null, 'read', '{"title": "a report"}', 'q'),
      ('by neither', now(), 'words', 'user', 'u', 'auth', 't', 'info', 'r', 'r', 'Invoices', 'read', '{"title": "invoice"}', 'q')`,
  )
  expect(
    await db.query(
      `select event_id from agenttrace.audit_events where organization_id = 'words'
         and to_tsvector('english', coalesce(event_type, '') || ' ' || coalesce(resource_name, '') || ' ' || coalesce(new_state::text, ''))
           @@ to_tsquery('english', 'reporting') order by event_id`,
    ),
  ).toEqual([{ event_id: "by name" }, { event_id: "by state" }])
})

test("the log is intact after it all", async () => {
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})
