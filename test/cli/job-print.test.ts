// What `pgtrail job print` prints is what cron, systemd and pg_cron take.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cron } from "croner"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { plain } from "../../src/cli/color.js"
import { commands } from "../../src/cli/commands.js"
import { parse } from "../../src/cli/parse.js"
import { jobs } from "../../src/data/job/jobs.js"
import { pgCronStatement } from "../../src/data/job/print-pg-cron.js"
import { systemdUnits } from "../../src/data/job/print-systemd.js"
import { readSchedule } from "../../src/data/job/schedule.js"
import { testDatabase } from "../database.js"
import { knownToSystemd } from "../docs/systemd.js"
import { runInProcess } from "./io.js"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail print-"))
  const all = {
    archive: { create: { to: "table:" } },
    backup: { create: { to: "/srv/backup" } },
    checkpoint: { create: { key: "file:audit.key" } },
    job: { checkpoint: { folder: "signed" }, retention: { schedule: "30 4 1 * 0" } },
  }
  await writeFile(join(folder, "all.json"), JSON.stringify(all), { mode: 0o600 })
})
afterAll(() => rm(folder, { recursive: true }))

const program = ["/opt/node 22/bin/node", "/opt/100%/pg$trail.js"]
const print = async (...argv: string[]): Promise<string> => {
  // No database: what is printed is the configuration alone, and a URL with a password is not in it.
  const env = { PGTRAIL_URL: "postgresql://u:tops3cret@127.0.0.1:1/d" }
  const ran = await runInProcess(["job", "print", ...argv], { env, cwd: folder, program })
  expect(ran).toMatchObject({ exit: 0, stderr: "" })
  expect(ran.stdout).not.toContain("tops3cret")
  return ran.stdout
}

describe("cron", () => {
  /** As cron and then sh read a line: the schedule, the user where one is named, and the words. */
  const read = (line: string, fields: number): { schedule: string; rest: string[]; words: string[] } => {
    const parts = line.split(" ")
    expect(line).not.toMatch(/(?<!\\)%/)
    const command = parts.slice(fields).join(" ").replaceAll("\\%", "%")
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "")
    return { schedule: parts.slice(0, 5).join(" "), rest: parts.slice(5, fields), words }
  }

  test.each([
    ["crontab", [], 5],
    ["/etc/cron.d", ["--user", "audit"], 6],
  ] as const)("gets lines for %s", async (_, more, fields) => {
    const text = await print("cron", "--config", "all.json", "--jitter", "5m", ...more)
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    expect(lines.slice(0, 2)).toEqual(["CRON_TZ=UTC", `PGTRAIL_CONFIG=${join(folder, "all.json")}`])
    const named: string[] = []
    for (const line of lines.slice(2)) {
      const { schedule, rest, words } = read(line, fields)
      expect(new Cron(schedule, { mode: "5-part", paused: true, timezone: "UTC" }).nextRun()).not.toBeNull()
      expect(rest).toEqual(more.slice(1))
      expect(words.slice(0, 2)).toEqual(program)
      expect(words.slice(2, 4)).toEqual(["job", "run"])
      expect(words.slice(5)).toEqual(["--quiet", "--jitter", "5m"])
      expect(await parse(words.slice(2), commands, plain)).toMatchObject({ name: "job run" })
      named.push(words[4] ?? "")
    }
    expect(named).toEqual(jobs.map(({ name }) => name))
  })

  test("is told which jobs are left out, and why", async () => {
    const text = await print("cron")
    expect(text).toContain("# archive is left out: it is not configured: archive.create.to\n")
    expect(text).toContain(
      "# checkpoint is left out: it is not configured: job.checkpoint.folder, checkpoint.create.key\n",
    )
    expect(text).not.toContain("PGTRAIL_CONFIG=/work")
  })
})

