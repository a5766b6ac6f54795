// A run of a job: its lock, its row, and what status and job list make of the rows. Over 250 lines because each kind of end has its own.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { JobName, JobState, Trail } from "../../src/data/index.js"
import { jobs } from "../../src/data/job/jobs.js"
import { readSchedule } from "../../src/data/job/schedule.js"
import { prometheus } from "../../src/data/status/prometheus.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
beforeEach(() => db.query("truncate pgtrail.job_run, pgtrail.archive_failure"))
afterAll(() => db.drop())

const job = (name: JobName) => {
  const found = jobs.find((one) => one.name === name)
  if (found === undefined) throw new Error(name)
  return found
}
const well = async () => ({ exit: 0, message: null })
/** The same, and it is noted. */
const noting = (begun: string[], name: string) => () => {
  begun.push(name)
  return well()
}
const state = async (name: JobName): Promise<JobState | undefined> =>
  (await trail.jobStates()).find((one) => one.job === name)
const check = async (name = "jobs", thresholds = {}) =>
  (await trail.status({ drift: false, thresholds })).checks.find((one) => one.name === name)
/** A row as whoever ran the job would have left it; times are so long ago. */
const row = (
  name: string,
  started: string,
  exit: number | null,
  due: string | null = null,
  message: string | null = null,
) =>
  db.query(
    `insert into pgtrail.job_run (job, started_at, ended_at, exit_code, message, due_at)
     values ($1, now() - $2::interval, case when $3::int is not null then now() - $2::interval + interval '90 s' end, $3, $5, now() - $4::interval)`,
    [name, started, exit, due, message],
  )

