// Jobs on the command line: what each child is given, what is recorded of it, who is told, and signals. Over 250 lines because one log serves all.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { tellFailure } from "../../src/cli/job/on-failure.js"
import { exitOf, isAway, type RanJob, worstExit } from "../../src/cli/job/perform.js"
import { TrailError } from "../../src/data/errors.js"
import { until } from "../data/retention-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Around, runInProcess } from "./io.js"
import { type FakeProgram, fakeProgram } from "./job-fixture.js"

let db: TestDatabase
let fake: FakeProgram
beforeAll(async () => {
  db = await testDatabase()
  fake = await fakeProgram()
})
beforeEach(() => db.query("truncate pgtrail.job_run"))
afterAll(async () => {
  await fake.close()
  await db.drop()
})

const env = (more: Record<string, string> = {}): Around => ({
  env: { PATH: "/usr/bin:/bin", PGTRAIL_URL: db.url, ...more },
  cwd: fake.folder,
})
const rows = (columns = "job, exit_code, message") =>
  db.query(`select ${columns} from pgtrail.job_run order by started_at`)
const configured = async (name: string, text: object): Promise<string> => {
  const file = join(fake.folder, name)
  await writeFile(file, JSON.stringify(text), { mode: 0o600 })
  return file
}

describe("a child", () => {
  test("has its command line, and neither URL nor password in it", async () => {
    const around = { env: { PGTRAIL_PASSWORD: "env:NOWHERE" }, cwd: fake.folder }
    const ran = await fake.run(["job", "run", "maintain", "--url", db.url, "--json"], around, { exit: 0 })
    expect(ran).toMatchObject({ exit: 0, stderr: "" })
    expect(ran.children[0]?.argv).toEqual(["partition", "maintain", "--format", "table", "--no-color"])
    expect(ran.children[0]?.env).toMatchObject({ PGTRAIL_URL: db.url })
    // It is for another URL than the one that was typed.
    expect(ran.children[0]?.env).not.toHaveProperty("PGTRAIL_PASSWORD")
    expect(JSON.parse(ran.stdout)).toMatchObject({
      schema: "pgtrail.job/1",
      rows: [{ job: "maintain", outcome: "done", exit_code: "0", message: null }],
    })
  })

  test("has the configuration of its parent, and a checkpoint gets a name in its folder", async () => {
    const file = await configured("jobs.json", {
      checkpoint: { create: { key: "file:audit.key" } },
      job: { checkpoint: { folder: "signed", schedule: "5 * * * *" } },
    })
    const ran = await fake.run(["job", "run", "checkpoint", "--config", "jobs.json", "--json"], env(), {
      exit: 0,
    })
    const [child] = ran.children
    expect(child?.env.PGTRAIL_CONFIG).toBe(file)
    expect(child?.argv.slice(0, 3)).toEqual(["checkpoint", "create", "--out"])
    expect(child?.argv[3]).toMatch(
      new RegExp(`^${fake.folder}/signed/\\d{4}-\\d\\d-\\d\\dT\\d{6}Z\\.checkpoint$`),
    )
    expect(JSON.parse(ran.stdout).rows[0].due_at).toMatch(/:05:00\.000000Z$/)
  })

  test("whose first command fails is followed by its second, and the worse exit code counts", async () => {
    await configured("archive.json", { archive: { create: { to: "/srv/archive" } } })
    const ran = await fake.run(
      ["job", "run", "archive", "--config", "archive.json", "--quiet"],
      env(),
      { exit: 3 },
      { exit: 4 },
    )
    expect(ran.exit).toBe(3)
    expect(ran.children.map(({ argv }) => argv.slice(0, 3).join(" "))).toEqual([
      "archive create --due",
      "archive remove --expired",
    ])
    expect(await rows("job, exit_code")).toEqual([{ job: "archive", exit_code: "3" }])
  })

  test("that was killed has a code of its own, and means that the work could not be done", async () => {
    const ran = await fake.run(["job", "run", "verify"], env(), { kill: "SIGKILL" })
    expect(ran.exit).toBe(3)
    expect(await rows("exit_code")).toEqual([{ exit_code: "137" }])
  })

  test("that cannot be started is a failure that is recorded", async () => {
    const ran = await runInProcess(["job", "run", "verify"], { ...env(), program: ["/nonexistent/node"] })
    expect(ran.exit).toBe(3)
    expect(await rows("exit_code, message")).toEqual([
      { exit_code: "3", message: expect.stringContaining("it cannot be run: ") },
    ])
  })
})

