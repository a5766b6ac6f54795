// The walk over the partitions gives what one plain statement over all of them gives, in the same order, and opens few at once.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventColumns } from "../../src/data/event-columns.js"
import type { EventQuery, EventRow, Trail } from "../../src/data/index.js"
import { segments } from "../../src/data/query/segments.js"
import { segmentQuery } from "../../src/data/query/statement.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { askedOf } from "./asked.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  // Twelve months with half a year between them that has no partition: DEFAULT holds events before, between and after.
  await db.query(
    "select pgtrail.create_months('2017-01-01Z', '2017-06-30Z'), pgtrail.create_months('2018-01-01Z', '2018-06-30Z')",
  )
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, resource_type, resource_id, severity, outcome)
     select 'org' || i % 3, timestamptz '2016-07-01Z' + (i * 7919 % 910) * interval '1 day' + i % 2 * interval '1 microsecond',
       (array['auth.login', 'auth.logout', 'data.read', 'a_b', 'a%b'])[1 + i % 5], 'user' || i % 11, 'file', 'f/' || i % 13,
       (array['info', 'warning', 'critical'])[1 + i % 3], (array['success', 'denied'])[1 + i % 2]
     from generate_series(1, 3000) i`,
  )
  await db.query(
    `insert into pgtrail.event (occurred_at, event_type)
     values ('infinity', 'edge'), ('-infinity', 'edge'), ('0044-03-15Z BC', 'edge'), ('294000-01-01Z', 'edge'), ('2017-10-01Z', 'edge')`,
  )
  // More events of one moment than one portion has.
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select 'moment' || i % 2, '2018-05-05Z', 'moment' from generate_series(1, 1500) i`,
  )
  await db.query("analyze pgtrail.event")
})
afterAll(() => db.drop())

const place = (row: EventRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

async function read(query: EventQuery): Promise<{ places: string[]; more: boolean }> {
  const events = await trail.query(query)
  const places: string[] = []
  for await (const row of events) places.push(place(row))
  return { places, more: events.more }
}

async function plain(where: string): Promise<string[]> {
  const rows = await db.query(
    `select organization_id, lane, seq from pgtrail.event where ${where} order by occurred_at desc, organization_id, lane, seq desc`,
  )
  return rows.map(place)
}

const filters: [where: string, query: EventQuery][] = [
  ["true", {}],
  ["organization_id = 'org1'", { organization: "org1" }],
  ["event_type like 'auth.%'", { type: "auth.*" }],
  ["event_type = 'auth.login'", { type: "auth.login" }],
  ["event_type = 'a_b'", { type: "a_?" }],
  ["event_type = 'a%b'", { type: "*%b" }],
  ["event_type in ('a_b', 'a%b')", { type: "a?b" }],
  ["actor_id = 'user3'", { actor: "user3" }],
  ["resource_type = 'file'", { resource: "file" }],
  ["resource_type = 'file' and resource_id = 'f/7'", { resource: "file/f/7" }],
  ["severity = 'critical'", { severity: "critical" }],
  ["outcome = 'denied'", { outcome: "denied" }],
  [
    "organization_id = 'org2' and actor_id = 'user5' and outcome = 'success' and event_type like 'auth.%'",
    { organization: "org2", actor: "user5", outcome: "success", type: "auth.*" },
  ],
  [
    "occurred_at >= '2017-05-10Z' and occurred_at < '2018-01-01T00:00:00.000001Z'",
    { since: "2017-05-10T00:00:00Z", until: "2018-01-01T00:00:00.000001Z" },
  ],
  ["occurred_at >= '2018-06-30Z'", { since: "2018-06-30T00:00:00Z" }],
  ["occurred_at < '2017-01-02Z'", { until: "2017-01-02T00:00:00Z" }],
  ["event_type = 'edge'", { type: "edge" }],
  ["event_type = 'moment'", { type: "moment" }],
  ["false", { organization: "nobody" }],
]

describe("the order is that of one statement over all partitions", () => {
  test.each(filters)("%s", async (where, query) => {
    const all = await plain(where)
    expect(await read(query)).toEqual({ places: all, more: false })
    for (const limit of [1, 7, 199, 200, 350]) {
      const page = await read({ ...query, limit })
      expect(page).toEqual({ places: all.slice(0, limit), more: all.length > limit })
    }
    if (where !== "false") expect(all.length).toBeGreaterThan(0)
  })

  test("a limit of 0 tells only whether there are events", async () => {
    expect(await read({ limit: 0 })).toEqual({ places: [], more: true })
    expect(await read({ organization: "nobody", limit: 0 })).toEqual({ places: [], more: false })
  })
})

test("no statement about a segment opens more than one partition", async () => {
  const client = await db.client()
  await client.query("set search_path = pg_catalog")
  const walk = await segments(client, {})
  // Twelve months; those of the template are empty. DEFAULT has what lies before, after, and in the two gaps between.
  expect(walk.length).toBe(12 + 4)
  for (const segment of walk) {
    const { sql, params } = segmentQuery({}, segment, 101)
    await client.query("begin")
    await client.query(sql, params)
    const { rows } = await client.query(
      `select count(*) filter (where c.relkind = 'r' and c.relispartition) as partitions, count(*) as relations
       from pg_locks l join pg_class c on c.oid = l.relation and c.relnamespace = 'pgtrail'::regnamespace
       where l.pid = pg_backend_pid()`,
    )
    await client.query("commit")
    expect(rows[0].partitions).toBe("1")
    expect(Number(rows[0].relations)).toBeLessThan(30)
  }
  await client.end()
})

test("a page of the newest events asks two partitions at most", async () => {
  const asked = await askedOf(() =>
    read({ limit: 40, since: "2018-05-01T00:00:00Z", until: "2018-07-01T00:00:00Z" }),
  )
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.length).toBeLessThanOrEqual(2)
})

test("between two portions no lock is held, so that a slow reader stops nobody", async () => {
  const all = await plain("true")
  const events = await trail.query({ columns: ["organization_id", "lane", "seq"] })
  const seen: EventRow[] = []
  for await (const row of events) {
    seen.push(row)
    // Needs ACCESS EXCLUSIVE on pgtrail.event, and would wait for ever behind a cursor.
    if (seen.length === 500) await db.query("select pgtrail.create_months('2030-01-01Z', '2030-01-01Z')")
  }
  expect(seen.map(place)).toEqual(all)
})

test("an iteration that is left early leaves no connection, and another one begins anew", async () => {
  const events = await trail.query({ limit: 1000 })
  const first: string[] = []
  for (let round = 0; round < 2; round += 1) {
    for await (const row of events) {
      first.push(place(row))
      break
    }
  }
  expect(first[0]).toBe(first[1])
})

test("a signal stops the walk and cuts the connection", async () => {
  const stop = new AbortController()
  const events = await trail.query({ signal: stop.signal })
  const walk = async () => {
    for await (const _ of events) stop.abort(new Error("stopped"))
  }
  await expect(walk()).rejects.toThrow("stopped")
})

test("every column is read, and only those that are asked for", async () => {
  for await (const row of await trail.query({ limit: 1 })) expect(Object.keys(row)).toEqual(eventColumns)
  const two = await trail.query({ limit: 1, columns: ["seq", "tags", "seq"] })
  for await (const row of two) expect(Object.keys(row)).toEqual(["seq", "tags"])
})

test("a word that is not in the list is refused", async () => {
  const query = JSON.parse('{"severity":"\' or true --"}')
  await expect(read(query)).rejects.toMatchObject({ code: "usage" })
})
