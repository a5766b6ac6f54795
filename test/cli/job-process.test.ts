// What only real processes show of jobs: the scheduler in a container, a run that is killed, a second signal.
import { execFile, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { until as untilSo } from "../data/cluster.js"
import { here, until } from "../data/retention-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"

const root = join(import.meta.dirname, "../..")
const bin = join(root, "bin/pgtrail.js")
const isReady = existsSync(join(root, "dist/cli.cjs")) && existsSync("/proc/self/stat")

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
beforeEach(() => db.query("truncate pgtrail.job_run"))
afterAll(() => db.drop())

const begun: { child: ReturnType<typeof spawn>; ended: Promise<unknown> }[] = []
afterEach(async () => {
  for (const { child } of begun) child.kill("SIGKILL")
  await Promise.all(begun.splice(0).map(({ ended }) => ended))
})

function start(...argv: string[]) {
  const child = spawn(process.execPath, [bin, "job", "run", ...argv], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", PGTRAIL_URL: db.url },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stderr = ""
  child.stdout.resume()
  const heard: { wanted: RegExp; go: () => void }[] = []
  child.stderr.on("data", (part) => {
    stderr += part
    for (const { wanted, go } of heard) if (wanted.test(stderr)) go()
  })
  const ended = new Promise<{ exit: number | null; stderr: string }>((go) =>
    child.on("close", (exit) => go({ exit, stderr })),
  )
  begun.push({ child, ended })
  return { child, ended, hears: (wanted: RegExp) => new Promise<void>((go) => heard.push({ wanted, go })) }
}

/** A verification waits as long as this lasts. */
async function blocked<T>(use: () => Promise<T>): Promise<T> {
  const reader = await db.client()
  await reader.query("begin; lock table pgtrail.act in access exclusive mode")
  try {
    return await use()
  } finally {
    await reader.end()
  }
}
const waits = `select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%pgtrail.act%')`

const others =
  "not exists (select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and application_name not like 'test %')"

async function childOf(pid: number | undefined): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "pid=", "--ppid", String(pid)])
  return Number(stdout.trim())
}
/** One that nobody has reaped yet is dead as well. */
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))

describe.skipIf(!isReady)("pgtrail job run", () => {
  test("--forever does what was missed, writes its log, and ends by SIGTERM with 143", async () => {
    const { child, ended, hears } = start("maintain", "summary", "--forever")
    await hears(/(summary|maintain) done[\s\S]*(summary|maintain) done/)
    child.kill("SIGTERM")
    expect(await ended).toMatchObject({ exit: 143, stderr: expect.stringMatching(/Z stopped\n$/) })
    expect(await db.query("select job, exit_code from pgtrail.job_run order by job")).toEqual([
      { job: "maintain", exit_code: "0" },
      { job: "summary", exit_code: "0" },
    ])
  })

  test("--forever waits for a database that is not there, says so, and ends by a signal all the same", async () => {
    const { child, ended, hears } = start(
      "maintain",
      "--forever",
      "--url",
      "postgresql://u:tops3cret@127.0.0.1:1/d",
    )
    await hears(/tried again in 5 s/)
    child.kill("SIGINT")
    const { exit, stderr } = await ended
    expect(exit).toBe(130)
    expect(stderr).toMatch(
      /Z the database cannot be reached: nothing listens there: 127\.0\.0\.1:1; tried again in 5 s\n/,
    )
    expect(stderr).not.toContain("tops3cret")
  })

  test("that is killed leaves a row without an end, which is told as killed, and no child that works on", async () => {
    await blocked(async () => {
      const { child, ended } = start("verify")
      await until(db, waits)
      const pid = await childOf(child.pid)
      child.kill("SIGKILL")
      await ended
      await untilSo("the child has stopped", async () => !isAlive(pid), 10)
      // The lock of the job was the parent's.
      await until(
        db,
        `select not exists (select from pg_locks where locktype = 'advisory' and classid = 1885828210 and objid::bigint = 4294967296 - 26 and ${here})`,
      )
      const [state] = await (await db.trail()).jobStates()
      expect(state).toMatchObject({
        job: "verify",
        outcome: "killed",
        ended_at: null,
        duration_seconds: null,
      })
    })
    await until(db, others)
  })

  test("that loses its terminal stops as by SIGTERM: its child is told and waited for, and the row has an end", async () => {
    await blocked(async () => {
      const { child, ended } = start("verify")
      await until(db, waits)
      child.kill("SIGHUP")
      expect((await ended).exit).toBe(143)
    })
    expect(await db.query("select exit_code from pgtrail.job_run")).toEqual([{ exit_code: "143" }])
    await until(db, others)
  })

  test("that gets a second signal is over at once, and its child with it", async () => {
    await blocked(async () => {
      const { child, ended } = start("verify")
      await until(db, waits)
      const pid = await childOf(child.pid)
      expect(isAlive(pid)).toBe(true)
      const began = performance.now()
      child.kill("SIGTERM")
      // The first is heard when the child is told; both at once would be one.
      child.kill("SIGINT")
      expect((await ended).exit).toBeGreaterThan(128)
      // The child alone would have tried for three seconds to end by itself.
      await untilSo("the child is dead", async () => !isAlive(pid), 2)
      expect(performance.now() - began).toBeLessThan(2_500)
    })
    await until(db, others)
  })
})