describe("what a child says", () => {
  const secrets = {
    PGPASSWORD: "tops3cret-of-postgres",
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG",
    PGTRAIL_CHECKPOINT_CREATE_KEY: "env:SIGNING",
    SIGNING: "PRIVATE+KEY+audit+0000\nsecond-line-of-key",
  }
  const leaked = Object.values(secrets).filter((value) => !value.startsWith("env:"))

  test("is recorded by its error, without hints and further notes, secrets and terminal escapes", async () => {
    const stderr = `pgtrail: warning: slow\npgtrail: error: \u001b[2Jpostgresql://u:hunter2@h/d refused ${leaked.join(" ")} \u0000\r\n  for two reasons\npgtrail: hint: do it again\npgtrail: next: this\n`
    const ran = await fake.run(["job", "run", "retention"], env(secrets), {
      exit: 3,
      stderr,
      stdout: "shown on stdout\n",
    })
    const [row] = await rows("message")
    expect(row?.message).toMatch(/^\\x1b\[2Jpostgresql:\/\/u:\*\*\*@h\/d refused .*; for two reasons$/)
    expect(row?.message).toContain("refused *** ***")
    for (const text of [row?.message ?? "", ran.both]) {
      for (const secret of [...leaked.flatMap((value) => value.split("\n")), "hunter2", "\u001b"])
        expect(text).not.toContain(secret)
    }
    expect(ran.stderr).toContain("pgtrail: warning: the job retention ended with exit code 3")
    expect(ran.stderr).toContain("shown on stdout")
  })

  test.each([
    [
      { exit: 1, stdout: "tampered: 2 findings; 9 events\n  f1  altered\nrecorded as act 7\n" },
      "tampered: 2 findings; 9 events",
    ],
    [
      {
        exit: 3,
        stdout:
          "2026-11-21T20:55:33.672265Z archive: nothing was archived\n  not archived: event_2026_01: cannot write /x: no such file or folder\n",
        stderr: "pgtrail: of what was not archived nothing left the table\n",
      },
      "nothing was archived; not archived: event_2026_01: cannot write /x: no such file or folder",
    ],
    [{ exit: 3, stderr: "first\nlast\npgtrail: hint: run it\npgtrail: next: do that\n" }, "last"],
    [
      {
        exit: 0,
        stdout: "20 events counted\n  and more\n",
        stderr: "pgtrail: next: bring both files away\n",
      },
      "20 events counted",
    ],
    [{ exit: 0, stderr: "pgtrail: next: bring both files away\n" }, null],
    [
      { exit: 143, stdout: "0 events in 0 lanes\n", stderr: "pgtrail: next: bring both files away\n" },
      "0 events in 0 lanes",
    ],
    [{ exit: 1, stdout: `tampered: many\n${"  finding\n".repeat(100_000)}` }, "tampered: many"],
  ])(
    "is recorded by what it came to, in one line, and no note of what to do next: %#",
    async (answer, message) => {
      await fake.run(["job", "run", "retention"], env(), answer)
      expect(await rows("message")).toEqual([{ message }])
    },
  )

  test("by several commands is recorded of each, or where one failed of that one", async () => {
    await configured("two.json", { archive: { create: { to: "/srv/archive" } } })
    const argv = ["job", "run", "archive", "--config", "two.json", "--quiet"]
    await fake.run(
      argv,
      env(),
      { exit: 0, stdout: "archived 5 events\n" },
      { exit: 0, stdout: "no archive was removed\n" },
    )
    await fake.run(
      argv,
      env(),
      { exit: 3, stderr: "pgtrail: error: full\npgtrail: hint: x\n" },
      { exit: 0, stdout: "no archive was removed\n" },
    )
    expect(await rows("message")).toEqual([
      { message: "archived 5 events; no archive was removed" },
      { message: "full" },
    ])
  })

  test("without end, or in one endless line, is cut", async () => {
    await fake.run(["job", "run", "retention"], env(), {
      exit: 3,
      stderr: `begin${"x".repeat(3_000_000)}end\n`,
    })
    const [row] = await rows("message")
    expect(row?.message).toMatch(/^x{600} \.\.\.$/)
  })

  test("is nobody's business where it ended well and --quiet is given", async () => {
    const ran = await fake.run(["job", "run", "retention", "--quiet"], env(), {
      exit: 0,
      stdout: "a\n",
      stderr: "b\n",
    })
    expect(ran).toMatchObject({ exit: 0, both: "" })
    expect(await rows("message")).toEqual([{ message: "a" }])
  })
})

describe("--on-failure", () => {
  const heard = (): string => join(fake.folder, "heard")
  const note = `printf '%s|' "$PGTRAIL_JOB" "$PGTRAIL_EXIT_CODE" "$PGTRAIL_RUN" >> heard; cat >> heard`

  test("is told of each job that failed, once, with its messages, and of no other", async () => {
    const argv = ["job", "run", "maintain", "verify", "retention", "summary", "--on-failure", note]
    const answers = [
      { exit: 0 },
      { exit: 1, stderr: "found\n" },
      { exit: 5, stderr: "busy\n" },
      { exit: 3, stderr: "lost\n" },
    ]
    const ran = await fake.run(argv, env(), ...answers)
    expect(ran.exit).toBe(1)
    const runs = await rows("job, run_id")
    const of = (job: string): string => runs.find((row) => row.job === job)?.run_id ?? ""
    expect(await readFile(heard(), "utf8")).toBe(
      `verify|1|${of("verify")}|found\nsummary|3|${of("summary")}|lost\n`,
    )
    expect(ran.stdout).toMatch(/retention +busy +5/)
  })

  test("that fails is told itself, whatever it says, and changes no exit code", async () => {
    const hostile =
      "printf 'tok\\033[2Jen\\n%s\\n' \"$PGPASSWORD\"; yes | head -c 5000000; echo; echo over; exit 7"
    const argv = ["job", "run", "verify", "--on-failure", hostile]
    const ran = await fake.run(argv, env({ PGPASSWORD: "tops3cret" }), {
      exit: 4,
      stderr: `${"m".repeat(500_000)}\n`,
    })
    expect(ran.exit).toBe(4)
    expect(ran.stderr).toMatch(
      /warning: the command of --on-failure ended with exit code 7: y\n {2}y?\n? *over/,
    )
    expect(ran.stderr).not.toContain("\u001b")
    expect(ran.stderr).not.toContain("tops3cret")
  })

  test("that takes too long is killed with what it has started", async () => {
    const started = performance.now()
    const failed = { job: "verify", exit: 1, run: "", messages: "m" }
    const said = await tellFailure(
      "sleep 100 & sleep 100",
      failed,
      { env: { PATH: "/usr/bin:/bin" }, cwd: "/" },
      50,
    )
    expect(said).toBe("the command of --on-failure took longer than 0.05 s, and was killed")
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test("that leaves something in the background is not waited for", async () => {
    const failed = { job: "verify", exit: 1, run: "", messages: "m".repeat(1_000_000) }
    expect(
      await tellFailure("sleep 100 & exit 0", failed, { env: { PATH: "/usr/bin:/bin" }, cwd: "/" }),
    ).toBeUndefined()
  })

  test("is told where the database cannot be reached, and nothing was begun", async () => {
    const around = {
      env: { PATH: "/usr/bin:/bin", PGTRAIL_URL: "postgresql://u:tops3cret@127.0.0.1:1/d" },
      cwd: fake.folder,
    }
    const ran = await runInProcess(
      ["job", "run", "verify", "--on-failure", "cat > away; echo $PGTRAIL_EXIT_CODE >> away"],
      {
        ...around,
        program: fake.words,
      },
    )
    expect(ran.exit).toBe(3)
    expect(ran.stderr).toMatch(/^pgtrail: error: the database cannot be reached/)
    expect(await readFile(join(fake.folder, "away"), "utf8")).toMatch(
      /^the database cannot be reached.*\n3\n$/s,
    )
  })

  test("of a configuration that merely lies where one stands is refused", async () => {
    const file = await configured("pgtrail.json", { job: { run: { "on-failure": "touch /tmp/x" } } })
    const ran = await runInProcess(["job", "run", "verify"], { ...env(), program: fake.words })
    expect(ran).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("pgtrail.json runs a command (on-failure)"),
    })
    await writeFile(file, "{}")
  })
})

describe("several jobs", () => {
  test("--all runs those that are configured, in their order, and tells of the others", async () => {
    await configured("some.json", {
      job: { summary: { schedule: "never" }, retention: { schedule: "0 3 * * 0" } },
    })
    const ran = await fake.run(
      ["job", "run", "--all", "--config", "some.json"],
      env(),
      { exit: 0 },
      { exit: 0 },
      { exit: 0 },
    )
    expect(ran.exit).toBe(0)
    expect((await rows("job")).map(({ job }) => job)).toEqual(["maintain", "verify", "retention"])
    expect(ran.stdout).toMatch(/^archive +left out .*it is not configured: archive\.create\.to$/m)
    expect(ran.stdout).toMatch(/^summary +left out .*it has the schedule never$/m)
    expect(ran.stdout).toMatch(
      /^checkpoint +left out .*it is not configured: job\.checkpoint\.folder, checkpoint\.create\.key$/m,
    )
  })

  test("the worst exit code is that of what was found, then of what could not be done", () => {
    expect(worstExit([0, 4, 3, 5])).toBe(3)
    expect(worstExit([3, 1, 70])).toBe(1)
    expect(worstExit([4, 137])).toBe(137)
    expect(exitOf([4, 137])).toBe(3)
    expect(exitOf([0, 5])).toBe(5)
    expect(exitOf([0, 0])).toBe(0)
    expect(exitOf([])).toBe(0)
  })

  test("a job that another process is at work on ends with 5, without a row, and tells nobody of a failure", async () => {
    const first = runInProcess(["job", "run", "summary"], { ...env(), program: fake.words })
    const child = await fake.next()
    const second = await runInProcess(["job", "run", "summary", "--on-failure", "touch never"], {
      ...env(),
      program: fake.words,
    })
    expect(second).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining("another run of the job summary is at work"),
    })
    child.end({ exit: 0 })
    expect((await first).exit).toBe(0)
    expect(await rows("job")).toHaveLength(1)
    await expect(readFile(join(fake.folder, "never"))).rejects.toThrow("ENOENT")
  })
})

