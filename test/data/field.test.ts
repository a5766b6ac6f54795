// The columns of an event, the filters that ask for them, and the values that they have.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type EventColumn, eventColumns } from "../../src/data/event-columns.js"
import type { Trail } from "../../src/data/index.js"
import { criterionNames, flagOf, readCriterion } from "../../src/data/query/criteria.js"
import { wholeLog } from "../../src/data/query/source.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(`insert into pgtrail.event (organization_id, event_type, outcome, actor_id, tags, status_code, ip_address, occurred_at)
    select case when i % 3 = 0 then 'globex' else 'acme' end, 'type.' || i % 4, case when i % 6 = 0 then 'denied' else 'success' end, 'u' || i % 10,
      case when i % 2 = 0 then array['even', 'x' || i % 4] when i % 5 = 0 then '{}'::text[] end, 200 + i % 2, '10.0.0.1', timestamptz '2026-01-01Z' + i * interval '6 hours'
    from generate_series(1, 120) i`)
})
afterAll(() => db.drop())

test("every column is told with its type, its group and what it is, and with every filter that looks at it", async () => {
  const fields = await trail.fields()
  expect(fields.map(({ name }) => name)).toEqual(eventColumns)
  expect(fields.filter(({ meaning }) => meaning === null)).toEqual([])
  expect(new Set(fields.map(({ group }) => group))).toEqual(
    new Set(["frame", "identity", "content", "chain"]),
  )
  const examples: Partial<Record<string, string>> = {
    ...{ severity: "info", outcome: "success", ip: "10.0.0.1", statusCode: "404", classification: "PHI" },
    ...{ resource: "file/1", at: "acme/0/1", where: "$.a == 1" },
  }
  const looksAt = new Map<EventColumn, string[]>(eventColumns.map((name) => [name, []]))
  for (const name of criterionNames) {
    const text =
      readCriterion(
        name,
        examples[name] ?? "x",
      )?.(wholeLog)
        .parts.filter((part) => typeof part === "string")
        .join("") ?? ""
    for (const column of eventColumns) {
      if (new RegExp(`pgtrail\\.event\\.${column}\\b`).test(text)) looksAt.get(column)?.push(flagOf(name))
    }
  }
  for (const { name, filters } of fields) {
    if (name !== "occurred_at") expect([name, [...filters].sort()]).toEqual([name, looksAt.get(name)?.sort()])
  }
})

test("values are counted, the most frequent first, in the period and under the filters that were given", async () => {
  const all = await trail.fieldValues("event_type", {
    since: "2026-01-01T00:00:00Z",
    until: "2026-03-01T00:00:00Z",
    limit: 2,
  })
  expect(all).toMatchObject({
    groups: "4",
    events: "120",
    rows: [
      { event_type: "type.0", events: "30", failed: "10" },
      { event_type: "type.1", failed: "0" },
    ],
  })
  const some = await trail.fieldValues("actor_id", { organization: "acme", outcome: "denied" })
  expect(some).toEqual({ groups: "0", events: "0", rows: [] })
  const byHand =
    await db.query(`select actor_id, count(*) as events from pgtrail.event where organization_id = 'acme' and event_type like 'type.1%'
    and occurred_at < '2026-01-20Z' group by 1 order by 2 desc, 1`)
  const { rows } = await trail.fieldValues("actor_id", {
    organization: ["acme"],
    type: "type.1*",
    until: "2026-01-20T00:00:00Z",
  })
  expect(rows.map(({ actor_id, events }) => ({ actor_id, events }))).toEqual(byHand)
})

test("of an array each element is a value, and an event without any is not counted", async () => {
  const { rows, events } = await trail.fieldValues("tags")
  expect(rows.map(({ tags, events: count }) => `${tags} ${count}`)).toEqual(["even 60", "x0 30", "x2 30"])
  expect(events).toBe("120")
})

test("numbers and addresses are told as text, and what differs in every event is refused", async () => {
  expect((await trail.fieldValues("status_code")).rows.map(({ status_code }) => status_code)).toEqual([
    "200",
    "201",
  ])
  expect((await trail.fieldValues("ip_address")).rows).toMatchObject([
    { ip_address: "10.0.0.1", events: "120" },
  ])
  for (const column of ["details", "occurred_at", "hash", "seq", "id"] as const) {
    expect((await failureOf(trail.fieldValues(column))).code).toBe("usage")
  }
})

test("a reader of one organization is told of its values alone", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  const his = await db.trail({ url: role.url })
  expect((await his.fieldValues("organization_id")).rows).toMatchObject([
    { organization_id: "globex", events: "40" },
  ])
  expect((await his.fieldValues("tags", { organization: "acme" })).rows).toEqual([])
  expect((await his.fields()).length).toBe(eventColumns.length)
})
