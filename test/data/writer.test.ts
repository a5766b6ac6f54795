// The batching writer: when it flushes, how it waits, and that nothing is lost or appended twice.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type LossyProxy, startProxy } from "./proxy.js"

let database: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-writer-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

const count = async (type: string) =>
  Number(
    (await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type]))[0]?.n,
  )
const batches = async () =>
  Number((await database.query("select count(*) as n from pgtrail.append_batch"))[0]?.n)

async function through(work: (proxy: LossyProxy, trail: Trail) => Promise<void>): Promise<void> {
  const proxy = await startProxy(database.url)
  const own = await database.trail({ url: proxy.url })
  try {
    await work(proxy, own)
  } finally {
    await own.close()
    await proxy.close()
  }
}

/** Fails the first `times` inserts of a batch. */
async function disturbed(times: number, action: string, work: () => Promise<void>): Promise<void> {
  await database.query("drop sequence if exists attempts; create sequence attempts")
  await database.query(`create or replace function disturb() returns trigger language plpgsql security definer as $$
    begin if nextval('public.attempts') <= ${times} then ${action}; end if; return new; end $$`)
  await database.query(
    "create trigger disturb before insert on pgtrail.append_batch for each row execute function disturb()",
  )
  try {
    await work()
  } finally {
    await database.query("drop trigger disturb on pgtrail.append_batch")
  }
}

describe("flushes", () => {
  test("by count", async () => {
    const writer = await trail.writer({ maxEvents: 10, maxDelayMs: 60_000 })
    for (let n = 0; n < 10; n += 1) await writer.append({ event_type: "by.count" })
    await expect.poll(() => count("by.count")).toBe(10)
    expect(writer.pending).toBe(0)
    await writer.close()
  })

  test("by time", async () => {
    const writer = await trail.writer({ maxDelayMs: 20 })
    await writer.append({ event_type: "by.time" })
    await expect.poll(() => count("by.time")).toBe(1)
    await writer.close()
  })

  test("on flush and on close, in the order of append", async () => {
    const writer = await trail.writer({ maxDelayMs: 60_000 })
    for (let n = 0; n < 25; n += 1)
      await writer.append({ event_type: "in.order", external_number: n, organization_id: "o" })
    await writer.flush()
    expect(await count("in.order")).toBe(25)
    await writer.append({ event_type: "in.order", external_number: 25, organization_id: "o" })
    await writer.close()
    const rows = await database.query(
      "select external_number from pgtrail.event where event_type = 'in.order' order by lane, seq",
    )
    expect(rows.map((row) => Number(row.external_number))).toEqual(Array.from({ length: 26 }, (_, n) => n))
    await expect(writer.append({ event_type: "late" })).rejects.toMatchObject({ code: "closed" })
  })

  test("in few statements", async () => {
    const before = await batches()
    const writer = await trail.writer({ maxEvents: 400 })
    for (let n = 0; n < 2000; n += 1) await writer.append({ event_type: "few" })
    await writer.close()
    expect(await count("few")).toBe(2000)
    expect((await batches()) - before).toBeLessThanOrEqual(6)
  })

  test("an event has the time of its append, not of the flush", async () => {
    const writer = await trail.writer({ maxDelayMs: 60_000 })
    await writer.append({ event_type: "timed" })
    await sleep(150)
    await writer.close()
    const [row] = await database.query(
      "select recorded_at - occurred_at between '100 ms' and '30 s' as fits from pgtrail.event where event_type = 'timed'",
    )
    expect(row?.fits).toBe("t")
  })
})

test("append() waits while too many events are pending", async () => {
  await through(async (proxy, own) => {
    const writer = await own.writer({ maxPending: 20, maxEvents: 10, maxDelayMs: 5 })
    await writer.append({ event_type: "pressure" })
    await writer.flush()
    proxy.down()
    let taken = 0
    const all = (async () => {
      for (let n = 0; n < 100; n += 1) {
        await writer.append({ event_type: "pressure" })
        taken += 1
      }
    })()
    await expect.poll(() => taken).toBe(20)
    await sleep(50)
    expect([taken, writer.pending]).toEqual([20, 20])
    proxy.up()
    await all
    await writer.close()
    expect(await count("pressure")).toBe(101)
  })
})

describe("a passing failure", () => {
  test("serialization failures and deadlocks are tried again", async () => {
    await disturbed(3, "raise exception using errcode = '40P01'", async () => {
      const writer = await trail.writer()
      await writer.append({ event_type: "again" })
      await writer.close()
    })
    expect(await count("again")).toBe(1)
  })

  test("a batch whose answer was lost is not appended twice", async () => {
    await through(async (proxy, own) => {
      const writer = await own.writer({ maxEvents: 50 })
      for (let n = 0; n < 500; n += 1) {
        if (n % 125 === 60) proxy.swallowAnswerTo("pgtrail.append")
        await writer.append({ event_type: "lost", external_number: n })
        if (n % 50 === 49) await writer.flush()
      }
      await writer.close()
    })
    const [row] = await database.query(
      "select count(*) as n, count(distinct external_number) as different from pgtrail.event where event_type = 'lost'",
    )
    expect(row).toEqual({ n: "500", different: "500" })
  })

  test("backends are killed all the time and nothing is lost or doubled", async () => {
    const writer = await trail.writer({ maxEvents: 20, maxDelayMs: 5 })
    let killed = 0
    let n = 0
    for (; n < 300 || killed < 5; n += 1) {
      await writer.append({ event_type: "killed", external_number: n })
      if (n % 25 !== 24) continue
      const rows = await database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%pgtrail.append(%' and pid <> pg_backend_pid()",
      )
      killed += rows.length
    }
    await writer.flush()
    await writer.close()
    const [row] = await database.query(
      "select count(*) as n, count(distinct external_number) as different from pgtrail.event where event_type = 'killed'",
    )
    expect(row).toEqual({ n: String(n), different: String(n) })
  })
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
