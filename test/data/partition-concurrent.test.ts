// Partitions of a log at work: writers, readers, other runs, and a backend that is killed. Over 250 lines because all of it happens to
// one log.
import { setTimeout as pause } from "node:timers/promises"
import type { Client } from "pg"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"
import { here } from "./retention-fixture.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

const one = async (sql: string, ...values: unknown[]) =>
  Object.values((await db.query(sql, values))[0] ?? {})[0]
const add = (time: string, count = 1, organization = "acme") =>
  db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select $1, $2::timestamptz + i * interval '1 second', 'a.b' from generate_series(1, $3::int) i`,
    [organization, time, count],
  )
const names = async () => (await trail.partitions()).map(({ name, state }) => `${name} ${state}`)
/** Everything in the schema, so that what a run has left behind shows itself. */
const relations = () =>
  db.query(
    "select c.relname, c.relkind, c.oid from pg_class c where c.relnamespace = 'pgtrail'::regnamespace order by c.oid",
  )
const intact = async () => {
  const { verdict, findings } = await trail.verify({ record: false })
  expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
}

async function until(holds: () => Promise<boolean>, what = "that"): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries === 3000) throw new Error(`it never came to ${what}`)
    await pause(20)
  }
}

const held = new Set<Client>()
afterEach(async () => {
  for (const client of held) await client.end()
  held.clear()
})

/** A session in a transaction, that has done `sql` and holds what it took. */
async function holding(sql: string) {
  const client = await db.client()
  held.add(client)
  await client.query("set application_name = 'the long one'")
  await client.query("begin")
  await client.query(sql)
  return {
    async end() {
      await client.query("rollback")
    },
    async commit() {
      await client.query("commit")
    },
  }
}
const reads = "select count(*) from (select from pgtrail.event limit 1) e"

/** The longest of inserts into this time, one after the other, in milliseconds, until `work` is over. */
async function whileWriting<T>(
  times: readonly string[],
  work: Promise<T>,
): Promise<{ result: T; longest: number; events: number }> {
  let over = false
  let longest = 0
  let events = 0
  const write = async (time: string) => {
    const client = await db.client()
    while (!over) {
      const began = performance.now()
      await client.query(
        "insert into pgtrail.event (organization_id, occurred_at, event_type) values ('busy', $1, 'a.b')",
        [time],
      )
      longest = Math.max(longest, performance.now() - began)
      events += 1
      await pause(2)
    }
    await client.end()
  }
  const writers = Promise.all(times.map(write))
  try {
    return { result: await work, longest, events }
  } finally {
    over = true
    await writers
  }
}

describe("a long reader", () => {
  const doings = [
    ["create", (patienceMs: number) => trail.createPartitions("2024-06", { patienceMs })],
    ["detach", (patienceMs: number) => trail.detachPartition("event_2024_01", "x", { patienceMs })],
    ["attach", (patienceMs: number) => trail.attachPartition("event_2024_01", { patienceMs })],
    [
      "drop",
      (patienceMs: number) =>
        trail.dropPartition("event_2024_01", { reason: "x", confirm: "event_2024_01", patienceMs }),
    ],
  ] as const

  test.each(doings)(
    "holds up %s, is named when patience is over, and no writer waits for both",
    async (what, run) => {
      if (what === "create") await trail.createPartitions("2024-01")
      await add("2024-06-06Z", 2)
      const before = [await names(), await one("select count(*) from pgtrail.act")]
      const reader = await holding(reads)
      const { result, longest, events } = await whileWriting(
        ["2024-07-07Z", "2026-11-21Z"],
        failureOf(run(700)),
      )
      expect(result).toMatchObject({ code: "lock-timeout", sqlstate: "55P03" })
      expect(result.message).toMatch(
        /^the partitions could not be locked within 0.7 s, held by: process \d+ \(\w+, the long one\)/,
      )
      expect(result.hint).toBe(
        "nothing was changed. Run it again, with more --patience, or when they are done",
      )
      expect([await names(), await one("select count(*) from pgtrail.act")]).toEqual(before)
      // Each attempt waits a tenth of a second at most.
      expect(longest).toBeLessThan(1500)
      expect(events).toBeGreaterThan(10)
      await reader.end()
      await run(30_000)
      await intact()
    },
  )
})

describe("two runs", () => {
  test("one at a time: the other is told who is at it, and a run that waits for the first reader goes on when it is over", async () => {
    await add("2024-08-08Z", 3)
    const reader = await holding(reads)
    const first = trail.maintainPartitions({ patienceMs: 30_000 })
    await until(
      async () =>
        (await one(
          `select count(*) from pg_locks where locktype = 'advisory' and objid::bigint = 4294967289 and ${here}`,
        )) === "1",
    )
    for (const run of [
      () => trail.maintainPartitions(),
      () => trail.createPartitions("2024-09"),
      () => trail.detachPartition("event_2024_06", "x"),
    ]) {
      const refused = await failureOf(run())
      expect(refused.code).toBe("busy")
      expect(refused.message).toMatch(
        /^another run is changing the partitions of this log: process \d+ \(\w+, test \w+\)$/,
      )
    }
    expect((await trail.maintainPartitions({ dryRun: true })).created.map(({ name }) => name)).toContain(
      "event_2024_08",
    )
    await reader.end()
    expect((await first).created.map(({ name }) => name)).toContain("event_2024_08")
    await intact()
  })

  test("of SQL functions come one after the other, and the second names the first", async () => {
    const first = await holding("select pg_advisory_xact_lock(1885828210, -8)")
    const second = await failureOf(trail.createPartitions("2022-02", { patienceMs: 300 }))
    expect(second.message).toMatch(
      /^another change of partitions was not over within 0.3 s, held by: process \d+ \(\w+, the long one\)$/,
    )
    await first.end()
    expect((await trail.createPartitions("2022-02")).there).toEqual([])
    expect((await trail.createPartitions("2022-01", { until: "2022-02" })).there).toEqual(["event_2022_02"])
  })
})

describe("writers", () => {
  test("lose nothing while DEFAULT is split for the very time that they write into", async () => {
    await add("2023-01-01Z", 4000)
    const before = Number(await one("select count(*) from pgtrail.event"))
    const times = ["2023-01-15Z", "2023-01-20Z", "2023-02-02Z", "2021-01-01Z"]
    const { result, longest } = await whileWriting(
      times,
      (async () => {
        const first = await trail.createPartitions("2023-01")
        const second = await trail.maintainPartitions()
        return [...first.created, ...second.created].map(({ name }) => name)
      })(),
    )
    expect(result).toEqual(expect.arrayContaining(["event_2023_01", "event_2023_02", "event_2021_01"]))
    expect(longest).toBeLessThan(1500)
    const heads = await one("select sum(n.seq) from pgtrail.newest_heads() n")
    const purged = await one("select coalesce(sum(p.events), 0) from pgtrail.purge p")
    const live = await one("select count(*) from pgtrail.event")
    expect(Number(live) + Number(purged)).toBe(Number(heads))
    expect(Number(live)).toBeGreaterThan(before)
    expect(
      await one(
        "select count(*) from only pgtrail.event_default where occurred_at >= '2023-01-01Z' and occurred_at < '2023-03-01Z'",
      ),
    ).toBe("0")
    await intact()
  })

  test("and a purge that commits meanwhile: what it removed is not brought back", async () => {
    await add("2019-01-01Z", 5, "gone")
    await add("2019-01-01Z", 5, "stays")
    const purge = await holding(
      `select pgtrail.purge_events('gone', array[l.lane], array[1::bigint], array[l.seq], array[l.hash], null, 'contract ended')
       from (select e.lane, e.seq, e.hash from pgtrail.event e where e.organization_id = 'gone' order by e.seq desc limit 1) l`,
    )
    const said: string[] = []
    const creating = trail.createPartitions("2019-01", { progress: (doing) => said.push(doing) })
    await until(
      async () =>
        (await one(
          `select count(*) from pg_locks where locktype = 'advisory' and not granted and ${here}`,
        )) === "1",
    )
    await purge.commit()
    expect(await creating).toMatchObject({ events: "5" })
    expect(said).toContain("events or partitions were removed meanwhile: once more")
    expect(await one("select string_agg(distinct organization_id, ',') from pgtrail.event_2019_01")).toBe(
      "stays",
    )
    await intact()
  })

  test("and an index of somebody's on DEFAULT stays there when it is built anew", async () => {
    await db.query("create index on pgtrail.event_default ((details ->> 'own'))")
    await add("2018-01-01Z", 2)
    await trail.createPartitions("2018-01")
    for (const name of ["event_default", "event_2018_01"]) {
      expect(
        await one(
          "select count(*) from pg_indexes where schemaname = 'pgtrail' and tablename = $1 and indexdef like '%own%'",
          name,
        ),
      ).toBe("1")
    }
  })
})

describe("a backend that is killed", () => {
  /** Each holds the run where it is, until it is killed. */
  const steps: readonly (readonly [step: string, hold: string])[] = [
    ["waits for another change", "select pg_advisory_xact_lock(1885828210, -8)"],
    ["reads DEFAULT", "lock table only pgtrail.event_default in access exclusive mode"],
    ["waits for the act chain", "select pg_advisory_xact_lock(1885828210, -1)"],
    ["waits for readers", "lock table only pgtrail.event in access share mode"],
    ["has dropped, attached and renamed, and would commit", "select pg_advisory_xact_lock(42, 42)"],
  ]
  const doings: readonly (readonly [what: string, run: () => Promise<unknown>, done: string])[] = [
    ["create", () => trail.createPartitions("2017-01"), "event_2017_01 attached"],
    ["detach", () => trail.detachPartition("event_2017_01", "x"), "event_2017_01 detached"],
    ["attach", () => trail.attachPartition("event_2017_01"), "event_2017_01 attached"],
    [
      "drop",
      () => trail.dropPartition("event_2016_01", { reason: "x", confirm: "event_2016_01" }),
      "event_2017_01 attached",
    ],
  ]

  beforeAll(async () => {
    await trail.createPartitions("2016-01")
    await add("2016-01-01Z", 3)
    await add("2017-01-01Z", 3)
    // Stops whoever has just attached or detached, in front of the end of the statement.
    await db.query(`create function public.stop() returns event_trigger language plpgsql as $$
      begin
        if current_query() like '%pgtrail.%' and exists (select from pg_locks l where l.locktype = 'relation' and l.pid = pg_backend_pid()
            and l.relation = 'pgtrail.event'::regclass and l.mode = 'AccessExclusiveLock') then
          while not pg_try_advisory_xact_lock(42, 42) loop perform pg_sleep(0.02); end loop;
        end if;
      end $$`)
    await db.query(
      "create event trigger stop on ddl_command_end when tag in ('ALTER TABLE') execute function public.stop()",
    )
  })
  afterAll(async () => {
    await db.query("drop event trigger if exists stop")
    await db.query("drop function if exists public.stop()")
  })

  test.each(doings)(
    "during %s leaves nothing, at any step, and the next run does it all",
    async (what, run, done) => {
      await add("2017-01-02Z", 2)
      const before = [
        await relations(),
        await names(),
        await one("select count(*) from pgtrail.act"),
        await one("select count(*) from pgtrail.event"),
      ]
      for (const [step, hold] of steps) {
        if (what !== "create" && step === "reads DEFAULT") continue
        // A purge reads its partition alone, and need not wait for those who make others; nothing of it is an ALTER TABLE.
        if (what === "drop" && (step === "waits for another change" || step.startsWith("has dropped")))
          continue
        const holder = await holding(hold)
        const failed = failureOf(run())
        failed.catch(() => undefined)
        const waiting = `select a.pid from pg_stat_activity a where a.datname = current_database()
        and a.application_name like 'test %' and a.pid <> pg_backend_pid() and a.state = 'active' and (cardinality(pg_blocking_pids(a.pid)) > 0 or a.wait_event = 'PgSleep')`
        await until(async () => (await db.query(waiting)).length === 1, step)
        await db.query(`select pg_terminate_backend(w.pid) from (${waiting}) w`)
        expect((await failed).code, step).toBe("connection-lost")
        await holder.end()
        expect(
          [
            await relations(),
            await names(),
            await one("select count(*) from pgtrail.act"),
            await one("select count(*) from pgtrail.event"),
          ],
          step,
        ).toEqual(before)
      }
      await run()
      expect(await names()).toContain(done)
    },
  )

  test("and after all of it the log is intact", async () => {
    await db.query("drop event trigger stop")
    expect(await one("select count(*) from only pgtrail.event_2017_01")).toBe("11")
    expect(await names()).not.toContain("event_2016_01 attached")
    expect(
      await one("select count(*) from pg_class where relname like 'event%rebuilt%' or relname like '%since'"),
    ).toBe("0")
    await db.query("drop function public.stop()")
    await intact()
  })
})
