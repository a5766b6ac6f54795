// What status says of a log, for whoever may look, in every form. Over 250 lines because the checks share one log that changes.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { LogStatus, Trail } from "../../src/data/index.js"
import {
  ageWords,
  type LimitName,
  limits,
  measured,
  readThreshold,
  worst,
} from "../../src/data/status/checks.js"
import { historyChecks } from "../../src/data/status/history.js"
import { nagios } from "../../src/data/status/nagios.js"
import { prometheus } from "../../src/data/status/prometheus.js"
import { serverChecks } from "../../src/data/status/server.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase({ whole: true })
  trail = await db.trail()
})
afterAll(() => db.drop())

const state = (status: LogStatus, name: string) => status.checks.find((check) => check.name === name)?.state
const message = (status: LogStatus, name: string) =>
  status.checks.find((check) => check.name === name)?.message
/** Other test files may fill the server meanwhile. */
const calm = { PGTRAIL_STATUS_CONNECTIONS_WARNING: "never", PGTRAIL_STATUS_CONNECTIONS_CRITICAL: "never" }
const cli = (...argv: string[]) =>
  runInProcess(["status", ...argv], { env: { PGTRAIL_URL: db.url, ...calm } })

describe("a check", () => {
  test("of a new log is ok, and says what it looked at", async () => {
    const status = await trail.status()
    expect(status.checks.map(({ name }) => name)).toEqual([
      "schema",
      "drift",
      "verification",
      "verification-age",
      "checkpoint-age",
      "backup-age",
      "retention",
      "retention-age",
      "jobs",
      "archive",
      "requests",
      "rows-in-default",
      "partitions-ahead",
      "partitions-due",
      "invalid-indexes",
      "event-age",
      "connections",
      "transaction-age",
      "oldest-transaction",
    ])
    // Others work on this server too.
    const own = status.checks.filter(({ name }) => name !== "oldest-transaction" && name !== "connections")
    expect(own.filter((check) => check.state !== "ok")).toEqual([])
    expect(message(status, "verification-age")).toMatch(/^never, installed \d+/)
    expect(await cli("--format", "nagios")).toMatchObject({ exit: 0, stderr: "" })
  })

  test("turns at its thresholds, each of which can be never", () => {
    const ahead = (value: number | null, thresholds = {}) =>
      measured("partitions-ahead", value, "m", thresholds)
    const day = 86_400
    expect([31 * day, 31 * day - 1, 7 * day, 7 * day - 1].map((value) => ahead(value).state)).toEqual([
      "ok",
      "warning",
      "warning",
      "critical",
    ])
    const late = (value: number | null, thresholds = {}) =>
      measured("verification-age", value, "m", thresholds)
    expect([2 * day - 1, 2 * day, 8 * day].map((value) => late(value).state)).toEqual([
      "ok",
      "warning",
      "critical",
    ])
    expect(late(2 * day)).toMatchObject({ message: "m, warning from 2d", warning: "2d", critical: "8d" })
    expect(late(9 * day, { "verification-age.critical": "never" }).state).toBe("warning")
    expect(late(5, { "verification-age.warning": "never", "verification-age.critical": "5s" }).state).toBe(
      "critical",
    )
    expect(late(null).state).toBe("unknown")
    const never = { "verification-age.warning": "never", "verification-age.critical": "never" }
    expect(late(null, never)).toMatchObject({ state: "ok", warning: null, critical: null })
    expect(worst([late(null), late(0)])).toBe("unknown")
    expect(worst([late(null), late(2 * day)])).toBe("warning")
  })

  test.each([
    ["verification-age", "2", 'X takes a duration (30m, 12h, 2d) or never, not "2"'],
    ["verification-age", "2mo", 'X takes a duration (30m, 12h, 2d) or never, not "2mo"'],
    ["rows-in-default", "many", 'X takes a whole number or never, not "many"'],
    ["connections", "101", 'X takes a number from 0 to 100 or never, not "101"'],
    ["connections", "-1", 'X takes a number from 0 to 100 or never, not "-1"'],
  ] as const)("refuses %s %s as a threshold", (name, typed, says) => {
    expect(() => readThreshold(name, typed, "X")).toThrow(says)
  })

  test("has defaults that its own reader takes", () => {
    for (const [name, { warning, critical }] of Object.entries(limits)) {
      expect(
        [warning, critical].map((typed) => typeof readThreshold(name as LimitName, typed, name)),
      ).not.toContain("string")
    }
    expect(readThreshold("verification-age", "2d", "x")).toBe(172_800)
  })

  test("ages are told in two units", () => {
    expect([0, 59, 60, 3_661, 90_061, 86_400, 86_460].map(ageWords)).toEqual([
      "0s",
      "59s",
      "1m",
      "1h 1m",
      "1d 1h",
      "1d",
      "1d",
    ])
  })

  test("of the server: connections, transactions, a standby that is behind", () => {
    const server = {
      connections: "96",
      connections_allowed: "100",
      transaction_age: "1700000000",
      oldest_transaction_seconds: "7200",
      oldest_transaction_partial: true,
      standby_lag_seconds: "600",
    }
    expect(
      serverChecks(server, true, {}).map(({ name, state, message }) => `${name} ${state}: ${message}`),
    ).toEqual([
      "standby-lag warning: 10m behind, warning from 5m",
      "connections critical: 96%: 96 of 100, critical from 95",
      "transaction-age critical: 1700000000 transactions, critical from 1600000000",
      "oldest-transaction warning: 2h, as far as this role sees (pg_read_all_stats sees all), warning from 1h",
    ])
    expect(serverChecks({ ...server, standby_lag_seconds: null }, true, {})[0]).toMatchObject({
      state: "unknown",
    })
  })

  test("of a verification: its verdict, its age, and what was accepted since", () => {
    const verified = (verdict: string, findings: string, accepted_since: string) => ({
      acts: [],
      checkpoint: null,
      accepted_findings: "0",
      jobs: [],
      verified: {
        ...{ seq: "7", recorded_at: "2026-11-01T00:00:00.000000Z", age_seconds: "3600", parameters: "{}" },
        ...{ verdict, findings, accepted_since },
      },
    })
    const first = (...given: Parameters<typeof verified>) => historyChecks(verified(...given), 0, {})[0]
    expect(first("intact", "0", "0")).toMatchObject({
      state: "ok",
      message: "intact at 2026-11-01T00:00:00.000000Z",
    })
    expect(first("tampered", "2", "1")).toMatchObject({
      state: "critical",
      message: "tampered, 2 findings (1 accepted since) at 2026-11-01T00:00:00.000000Z",
    })
    expect(first("tampered", "2", "2")?.state).toBe("warning")
    const ahead = { ...verified("intact", "0", "0").verified, age_seconds: "-86400" }
    expect(historyChecks({ ...verified("intact", "0", "0"), verified: ahead }, 0, {})[1]).toMatchObject({
      state: "warning",
      value: "0",
      message: "act 7 is 1d in the future: the server's clock was wrong then, or is now",
    })
    expect(first("rolled_back", "1", "0")?.state).toBe("critical")
    expect(first("incomplete", "0", "0")?.state).toBe("warning")
    expect(historyChecks(null, 0, {}).map(({ state }) => state)).toEqual(["unknown", "unknown", "unknown"])
    const late = historyChecks({ ...verified("intact", "0", "0"), verified: null }, 10 * 86_400, {})
    expect(late.map(({ state }) => state)).toEqual(["ok", "critical", "warning"])
  })
})