describe("a signal", () => {
  test("is passed to the child, which is waited for, and no further job begins", async () => {
    const controller = new AbortController()
    const around = { ...env(), program: fake.words, signal: controller.signal }
    let isOver = false
    const ran = runInProcess(["job", "run", "maintain", "verify", "--on-failure", "touch never"], around)
    void ran.then(() => {
      isOver = true
    })
    const child = await fake.next()
    controller.abort("SIGTERM")
    await child.stopping
    expect(isOver).toBe(false)
    expect(await rows("exit_code")).toEqual([{ exit_code: null }])
    child.end({ exit: 143 })
    expect((await ran).exit).toBe(143)
    expect(await rows("job, exit_code")).toEqual([{ job: "maintain", exit_code: "143" }])
    await expect(readFile(join(fake.folder, "never"))).rejects.toThrow("ENOENT")
  })

  test("ends --forever: what was missed ran once, the log says that it begins, that a signal was heard, and for which job it waits", async () => {
    await configured("forever.json", {
      job: {
        verify: { schedule: "never" },
        summary: { schedule: "0 0 1 1 *" },
        maintain: { schedule: "0 0 1 1 *" },
      },
    })
    await db.query("insert into pgtrail.job_run (job, ended_at, exit_code) values ('maintain', now(), 0)")
    const controller = new AbortController()
    const argv = ["job", "run", "maintain", "verify", "summary", "--forever", "--config", "forever.json"]
    const refused = await runInProcess(argv, { ...env(), program: fake.words })
    expect(refused).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("the job verify has the schedule never"),
    })
    const ran = runInProcess(
      argv.filter((word) => word !== "verify"),
      { ...env(), program: fake.words, signal: controller.signal },
    )
    const child = await fake.next()
    expect(child.argv.slice(0, 2)).toEqual(["summary", "refresh"])
    controller.abort("SIGINT")
    await child.stopping
    child.end({ exit: 143 })
    const { exit, stdout, stderr } = await ran
    expect([exit, stdout]).toEqual([130, ""])
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
    expect(stderr).toMatch(
      new RegExp(
        `^${time} jobs: maintain \\(0 0 1 1 \\*\\), summary \\(0 0 1 1 \\*\\); times are UTC\n${time} summary begins\n` +
          `${time} SIGINT: no further job begins, waits for summary\n${time} summary stopped, exit code 143 in \\d+\\.\\d{3} s\n${time} stopped\n$`,
      ),
    )
  })

  test("before the database answers ends --forever all the same", async () => {
    const { createServer } = await import("node:net")
    const silent = createServer(() => undefined)
    await new Promise<void>((go) => silent.listen(0, "127.0.0.1", go))
    const address = silent.address()
    const port = typeof address === "object" ? address?.port : 0
    const controller = new AbortController()
    const connected = new Promise<void>((go) => silent.once("connection", () => go()))
    const ran = runInProcess(["job", "run", "maintain", "--forever"], {
      env: { PGTRAIL_URL: `postgresql://u@127.0.0.1:${port}/d?connect_timeout=60` },
      cwd: fake.folder,
      program: fake.words,
      signal: controller.signal,
    })
    await connected
    controller.abort("SIGTERM")
    expect((await ran).exit).toBe(143)
    silent.close()
  })
})

