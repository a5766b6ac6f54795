// The search for a subject finds the same events by indexes, by reading everything and with all text; by indexes it reads no partition.

import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
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
