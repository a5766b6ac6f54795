// One event and its place: what fits is said to verify, what was tampered with is not, and nothing is claimed that was not looked at.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { ShownEvent, Trail } from "../../src/data/index.js"
import { describeEvent, indentJson } from "../../src/data/query/describe.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, details, tags)
     select 'a/b', timestamptz '2026-11-01Z' + i * 29 * interval '1 day', 'step.' || i, 'ann', '{"n": 1.10}', array[null, 'x']
     from generate_series(1, 5) i`,
  )
})
afterAll(() => db.drop())

const show = (seq: string, organization = "a/b"): Promise<ShownEvent> =>
  trail.show({ organization, lane: "0", seq })

/** As a superuser who means it, and undone afterwards. */
async function tampered<T>(sql: string, work: () => Promise<T>): Promise<T> {
  await db.query("create table if not exists public.saved as select * from pgtrail.event")
  await db.query("create table if not exists public.saved_head as select * from pgtrail.chain_head")
  const quiet = (statement: string) =>
    db.query(`set session_replication_role = replica; ${statement}; reset session_replication_role`)
  await quiet(sql)
  try {
    return await work()
  } finally {
    await quiet("delete from pgtrail.event; insert into pgtrail.event select * from public.saved")
    await quiet(
      "delete from pgtrail.chain_head; insert into pgtrail.chain_head select * from public.saved_head",
    )
  }
}

test("an event in the middle, with its neighbours in other partitions", async () => {
  const shown = await show("3")
  expect(shown).toMatchObject({
    place: "a/b/0/3",
    event: { event_type: "step.3", tags: '[null,"x"]', details: '{"n": 1.10}', lane: "0", seq: "3" },
    previous: { seq: "2", linked: true, occurred_at: "2026-12-29T00:00:00.000000Z" },
    next: { seq: "4", linked: true },
    newest: false,
    verifies: true,
    problems: [],
  })
})

test("the first and the newest event of a lane", async () => {
  expect(await show("1")).toMatchObject({ previous: null, newest: false, verifies: true })
  expect(await show("5")).toMatchObject({ next: null, newest: true, verifies: true })
})

test("an event that is not there", async () => {
  await expect(show("6")).rejects.toMatchObject({ code: "not-found", message: "there is no event a/b/0/6" })
  await expect(show("1", "nobody")).rejects.toMatchObject({ code: "not-found" })
  expect(await trail.eventsWithId("00000000-0000-0000-0000-000000000000")).toEqual([])
})

test("an id finds every event that has it, in whatever partition", async () => {
  const id = "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"
  await db.query(
    `insert into pgtrail.event (id, occurred_at, event_type, organization_id)
     values ($1, '2026-12-05Z', 'old', 'ids'), ($1, 'infinity', 'newest', 'ids'), ($1, '2027-01-05Z', 'new', 'ids')`,
    [id],
  )
  const found = await trail.eventsWithId(id)
  expect(found.map((row) => row.event_type)).toEqual(["newest", "new", "old"])
  expect(found[0]?.occurred_at).toBe("infinity")
})

test.each([
  [
    "3",
    "update pgtrail.event set actor_id = 'eve' where seq = 3",
    ["its hash does not belong to what it says: it was altered"],
  ],
  [
    "3",
    "update pgtrail.event set details = '{\"n\": 1.1}' where seq = 3",
    ["its hash does not belong to what it says: it was altered"],
  ],
  [
    "3",
    `update pgtrail.event e set actor_id = 'eve', identity_digest = sha256(record_send(row('pgtrail identity'::text, e.identity_salt,
       e.actor_id, e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id))) where seq = 3`,
    ["its identity was redacted, and no redaction was recorded there"],
  ],
  ["3", "delete from pgtrail.event where seq = 2", ["the event before it is missing"]],
  ["3", "delete from pgtrail.event where seq = 4", ["the event after it is missing"]],
  ["5", "delete from pgtrail.chain_head", ["its lane has no head"]],
  [
    "5",
    "update pgtrail.chain_head set hash = sha256('') where seq = 5",
    ["the head of its lane has another hash"],
  ],
  ["5", "delete from pgtrail.chain_head where seq = 5", ["the head of its lane is 4, before it"]],
  [
    "3",
    "update pgtrail.event set hash = sha256('') where seq = 2",
    ["the event before it has another hash than its previous_hash"],
  ],
  [
    "3",
    "update pgtrail.event set previous_hash = sha256('') where seq = 4",
    ["the event after it names another hash than its own"],
  ],
  [
    "1",
    "update pgtrail.event set previous_hash = sha256('') where seq = 1",
    [
      "its hash does not belong to what it says: it was altered",
      "its previous_hash is not the beginning of this lane of this log",
    ],
  ],
  [
    "3",
    'insert into pgtrail.event select (jsonb_populate_record(e, \'{"occurred_at": "2027-05-05"}\')).* from pgtrail.event e where seq = 3',
    ["2 events stand at a/b/0/3", "its hash does not belong to what it says: it was altered"],
  ],
])("event %s after: %s", async (seq, sql, problems) => {
  const where = sql.includes(" where ") ? `${sql} and organization_id = 'a/b'` : sql
  const shown = await tampered(where, () => show(seq))
  expect(shown).toMatchObject({ verifies: false, problems })
  expect((await show(seq)).verifies).toBe(true)
})

test("an event of a later hash version cannot be checked, which is not tampering", async () => {
  const later = "update pgtrail.event set hash_version = 2 where seq = 3 and organization_id = 'a/b'"
  expect(await tampered(later, () => show("3"))).toMatchObject({ verifies: null })
})

test("a reader may show; a writer may not, and is told which right he lacks", async () => {
  const reader = await db.role({ memberOf: ["pgtrail_reader"] })
  const shown = await (await db.trail({ url: reader.url })).show({ organization: "a/b", lane: "0", seq: "5" })
  expect(shown).toMatchObject({ newest: true, verifies: true })
  const writer = await db.role({ memberOf: ["pgtrail_writer"] })
  const asked = (await db.trail({ url: writer.url })).show({ organization: "a/b", lane: "0", seq: "5" })
  await expect(asked).rejects.toMatchObject({
    code: "privilege",
    hint: "grant pgtrail_reader to the role of this connection: pgtrail grant reader ROLE; for appending pgtrail grant writer ROLE",
  })
})

test("text for people has every value, and JSON on lines of its own", async () => {
  const text = describeEvent(await show("3"))
  expect(text).toMatch(/^event a\/b\/0\/3\n/)
  expect(text).toMatch(/^ {25}"n": 1\.10$/m)
  expect(text).toMatch(/^verifies +yes$/m)
  expect(text).not.toMatch(/^actor_email/m)
})

test("JSON is put on lines without being read", async () => {
  const json = '{"a": 9007199254740993, "b": [1.10, -0, "x{,:}\\"]", {}, [ ]], "c": {"d": null, "e": true}}'
  expect(indentJson(json)).toBe(
    [
      "{",
      '  "a": 9007199254740993,',
      '  "b": [',
      "    1.10,",
      "    -0,",
      '    "x{,:}\\"]",',
      "    {},",
      "    []",
      "  ],",
      '  "c": {',
      '    "d": null,',
      '    "e": true',
      "  }",
      "}",
    ].join("\n"),
  )
  expect(indentJson('"a b"')).toBe('"a b"')
  expect(indentJson("null")).toBe("null")
})
