// Rules, restrictions, the register of requests and rectifications, word by word.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name) values
    ('acme', '2026-03-01Z', 'auth', 'u-1', 'Jon'), ('acme', '2026-03-02Z', 'auth', 'u-2', 'Eve')`)
})
afterAll(() => db.drop())

test("pgtrail gdpr rule, request, restrict, unrestrict, rectify", async () => {
  await expectTranscript(join(import.meta.dirname, "gdpr-request.txt"), {
    url: db.url,
    sql: (text) => db.query(text),
  })
})

test("no message of gdpr restrict, unrestrict and rectify has what was typed of a person", async () => {
  const env = { PGTRAIL_URL: db.url }
  const why = ["--reason", "r", "--requested-by", "DPO"]
  for (const line of [
    ["restrict", "secret-1", "--also", "ip=secret-1", ...why],
    ["restrict", "secret-1", "--also", "secret-1", ...why],
    ["restrict", "secret-1", "--also", "resource=secret-1", ...why],
    ["restrict", "secret-1", "--also", "text=secret-1", ...why],
    ["restrict", "secret-1", "--request", "none", ...why],
    ["unrestrict", "secret-1", ...why],
    ["rectify", "acme/0/1", "--set", "event_type=secret-1", ...why],
    ["rectify", "acme/0/1", "--set", "details=secret-1", ...why],
    ["rectify", "acme/0/1", "--set", "secret-1", ...why],
    ["rectify", "secret-1", "--set", "details={}", ...why],
  ]) {
    const { exit, stdout, stderr } = await runInProcess(["gdpr", ...line], { env })
    expect(exit).not.toBe(0)
    expect(stdout + stderr).not.toContain("secret-1")
    expect(stderr).toMatch(/nothing was (restricted|lifted|recorded|changed)|Nothing was|--also|Give|give/i)
  }
})

test("a receipt that says that the erasure is not complete does not close a request as done", async () => {
  const env = { PGTRAIL_URL: db.url }
  const folder = mkdtempSync(join(tmpdir(), "pgtrail-request-"))
  try {
    const receipt = join(folder, "receipt.json")
    const gdpr = (...line: readonly string[]) => runInProcess(["gdpr", "request", ...line], { env })
    await gdpr("add", "erasure", "--id", "R-1")
    writeFileSync(receipt, '{"complete": false}')
    const refused = await gdpr("close", "R-1", "--outcome", "done", "--receipt", receipt)
    expect(refused.exit).toBe(2)
    expect(refused.stderr).toContain("says that the erasure is not complete")
    expect((await gdpr("show", "R-1")).stdout).toContain("erasure, open")
    writeFileSync(receipt, '{"complete": true, "schema": "pgtrail.erasure_receipt/1", "request": "R-1"}')
    expect((await gdpr("close", "R-1", "--outcome", "done", "--receipt", receipt)).exit).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ["names no request", '{"complete": true, "schema": "pgtrail.erasure_receipt/1"}'],
  ["is none", '{"complete": true, "request": "R-2"}'],
  ["is no document", "scanned"],
])("a receipt of an erasure that %s answers no request", async (_, content) => {
  const env = { PGTRAIL_URL: db.url }
  const folder = mkdtempSync(join(tmpdir(), "pgtrail-request-"))
  try {
    const receipt = join(folder, "receipt")
    writeFileSync(receipt, content)
    const gdpr = (...line: readonly string[]) => runInProcess(["gdpr", "request", ...line], { env })
    await gdpr("add", "erasure", "--id", "R-2")
    const refused = await gdpr("close", "R-2", "--outcome", "done", "--receipt", receipt)
    expect(refused.exit).toBe(2)
    expect(refused.stderr).toContain("the request R-2 is of erasure, and nothing in the log answers it")
    expect((await gdpr("show", "R-2")).stdout).toContain("erasure, open")
  } finally {
    rmSync(folder, { recursive: true })
  }
})
