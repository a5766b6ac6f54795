// The way down is refused where something would be lost, where the log was tampered with, and where there is none.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"
import { catalog, type Level, migrationsAfter, newestAct, newestLevel, olderLog } from "./migrate-fixture.js"
import { noteSql } from "./opening.js"

let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
async function newLog(): Promise<void> {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) values ('a')")
}
async function olderOne(level: Level): Promise<void> {
  ;({ db, trail } = await olderLog(level, { data: false }))
  all.push(db)
}
afterAll(async () => {
  for (const database of all) await database.drop()
})

const state = async () => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]

describe("where something would be lost,", () => {
  test.each([
    [
      "a second incarnation",
      `select pgtrail.open_incarnation('restore', ${noteSql()}, array['default'], array[0]::smallint[], array[3]::bigint[], array[decode(repeat('ab', 32), 'hex')], now())`,
      "incarnations: 1, recorded losses: 1, signatures of acts: 0",
    ],
    [
      "a signed act",
      "insert into pgtrail.act_signature values ('pgtrail', 1, 'x')",
      "incarnations: 0, recorded losses: 0, signatures of acts: 1",
    ],
  ])("it says what: %s; and the name of the database confirms it", async (_, sql, amount) => {
    await olderOne(3)
    await db.query(sql)
    const before = await state()
    const refusal = {
      code: "usage",
      message: `what migration 0002_proof holds would be lost (${amount}): without it the log does not verify as intact any more, not even after another migrate up`,
      hint: `nothing was lost; to lose it: pgtrail migrate down --to 1 --confirm ${db.name}`,
    }
    await expect(trail.migrateDown({ to: 1, dryRun: true })).rejects.toMatchObject(refusal)
    expect(await state()).toEqual(before)
    await expect(trail.migrateDown({ to: 1, confirm: "other" })).rejects.toMatchObject({
      code: "usage",
      message: `--confirm names database other, and this is ${db.name}`,
    })
    // The later migration holds nothing, and stays all the same.
    await expect(trail.migrateDown({ to: 1 })).rejects.toMatchObject(refusal)
    expect(await state()).toEqual(before)
    expect(await trail.migrateDown()).toMatchObject({ removed: ["0003_access"], level: 2 })
    await expect(trail.migrateDown()).rejects.toMatchObject(refusal)
    expect(await trail.migrateDown({ confirm: db.name })).toMatchObject({ removed: ["0002_proof"], level: 1 })
    expect(await db.query("select to_regclass('pgtrail.incarnation') as there")).toEqual([{ there: null }])
    expect(await trail.validate()).toMatchObject({ differences: [] })
  })

  test("the printed SQL refuses in another database than the confirmed one", async () => {
    await olderOne(2)
    const other = db
    await olderOne(2)
    await db.query("insert into pgtrail.act_signature values ('pgtrail', 1, 'x')")
    const sql = await trail.migrateDownSql({ to: 1, confirm: db.name })
    await other.query("insert into pgtrail.act_signature values ('pgtrail', 1, 'x')")
    await expect(other.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await other.query("rollback")
    await db.query(`begin; ${sql}; commit`)
    expect(await trail.schemaState()).toMatchObject({ level: 1 })
  })
})

describe("it is refused, and nothing changes,", () => {
  beforeAll(newLog)

  test.each([
    [
      { steps: newestLevel() },
      "migration 0001_log is the log itself: there is no way down from it",
      /pgtrail uninstall$/,
    ],
    [{ to: 0 }, "migration 0001_log is the log itself: there is no way down from it", /pgtrail uninstall$/],
    [{ to: 9 }, `the log is at migration ${newestLevel()}, which is before 9`, /pgtrail migrate up --to 9$/],
    [{ steps: 0 }, "--steps takes a number from 1", undefined],
    [{ steps: 1, to: 2 }, "--steps and --to contradict each other", undefined],
  ])("for %o", async (options, message, hint) => {
    const before = await state()
    const words = {
      code: "usage",
      message,
      ...(hint === undefined ? {} : { hint: expect.stringMatching(hint) }),
    }
    await expect(trail.migrateDown(options)).rejects.toMatchObject(words)
    await expect(trail.migrateDownSql(options)).rejects.toMatchObject(words)
    expect(await state()).toEqual(before)
  })

  test("up, for a migration that is not there or behind", async () => {
    await expect(trail.install({ to: 2 })).rejects.toMatchObject({
      code: "usage",
      message: `the log is at migration ${newestLevel()} already, which is after 2`,
      hint: "nothing was changed; to take migrations back: pgtrail migrate down --to 2",
    })
    await expect(trail.install({ to: 99 })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(
        new RegExp(`^there is no migration 99: this pgtrail \\S+ has 1 to ${newestLevel()}$`),
      ),
    })
  })

  test("where nothing is to be taken back", async () => {
    const before = await state()
    expect(await trail.migrateDown({ to: newestLevel() })).toMatchObject({
      removed: [],
      level: newestLevel(),
    })
    expect(await state()).toEqual(before)
  })
})

