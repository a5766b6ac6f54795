// How much time a partition has: chosen once, by the installation; and how the partitions are then called.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type PartitionInterval, partitionIntervals } from "../../src/data/migrate/interval.js"
import { readCover } from "../../src/data/partition/cover.js"
import { readSql } from "../../src/data/sql-files.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

const now = new Date("2026-11-21T12:00:00Z")

describe("a range that is typed", () => {
  test.each([
    ["2025", "2025-01-01", "2025-12-31"],
    ["0099", "0099-01-01", "0099-12-31"],
    ["2025-Q3", "2025-07-01", "2025-09-30"],
    ["2025q4", "2025-10-01", "2025-12-31"],
    ["event_2025_q2", "2025-04-01", "2025-06-30"],
    ["event_2025_03", "2025-03-01", "2025-03-31"],
    ["2024-02", "2024-02-01", "2024-02-29"],
    ["event_2025", "2025-01-01", "2025-12-31"],
    ["2025-03-17", "2025-03-17", "2025-03-17"],
    // ISO weeks around the new year: 1 January 2021 is in week 53 of 2020, and 30 December 2024 in week 1 of 2025.
    ["2020-W53", "2020-12-28", "2021-01-03"],
    ["2021-W01", "2021-01-04", "2021-01-10"],
    ["2025-W1", "2024-12-30", "2025-01-05"],
    ["event_2026_w53", "2026-12-28", "2027-01-03"],
    ["2015w53", "2015-12-28", "2016-01-03"],
  ])("%s is from %s to %s", (typed, from, to) => {
    expect(readCover(typed, "time", now)).toEqual({
      from: `${from}T00:00:00.000000Z`,
      to: `${to}T00:00:00.000000Z`,
    })
  })

  test.each([
    "2025-Q0",
    "2025-Q5",
    "2025-W00",
    "2025-W53",
    "2021-W53",
    "2025-13",
    "2025-02-30",
    "0000",
    "soon",
  ])("%s is not in the calendar", async (typed) => {
    expect((await failureOf(() => readCover(typed, "time", now))).code).toBe("usage")
  })

  test.each(["today", "yesterday", "now", "7d", "-2h"])(
    "%s, which is another time tomorrow, is refused",
    async (typed) => {
      const { message, hint } = await failureOf(() => readCover(typed, "the time", now))
      expect(message).toBe(`the time "${typed}" is not a day, a month, a quarter or a year`)
      expect(hint).toContain("2025-Q1")
    },
  )
})

const names: Readonly<
  Record<PartitionInterval, readonly (readonly [time: string, name: string, since: string])[]>
> = {
  week: [
    ["2021-01-03 23:59:59.999999Z", "event_2020_w53", "2020-12-28"],
    ["2021-01-04 00:00:00Z", "event_2021_w01", "2021-01-04"],
    ["2024-12-30 00:00:00Z", "event_2025_w01", "2024-12-30"],
  ],
  month: [["2021-02-28 23:59:59.999999Z", "event_2021_02", "2021-02-01"]],
  quarter: [
    ["2021-03-31 23:59:59.999999Z", "event_2021_q1", "2021-01-01"],
    ["2021-12-31 23:59:59.999999Z", "event_2021_q4", "2021-10-01"],
  ],
  year: [["2021-12-31 23:59:59.999999Z", "event_2021", "2021-01-01"]],
}

describe.each(partitionIntervals)("a log with a partition for each %s", (interval) => {
  let db: TestDatabase
  let trail: Trail
  beforeAll(async () => {
    db = await testDatabase({ empty: true })
    trail = await db.trail()
  })
  afterAll(() => db.drop())

  test("is installed by SQL as by the command, with today and the next six, and verifies", async () => {
    const sql = await trail.installSql({ partitionInterval: interval })
    if (interval === "week") await db.query(sql)
    else await trail.install({ partitionInterval: interval })
    const range = (await db.query("select name from pgtrail.partition_range(now())"))[0]
    const made = (await trail.partitions()).map(({ name }) => name)
    expect(made).toHaveLength(8)
    expect(made[0]).toBe(range?.name)
    const settings = await trail.settings()
    expect(settings.find(({ name }) => name === "partition-interval")?.value).toBe(interval)
    await trail.append({ event_type: "a.b" })
    const { findings, verdict } = await trail.verify()
    expect({ findings, verdict }).toEqual({ findings: [], verdict: "intact" })
    expect((await trail.validate()).differences).toEqual([])
  })

  test.each(["2131-01-31", "2131-02-01", "2131-08-31", "2131-12-29", "2132-02-29"])(
    "installed on %s it would have that day's partition and the next six too: months have no one length",
    async (day) => {
      const client = await db.client()
      await client.query("begin")
      await client.query(readSql("partitions.sql").replaceAll("now()", `timestamptz '${day} 23:00Z'`))
      const { rows } = await client.query(
        `select count(*), min(c.relname::text) = (pgtrail.partition_range('${day} 23:00Z')).name as first
         from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'pgtrail.event'::regclass and c.relname > 'event_21' and c.relname <> 'event_default'`,
      )
      await client.query("rollback")
      await client.end()
      expect(rows).toEqual([{ count: "7", first: "t" }])
    },
  )

  test("calls partitions by their beginning in UTC, whatever the session's zone", async () => {
    const client = await db.client()
    for (const zone of ["UTC", "America/New_York", "Asia/Kathmandu", "Europe/London"]) {
      await client.query(`set timezone = '${zone}'`)
      for (const [time, name, since] of names[interval]) {
        const { rows } = await client.query(
          "select name, to_char(since at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as since from pgtrail.partition_range($1)",
          [time],
        )
        expect(rows).toEqual([{ name, since: `${since} 00:00` }])
      }
    }
    await client.end()
  })

  test("is maintained: what DEFAULT holds comes along, and the ranges follow one another without a gap", async () => {
    for (const [time] of names[interval]) {
      await db.query("insert into pgtrail.event (occurred_at, event_type) values ($1, 'a.b')", [time])
    }
    const done = await trail.maintainPartitions()
    expect(done.created.map(({ name }) => name)).toEqual(names[interval].map(([, name]) => name))
    expect(done).toMatchObject({ events: String(names[interval].length), left: [] })
    const all = (await trail.partitions()).filter(
      ({ state, since }) => state === "attached" && (since ?? "") > "2026",
    )
    for (const [at, { since }] of all.entries()) if (at > 0) expect(since).toBe(all[at - 1]?.until)
    expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
  })

  test("keeps its interval: another installation with the same does nothing, with another it says so", async () => {
    expect(await trail.install({ partitionInterval: interval })).toMatchObject({ changed: false })
    const other = interval === "year" ? "week" : "year"
    const ran = await runInProcess(["install", "--partition-interval", other], {
      env: { PGTRAIL_URL: db.url },
    })
    expect(ran).toMatchObject({
      exit: 2,
      stderr:
        `pgtrail: error: the log is there already, with a partition for each ${interval}\n` +
        "pgtrail: hint: nothing was changed; the interval is chosen once, when the log is installed\n",
    })
    expect((await failureOf(trail.setSetting("partition-interval", other))).message).toBe(
      "partition-interval is chosen when the log is installed: pgtrail install --partition-interval",
    )
  })
})
