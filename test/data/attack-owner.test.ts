// A hostile owner of the log plants code, and waits for a superuser who migrates, verifies or grants: none of it runs, nothing is told well.
import { readdirSync } from "node:fs"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { whoSql } from "../../src/data/session.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
let mallory: Role

beforeAll(async () => {
  db = await testDatabase()
  mallory = await db.role({ memberOf: ["pgtrail_owner"] })
  // What ran as a superuser can write where nobody else may.
  await db.query("create schema superusers; create table superusers.ran (what text)")
  await db.query(
    `create schema mallory authorization "${mallory.name}"; grant usage on schema mallory to public`,
  )
  await owner(`reset role; set check_function_bodies = off;
    create function mallory.act() returns int language plpgsql volatile as $$ begin
      if not (select rolsuper from pg_roles where rolname = session_user) then return 1; end if;
      if not (select rolsuper from pg_roles where rolname = current_user) then reset role; end if;
      insert into superusers.ran values (current_query());
      return 1;
    end $$;
    create function mallory.trap(int) returns int language plpgsql immutable as $$ begin return mallory.act(); end $$;
    create function mallory.on_change() returns trigger language plpgsql as $$ begin perform mallory.act(); return null; end $$`)
  trail = await db.trail()
  await trail.append({ event_type: "a" })
})
afterEach(async () => {
  expect(await db.query("select what from superusers.ran")).toEqual([])
})
afterAll(async () => {
  await db.drop()
})

async function owner(sql: string): Promise<void> {
  const client = await mallory.client()
  try {
    await client.query(`set role pgtrail_owner; ${sql}`)
  } finally {
    await client.end()
  }
}

const onRead = {
  "an index of a setting": [
    "create index trap on pgtrail.setting ((mallory.trap(1)))",
    "drop index pgtrail.trap",
    "table setting: index trap",
  ],
  "an index of a partition": [
    "create index trap on pgtrail.event_default (seq) where mallory.trap(1) = 1",
    "drop index pgtrail.trap",
    "partition event_default: index trap",
  ],
  "an operator in an index": [
    `reset role; grant create on schema mallory to pgtrail_owner; set role pgtrail_owner;
     create operator mallory.## (function = mallory.trap, rightarg = int);
     create index trap on pgtrail.setting ((operator(mallory.##) 1))`,
    "drop index pgtrail.trap; drop operator mallory.## (none, int)",
    "table setting: index trap",
  ],
  "a column of a type of his": [
    `reset role; grant create on schema mallory to pgtrail_owner; set role pgtrail_owner; create domain mallory.word as text;
     alter table pgtrail.setting add trap mallory.word`,
    "alter table pgtrail.setting drop trap; drop domain mallory.word",
    "table setting: type of trap",
  ],
  statistics: [
    "create statistics pgtrail.trap on (mallory.trap(1)), name from pgtrail.setting",
    "drop statistics pgtrail.trap",
    "table setting: statistics trap",
  ],
  "a constraint of a partition": [
    "alter table pgtrail.event_default add constraint trap check (mallory.trap(1) = 1)",
    "alter table pgtrail.event_default drop constraint trap",
    "partition event_default: constraint trap",
  ],
  "a table that inherits": [
    "reset role; grant create on schema mallory to pgtrail_owner; set role pgtrail_owner; create table mallory.child (check (mallory.trap(1) = 1)) inherits (pgtrail.setting)",
    "drop table mallory.child",
    "partition mallory.child: constraint child_check",
  ],
  "a view in the place of a table": [
    `alter table pgtrail.migration rename to away;
     create view pgtrail.migration as select a.* from pgtrail.away a, (select mallory.act() as x offset 0) t where x = 1`,
    "drop view pgtrail.migration; alter table pgtrail.away rename to migration",
    "table migration: a view",
  ],
} as const

