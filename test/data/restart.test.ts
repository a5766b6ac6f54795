// The server stops, crashes or ends sessions while it is verified: nobody could look, which is never "intact" and never a bug.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { TrailError } from "../../src/data/errors.js"
import { Trail } from "../../src/data/trail.js"
import { runInProcess } from "../cli/io.js"
import { runBlocking, waitUntilDown } from "./blocking.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"

describe.skipIf(!canStart)("verify while the server goes away", () => {
  let cluster: Cluster
  let server: Server
  let trail: Trail
  beforeAll(async () => {
    cluster = await startCluster({ settings: { synchronous_commit: "local" } })
    server = cluster.primary
    await server.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type)
       select 'o' || i % 5, now() + i % 3 * interval '1 month', 'a' from generate_series(1, 3000) i`,
    )
    trail = await server.trail()
  })
  afterAll(() => cluster?.remove())

  /** Stops the server when the first piece has been read; while this thread stands still, no worker gets another piece. */
  function stopping(mode: "fast" | "immediate"): { progress(): void; stopped(): Promise<void> } {
    let stop: Promise<void> | undefined
    return {
      progress() {
        if (stop !== undefined) return
        stop = server.stop(mode)
        waitUntilDown(server.url)
      },
      stopped: async () => stop,
    }
  }

  async function failed(verification: Promise<unknown>): Promise<TrailError> {
    const outcome = await verification.then(
      (report) => report,
      (error: unknown) => error,
    )
    expect(outcome).toBeInstanceOf(TrailError)
    const error = outcome as TrailError
    expect(["connection-lost", "unreachable"]).toContain(error.code)
    expect(error.hint).toBeTruthy()
    return error
  }

  test.each([
    ["fast", 1],
    ["fast", 4],
    ["immediate", 1],
    ["immediate", 2],
  ] as const)("a %s stop with %i jobs, and intact when it is back", async (mode, jobs) => {
    const { progress, stopped } = stopping(mode)
    await failed(trail.verify({ jobs, progress }))
    await stopped()
    await failed(trail.verify({ jobs }))
    await server.start()
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({
      verdict: "intact",
      covered: { events: "3000" },
    })
  })

  test("on the command line it is exit code 3 and unchecked", async () => {
    const { progress, stopped } = stopping("fast")
    const seen = vi.spyOn(Trail.prototype, "verify")
    seen.mockImplementation(function (this: Trail, options = {}) {
      seen.mockRestore()
      return this.verify({ ...options, progress })
    })
    const ran = await runInProcess(["verify", "--jobs", "1", "--json"], { env: { PGTRAIL_URL: server.url } })
    await stopped()
    await server.start()
    expect(ran.exit).toBe(3)
    expect(JSON.parse(ran.stdout)).toMatchObject({ schema: "pgtrail.verify/1", verdict: "unchecked" })
    expect(ran.both).not.toMatch(/^\s+at /m)
  })

  test.each([
    ["that holds the snapshot", "idle in transaction", 1],
    ["that holds the snapshot", "idle in transaction", 2],
    ["that reads", "idle", 2],
  ])("somebody ends the session %s (%s, jobs: %i)", async (_, state, jobs) => {
    let done = false
    const error = await failed(
      trail.verify({
        jobs,
        progress() {
          if (done) return
          done = true
          runBlocking(
            server.url,
            `select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'test' and state = '${state}' and pid <> pg_backend_pid()`,
          )
        },
      }),
    )
    expect(done).toBe(true)
    expect(error.message).not.toContain("not queryable")
    const left =
      "select pid from pg_stat_activity where application_name = 'test' and pid <> pg_backend_pid()"
    // A backend needs a moment to go after its client has.
    await until("no session of the verification is left", async () => (await server.query(left)).length === 0)
  })
})
