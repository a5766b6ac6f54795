// A log of version 0.1, with events and acts, gets incarnations and signatures, and loses nothing; and the way back.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { storeCatalogSql } from "../../src/data/verify/catalog.js"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { noteSql } from "./opening.js"
import { replayed } from "./replayed.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

const down = await readFile(join(import.meta.dirname, "../../sql/migrations/0002_proof.down.sql"), "utf8")

/** What 0.1 had in its place. */
const older = `create function pgtrail.record_verification(
    parameters jsonb, organizations text[] default null, lanes smallint[] default null, seqs bigint[] default null,
    hashes bytea[] default null
  ) returns bigint language sql as $$ select pgtrail.record_act('verify', parameters, sha256('heads')) $$`

/** Takes migration 0002 back and leaves what 0.1 left: its catalog, its settings, its act of a migration, which did not tell the roles. */
async function olderLog(options: { roles: boolean }): Promise<{ db: TestDatabase; trail: Trail }> {
  const db = await testDatabase({ empty: true })
  all.push(db)
  const trail = await db.trail()
  await trail.install(options)
  await db.query(`begin; ${options.roles ? "set local role pgtrail_owner;" : ""} ${down}; ${older}; commit`)
  await db.query("delete from pgtrail.migration where number = 2")
  await db.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")
  await db.query(storeCatalogSql())
  await db.query(`select pgtrail.record_act('migrate', parameters - 'roles' || '{"code_checksum": "old", "tool_version": "0.1.0"}',
      (select sha256(convert_to(string_agg(object || E'\\n' || definition || E'\\n', '' order by object), 'UTF8'))
       from pgtrail.catalog_object)) from pgtrail.act where seq = 1`)
  await trail.append([{ event_type: "a" }, { event_type: "b", organization_id: "acme" }])
  await db.query(`select pgtrail.record_verification('{"verdict": "intact", "findings": "0"}')`)
  return { db, trail }
}

const evidence = (db: TestDatabase) =>
  db.query(
    "select (select string_agg(e::text, '' order by organization_id) from pgtrail.event e) as events, (select string_agg(a::text, '' order by seq) from pgtrail.act a where seq < 4) as acts, (select l::text from pgtrail.log l) as log",
  )

test.each([{ roles: true }, { roles: false }])("a log with events is migrated whole, %o", async (options) => {
  const { db, trail } = await olderLog(options)
  const before = await evidence(db)
  expect(await trail.schemaState()).toMatchObject({
    migrations: [{ state: "applied" }, { state: "pending" }],
  })
  await expect(trail.verify()).rejects.toMatchObject({ code: "pending-migration" })
  expect(await trail.install({ dryRun: true })).toMatchObject({ applied: ["0002_proof"], installed: false })
  expect(await trail.install({ onlyInstalled: true })).toMatchObject({
    applied: ["0002_proof"],
    changed: true,
  })
  expect(await evidence(db)).toEqual(before)
  await trail.append({ event_type: "c" })
  expect(await findBreaks(db)).toEqual([])
  expect((await replayed(trail)).messages).toEqual([])
  expect(await trail.settings()).toMatchObject([
    { value: "1048576", act: null },
    { value: "off", act: null },
  ])
  const [first] = await db.query(
    "select i.number, i.reason, i.log_id = l.log_id as same, i.opened_at = l.created_at as installed from pgtrail.incarnation i, pgtrail.log l",
  )
  expect(first).toEqual({ number: "1", reason: "install", same: "t", installed: "t" })
  expect(
    await db.query("select oid::regprocedure from pg_proc where proname = 'record_verification'"),
  ).toHaveLength(1)
  expect(await trail.setSetting("event-size-limit", "70000")).toMatchObject({ act: "5" })
  expect(await trail.install()).toMatchObject({ changed: false })
})

test("a size limit that was changed by hand before there were acts for it is taken over by one", async () => {
  const { db, trail } = await olderLog({ roles: true })
  await db.query("update pgtrail.setting set value = '3000000' where name = 'event-size-limit'")
  await trail.install()
  expect(
    await db.query("select kind, parameters from pgtrail.act where seq > 3 order by seq limit 1"),
  ).toEqual([
    {
      kind: "setting",
      parameters: '{"name": "event-size-limit", "value": "3000000", "before": "1048576"}',
    },
  ])
  expect((await trail.settings())[0]).toMatchObject({ value: "3000000", act: "4" })
  expect((await replayed(trail)).messages).toEqual([])
})

test("the SQL that psql runs migrates as well", async () => {
  const { db, trail } = await olderLog({ roles: true })
  const sql = await trail.installSql()
  expect(sql).toContain("create table pgtrail.incarnation")
  const client = await db.client()
  await client.query(`begin; ${sql}; commit`)
  await client.end()
  expect(await trail.schemaState()).toMatchObject({ codeCurrent: true })
  expect((await replayed(trail)).messages).toEqual([])
})

test.each([
  [
    "a second incarnation",
    `select pgtrail.open_incarnation('copy', ${noteSql()}, '{}', '{}', '{}', '{}', now())`,
  ],
  ["a signed act", "insert into pgtrail.act_signature values ('pgtrail', 1, 'x')"],
])("with %s there is no way back", async (_, sql) => {
  const db = await testDatabase()
  all.push(db)
  await db.query(sql)
  await expect(db.query(down)).rejects.toMatchObject({ code: "55000" })
  expect(await db.query("select to_regclass('pgtrail.incarnation') is not null as there")).toEqual([
    { there: "t" },
  ])
})
