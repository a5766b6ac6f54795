// A verification on a standby whose replay comes first: it could not check, and says which setting decides.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { TrailError } from "../../src/data/errors.js"
import { toTrailError } from "../../src/data/server-errors.js"
import { Trail } from "../../src/data/trail.js"
import type { VerifyReport } from "../../src/data/verify/report.js"
import { runInProcess } from "../cli/io.js"
import { runBlocking } from "./blocking.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"

/** Rewrites rows that every snapshot before sees, and removes them: replaying that must wait for the snapshot, or end it. */
const removeOldHeads =
  "insert into pgtrail.event (event_type) select 'a' from generate_series(1, 300);;vacuum pgtrail.chain_head"
/** The replay has passed all this, or stands still although all of it has arrived: it ends a session that does not listen. */
const replayedOrWaiting = `
    with earlier as materialized (select pg_last_wal_replay_lsn() as lsn),
    later as materialized (select pg_sleep(0.25) from earlier)
    select pg_last_wal_replay_lsn() >= '$lsn'
        or (pg_last_wal_replay_lsn() = earlier.lsn and pg_last_wal_receive_lsn() >= '$lsn')
    from earlier, later`

describe.skipIf(!canStart)("verify on a standby whose replay does not wait", () => {
  let cluster: Cluster
  let standby: Server
  let trail: Trail
  beforeAll(async () => {
    // Flushed at once, so that the standby hears of it at once.
    cluster = await startCluster({ settings: { synchronous_commit: "local" } })
    await cluster.primary.query(
      "insert into pgtrail.event (event_type, description) select 'a', repeat('x', 500) from generate_series(1, 10000)",
    )
    standby = await cluster.primary.standby({ max_standby_streaming_delay: "0" })
    trail = await standby.trail()
  })
  afterAll(() => cluster?.remove())

  /** Does it once, within a callback of the verification. */
  function once(sql: string): () => void {
    let done = false
    return () => {
      if (done) return
      done = true
      runBlocking(cluster.primary.url, sql, { observed: standby.url, condition: replayedOrWaiting })
    }
  }

  /** Where the socket was closed before its last message was read, nobody knows why; the setting is named all the same. */
  async function ended(verification: Promise<unknown>): Promise<void> {
    const error = await verification.then(
      (report) => report,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(TrailError)
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(cancelled|connection-lost)$/),
      hint: expect.stringMatching(/max_standby_streaming_delay.*hot_standby_feedback/),
    })
  }

  test("between two pieces, when only the idle session holds the snapshot", () =>
    ended(trail.verify({ jobs: 1, progress: once(removeOldHeads) })))

  test("while a worker of several waits for its next piece", () =>
    ended(trail.verify({ jobs: 2, progress: once(removeOldHeads) })))

  test("in the middle of a partition", () => {
    const { signal } = new AbortController()
    let chunks = 0
    const hook = once(removeOldHeads)
    // Asked for before each piece and each chunk: the second chunk is in the middle of the 10,000 events.
    const interrupting = Object.assign(signal, {
      throwIfAborted: () => {
        chunks += 1
        if (chunks === 5) hook()
      },
    })
    return ended(trail.verify({ jobs: 1, signal: interrupting }))
  })

  test("VACUUM FULL of a table that was read already is in nobody's way, or is told of, also after the last piece", async () => {
    // No lock of the idle session is left; a page that replay wants to clean may still be pinned.
    const intactOrEnded = async (verification: Promise<VerifyReport>) => {
      const report = await verification.catch(() => undefined)
      if (report === undefined) await ended(verification)
      else expect(report.verdict).toBe("intact")
    }
    const lock = once("vacuum full pgtrail.chain_head")
    await intactOrEnded(trail.verify({ jobs: 1, progress: lock }))
    let pieces = 0
    const [row] = await standby.query(
      "select count(*) as n from pg_inherits where inhparent = 'pgtrail.event'::regclass",
    )
    const late = once("vacuum full pgtrail.chain_head")
    const afterLast = () => {
      pieces += 1
      if (pieces === Number(row?.n)) late()
    }
    await intactOrEnded(trail.verify({ jobs: 1, progress: afterLast }))
    expect(pieces).toBe(Number(row?.n))
  })

  test("on the command line it is exit code 3 and unchecked, and a later one is intact", async () => {
    const env = { PGTRAIL_URL: standby.url }
    const hook = once(removeOldHeads)
    const seen = vi.spyOn(Trail.prototype, "verify")
    seen.mockImplementation(function (this: Trail, options = {}) {
      seen.mockRestore()
      return this.verify({ ...options, progress: hook })
    })
    const ran = await runInProcess(["verify", "--jobs", "1", "--json"], { env })
    expect(ran.exit).toBe(3)
    expect(JSON.parse(ran.stdout)).toMatchObject({
      verdict: "unchecked",
      error: { hint: expect.stringContaining("max_standby_streaming_delay") },
    })
    expect(await runInProcess(["verify"], { env })).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^intact/),
    })
  })
})

describe("the words do not depend on the server's language", () => {
  const error = (fields: object) => toTrailError(Object.assign(new Error("storniere Anweisung"), fields))

  test.each(["ProcessInterrupts", "ProcessRecoveryConflictInterrupt"])("%s is the standby's", (routine) => {
    expect(error({ code: "40001", routine })).toMatchObject({
      code: "cancelled",
      hint: expect.stringContaining("max_standby"),
    })
  })

  test("a failed serialization and a deadlock are to be run again", () => {
    expect(error({ code: "40001", routine: "heap_update" })).toMatchObject({ code: "retry" })
    expect(error({ code: "40P01", routine: "DeadLockReport" })).toMatchObject({ code: "retry" })
  })

  test("a statement that was cancelled by its own timeout is not the standby's", () => {
    const cancelled = error({ code: "57014", routine: "ProcessInterrupts" })
    expect(cancelled).toMatchObject({ code: "cancelled", hint: expect.not.stringContaining("standby") })
  })
})
