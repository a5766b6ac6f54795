// What a writer can make of the functions of an import: no position that its records do not lead to, and no act that is not so.
import { createHash } from "node:crypto"
import type { Client } from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let eve: Role
let client: Client
beforeAll(async () => {
  db = await testDatabase()
  eve = await db.role({ memberOf: ["pgtrail_writer"] })
})
beforeEach(async () => {
  client = await eve.client()
  return async () => {
    await client.end()
    expect(await findBreaks(db)).toEqual([])
  }
})
afterAll(() => db.drop())

/** Stages events at these positions and calls import_batch with the rest of the arguments. */
async function batch(by: Client, positions: readonly number[], rest: string): Promise<void> {
  await by.query("begin; select pgtrail.import_stage()")
  await by.query(
    `insert into pg_temp.pgtrail_stage select p, json_build_object('event_type', 'x', 'occurred_at', now() - p * interval '1 day')
     from unnest($1::bigint[]) p`,
    [positions],
  )
  try {
    await by.query(`select pgtrail.import_batch(${rest})`)
    await by.query("commit")
  } catch (error) {
    await by.query("rollback")
    throw error
  }
}
const acts = async () =>
  (await db.query("select parameters::text as p from pgtrail.act where kind = 'import' order by seq")).map(
    ({ p }) => JSON.parse(p ?? ""),
  )

const forged: readonly [string, readonly number[], string][] = [
  ["more records than were staged", [1], "'f', 'ndjson', 0, 1000000"],
  ["fewer records than were staged", [1, 2], "'f', 'ndjson', 0, 1"],
  ["rejected records that are not there", [1], "'f', 'ndjson', 0, 1, 7"],
  ["a negative number of rejected records", [1, 2], "'f', 'ndjson', 0, 1, -1"],
  ["a step back", [], "'f', 'ndjson', 0, -5"],
  ["no position", [1], "'f', 'ndjson', 0, null"],
  ["no number of rejected records", [1], "'f', 'ndjson', 0, 1, null"],
  ["two records at one position", [1, 1], "'f', 'ndjson', 0, 2"],
  ["a record before the position", [0, 1], "'f', 'ndjson', 0, 2"],
  ["a record behind the position", [1, 3], "'f', 'ndjson', 0, 2"],
  ["a name of 201 characters", [1], "repeat('f', 201), 'ndjson', 0, 1"],
  ["no name", [1], "'', 'ndjson', 0, 1"],
  ["a format that does not exist", [1], "'f', 'alice@example.com', 0, 1"],
]
for (const [what, positions, rest] of forged) {
  test(`a batch is refused with ${what}`, async () => {
    await expect(batch(client, positions, rest)).rejects.toMatchObject({ code: "22023" })
    expect(await db.query("select from pgtrail.import_source")).toEqual([])
    expect(await db.query("select from pgtrail.event")).toEqual([])
  })
}

test("an import without records makes no act", async () => {
  await batch(client, [], "'empty', 'ndjson', 0, 0")
  const { rows } = await client.query(
    "select pgtrail.import_finish('empty') a, pgtrail.import_finish('none') b",
  )
  expect(rows).toEqual([{ a: null, b: null }])
  expect(await acts()).toEqual([])
})

test("an act has the sha256 of a name, never the name, and a sha256 as it is; one act for each position", async () => {
  const digest = "ab".repeat(32)
  await batch(client, [1, 2], "'alice@example.com', 'ndjson', 0, 3, 1")
  await batch(client, [1], `'${digest}', 'ndjson', 0, 1`)
  for (let n = 0; n < 2; n += 1) {
    await client.query("select pgtrail.import_finish('alice@example.com')")
    await client.query("select pgtrail.import_finish($1)", [digest])
  }
  const name = createHash("sha256").update("alice@example.com").digest("hex")
  const first = { source: name, format: "ndjson", position: 3, events: 2, rejected: 1 }
  expect(await acts()).toEqual([
    first,
    { source: digest, format: "ndjson", position: 1, events: 1, rejected: 0 },
  ])
  await batch(client, [4], "'alice@example.com', 'ndjson', 3, 4")
  await client.query("select pgtrail.import_finish('alice@example.com')")
  expect((await acts()).at(-1)).toEqual({ ...first, position: 4, events: 3 })
})

test("another role can record no act of an import that is not its own", async () => {
  await batch(client, [1], "'mine', 'ndjson', 0, 1")
  const other = await (await db.role({ memberOf: ["pgtrail_writer"] })).client()
  const before = await acts()
  expect((await other.query("select pgtrail.import_finish('mine') as act")).rows).toEqual([{ act: null }])
  await other.end()
  expect(await acts()).toEqual(before)
})

test("two ends of an import at once record it once, and read no act to know", async () => {
  await batch(client, [1], "'twice', 'ndjson', 0, 1")
  const other = await eve.client()
  const before = (await acts()).length
  await client.query("begin; select pgtrail.import_finish('twice')")
  const second = other.query("select pgtrail.import_finish('twice') as act")
  await expect
    .poll(() =>
      db.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%twice%'",
      ),
    )
    .toHaveLength(1)
  await client.query("commit")
  expect((await second).rows).toEqual([{ act: null }])
  await other.end()
  expect(await acts()).toHaveLength(before + 1)
  const [source] = await db.query("select prosrc from pg_proc where proname = 'import_finish'")
  expect(source?.prosrc).not.toMatch(/pgtrail\.act\b/)
})
