// What a restriction hides is hidden by the views of profiles as pgtrail.open_event hides it, without a look at each event, and from whom.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Identifier, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'; create schema governance")
  await trail.installProfile("memoric")
  await trail.installProfile("agenttrace")
  await trail.addSubjectRule({ kind: "resource", resourceType: "patient" })
  await trail.addSubjectRule({ kind: "path", path: ["details", "owner", "id"] })
  await trail.addSubjectRule({ kind: "path", path: ["details", "members", "*", "id"] })
  const rows = Object.entries(hidden).map(([, { event }]) => event)
  for (const [place, columns] of [...rows, ...shown].entries()) {
    const event = {
      organization_id: "default",
      event_type: "x",
      source: "memoric",
      external_number: String(place),
      ...columns,
    }
    await db.query(
      `insert into pgtrail.event (${Object.keys(event).join(", ")}) values (${Object.keys(event).map((_, at) => `$${at + 1}`)})`,
      Object.values(event),
    )
  }
})
afterAll(() => db.drop())

/** By kind of restriction, an event that it hides. */
const hidden: Readonly<Record<string, { event: Record<string, string>; given: Identifier }>> = {
  id: { event: { actor_id: "ada" }, given: { kind: "id", value: "ada" } },
  "id of a resource": {
    event: { resource_type: "patient", resource_id: "p-1" },
    given: { kind: "id", value: "p-1" },
  },
  email: { event: { actor_email: "Bob@Example.org" }, given: { kind: "email", value: "bob@example.org" } },
  name: { event: { actor_name: "Carol C." }, given: { kind: "name", value: "Carol C." } },
  ip: { event: { ip_address: "203.0.113.9" }, given: { kind: "ip", value: "203.0.113.9" } },
  device: { event: { device_id: "kiosk-7" }, given: { kind: "device", value: "kiosk-7" } },
  session: { event: { session_id: "s-9" }, given: { kind: "session", value: "s-9" } },
  resource: {
    event: { resource_type: "memory", resource_id: "m/1" },
    given: { kind: "resource", value: "memory/m/1" },
  },
  "a path": { event: { details: '{"owner": {"id": "Dora"}}' }, given: { kind: "id", value: "Dora" } },
  "a path with a star": {
    event: { details: '{"members": [{"id": "x"}, {"id": "Eve"}]}' },
    given: { kind: "id", value: "Eve" },
  },
}
/** The same values where no restriction looks for them. */
const shown: readonly Record<string, string>[] = [
  { actor_name: "ada" },
  { actor_id: "ADA" },
  { resource_type: "memory", resource_id: "p-1" },
  { session_id: "203.0.113.9" },
  { details: '{"members": {"x": "eve"}, "owner": "Dora"}' },
  { actor_id: "nobody", details: '{"a": 1}' },
]

const ids = async () => (await db.query("select id::text from audit_logs order by 1")).map(({ id }) => id)

test.each(Object.keys(hidden))("a restriction by %s hides its event, and no other", async (kind) => {
  const before = await ids()
  const { given } = hidden[kind] as (typeof hidden)[string]
  const { act } = await trail.restrictSubject([given], { reason: "r", requestedBy: "w" })
  const after = await ids()
  expect(after).toEqual(
    (
      await db.query(
        "select external_number::text as id from pgtrail.open_event where source = 'memoric' order by 1",
      )
    ).map(({ id }) => id),
  )
  expect(after).toEqual(before.filter((id) => id !== String(Object.keys(hidden).indexOf(kind))))
  await trail.unrestrictSubject({ act: act ?? "" }, { reason: "r", requestedBy: "w" })
  expect(await ids()).toEqual(before)
})

test("with a restriction in force an event that has none of its values is not looked up", async () => {
  const { act } = await trail.restrictSubject([{ kind: "id", value: "ada" }], {
    reason: "r",
    requestedBy: "w",
  })
  const calls = async () =>
    Number(
      (
        await db.query(
          "select coalesce(sum(pg_stat_get_xact_function_calls(oid)), 0) as calls from pg_proc where proname = 'pgtrail_memoric_visible'",
        )
      )[0]?.calls,
    )
  await db.query("set track_functions = 'all'; begin")
  await db.query("select * from audit_logs")
  // The event of ada, and those that have the word as something else.
  expect(await calls()).toBe(2)
  await db.query("rollback")
  await trail.unrestrictSubject({ act: act ?? "" }, { reason: "r", requestedBy: "w" })
})

test("pgtrail_privacy is shown what others are not, by every view of the events, also behind set role", async () => {
  const { act } = await trail.restrictSubject([{ kind: "id", value: "ada" }], {
    reason: "r",
    requestedBy: "w",
  })
  const [officer, reader] = [await db.role({ memberOf: ["pgtrail_privacy"] }), await db.role()]
  await trail.installProfile("memoric", { readers: [officer.name, reader.name] })
  const read = "select count(*) filter (where user_id = 'ada') as count from audit_logs"
  for (const [role, count] of [
    [officer, "1"],
    [reader, "0"],
  ] as const) {
    const client = await role.client()
    expect((await client.query(read)).rows).toEqual([{ count }])
    await client.end()
    await db.asRole(role.name, async (asked) => {
      expect((await asked.query(read)).rows).toEqual([{ count }])
    })
  }
  await trail.unrestrictSubject({ act: act ?? "" }, { reason: "r", requestedBy: "w" })
})