test.each(Object.entries(onRead))(
  "a superuser who reads is not caught by %s",
  async (_, [plant, remove, named]) => {
    await owner(plant)
    try {
      for (const work of [
        () => trail.schemaState(),
        () => trail.status(),
        () => trail.validate(),
        () => trail.verify(),
        () => trail.install(),
        () => trail.migrateDown(),
        () => trail.uninstall({ dryRun: true }),
        () => trail.grant({ right: "reader", role: mallory.name, dryRun: true }),
        () => trail.settings(),
      ]) {
        expect(await failureOf(work())).toMatchObject({
          code: "config",
          message: `the log has code that is not pgtrail's and would run with a superuser's rights: ${named}`,
        })
      }
    } finally {
      await owner(remove)
    }
  },
)

test("what a superuser's connection takes for harmless are the views that ship, and no others", () => {
  const shipped = readdirSync(new URL("../../sql/views", import.meta.url)).map((file) =>
    file.replace(".sql", ""),
  )
  expect(whoSql).toContain(`'{${shipped.join(",")}}'`)
})

test("whoever is no superuser is told of such a trap by verify, though the act of a migration was forged to fit", async () => {
  const auditor = await db.role({ memberOf: ["pgtrail_auditor"] })
  await owner("create index trap on pgtrail.event_default (seq) where mallory.trap(1) = 1")
  try {
    const theirs = await db.trail({ url: auditor.url })
    const { findings } = await theirs.verify()
    expect(findings.map(({ message }) => message)).toContain(
      "partition event_default: index trap runs code that is not pgtrail's",
    )
  } finally {
    await owner("drop index pgtrail.trap")
  }
})

test("a superuser calls no function that the owner replaced or gave another search_path", async () => {
  const original =
    (await db.query("select pg_get_functiondef('pgtrail.record_access'::regproc) as sql"))[0]?.sql ?? ""
  await owner(`create or replace function pgtrail.record_access(kind text, role_name text, right_name text, organization text default null)
    returns bigint language plpgsql as $$ begin perform mallory.act(); return 7; end $$`)
  const words =
    "the function pgtrail.record_access is none that this pgtrail ships, and would run with a superuser's rights"
  try {
    expect(await failureOf(trail.grant({ right: "writer", role: mallory.name }))).toMatchObject({
      code: "config",
      message: words,
    })
    // A new connection: the one that has appended looked before.
    const other = await db.trail()
    expect(await failureOf(other.append({ event_type: "a" }))).toMatchObject({ message: words })
    expect(await trail.verify()).toMatchObject({ verdict: "tampered", act: null, not_recorded: words })
    await owner(
      `${original}; alter function pgtrail.record_access set search_path = mallory, pg_catalog, pg_temp`,
    )
    expect(await failureOf(trail.grant({ right: "writer", role: mallory.name }))).toMatchObject({
      message: words,
    })
  } finally {
    await owner(original)
  }
})

test("a migration is no way to have a planted trigger or setting of a function taken for pgtrail's", async () => {
  await owner(
    `create trigger zzz after insert or update on pgtrail.setting execute function mallory.on_change()`,
  )
  try {
    await db.query("begin")
    // By a pgtrail that nobody knows, so that no description is compared.
    await db.query(`select pgtrail.record_act('migrate', '{"tool_version": "0.9", "roles": "on", "code_checksum": "x",
      "catalog_checksum": "y", "migrations": []}')`)
    await db.query("update pgtrail.setting set value = 'x' where name = 'code-checksum'; commit")
  } catch (error) {
    await db.query("rollback")
    throw error
  }
  // The test's own session is a superuser's too, and met the trigger.
  await db.query("delete from superusers.ran")
  expect(await failureOf(trail.install())).toMatchObject({
    code: "config",
    message: expect.stringContaining("table setting: trigger zzz runs code that is not pgtrail's"),
  })
  expect(await failureOf(trail.migrateDown())).toMatchObject({ code: "config" })
  await owner("drop trigger zzz on pgtrail.setting")
  expect(await trail.install()).toMatchObject({ changed: true })
  expect((await trail.validate()).differences).toEqual([])
})
