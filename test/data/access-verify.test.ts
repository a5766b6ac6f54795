// Who is bound to which organization is what the acts say; else verify finds it. And a view that shows more than it should is found.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { olderLog } from "./migrate-fixture.js"
import { replayed, tamper } from "./replayed.js"

let db: TestDatabase
let trail: Trail
let role: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  role = await db.role()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) values ('acme', 'x'), ('globex', 'x')",
  )
  await trail.grant({ right: "reader", role: role.name, organizations: ["acme", 'o"\n'] })
  await trail.grant({ right: "reader", role: role.name, organizations: ["gone"] })
  await trail.revoke({ right: "reader", role: role.name, organizations: ["gone"] })
  await db.query("create table public.kept as select * from pgtrail.organization_reader")
  await db.query("create table public.acts as select * from pgtrail.act")
})
afterAll(() => db.drop())

const restore =
  "truncate pgtrail.organization_reader, pgtrail.act; insert into pgtrail.act select * from public.acts; insert into pgtrail.organization_reader select * from public.kept"

test("bindings are as their acts have them, and acts of group roles bind nobody", async () => {
  await trail.grant({ right: "writer", role: (await db.role()).name })
  await db.query(
    "select pgtrail.record_act('grant', '{}'), pgtrail.record_act('revoke', '[]'), pgtrail.record_act('grant', '{\"right\": \"auditor\", \"role\": \"x\", \"organization\": \"acme\"}')",
  )
  expect((await replayed(trail)).messages).toEqual([])
  await tamper(db, restore)
})

test.each<[string, string[]]>([
  [
    "insert into pgtrail.organization_reader select role_name, 'globex' from pgtrail.organization_reader where organization_id = 'acme'",
    [
      'control_altered -: pgtrail.organization_reader binds the role "ROLE" to the organization "globex", and no act did',
    ],
  ],
  [
    "delete from pgtrail.organization_reader where organization_id = 'acme'",
    [
      'control_altered -: pgtrail.organization_reader has lost the binding of the role "ROLE" to the organization "acme"',
    ],
  ],
  [
    `update pgtrail.organization_reader set role_name = 'x' where organization_id <> 'acme'`,
    [
      String.raw`control_altered -: pgtrail.organization_reader binds the role "x" to the organization "o\"\n", and no act did`,
      String.raw`control_altered -: pgtrail.organization_reader has lost the binding of the role "ROLE" to the organization "o\"\n"`,
    ],
  ],
  [
    "delete from pgtrail.act where parameters->>'organization' = 'acme'",
    [
      'control_altered -: pgtrail.organization_reader binds the role "ROLE" to the organization "acme", and no act did',
    ],
  ],
])("%s", async (sql, expected) => {
  await tamper(db, sql)
  const { messages } = await replayed(trail)
  expect(messages.map((message) => message.replaceAll(role.name, "ROLE"))).toEqual(expected)
  await tamper(db, restore)
})

test.each([
  ["alter view pgtrail.organization_event reset (security_barrier)", "settings"],
  ["alter view pgtrail.organization_head set (security_barrier = false)", "settings"],
  [
    `do $$ begin execute 'create or replace view pgtrail.organization_head with (security_barrier) as '
       || replace(pg_get_viewdef('pgtrail.organization_head'::regclass), 'USAGE', 'MEMBER'); end $$`,
    "body",
  ],
  ["grant select on pgtrail.organization_event to public", "grant"],
  ["alter view pgtrail.organization_head owner to current_user", "owner"],
  ["create rule more as on insert to pgtrail.organization_head do instead nothing", "rule more"],
  [
    "grant select (checkpoint) on pgtrail.incarnation to pgtrail_organization_reader",
    "grant SELECT (checkpoint)",
  ],
  ["drop view pgtrail.organization_head", "missing"],
  ["create view pgtrail.planted as select * from pgtrail.event", "does not belong to pgtrail"],
  ["create materialized view pgtrail.planted as select * from pgtrail.event", "does not belong to pgtrail"],
])("%s is found", async (sql, said) => {
  const client = await db.client()
  await client.query("set search_path = pg_catalog, pg_temp; set quote_all_identifiers = off; begin")
  await client.query(sql)
  const { checkCatalog } = await import("../../src/data/verify/catalog.js")
  const { Findings } = await import("../../src/data/verify/finding.js")
  const findings = new Findings()
  const { rows } = await client.query(
    "select encode(digest, 'hex') as digest from pgtrail.act where kind = 'migrate' order by seq desc limit 1",
  )
  await checkCatalog(client, rows[0]?.digest, findings)
  await client.query("rollback")
  await client.end()
  expect(findings.list.map((finding) => finding.message).join("\n")).toContain(said)
  expect(findings.list.every((finding) => /organization_|planted|incarnation/.test(finding.message))).toBe(
    true,
  )
})

