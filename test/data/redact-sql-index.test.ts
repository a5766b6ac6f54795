// The search for a subject finds the same events by indexes, by reading everything and with all text; by indexes it reads no partition.

import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { slipsIn, slipsOf } from "../../src/data/subject/misnamed.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { append, plan, type Subject, stage } from "./redact-fixture.js"

let db: TestDatabase
let session: Client
const composed = "Zo\u00eb Q".normalize("NFC")
const long = `${"x".repeat(400)}@x.org`
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, actor_email, actor_name, ip_address, device_id, session_id, occurred_at)
     select 'org' || i % 5, 'a', 'u' || i, 'U' || i || '@x.org', 'Name ' || i, ('10.' || i / 65536 || '.' || i / 256 % 256 || '.' || i % 256)::inet,
       'd-' || i, 's-' || i, now() from generate_series(1, 3000) i`,
  )
  const rows: readonly object[] = [
    { actor_email: "ANN@x.org" },
    { actor_email: long.toUpperCase() },
    { actor_email: `${"x".repeat(400)}@y.org` },
    { actor_name: composed },
    { actor_name: composed.normalize("NFD") },
    { ip_address: "192.168.7.9" },
    { ip_address: "192.168.7.9/24" },
    { ip_address: "192.168.7.90" },
    { ip_address: "2001:db8::9" },
    { device_id: "d%_\\'\"" },
    { device_id: "d" },
    { actor_id: "ann@x.org", actor_name: "d" },
  ]
  for (const row of rows) await append(db, { organization_id: "org1", event_type: "b", ...row })
  await db.query("analyze pgtrail.event")
  session = await db.client()
})
afterAll(() => db.drop())

const subjects: readonly (readonly [string, Subject, number])[] = [
  ["an e-mail address in another case", [["email", "ann@X.ORG"]], 1],
  ["one that is longer than an index takes", [["email", long]], 1],
  ["a name composed", [["name", composed]], 2],
  ["a name decomposed", [["name", composed.normalize("NFD")]], 2],
  ["an address", [["ip", "192.168.7.9"]], 1],
  ["an address with the length of its prefix", [["ip", "192.168.7.9/24"]], 1],
  ["an address written otherwise", [["ip", "2001:DB8:0::9"]], 1],
  ["a device", [["device", "d%_\\'\""]], 1],
  [
    "all of them",
    [
      ["email", "u7@x.org"],
      ["name", "Name 8"],
      ["ip", "10.0.0.9"],
      ["device", "d-10"],
    ],
    // By name, address and device they are others': their events have an actor_id.
    1,
  ],
  [
    "all kinds",
    [
      ["id", "u11"],
      ["session", "s-12"],
      ["email", "U13@X.org"],
      ["name", composed],
    ],
    4,
  ],
  ["nobody", [["email", "nobody@x.org"]], 0],
]
/** Rows of the plan, and how often the search reads a partition from its beginning to its end; of one that is almost empty that is the shortest way. */
async function search(
  subject: Subject,
  inText = false,
): Promise<{ readonly rows: TextRow[]; readonly readings: number }> {
  await session.query("begin")
  await stage(session, subject)
  const before = await readings()
  await plan(session, { inText })
  const { rows } = await session.query<TextRow>(
    "select organization_id, lane, seq, as_actor, identity_fields from pg_temp.pgtrail_plan where as_actor order by organization_id, lane, seq",
  )
  const after = await readings()
  await session.query("rollback")
  return { rows, readings: after - before }
}

/** Of this session, until it reports them. */
async function readings(): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `select coalesce(sum(s.seq_scan), 0) as n from pg_stat_xact_user_tables s join pg_class c on c.oid = s.relid
     where s.schemaname = 'pgtrail' and c.relispartition and c.reltuples > 1000`,
  )
  return Number(rows[0]?.n)
}

test("without the index, with it and in all text the same events are the subject's; with it no partition is read", async () => {
  const without: TextRow[][] = []
  for (const [name, subject, count] of subjects) {
    const { rows } = await search(subject)
    expect({ name, count: rows.length }).toEqual({ name, count })
    expect({ name, rows: (await search(subject, true)).rows }).toEqual({ name, rows })
    without.push(rows)
  }
  const alone: Subject = [
    ["id", "u7"],
    ["session", "s-8"],
  ]
  expect((await search(alone)).readings).toBe(0)
  const trail = await db.trail()
  await trail.addIndex("subject")
  await db.query("analyze pgtrail.event")
  for (const [at, [name, subject]] of subjects.entries()) {
    expect({ name, ...(await search(subject)) }).toEqual({ name, rows: without[at], readings: 0 })
    // All text is looked through without the index: that it is there changes nothing, whoever it is.
    if (name !== "all kinds") continue
    expect({ name, rows: (await search(subject, true)).rows }).toEqual({ name, rows: without[at] })
  }
  expect((await trail.validate()).differences).toEqual([])
})

test("an ID that no event has is looked for in other cases by the index of actors, and one that is an address by the index subject: no partition is read", async () => {
  const wide = `${"x".repeat(340)}Yz`
  for (const id of ["Ab%c_D\\e", "aB%C_d\\E", wide])
    await append(db, { organization_id: "org2", event_type: "b", actor_id: id })
  const slips = async (value: string, isNobody = true, scope = {}) => {
    await session.query("begin")
    const before = await readings()
    const found = await slipsIn(session, slipsOf([{ kind: "id", value }], isNobody), scope)
    const read = (await readings()) - before
    await session.query("rollback")
    return {
      read,
      found: found.map((words) =>
        /(\d+) events? ha(?:s|ve) it (as actor_email|in another case)/.exec(words)?.slice(1),
      ),
    }
  }
  const cased = (n: number) => [[String(n), "in another case"]]
  expect(await slips("U77")).toEqual({ read: 0, found: cased(1) })
  expect(await slips("U7")).toEqual({ read: 0, found: cased(1) })
  expect(await slips("ab%c_d\\e")).toEqual({ read: 0, found: cased(2) })
  expect(await slips("ab%c_d\\e", true, { organizations: ["org1"] })).toEqual({ read: 0, found: [] })
  expect(await slips("ab%c_d\\e", true, { until: "2020-01-01Z" })).toEqual({ read: 0, found: [] })
  expect(await slips(wide.toUpperCase())).toEqual({ read: 0, found: cased(1) })
  expect(await slips(`${"x".repeat(340)}Yy`)).toEqual({ read: 0, found: [] })
  expect(await slips("5f0c8e1a-77aa-4bcd-9e01-abcdefabcdef")).toEqual({ read: 0, found: [] })
  expect(await slips("ann@X.ORG")).toEqual({
    read: 0,
    found: [
      ["1", "as actor_email"],
      ["1", "in another case"],
    ],
  })
  expect(await slips("ANN@X.ORG", false)).toEqual({ read: 0, found: [["1", "as actor_email"]] })
  expect(await slips(long)).toEqual({ read: 0, found: [["1", "as actor_email"]] })
})

test("rules for certain types, as the first rectification adds them, lead to their events by the index of types: no partition is read, and nothing less is found", async () => {
  const rows: readonly object[] = [
    { event_type: "gdpr.rectified", details: '{"actor_id": "u77"}' },
    { event_type: "gdpr.rectified", after_state: '{"actor_email": "x@y.org", "note": "of u77, 100%"}' },
    { event_type: "user.100%.x", details: '{"mail": "u77"}', organization_id: "org3" },
    { event_type: "user", details: '{"mail": "u77"}' },
    { event_type: "user-other", details: '{"mail": "u77"}' },
    { event_type: "users.x", details: '{"mail": "u77"}' },
  ]
  await db.query(`select pgtrail.add_subject_rule('path', 'gdpr.rectified', null, array['after_state', '*']),
    pgtrail.add_subject_rule('path', 'gdpr.rectified', null, array['details', 'actor_id']), pgtrail.add_subject_rule('path', 'user.100%', null, array['details', 'mail'])`)
  const subject: Subject = [["id", "u77"]]
  const found = async (told: boolean) => {
    await session.query("begin")
    await stage(session, subject)
    const before = await readings()
    const { rows: names } = await session.query<{ name: string; found: string | null }>(
      "select p.name, pgtrail.find_subject(p.name, told => $1) as found from pgtrail.partitions() p",
      [told],
    )
    const { rows: types } = await session.query<{ type: string }>(
      "select event_type as type from pg_temp.pgtrail_plan where as_subject order by 1",
    )
    const read = (await readings()) - before
    await session.query("rollback")
    return {
      types: types.map(({ type }) => type),
      views: names.filter((one) => one.found === null).length,
      read,
    }
  }
  // As without them, where a partition has none of these events.
  expect(await found(false)).toEqual({ types: [], views: 1, read: 0 })
  for (const row of rows) await append(db, { organization_id: "org1", ...row })
  const types = ["gdpr.rectified", "gdpr.rectified", "user.100%.x"]
  for (const told of [true, false]) expect(await found(told)).toEqual({ types, views: 0, read: 0 })
  // Where a rule is for every type, and where people are looked for otherwise, what is read anyway is read for these rules too.
  await db.query("select pgtrail.add_subject_rule('path', null, null, array['details', 'mail'])")
  const all = ["gdpr.rectified", "gdpr.rectified", "user", "user-other", "user.100%.x", "users.x"]
  expect(await found(true)).toMatchObject({ types: all, views: 0 })
})
