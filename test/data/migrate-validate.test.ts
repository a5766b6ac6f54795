// What the comparison of the schema finds: the list of the red team, each change by an owner or superuser, and what people are shown.
import type { Client } from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { open, type Trail } from "../../src/data/index.js"
import { describeValidation } from "../../src/data/migrate/describe.js"
import { lineDiff } from "../../src/data/migrate/line-diff.js"
import { compare } from "../../src/data/verify/catalog.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { migrationsAfter, olderLog } from "./migrate-fixture.js"

let db: TestDatabase
let trail: Trail
let partition: string
const all: TestDatabase[] = []
beforeAll(async () => {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
  const [row] = await db.query("select to_char(now() at time zone 'UTC', '\"event_\"YYYY_MM') as name")
  partition = String(row?.name)
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

describe("each of these is found, and names its object:", () => {
  let client: Client
  beforeAll(async () => {
    client = await trail.connect()
    expect((await compare(client)).differences).toEqual([])
  })
  afterAll(() => client.end())
  beforeEach(() => client.query("begin"))
  // Never committed: roles belong to the whole server.
  afterEach(() => client.query("rollback"))

  const swallow =
    "create function public.swallow() returns trigger language plpgsql as 'begin return null; end';"
  const tampering: [name: string, sql: string, object: string, what: string][] = [
    [
      "a guard disabled",
      "alter table pgtrail.act disable trigger pgtrail_guard",
      "table act",
      "trigger pgtrail_guard",
    ],
    [
      "the seal disabled on one partition only",
      "alter table PARTITION disable trigger pgtrail_seal",
      "PARTITION",
      "trigger pgtrail_seal",
    ],
    ["a guard dropped", "drop trigger pgtrail_guard on pgtrail.log", "table log", "trigger pgtrail_guard"],
    [
      "a guard with a condition",
      `drop trigger pgtrail_guard on pgtrail.loss; create trigger pgtrail_guard before update or delete or truncate on pgtrail.loss
       for each statement when (current_user <> 'mallory') execute function pgtrail.guard()`,
      "table loss",
      "trigger pgtrail_guard",
    ],
    [
      "another trigger",
      `${swallow} create trigger aaa before insert on pgtrail.event for each row execute function public.swallow()`,
      "table event",
      "trigger aaa",
    ],
    [
      "another trigger on one partition only",
      `${swallow} create trigger aaa before insert on PARTITION for each row execute function public.swallow()`,
      "PARTITION",
      "trigger aaa",
    ],
    [
      "a rule",
      "create rule quiet as on insert to pgtrail.event where new.actor_id = 'mallory' do instead nothing",
      "table event",
      "rule quiet",
    ],
    ["a policy", "create policy hide on pgtrail.event using (false)", "table event", "policy hide"],
    ["row security", "alter table pgtrail.event enable row level security", "table event", "table"],
    [
      "the body of a function",
      "do $do$ begin execute replace(pg_get_functiondef('pgtrail.guard()'::regprocedure), 'begin', 'begin return null;'); end $do$",
      "function guard()",
      "body",
    ],
    [
      "the settings of a function",
      "alter function pgtrail.guard() reset search_path",
      "function guard()",
      "settings",
    ],
    [
      "the owner of a function",
      "alter function pgtrail.guard() owner to postgres",
      "function guard()",
      "kind",
    ],
    [
      "a function granted to everybody",
      "grant execute on function pgtrail.guard() to public",
      "function guard()",
      "grant EXECUTE",
    ],
    [
      "security definer taken off",
      "alter function pgtrail.seal_event() security invoker",
      "function seal_event()",
      "kind",
    ],
    [
      "a function that is not pgtrail's",
      "create function pgtrail.more() returns int language sql as 'select 1'",
      "function more()",
      "function more()",
    ],
    [
      "the type of a column",
      "alter table pgtrail.act alter timeline type bigint",
      "table act",
      "column timeline",
    ],
    [
      "a default",
      "alter table pgtrail.event alter actor_id set default 'mallory'",
      "table event",
      "column actor_id",
    ],
    ["a NOT NULL", "alter table pgtrail.event alter hash drop not null", "table event", "column hash"],
    ["a column too much", "alter table pgtrail.event add note text", "table event", "column note"],
    [
      "bounds that overlap",
      `update pg_class set relpartbound = (select relpartbound from pg_class where oid = 'PARTITION'::regclass)
       where oid = (select max(inhrelid) from pg_inherits where inhparent = 'pgtrail.event'::regclass)`,
      "partition event_",
      "bounds",
    ],
    ["no DEFAULT partition", "drop table pgtrail.event_default", "table event", "partition DEFAULT"],
    ["an unlogged table", "alter table pgtrail.act_signature set unlogged", "table act_signature", "table"],
    ["the owner of a partition", "alter table PARTITION owner to postgres", "PARTITION", "table"],
    [
      "a view in the place of a table",
      "alter table pgtrail.loss rename to loss_kept; create view pgtrail.loss as select * from pgtrail.loss_kept",
      "table loss",
      "table",
    ],
    ["the replica identity", "alter table PARTITION replica identity nothing", "PARTITION", "table"],
    [
      "a key that is not valid",
      "update pg_index set indisvalid = false where indexrelid = 'pgtrail.act_pkey'::regclass",
      "table act",
      "index btree",
    ],
    [
      "a right on the schema",
      "grant create on schema pgtrail to pgtrail_writer",
      "schema pgtrail",
      "grant CREATE",
    ],
    [
      "a right on a column",
      "grant select (details) on pgtrail.event to pgtrail_writer",
      "table event",
      "grant SELECT",
    ],
    [
      "an event trigger",
      `create function pgtrail.spy() returns event_trigger language plpgsql as 'begin end';
       create event trigger spy on ddl_command_end execute function pgtrail.spy()`,
      "event trigger spy",
      "event trigger spy",
    ],
    [
      "a child of a table",
      "create table public.child () inherits (pgtrail.act)",
      "table public.child",
      "table public.child",
    ],
    ["a role that may log in", "alter role pgtrail_owner login", "role pgtrail_owner", "attributes"],
    [
      "the stored description",
      "update pgtrail.catalog_object set definition = definition || 'x' where object = 'table act'",
      "table catalog_object",
      "digest",
    ],
  ]

  test.each(tampering)("%s", async (_, sql, object, what) => {
    await client.query(sql.replaceAll("PARTITION", `pgtrail.${partition}`))
    const { differences } = await compare(client)
    const found = differences.map((one) => [one.object, one.what])
    const wanted = object.replace("PARTITION", `partition ${partition}`)
    expect(found).toContainEqual([
      object.endsWith("_") ? expect.stringMatching(`^${wanted}\\d`) : wanted,
      expect.stringMatching(new RegExp(`^${what.replace(/[()]/g, "\\$&")}`)),
    ])
  })
})

test("what a DBA may do is no difference: an index, a sequence of partitions with a gap, a comment", async () => {
  const client = await trail.connect()
  await client.query(`begin; create index mine on pgtrail.event (device_id); comment on table pgtrail.act is 'mine';
    select pgtrail.create_partition('event_1999_01', '1999-01-01Z', '1999-02-01Z')`)
  expect((await compare(client)).differences).toEqual([])
  await client.query("rollback")
  await client.end()
})

test("of a changed function it shows what was changed, and a log that differs is told from one that is only older", async () => {
  const { db: older, trail: its } = await olderLog(2, { data: false })
  all.push(older)
  expect(describeValidation(await its.validate())).toBe(
    `nothing differs: database ${older.name} is as migration 0002_proof left it`,
  )
  await older.query(
    `do $do$ begin execute replace(pg_get_functiondef('pgtrail.generate_id()'::regprocedure), 'select ', E'select -- \\x1b[2J\\n  '); end $do$`,
  )
  await older.query("alter table pgtrail.act disable trigger pgtrail_guard")
  const validation = await its.validate()
  expect(validation).toMatchObject({ migration: "0002_proof", pending: migrationsAfter(2) })
  const text = describeValidation(validation)
  expect(text).toMatch(/ is not as migration 0002_proof left it: 2 differences\n/)
  expect(text).toMatch(
    /\nfunction generate_id\(\)\n {2}body\n {2}--- shipped\n {2}\+\+\+ in the database\n {2}@@ -\d+ \+\d+ @@\n(.*\n)* {2}-.*select .*\n {2}\+/,
  )
  expect(text).toMatch(
    /\ntable act\n {2}trigger pgtrail_guard\n {2}expected: trigger pgtrail_guard calls pgtrail\.guard.*enabled O.*\n {2}actual: {3}trigger pgtrail_guard .*enabled D/,
  )
})

test("who may compare, and what others are told", async () => {
  for (const group of ["pgtrail_auditor", "pgtrail_operator"]) {
    const role = await db.role({ memberOf: [group] })
    expect((await (await db.trail({ url: role.url })).validate()).differences).toEqual([])
  }
  for (const group of ["pgtrail_reader", "pgtrail_writer"]) {
    const role = await db.role({ memberOf: [group] })
    await expect((await db.trail({ url: role.url })).validate()).rejects.toMatchObject({
      code: "privilege",
      hint: expect.stringContaining("pgtrail_auditor"),
    })
  }
  const empty = await testDatabase({ empty: true })
  all.push(empty)
  await expect((await empty.trail()).validate()).rejects.toMatchObject({ code: "not-installed" })
})

test("functions of another pgtrail are pending, and a migration from another text is a difference", async () => {
  const other = await testDatabase()
  all.push(other)
  await other.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")
  await other.query("update pgtrail.migration set checksum = 'other' where number = 1")
  await using opened = await open(other.url)
  expect(await opened.validate()).toMatchObject({
    pending: ["functions, triggers and grants"],
    differences: [{ object: "migration 0001_log", what: "checksum", actual: "another text was applied" }],
  })
})

test("a diff shows every changed line with three lines around it, and only those", () => {
  const before = Array.from({ length: 40 }, (_, at) => `line ${at + 1}`)
  const after = before.with(9, "changed").toSpliced(30, 1).concat("more")
  const text = (lines: readonly string[]) => lines.join("\n")
  expect(lineDiff(text(before), text(before))).toEqual([])
  expect(lineDiff(text(before), text(after))).toEqual([
    "@@ -7 +7 @@",
    " line 7",
    " line 8",
    " line 9",
    "-line 10",
    "+changed",
    " line 11",
    " line 12",
    " line 13",
    "@@ -28 +28 @@",
    " line 28",
    " line 29",
    " line 30",
    "-line 31",
    " line 32",
    " line 33",
    " line 34",
    "@@ -38 +37 @@",
    " line 38",
    " line 39",
    " line 40",
    "+more",
  ])
  expect(lineDiff("", "a")).toEqual(["@@ -1 +1 @@", "-", "+a"])
  const long = Array.from({ length: 5_000 }, (_, at) => `${at}`)
  expect(lineDiff(text(long), text(long.map((line) => `${line}x`)))).toHaveLength(10_001)
})
