// kill -9 of the whole server at every step of what changes partitions and purges: it recovers, and the next run completes it.
import type { Client } from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"
import {
  type Crashed,
  expectWhole,
  fill,
  killAt,
  live,
  undisturbed,
  type Victim,
} from "./lifecycle-crash-fixture.js"
import { type Log, phases } from "./lifecycle-crash-steps.js"

let cluster: Cluster
let primary: Server
let log: Log
/** Of all questions until the server is killed: one for each would cost more than the question. */
let asking: Promise<Client> | undefined
let reference: TestDatabase
let crashed: Crashed
beforeAll(async () => {
  // The operating system stays, and with it what was written: fsync makes no difference.
  cluster = await startCluster({ settings: { synchronous_commit: "on", full_page_writes: "on" } })
  primary = cluster.primary
  log = {
    ...primary,
    async query(sql, params = []) {
      asking ??= primary.client()
      return (await (await asking).query(sql, [...params])).rows
    },
  }
  reference = await testDatabase()
  crashed = { log, trail: await log.trail() }
  await fill(log)
  await fill(reference)
})
afterAll(async () => {
  await reference?.drop()
  await cluster?.remove()
})

/** The tool survives, and says what happened. */
const server: Victim = {
  start(argv) {
    const running = runInProcess(argv, { env: { PGTRAIL_URL: log.url } })
    let isKilled = false
    return {
      async kill() {
        if (isKilled) return
        isKilled = true
        await primary.stop("kill")
        asking = undefined
        const ran = await running
        await primary.start()
        expect(ran.exit, ran.both).toBe(3)
        expect(ran.both).not.toMatch(/^\s+at /m)
      },
    }
  },
}

for (const phase of phases) {
  describe.skipIf(!canStart)(
    `a server that is killed while pgtrail ${phase.run.slice(0, 2).join(" ")}`,
    () => {
      beforeAll(async () => void (await phase.first?.(log)))

      test.each(phase.steps)("$at", async (step) => {
        await killAt(crashed, { run: phase.run, step }, server)
      })

      test("and the next run leaves what one leaves that nobody killed", async () => {
        await undisturbed(log, { ...phase, first: async () => undefined })
        await undisturbed(reference, phase)
        expect(await live(log)).toEqual(await live(reference))
        await expectWhole(crashed)
      })
    },
  )
}
