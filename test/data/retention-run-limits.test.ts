// Where a run of retention stops: at its own limits, when it is told to, and before anything in a dry run.
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

test("--max-rows stops at that number, and the next run goes on", async () => {
  await log.append(10, { policy: "short" })
  await log.append(10, { at: "2020-02-02", policy: "short" })
  expect(await log.run({ maxRows: 4 })).toMatchObject({
    outcome: "limit",
    events: "4",
    deleted: "4",
    remaining: null,
    partitions_left: "3",
    partitions: [{ remaining: "6" }],
  })
  expect(await log.trail.retentionRuns()).toMatchObject([
    { outcome: "limit", remaining: null, message: "3 partitions not looked at" },
  ])
  await log.intact()
  expect(await log.run({ maxRows: 6 })).toMatchObject({ events: "6", dropped: "1", partitions_left: "3" })
  expect(await log.run({ maxRows: 11 })).toMatchObject({
    outcome: "done",
    events: "10",
    remaining: "0",
  })
  expect(await log.intact()).toEqual({ live: 0, purged: 20 })
})
test("--max-partitions and --max-seconds stop between partitions", async () => {
  await log.append(4, { policy: "short" })
  await log.append(4, { at: "2020-02-02", policy: "short" })
  await log.append(4, { at: "2020-03-02", policy: "short" })
  const first = await log.run({ maxPartitions: 1 })
  expect(first).toMatchObject({ outcome: "limit", events: "4", partitions_left: "3" })
  expect(first.partitions.map(({ name }) => name)).toEqual(["event_2020_01"])
  expect(await log.run({ maxSeconds: 3600 })).toMatchObject({ outcome: "done", events: "8" })
  for (const options of [{ maxRows: 0 }, { maxSeconds: 0 }, { maxPartitions: 1.5 }]) {
    expect(await failureOf(log.run(options))).toMatchObject({ code: "usage" })
  }
})
test("rows go in portions, each with an act of its own, of nearly the size that was asked for", async () => {
  await log.append(40, { policy: "standard" })
  await log.append(10, { policy: "short" })
  const run = await log.run({ batchSize: 4 })
  expect(run).toMatchObject({ events: "10", deleted: "10", remaining: "0" })
  expect(run.acts).toHaveLength(3)
  expect(await log.intact()).toEqual({ live: 40, purged: 10 })
})
test("a dry run reads the same, tells the same, and changes nothing", async () => {
  await log.append(20)
  await log.append(5, { at: "2020-02-02", policy: "short" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
  const before = await log.db.query(
    "select count(*) as acts, (select count(*) from pgtrail.event) as events from pgtrail.act",
  )
  const dry = await log.run({ dryRun: true })
  expect(
    await log.db.query(
      "select count(*) as acts, (select count(*) from pgtrail.event) as events from pgtrail.act",
    ),
  ).toEqual(before)
  expect(await log.db.query("select from pgtrail.retention_run")).toEqual([])
  expect(dry).toMatchObject({ dry_run: true, run: null, acts: [] })
  expect(dry.policies).toMatchObject([{ policy: "short", keep_days: "100", events: "13" }])
  const real = await log.run()
  const told = ({ partitions }: typeof dry) =>
    partitions.map(({ acts: _, bytes_freed: __, policies, ...rest }) => ({
      ...rest,
      policies: policies.map(({ cutoff: _, ...policy }) => policy),
    }))
  expect(told(dry)).toEqual(told(real))
  expect([dry.events, dry.held, dry.dropped]).toEqual([real.events, real.held, real.dropped])
})

test("a run that is stopped has recorded what it did, says so, and the next one goes on", async () => {
  await log.append(4, { policy: "short" })
  await log.append(4, { at: "2020-02-02", policy: "short" })
  const stop = new AbortController()
  const stopped = log.run({
    signal: stop.signal,
    progress: (doing) => {
      if (doing.endsWith("4 events purged")) stop.abort("SIGTERM")
    },
  })
  expect(await failureOf(stopped)).toMatchObject({
    code: "cancelled",
    hint: expect.stringMatching(/^4 events purged before, by act \d+; run it again for the rest$/),
  })
  expect(await log.intact()).toEqual({ live: 4, purged: 4 })
  expect(await log.trail.retentionRuns()).toMatchObject([
    { outcome: "failed", events: "4", message: "stopped between two partitions" },
  ])
  expect(await log.run()).toMatchObject({ events: "4" })
  expect((await log.trail.retentionRuns({ limit: 1 })).map(({ outcome }) => outcome)).toEqual(["done"])
  expect(await log.intact()).toEqual({ live: 0, purged: 8 })
})
