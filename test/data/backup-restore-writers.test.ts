// A restore over a log at work: what was appended is told as lost or is in the restored log, nothing in between; with thirty weeks.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { testDatabase } from "../database.js"
import { type Backups, backups, contents } from "./backup-restore-fixture.js"

let place: Backups
beforeAll(async () => {
  place = await backups()
})
afterAll(() => place.remove())

// More than a restore makes and attaches at once.
test("a log of thirty weeks comes back with each of them, and those that DEFAULT has", async () => {
  const log = await place.empty()
  await log.trail.install({ partitionInterval: "week" })
  await log.db.query("select pgtrail.create_partitions('2026-05-04Z', '2026-11-16Z')")
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) select 'o' || i % 3, 'x', timestamptz '2026-05-01Z' + i * interval '4 days' from generate_series(1, 52) i",
  )
  const backup = await place.of(log.trail)
  const { db, trail, restore } = await place.empty()
  const [newest] = await log.db.query("select max(seq) as seq from pgtrail.act")
  const done = await restore(backup)
  expect(Number(done.partitions)).toBeGreaterThan(30)
  expect(done.verification).toMatchObject({ verdict: "intact", findings: [] })
  const seq = String(Number(newest?.seq) - 1)
  expect(await contents(db, seq)).toEqual(await contents(log.db, seq))
  expect((await trail.validate()).differences).toEqual([])
})

test("whoever appends meanwhile finds his events among those that are told as lost, or in the restored log", async () => {
  const db = await testDatabase()
  const trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) select 'x' from generate_series(1, 100)")
  const backup = await place.of(trail)
  let isOver = false
  let appended = 0
  const write = async (organization: string): Promise<void> => {
    const client = await db.client()
    while (!isOver) {
      await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
        organization,
      ])
      appended += 1
      // Often in each step of a restore; without end it would be the writers' time that is spent.
      await pause(5)
    }
  }
  const writers = ["o1", "o2", "more"].map(write)
  const done = await trail.restoreBackup(backup, { confirm: db.name, verify: false, lockTimeoutMs: 60_000 })
  isOver = true
  await Promise.all(writers)
  const [row] = await db.query("select count(*) as n from pgtrail.event")
  expect(Number(done.replaced?.newer) + Number(row?.n) - 100).toBe(appended)
  expect(Number(done.replaced?.newer)).toBeGreaterThan(0)
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
  await db.drop()
})