describe("a line that cannot be", () => {
  test.each([
    [["run"], "no job is named"],
    [["run", "--all", "verify"], "--all and names contradict each other"],
    [["run", "retension"], 'there is no job "retension", did you mean retention?'],
    [["run", "archive"], "the job archive is not configured: archive.create.to"],
    [["run", "verify", "--jitter", "5"], '--jitter takes a duration of at least 1ms, not "5"'],
    [["run", "verify", "--on-failure", " "], '--on-failure takes a command, not " "'],
    [["run", "--all", "--forever", "--json"], "--forever and --format json contradict each other"],
    [["print", "launchd"], 'the jobs are printed for cron, systemd, pg_cron, not "launchd"'],
    [["print", "cron", "--user", "a b"], '--user takes the name of a user of the machine, not "a b"'],
  ])("job %j", async (argv, says) => {
    const ran = await runInProcess(["job", ...argv], { ...env(), program: fake.words })
    expect(ran).toMatchObject({ exit: 2, stdout: "" })
    expect(ran.stderr.replaceAll('\\"', '"')).toContain(says)
    expect(await rows()).toEqual([])
  })

  test("an impossible schedule is an error of the configuration, whichever command reads it", async () => {
    await configured("wrong.json", {
      job: { verify: { schedule: "0 0 30 2 *" }, archive: { schedule: "hourly" } },
    })
    const ran = await runInProcess(["status", "--config", "wrong.json"], env())
    expect(ran.exit).toBe(2)
    expect(ran.stderr).toContain("job.verify.schedule takes a schedule such as 30 4 * * * or never")
    expect(ran.stderr).toContain("that day never comes")
    expect(ran.stderr).toContain('not "hourly"')
    const variable = await runInProcess(["job", "list"], env({ PGTRAIL_JOB_VERIFY_SCHEDULE: "99 * * * *" }))
    expect(variable.exit).toBe(2)
    expect(variable.stderr).toContain("PGTRAIL_JOB_VERIFY_SCHEDULE takes a schedule")
  })
})

