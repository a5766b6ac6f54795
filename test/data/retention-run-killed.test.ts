// A run of retention whose backend is killed at each of its steps: nothing is lost, nothing goes twice, and the next run completes it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { here, type RetentionLog, retentionLog, until, waits } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

/** A run waits for a lock on pgtrail.event, or sleeps before it tries again. */
const waitsForTable =
  "select exists (select from pg_stat_activity where query like '%purge_partition(%' and pid <> pg_backend_pid() and datname = current_database() and (wait_event_type = 'Lock' or wait_event = 'PgSleep'))"

describe("a run whose backend is killed", () => {
  const killed = async (step: string): Promise<void> => {
    const [row] = await log.db.query(
      "select pid from pg_stat_activity where query like '%purge_partition(%' and pid <> pg_backend_pid() and datname = current_database() and state <> 'idle'",
    )
    expect(row?.pid, step).toBeDefined()
    await log.db.query("select pg_terminate_backend($1)", [row?.pid])
  }
  const again = async (before: number, purged: number): Promise<void> => {
    expect(await log.intact()).toEqual({ live: before, purged })
    expect(await log.trail.retentionRuns()).toMatchObject([{ outcome: "killed", events: String(purged) }])
    expect(await log.partitions()).toEqual([...new Set(await log.partitions())])
    expect((await log.trail.validate()).differences).toEqual([])
    await until(
      log.db,
      `select not exists (select from pg_locks where locktype = 'advisory' and classid = 1885828210 and ${here})`,
    )
    await log.run()
    const { live, purged: all } = await log.intact()
    expect(live + all).toBe(before + purged)
    expect(await log.count("retention_policy = 'short'")).toBe(0)
    expect((await log.trail.retentionRuns()).map(({ outcome }) => outcome)).toEqual(["done", "killed"])
  }

  test.each([
    ["dropped", "short"],
    ["built anew", undefined],
  ])("while it waits for the chain of acts has changed nothing: %s", async (_, policy) => {
    await log.append(20, policy === undefined ? {} : { policy })
    const holder = await log.db.client()
    try {
      await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
      const run = failureOf(log.run())
      await until(log.db, waits(-1))
      await killed("act lock")
      expect(await run).toMatchObject({ code: "connection-lost" })
      await holder.query("rollback")
    } finally {
      await holder.end()
    }
    await again(20, 0)
  })

  test.each([
    ["dropped", "short"],
    ["built anew", undefined],
  ])("while it waits for the partition has changed nothing: %s", async (_, policy) => {
    await log.append(20, policy === undefined ? {} : { policy })
    const reader = await log.db.client()
    try {
      await reader.query("begin; select count(*) from pgtrail.event_2020_01")
      const run = failureOf(log.run())
      await until(log.db, waitsForTable)
      await killed("partition lock")
      expect(await run).toMatchObject({ code: "connection-lost" })
    } finally {
      await reader.end()
    }
    await again(20, 0)
  })

  test.each([
    ["dropped", "short"],
    ["built anew", undefined],
  ])(
    "when it has read all and waits for the last lock before anything goes, has removed none: %s",
    async (_, policy) => {
      await log.append(20, policy === undefined ? {} : { policy })
      const holder = await log.db.client()
      try {
        // That of the summaries, of which a purge forgets days.
        await holder.query("begin; select pg_advisory_xact_lock(1885828210, -5)")
        const run = failureOf(log.run())
        await until(log.db, waits(-5))
        await killed("before commit")
        expect(await run).toMatchObject({ code: "connection-lost" })
        await holder.query("rollback")
      } finally {
        await holder.end()
      }
      await again(20, 0)
    },
  )

  test("in its second partition has purged the first, and says so", async () => {
    await log.append(20, { policy: "short" })
    await log.append(20, { at: "2020-02-02" })
    const reader = await log.db.client()
    try {
      await reader.query("begin; select count(*) from pgtrail.event_2020_02")
      const run = failureOf(log.run())
      await until(log.db, `${waitsForTable} and exists (select from pgtrail.retention_run where events = 20)`)
      await killed("second partition")
      expect(await run).toMatchObject({
        code: "connection-lost",
        hint: expect.stringContaining("20 events purged before"),
      })
    } finally {
      await reader.end()
    }
    await again(20, 20)
  })
})
