// Retention among others: late events, holds and policies that come while it runs, writers and readers, and a second run.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { type RetentionLog, retentionLog, whileActsWait } from "./retention-fixture.js"
import { withClients } from "./writers.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

const late =
  "insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy) values ('acme', '2020-01-09Z', 'late', 'short')"

describe("what comes between the reading and the locks", () => {
  test("a late event into a partition that is dropped is not lost: it is judged again", async () => {
    await log.append(10, { policy: "short" })
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async () => void (await log.db.query(late)),
    )
    expect(run).toMatchObject({ events: "11", dropped: "1" })
    expect(await log.intact()).toEqual({ live: 0, purged: 11 })
  })
  test("a late event into a partition that is built anew is in the new one", async () => {
    await log.append(10)
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async () => void (await log.db.query(late)),
    )
    expect(run).toMatchObject({ events: "5", rewritten: "1" })
    expect(await log.count("event_type = 'late'")).toBe(1)
    expect(await log.intact()).toEqual({ live: 6, purged: 5 })
    expect(await log.run()).toMatchObject({ events: "1" })
  })
  test("a late event beside rows that are deleted stays for the next run", async () => {
    await log.append(40, { policy: "standard" })
    await log.append(4, { policy: "short" })
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async () => void (await log.db.query(late)),
    )
    expect(run).toMatchObject({ events: "4", deleted: "4" })
    expect(await log.intact()).toEqual({ live: 41, purged: 4 })
  })
  test.each([
    ["dropped", 0, 20],
    ["built anew", 12, 8],
    ["of deleted rows", 80, 20],
  ])("a hold that is placed meanwhile holds, in a partition that is %s", async (_, standard, short) => {
    if (standard > 0) await log.append(standard, { policy: "standard" })
    await log.append(short, { policy: "short" })
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async (holder) =>
        void (await holder.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u3')")),
    )
    const held = Number(run.held)
    expect(held).toBeGreaterThan(0)
    expect(Number(run.events) + held).toBe(short)
    expect(await log.count("actor_id = 'u3' and retention_policy = 'short'")).toBe(held)
    await log.intact()
  })
  test("a policy that is lengthened meanwhile counts", async () => {
    await log.append(10, { policy: "short" })
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async (holder) => void (await holder.query("select pgtrail.set_retention('policy', 'short', 9999)")),
    )
    expect(run).toMatchObject({ events: "0", remaining: "0" })
    expect(await log.intact()).toEqual({ live: 10, purged: 0 })
  })
  test("a partition from which somebody else purges meanwhile is judged again", async () => {
    await log.append(10)
    const run = await whileActsWait(
      log.db,
      () => log.run(),
      async (holder) =>
        // Another purge of the partition would wait for the run; one of the organization does not.
        void (await holder.query(
          `select pgtrail.purge_events('acme', array_agg(h.lane), array_agg(1::bigint), array_agg(h.seq), array_agg(h.hash), null, 'by hand')
           from (select distinct on (h.lane) h.* from pgtrail.chain_head h where h.organization_id = 'acme' order by h.lane, h.seq desc) h`,
        )),
    )
    expect(run).toMatchObject({ events: "0", failed: [] })
    expect(await log.intact()).toEqual({ live: 0, purged: 10 })
  })
})

test("of two runs at once one purges and the other is told", async () => {
  await log.append(20, { policy: "short" })
  const first = await whileActsWait(
    log.db,
    () => log.run(),
    async () => {
      expect(await failureOf(log.run())).toMatchObject({ code: "busy" })
      expect(await log.trail.retentionRuns()).toMatchObject([{ outcome: "running", events: "0" }])
    },
  )
  expect(first).toMatchObject({ events: "20" })
  expect(await log.trail.retentionRuns()).toMatchObject([{ outcome: "done", events: "20" }])
})

test("a long reader of a partition keeps it from being dropped, not the others, and is named", async () => {
  await log.append(10, { policy: "short" })
  await log.append(10, { at: "2020-02-02", policy: "standard" })
  await log.append(1, { at: "2020-02-02", policy: "short" })
  const reader = await log.db.client()
  try {
    await reader.query("begin; select count(*) from pgtrail.event_2020_01")
    const run = await log.run({ patienceMs: 300 })
    expect(run.failed).toMatchObject([
      {
        name: "event_2020_01",
        message: expect.stringMatching(/could not be locked .*held by: process \d+ \(/),
      },
    ])
    expect(run).toMatchObject({ events: "1", deleted: "1" })
    expect(await log.trail.retentionRuns()).toMatchObject([
      { outcome: "done", message: "not purged: event_2020_01" },
    ])
  } finally {
    await reader.end()
  }
  expect(await log.run()).toMatchObject({ events: "10", dropped: "1", failed: [] })
  await log.intact()
})

test("writers go on while partitions are dropped and built anew, and nothing of theirs is lost", async () => {
  await log.append(60)
  await log.append(60, { at: "2020-02-02", policy: "short" })
  let isWriting = true
  let written = 0
  const runs = (async () => {
    let purged = 0
    for (let rounds = 0; isWriting || rounds < 2; rounds += 1) purged += Number((await log.run()).events)
    return purged
  })()
  await withClients(log.db, 4, async (client) => {
    for (let n = 0; n < 24; n += 1) {
      await client.query(
        "insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy) values ('acme', $1, 'more', $2)",
        [n % 3 === 0 ? "2020-01-05Z" : "2026-11-01Z", n % 2 === 0 ? "short" : "standard"],
      )
      written += 1
    }
  })
  isWriting = false
  const purged = await runs
  expect((await log.intact()).purged).toBe(purged)
  expect(purged + (await log.count())).toBe(120 + written)
})
