// What is told of organizations: exact counts, the edges of their time, who reads them, what was purged, and to whom.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf as failure } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at)
     select 'acme', 'doc.' || i % 12, 'user' || i % 5, now() - i * interval '1 minute' from generate_series(1, 60) i
     union all values ('acme', 'old', 'ghost', timestamptz '1999-05-05 01:02:03.456789Z'),
       ('globex', 'x', null, timestamptz '2001-01-01Z'), ('globex', 'x', null, '2999-01-01Z'),
       ('bygone', 'x', null, '2005-01-01Z'), ('bygone', 'y', null, '2005-01-02Z')`,
  )
})
afterAll(() => db.drop())

test("each has its lanes, its events, and its first and newest event, wherever they lie", async () => {
  const { organizations, more } = await trail.organizations()
  expect(more).toBe(0)
  expect(organizations).toMatchObject([
    {
      organization_id: "acme",
      lanes: "1",
      events: "61",
      purged: "0",
      first_event: "1999-05-05T01:02:03.456789Z",
      readers: [],
    },
    {
      organization_id: "bygone",
      first_event: "2005-01-01T00:00:00.000000Z",
      newest_event: "2005-01-02T00:00:00.000000Z",
    },
    {
      organization_id: "globex",
      first_event: "2001-01-01T00:00:00.000000Z",
      newest_event: "2999-01-01T00:00:00.000000Z",
    },
  ])
  const [newest] = await db.query(
    "select to_char(max(occurred_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at from pgtrail.event where organization_id = 'acme'",
  )
  expect(organizations[0]?.newest_event).toBe(newest?.at)
  expect(await trail.organizations({ limit: 1 })).toMatchObject({
    organizations: [{ organization_id: "acme" }],
    more: 2,
  })
})

test("one is shown with its heads, and with what it did in the last 30 days", async () => {
  const shown = await trail.organization("acme")
  const [head] = await db.query(
    "select lane, seq, encode(hash, 'hex') as hash from pgtrail.chain_head where organization_id = 'acme' order by seq desc limit 1",
  )
  expect(shown.heads).toEqual([head])
  expect(shown.recent).toMatchObject({ events: "60", all: true, actors: "5" })
  expect(shown.recent?.event_types.length).toBe(10)
  expect(shown.recent?.event_types[0]).toEqual({ event_type: "doc.0", events: "5" })
  expect((await trail.organization("globex")).recent).toMatchObject({ events: "0", event_types: [] })
})

test("what was purged stays counted, with its act", async () => {
  await trail.purgeOrganization("bygone", { reason: "contract ended", confirm: "bygone" })
  const { organizations } = await trail.organizations()
  expect(organizations.find((one) => one.organization_id === "bygone")).toMatchObject({
    events: "2",
    purged: "2",
    first_event: null,
    newest_event: null,
  })
  const [act] = await db.query("select seq from pgtrail.act where kind = 'purge'")
  expect((await trail.organization("bygone")).purges).toMatchObject([
    { act: act?.seq, events: "2", lanes: "1", oldest_event: "2005-01-01T00:00:00.000000Z" },
  ])
})

test("a bound reader is told of his own alone, and cannot tell another from one that is not there", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  const own = await db.trail({ url: role.url })
  expect(await own.organizations()).toMatchObject({
    organizations: [
      {
        organization_id: "globex",
        lanes: "1",
        events: "2",
        newest_event: "2999-01-01T00:00:00.000000Z",
        purged: null,
        readers: null,
      },
    ],
    more: 0,
  })
  expect(await own.organization("globex")).toMatchObject({ heads: [{ lane: "0", seq: "2" }], purges: null })
  for (const name of ["acme", "acm", "nobody"]) {
    expect(await failure(own.organization(name))).toMatchObject({
      code: "not-found",
      message: `there is no organization ${JSON.stringify(name)} in this log`,
      hint: "pgtrail organization list",
    })
  }
  const [listed] = (await trail.organizations()).organizations.filter(
    (one) => one.organization_id === "globex",
  )
  expect(listed?.readers).toEqual([role.name])
})

test.each([
  ["pgtrail_operator", { first_event: null, recent: null }],
  ["pgtrail_reader", { first_event: "1999-05-05T01:02:03.456789Z" }],
  ["pgtrail_auditor", { first_event: "1999-05-05T01:02:03.456789Z", purges: [] }],
])("%s is told what it may read, and the rest is null", async (group, expected) => {
  const role = await db.role({ memberOf: [group] })
  const own = await db.trail({ url: role.url })
  expect((await own.organizations()).organizations.length).toBe(3)
  expect(await own.organization("acme")).toMatchObject({ events: "61", ...expected })
})

test("who may read no heads is told which right that takes", async () => {
  const role = await db.role({ memberOf: ["pgtrail_writer"] })
  const error = await failure((await db.trail({ url: role.url })).organizations())
  expect(error).toMatchObject({ code: "privilege", message: "this role may not read the heads of the log" })
})
