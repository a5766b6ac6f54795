// Purging an organization where holds and detached partitions are.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

const purge = (organization: string, options = {}) =>
  log.trail.purgeOrganization(organization, { reason: "test", confirm: organization, ...options })

test("a hold on any of its events refuses it, in a dry run too, and names the case; another's does not", async () => {
  await log.append(10)
  await log.append(10, { org: "globex" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', actor => 'u7', until => '2020-01-02T10:00Z')")
  await log.db.query("select pgtrail.add_hold('C2', 'elsewhere', 'initech')")
  for (const options of [{}, { dryRun: true }]) {
    expect(await failureOf(purge("acme", options))).toMatchObject({
      code: "held",
      message: expect.stringMatching(/^1 event of acme is under a legal hold: C1$/),
      hint: expect.stringContaining("nothing was purged"),
    })
  }
  expect(await log.count()).toBe(20)
  await log.db.query("select pgtrail.release_hold('C1', 'over')")
  expect(await purge("acme")).toMatchObject({ events: "10" })
  expect(await log.intact()).toEqual({ live: 10, purged: 10 })
})

test("the function of the database refuses it itself", async () => {
  await log.append(4)
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme')")
  await expect(
    log.db.query(
      "select pgtrail.purge_events('acme', array[h.lane], array[1::bigint], array[h.seq], array[h.hash], null, 'by hand') from (select * from pgtrail.chain_head where organization_id = 'acme' order by seq desc limit 1) h",
    ),
  ).rejects.toMatchObject({ code: "TR016" })
  expect(await log.intact()).toEqual({ live: 4, purged: 0 })
})

test("its events in detached partitions go too", async () => {
  await log.append(10)
  await log.append(10, { at: "2020-02-02" })
  await log.append(4, { org: "globex", at: "2020-02-02" })
  await log.db.query("select pgtrail.detach_partition('event_2020_02', 'test')")
  const dry = await purge("acme", { dryRun: true })
  expect(dry.partitions.map(({ name, events }) => [name, events])).toEqual([
    ["pgtrail.event_2020_01", "10"],
    ["pgtrail.event_2020_02", "10"],
  ])
  expect(await purge("acme", { batchSize: 6 })).toMatchObject({ events: "20", remaining: "0" })
  expect(await log.db.query("select count(*) as n from pgtrail.event_2020_02")).toEqual([{ n: "4" }])
  expect(await log.intact()).toEqual({ live: 4, purged: 20 })
})

test("what retention purged before is not counted again: what goes, what is left, and how much of it a limit takes", async () => {
  // Every second event goes: each of those that stay has a gap beside it.
  await log.append(40)
  await log.append(28, { at: "2020-02-02" })
  await log.append(5, { org: "globex", policy: "short" })
  await log.run({ organization: "acme" })
  const alive = () => log.count("organization_id = 'acme'")
  expect(await alive()).toBe(34)
  expect(await failureOf(purge("acme", { confirm: undefined }))).toMatchObject({
    message: expect.stringContaining("34 events of acme"),
  })
  expect(await purge("acme", { dryRun: true })).toMatchObject({ events: "34", remaining: "0" })
  expect(await purge("acme", { dryRun: true, maxRows: 10 })).toMatchObject({ events: "10", remaining: "24" })
  const some = await purge("acme", { maxRows: 10, batchSize: 4 })
  expect(some).toMatchObject({ events: "10", remaining: "24" })
  expect(some.acts).toHaveLength(3)
  expect(await alive()).toBe(24)
  expect(await purge("acme", { maxRows: 7 })).toMatchObject({ events: "7", remaining: "17" })
  expect(await purge("acme", { batchSize: 5 })).toMatchObject({ events: "17", remaining: "0" })
  expect(await alive()).toBe(0)
  expect(await log.intact()).toEqual({ live: 5, purged: 68 })
})

test("without the confirmation a hold is told at once, and how much several of them hold is exact", async () => {
  await log.append(20)
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
  await log.db.query(
    "select pgtrail.add_hold('C2', 'another', 'acme', since => '2020-01-02T06:00Z', until => '2020-01-02T10:00Z')",
  )
  for (const confirm of [undefined, "acme"]) {
    expect(await failureOf(purge("acme", { confirm }))).toMatchObject({
      code: "held",
      // Two of u7, one of them among the four of that time.
      message: "5 events of acme are under a legal hold: C1, C2",
    })
  }
  expect(await log.count()).toBe(20)
})
