// Statistics: whatever answers, the summaries or the events, it is what a full count of the events says.
import { createHash } from "node:crypto"
import fc from "fast-check"
import { Client } from "pg"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import type { Stats, StatsOptions, Trail } from "../../src/data/index.js"
import { describeStats } from "../../src/data/stats/describe.js"
import { Distinct } from "../../src/data/stats/distinct.js"
import { type Dimension, dimensions } from "../../src/data/stats/options.js"
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

const columns: Readonly<Record<Dimension, string>> = {
  actor: "actor_id",
  resource:
    "case when resource_id is null then resource_type else concat(resource_type, '/', resource_id) end",
  type: "event_type",
  outcome: "outcome",
  severity: "severity",
  category: "category",
  hour: "date_trunc('hour', occurred_at at time zone 'UTC')::text",
  day: "(occurred_at at time zone 'UTC')::date::text",
}
const failed = "outcome = 'failure' or outcome = 'denied' or outcome = 'error'"

/** Counted at once, by a statement that knows nothing of summaries and segments. */
async function fullCount({ organization, since, until, by = [] }: StatsOptions): Promise<unknown> {
  const organizations = typeof organization === "string" ? [organization] : (organization ?? null)
  const params = [organizations, since ?? null, until ?? null]
  const from = `from pgtrail.event where ($1::text[] is null or organization_id = any($1))
    and ($2::timestamptz is null or occurred_at >= $2) and ($3::timestamptz is null or occurred_at < $3)`
  const count = `count(*) as events, count(*) filter (where ${failed}) as failed, coalesce(sum(data_size_bytes), 0) as data_size_bytes`
  const [total] = await db.query(
    `select count(*) as total_events, count(*) filter (where ${failed}) as failed_operations, count(distinct actor_id) as unique_users,
       coalesce(sum(data_size_bytes), 0) as data_size_bytes ${from}`,
    params,
  )
  const types = await db.query(`select event_type, count(*) as events ${from} group by 1`, params)
  const grouped = []
  for (const one of by) {
    grouped.push({
      by: one,
      groups: await db.query(
        `select ${columns[one]} as value, ${count} ${from} group by 1 order by 1 nulls first`,
        params,
      ),
      rest: null,
    })
  }
  return {
    ...total,
    events_by_type: Object.fromEntries(types.map(({ event_type: type, events }) => [type, events])),
    grouped,
  }
}

/** In one order, and hours as the oracle writes them. */
function comparable({ source: _, ...stats }: Stats): unknown {
  const hour = (value: string | null) => value?.replace("T", " ").replace(/\.\d+Z/, "") ?? null
  const plain = stats.grouped.map(({ by, groups, rest }) => ({
    by,
    groups: groups
      .map((group) => (by === "hour" ? { ...group, value: hour(group.value) } : group))
      .sort(byValue),
    rest,
  }))
  return { ...stats, grouped: plain }
}
// As collation "C" sorts: bytes.
const byValue = (a: { value: string | null }, b: { value: string | null }) =>
  a.value === null ? -1 : b.value === null ? 1 : Buffer.compare(Buffer.from(a.value), Buffer.from(b.value))

const long = "x".repeat(5_000)
const times = [
  "now()",
  "now() - interval '1 day'",
  "now() - interval '3 days 7 hours'",
  "date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'",
  "(date_trunc('day', now() at time zone 'UTC') - interval '1 microsecond') at time zone 'UTC'",
  "now() - interval '400 days'",
  "'infinity'",
  "'-infinity'",
  "'294276-12-31 12:00Z'",
  "'0044-03-15 12:00Z BC'",
]

