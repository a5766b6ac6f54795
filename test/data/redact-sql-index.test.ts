// The search for a subject finds the same events by indexes, by reading everything and with all text; by indexes it reads no partition.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { append, found, plan, type Subject, stage } from "./redact-fixture.js"

let db: TestDatabase
const composed = "Zo\u00eb Q".normalize("NFC")
const long = `${"x".repeat(400)}@x.org`
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, actor_email, actor_name, ip_address, device_id, session_id, occurred_at)
     select 'org' || i % 5, 'a', 'u' || i, 'U' || i || '@x.org', 'Name ' || i, ('10.' || i / 65536 || '.' || i / 256 % 256 || '.' || i % 256)::inet,
       'd-' || i, 's-' || i, now() from generate_series(1, 5000) i`,
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
const actors = async (subject: Subject, inText = false) =>
  (await found(db, subject, { inText }, "organization_id, lane, seq, as_actor, identity_fields")).filter(
    (row) => row.as_actor === "t",
  )

/** How often a search reads a partition from its beginning to its end; of one that is almost empty that is the shortest way. */
async function readings(subject: Subject): Promise<number> {
  const client = await db.client()
  try {
    await client.query("begin")
    await stage(client, subject)
    await plan(client)
    const { rows } = await client.query<{ n: string }>(
      `select coalesce(sum(s.seq_scan), 0) as n from pg_stat_xact_user_tables s join pg_class c on c.oid = s.relid
       where s.schemaname = 'pgtrail' and c.relispartition and c.reltuples > 1000`,
    )
    return Number(rows[0]?.n)
  } finally {
    await client.end()
  }
}

test("without the index, with it and in all text the same events are the subject's; with it no partition is read", async () => {
  const without = []
  for (const [name, subject, count] of subjects) {
    const rows = await actors(subject)
    expect({ name, count: rows.length }).toEqual({ name, count })
    expect({ name, rows: await actors(subject, true) }).toEqual({ name, rows })
    without.push(rows)
  }
  expect(
    await readings([
      ["id", "u7"],
      ["session", "s-8"],
    ]),
  ).toBe(0)
  const trail = await db.trail()
  await trail.addIndex("subject")
  await db.query("analyze pgtrail.event")
  for (const [at, [name, subject]] of subjects.entries()) {
    expect({ name, rows: await actors(subject) }).toEqual({ name, rows: without[at] })
    expect({ name, rows: await actors(subject, true) }).toEqual({ name, rows: without[at] })
    expect({ name, readings: await readings(subject) }).toEqual({ name, readings: 0 })
  }
  expect((await trail.validate()).differences).toEqual([])
})
