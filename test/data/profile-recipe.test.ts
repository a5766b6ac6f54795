// The SQL by which README.md follows the chain of AgentTrace's events, as it is printed there.
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8")
const recipe = /\*\*Following AgentTrace's chain\.\*\*[\s\S]*?```sql\n([\s\S]*?)```/.exec(readme)?.[1] ?? ""

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  const trail = await db.trail()
  await trail.installProfile("agenttrace")
  const insert = `insert into audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type, event_severity,
      resource_type, resource_id, action, request_id, hash)
    select 'e-' || i, now() - i % 7 * interval '1 hour', 'o-' || i % 2, 'user', 'ada', 'auth', 'auth.login', 'info', 'user', 'u', 'read', 'r', 'sent'
    from generate_series(1, 50) i`
  await db.query(insert)
  // Another way into the same lanes.
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) values ('o-0', 'direct'), ('o-1', 'direct')",
  )
  await db.query(insert)
})
afterAll(() => db.drop())

test("every hash has 64 hexadecimal characters, and the recipe finds nothing in a log that nobody touched", async () => {
  const [of] = await db.query(
    "select count(*) as events, count(*) filter (where hash ~ '^[0-9a-f]{64}$' and previous_hash ~ '^[0-9a-f]{64}$') as hashed, count(distinct (organization_id, lane)) as lanes, max(seq) as newest from audit_events_chain",
  )
  expect(of).toEqual({ events: "100", hashed: "100", lanes: "2", newest: "51" })
  expect(await db.query(recipe)).toEqual([])
})

test("the recipe finds the event behind one whose hash was changed, and no other", async () => {
  const tamper = (hash: string) =>
    db.query(
      `set session_replication_role = replica; update pgtrail.event set hash = ${hash} where organization_id = 'o-1' and seq = 7; reset session_replication_role`,
    )
  const [before] = await db.query(
    "select hash::text from pgtrail.event where organization_id = 'o-1' and seq = 7",
  )
  await tamper("sha256('changed')")
  const found = await db.query(recipe)
  expect(found).toEqual([
    { organization_id: "o-1", lane: expect.any(String), seq: "8", event_id: expect.any(String) },
  ])
  await tamper(`'${before?.hash}'`)
  expect(await db.query(recipe)).toEqual([])
})
