// What is not the archive, in any row or column, does not come back, whoever brings it and however: nothing changes.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { archiveLog, everything, makeArchive, restore } from "./archive-sql-fixture.js"
import { bringBack, keepLog } from "./kept-log.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await archiveLog()
  trail = await db.trail()
  await keepLog(db)
})
afterEach(() => bringBack(db))
afterAll(() => db.drop())

const alterations: readonly [string, (from: string) => string][] = [
  ["a row is missing", (from) => `select * from ${from} where seq <> 5 or organization_id <> 'acme'`],
  [
    "the last row is missing",
    (from) =>
      `select * from ${from} e where seq < (select max(seq) from ${from} m where m.organization_id = e.organization_id)`,
  ],
  ["all rows are missing", (from) => `select * from ${from} where false`],
  [
    "a row is there twice",
    (from) =>
      `select * from ${from} union all select * from ${from} where seq = 3 and organization_id = 'acme'`,
  ],
  [
    "rows of the live log are among them",
    (from) => `select * from ${from} union all select * from pgtrail.event`,
  ],
]

test.each(alterations)("%s: refused, and nothing changes", async (_, query) => {
  const archive = await makeArchive(db, "event_2020_01")
  const before = await everything(db)
  const client = await db.client()
  await expect(restore(client, archive, query(archive.table))).rejects.toMatchObject({
    code: "TR017",
    message: `these events are not the ones that act ${archive.act} took out of the log into ${archive.name}`,
  })
  expect(await everything(db)).toEqual(before)
  await restore(client, archive)
  expect((await trail.verify({ jobs: 1 })).findings).toEqual([])
})

test("a row that is altered in any column is refused, whatever the column", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const before = await everything(db)
  const client = await db.client()
  const columns = await db.query(
    `select quote_ident(a.attname) as name, format_type(a.atttypid, null) as type from pg_attribute a
     where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
  )
  expect(columns.length).toBeGreaterThan(50)
  const other: Readonly<Record<string, string>> = {
    uuid: "gen_random_uuid()",
    text: "coalesce(e.NAME, '') || 'x'",
    bigint: "coalesce(e.NAME, 0) + 1",
    integer: "coalesce(e.NAME, 0) + 1",
    smallint: "(e.NAME + 1)::smallint",
    "timestamp with time zone": "e.NAME + interval '1 microsecond'",
    inet: "inet '10.9.9.9'",
    jsonb: "'{\"x\": 1}'",
    "text[]": "array['x']",
    bytea: "coalesce(sha256(e.NAME), sha256('x'))",
  }
  for (const { name, type } of columns) {
    const value = other[type ?? ""]?.replaceAll("NAME", name ?? "")
    expect(value, `${name} ${type}`).toBeDefined()
    const list = columns.map((column) =>
      column.name === name ? `case when seq = 4 then ${value} else e.${name} end` : `e.${column.name}`,
    )
    await expect(
      restore(client, archive, `select ${list.join(", ")} from ${archive.table} e`),
      name ?? "",
    ).rejects.toMatchObject({ code: "TR017" })
  }
  expect(await everything(db)).toEqual(before)
})

test("a row that is sealed anew, so that its hash and that of all after it fit, is another all the same", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const other = await archiveLog()
  try {
    await other.query(`create table ${archive.table} as select * from only pgtrail.event_2020_01`)
    const rowsOfOther = await other.query(`select e::text as row from ${archive.table} e`)
    const before = await everything(db)
    const client = await db.client()
    await client.query("begin")
    await client.query("select pgtrail.restore_stage()")
    await client.query(
      "insert into pg_temp.pgtrail_restored select (r::pgtrail.event).* from unnest($1::text[]) r",
      [rowsOfOther.map(({ row }) => row)],
    )
    await expect(
      client.query("select pgtrail.restore_archive($1, 'why')", [archive.name]),
    ).rejects.toMatchObject({ code: "TR017" })
    await client.query("rollback")
    expect(await everything(db)).toEqual(before)
  } finally {
    await other.drop()
  }
})

test("the events of another archive of the same log are refused", async () => {
  const [one, two] = [
    await makeArchive(db, "event_2020_01", { organization: "acme" }),
    await makeArchive(db, "event_2020_01"),
  ]
  const before = await everything(db)
  await expect(restore(await db.client(), one, `select * from ${two.table}`)).rejects.toMatchObject({
    code: "TR017",
  })
  expect(await everything(db)).toEqual(before)
})

test("one that is not there, no reason, another isolation level, and a stage that nobody made are refused with words", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const before = await everything(db)
  const client = await db.client()
  const call = (name: string, reason: string) =>
    client.query("select pgtrail.restore_archive($1, $2)", [name, reason])
  await expect(call(archive.name, "why")).rejects.toMatchObject({ code: "55000" })
  await client.query("begin; select pgtrail.restore_stage(); savepoint s")
  await expect(call("none", "why")).rejects.toMatchObject({
    code: "42704",
    message: "there is no archive none",
  })
  await client.query("rollback to s")
  await expect(call(archive.name, " ")).rejects.toMatchObject({ code: "TR009" })
  await client.query("rollback; begin isolation level repeatable read; select pgtrail.restore_stage()")
  await expect(call(archive.name, "why")).rejects.toMatchObject({ code: "0A000" })
  await client.query("rollback")
  expect(await everything(db)).toEqual(before)
})

test.each([
  ["a view", (t: string) => `create view pg_temp.pgtrail_restored as select * from ${t}`],
  ["a table of the caller", (t: string) => `create temp table pgtrail_restored as select * from ${t}`],
  [
    "a table of the caller with a rule",
    (t: string) =>
      `create temp table pgtrail_restored (like ${t}); create rule r as on insert to pgtrail_restored do also select 1`,
  ],
])("%s in the place of the stage is refused", async (_, plant) => {
  const archive = await makeArchive(db, "event_2020_01")
  const before = await everything(db)
  const operator = await db.role({ memberOf: ["pgtrail_operator"] })
  await db.query(`grant select on ${archive.table} to "${operator.name}"`)
  const client = await operator.client()
  await client.query(plant(archive.table))
  await client.query("select pgtrail.restore_stage()")
  await expect(
    client.query("select pgtrail.restore_archive($1, 'why')", [archive.name]),
  ).rejects.toMatchObject({ code: "55000" })
  expect(await everything(db)).toEqual(before)
})

test("the stage takes rows, shows them and nothing else, and is gone with the transaction", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const operator = await db.role({ memberOf: ["pgtrail_operator"] })
  const client = await operator.client()
  await client.query("begin; select pgtrail.restore_stage(); savepoint s")
  for (const sql of [
    "update pg_temp.pgtrail_restored set seq = 1",
    "delete from pg_temp.pgtrail_restored",
    "truncate pg_temp.pgtrail_restored",
    "alter table pg_temp.pgtrail_restored add x int",
    "create trigger t before insert on pg_temp.pgtrail_restored for each row execute function suppress_redundant_updates_trigger()",
    "create rule r as on insert to pg_temp.pgtrail_restored do nothing",
    "create index on pg_temp.pgtrail_restored (seq)",
    "drop table pg_temp.pgtrail_restored",
  ]) {
    await expect(client.query(sql), sql).rejects.toMatchObject({ code: "42501" })
    await client.query("rollback to s")
  }
  await client.query("commit")
  expect((await client.query("select to_regclass('pg_temp.pgtrail_restored') as there")).rows).toEqual([
    { there: null },
  ])
  expect(archive.events).toBe(60)
})