describe("it is refused, and nothing changes,", () => {
  beforeEach(newLog)

  test("by the second of two runs at once", async () => {
    const other = await db.client()
    await other.query("select pg_advisory_lock(1885828210, -2)")
    const both = Promise.all([trail.migrateDown(), trail.migrateDown()])
    for (let waiting = 0; waiting < 2; ) {
      const [row] = await db.query(
        "select count(*) as n from pg_locks where locktype = 'advisory' and objid = 4294967294 and not granted and database = (select oid from pg_database where datname = current_database())",
      )
      waiting = Number(row?.n)
      await pause(10)
    }
    await other.end()
    const results = await both
    expect(results.map((one) => one.removed).sort()).toEqual([[], migrationsAfter(newestLevel() - 1)])
    expect(await trail.schemaState()).toMatchObject({ level: newestLevel() - 1 })
  })

  test("where a later or another pgtrail has migrated, and where none is installed", async () => {
    await db.query("update pgtrail.setting set value = 'other' where name = 'code-checksum'")
    await expect(trail.migrateDown()).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/^the log has functions that this pgtrail \S+ does not know/),
      hint: expect.stringMatching(/^nothing was changed; first pgtrail migrate up/),
    })
    await db.query(
      "insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version) values (99, 'later', 'x', 1, '9.1.0')",
    )
    await expect(trail.migrateDown()).rejects.toMatchObject({ code: "newer-schema" })
    const empty = await testDatabase({ empty: true })
    all.push(empty)
    await expect((await empty.trail()).migrateDown()).rejects.toMatchObject({ code: "not-installed" })
  })
})

describe("where somebody tampered with the log, neither up nor down, at an older level too:", () => {
  const tamperings: [what: string, sql: string, says: RegExp][] = [
    [
      "a function",
      `do $do$ begin execute replace(pg_get_functiondef('pgtrail.seal_event()'::regprocedure), 'begin', 'begin perform 1;'); end $do$`,
      /function seal_event\(\): expected: body/,
    ],
    [
      "a trigger",
      "drop trigger pgtrail_guard on pgtrail.event_default",
      /partition event_default: missing: trigger/,
    ],
    ["a grant", "grant insert on pgtrail.act to pgtrail_writer", /table act: unexpected: grant INSERT/],
  ]
  const refusals: unknown[] = []
  let changed: boolean
  let verdict: string
  // All of them at once: a refusal names the first three.
  beforeAll(async () => {
    await newLog()
    for (const [, sql] of tamperings) await db.query(sql)
    const older = await olderLog(2, { data: false })
    all.push(older.db)
    for (const [, sql] of tamperings) await older.db.query(sql)
    const before = await catalog(older.db)
    for (const work of [
      () => trail.migrateDown(),
      () => older.trail.install(),
      () => older.trail.install({ to: 4, dryRun: true }),
      () => older.trail.migrateDown(),
    ])
      refusals.push(await failureOf(work()))
    changed = JSON.stringify(await catalog(older.db)) !== JSON.stringify(before)
    verdict = (await older.trail.verify({ record: false })).verdict
  })

  test.each(tamperings)("%s is named, and nothing changes", (_, __, says) => {
    const refusal = { code: "config", message: expect.stringMatching(says) }
    expect(refusals).toMatchObject([refusal, refusal, refusal, refusal])
    expect({ changed, verdict }).toEqual({ changed: false, verdict: "tampered" })
  })
})

test("functions that were forged with the act of a migration are found at an older level too", async () => {
  const { db: older, trail: its } = await olderLog(2, { data: false })
  all.push(older)
  await older.query(
    `create or replace function pgtrail.generate_id() returns uuid language sql as 'select ''0''::text::uuid';
     update pgtrail.catalog_object set definition = replace(definition, 'x', 'x')`,
  )
  expect((await its.validate()).differences.map((one) => one.object)).toContain("function generate_id()")
})

test("a long reading of the events does not make writers wait, and a long writing ends the migration in time", async () => {
  const { db: older, trail: its } = await olderLog(7, { data: false })
  all.push(older)
  const other = await older.client()
  await other.query("begin; insert into pgtrail.event (event_type) values ('held')")
  const started = performance.now()
  let running = true
  const refused = expect(its.install({ lockTimeoutMs: 1_500 }))
    .rejects.toMatchObject({ code: "lock-timeout" })
    .finally(() => {
      running = false
    })
  let longest = 0
  while (running) {
    const before = performance.now()
    await older.query("insert into pgtrail.event (event_type) values ('meanwhile')")
    longest = Math.max(longest, performance.now() - before)
    await pause(10)
  }
  await refused
  expect(performance.now() - started).toBeLessThan(5_000)
  // Ten seconds, were the lock asked for once; the machine may be slow.
  expect(longest).toBeLessThan(1_000)
  await other.query("commit; begin; select count(*) from pgtrail.event")
  expect(await its.install()).toMatchObject({ applied: migrationsAfter(7) })
  await other.query("commit")
  await other.end()
})