test("a view is described the same after a dump and restore, and by every major", async () => {
  const described = async () =>
    db.query(
      `select c.relname as name, encode(sha256(convert_to(pg_get_viewdef(c.oid), 'UTF8')), 'hex') as body from pg_class c
       where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'v' order by 1`,
    )
  await db.query("set search_path = pg_catalog, pg_temp")
  const before = await described()
  // What pg_dump writes, and any server reads.
  for (const [view, barrier] of [
    ["organization_event", "with (security_barrier)"],
    ["open_event", ""],
  ]) {
    const [text] = await db.query(`select pg_get_viewdef('pgtrail.${view}'::regclass) as of`)
    await db.query(`begin; drop view pgtrail.${view}; create view pgtrail.${view} ${barrier} as ${text?.of}`)
    expect(await described()).toEqual(before)
    await db.query("rollback")
  }
  expect(before).toMatchInlineSnapshot(`
    [
      {
        "body": "e72a5cce2d829c0d0e85530a85c4119f12647f53c177318eac9c75aecea599fe",
        "name": "open_event",
      },
      {
        "body": "912c028133b1b20df20415917923a39c44422ad2596b5d7dc3b5b0688a26e78e",
        "name": "organization_event",
      },
      {
        "body": "c304b5dc6574132bfa3c6d0eb047ec681bce9b861f3cb60a883721c7b9e4faf6",
        "name": "organization_head",
      },
    ]
  `)
})

test("the views have every column of their tables, of the same type and with the same words, and the beginnings that are indexed", async () => {
  const columns = (relation: string) =>
    db.query(
      `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attcollation as collation, col_description(a.attrelid, a.attnum) as words
       from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
      [`pgtrail.${relation}`],
    )
  const event = await columns("event")
  const view = await columns("organization_event")
  expect(view.slice(0, event.length)).toEqual(event)
  const indexed = await db.query(
    `select distinct m[1] as name from pg_index i, regexp_matches(pg_get_indexdef(i.indexrelid), '"left"\\((\\w+), \\d+\\)', 'g') m
     where i.indrelid = 'pgtrail.event'::regclass`,
  )
  const prefixes = view.slice(event.length).map((column) => column.name)
  expect(prefixes.sort()).toEqual(indexed.map(({ name }) => `${name}_prefix`).sort())
  const names = async (relation: string) =>
    (await columns(relation)).map(({ name, type }) => `${name} ${type}`)
  expect(await names("organization_head")).toEqual(await names("chain_head"))
})

test("on the way down bindings are freed by acts, if it was confirmed, and the way up binds nobody", async () => {
  // From the level above 2, whose migration has them: each level takes its time.
  const { db: other, trail: log } = await olderLog(3, { data: false })
  try {
    await other.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'x')")
    const bound = await other.role()
    await log.grant({ right: "reader", role: bound.name, organizations: ["acme"] })
    const gone = await other.role()
    await log.grant({ right: "reader", role: gone.name, organizations: ["acme"] })
    await other.query(`drop role ${gone.name}`)
    await expect(log.migrateDown({ to: 2 })).rejects.toMatchObject({
      message:
        "bindings of readers to organizations would be lost, 2 in all: who is bound reads nothing then",
      hint: expect.stringContaining(`--confirm ${other.name}`),
    })
    await log.migrateDown({ to: 2, confirm: other.name })
    const client = await bound.client()
    await expect(client.query("select * from pgtrail.log")).rejects.toMatchObject({ code: "42501" })
    await log.install()
    expect((await client.query("select * from pgtrail.organization_event")).rows).toEqual([])
    await client.end()
    expect((await log.verify()).findings).toEqual([])
  } finally {
    await other.drop()
  }
})
