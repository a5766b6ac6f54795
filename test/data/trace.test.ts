// One id followed through the log: which kind it is of, in which order, and how long each step took.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { gapWords, type TraceEvent, type TraceOptions } from "../../src/data/investigate/trace.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2026-01-01', '2026-04-01')")
  await db.query(`insert into pgtrail.event (organization_id, event_type, request_id, correlation_id, session_id, occurred_at) values
    ('acme', 'third', 'x', null, null, '2026-03-01 00:00:00.000002Z'), ('globex', 'first', 'x', 'x', null, '2026-01-31 23:59:59.999999Z'),
    ('acme', 'second', 'x', null, 'x', '2026-02-01Z'), ('acme', 'linked', null, 'x', 'x', '2020-01-01Z'), ('acme', 'linked', 'other', 'x', null, '2026-01-01Z'),
    ('acme', 'began', null, null, 'x', '-infinity'), ('acme', 'ended', null, null, 'x', 'infinity'), ('acme', 'not', 'X', 'x ', 'x%', '2026-01-01Z')`)
})
afterAll(() => db.drop())

async function traced(
  id: string,
  options: TraceOptions = {},
  from = trail,
): Promise<{ events: TraceEvent[]; more: readonly string[] }> {
  const found = await from.trace(id, options)
  const events: TraceEvent[] = []
  for await (const event of found) events.push(event)
  return { events, more: found.more }
}
const briefly = (events: readonly TraceEvent[]) =>
  events.map(({ matched, gap, row }) => [matched, row.event_type, gap])

test("the events of an id are grouped by what it is of, oldest first, over organizations, each once, with the time between them", async () => {
  const { events, more } = await traced("x")
  expect(briefly(events)).toEqual([
    ["request", "first", null],
    ["request", "second", "1"],
    ["request", "third", String(28n * 86_400_000_000n + 2n)],
    ["correlation", "linked", null],
    ["correlation", "linked", String(2192n * 86_400_000_000n)],
    ["session", "began", null],
    ["session", "ended", null],
  ])
  expect(more).toEqual([])
  expect(events[0]?.row).toMatchObject({
    organization_id: "globex",
    occurred_at: "2026-01-31T23:59:59.999999Z",
  })
})

test("the limit is that of each kind, and what it leaves out is said; a period and an organization are kept", async () => {
  const { events, more } = await traced("x", { limit: 1 })
  expect(events.map(({ row }) => row.event_type)).toEqual(["first", "linked", "began"])
  expect(more).toEqual(["request", "correlation", "session"])
  const { events: few } = await traced("x", {
    organization: "acme",
    since: "2026-01-15T00:00:00Z",
    until: "2026-02-15T00:00:00Z",
    columns: ["event_type"],
  })
  expect(few).toEqual([
    {
      matched: "request",
      gap: null,
      row: { event_type: "second", occurred_at: "2026-02-01T00:00:00.000000Z" },
    },
  ])
  expect((await traced("'; drop schema pgtrail; --")).events).toEqual([])
})

test("a reader of one organization follows an id through his own alone", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  const { events } = await traced("x", {}, await db.trail({ url: role.url }))
  expect(briefly(events)).toEqual([["request", "first", null]])
})

test.each([
  ["0", "+0.000000s"],
  ["1500000", "+1.500000s"],
  ["123000000", "+2m 3s"],
  ["7380000000", "+2h 3m"],
  ["97200000000", "+1d 3h"],
])("a gap of %s reads %j", (gap, words) => {
  expect(gapWords(gap)).toBe(words)
})
