// What a log decided since its backup, and a restore over it loses: it is told, and what it had erased is not taken for erased again.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { exitOfRestored } from "../../src/data/backup/restore-words.js"
import type { RestoreBackupOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, leftovers } from "./backup-restore-fixture.js"

let db: TestDatabase
let trail: Trail
let place: Backups
let live: string
let register: string
let empty: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  place = await backups()
  register = join(place.folder, "register.jsonl")
  empty = join(place.folder, "empty.jsonl")
  await writeFile(empty, "")
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) select 'acme', 'x', 'u-' || i % 2 from generate_series(1, 6) i",
  )
  live = await place.of(trail)
})
afterAll(async () => {
  await place.remove()
  await db.drop()
})

const erase = (subject: string, options: { register?: string } = {}) =>
  trail.eraseSubject([{ kind: "id", value: subject }], {
    reason: "Article 17",
    requestedBy: "R-1",
    confirm: subject,
    ...options,
  })
const replace = async (options: RestoreBackupOptions = {}) => {
  const done = await trail.restoreBackup(live, { confirm: db.name, ...options })
  return { ...done, exit: exitOfRestored(done), told: done.warnings.join("\n") }
}
const newestAct = async (): Promise<string> =>
  (await db.query("select max(seq) as seq from pgtrail.act where kind = 'redact'"))[0]?.seq ?? ""

test("a register that lists no erasure silences no warning: what the replaced log had erased is named, and the restore is not complete", async () => {
  await erase("u-0", { register })
  const act = await newestAct()
  const { told, exit, next, verification } = await replace({ register: empty })
  expect(verification).toMatchObject({ verdict: "intact" })
  expect(told).toMatch(`the register ${empty} lists no erasure of this log`)
  expect(told).toMatch(
    `what 1 act of the log that was replaced had erased is back (act ${act}): the register ${empty} does not list it`,
  )
  expect(told).toMatch(/^holds, purges, retention rules and grants made after .* are not in the backup$/m)
  expect({ exit, next }).toMatchObject({
    exit: 4,
    next: expect.arrayContaining(["pgtrail gdpr reapply --register FILE"]),
  })
})

test("a register that lists all of it erases it again, and still it is said what no register has", async () => {
  await trail.reapply(register)
  const { told, exit } = await replace({ register })
  expect(told).toMatch(/^holds, purges, retention rules and grants made after .* are not in the backup$/)
  expect(exit).toBe(0)
  expect(await db.query("select from pgtrail.event where actor_id = 'u-0'")).toEqual([])
})

test("an erasure that is in no register is named, with a register and without one", async () => {
  await erase("u-1")
  const act = await newestAct()
  const named = await replace({ register })
  expect(named.told).toContain(`had erased is back (act ${act}): the register ${register} does not list it`)
  expect(named.exit).toBe(4)
  await erase("u-1")
  const unnamed = await replace()
  expect(unnamed.told).toMatch(
    /^what \d acts? of the log that was replaced had erased is back \(acts? [\d, ]+\)$/m,
  )
  expect(unnamed.exit).toBe(4)
})

test("pseudonyms of the register are given again with their key, and named where it is missing", async () => {
  const secret = Buffer.alloc(32, 9).toString("base64")
  const privacyKeys = { ids: ["k1"], read: async () => secret }
  await trail.addPrivacyKey({ id: "k1", keys: privacyKeys })
  const before = live
  live = await place.of(trail)
  const named = join(place.folder, "named.jsonl")
  const [{ pseudonym } = { pseudonym: null }] = (
    await trail.pseudonymize([{ kind: "id", value: "u-1" }], {
      ...{ strategy: "token", reason: "R-2", requestedBy: "dpo", keys: privacyKeys, register: named },
    })
  ).organizations
  const without = await replace({ register: named })
  expect(without.exit).toBe(4)
  expect(without.told).toContain("not all that the register lists could be erased again")
  expect(without.told).not.toContain("had erased is back")
  const done = await replace({ register: named, privacyKeys })
  expect(done).toMatchObject({ exit: 0, verification: { verdict: "intact" } })
  expect(await db.query("select distinct actor_id as a from pgtrail.event where actor_id <> 'u-0'")).toEqual([
    { a: pseudonym },
  ])
  live = before
})

test("a log that was replaced by one that nobody verified stays beside it, and it is said how to drop it", async () => {
  const { replaced, told, next } = await replace({ verify: false })
  const name = replaced?.kept_as ?? ""
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }, { schema: name }])
  expect(told).toContain(
    `the restored log was not verified: the log that was replaced is kept, whole, in schema ${name}`,
  )
  expect(told).toContain(`drop schema ${name} cascade`)
  expect(next).toContain("pgtrail verify")
  await db.query(`drop schema ${name} cascade`)
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
})
