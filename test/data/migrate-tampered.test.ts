// Migrating never takes over what somebody tampered with, and an act that somebody forged does not hide it from verify.
import type { Client } from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { storeCatalogSql } from "../../src/data/migrate/store-catalog.js"
import { presentVersion } from "../../src/data/sql-files.js"
import { compare } from "../../src/data/verify/catalog.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
async function newLog(): Promise<void> {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) values ('a')")
}
afterAll(async () => {
  for (const database of all) await database.drop()
})

const outdate = () => db.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")

/** Stores the present catalog as what must be, and records it as a migration does, with `parameters` changed, and its settings. */
async function forge(by: Pick<Client | TestDatabase, "query">, parameters = "{}"): Promise<void> {
  await by.query(storeCatalogSql(presentVersion().catalog))
  await by.query(
    `select pgtrail.record_act('migrate', (select parameters from pgtrail.act where seq = 1) || $1::jsonb,
       (select sha256(convert_to(string_agg(object || E'\\n' || definition || E'\\n', '' order by object), 'UTF8'))
        from pgtrail.catalog_object))`,
    [parameters],
  )
  await by.query(
    `update pgtrail.setting s set value = a.parameters->>replace(s.name, '-', '_')
     from (select parameters from pgtrail.act where kind = 'migrate' order by seq desc limit 1) a
     where s.name in ('code-checksum', 'catalog-checksum') and a.parameters->>replace(s.name, '-', '_') is not null`,
  )
}

const replaceSeal = `do $do$ begin execute replace(pg_get_functiondef('pgtrail.seal_event()'::regprocedure), 'begin',
  'begin if new.actor_id = ''mallory'' then return null; end if;'); end $do$`
const evidence = () =>
  db.query(
    "select (select count(*) from pgtrail.act) as acts, object, definition from pgtrail.catalog_object",
  )
/** What verify finds, without reading the events. */
async function differencesOn(client: Client): Promise<string[]> {
  const { differences } = await compare(client)
  return differences.map(({ kind, message }) => `${kind}: ${message}`)
}

describe("a migration", () => {
  beforeEach(newLog)

  test.each([
    ["the body of a function", replaceSeal, /^ {2}function seal_event\(\): expected: body/m],
    [
      "a guard",
      "drop trigger pgtrail_guard on pgtrail.event_default",
      /^ {2}partition event_default: missing/m,
    ],
    [
      "the stored description",
      "update pgtrail.catalog_object set definition = definition || 'x' where object = 'table act'",
      /catalog_object is not what the last migration recorded/,
    ],
  ])("a log where %s was changed is not migrated, and nothing changes", async (_, tampering, says) => {
    await db.query(tampering)
    await outdate()
    const before = await evidence()
    const refusal = {
      code: "config",
      message: expect.stringMatching(says),
      hint: expect.stringContaining("pgtrail verify"),
    }
    await expect(trail.install({ onlyInstalled: true })).rejects.toMatchObject(refusal)
    await expect(trail.install({ dryRun: true })).rejects.toMatchObject(refusal)
    await expect(trail.installSql()).rejects.toMatchObject(refusal)
    expect(await evidence()).toEqual(before)
    expect((await trail.schemaState()).codeCurrent).toBe(false)
  })

  test("a refusal names the first three differences and counts the others", async () => {
    await db.query(
      "create table pgtrail.a (i int); create table pgtrail.b (i int); create table pgtrail.c (i int)",
    )
    await db.query("create table pgtrail.d (i int); create table pgtrail.e (i int)")
    await outdate()
    await expect(trail.install()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^the log is not what its last migration left:(\n {2}table \w .*){3}\n {2}and 2 more$/,
      ),
    })
  })

  test("a migration from a version that described the catalog otherwise gives every partition its guard", async () => {
    await db.query("drop trigger pgtrail_guard on pgtrail.event_default")
    await db.query(
      `select pgtrail.record_act('migrate', parameters || '{"catalog_checksum": "other"}') from pgtrail.act where seq = 1`,
    )
    await outdate()
    expect(await trail.install()).toMatchObject({ changed: true })
    const client = await trail.connect()
    expect(await differencesOn(client)).toEqual([])
    await client.end()
    await expect(db.query("truncate pgtrail.event_default")).rejects.toThrow("append-only")
  })

  test("a migration fails where the partitions are not alike, and so does its dry run", async () => {
    await db.query("grant insert on pgtrail.event_default to pgtrail_writer")
    await db.query(
      `select pgtrail.record_act('migrate', parameters || '{"catalog_checksum": "other"}') from pgtrail.act where seq = 1`,
    )
    await outdate()
    const before = await evidence()
    const refusal = {
      code: "server",
      message: "the partitions are not alike: not like the others: partition event_default",
    }
    await expect(trail.install()).rejects.toMatchObject(refusal)
    await expect(trail.install({ dryRun: true })).rejects.toMatchObject(refusal)
    expect(await evidence()).toEqual(before)
  })
})

