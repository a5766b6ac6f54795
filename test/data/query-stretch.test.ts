// Over many partitions a walk asks few statements, each of few partitions, and gives what one statement over all of them gives.
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { EventQuery, EventRow, Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { type Asked, askedOf } from "./asked.js"

const months = 24
/** Each partition and the indexes on it, and the same of pgtrail.event. */
const mostLocks = 108
const id = "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"

let db: TestDatabase
let trail: Trail
let bound: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2016-01-01Z', '2017-12-31Z')")
  // 1000 days, which begin and end outside the months; one resource has one event in all.
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, resource_type, resource_id)
     select 'org' || i % 3, timestamptz '2015-09-01Z' + i * interval '2 hours', 'type' || i % 5, 'user' || i % 7, 'file', 'f' || i % 501
     from generate_series(1, 12000) i`,
  )
  await db.query(
    `insert into pgtrail.event (id, organization_id, occurred_at, event_type, actor_id, resource_type, resource_id) values
     ($1, 'org1', '2016-03-03Z', 'once', 'rare', 'file', 'once'), (gen_random_uuid(), 'org2', 'infinity', 'edge', null, null, null),
     (gen_random_uuid(), 'org2', 'infinity', 'edge', null, null, null), (gen_random_uuid(), 'org1', '-infinity', 'edge', null, null, null),
     (gen_random_uuid(), 'org1', '-infinity', 'edge', null, null, null), (gen_random_uuid(), 'org0', '0044-03-15Z BC', 'edge', null, null, null)`,
    [id],
  )
  await db.query("analyze pgtrail.event")
  bound = await db.role()
  await trail.grant({ right: "reader", role: bound.name, organizations: ["org1"] })
})
afterAll(() => db.drop())

const place = (row: EventRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

async function read(query: EventQuery, from = trail) {
  const events = await from.query(query)
  const places: string[] = []
  for await (const row of events) places.push(place(row))
  return { places, next: events.next ?? undefined }
}

async function history(resource: string, organization = "org1"): Promise<number> {
  let events = 0
  for await (const _ of await trail.resource(resource, { organization })) events += 1
  return events
}

/** What a statement locks of the log. */
async function opened({ text, values }: Asked): Promise<{ partitions: number; relations: number }> {
  const client = await db.client()
  await client.query("set search_path = pg_catalog, pg_temp; begin")
  await client.query(text, [...values])
  const { rows } = await client.query<{ partitions: string; relations: string }>(
    `select count(*) filter (where c.relkind = 'r' and c.relispartition) as partitions, count(*) as relations
     from pg_locks l join pg_class c on c.oid = l.relation and c.relnamespace = 'pgtrail'::regnamespace
     where l.pid = pg_backend_pid()`,
  )
  await client.end()
  return { partitions: Number(rows[0]?.partitions), relations: Number(rows[0]?.relations) }
}

describe(`over ${months} partitions, and DEFAULT before, after and between them`, () => {
  // DEFAULT alone: after the months made in advance, between them and the others, and before all.
  const statements = 3 + Math.ceil(months / 8)

  test("a resource's history takes a statement for eight partitions", async () => {
    for (const [resource, count] of [
      ["file/once", 1],
      ["file/f7", 24],
      ["file/none", 0],
    ] as const) {
      let events = 0
      const asked = await askedOf(async () => {
        events = await history(resource)
      })
      expect(events).toBe(count)
      expect(asked.length).toBeGreaterThan(1)
      expect(asked.length).toBeLessThanOrEqual(statements)
    }
  })

  test("an event is found by its id, and by its place, with a statement for eight partitions and one for the event", async () => {
    for (const work of [
      async () => expect((await trail.eventsWithId(id)).length).toBe(1),
      async () => {
        const [row] = await db.query("select organization_id, lane, seq from pgtrail.event where id = $1", [
          id,
        ])
        const at = { organization: row?.organization_id ?? "", lane: row?.lane ?? "", seq: row?.seq ?? "" }
        // Events that stand next to it in the chain lie in two other segments.
        expect((await trail.show(at)).event.id).toBe(id)
      },
    ]) {
      const asked = (await askedOf(work)).filter(({ text }) => / e where e\./.test(text))
      expect(asked.length).toBeGreaterThan(1)
      expect(asked.length).toBeLessThanOrEqual(statements + 3)
    }
  })

  test(`no statement of a walk opens more than eight partitions, or takes more than ${mostLocks} locks of the log`, async () => {
    const asked = await askedOf(async () => {
      await history("file/once")
      await history("file/f7", "org0")
      await trail.eventsWithId(id)
      await read({ actor: "nobody" })
      await read({ organization: "org2", type: "edge", order: "oldest" })
      await read({ limit: 100 })
    })
    const seen = await Promise.all(asked.map(opened))
    expect(Math.max(...seen.map(({ partitions }) => partitions))).toBe(8)
    expect(Math.min(...seen.map(({ partitions }) => partitions))).toBe(1)
    expect(Math.max(...seen.map(({ relations }) => relations))).toBeLessThanOrEqual(mostLocks)
  })

  test("a first page that fills opens one partition", async () => {
    const asked = await askedOf(() =>
      read({ organization: "org1", since: "2016-01-01T00:00:00Z", until: "2018-01-01T00:00:00Z", limit: 50 }),
    )
    expect(await Promise.all(asked.map(opened))).toMatchObject([{ partitions: 1 }])
  })

  test("a reader of one organization gets the same by views, and eight partitions are asked by index", async () => {
    const his = await db.trail({ url: bound.url })
    for (const query of [{ resource: "file/once" }, { actor: "user3", limit: 300 }, { type: "edge" }, {}]) {
      expect((await read(query, his)).places).toEqual((await read({ ...query, organization: "org1" })).places)
    }
  })
})

test("a walk gives what one statement over all partitions gives, page by page, from either end, whatever is asked", async () => {
  const time = fc
    .integer({ min: Date.parse("2015-06-01Z"), max: Date.parse("2018-09-01Z") })
    .map((at) => new Date(at).toISOString())
  const question = fc.record(
    {
      organization: fc.constantFrom("org0", "org1", "org2"),
      actor: fc.constantFrom("user3", "rare"),
      type: fc.constantFrom("type1", "edge", "once"),
      since: time,
      until: time,
    },
    { requiredKeys: [] },
  )
  const columns = { organization: "organization_id", actor: "actor_id", type: "event_type" } as const
  await fc.assert(
    fc.asyncProperty(
      question,
      fc.constantFrom("newest" as const, "oldest" as const),
      fc.integer({ min: 1, max: 3000 }),
      async (asked, order, limit) => {
        const { since, until } = asked
        fc.pre(since === undefined || until === undefined || since < until)
        const values: string[] = []
        const where = [
          ...Object.entries(columns).map(([name, column]) => [
            `${column} =`,
            asked[name as keyof typeof columns],
          ]),
          ["occurred_at >=", since],
          ["occurred_at <", until],
        ].flatMap(([comparison, value]) =>
          value === undefined ? [] : [`${comparison} $${values.push(value)}`],
        )
        const [time, seq] = order === "newest" ? ["desc", "desc"] : ["asc", "asc"]
        const all = await db.query(
          `select organization_id, lane, seq from pgtrail.event where ${["true", ...where].join(" and ")}
           order by occurred_at ${time}, organization_id, lane, seq ${seq}`,
          values,
        )
        const wanted = all.map(place)
        const paged: string[] = []
        let after: string | undefined
        // So many pages that each begins somewhere else; then the rest.
        for (let pages = 0; pages === 0 || after !== undefined; pages += 1) {
          const { places, next } = await read({ ...asked, order, after, limit: pages < 3 ? limit : 100_000 })
          paged.push(...places)
          after = next
        }
        expect(paged).toEqual(wanted)
      },
    ),
    { numRuns: 20 },
  )
})

test("a partition that is made, detached or filled while a walk is under way loses no other event", async () => {
  const own = await testDatabase()
  try {
    const his = await own.trail()
    await own.query("select pgtrail.create_months('2016-01-01Z', '2016-12-31Z')")
    await own.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type)
       select 'a', timestamptz '2015-12-20Z' + i * interval '10 days', 'x' from generate_series(0, 38) i`,
    )
    await own.query("analyze pgtrail.event")
    const all = (
      await own.query(
        "select organization_id, lane, seq, tableoid::regclass::text as at from pgtrail.event order by occurred_at desc",
      )
    ).map((row) => ({ place: place(row), at: row.at ?? "" }))
    const seen: string[] = []
    for await (const row of await his.query({ organization: "a" })) {
      seen.push(place(row))
      if (seen.length !== 1) continue
      await own.query("alter table pgtrail.event detach partition pgtrail.event_2016_05")
      await own.query("select pgtrail.create_months('2017-02-01Z', '2017-02-01Z')")
      await own.query(
        "insert into pgtrail.event (organization_id, occurred_at, event_type) values ('a', '2016-02-02Z', 'late')",
      )
    }
    const stays = all.filter(({ at }) => !at.endsWith("event_2016_05")).map((one) => one.place)
    expect(stays.length).toBeLessThan(all.length)
    expect(seen.filter((one) => all.some((known) => known.place === one))).toEqual(stays)
    expect(seen.length).toBe(stays.length + 1)
  } finally {
    await own.drop()
  }
})