describe("on a log", () => {
  test("events where no partition covers their time, and an index that a failed build left, are warnings", async () => {
    // In the first hours of a month that of the last one.
    await db.query("select pgtrail.create_months(now() - interval '2 hours', now())")
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, occurred_at)
       values ('acme', 'a', '1998-01-01Z'), ('acme', 'b', now() - interval '2 hours'), ('globex', 'c', now() + interval '20 years')`,
    )
    await db.query(
      "update pg_index set indisvalid = false where indexrelid = (select min(inhrelid::oid) from pg_inherits where inhparent = 'pgtrail.event_id'::regclass)",
    )
    const status = await trail.status({
      thresholds: { "event-age.critical": "1h", "partitions-ahead.critical": "9999d" },
    })
    await db.query(
      "update pg_index set indisvalid = true where indexrelid in (select inhrelid from pg_inherits where inhparent = 'pgtrail.event_id'::regclass)",
    )
    expect(message(status, "rows-in-default")).toBe(
      "2 in the DEFAULT partition: further ahead than partitions are made: pgtrail partition create; " +
        "older than what retention keeps: pgtrail retention run, warning from 1",
    )
    expect(message(status, "invalid-indexes")).toMatch(/^pgtrail\.event_\w+, warning from 1$/)
    // An event dated ahead is not the newest.
    expect(message(status, "event-age")).toMatch(/^the newest occurred 2h( \d+m)? ago, critical from 1h$/)
    expect(message(status, "partitions-ahead")).toMatch(/^\d+d( \d+h)?, critical below 9999d$/)
    expect(status.state).toBe("critical")
    expect(status.log).toMatchObject({
      bound: false,
      heads: { organizations: "2", lanes: "2", events: "3" },
      rows_in_default: "2",
      settings: [{ name: "event-size-limit" }, { name: "require-signed-acts", value: "off" }],
    })
  })

  test("a changed catalog is critical and named, unless nobody asks", async () => {
    await db.query("alter table pgtrail.event_default disable trigger pgtrail_guard")
    const status = await trail.status()
    expect(state(status, "drift")).toBe("critical")
    expect(message(status, "drift")).toBe("not what the last migration left: partition event_default")
    expect(status.log?.drift).toEqual({ differences: "1", objects: ["partition event_default"] })
    expect(state(await trail.status({ drift: false }), "drift")).toBeUndefined()
    const { exit, stdout } = await cli("--exit-code", "--fields", "name,state")
    expect(exit).toBe(1)
    expect(stdout).toMatch(/^drift +critical$/m)
    await db.query("alter table pgtrail.event_default enable trigger pgtrail_guard")
    expect(state(await trail.status(), "drift")).toBe("ok")
  })

  test("a verification and its jobs are told, and one of a part does not count", async () => {
    await trail.verify({ organization: "acme" })
    expect((await trail.status()).log?.verified).toBeNull()
    const { act } = await trail.verify()
    const status = await trail.status()
    expect(status.log?.verified).toMatchObject({
      seq: act,
      verdict: "intact",
      findings: "0",
      accepted_since: "0",
    })
    expect(message(status, "verification-age")).toBe(`${status.log?.verified?.age_seconds}s ago, act ${act}`)
    expect(status.log?.jobs).toMatchObject([
      { name: "verify", last_success: status.log?.verified?.recorded_at },
      { name: "checkpoint", last_run: null, last_success: null },
    ])
    expect(JSON.parse((await cli("--json")).stdout).log.verified.parameters.verdict).toBe("intact")
  })

  test("what a log remembers badly does not fail status: acts are written by whoever may record", async () => {
    await db.query("begin")
    await db.query(
      `select pgtrail.record_act('verify', '{"verdict": 7, "findings": {"a": 1}, "requested": [], "findings_total": "x"}', null)`,
    )
    await db.query("commit")
    const status = await trail.status()
    expect(message(status, "verification")).toMatch(/^7, x findings at /)
    expect(state(status, "verification")).toBe("warning")
    await trail.verify()
    expect(state(await trail.status(), "verification")).toBe("ok")
  })

  test("the last run of retention is judged by how it ended, and by its age", async () => {
    const told = async () => {
      const { checks } = await trail.status({ drift: false })
      return checks
        .filter(({ name }) => name.startsWith("retention"))
        .map(
          ({ state, value, message }) =>
            `${state} ${value === null ? "-" : "age"} ${message.replace(/\d{4}-\S+Z/, "T")}`,
        )
    }
    const ran = (ago: string, ended: string) =>
      db.query(
        `insert into pgtrail.retention_run (started_at, ended_at, outcome, message, remaining)
         values (now() - interval '${ago}', ${ended})`,
      )
    expect(await told()).toEqual(["ok - never run", "ok - never run"])
    await ran("3 days", "now() - interval '3 days', 'done', null, 0")
    expect(await told()).toEqual(["ok - purged 0 events, at T", "warning age 3d ago, warning from 2d"])
    await ran("2 hours", "null, null, null, 0")
    expect((await told())[0]).toBe("warning - the run of T was killed; run it again: pgtrail retention run")
    await ran("1 hour", "now(), 'failed', 'no backup', 0")
    expect(await told()).toEqual([
      "warning - the run of T failed: no backup; pgtrail retention list",
      "ok age 1h ago",
    ])
    await ran("1 minute", "now(), 'limit', null, 12")
    expect((await told())[0]).toBe("ok - purged 0 events, stopped at its own limit, 12 events left, at T")
    await db.query("delete from pgtrail.retention_run")
  })

  test.each([
    [
      "pgtrail_reader",
      [
        "drift",
        "verification",
        "verification-age",
        "checkpoint-age",
        "backup-age",
        "retention",
        "retention-age",
        "jobs",
        "archive",
        "requests",
      ],
    ],
    [
      "pgtrail_writer",
      [
        "drift",
        "verification",
        "verification-age",
        "checkpoint-age",
        "backup-age",
        "retention",
        "retention-age",
        "jobs",
        "archive",
        "requests",
        "rows-in-default",
        "partitions-due",
      ],
    ],
    ["pgtrail_auditor", []],
    ["pgtrail_operator", ["rows-in-default", "partitions-due"]],
  ])("%s gets unknown for what it may not see, and exit code 4 only if asked", async (group, unknown) => {
    const role = await db.role({ memberOf: [group] })
    const status = await (await db.trail({ url: role.url })).status({
      thresholds: { "oldest-transaction.warning": "never", "oldest-transaction.critical": "never" },
    })
    expect(status.checks.filter((check) => check.state === "unknown").map(({ name }) => name)).toEqual(
      unknown,
    )
    const env = { PGTRAIL_URL: role.url, ...calm }
    expect((await runInProcess(["status", "--quiet"], { env })).exit).toBe(0)
    const env2 = {
      ...env,
      PGTRAIL_STATUS_ROWS_IN_DEFAULT_WARNING: "never",
      PGTRAIL_STATUS_PARTITIONS_DUE_WARNING: "never",
    }
    const strict = await runInProcess(["status", "--exit-code", "--quiet"], { env: env2 })
    expect(strict.exit).toBe(
      unknown.some((name) => name !== "rows-in-default" && name !== "partitions-due") ? 4 : 0,
    )
  })

  test("a reader of one organization is told of that one alone", async () => {
    const role = await db.role()
    await trail.grant({ right: "reader", role: role.name, organizations: ["acme"] })
    const status = await (await db.trail({ url: role.url })).status()
    expect(status.log).toMatchObject({
      bound: true,
      organizations: [{ organization_id: "acme", lanes: "1", events: "2" }],
      heads: { organizations: "1", lanes: "1", events: "2" },
      partitions: null,
      rows_in_default: null,
      acts: null,
    })
    expect(JSON.stringify(status)).not.toContain("globex")
    const said = await runInProcess(["status"], { env: { PGTRAIL_URL: role.url } })
    expect(said.stdout).toMatch(
      /^heads +2 events appended, 1 organization, 1 lane, those that this role is bound to$/m,
    )
  })

  test("--grants tells every role that has a right, and which organizations", async () => {
    const role = await db.role({ memberOf: ["pgtrail_auditor"] })
    const { stdout, stderr, exit } = await cli("--grants", "--format", "csv")
    expect(exit).toBe(0)
    expect(stdout).toContain(`${role.name},auditor,all,direct,true,false,false,false,`)
    expect(stdout).toMatch(/,reader,acme,direct,true/)
    expect(stderr).toMatch(/^pgtrail: superusers, who may do everything: /)
    expect(await cli("--grants", "--format", "nagios")).toMatchObject({ exit: 2, stdout: "" })
  })
})

test("a log that lost its identity, or a table, is told as that, not as an error", async () => {
  const broken = await testDatabase({ whole: true })
  try {
    const own = await broken.trail()
    await broken.query("set session_replication_role = replica; delete from pgtrail.log")
    const lost = await own.status()
    expect([lost.state, state(lost, "identity"), state(lost, "drift")]).toEqual([
      "critical",
      "critical",
      "ok",
    ])
    for (const table of ["chain_head", "act", "event"]) {
      await broken.query(`drop table pgtrail.${table} cascade`)
      const status = await own.status()
      expect(state(status, "drift")).toBe("critical")
      expect(message(status, "drift")).toContain(table)
    }
  } finally {
    await broken.drop()
  }
})

describe("for monitoring", () => {
  const sample =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})? -?\d+(?:\.\d+)?$/

  /** As promtool reads it: every family named once, typed before its samples, no sample twice. */
  function read(text: string): Map<string, string> {
    expect(text.endsWith("\n")).toBe(true)
    const samples = new Map<string, string>()
    const families = new Set<string>()
    let helped = ""
    let current = ""
    for (const line of text.slice(0, -1).split("\n")) {
      const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
      if (kind === "HELP") {
        expect(families.has(name)).toBe(false)
        families.add(name)
        helped = name
      } else if (kind === "TYPE") {
        expect(name).toBe(helped)
        expect(rest === "counter").toBe(name.endsWith("_total"))
        expect(["counter", "gauge"]).toContain(rest)
        current = name
      } else {
        expect(line).toMatch(sample)
        expect(line.split(/[{ ]/, 1)[0]).toBe(current)
        const at = line.lastIndexOf(" ")
        expect(samples.has(line.slice(0, at))).toBe(false)
        samples.set(line.slice(0, at), line.slice(at + 1))
      }
    }
    return samples
  }

  test("Prometheus reads every line, whatever a partition is called", async () => {
    await db.query(`select pgtrail.create_partition(E'odd"x\\\\y\\nz', '1971-01-01Z', '1971-02-01Z')`)
    const { exit, stdout, stderr } = await cli("--format", "prometheus")
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
    const samples = read(stdout)
    expect(Object.fromEntries(samples)).toMatchObject({
      pgtrail_up: "1",
      pgtrail_schema_current: "1",
      pgtrail_drift_differences: "0",
      pgtrail_events_appended_total: "3",
      pgtrail_organizations: "2",
      pgtrail_default_rows: "2",
      pgtrail_last_verification_intact: "1",
      'pgtrail_check_state{check="drift"}': "0",
      'pgtrail_check_state{check="rows-in-default"}': "1",
      'pgtrail_partition_dead_rows{partition="odd\\"x\\\\y\\nz"}': "0",
    })
    const seconds = Number(samples.get("pgtrail_last_verification_timestamp_seconds"))
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(600)
    expect(samples.get('pgtrail_job_last_success_timestamp_seconds{job="verify"}')).toBe(String(seconds))
    expect(stdout).not.toContain('job="checkpoint"')
    await db.query(`drop table pgtrail."odd""x\\y\nz"`)
  })

  test("Nagios gets one line, performance data, and its own exit codes", async () => {
    const status = await trail.status({ thresholds: { "partitions-ahead.critical": "9999d" } })
    const { line, exit } = nagios(status)
    expect(exit).toBe(2)
    const [said = "", data = ""] = line.split(" | ")
    expect(said).toMatch(
      /^PGTRAIL CRITICAL - partitions-ahead: .*, critical below 9999d; warning: rows-in-default: 2 in/,
    )
    expect(line.endsWith("\n") && !line.slice(0, -1).includes("\n")).toBe(true)
    for (const part of data.trim().split(" ")) expect(part).toMatch(/^'[a-z-]+'=\d+[s%]?;(\d+:?)?;(\d+:?)?$/)
    expect(data).toMatch(/'partitions-ahead'=\d+s;2678400:;863913600:/)
    const warned = await cli("--format", "nagios")
    expect(warned).toMatchObject({ exit: 1, stderr: "" })
    expect(warned.stdout).toMatch(/^PGTRAIL WARNING - rows-in-default: 2 in /)
    const hostile = {
      ...status,
      state: "critical" as const,
      checks: [
        {
          ...status.checks[0],
          name: "x",
          state: "critical" as const,
          message: "a | b\nc\u001b[2J",
          value: null,
          unit: null,
          warning: null,
          critical: null,
        },
      ],
    }
    expect(nagios(hostile).line).toBe("PGTRAIL CRITICAL - x: a / b c\\x1b[2J\n")
  })

  test("a database that cannot be asked is told in the same form", async () => {
    const env = { PGTRAIL_URL: "postgresql://nobody:tops3cret@127.0.0.1:1/none" }
    const down = await runInProcess(["status", "--format", "nagios"], { env })
    expect(down).toMatchObject({ exit: 2, stderr: "" })
    expect(down.stdout).toBe(
      "PGTRAIL CRITICAL - the database cannot be reached: nothing listens there: 127.0.0.1:1\n",
    )
    const metrics = await runInProcess(["status", "--format", "prometheus"], { env })
    expect(metrics.exit).toBe(3)
    expect(Object.fromEntries(read(metrics.stdout))).toEqual({ pgtrail_up: "0" })
    expect(metrics.stderr).toMatch(/^pgtrail: warning: the database cannot be reached: nothing listens there/)
    const role = await db.role()
    const closed = await runInProcess(["status", "--format", "nagios"], { env: { PGTRAIL_URL: role.url } })
    expect(closed).toMatchObject({
      exit: 3,
      stdout: "PGTRAIL UNKNOWN - permission denied for schema pgtrail\n",
    })
  })

  test("a log that is not installed is critical, and has only what the server has", async () => {
    const empty = await testDatabase({ empty: true })
    try {
      const env = { PGTRAIL_URL: empty.url }
      const { exit, stdout } = await runInProcess(["status", "--format", "nagios"], { env })
      expect(exit).toBe(2)
      expect(stdout).toMatch(/^PGTRAIL CRITICAL - schema: not installed/)
      const status = await (await empty.trail()).status()
      expect(read(prometheus(status, new Date())).get("pgtrail_schema_current")).toBe("0")
      expect((await runInProcess(["status"], { env })).exit).toBe(1)
    } finally {
      await empty.drop()
    }
  })

  test("the forms are of status alone", async () => {
    const env = { PGTRAIL_URL: db.url }
    for (const argv of [
      ["organization", "list", "--format", "nagios"],
      ["--format", "prometheus", "setting", "list"],
    ]) {
      const { exit, stdout, stderr } = await runInProcess(argv, { env })
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
      expect(stderr).toContain("--format takes table, json, ndjson or csv, not")
    }
    expect((await runInProcess(["--format", "nagios", "status"], { env })).stdout).toMatch(/^PGTRAIL /)
  })
})
