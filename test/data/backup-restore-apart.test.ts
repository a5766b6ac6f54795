// A restore over a log that was set back and went its own way since: what would go is counted, although the backup has more events than it.
import { afterAll, beforeAll, expect, test } from "vitest"
import { describeStanding } from "../../src/data/backup/restore-replaced.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, type Empty } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"

let log: TestDatabase
let place: Backups
let other: Empty
const append = (db: TestDatabase, count: number) =>
  db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, $1::int)",
    [count],
  )
let early: string
let later: string
let last: string
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  other = await place.empty()
  const trail = await log.trail()
  await append(log, 20)
  early = await place.of(trail)
  await append(log, 10)
  later = await place.of(trail)
  await append(log, 300)
  last = await place.of(trail)
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

test("events and acts that the log has made since it was set back are told, and where the two went apart", async () => {
  const { db, trail, restore } = other
  await restore(early, { verify: false })
  // Nothing was appended: it only ends earlier, and opened a life of its own.
  expect((await restore(later, { dryRun: true })).replaced).toMatchObject({
    newer: "0",
    missing: "10",
    lanes_apart: "0",
    acts_apart: true,
    newer_acts: [{ kind: "incarnation", acts: "1" }],
  })
  await append(db, 3)
  await trail.setSetting("event-size-limit", "80000")
  const { replaced } = await restore(later, { dryRun: true })
  expect(replaced).toMatchObject({ newer: "3", missing: "10", lanes_apart: "1", lanes_unknown: "0" })
  expect(replaced?.newer_acts.reduce((sum, { acts }) => sum + Number(acts), 0)).toBe(2)
  const refused = await failureOf(restore(later))
  expect(refused).toMatchObject({ code: "usage" })
  expect(refused.message).toMatch(
    /3 events newer than the backup would be lost; 10 events of the backup that it no longer has would be back; 2 acts newer.*; in 1 lane and in the acts the two went on apart from each other: pgtrail backup compare tells where$/,
  )
  // At the same place as the backup, and beyond it.
  await append(db, 7)
  expect((await restore(later, { dryRun: true })).replaced).toMatchObject({
    newer: "10",
    missing: "10",
    lanes_apart: "1",
  })
  await append(db, 5)
  expect((await restore(later, { dryRun: true })).replaced).toMatchObject({
    newer: "15",
    missing: "10",
    lanes_apart: "1",
  })
})

test("of a lane that ends long before the backup it is said that nobody looked, and of a log of the same history nothing", async () => {
  const { db, restore } = await place.empty()
  // A copy that records no life of its own, as one that a dump was loaded into.
  await restore(early, { verify: false, trial: "a copy" })
  const { replaced } = await restore(later, { dryRun: true })
  expect(replaced).toMatchObject({
    newer: "0",
    missing: "10",
    lanes_apart: "0",
    lanes_unknown: "0",
    acts_apart: false,
  })
  if (replaced !== null) expect(describeStanding("db", replaced)).not.toMatch(/apart|long before/)
  await append(db, 3)
  const far = (await restore(last, { dryRun: true })).replaced
  expect(far).toMatchObject({ lanes_apart: "0", lanes_unknown: "1" })
  if (far !== null)
    expect(describeStanding("db", far)).toMatch(
      /1 lane ends long before the backup, and may have other events than it: pgtrail backup compare tells$/,
    )
})
