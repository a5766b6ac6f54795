// Partitions: what is listed, made, maintained, detached, attached and dropped, and that the chains stay whole. Over 250
// lines because all of it happens to one log.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { nagios } from "../../src/data/status/nagios.js"
import { prometheus } from "../../src/data/status/prometheus.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase({ whole: true })
  trail = await db.trail()
})
afterAll(() => db.drop())

const add = (time: string, count = 1, organization = "acme") =>
  db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select $1, $2::timestamptz + i * interval '1 second', 'a.b' from generate_series(1, $3::int) i`,
    [organization, time, count],
  )
const one = async (sql: string, ...values: unknown[]) =>
  Object.values((await db.query(sql, values))[0] ?? {})[0]
const rowsOf = (name: string) => one(`select count(*) from only pgtrail.${name}`)
const listed = async (name: string) =>
  (await trail.partitions({ exact: true })).find((partition) => partition.name === name)
const intact = async () => {
  const { verdict, findings } = await trail.verify({ record: false })
  expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
}

describe("partition create", () => {
  test("takes along what DEFAULT holds of that time, and nothing else, and tells how much", async () => {
    await add("2025-01-31 23:59:50Z", 20)
    await add("2025-03-05Z", 5)
    const plan = await trail.createPartitions("2025-01", { until: "2025-03", dryRun: true })
    expect(plan).toMatchObject({ dry_run: true, events: "25", there: [] })
    expect(await listed("event_2025_01")).toBeUndefined()
    const done = await trail.createPartitions("2025-01", { until: "2025-03" })
    expect(done.created).toEqual([
      {
        name: "event_2025_01",
        since: "2025-01-01T00:00:00.000000Z",
        until: "2025-02-01T00:00:00.000000Z",
        events: "9",
      },
      {
        name: "event_2025_02",
        since: "2025-02-01T00:00:00.000000Z",
        until: "2025-03-01T00:00:00.000000Z",
        events: "11",
      },
      {
        name: "event_2025_03",
        since: "2025-03-01T00:00:00.000000Z",
        until: "2025-04-01T00:00:00.000000Z",
        events: "5",
      },
    ])
    expect({ plan: plan.created, events: done.events }).toEqual({ plan: done.created, events: "25" })
    const counts: unknown[] = []
    for (const name of ["event_2025_01", "event_2025_02", "event_2025_03", "event_default"])
      counts.push(await rowsOf(name))
    expect(counts).toEqual(["9", "11", "5", "0"])
    await intact()
  })

  test("leaves those that are there, and makes the rest", async () => {
    const { created, there } = await trail.createPartitions("2025-03-17", { until: "2025-04-02" })
    expect({ created: created.map(({ name }) => name), there }).toEqual({
      created: ["event_2025_04"],
      there: ["event_2025_03"],
    })
    expect(await trail.createPartitionsSql("2025-03")).toBe("")
  })

  test("refuses a time that belongs in part to another, one that is backwards, and a slip of the finger", async () => {
    await db.query(
      "select pgtrail.split_default(array['event_odd'], array['2024-01-15Z'::timestamptz], array['2024-02-15Z'::timestamptz])",
    )
    expect((await failureOf(trail.createPartitions("2024-02"))).message).toBe(
      "the time of event_2024_02 belongs to event_odd, in part or with more",
    )
    expect((await failureOf(trail.createPartitions("2024-03", { until: "2024-02" }))).message).toBe(
      '--until "2024-02" is before "2024-03"',
    )
    expect((await failureOf(trail.createPartitions("1025-03", { until: "2025-04" }))).message).toBe(
      "that would be more than 240 partitions",
    )
    expect((await failureOf(trail.createPartitions("2025-Q5"))).message).toBe(
      'the time "2025-Q5" is not in the calendar',
    )
    expect(await listed("event_2024_02")).toBeUndefined()
  })

  test("has its boundaries in UTC, whatever the session, the role and the database think, over a change of the clocks too", async () => {
    const client = await db.client()
    await client.query(
      "set timezone = 'America/New_York'; set datestyle = 'German'; set intervalstyle = 'sql_standard'",
    )
    await client.query(
      "select pgtrail.split_default(array_agg(r.name), array_agg(r.since), array_agg(r.until)) from pgtrail.partition_range('2023-03-31 23:00-04') r",
    )
    await client.end()
    expect(await listed("event_2023_04")).toMatchObject({
      since: "2023-04-01T00:00:00.000000Z",
      until: "2023-05-01T00:00:00.000000Z",
    })
    await db.query(`alter database "${db.name}" set timezone = 'Europe/Berlin'`)
    const { created } = await trail.createPartitions("2023-10")
    expect(created).toMatchObject([
      { since: "2023-10-01T00:00:00.000000Z", until: "2023-11-01T00:00:00.000000Z" },
    ])
    await db.query(`alter database "${db.name}" reset timezone`)
  })

  test("keeps an index that somebody added to a partition when it is built anew", async () => {
    await db.query("create index my_own on pgtrail.event_default ((details ->> 'my own'))")
    await add("2025-05-05Z", 3)
    await trail.createPartitions("2025-05")
    const definitions = await db.query(
      "select pg_get_indexdef(x.indexrelid) as definition from pg_index x where x.indrelid = 'pgtrail.event_default'::regclass and pg_get_indexdef(x.indexrelid) like '%my own%'",
    )
    expect(definitions).toHaveLength(1)
    expect(await rowsOf("event_2025_05")).toBe("3")
    await intact()
  })
})

describe("partition list", () => {
  test("tells range, rows, edges, sizes, state and guards of each", async () => {
    expect(await listed("event_2025_01")).toMatchObject({
      state: "attached",
      rows: "9",
      exact: true,
      oldest: "2025-01-31T23:59:51.000000Z",
      newest: "2025-01-31T23:59:59.000000Z",
      guards: "ok",
      tablespace: null,
    })
    expect(await listed("event_default")).toMatchObject({
      state: "default",
      since: null,
      until: null,
      rows: "0",
    })
    const names = (await trail.partitions()).map(({ name }) => name)
    expect(names.at(-1)).toBe("event_default")
    expect(names.slice(0, -1)).toEqual(
      [...names.slice(0, -1)].sort((a, b) =>
        (a === "event_odd" ? "event_2024_01" : a) < (b === "event_odd" ? "event_2024_01" : b) ? -1 : 1,
      ),
    )
  })

  test("names each guard that is missing, disabled, or another function", async () => {
    const client = await db.client()
    await client.query("begin")
    await client.query("alter table pgtrail.event_2025_01 disable trigger pgtrail_guard")
    await client.query("drop trigger pgtrail_guard on pgtrail.event_2025_02")
    await client.query("alter table pgtrail.event_2025_03 disable trigger pgtrail_seal")
    await client.query("commit")
    expect((await listed("event_2025_01"))?.guards).toBe("pgtrail_guard disabled")
    expect((await listed("event_2025_02"))?.guards).toBe("no pgtrail_guard")
    expect((await listed("event_2025_03"))?.guards).toBe("pgtrail_seal disabled")
    await client.query("alter table pgtrail.event_2025_01 enable trigger pgtrail_guard")
    await client.query(
      "create trigger pgtrail_guard before update or delete or truncate on pgtrail.event_2025_02 for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact')",
    )
    await client.query("alter table pgtrail.event_2025_03 enable trigger pgtrail_seal")
    await client.end()
    expect((await trail.partitions()).filter(({ guards }) => guards !== "ok")).toEqual([])
  })

  test("shows an operator sizes and guards, and of the events nothing", async () => {
    const role = await db.role({ memberOf: ["pgtrail_operator"] })
    const operator = await db.trail({ url: role.url })
    const found = (await operator.partitions()).find(({ name }) => name === "event_2025_01")
    expect(found).toMatchObject({ oldest: null, newest: null, guards: "ok" })
    expect((await failureOf(operator.partitions({ exact: true }))).code).toBe("privilege")
  })
})

describe("partition maintain", () => {
  test("makes nothing where nothing is due, and gathers statistics that are missing, once", async () => {
    const first = await trail.maintainPartitions()
    expect(first).toMatchObject({ created: [], events: "0", left: [], ahead: "6" })
    expect(await trail.maintainPartitions()).toMatchObject({ created: [], analyzed: [] })
    expect(await trail.maintainPartitionsSql()).toBe("")
  })

  test("makes what DEFAULT holds and what is ahead, leaves what has no time, and says why", async () => {
    await db.query("select pgtrail.set_setting('partitions-ahead', '8')")
    for (const time of [
      "0001-01-01Z",
      "0044-03-15Z BC",
      "-infinity",
      "infinity",
      "1999-01-01Z",
      "2190-01-01Z",
    ]) {
      await db.query(
        "insert into pgtrail.event (organization_id, occurred_at, event_type) values ('acme', $1, 'a.b')",
        [time],
      )
    }
    await add("2025-06-06Z", 4)
    await add("2025-08-08Z", 2)
    const plan = await trail.maintainPartitions({ dryRun: true })
    const done = await trail.maintainPartitions()
    expect(plan.created).toEqual(done.created)
    expect(done.created.map(({ name, events }) => `${name} ${events}`)).toEqual([
      "event_2025_06 4",
      "event_2025_08 2",
      ...(
        await db.query(
          "select r.name || ' 0' as name from generate_series(7, 8) i, pgtrail.partition_range(date_trunc('month', now()) + i * interval '1 month') r order by r.since",
        )
      ).map(({ name }) => name),
    ])
    expect(done).toMatchObject({ events: "6", ahead: "8" })
    expect(done.left.map(({ name, events, reason }) => `${name} ${events} ${reason}`)).toEqual([
      "event_1999_01 1 older",
      "event_2190_01 1 beyond",
      "null 4 no-partition",
    ])
    expect(done.left.at(-1)).toMatchObject({ oldest: "-infinity", newest: "infinity" })
    expect(done.analyzed).toEqual(expect.arrayContaining(["event_2025_06", "event_2025_08", "event_default"]))
    expect(await rowsOf("event_default")).toBe("6")
    await intact()
  })

  test("goes by the longest period of all rules, floors and rules within the grace too", async () => {
    await db.query("select pgtrail.set_retention('floor', 'long', 10950, compliance_tag => 'LONG')")
    expect((await trail.maintainPartitions({ dryRun: true })).created.map(({ name }) => name)).toEqual([
      "event_1999_01",
    ])
    await db.query("select pgtrail.set_retention('floor', 'long', null)")
    expect((await trail.maintainPartitions({ dryRun: true })).created.map(({ name }) => name)).toEqual([
      "event_1999_01",
    ])
    await db.query("select pgtrail.set_setting('retention-grace', '0d')")
    expect((await trail.maintainPartitions({ dryRun: true })).created).toEqual([])
  })

  test("is what an operator may do, and nobody else", async () => {
    const operator = await db.role({ memberOf: ["pgtrail_operator"] })
    await add("2025-09-09Z", 2)
    expect(await (await db.trail({ url: operator.url })).maintainPartitions()).toMatchObject({
      events: "2",
      // DEFAULT was built anew.
      analyzed: ["event_default", "event_2025_09"],
    })
    const reader = await db.role({ memberOf: ["pgtrail_reader"] })
    expect(await failureOf((await db.trail({ url: reader.url })).maintainPartitions())).toMatchObject({
      code: "privilege",
    })
  })
})

describe("partition detach and attach", () => {
  test("take events out of queries and bring them back, with those that came since, and verify sees all of them", async () => {
    const before = await trail.count({ organization: "acme" })
    const { act } = await trail.detachPartition("event_2025_06", "slow storage")
    expect(act).toMatch(/^\d+$/)
    expect(await listed("event_2025_06")).toMatchObject({ state: "detached", rows: "4", guards: "ok" })
    expect(await trail.count({ organization: "acme" })).toBe(String(Number(before) - 4))
    await intact()
    await add("2025-06-07Z", 3)
    const maintained = await trail.maintainPartitions()
    expect(maintained).toMatchObject({ created: [] })
    expect(maintained.left).toContainEqual(
      expect.objectContaining({ name: "event_2025_06", events: "3", reason: "detached" }),
    )
    expect((await failureOf(trail.createPartitions("2025-06"))).message).toBe(
      "event_2025_06 is there already, and detached",
    )
    await intact()
    await trail.attachPartition("event_2025_06")
    expect(await listed("event_2025_06")).toMatchObject({ state: "attached", rows: "7", guards: "ok" })
    expect(await trail.count({ organization: "acme" })).toBe(String(Number(before) + 3))
    await intact()
  })

  test("refuse what must stay, what is so already, and a name that is not there", async () => {
    const today = String(await one("select name from pgtrail.partition_range(now())"))
    expect((await failureOf(trail.detachPartition(today, "x"))).message).toBe(
      `${today} is the partition of today: it stays`,
    )
    expect((await failureOf(trail.detachPartition("event_default", "x"))).message).toBe(
      "event_default is the DEFAULT partition, which takes what no other does: it stays",
    )
    expect((await failureOf(trail.attachPartition("event_2025_06"))).message).toBe(
      "event_2025_06 is attached already",
    )
    expect(await failureOf(trail.detachPartition("event_2025_60", "x"))).toMatchObject({
      code: "not-found",
      message: 'there is no partition "event_2025_60"',
      // One that differs in its digits is another month.
      hint: "nothing was changed; pgtrail partition list",
    })
  })

  test("do nothing in a dry run, and refuse there what would be refused", async () => {
    const acts = await one("select count(*) from pgtrail.act")
    expect(await trail.detachPartition("event_2025_08", "x", { dryRun: true })).toMatchObject({
      act: null,
      dry_run: true,
    })
    await db.query("select pgtrail.add_hold('C-1', 'court', event_type => 'a')")
    const held = await failureOf(trail.detachPartition("event_2025_08", "x", { dryRun: true }))
    expect(held).toMatchObject({ code: "held" })
    expect(held.message).toContain("C-1")
    await db.query("select pgtrail.release_hold('C-1', 'over')")
    expect(await listed("event_2025_08")).toMatchObject({ state: "attached" })
    expect(await one("select count(*) from pgtrail.act")).toBe(String(Number(acts) + 2))
  })
})

describe("status", () => {
  const due = async () =>
    (await trail.status({ drift: false })).checks.find(({ name }) => name === "partitions-due")

  test("warns of what maintain would make, and not of what must stay in DEFAULT; counts what is detached", async () => {
    await trail.maintainPartitions()
    expect(await due()).toMatchObject({ state: "ok", value: "0", message: "none" })
    await add("2025-11-11Z", 2)
    const next = String(
      await one(
        "select name from pgtrail.partition_range(date_trunc('month', now(), 'UTC') + interval '2 months')",
      ),
    )
    await trail.dropPartition(next, { reason: "x", confirm: next })
    expect(await due()).toMatchObject({
      state: "warning",
      value: "2",
      message: `event_2025_11, ${next}: pgtrail partition maintain, warning from 1`,
    })
    await trail.detachPartition("event_2025_06", "x")
    await add("2025-06-06Z")
    const status = await trail.status({ drift: false })
    expect(status.log).toMatchObject({ detached_partitions: "1" })
    expect(prometheus(status, new Date())).toContain("\npgtrail_partitions_detached 1\n")
    expect(prometheus(status, new Date())).toContain("\npgtrail_partitions_due 2\n")
    expect(nagios(status).line).toContain(
      `partitions-due: event_2025_11, ${next}: pgtrail partition maintain`,
    )
    expect(nagios(status).line).toContain("'partitions-due'=2;1;")
    expect((await trail.maintainPartitions()).created.map(({ name }) => name)).toEqual([
      "event_2025_11",
      next,
    ])
    expect(await due()).toMatchObject({ state: "ok" })
    await trail.attachPartition("event_2025_06")
  })
})

describe("partition drop", () => {
  test("takes the name once more, records the purge, and the chains stay whole; attached or detached", async () => {
    const unconfirmed = await failureOf(trail.dropPartition("event_2025_08", { reason: "test" }))
    expect(unconfirmed.message).toMatch(
      /^this removes event_2025_08 for ever: 2025-08-01T00:00:00.000000Z to 2025-09-01T/,
    )
    expect(
      (await failureOf(trail.dropPartition("event_2025_08", { reason: "test", confirm: "event_2025_09" })))
        .message,
    ).toMatch(/^--confirm names "event_2025_09", and this removes event_2025_08 for ever/)
    expect(await trail.dropPartition("event_2025_08", { reason: "test", dryRun: true })).toMatchObject({
      events: "2",
      act: null,
    })
    await trail.detachPartition("event_2025_09", "out of the way")
    for (const name of ["event_2025_08", "event_2025_09"]) {
      expect(
        await trail.dropPartition(name, { reason: "test", confirm: name, requestedBy: "DBA" }),
      ).toMatchObject({
        events: "2",
        refused: false,
      })
      expect(await listed(name)).toBeUndefined()
    }
    await intact()
  })

  test("refuses DEFAULT, that of today, and what does not verify", async () => {
    const today = String(await one("select name from pgtrail.partition_range(now())"))
    for (const name of [today, "event_default"]) {
      expect((await failureOf(trail.dropPartition(name, { reason: "x", confirm: name }))).code).toBe("usage")
    }
    const client = await db.client()
    await client.query("set session_replication_role = replica")
    await client.query(
      "update only pgtrail.event_2025_05 set event_type = 'forged' where ctid = (select min(ctid) from only pgtrail.event_2025_05)",
    )
    await client.end()
    expect(
      await trail.dropPartition("event_2025_05", { reason: "x", confirm: "event_2025_05" }),
    ).toMatchObject({
      refused: true,
      act: null,
      message: expect.stringContaining("1 event of event_2025_05 does not verify: it is evidence, and stays"),
    })
    expect(await rowsOf("event_2025_05")).toBe("3")
  })
})
