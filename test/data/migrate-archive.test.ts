// The way down from archives and up again: confirmed where something would be lost, refused where events came back; and a log of the level
// below, whose purges know nothing of archives, is read as it was.
import { afterEach, beforeEach, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { archiveLog, makeArchive, restore } from "./archive-sql-fixture.js"
import { catalog, migrationsAfter, newestAct } from "./migrate-fixture.js"

let db: TestDatabase
let trail: Trail
beforeEach(async () => {
  db = await archiveLog()
  trail = await db.trail()
})
afterEach(() => db.drop())

const state = async () => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]
const down = { removed: migrationsAfter(5).reverse(), level: 5 }
const intact = { verdict: "intact", findings: [] }

const failure = "select pgtrail.note_archive_failure('event_2020_02', 'file:///full', 'full', '{}')"
const file = "select pgtrail.store_file('a/b', 1, 'x')"

test.each([
  ["an archive", true, [], "archives: 1"],
  ["what could not be archived", false, [failure], "what could not be archived: 1"],
  ["a file", false, [file], "files of archives in the database: 1"],
  [
    "all of that",
    true,
    [failure, file],
    "archives: 1, files of archives in the database: 1, what could not be archived: 1",
  ],
])(
  "where %s would be lost it says so, and the name of the database confirms it",
  async (what, archives, made, amount) => {
    if (archives) await makeArchive(db, "event_2020_01")
    for (const sql of made) await db.query(sql)
    const before = await state()
    const refusal = {
      code: "usage",
      message: `what migration 0006_archive holds would be lost (${amount}): an older pgtrail restores nothing, nor does this one after another migrate up`,
      hint: `nothing was lost; to lose it: pgtrail migrate down --to 5 --confirm ${db.name}`,
    }
    await expect(trail.migrateDown({ to: 5 })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 5, dryRun: true })).rejects.toMatchObject(refusal)
    const sql = await trail.migrateDownSql({ to: 5 })
    await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await db.query("rollback")
    expect(await state()).toEqual(before)
    if (what !== "all of that") {
      expect(await trail.migrateDown({ to: 5, confirm: db.name, dryRun: true })).toMatchObject(down)
      return
    }
    expect(await trail.migrateDown({ to: 5, confirm: db.name })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: "0006_archive" })
    expect(await trail.validate()).toMatchObject({ differences: [] })
    expect(await trail.install()).toMatchObject({ applied: migrationsAfter(5) })
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
    expect(await db.query("select count(*) from pgtrail.archive")).toEqual([{ count: "0" }])
  },
)

test("nothing is asked for an archive that was removed, and for what jobs did", async () => {
  const { name } = await makeArchive(db, "event_2020_01")
  await db.query("select pgtrail.remove_archive($1, 'why')", [name])
  await db.query("insert into pgtrail.job_run (job) values ('verify')")
  expect(await trail.migrateDown({ to: 5 })).toMatchObject(down)
  expect(await trail.verify()).toMatchObject(intact)
  await trail.install()
  expect(await trail.verify()).toMatchObject(intact)
})

test("events that came back keep it from going down, whatever is confirmed", async () => {
  await restore(await db.client(), await makeArchive(db, "event_2020_01"))
  const before = await state()
  const refusal = {
    sqlstate: "55000",
    message:
      "events were restored from an archive, of which an older pgtrail knows nothing: it would take them for inserted",
    hint: expect.stringContaining("stays at this version"),
  }
  await expect(trail.migrateDown({ to: 5 })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 5, confirm: db.name })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 3, confirm: db.name })).rejects.toMatchObject(refusal)
  const sql = await trail.migrateDownSql({ to: 5, confirm: db.name })
  await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
  await db.query("rollback")
  expect(await state()).toEqual(before)
})

test("at the level below, whoever asks what was purged is told as before", async () => {
  await trail.purgeOrganization("acme", { reason: "test", confirm: "acme", maxRows: 10 })
  const told = async () => ({
    shown: (await trail.organization("acme")).purges?.map(({ recorded_at: _, ...purge }) => purge),
    listed: (await trail.organizations()).organizations.map(({ organization_id: name, purged }) => [
      name,
      purged,
    ]),
    lost: (await trail.uninstall({ dryRun: true })).lost?.events,
  })
  const before = await told()
  expect(before.shown).toMatchObject([{ events: "10", restored_act: null }])
  await trail.migrateDown({ to: 5 })
  expect(await told()).toEqual(before)
  expect(await trail.verify()).toMatchObject(intact)
})

test("a partition stays detached on the way down and up, and whoever read it reads it", async () => {
  await db.query("select pgtrail.detach_partition('event_2020_01', 'seldom read')")
  const grants = () => db.query("select relacl from pg_class where relname = 'event_2020_01'")
  const before = await grants()
  expect(await trail.migrateDown({ to: 5 })).toMatchObject(down)
  expect(await grants()).toEqual(before)
  expect(await trail.verify()).toMatchObject(intact)
  await trail.install()
  expect(await grants()).toEqual(before)
  expect(await trail.verify()).toMatchObject(intact)
  expect((await trail.validate()).differences).toEqual([])
})
