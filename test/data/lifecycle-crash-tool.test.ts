// kill -9 of the command line at every step of what changes partitions and purges: nothing is lost, nothing goes twice, and the next run completes it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"
import {
  type Crashed,
  expectWhole,
  fill,
  killAt,
  live,
  undisturbed,
  type Victim,
} from "./lifecycle-crash-fixture.js"
import { phases } from "./lifecycle-crash-steps.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

let log: TestDatabase
let reference: TestDatabase
let crashed: Crashed
beforeAll(async () => {
  log = await testDatabase()
  reference = await testDatabase()
  crashed = { log, trail: await log.trail() }
  await fill(log)
  await fill(reference)
})
afterAll(async () => {
  await log.drop()
  await reference.drop()
})

/** Its server process goes on with the statement, whose end then reaches nobody. */
const tool: Victim = {
  start(argv) {
    const child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...argv], {
      env: { PATH: process.env.PATH, PGTRAIL_URL: log.url },
      stdio: "ignore",
    })
    const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)))
    return {
      async kill() {
        child.kill("SIGKILL")
        expect(await ended).toBe("SIGKILL")
      },
    }
  },
}

test.skipIf(!isBuilt)(
  "the next run is told to wait while the statement of a killed one goes on",
  async () => {
    const run = ["retention", "run"]
    const step = {
      at: "waits for a reader of what it drops",
      hold: "select count(*) from only pgtrail.event_2020_01",
    }
    // The statement does not go on for long: the next run must not load its modules first.
    await runInProcess([...run, "--dry-run"], { env: { PGTRAIL_URL: log.url } })
    let isKilled = false
    const andAgain: Victim = {
      start(argv) {
        const { kill } = tool.start(argv)
        return {
          async kill() {
            await kill()
            if (isKilled) return
            isKilled = true
            const again = await runInProcess(argv, { env: { PGTRAIL_URL: log.url } })
            expect(again).toMatchObject({ exit: 5, stderr: expect.stringContaining("nothing was done") })
          },
        }
      },
    }
    await killAt(crashed, { run, step }, andAgain)
  },
)

for (const phase of phases) {
  describe.skipIf(!isBuilt)(`a tool that is killed while pgtrail ${phase.run.slice(0, 2).join(" ")}`, () => {
    beforeAll(() => phase.first?.(log))

    test.each(phase.steps)("$at", async (step) => {
      await killAt(crashed, { run: phase.run, step }, tool)
    })

    test("and the next run leaves what one leaves that nobody killed", async () => {
      await undisturbed(log, { ...phase, first: async () => undefined })
      await undisturbed(reference, phase)
      expect(await live(log)).toEqual(await live(reference))
      await expectWhole(crashed)
    })
  })
}
