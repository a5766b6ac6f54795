// Tables that profiles have beside their events: who stands there is told by find, export and erase, and no erasure is complete meanwhile.
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Identifier, Trail } from "../../src/data/index.js"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-companions-"))
  await db.query("set timezone = 'UTC'; create schema firewall; create schema audit")
  await trail.installProfile("ai-firewall", { schema: "firewall" })
  await trail.installProfile("audit-db", { schema: "audit" })
  await db.query(
    `insert into firewall.log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length) values ('d-ada', 'ada', 'Claude', 'web', 'green', 1)`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await db.drop()
})

const ada: readonly Identifier[] = [
  { kind: "id", value: "ada" },
  { kind: "email", value: "Ada@Example.org" },
]
const erase = (identifiers: readonly Identifier[], options = {}) =>
  trail.eraseSubject(identifiers, {
    reason: "r",
    requestedBy: "w",
    confirm: identifiers[0]?.value ?? "",
    ...options,
  })
const told = (words: readonly string[] | undefined) =>
  (words ?? []).filter((line) => /of profile/.test(line)).map((line) => /^(.*?): /.exec(line)?.[1])

const rows = [
  "3 rows of audit.error_log, a table of profile audit-db beside its events, have an identifier, and no erasure of the log touches them",
  "1 row of firewall.devices, a table of profile ai-firewall beside its events, has an identifier, and no erasure of the log touches it",
  "1 row of firewall.users, a table of profile ai-firewall beside its events, has an identifier, and no erasure of the log touches it",
]

test("where no table beside the log has the person, an erasure is complete", async () => {
  const other: Identifier[] = [{ kind: "id", value: "nobody" }]
  expect((await trail.findSubject(other)).limits.filter((line) => /of profile/.test(line))).toEqual([])
  expect(await erase(other)).toMatchObject({ complete: true })
})

test("rows that have the person are counted table by table, with the SQL to look, by find, export, erase and its receipt", async () => {
  await db.query(
    `insert into firewall.users (username, email, hashed_password) values ('a', 'ada@example.org', '$2b$12$x'), ('b', 'ben@example.org', '$2b$12$x')`,
  )
  await db.query(
    "insert into firewall.devices (device_id, user_id, device_type) values ('d-ada', 'ada', 'desktop'), ('d-ben', 'ben', 'desktop')",
  )
  await db.query(
    `insert into audit.error_log (id, message, context) values
      ('1', 'no rights for ADA@example.org', null), ('2', 'm', '{"ids": ["x", "ada"]}'), ('3', 'm', '{"n": 1}'), ('4', 'm', '{"context": {"adam": 1}}')`,
  )
  const { limits } = await trail.findSubject(ada)
  expect(told(limits)).toEqual(rows)
  for (const line of limits.filter((one) => /of profile/.test(one))) {
    const [, sql = ""] = /: (select \* from .*?)(;|$)/.exec(line) ?? []
    const [, count] = /^(\d+) row/.exec(line) ?? []
    const byHand = await db.query(sql.replace("'ID'", "'ada'"))
    expect(byHand).toHaveLength(Number(count))
    expect(line.toLowerCase()).not.toMatch(/\bada\b|ada@/)
  }
  const done = await trail.exportSubject(ada, { out: join(folder, "copy") })
  expect(done).toBeDefined()
  const manifest = JSON.parse(await readFile(join(folder, "copy", "manifest.json"), "utf8"))
  expect(told(manifest.searched.companions)).toEqual(rows)
  expect(await erase(ada, { dryRun: true })).toMatchObject({ complete: false })
  const { receipt, complete } = await erase(ada)
  expect(complete).toBe(false)
  expect(receipt).toMatchObject({ complete: false, events: "1" })
  expect(told(receipt?.limits)).toEqual(rows)
  expect(receipt === null ? "" : describeReceipt(receipt)).toMatch(
    /^note .*firewall\.users.*\n(.*\n)*incomplete: /m,
  )
})

test("a table that has places of events alone does not keep an erasure from being complete, whoever may read it", async () => {
  await trail.installProfile("agenttrace")
  const officer = await db.role({ memberOf: ["pgtrail_privacy"] })
  const other = await db.trail({ url: officer.url })
  const { limits } = await other.findSubject([{ kind: "id", value: "nobody" }])
  expect(limits.filter((line) => line.includes("agenttrace"))).toEqual([])
})

test("a table that this role may not read is told as not searched", async () => {
  const officer = await db.role({ memberOf: ["pgtrail_privacy"] })
  await db.query(`grant usage on schema firewall to "${officer.name}"`)
  const other = await db.trail({ url: officer.url })
  const { limits } = await other.findSubject([{ kind: "id", value: "nobody" }])
  expect(told(limits)).toContain("firewall.users of profile ai-firewall was not searched")
})

test("once they are deleted, also after the profile was removed, the erasure is complete", async () => {
  await trail.removeProfile("ai-firewall", { schema: "firewall" })
  expect(await erase(ada)).toMatchObject({ complete: false })
  await db.query("delete from firewall.users; delete from firewall.devices; delete from audit.error_log")
  expect(await erase(ada)).toMatchObject({ complete: true })
})
