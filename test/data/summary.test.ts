// The daily summaries: each event once, whatever stops a run, whoever writes or purges meanwhile, and nothing about them is evidence.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import type { Stats, Trail } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { withClients } from "./writers.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())
/** Each test has an organization of its own. */
let organization = ""
let names = 0
beforeEach(() => {
  names += 1
  organization = `o${names}`
})

const append = (count: number, name = organization) =>
  db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at, data_size_bytes)
     select $1, 'a' || i % 3, 'u' || i % 5, date_trunc('day', now(), 'UTC') - i * interval '5 hours', i from generate_series(1, $2::int) i`,
    [name, count],
  )
const cli = (...argv: string[]) => runInProcess(argv, { env: { PGTRAIL_URL: db.url } })

/** What the summaries say is what the events say: of everything, and they answered. */
async function isRight(of: Pick<TestDatabase, "query"> = db, by: Trail = trail): Promise<Stats> {
  const [counted] = await of.query(
    "select count(*) as total_events, count(distinct actor_id) as unique_users, coalesce(sum(data_size_bytes), 0) as data_size_bytes from pgtrail.event",
  )
  const stats = await by.stats()
  expect(stats).toMatchObject({ ...counted, source: { counted: "summaries", since: "0", days: "0" } })
  return stats
}

/** Waits until `count` sessions wait for a lock in this database. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const [row] = await db.query(
      `select count(distinct l.pid) as n from pg_locks l join pg_stat_activity a on a.pid = l.pid
       where not l.granted and a.datname = current_database()`,
    )
    if (row?.n === String(count)) return
    await pause(10)
  }
}

test("a run that is killed has counted nothing of its batch twice, and the next counts it", async () => {
  await append(60)
  await trail.refreshSummary()
  await append(30)
  const other = await db.client()
  await other.query("begin; lock table pgtrail.summary_cursor in exclusive mode")
  // It has counted, and waits to say so.
  const killed = trail.refreshSummary({ batchSize: 10 }).catch((error: unknown) => error)
  await waiting(1)
  await db.query(
    "select pg_terminate_backend(pid) from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())",
  )
  expect(await killed).toMatchObject({ code: "connection-lost" })
  await other.query("rollback")
  await other.end()
  expect(await trail.refreshSummary()).toMatchObject({ events: "30", missing: "0", behind: "0" })
  await isRight()
})

test("of two runs at once the second says that it is busy, exit code 5, and changes nothing", async () => {
  await append(10)
  const other = await db.client()
  await other.query("begin; lock table pgtrail.summary in exclusive mode")
  const first = trail.refreshSummary()
  await waiting(1)
  for (const argv of [["refresh"], ["rebuild"]]) {
    expect(await cli("summary", ...argv)).toMatchObject({ exit: 5, stdout: "" })
  }
  // By psql too.
  await expect(db.query("select * from pgtrail.refresh_summary(10)")).rejects.toMatchObject({ code: "TR015" })
  await other.query("rollback")
  await other.end()
  expect(await first).toMatchObject({ events: "10" })
  await isRight()
})

test("eight writers, late events and purges go on while it counts, and in the end every event is counted once", async () => {
  await append(50)
  let isWriting = true
  const counting = (async () => {
    while (isWriting) await trail.refreshSummary({ batchSize: 37 })
  })()
  const asking = (async () => {
    // On one snapshot the number of events is the sum over the types, whatever answers.
    while (isWriting) {
      const stats = await trail.stats({ organization })
      const sum = Object.values(stats.events_by_type).reduce((all, one) => all + BigInt(one), 0n)
      expect(String(sum)).toBe(stats.total_events)
    }
  })()
  await withClients(db, 8, async (client, index) => {
    for (let n = 0; n < 15; n += 1) {
      await client.query("begin")
      await client.query(
        "insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at) select $1, 'b', $2, now() - $3 * interval '1 day' from generate_series(1, 3)",
        [organization, `u${index}`, n % 7],
      )
      await client.query(n % 5 === 4 ? "rollback" : "commit")
      if (index === 0 && n % 10 === 9) {
        await client.query(
          `select pgtrail.purge_events($1, array_agg(l.lane), array_agg(l.first), array_agg(l.first + 3), array_agg(null::bytea), null, 'test')
           from (select e.lane, min(e.seq) as first from pgtrail.event e where e.organization_id = $1 group by 1 having count(*) > 5) l`,
          [organization],
        )
      }
    }
  })
  isWriting = false
  await Promise.all([counting, asking])
  await trail.refreshSummary()
  await isRight()
  expect((await trail.rebuildSummary({ organization })).differences).toEqual([])
})

test("what a purge takes away while it is being counted is counted before and forgotten, never kept", async () => {
  await append(20)
  const other = await db.client()
  await other.query("begin; lock table pgtrail.summary_actor in exclusive mode")
  const counting = trail.refreshSummary()
  await waiting(1)
  const purging = trail.purgeOrganization(organization, { reason: "test", confirm: organization })
  await waiting(2)
  await other.query("rollback")
  await other.end()
  await counting
  expect(await purging).toMatchObject({ events: "20" })
  const rows = (table: string) =>
    db.query(`select day from pgtrail.${table} where organization_id = $1`, [organization])
  expect([await rows("summary"), await rows("summary_actor")]).toEqual([[], []])
  expect((await rows("summary_recount")).length).toBeGreaterThan(3)
  await trail.refreshSummary()
  expect(await rows("summary_recount")).toEqual([])
  await isRight()
})

test("a purge of what no summary has changes none, and its places are passed without a word", async () => {
  await append(20)
  await trail.purgeOrganization(organization, { reason: "test", confirm: organization })
  expect(
    await db.query("select from pgtrail.summary_recount where organization_id = $1", [organization]),
  ).toEqual([])
  expect(await trail.refreshSummary()).toMatchObject({ events: "0", missing: "0", behind: "0" })
  await isRight()
})

test("actors of purged events are gone from the summaries with them, those that stay are counted again", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) values ($1, 'a', 'leaves@example.com'), ($1, 'a', 'stays')",
    [organization],
  )
  await trail.refreshSummary()
  await trail.purgeOrganization(organization, { reason: "test", confirm: organization, maxRows: 1 })
  const actors = () =>
    db.query("select actor_id from pgtrail.summary_actor where organization_id = $1", [organization])
  expect(await actors()).toEqual([])
  const [one] = (await trail.stats({ organization, by: ["actor"] })).grouped
  expect(one?.groups.map(({ value }) => value)).toEqual(["stays"])
  await trail.refreshSummary()
  expect(await actors()).toEqual([{ actor_id: "stays" }])
})

test("a rebuild names each day that was wrong, whatever was changed, and puts it right", async () => {
  await append(40)
  await trail.refreshSummary()
  const days = (
    await db.query("select distinct day from pgtrail.summary where organization_id = $1 order by 1", [
      organization,
    ])
  ).map((row) => row.day ?? "")
  const on = (day: number, sql: string) => db.query(sql, [organization, days[day]])
  await on(1, "update pgtrail.summary set events = events + 1 where organization_id = $1 and day = $2")
  await on(2, "delete from pgtrail.summary where organization_id = $1 and day = $2")
  await on(3, "update pgtrail.summary_actor set failed = 7 where organization_id = $1 and day = $2")
  await on(4, "insert into pgtrail.summary_actor values ($1, $2, '\\x00', 'nobody', 1, 0, 0)")
  await on(5, "update pgtrail.summary set data_size_bytes = -1 where organization_id = $1 and day = $2")
  await db.query(
    "insert into pgtrail.summary values ($1, '1999-01-01', '\\x00', null, 'x', 'success', 5, 0)",
    [organization],
  )
  await db.query("update pgtrail.summary_cursor set seq = 1000 where organization_id = $1", [organization])
  expect(await trail.stats({ organization })).toMatchObject({
    total_events: "40",
    source: { counted: "events", why: "the summaries are ahead of the log", hint: "pgtrail summary rebuild" },
  })
  const ran = await cli("summary", "rebuild", "--org", organization, "--json")
  expect(ran.exit).toBe(1)
  const { rows } = JSON.parse(ran.stdout) as {
    rows: { day: string; events: string; events_before: string }[]
  }
  expect(rows.map(({ day }) => day)).toEqual(["1999-01-01", ...days.slice(1, 6)])
  expect(rows[0]).toMatchObject({ organization_id: organization, events_before: "5", events: "0" })
  expect(BigInt(rows[1]?.events_before ?? 0)).toBeGreaterThan(BigInt(rows[1]?.events ?? 0))
  await append(5)
  await trail.refreshSummary()
  await isRight()
  expect(await cli("summary", "rebuild")).toMatchObject({ exit: 0 })
  await expect(trail.rebuildSummary({ organization: "nobody" })).rejects.toMatchObject({ code: "not-found" })
})

test("a rebuild counts no event that is not counted yet, and then these, once", async () => {
  await append(10)
  await trail.refreshSummary()
  await append(7)
  expect(await trail.rebuildSummary({ organization })).toMatchObject({
    organizations: "1",
    differences: [],
    refreshed: { events: "7", wrong: "0" },
  })
  await isRight()
})

test("a rebuild that was stopped is finished by the next refresh, which tells what was wrong with exit code 1", async () => {
  await append(10)
  await trail.refreshSummary()
  await db.query("update pgtrail.summary set events = 99 where organization_id = $1", [organization])
  await db.query("select pgtrail.rebuild_summary($1)", [organization])
  expect(await trail.stats({ organization })).toMatchObject({
    total_events: "10",
    source: { counted: "summaries" },
  })
  // Whom cron mails an exit code, it tells why.
  expect(await cli("summary", "refresh", "--quiet")).toMatchObject({
    exit: 1,
    stdout: expect.stringMatching(/\n3 days of an unfinished rebuild had been wrong, and are right now\n$/),
    stderr: "",
  })
  expect(await cli("summary", "refresh", "--quiet")).toMatchObject({ exit: 0, stdout: "", stderr: "" })
  await isRight()
})

test("a run stops at its own number of events and says what is left; events that vanished are reported, and verify is named", async () => {
  await append(30)
  expect(await trail.refreshSummary({ maxEvents: 12, batchSize: 5 })).toMatchObject({
    events: "12",
    behind: "18",
  })
  await db.query(
    `alter table pgtrail.event disable trigger pgtrail_guard;
     do $$ declare p regclass; begin for p in select inhrelid from pg_inherits where inhparent = 'pgtrail.event'::regclass loop
       execute format('alter table %s disable trigger pgtrail_guard', p); end loop; end $$`,
  )
  await db.query("delete from pgtrail.event where organization_id = $1 and seq = 20", [organization])
  const { stdout, exit } = await cli("summary", "refresh")
  expect(exit).toBe(0)
  expect(stdout).toMatch(
    /17 events counted\n1 event missing in the log, and no purge tells why: pgtrail verify/,
  )
  await db.query(
    `alter table pgtrail.event enable trigger pgtrail_guard;
     do $$ declare p regclass; begin for p in select inhrelid from pg_inherits where inhparent = 'pgtrail.event'::regclass loop
       execute format('alter table %s enable trigger pgtrail_guard', p); end loop; end $$`,
  )
  await isRight()
  await expect(trail.refreshSummary({ maxEvents: 0 })).rejects.toMatchObject({ code: "usage" })
  await expect(db.query("select * from pgtrail.refresh_summary(0)")).rejects.toMatchObject({ code: "TR009" })
})

test("an old snapshot neither counts nor purges: it would not see what was counted since", async () => {
  await append(3)
  const client = await db.client()
  await client.query("begin isolation level repeatable read; select 1")
  await expect(client.query("select * from pgtrail.refresh_summary(10)")).rejects.toMatchObject({
    code: "0A000",
  })
  await client.query("rollback; begin isolation level repeatable read")
  await expect(
    client.query("select pgtrail.purge_events($1, '{0}', '{1}', '{3}', array[null::bytea], null, 'test')", [
      organization,
    ]),
  ).rejects.toMatchObject({ code: "0A000" })
  await client.query("rollback")
  await client.end()
  await trail.refreshSummary()
})

test("who reads events reads the summaries, an operator makes them and reads no actor, and others are told what they need", async () => {
  const as = async (group: string) =>
    db.trail({ url: (await db.role({ memberOf: [`pgtrail_${group}`] })).url })
  await append(5)
  const [reader, operator, writer] = [await as("reader"), await as("operator"), await as("writer")]
  await expect(reader.refreshSummary()).rejects.toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("pgtrail grant operator ROLE"),
  })
  expect(await operator.refreshSummary()).toMatchObject({ events: "5" })
  expect((await operator.rebuildSummary({ organization })).differences).toEqual([])
  for (const refused of [() => operator.summary(), () => operator.stats(), () => writer.summary()]) {
    await expect(refused()).rejects.toMatchObject({
      code: "privilege",
      hint: expect.stringContaining("pgtrail grant reader ROLE"),
    })
  }
  await isRight(db, reader)
  expect(await reader.summary({ organization })).toMatchObject({ behind: "0", days_left: "0", more: false })
  expect(
    (await reader.summary({ organization })).days.reduce((sum, day) => sum + Number(day.events), 0),
  ).toBe(5)
})

test("nothing about them is evidence: verify, validate and status are silent, even when the owner empties them", async () => {
  const own = await testDatabase()
  const its = await own.trail()
  await own.query(
    "insert into pgtrail.event (event_type, actor_id) select 'a', 'b' from generate_series(1, 20)",
  )
  await its.refreshSummary()
  const silent = async () => {
    expect(await its.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", findings: [] })
    expect(await its.validate()).toMatchObject({ differences: [], pending: [] })
    expect(
      (await its.status()).checks.filter(
        ({ name, state }) => state !== "ok" && /catalog|schema|verif/.test(name),
      ),
    ).toEqual([])
  }
  await silent()
  await own.query(
    "set role pgtrail_owner; truncate pgtrail.summary, pgtrail.summary_actor, pgtrail.summary_cursor, pgtrail.summary_recount; reset role",
  )
  await silent()
  expect(await its.stats()).toMatchObject({ total_events: "20", source: { counted: "events" } })
  await its.refreshSummary()
  await isRight(own, its)
  await own.drop()
})

test("a log of the third version has statistics; its summaries begin empty when it goes up, and go when it goes down", async () => {
  const older = await testDatabase()
  const its = await older.trail()
  await older.query(
    "insert into pgtrail.event (event_type, actor_id) select 'a', 'u' || i % 5 from generate_series(1, 40) i",
  )
  await its.refreshSummary()
  // Nobody is asked: they are made again from the events.
  await its.migrateDown({ to: 3 })
  expect(await older.query("select to_regclass('pgtrail.summary') as there")).toEqual([{ there: null }])
  const [counted] = await older.query("select count(*) as total_events from pgtrail.event")
  expect(await its.stats()).toMatchObject({ ...counted, source: { counted: "events" } })
  for (const refused of [() => its.refreshSummary(), () => its.rebuildSummary()]) {
    await expect(refused()).rejects.toMatchObject({
      code: "not-installed",
      hint: expect.stringContaining("pgtrail migrate"),
    })
  }
  await its.install()
  expect(await its.stats()).toMatchObject({ ...counted, source: { counted: "events" } })
  expect(await its.refreshSummary()).toMatchObject({ events: counted?.total_events })
  await isRight(older, its)
  await older.drop()
})
