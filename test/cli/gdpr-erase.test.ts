// pgtrail gdpr find, erase and reapply, word by word.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let folder: string
let db: TestDatabase
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-gdpr-erase-"))
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, ip_address, description, resource_type, resource_id) values
    ('acme', '2026-01-15Z', 'auth.login', 'u-1', 'anna@example.org', '203.0.113.7', null, 'doc', '1'),
    ('acme', '2026-02-15Z', 'auth.login', 'u-1', 'Anna@Example.org', null, 'u-1 came again', 'doc', '1'),
    ('acme', '2026-02-16Z', 'note', 'u-2', null, null, 'wrote to anna@example.org', null, null),
    ('globex', '2026-02-15Z', 'auth.login', 'u-1', null, null, null, null, null),
    ('globex', '2026-02-15Z', 'auth.logout', 'u-2', null, null, null, null, null)`)
  await db.query("select pgtrail.add_hold('C-1', 'suit', 'globex')")
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true })
})

test("pgtrail gdpr find, erase, reapply", async () => {
  const file = join(import.meta.dirname, "gdpr-erase.txt")
  const now = await replay(await readFile(file, "utf8"), { url: db.url, cwd: folder })
  const masked = now
    .replaceAll(folder, "FOLDER")
    // What a server says of its own WAL is its own.
    .replace(/^copies {6}(WAL|\d+ repl).*\n/gm, "")
    .replace(/"wal": ".*"/g, '"wal": "..."')
    .replace(/"elsewhere": \[[^\]]*\]/g, '"elsewhere": []')
  await expect(masked).toMatchFileSnapshot(file)
  expect(now.replace(/^\$.*$/gm, "")).not.toMatch(/anna|u-1\b|203\.0\.113/i)
  for (const name of ["R-12.json", "register.jsonl"]) {
    expect(await readFile(join(folder, name), "utf8")).not.toMatch(/anna|u-1\b|203\.0\.113/i)
  }
})

test("the register may stand in pgtrail.json, as seen from the file", async () => {
  await writeFile(
    join(folder, "pgtrail.json"),
    JSON.stringify({ gdpr: { erase: { register: "all.jsonl" } } }),
  )
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) values ('acme', 'a', 'u-3')",
  )
  const line = ["gdpr", "erase", "u-3", "--reason", "r", "--requested-by", "dpo", "--confirm", "u-3"]
  const ran = await runInProcess(line, { env: { PGTRAIL_URL: db.url }, cwd: folder })
  expect(ran).toMatchObject({ exit: 0 })
  expect((await readFile(join(folder, "all.jsonl"), "utf8")).trimEnd().split("\n")).toHaveLength(4)
})
