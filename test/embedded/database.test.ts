// The test infrastructure itself: what every other test file relies on.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ empty: true })
})
afterAll(() => db.drop())

test("values arrive as the text that Postgres sent", async () => {
  const rows = await db.query(`select 9007199254740993 as n, '{"a": 1.10}'::jsonb as j, true as b, null as x`)
  expect(rows).toEqual([{ n: "9007199254740993", j: '{"a": 1.10}', b: "t", x: null }])
})

test("the database is UTF8 with C collation", async () => {
  const rows = await db.query(
    "select pg_encoding_to_char(encoding) as e, datcollate as c from pg_database where datname = $1",
    [db.name],
  )
  expect(rows).toEqual([{ e: "UTF8", c: "C" }])
})

test("a role logs in under its own name and is dropped at the end", async () => {
  const role = await db.role({ memberOf: ["pg_monitor"], attributes: "connection limit 3" })
  const client = await role.client()
  const { rows } = await client.query(
    "select session_user as who, pg_has_role('pg_monitor', 'usage') as member",
  )
  expect(rows).toEqual([{ who: role.name, member: "t" }])
})

test("asRole runs with the role's rights", async () => {
  const role = await db.role()
  const who = await db.asRole(
    role.name,
    async (client) => (await client.query("select current_user as who")).rows,
  )
  expect(who).toEqual([{ who: role.name }])
})
