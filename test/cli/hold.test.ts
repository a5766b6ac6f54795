// Legal holds, word by word.
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, resource_type, resource_id)
    select 'acme', timestamptz '2026-01-15Z' + i * interval '10 days', case when i % 2 = 0 then 'auth.login' else 'authz.check' end,
      'u-' || i % 3, 'doc', (i % 4)::text from generate_series(1, 12) i`)
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type) values
    ('globex', '2026-03-01Z', 'auth'), ('globex', '2026-03-02Z', 'data.read')`)
})
afterAll(() => db.drop())

test("pgtrail hold", async () => {
  await expectTranscript(join(import.meta.dirname, "hold.txt"), {
    url: db.url,
    sql: (text) => db.query(text),
  })
})

test("the act of a hold has nobody's name in it, and its row, which the list shows, has", async () => {
  const env = { PGTRAIL_URL: db.url }
  const line = ["hold", "add", "--case", "secret", "--reason", "r", "--actor", "jane@example.org", "--json"]
  const added = await runInProcess(line, { env })
  expect(JSON.parse(added.stdout).hold).toMatchObject({ case_id: "secret", actor_id: "jane@example.org" })
  expect(await db.query("select 1 from pgtrail.act where parameters::text like '%jane%'")).toEqual([])
  const acts = await runInProcess(["act", "list", "--kind", "hold", "--limit", "1", "--fields", "about"], {
    env,
  })
  expect(acts.stdout).toContain("case secret, actor as the hold says: r")
})
