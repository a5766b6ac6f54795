// The way down from holds, rules of retention and detached partitions, and up again: refused or confirmed where something would be lost, and what
// retention purged verifies at either level.
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"
import { catalog, migrationsAfter, newestAct } from "./migrate-fixture.js"
import { makeOlderHold } from "./older-hold.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

const state = async (db: TestDatabase) => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]
const down = { removed: migrationsAfter(4).reverse(), level: 4 }
const intact = { verdict: "intact", findings: [] }

describe("where something would be lost", () => {
  let db: TestDatabase
  let trail: Trail
  beforeEach(async () => {
    db = await testDatabase()
    all.push(db)
    trail = await db.trail()
    await makeOlderHold(db)
    await db.query(
      "insert into pgtrail.event (event_type, occurred_at) values ('a', now()), ('b', '2020-01-15Z')",
    )
  })

  const hold = (expires = "null") =>
    `select public.add_hold('C', 'a claim', actor => 'ann', expires_at => ${expires})`
  const rule = (name = "short") => `select pgtrail.set_retention('policy', '${name}', 30)`
  test.each([
    ["a hold", [hold()], "holds in force: 1"],
    ["a rule", [rule()], "rules of retention: 1"],
    ["another period of standard", [rule("standard")], "rules of retention: 1"],
    [
      "a rule whose grace is not over",
      [rule(), "select pgtrail.set_retention('policy', 'short', null)"],
      "rules of retention: 1",
    ],
    ["both", [hold(), hold(), rule(), rule("other")], "holds in force: 2, rules of retention: 2"],
  ])("%s, it says so, and the name of the database confirms it", async (what, made, amount) => {
    for (const sql of made) await db.query(sql)
    const before = await state(db)
    const refusal = {
      code: "usage",
      message: `what migration 0005_lifecycle holds would be lost (${amount}): an older pgtrail keeps nothing because of them, nor does this one after another migrate up`,
      hint: `nothing was lost; to lose it: pgtrail migrate down --to 4 --confirm ${db.name}`,
    }
    await expect(trail.migrateDown({ to: 4 })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 4, dryRun: true })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 4, confirm: "other" })).rejects.toMatchObject({ code: "usage" })
    const sql = await trail.migrateDownSql({ to: 4 })
    await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await db.query("rollback")
    expect(await state(db)).toEqual(before)
    // All of it at once goes down and up for all of them: each level costs a second.
    if (what !== "both") {
      expect(await trail.migrateDown({ to: 4, confirm: db.name, dryRun: true })).toMatchObject(down)
      return
    }
    expect(await trail.migrateDown({ to: 4, confirm: db.name })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: "0005_lifecycle" })
    expect(await trail.install()).toMatchObject({ applied: migrationsAfter(4) })
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
    expect(
      await db.query(
        "select count(*) as rules, (select count(*) from pgtrail.hold) as holds from pgtrail.retention_rule",
      ),
    ).toEqual([{ rules: "1", holds: "0" }])
  })

  test.each([
    ["a released hold", [hold(), "select pgtrail.release_hold('C', 'settled')"]],
    [
      "a hold that has expired",
      [hold("clock_timestamp() + interval '10 milliseconds'"), "select pg_sleep(0.02)"],
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
  ])("it asks nothing for %s", async (what, made) => {
    for (const sql of made) await db.query(sql)
    if (what !== "a released hold") {
      expect(await trail.migrateDown({ to: 4, dryRun: true })).toMatchObject(down)
      return
    }
    expect(await trail.migrateDown({ to: 4 })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: "0005_lifecycle" })
    expect(await trail.validate()).toMatchObject({ pending: migrationsAfter(4), differences: [] })
    await trail.install()
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
  })

  test("a detached partition keeps it from going down, whatever is confirmed, until it is attached", async () => {
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
    expect(await trail.migrateDown({ to: 4 })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject({ ...intact, covered: { events: "2" } })
    expect(await trail.validate()).toMatchObject({ differences: [] })
    await trail.install()
    expect(await trail.verify()).toMatchObject({ ...intact, covered: { events: "2" } })
  })
})

