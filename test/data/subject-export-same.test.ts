// Where an export of a subject takes a short way it says the same: found by indexes alone, cut and written as bytes.
import { readFileSync } from "node:fs"
import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Pages } from "../../src/data/export/pages.js"
import type { Identifier, SubjectExportOptions, Trail } from "../../src/data/index.js"
import { FieldCutter } from "../../src/data/subject/export-cut.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"
import { hostile } from "./export-fixture.js"

const { path, remove } = folder()
let db: TestDatabase
let owner: Trail
let privacy: Trail

const decomposed = "zo\u0065\u0301"
const ids = ["ann", decomposed, "ann ", "bob", "x".repeat(400), `${"x".repeat(399)}y`, null]
const emails = ["Ann@Example.org", "ann@example.ORG", `${decomposed}@x.org`, "bob@example.org", null]
const text = fc.constantFrom(...hostile.filter((value) => value.length < 100 && !value.includes("\0")), null)

const anEvent = fc.record({
  organization_id: fc.constantFrom("acme", "globex", 'h "o", o'),
  event_type: fc.constantFrom("a.b", "a.c", "pay$1.x"),
  occurred_at: fc.constantFrom(
    "2026-06-30 23:59:59.9Z",
    "2026-07-01Z",
    "2026-07-15 12:00:00.000001Z",
    "1999-01-01Z",
  ),
  actor_id: fc.constantFrom(...ids),
  actor_email: fc.constantFrom(...emails),
  actor_name: fc.constantFrom("Ann", "Bob", null),
  session_id: fc.constantFrom("s-1", "s-2", null),
  device_id: fc.constantFrom("d-1", "d-2", null),
  resource_type: fc.constantFrom("user", "account", "doc", null),
  resource_id: fc.constantFrom(...ids),
  description: text,
  details: fc.constantFrom(
    '{"actor_id": "ann"}',
    '{"note": "of bob", "n": 1.10}',
    '["ann", null]',
    '"a\\u2028b"',
    null,
  ),
  tags: fc.constantFrom(["a", 'q "b", \\c'], [null, ""], [], null),
})

beforeAll(async () => {
  db = await testDatabase()
  owner = await db.trail()
  privacy = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_privacy"] })).url })
  await db.query("select pgtrail.create_months('2026-06-01', '2026-07-01')")
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user')")
  const events = fc.sample(anEvent, { numRuns: 400, seed: 20_261_122 })
  const names = Object.keys(events[0] ?? {})
  await db.query(
    `insert into pgtrail.event (${names.join(", ")}) select ${names.join(", ")} from jsonb_populate_recordset(null::pgtrail.event, $1)`,
    [
      JSON.stringify(
        events.map((event) => ({
          ...event,
          details: event.details === null ? null : JSON.parse(event.details),
        })),
      ),
    ],
  )
  // What pgtrail wrote as right is about whom it names.
  await db.query(
    `begin; select pgtrail.subject_stage(); insert into pg_temp.pgtrail_subject (kind, value) values ('actor_name', '"Ann"');
     select pgtrail.rectify_event(e.organization_id, e.lane, e.seq, 'r', 'w') from (select * from pgtrail.event where actor_id = 'ann' limit 1) e; commit`,
  )
  // With rules that name paths all events are read.
  await db.query(
    "select pgtrail.remove_subject_rule(r.act_seq) from pgtrail.subject_rule r where r.kind = 'path'",
  )
  await owner.addIndex("subject")
})
afterAll(async () => {
  await db?.drop()
  remove()
})

let made = 0

async function given(whom: readonly Identifier[], options: Partial<SubjectExportOptions> = {}) {
  made += 1
  const out = path(`${made}.csv`)
  const { manifest } = await privacy.exportSubject(whom, { out, archives: false, ...options })
  return {
    events: readFileSync(out, "utf8"),
    review: readFileSync(`${out}.review.csv`, "utf8"),
    counts: manifest.counts,
  }
}

