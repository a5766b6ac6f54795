// The salts of holds: the way down is refused where a hold has one, and holds of the level below keep their digests on the way up.
import { afterEach, beforeEach, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { migrationsAfter } from "./migrate-fixture.js"

let db: TestDatabase
let trail: Trail
beforeEach(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) values ('a')")
})
afterEach(() => db.drop())

const intact = { verdict: "intact", findings: [] }

test("a hold of the level below keeps its digest, holds on, and loses its names once it is over", async () => {
  await trail.migrateDown({ to: 7 })
  await db.query("select pgtrail.add_hold('C', 'r', actor => 'u-1')")
  expect(await trail.verify()).toMatchObject(intact)
  await trail.install()
  expect(await trail.verify()).toMatchObject(intact)
  await trail.releaseHold("C", { reason: "over" })
  const { receipt } = await trail.eraseSubject([{ kind: "id", value: "u-1" }], {
    reason: "asked",
    requestedBy: "dpo",
    confirm: "u-1",
  })
  expect(receipt).toMatchObject({
    named: [],
    proof: [expect.stringContaining("placed by an earlier pgtrail")],
    complete: true,
  })
  expect(await db.query("select actor_id from pgtrail.hold")).toEqual([{ actor_id: "[erased]" }])
  expect(await trail.verify()).toMatchObject(intact)
})

test("a hold with a salt keeps the log from going down, whatever is confirmed; none asks nothing", async () => {
  expect(await trail.migrateDown({ to: 7 })).toMatchObject({ removed: migrationsAfter(7) })
  await trail.install()
  await trail.addHold({ case: "C", reason: "r", actor: "u-1" })
  for (const options of [{ to: 7 }, { to: 7, confirm: db.name }, { to: 7, dryRun: true }]) {
    await expect(trail.migrateDown(options)).rejects.toMatchObject({
      sqlstate: "55000",
      message: "holds were placed or cleared whose acts an older pgtrail cannot compare with them",
    })
  }
  expect(await trail.verify()).toMatchObject(intact)
})