const organization = fc.constantFrom("a", "b", 'c"\\')
const insert = fc.record({
  organization,
  lanes: fc.integer({ min: 1, max: 3 }),
  count: fc.integer({ min: 1, max: 12 }),
  time: fc.constantFrom(...times),
  rollback: fc.boolean(),
})
const step = fc.oneof(
  { weight: 5, arbitrary: insert.map((one) => ({ insert: one })) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 60 }).map((most) => ({ refresh: most })) },
  { weight: 1, arbitrary: fc.constant({ refresh: 1_000_000 }) },
  {
    weight: 2,
    arbitrary: fc
      .record({ organization, part: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map((one) => ({ purge: one })),
  },
  { weight: 1, arbitrary: fc.constant({ rebuild: true }) },
)
const day = fc.integer({ min: -5, max: 2 }).map((days) => {
  const time = new Date(Date.now() + days * 86_400_000)
  return `${time.toISOString().slice(0, 10)}T00:00:00.000000Z`
})
const moment = fc.oneof(
  fc.constant(undefined),
  day,
  fc
    .integer({ min: -6 * 24 * 60, max: 60 })
    .map((minutes) => new Date(Date.now() + minutes * 60_000).toISOString()),
)
const question = fc.record({
  organization: fc.oneof(
    fc.constant(undefined),
    organization,
    fc.subarray(["a", "b", "nobody"], { minLength: 1 }),
  ),
  since: moment,
  until: moment,
  by: fc.oneof(
    { weight: 3, arbitrary: fc.subarray<Dimension>(["actor", "type", "outcome", "category", "day"]) },
    { weight: 1, arbitrary: fc.subarray<Dimension>([...dimensions]) },
  ),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function take(one: Step): Promise<void> {
  if ("insert" in one) {
    const { organization: name, lanes, count, time, rollback } = one.insert
    await withClients(db, lanes, async (client, index) => {
      await client.query("begin")
      await client.query(
        `insert into pgtrail.event (organization_id, event_type, category, outcome, actor_id, occurred_at, data_size_bytes, resource_type, resource_id)
         select $1, (array['login', '__proto__', '7', $3, 'a/b'])[1 + i % 5], (array[null, 'auth', ''])[1 + i % 3],
           (array['success', 'failure', 'denied', 'error', 'attempt'])[1 + i * 7 % 5], (array['u', null, '', 'v', $3])[1 + i * 3 % 5],
           ${time}, case when i % 4 > 0 then 9e18::bigint / i end, (array['doc', null])[1 + i % 2], (array['1', null, '2/3'])[1 + i % 3]
         from generate_series(1, $2::int) i`,
        [name, count, long],
      )
      await client.query(rollback && index === 0 ? "rollback" : "commit")
    })
  } else if ("refresh" in one) {
    const { missing } = await trail.refreshSummary({ maxEvents: one.refresh, batchSize: 17 })
    expect(missing).toBe("0")
  } else if ("purge" in one) {
    const { organization: name, part } = one.purge
    // The oldest places that are left of every lane, as retention takes them.
    await db.query(
      `select pgtrail.purge_events($1, array_agg(l.lane), array_agg(l.first), array_agg(l.first + trunc((l.last - l.first) * $2::float8)::bigint),
         array_agg(null::bytea), null, 'test')
       from (select e.lane, min(e.seq) as first, max(e.seq) as last from pgtrail.event e where e.organization_id = $1 group by 1) l
       having count(*) > 0`,
      [name, part],
    )
  } else {
    expect((await trail.rebuildSummary({ batchSize: 40 })).differences).toEqual([])
  }
}

test("after any inserts (late ones, in several lanes), refreshes and purges, any question is answered as by a full count", async () => {
  const answered = { summaries: 0, events: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, question), { minLength: 8, maxLength: 12 }), async (steps) => {
      for (const [one, asked] of steps) {
        await take(one)
        if (asked.since !== undefined && asked.until !== undefined && asked.since >= asked.until) continue
        const stats = await trail.stats({ ...asked, limit: Number.POSITIVE_INFINITY })
        answered[stats.source.counted] += 1
        expect(comparable(stats)).toEqual(await fullCount(asked))
      }
    }),
    // The log goes on from run to run: a failure is not made shorter.
    { numRuns: 4, endOnFailure: true },
  )
  expect(answered.summaries).toBeGreaterThan(3)
  expect(answered.events).toBeGreaterThan(3)
})

test("a filter that the summaries do not know is counted from the events, and says so", async () => {
  await take({ insert: { organization: "a", lanes: 1, count: 12, time: "now()", rollback: false } })
  await trail.refreshSummary()
  const one = await trail.stats({ actor: "v" })
  const [counted] = await db.query("select count(*) as n from pgtrail.event where actor_id = 'v'")
  expect(one).toMatchObject({ total_events: counted?.n, unique_users: "1", source: { counted: "events" } })
  const other = await trail.stats({ not: { organization: "a" } })
  const [rest] = await db.query("select count(*) as n from pgtrail.event where organization_id <> 'a'")
  expect(other).toMatchObject({ total_events: rest?.n, source: { counted: "summaries" } })
})

test("groups that the limit leaves out are one line; days are told in the order of time", async () => {
  await take({ insert: { organization: "a", lanes: 1, count: 5, time: "'infinity'", rollback: false } })
  const { grouped, total_events: total } = await trail.stats({ by: ["actor", "day"], limit: 2 })
  const [actors, days] = grouped
  for (const { groups, rest } of grouped) {
    expect(groups).toHaveLength(2)
    const sum = [...groups, rest].reduce((all, one) => all + BigInt(one?.events ?? 0), 0n)
    expect(String(sum)).toBe(total)
  }
  expect(BigInt(actors?.groups[0]?.events ?? 0)).toBeGreaterThanOrEqual(
    BigInt(actors?.groups[1]?.events ?? 0),
  )
  expect(days?.groups.at(-1)?.value).toBe("infinity")
})