describe("systemd", () => {
  const units = systemdUnits({
    jobs: jobs.flatMap(({ name, summary }) => {
      const schedule = readSchedule(name === "retention" ? "30 4 1 * 0" : "15 1 * * *", "x")
      return schedule === undefined ? [] : [{ name, summary, schedule }]
    }),
    left: [],
    program,
    config: "/etc/pg trail.json",
    user: undefined,
    jitter: "5m",
  })

  test.each(units)("$name says only what systemd knows, each thing in its section", ({ text }) => {
    let section = ""
    for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
      const [, opened] = /^\[(\w+)\]$/.exec(line) ?? []
      if (opened !== undefined) section = opened
      else expect(knownToSystemd[section]).toContain(line.split("=", 1)[0])
    }
    expect(["Install", "Service"]).toContain(section)
  })

  test("runs a line that pgtrail understands, whatever its path is", async () => {
    const [service] = units
    const line = /^ExecStart=(.*)$/m.exec(service?.text ?? "")?.[1] ?? ""
    const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) =>
      (quoted ?? bare ?? "")
        .replace(/\\(.)/g, "$1")
        .replaceAll("%i", "verify")
        .replaceAll("%%", "%")
        .replaceAll("$$", "$"),
    )
    expect(words).toEqual([...program, "job", "run", "verify", "--quiet"])
    expect(await parse(words.slice(2), commands, plain)).toMatchObject({ name: "job run" })
    expect(service?.text).toContain('\nEnvironment="PGTRAIL_CONFIG=/etc/pg trail.json"\n')
  })

  test("may write into the folders of the configuration, hides none of them, and is told how to get the keys", async () => {
    const places = async (to: string, file: string): Promise<string> => {
      const text = {
        archive: { create: { to, key: "file:/etc/keys/a%b.key" }, remove: { key: "file:/etc/keys/a%b.key" } },
        checkpoint: { create: { key: "file:/etc/keys/audit.key" } },
        job: { checkpoint: { folder: file } },
      }
      await writeFile(join(folder, "places.json"), JSON.stringify(text), { mode: 0o600 })
      return print("systemd", "--config", "places.json")
    }
    const text = await places("/srv/arch ive $1", "/srv/checkpoints")
    expect(text).toContain("\nReadWritePaths=-/srv/checkpoints\n")
    expect(text).toContain('\nReadWritePaths="-/srv/arch ive $1"\n')
    expect(text).toContain("\nProtectHome=yes\n")
    expect(text).toContain("\n# Such a user owns no other folder: ")
    expect(text).toMatch(
      /^#LoadCredential=key1:\/etc\/keys\/a%%b\.key\n#Environment=PGTRAIL_ARCHIVE_CREATE_KEY=file:%d\/key1\n#Environment=PGTRAIL_ARCHIVE_REMOVE_KEY=file:%d\/key1\n#LoadCredential=key2:\/etc\/keys\/audit\.key\n#Environment=PGTRAIL_CHECKPOINT_CREATE_KEY=file:%d\/key2$/m,
    )
    const hidden = await places("file:///home/audit/archives", "/var/tmp/checkpoints")
    expect(hidden).toContain("\nProtectHome=no\n")
    expect(hidden).toContain("\nPrivateTmp=no\n")
    const own = await places("/var/lib/pgtrail/archives", "/var/lib/pgtrail/checkpoints")
    expect(own).not.toContain("ReadWritePaths")
    expect(await places("table:", "/var/lib/pgtrail/checkpoints")).not.toContain("ReadWritePaths")
  })

  test("has a timer for each job, and two times where cron means either of two days", async () => {
    const text = await print("systemd", "--config", "all.json", "--user", "audit")
    for (const { name } of jobs)
      expect(text).toContain(`# /etc/systemd/system/pgtrail-job@${name}.timer\n[Unit]\n`)
    expect(text).toContain("OnCalendar=*-*-01 04:30:00 UTC\nOnCalendar=Sun *-*-* 04:30:00 UTC\n")
    expect(text).toContain("\nUser=audit\n")
    expect(text).not.toContain("DynamicUser")
  })
})

describe("pg_cron", () => {
  test("gets a statement for what SQL alone can do, which says what a job would", async () => {
    const db = await testDatabase()
    try {
      await db.query(
        "insert into pgtrail.event (event_type, actor_id) select 'a.b', 'u' from generate_series(1, 5)",
      )
      const text = await print("pg_cron", "--user", "o'brien")
      const [, statement = ""] = /\$pgtrail\$(.*)\$pgtrail\$/s.exec(text) ?? []
      expect(text).toContain(", 'd', username => 'o''brien');")
      const operator = await db.role({ memberOf: ["pgtrail_operator"] })
      const client = await operator.client()
      await client.query(statement)
      expect(await db.query("select events from pgtrail.summary")).toEqual([{ events: "5" }])
      const trail = await db.trail()
      expect(await trail.jobStates()).toMatchObject([{ job: "summary", outcome: "done", is_late: false }])
      // Another at work: it does nothing, and says nothing.
      const busy = await db.client()
      await busy.query("select pg_advisory_lock(1885828210, -24)")
      await client.query(statement)
      expect(await db.query("select count(*) as n from pgtrail.job_run")).toEqual([{ n: "1" }])
    } finally {
      await db.drop()
    }
  })

  test("is told why not, for every other job", async () => {
    const text = await print("pg_cron", "--config", "all.json")
    for (const { name } of jobs.filter((job) => job.name !== "summary"))
      expect(text).toMatch(new RegExp(`^-- ${name} is not for pg_cron: it `, "m"))
    expect(text.match(/^select cron\.schedule_in_database\(/gm)).toHaveLength(1)
    for (const { name, schedule, summary } of jobs) {
      const read = readSchedule(schedule, name)
      if (read !== undefined)
        expect(pgCronStatement({ name, summary, schedule: read }, 0) === undefined).toBe(name !== "summary")
    }
  })
})