const id = (value: string): Identifier => ({ kind: "id", value })
/** More than are looked for one by one. */
const manyTypes = ["doc", "account", ..."12345678"].map(
  (type): Identifier => ({ kind: "resource", value: `${type}/ann` }),
)
const asked: readonly (readonly [readonly Identifier[], Partial<SubjectExportOptions>])[] = [
  [[id("ann")], {}],
  [[id("zo\u00e9"), { kind: "session", value: "s-1" }], {}],
  [[id("x".repeat(400))], { organizations: ["acme", 'h "o", o'] }],
  [
    [id("ann"), { kind: "resource", value: "account/bob" }, { kind: "resource", value: `doc/${decomposed}` }],
    {},
  ],
  [manyTypes, {}],
  [
    [{ kind: "resource", value: "doc/ann" }],
    { since: "2026-07-01T00:00:00Z", until: "2026-07-15T12:00:00.000001Z" },
  ],
  [[id("nobody"), { kind: "name", value: "Ann" }, { kind: "device", value: "d-1" }], {}],
  // An address that others have too is nobody's.
  [
    [
      ...ids
        .flatMap((one) => one ?? [])
        .slice(0, 6)
        .map(id),
      { kind: "email", value: "ann@example.org" },
    ],
    {},
  ],
]

/** Null: the way is the short one, a view that finds them while it is read. */
async function counted(): Promise<(string | null)[]> {
  const client = await db.client()
  try {
    await client.query("begin; select pgtrail.subject_stage()")
    await client.query(
      "insert into pg_temp.pgtrail_subject values ('id', 'ann'), ('email', 'a@x'), ('ip', '::1')",
    )
    const { rows } = await client.query(
      "select pgtrail.find_subject(p.name, told => false) as found from pgtrail.partitions() p where pg_relation_size(p.oid) > 0",
    )
    return rows.map(({ found }) => found)
  } finally {
    await client.end()
  }
}

test("what indexes lead to is what a reading of all events finds", async () => {
  expect((await counted()).filter((found) => found === null)).toHaveLength(3)
  const short = []
  for (const [whom, options] of asked) short.push(await given(whom, options))
  expect(short.every(({ counts }) => counts.events !== "0")).toBe(true)
  expect(short.some(({ counts }) => counts.as_subject !== "0")).toBe(true)
  // No event has such a document; but whoever searches does not know.
  await db.query("select pgtrail.add_subject_rule('path', null, null, array['request_params', 'never'])")
  expect(await counted()).not.toContain(null)
  for (const [at, [whom, options]] of asked.entries()) {
    const { events, review, counts } = await given(whom, options)
    expect({ events, review, counts }).toEqual(short[at])
  }
})

test("a row is cut into the same fields wherever the stream is", () => {
  const field = fc.constantFrom("", '""', "a", "12", '"a,b"', '"q""q"', '"line\nfeed"', '"\r"', "é👩", '""""')
  fc.assert(
    fc.property(
      fc.array(fc.array(field, { minLength: 3, maxLength: 3 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 }),
      (rows, sizes) => {
        const bytes = Buffer.from(rows.map((row) => `${row.join(",")}\n`).join(""))
        const found: string[][] = []
        const cutter = new FieldCutter(3, (row, start, ends) => {
          let from = start
          found.push(
            [...ends].map((end) => {
              const value = row.toString("utf8", from, end)
              from = end + 1
              return value
            }),
          )
        })
        for (let [at, n] = [0, 0]; at < bytes.length; n++) {
          const size = sizes[n % sizes.length] ?? 1
          cutter.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(found).toEqual(rows)
      },
    ),
  )
})

test("text is in a file as it was put, however long, wherever a page ends", async () => {
  const long = "é👩\u2028x".repeat(60_000)
  const texts = [...hostile, long, ..."ab".repeat(3000), long, long.slice(0, 80_001)]
  const pages = new Pages({
    folder: path(""),
    name: () => "texts",
    opening: "",
    closing: "",
    split: undefined,
  })
  try {
    for (const one of texts) {
      pages.text(one)
      const bytes = Buffer.from(one)
      pages.put(bytes, 0, bytes.length)
      await pages.drain()
    }
    await pages.finish()
  } finally {
    await pages.close()
  }
  expect(readFileSync(path("texts"), "utf8") === texts.map((one) => one + one).join("")).toBe(true)
})