test("--json has the four statistics of seed 001 by their names", async () => {
  const { stdout } = await runInProcess(["stats", "--org", "a", "--json"], { env: { PGTRAIL_URL: db.url } })
  const stats = await trail.stats({ organization: "a" })
  const names = ["total_events", "failed_operations", "unique_users", "events_by_type"] as const
  expect(JSON.parse(stdout)).toMatchObject(Object.fromEntries(names.map((name) => [name, stats[name]])))
})

test("a bound reader is told of his own organizations alone, counted from the events", async () => {
  const role = await db.role()
  await trail.grant({ role: role.name, right: "reader", organizations: ["b"] })
  const bound = await db.trail({ url: role.url })
  await take({ insert: { organization: "b", lanes: 2, count: 5, time: "now()", rollback: false } })
  const by: Dimension[] = ["actor", "resource"]
  const stats = await bound.stats({ by, limit: Number.POSITIVE_INFINITY })
  expect(comparable(stats)).toEqual(await fullCount({ organization: "b", by }))
  expect(stats.source.counted).toBe("events")
  expect(await bound.stats({ organization: "a" })).toMatchObject({ total_events: "0", unique_users: "0" })
  await expect(bound.summary()).rejects.toMatchObject({ code: "privilege" })
})

test("the text shows what is hostile in the data, and bars only where there is a terminal", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) select 'hostile', E'a\\x1b[2J\\u202e', 'x' from generate_series(1, 3)",
  )
  const stats = await trail.stats({ organization: "hostile", by: ["type"] })
  const text = describeStats(stats, 80)
  expect(text).toContain("a\\x1b[2J\\u202e")
  expect(text).toMatch(/█{10}/)
  expect(describeStats(stats)).not.toMatch(/█/)
  // With --limit all a list may have a million lines.
  const { data_size_bytes: bytes } = stats
  const long = Array.from({ length: 200_000 }, (_, at) => ({
    value: `u${at}`,
    events: "1",
    failed: "0",
    data_size_bytes: bytes,
  }))
  expect(describeStats({ ...stats, grouped: [{ by: "actor", groups: long, rest: null }] })).toContain(
    "u199999",
  )
})

test("no statement opens more than one partition, and none stays locked, whatever answers", async () => {
  const many = await testDatabase()
  await many.query(
    `select pgtrail.create_months(now() - interval '12 months', now());
     insert into pgtrail.event (event_type, actor_id, occurred_at) select 'a', 'u' || i, now() - i * interval '60 hours' from generate_series(1, 140) i`,
  )
  const its = await many.trail()
  await its.refreshSummary({ maxEvents: 100 })
  await many.query(
    "insert into pgtrail.summary_recount select organization_id, day, false from pgtrail.summary limit 30",
  )
  const locked: number[] = []
  const original = Client.prototype.query
  const spy = vi.spyOn(Client.prototype, "query").mockImplementation(async function (
    this: Client,
    ...given: unknown[]
  ) {
    const ask = (...asked: unknown[]) => Reflect.apply(original, this, asked)
    const answer = await ask(...given)
    if (typeof given[0] === "string" && given[0].startsWith("with picked")) {
      const { rows } = await ask(
        "select count(distinct relation) as n from pg_locks where pid = pg_backend_pid() and relation in (select inhrelid from pg_inherits where inhparent = 'pgtrail.event'::regclass)",
      )
      locked.push(Number(rows[0].n))
    }
    return answer
  } as never)
  const sources = []
  try {
    for (const asked of [{}, { category: "none" }, { since: "2020-01-01T12:00:00Z" }]) {
      sources.push((await its.stats(asked)).source.counted)
    }
  } finally {
    spy.mockRestore()
  }
  expect(sources).toEqual(["summaries", "events", "summaries"])
  expect(locked.length).toBeGreaterThan(25)
  expect(Math.max(...locked)).toBe(1)
  const twenty = await Promise.all(Array.from({ length: 20 }, () => its.stats({ by: ["hour"] })))
  expect(new Set(twenty.map((stats) => stats.total_events))).toEqual(new Set(["140"]))
  await many.drop()
})

test("different keys are counted once each, however many there are", () => {
  // The library's statements make such keys.
  const distinct = new Distinct()
  const key = (n: number) => createHash("sha256").update(String(n)).digest("hex").slice(0, 32)
  for (let n = 1; n <= 20_000; n += 1) distinct.add(key(n) + key((n % 100) + 1))
  expect(distinct.size).toBe(20_000)
  const again = new Distinct()
  again.add(distinct.hex())
  expect(again.size).toBe(20_000)
})
