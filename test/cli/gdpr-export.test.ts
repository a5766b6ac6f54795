// pgtrail gdpr export, word by word; and what the configuration says of Article 15.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { folder, keyPair } from "../data/checkpoint-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

const { path, remove } = folder()
const cwd = dirname(path("x"))
let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  writeFileSync(path("audit.key"), keyPair("audit").secret, { mode: 0o600 })
  await db.query(`insert into pgtrail.event (organization_id, event_type, actor_id, actor_email, occurred_at, description, resource_type, resource_id) values
    ('acme', 'auth.login', 'u-ann', 'ann@example.org', '2026-01-15Z', null, null, null),
    ('acme', 'user.update', 'u-bob', 'bob@example.org', '2026-02-15Z', null, 'user', 'u-ann'),
    ('globex', 'note.add', 'u-ann', 'ann@example.org', '2026-03-15Z', 'met Bob', null, null)`)
})
afterAll(async () => {
  await db?.drop()
  remove()
})

test("gdpr-export.txt", async () => {
  const file = join(import.meta.dirname, "gdpr-export.txt")
  const now = await replay(readFileSync(file, "utf8"), { url: db.url, cwd })
  const plain = now.replaceAll(cwd, "/folder").replace(/audit\+[0-9a-f]{8}/g, "audit+xxxxxxxx")
  await expect(plain).toMatchFileSnapshot(file)
  expect(now.replace(/^\$.*$/gm, "")).not.toMatch(/u-ann|ann@example|bob@example/)
})

test("what Article 15 demands comes from the configuration, and is asked for where it is missing", async () => {
  writeFileSync(
    path("pgtrail.json"),
    JSON.stringify({ gdpr: { purposes: "to prove what was done", controller: "ACME, Main Street 1" } }),
    { mode: 0o600 },
  )
  const env = { PGTRAIL_URL: db.url, PGTRAIL_GDPR_RECIPIENTS: "nobody else" }
  const { exit, stderr } = await runInProcess(["gdpr", "export", "u-ann", "--out", "told"], { env, cwd })
  expect([exit, stderr]).toEqual([0, expect.stringContaining("gdpr.categories, gdpr.source")])
  expect(stderr).not.toMatch(/gdpr\.(purposes|controller|recipients)/)
  const readme = readFileSync(path("told/README.txt"), "utf8")
  for (const text of ["to prove what was done", "ACME, Main Street 1", "nobody else"])
    expect(readme).toContain(text)
})

test("the manifest has all that pgtrail.json says, with the policies of retention, and then nothing is asked for", async () => {
  const information = {
    ...{ controller: "ACME, Main Street 1", purposes: "to prove who did what", categories: "names, acts" },
    ...{
      recipients: "the auditors",
      transfers: "none",
      retention: "seven years",
      source: "our applications",
    },
    ...{
      automation: "none",
      rights: "write to privacy@acme.example",
      complaint: "the authority of our country",
    },
  }
  const config = path("texts.json")
  writeFileSync(config, JSON.stringify({ gdpr: information }), { mode: 0o600 })
  await db.query("select pgtrail.set_retention('floor', 'tax', 3650, compliance_tag => 'TAX')")
  const env = { PGTRAIL_URL: db.url }
  const argv = ["gdpr", "export", "u-ann", "--out", "all", "--config", config]
  const { exit, stderr } = await runInProcess(argv, { env, cwd })
  expect([exit, stderr.includes("gdpr.")]).toEqual([0, false])
  const manifest = JSON.parse(readFileSync(path("all/manifest.json"), "utf8"))
  expect(manifest.information).toEqual(information)
  expect(manifest.retention).toContainEqual(
    expect.objectContaining({ kind: "floor", name: "tax", compliance_tag: "TAX", keep_days: "3650" }),
  )
  const readme = readFileSync(path("all/README.txt"), "utf8")
  for (const text of Object.values(information)) expect(readme).toContain(text)
})

test("a folder that is named with a slash has its manifest behind one", async () => {
  const env = { PGTRAIL_URL: db.url }
  const { exit, stdout } = await runInProcess(["gdpr", "export", "u-ann", "--out", "slash/"], { env, cwd })
  expect([exit, stdout]).toEqual([0, expect.stringContaining("\n  slash/manifest.json  ")])
  expect(existsSync(path("slash/manifest.json"))).toBe(true)
})

test("one that is stopped leaves no file and no act", async () => {
  const acts = () => db.query("select count(*) as n from pgtrail.act where kind = 'export'")
  const before = await acts()
  const signal = AbortSignal.abort("SIGINT")
  const stopped = await runInProcess(["gdpr", "export", "u-ann", "--out", "gone"], {
    env: { PGTRAIL_URL: db.url },
    cwd,
    signal,
  })
  expect([stopped.exit, existsSync(path("gone")), await acts()]).toEqual([130, false, before])
})