test("a database that is renamed away comes back: --forever tries the job again", async () => {
  const error = new TrailError("no-database", "there is no such database")
  expect(isAway({ error } as RanJob)).toBe(true)
  expect(isAway({ error: new TrailError("privilege", "no") } as RanJob)).toBe(false)
})

test("job list says below the table what those that failed said, in one line, and no more than that", async () => {
  await db.query(
    `insert into pgtrail.job_run (job, ended_at, exit_code, message, due_at)
     values ('verify', now(), 3, E'permission denied\\nfor \\u001b[2J table', null), ('maintain', now(), 4, null, null),
       ('retention', now(), 1, repeat('x', 2000), null), ('summary', now(), 0, '5 events counted', null)`,
  )
  const { stdout, stderr } = await runInProcess(["job", "list", "--fields", "name,message"], env())
  expect(stderr).toBe(
    `pgtrail: maintain failed: exit code 4\n  verify failed: permission denied; for \\x1b[2J table\n  retention failed: ${"x".repeat(300)} ...\n`,
  )
  expect(stdout).toMatch(/^verify +permission denied; for \\x1b\[2J table$/m)
  expect(stdout).toMatch(/^summary +5 events counted$/m)
})

test("whoever is no operator is told which right a job needs, and that nothing was done", async () => {
  const nobody = await db.role({})
  const ran = await runInProcess(["job", "run", "summary"], {
    ...env({ PGTRAIL_URL: nobody.url }),
    program: fake.words,
  })
  expect(ran.exit).toBe(3)
  expect(ran.stderr).toContain(
    "hint: nothing was done; a job needs the role pgtrail_operator: pgtrail grant operator ROLE",
  )
})

test("job run tells the same time that job list tells", async () => {
  const ran = await fake.run(["job", "run", "summary", "--json"], env(), { exit: 0 })
  const list = await runInProcess(["job", "list", "--json"], env())
  const listed = JSON.parse(list.stdout).rows.find((row: { name: string }) => row.name === "summary")
  expect(JSON.parse(ran.stdout).rows[0].duration_seconds).toBe(listed.duration_seconds)
})

test("a job that is not configured is told with an example of what to write", async () => {
  const ran = await runInProcess(["job", "run", "checkpoint"], { ...env(), program: fake.words })
  expect(ran.exit).toBe(2)
  const [, example = ""] = /these are keys of pgtrail\.json: (.*)\n/.exec(ran.stderr) ?? []
  await writeFile(join(fake.folder, "example.json"), example, { mode: 0o600 })
  const done = await fake.run(["job", "run", "checkpoint", "--config", "example.json"], env(), { exit: 0 })
  expect(done.exit).toBe(0)
})

test("job list tells schedule, outcome, last success and next time of each, and what is late", async () => {
  await db.query(
    `insert into pgtrail.job_run (job, started_at, ended_at, exit_code, due_at)
     values ('retention', '2026-01-01Z', '2026-01-01 00:00:02.5Z', 0, '2026-01-02 04:30Z'), ('summary', '2026-01-01Z', null, null, null)`,
  )
  const ran = await runInProcess(["job", "list", "--json"], env())
  const list: Record<string, string | null | boolean>[] = JSON.parse(ran.stdout).rows
  expect(list.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    "maintain never run",
    "verify never run",
    "backup never run",
    "retention done",
    "archive never run",
    "summary killed",
    "checkpoint never run",
  ])
  expect(list[3]).toMatchObject({
    schedule: "30 4 * * *",
    duration_seconds: "2.500",
    last_success: "2026-01-01T00:00:00.000000Z",
    due_at: "2026-01-01T04:30:00.000000Z",
    is_late: true,
  })
  expect(list[2]).toMatchObject({ schedule: "not configured", missing: "backup.create.to" })
  expect(list[4]).toMatchObject({ schedule: "not configured", missing: "archive.create.to" })
  expect((await runInProcess(["job", "list"], env())).stderr).toBe(
    "pgtrail: late: retention; pgtrail job run NAME\n",
  )
  await until(db, "true")
})
