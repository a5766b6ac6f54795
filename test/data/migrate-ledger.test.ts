// The ledger of the migrations that are applied: nobody takes one out of it unseen.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { migrationsAfter, newestLevel, rowsKept } from "./migrate-fixture.js"

let db: TestDatabase
let trail: Trail
let restore: () => Promise<void>
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) values ('a')")
  restore = await rowsKept(db)
})
afterEach(() => restore())
afterAll(() => db.drop())

test.each([
  [8, "table migration: the newest migration is 7, and the functions are those of 8"],
  [7, "table migration: 0007_people is missing, and 8 is there"],
  [6, "table migration: 0006_archive is missing, and 8 is there"],
  [5, "table migration: 0005_lifecycle is missing, and 8 is there"],
  [4, "table migration: 0004_read is missing, and 8 is there"],
  [2, "table migration: 0002_proof is missing, and 8 is there"],
  [1, "table migration: 0001_log is missing, and 8 is there"],
])("verify finds that migration %i was taken out of the ledger", async (number, says) => {
  await db.query(`delete from pgtrail.migration where number = ${number}`)
  const { findings, pending_migration } = await trail.verify({ record: false })
  expect(findings).toMatchObject([{ kind: "catalog_changed", message: says }])
  // What is missing in the middle is not pending: no way up would apply it.
  expect(pending_migration).toBe(number === 8 ? "0008_holds" : null)
  const { pending, differences: shown } = await trail.validate()
  expect(pending).toEqual(number === 8 ? ["0008_holds"] : [])
  expect(shown).toMatchObject([{ object: "table migration" }])
})

test("neither up nor down is there a way where a migration in the middle is not in the ledger", async () => {
  await db.query("delete from pgtrail.migration where number = 2")
  const words = {
    code: "config",
    message: `migration 0002_proof is not in pgtrail.migration, and ${migrationsAfter(newestLevel() - 1)[0]} is`,
  }
  await expect(trail.migrateDown()).rejects.toMatchObject(words)
  await expect(trail.install()).rejects.toMatchObject(words)
})