describe("a log of which retention purged, with holds, rules and settings", () => {
  let log: LifecycleLog
  beforeEach(async () => {
    log = await lifecycleLog({ older: true })
    all.push(log.db)
    await log.db.query("select pgtrail.set_setting('organization-keep-least', '30d')")
    await log.db.query("select pgtrail.attach_partition('event_2020_03')")
  })

  test("verifies at each level below, and has the same events and purges", async () => {
    const { covered } = await log.verify()
    expect(Number(covered.purged)).toBeGreaterThan(0)
    const newest = await catalog(log.db)
    for (const to of [4, 3]) {
      await log.trail.migrateDown({ to, confirm: log.db.name })
      const { events, purged } = covered
      expect(await log.verify()).toMatchObject({ ...intact, covered: { events, purged } })
      expect(await log.trail.validate()).toMatchObject({ differences: [] })
    }
    // It goes on at that level: what is appended and verified is part of it.
    await log.trail.append([{ event_type: "a", organization_id: "acme" }])
    expect(await log.verify({ record: true })).toMatchObject(intact)
    await log.trail.install()
    expect(await catalog(log.db)).toEqual(newest)
    const grown = String(BigInt(covered.events) + 1n)
    expect(await log.verify()).toMatchObject({
      ...intact,
      covered: { events: grown, purged: covered.purged },
    })
  })

  test("settings of a later version stay in force after the way down and up", async () => {
    const chosen = async () =>
      (await log.trail.settings())
        .filter(({ name }) => /^(retention|organization)-/.test(name))
        .map(({ name, value }) => [name, value])
    const before = await chosen()
    expect(before).toContainEqual(["retention-grace", "0d"])
    expect(before).toContainEqual(["organization-keep-least", "30d"])
    await log.trail.migrateDown({ to: 4, confirm: log.db.name })
    await log.trail.install()
    expect(await chosen()).toEqual(before)
  })

  test("has retention, holds and detached partitions from the beginning after the way down and up", async () => {
    await log.trail.migrateDown({ to: 4, confirm: log.db.name })
    await log.trail.install()
    await log.db.query("select pgtrail.set_retention('policy', 'short', 100)")
    await log.db.query("select pgtrail.add_hold('C1', 'again', 'globex')")
    const [purged] = await log.db.query(
      "select events, held from pgtrail.purge_partition('event_2020_03', 'retention')",
    )
    expect(Number(purged?.events)).toBeGreaterThan(0)
    expect(Number(purged?.held)).toBeGreaterThan(0)
    await expect(
      log.db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')"),
    ).rejects.toMatchObject({ code: "TR016" })
    await log.db.query("select pgtrail.release_hold('C1', 'settled')")
    await log.db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')")
    expect(await log.verify()).toMatchObject(intact)
  })

  test.each([
    [
      "a purge record",
      "update pgtrail.purge set events = events + 1 where act_seq = (select min(act_seq) from pgtrail.purge)",
    ],
    [
      "an act of a policy",
      "update pgtrail.act set parameters = parameters || '{\"keep\": 1}' where kind = 'retention'",
    ],
    ["a hold's act", "update pgtrail.act set digest = sha256('') where kind = 'hold'"],
    ["a setting", "update pgtrail.setting set value = '9d' where name = 'retention-grace'"],
  ])("shows that somebody altered %s at the level below too", async (_, sql) => {
    await log.trail.migrateDown({ to: 4, confirm: log.db.name })
    await log.tamper(sql)
    expect((await log.verify()).verdict).toBe("tampered")
  })
})

test("a log with a partition for each week goes down and up again", async () => {
  const db = await testDatabase({ empty: true })
  all.push(db)
  const trail = await db.trail()
  await trail.install({ partitionInterval: "week" })
  await trail.append([{ event_type: "a" }])
  const before = await catalog(db)
  expect(await trail.migrateDown({ to: 4 })).toMatchObject(down)
  expect(await trail.verify()).toMatchObject(intact)
  expect(await trail.validate()).toMatchObject({ differences: [] })
  expect(await trail.install({ partitionInterval: "week" })).toMatchObject({ applied: migrationsAfter(4) })
  expect(await catalog(db)).toEqual(before)
  expect((await trail.settings()).find(({ name }) => name === "partition-interval")).toMatchObject({
    value: "week",
  })
  expect(await trail.verify()).toMatchObject(intact)
})
