// The drizzle definition, the list of columns and the catalog say the same, column by column and in the same order.
import { getTableConfig } from "drizzle-orm/pg-core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventColumns } from "../../src/data/event-columns.js"
import { kindOf } from "../../src/data/query/columns.js"
import { event } from "../../src/data/schema.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("drizzle's pgtrail.event is the catalog's", async () => {
  const catalog = await db.query(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null
     from pg_attribute a where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 order by a.attnum`,
  )
  const defined = getTableConfig(event).columns.map((column) => ({
    name: column.name,
    type: column.getSQLType(),
    not_null: column.notNull ? "t" : "f",
  }))
  expect(defined).toEqual(catalog)
})

test("every column has a form in which it is written", async () => {
  const kinds: Record<string, string> = {
    jsonb: "json",
    "text[]": "array",
    "timestamp with time zone": "time",
    bytea: "bytes",
    bigint: "number",
    integer: "number",
    smallint: "number",
    text: "text",
    uuid: "text",
    inet: "text",
  }
  const columns = getTableConfig(event).columns
  expect(eventColumns).toEqual(columns.map((column) => column.name))
  expect(eventColumns.map(kindOf)).toEqual(columns.map((column) => kinds[column.getSQLType()]))
})
