// The way down from holds, rules of retention and detached partitions, and up again: refused or confirmed where something would be lost.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { catalog, migrationsAfter, newestAct, olderLog, rowsKept } from "./migrate-fixture.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

const state = async (db: TestDatabase) => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]
const intact = { verdict: "intact", findings: [] }

const hold = (expires = "null") =>
  `select pgtrail.add_hold('C', 'a claim', actor => 'ann', expires_at => ${expires})`
const rule = (name = "short") => `select pgtrail.set_retention('policy', '${name}', 30)`
const refusalOf = (db: TestDatabase, amount: string) => ({
  code: "usage",
  message: `what migration 0005_lifecycle holds would be lost (${amount}): an older pgtrail keeps nothing because of them, nor does this one after another migrate up`,
  hint: `nothing was lost; to lose it: pgtrail migrate down --to 4 --confirm ${db.name}`,
})

/** At the level above 4, from where it is one step; has an event of this month and one of long ago. */
async function logAbove(level: 5 | 6 = 5): Promise<{ db: TestDatabase; trail: Trail }> {
  const { db, trail } = await olderLog(level, { data: false })
  all.push(db)
  await db.query(
    "insert into pgtrail.event (event_type, occurred_at) values ('a', now()), ('b', '2020-01-15Z')",
  )
  return { db, trail }
}

describe("where something would be lost", () => {
  let db: TestDatabase
  let trail: Trail
  const lone = { removed: ["0005_lifecycle"], level: 4 }
  let restore: () => Promise<void>
  beforeAll(async () => {
    ;({ db, trail } = await logAbove())
    restore = await rowsKept(db)
  })
  afterEach(() => restore())

  test.each([
    ["a hold", [hold()], "holds in force: 1"],
    ["a rule", [rule()], "rules of retention: 1"],
    ["another period of standard", [rule("standard")], "rules of retention: 1"],
    [
      "a rule whose grace is not over",
      [rule(), "select pgtrail.set_retention('policy', 'short', null)"],
      "rules of retention: 1",
    ],
  ])("%s, it says so, and the name of the database confirms it", async (_, made, amount) => {
    for (const sql of made) await db.query(sql)
    const before = await state(db)
    const refusal = refusalOf(db, amount)
    await expect(trail.migrateDown({ to: 4 })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 4, dryRun: true })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 4, confirm: "other" })).rejects.toMatchObject({ code: "usage" })
    const sql = await trail.migrateDownSql({ to: 4 })
    await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await db.query("rollback")
    expect(await state(db)).toEqual(before)
    expect(await trail.migrateDown({ to: 4, confirm: db.name, dryRun: true })).toMatchObject(lone)
  })

  test.each([
    ["a released hold", [hold(), "select pgtrail.release_hold('C', 'settled')"]],
    [
      "a hold that has expired",
      [
        hold("'2999-01-01'"),
        "set session_replication_role = replica; update pgtrail.hold set expires_at = now() - interval '1 s'; reset session_replication_role",
      ],
    ],
    [
      "a rule that was removed at once",
      [rule(), "select pgtrail.set_retention('policy', 'short', null, confirmed => true)"],
    ],
    [
      "a rule whose grace is over",
      [
        "select pgtrail.set_setting('retention-grace', '0d')",
        rule(),
        "select pgtrail.set_retention('policy', 'short', null)",
      ],
    ],
  ])("it asks nothing for %s", async (_, made) => {
    for (const sql of made) await db.query(sql)
    expect(await trail.migrateDown({ to: 4, dryRun: true })).toMatchObject(lone)
  })
})

test("where holds and rules would be lost in the last of several steps, it says so, and confirmed it goes down and up without them", async () => {
  const { db, trail } = await logAbove(6)
  for (const sql of [hold(), hold(), rule(), rule("other")]) await db.query(sql)
  const before = await state(db)
  await expect(trail.migrateDown({ to: 4 })).rejects.toMatchObject(
    refusalOf(db, "holds in force: 2, rules of retention: 2"),
  )
  expect(await state(db)).toEqual(before)
  expect(await trail.migrateDown({ to: 4, confirm: db.name })).toMatchObject({
    removed: ["0006_archive", "0005_lifecycle"],
    level: 4,
  })
  expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: "0005_lifecycle" })
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(4) })
  expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
  expect(
    await db.query(
      "select count(*) as rules, (select count(*) from pgtrail.hold) as holds from pgtrail.retention_rule",
    ),
  ).toEqual([{ rules: "1", holds: "0" }])
})

test("a detached partition keeps it from going down, whatever is confirmed, until it is attached; a released hold does not", async () => {
  const { db, trail } = await logAbove()
  await db.query(hold())
  await db.query("select pgtrail.release_hold('C', 'settled')")
  await db.query(
    "select pgtrail.split_default(array['event_2020_01'], array['2020-01-01Z'::timestamptz], array['2020-02-01Z'::timestamptz])",
  )
  await db.query("select pgtrail.detach_partition('event_2020_01', 'seldom read')")
  const before = await state(db)
  const refusal = {
    sqlstate: "55000",
    message:
      "partitions are detached, of which an older pgtrail knows nothing: their events would be missing",
    hint: expect.stringContaining("pgtrail partition attach"),
  }
  await expect(trail.migrateDown({ to: 4 })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 4, confirm: db.name })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 2, confirm: db.name })).rejects.toMatchObject(refusal)
  const sql = await trail.migrateDownSql({ to: 4, confirm: db.name })
  await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
  await db.query("rollback")
  expect(await state(db)).toEqual(before)
  await db.query("select pgtrail.attach_partition('event_2020_01')")
  expect(await trail.migrateDown({ to: 4 })).toMatchObject({ removed: ["0005_lifecycle"], level: 4 })
  const covered = { events: "2" }
  expect(await trail.verify()).toMatchObject({ ...intact, covered, pending_migration: "0005_lifecycle" })
  expect(await trail.validate()).toMatchObject({ pending: migrationsAfter(4), differences: [] })
  await trail.install()
  expect(await trail.verify()).toMatchObject({ ...intact, covered, pending_migration: null })
})

test("a log with a partition for each week goes down and up again", async () => {
  const db = await testDatabase({ empty: true })
  all.push(db)
  const trail = await db.trail()
  await trail.install({ partitionInterval: "week" })
  await trail.append([{ event_type: "a" }])
  const before = await catalog(db)
  // One by one: of several at once each runs twice.
  for (const name of migrationsAfter(4).reverse())
    expect(await trail.migrateDown()).toMatchObject({ removed: [name] })
  expect(await trail.verify()).toMatchObject(intact)
  expect(await trail.validate()).toMatchObject({ differences: [] })
  expect(await trail.install({ partitionInterval: "week" })).toMatchObject({ applied: migrationsAfter(4) })
  expect(await catalog(db)).toEqual(before)
  expect((await trail.settings()).find(({ name }) => name === "partition-interval")).toMatchObject({
    value: "week",
  })
  expect(await trail.verify()).toMatchObject(intact)
})
