// Policies and floors, word by word.
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { testKey } from "../data/signing.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (id, organization_id, occurred_at, event_type, retention_policy, compliance_tags)
    values ('0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11', 'acme', '2026-03-01Z', 'auth.login', 'short', '{PCI,SOX}'),
      ('0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e12', 'acme', 'infinity', 'auth.login', 'short', null)`)
})
afterAll(() => db.drop())

test("pgtrail retention policy and pgtrail retention floor", async () => {
  await expectTranscript(join(import.meta.dirname, "retention-rules.txt"), {
    url: db.url,
    env: { OPERATOR_KEY: testKey("operator").text },
    sql: (text) => db.query(text),
  })
})

test("a terminal of 100 columns shows whole names of policies", async () => {
  const { stdout } = await runInProcess(["retention", "policy", "list"], {
    env: { PGTRAIL_URL: db.url },
    stdoutIsTTY: true,
    columns: 100,
  })
  expect(stdout).not.toContain("…")
  expect(stdout).toMatch(/^acme-auth-2 +acme +auth +100 /m)
})