describe("a run", () => {
  test("is recorded while it is at work, and with its end when it has ended", async () => {
    const schedule = readSchedule("*/10 * * * *", "x")
    const ran = await trail.runJob({
      job: job("summary"),
      schedule,
      async work(run) {
        expect(await state("summary")).toMatchObject({
          run,
          outcome: "running",
          ended_at: null,
          exit_code: null,
        })
        return { exit: 3, message: "no space left" }
      },
    })
    expect(ran).toMatchObject({ exit_code: 3, message: "no space left" })
    expect(ran.started_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(ran.ended_at).not.toBeNull()
    const due = Date.parse(ran.due_at ?? "") - Date.parse(ran.started_at)
    expect(due).toBeGreaterThan(0)
    expect(due).toBeLessThanOrEqual(660_000)
    const now = await state("summary")
    expect(now).toMatchObject({
      outcome: "failed",
      exit_code: "3",
      message: "no space left",
      last_success: null,
    })
    expect(now?.started_at).toBe(ran.started_at)
  })

  test("of a job without a schedule is due at no time", async () => {
    expect(await trail.runJob({ job: job("verify"), work: well })).toMatchObject({ due_at: null })
  })

  test("that begins a little before its time, by the server's clock, is due at the time after", async () => {
    // A schedule whose time is a minute ahead: whoever began it has a clock that is a minute ahead.
    const schedule = {
      text: "",
      next: (after: number) => (after < soon ? soon : soon + 86_400_000),
      last: () => undefined,
    }
    const soon = Date.now() + 60_000
    const ran = await trail.runJob({ job: job("verify"), schedule, work: well })
    expect(Date.parse(ran.due_at ?? "")).toBe(soon + 86_400_000)
  })

  test("keeps another of the same job from beginning, and not one of another job", async () => {
    const begun: string[] = []
    await trail.runJob({
      job: job("retention"),
      async work() {
        const other = await failureOf(trail.runJob({ job: job("retention"), work: noting(begun, "twice") }))
        expect(other).toMatchObject({ code: "busy", message: "another run of the job retention is at work" })
        await trail.runJob({ job: job("maintain"), work: noting(begun, "maintain") })
        return well()
      },
    })
    expect(begun).toEqual(["maintain"])
    expect(await db.query("select job, exit_code from pgtrail.job_run order by job")).toEqual([
      { job: "maintain", exit_code: "0" },
      { job: "retention", exit_code: "0" },
    ])
  })

  test("of ten that begin at once, one does the work", async () => {
    let go = (): void => undefined
    const gate = new Promise<void>((open) => {
      go = open
    })
    let worked = 0
    let refused = 0
    const all = Array.from({ length: 10 }, () =>
      trail
        .runJob({
          job: job("archive"),
          async work() {
            worked += 1
            await gate
            return well()
          },
        })
        .catch((error: unknown) => {
          expect(error).toMatchObject({ code: "busy" })
          refused += 1
          if (refused === 9) go()
        }),
    )
    await Promise.all(all)
    expect([worked, refused]).toEqual([1, 9])
  })

  test("records its end on another connection where its own was lost meanwhile", async () => {
    const ran = await trail.runJob({
      job: job("maintain"),
      async work() {
        await db.query(
          `select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.classid = 1885828210 and l.objid::bigint = 4294967296 - 21
             and l.database = (select oid from pg_database where datname = current_database())`,
        )
        return { exit: 0, message: "done all the same" }
      },
    })
    expect(ran.ended_at).not.toBeNull()
    expect(await state("maintain")).toMatchObject({ outcome: "done", message: "done all the same" })
  })

  test("that died leaves a row that tells of a run that was killed, and does not keep the next from beginning", async () => {
    const died = trail.runJob({
      job: job("maintain"),
      work: () => Promise.reject(new RangeError("as if this process had died")),
    })
    await expect(died).rejects.toBeInstanceOf(RangeError)
    expect(await state("maintain")).toMatchObject({ outcome: "killed", last: { outcome: "killed" } })
    expect(await check()).toMatchObject({
      state: "warning",
      message: expect.stringMatching(/^maintain was killed/),
    })
    await trail.runJob({ job: job("maintain"), work: well })
    expect(await check()).toMatchObject({ state: "ok" })
  })

  test("takes an operator or an auditor, and says so; a reader begins nothing", async () => {
    for (const right of ["pgtrail_operator", "pgtrail_auditor"]) {
      const role = await db.role({ memberOf: [right] })
      const own = await db.trail({ url: role.url })
      expect(await own.runJob({ job: job("verify"), work: well })).toMatchObject({ exit_code: 0 })
      expect(await own.jobStates()).toMatchObject([{ session_user_name: role.name }])
    }
    const reader = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_reader"] })).url })
    const begun: string[] = []
    const refused = await failureOf(reader.runJob({ job: job("verify"), work: noting(begun, "reader") }))
    expect(refused).toMatchObject({
      code: "privilege",
      message: expect.stringContaining("an auditor or an operator"),
    })
    expect(begun).toEqual([])
  })

  test("removes rows of more than 400 days, but for the last run and the last success of each job", async () => {
    await row("summary", "500 days", 0)
    await row("summary", "450 days", 0)
    await row("summary", "440 days", 3)
    await row("summary", "430 days", null)
    await row("retention", "500 days", 3)
    await row("retention", "401 days", 3)
    await row("verify", "399 days", 0)
    await row("verify", "398 days", 0)
    await trail.runJob({ job: job("maintain"), work: well })
    const left = await db.query(
      "select job, extract(day from now() - started_at) as age from pgtrail.job_run where job <> 'maintain' order by 1, 2 desc",
    )
    expect(left.map(({ job: name, age }) => `${name} ${age}`)).toEqual([
      "retention 401",
      "summary 450",
      "summary 430",
      "verify 399",
      "verify 398",
    ])
  })
})

describe("status", () => {
  test("of a log on which no job was ever run says so, and warns of nothing", async () => {
    expect(await check()).toMatchObject({ state: "ok", value: "0", message: "none was run by pgtrail job" })
    expect(await check("archive")).toMatchObject({ state: "ok", value: "0", message: "none" })
  })

  test.each([
    ["a success", [["1 hour", 0, null]], "ok", /^1 known, none failed, none late$/],
    [
      "a failure",
      [
        ["2 hours", 0, null],
        ["1 hour", 3, null],
      ],
      "warning",
      /^retention failed with exit code 3 \(disk full; and more\): pgtrail job run retention, warning from 1$/,
    ],
    [
      "another at work after a failure",
      [
        ["2 hours", 3, null],
        ["1 hour", 5, null],
      ],
      "warning",
      /failed with exit code 3/,
    ],
    [
      "another at work after a success",
      [
        ["2 hours", 0, null],
        ["1 hour", 5, null],
      ],
      "ok",
      /none failed/,
    ],
    ["a signal", [["1 hour", 143, null]], "warning", /^retention was stopped, the run of /],
    ["an end that never came", [["1 hour", null, null]], "warning", /^retention was killed, the run of /],
    ["due, and a quarter of a day not over", [["29 hours", 0, "5 hours"]], "ok", /none late/],
    [
      "due, and more than a quarter of a day over",
      [["31 hours", 0, "7 hours"]],
      "warning",
      /^retention did not run when it was due, 7h ago: pgtrail job run retention/,
    ],
    [
      "due every ten minutes, and less than an hour over",
      [["65 minutes", 0, "55 minutes"]],
      "ok",
      /none late/,
    ],
    [
      "due every ten minutes, and more than an hour over",
      [["75 minutes", 0, "65 minutes"]],
      "warning",
      /not run when it was due, 1h 5m ago/,
    ],
  ] as const)("after %s", async (_, runs, wanted, says) => {
    for (const [started, exit, due] of runs)
      await row("retention", started, exit, due, exit === 3 ? "disk full\nand more" : null)
    expect(await check()).toMatchObject({ state: wanted, message: expect.stringMatching(says) })
    expect((await check("jobs", { "jobs.warning": "never" }))?.state).toBe("ok")
  })

  test("names every job that is wrong, and cleans what it said", async () => {
    await row("retention", "1 hour", 3, null, "\u001b[2Jevil")
    await row("summary", "2 days", 0, "47 hours")
    const found = await check()
    expect(found).toMatchObject({ value: "2", unit: "count" })
    expect(found?.message).toContain("retention failed with exit code 3 (\\x1b[2Jevil)")
    expect(found?.message).toContain("summary did not run when it was due, 1d 23h ago")
  })

  test("does not call a job late that is at work", async () => {
    await row("retention", "31 hours", 0, "7 hours")
    await trail.runJob({
      job: job("retention"),
      async work() {
        expect(await check()).toMatchObject({ state: "ok" })
        return well()
      },
    })
  })

  test("tells Prometheus the exit code and the duration of each job", async () => {
    await row("retention", "1 hour", 3)
    const text = prometheus(await trail.status({ drift: false }), new Date())
    expect(text).toContain('pgtrail_job_exit_code{job="retention"} 3\n')
    expect(text).toContain('pgtrail_job_duration_seconds{job="retention"} 90.000\n')
    expect(text).toContain('pgtrail_check_state{check="jobs"} 1\n')
    expect(text).not.toContain('pgtrail_job_last_success_timestamp_seconds{job="retention"}')
  })

  test("warns of what could not be archived, by name and reason", async () => {
    await db.query(
      "insert into pgtrail.archive_failure (partition_name, location, reason, failure_count) values ('event_2020_01', 'file:///a', E'no space\\nleft', 2)",
    )
    expect(await check("archive")).toMatchObject({
      state: "warning",
      value: "1",
      message:
        "could not be archived: event_2020_01, 2 times (no space); pgtrail archive list --failed, warning from 1",
    })
  })

  test("tells of archives past their keep as pgtrail.archive_until does, and warns of none", async () => {
    // No archive is made here: rows as an owner could write them.
    await db.query(`set session_replication_role = replica`)
    const archive = (seq: number, restored: number | null) =>
      db.query(
        `insert into pgtrail.archive select $1::bigint, 'a' || $1::bigint, 'table:', 'event_1990_01', '1990-01-01Z', '1990-02-01Z', 10, 10, '\\x00', '1990-01-01Z', '1990-01-02Z', $2::bigint`,
        [seq, restored],
      )
    const kind = (seq: number, number: number, tags: string | null, newest: string) =>
      db.query(
        `insert into pgtrail.archive_kind values ($1, $2, 'acme', null, 'a.b', 'standard', $3::text[], 1, '1990-01-01Z', $4)`,
        [seq, number, tags, newest],
      )
    try {
      await archive(1, null)
      await kind(1, 1, null, "1990-01-02Z")
      await kind(1, 2, "{pci}", "1990-01-02Z")
      // One of its kinds is to be kept.
      await archive(2, null)
      await kind(2, 1, null, "1990-01-02Z")
      await kind(2, 2, "{pci}", new Date().toISOString())
      await archive(3, 9)
      await kind(3, 1, null, "1990-01-02Z")
      expect(await check("archive")).toMatchObject({
        state: "ok",
        message: "2 archives in force, 20 events, 1 past their keep: pgtrail archive remove --expired",
      })
      const until = await db.query(
        "select act_seq, pgtrail.archive_until(act_seq) < now() as over from pgtrail.archive order by 1",
      )
      expect(until.map(({ over }) => over)).toEqual(["t", "f", "t"])
    } finally {
      await db.query(
        "delete from pgtrail.archive_kind; delete from pgtrail.archive; set session_replication_role = origin",
      )
    }
  })

  test("leaves both out of what a reader is told, as unknown", async () => {
    const reader = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_reader"] })).url })
    const { checks } = await reader.status({ drift: false })
    expect(
      checks.filter(({ name }) => name === "jobs" || name === "archive").map(({ state: is }) => is),
    ).toEqual(["unknown", "unknown"])
  })
})