// Rolled back at the end of each: a log of its own costs more than all that it looks at.
describe("the comparison of the schema", () => {
  let client: Client
  beforeAll(newLog)
  beforeEach(async () => {
    client = await trail.connect()
    await client.query("begin")
  })
  afterEach(async () => {
    await client.query("rollback")
    await client.end()
  })

  test.each([
    [
      "another search path of a function",
      "alter function pgtrail.seal_event() set search_path = public, pg_catalog, pg_temp",
      "seal_event",
    ],
    [
      "a function that somebody added",
      "create function pgtrail.more() returns int language sql as 'select 1'",
      "more",
    ],
  ])("verify finds %s, though the act of a migration was forged to fit", async (_, sql, name) => {
    await client.query(sql)
    await forge(client)
    expect(await differencesOn(client)).toEqual([
      `catalog_changed: function ${name}() is not the one that this pgtrail ships`,
    ])
  })

  test("verify finds a trigger and a rule that somebody added, though the act of a migration was forged to fit", async () => {
    await client.query(`create trigger other before update on pgtrail.act for each row execute function suppress_redundant_updates_trigger();
    create rule other as on insert to pgtrail.setting do instead nothing`)
    await forge(client)
    expect(await differencesOn(client)).toEqual([
      "catalog_changed: table act: trigger other runs code that is not pgtrail's",
      "catalog_changed: table setting: rule other runs code that is not pgtrail's",
    ])
  })

  test.each(["event", "act", "log", "organization_reader", "purge", "archive", "archive_kind"])(
    "verify finds the guard of %s missing, though the act of a migration was forged to fit",
    async (name) => {
      await client.query(`drop trigger pgtrail_guard on pgtrail.${name}`)
      await forge(client, `{"code_checksum": "other"}`)
      expect(await differencesOn(client)).toEqual([
        `guard_missing: table ${name}: trigger pgtrail_guard is missing, disabled or not the one that pgtrail makes`,
      ])
    },
  )

  test("verify finds a migration in the ledger that is none", async () => {
    await client.query(
      "insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version) values (0, 'zero', 'x', 1, '0.0.1')",
    )
    expect(await differencesOn(client)).toEqual([
      "catalog_changed: table migration: 0 is no migration of pgtrail",
    ])
  })

  test("verify finds the seal of every partition disabled, though the act of a migration was forged to fit", async () => {
    await client.query("alter table pgtrail.event disable trigger pgtrail_seal")
    const [row] = await db.query("select count(*) as n from pg_trigger where tgname = 'pgtrail_seal'")
    await forge(client)
    const found = await differencesOn(client)
    expect(found).toHaveLength(Number(row?.n))
    expect(found[0]).toMatch(/^guard_missing: partition event_\w+: trigger pgtrail_seal is missing, disabled/)
  })

  test("functions of another version are no finding", async () => {
    await client.query(replaceSeal)
    await forge(client, `{"code_checksum": "other", "tool_version": "0.0.1"}`)
    expect(await differencesOn(client)).toEqual([])
  })

  test("an act of a migration that names no version is a finding", async () => {
    await forge(client, `{"code_checksum": null}`)
    expect(await differencesOn(client)).toEqual([
      "catalog_changed: the newest act of a migration does not say which pgtrail migrated: no pgtrail wrote it",
    ])
  })
})

describe("a whole verification", () => {
  beforeEach(newLog)

  test("verify finds a function that another replaced, though the act of a migration was forged to fit", async () => {
    await db.query(replaceSeal)
    await forge(db)
    const { findings } = await trail.verify({ record: false })
    expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      "catalog_changed: function seal_event() is not the one that this pgtrail ships",
    ])
  })

  test("a catalog that another version described is not compared: verify says to migrate, never tampering", async () => {
    await forge(db, `{"catalog_checksum": "other", "tool_version": "0.0.1"}`)
    await expect(trail.verify({ record: false })).rejects.toMatchObject({
      code: "pending-migration",
      message: expect.stringMatching(
        /^the catalog was described by pgtrail 0\.0\.1, and this is \S+: the two cannot be compared$/,
      ),
      hint: "pgtrail migrate up",
    })
  })
})
