// The way down from archives and up again: confirmed where something would be lost, refused where events came back; and a log of the level
// below, whose purges know nothing of archives, is read as it was.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail, VerifyReport } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { archiveLog, makeArchive, restore } from "./archive-sql-fixture.js"
import { catalog, migrationsAfter, newestAct, olderLog, rowsKept } from "./migrate-fixture.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

/** From where the way down to 5 is one step. */
async function logAbove(): Promise<{ db: TestDatabase; trail: Trail }> {
  const { db, trail } = await olderLog(6, { data: false })
  all.push(db)
  await archiveLog(db)
  return { db, trail }
}

const state = async (db: TestDatabase) => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]
const lone = { removed: ["0006_archive"], level: 5 }
const intact = { verdict: "intact", findings: [] }

const refusalOf = (db: TestDatabase, amount: string) => ({
  code: "usage",
  message: `what migration 0006_archive holds would be lost (${amount}): an older pgtrail restores nothing, nor does this one after another migrate up`,
  hint: `nothing was lost; to lose it: pgtrail migrate down --to 5 --confirm ${db.name}`,
})
const failure = "select pgtrail.note_archive_failure('event_2020_02', 'file:///full', 'full', '{}')"
const file = "select pgtrail.store_file('a/b', 1, 'x')"

describe("where something would be lost", () => {
  let db: TestDatabase
  let trail: Trail
  let putBack: () => Promise<void>
  beforeAll(async () => {
    ;({ db, trail } = await logAbove())
    // Of a part of a partition: that of a whole one drops it.
    putBack = await rowsKept(db)
  })
  afterEach(() => putBack())

  test.each([
    ["an archive", true, [], "archives: 1"],
    ["what could not be archived", false, [failure], "what could not be archived: 1"],
    ["a file", false, [file], "files of archives in the database: 1"],
  ])(
    "where %s would be lost it says so, and the name of the database confirms it",
    async (_, archives, made, amount) => {
      if (archives) await makeArchive(db, "event_2020_01", { organization: "acme" })
      for (const sql of made) await db.query(sql)
      const before = await state(db)
      const refusal = refusalOf(db, amount)
      await expect(trail.migrateDown({ to: 5 })).rejects.toMatchObject(refusal)
      await expect(trail.migrateDown({ to: 5, dryRun: true })).rejects.toMatchObject(refusal)
      const sql = await trail.migrateDownSql({ to: 5 })
      await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
      await db.query("rollback")
      expect(await state(db)).toEqual(before)
      expect(await trail.migrateDown({ to: 5, confirm: db.name, dryRun: true })).toMatchObject(lone)
    },
  )

  test("events that came back keep it from going down, whatever is confirmed", async () => {
    const client = await db.client()
    await restore(client, await makeArchive(db, "event_2020_01", { organization: "acme" }))
    await client.end()
    const before = await state(db)
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
    expect(await state(db)).toEqual(before)
  })
})

test("where all of that would be lost it says so, and confirmed it goes down and up without it", async () => {
  const { db, trail } = await logAbove()
  await makeArchive(db, "event_2020_01")
  for (const sql of [failure, file]) await db.query(sql)
  await expect(trail.migrateDown({ to: 5 })).rejects.toMatchObject(
    refusalOf(db, "archives: 1, files of archives in the database: 1, what could not be archived: 1"),
  )
  expect(await trail.migrateDown({ to: 5, confirm: db.name })).toMatchObject(lone)
  expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: "0006_archive" })
  expect(await trail.validate()).toMatchObject({ differences: [] })
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(5) })
  expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
  expect(await db.query("select count(*) from pgtrail.archive")).toEqual([{ count: "0" }])
})

describe("a log with a removed archive, what jobs did, a purge and a detached partition goes down and up:", () => {
  let db: TestDatabase
  let trail: Trail
  interface Look {
    readonly at: string
    readonly told: unknown
    readonly grants: unknown
    readonly verified: VerifyReport
  }
  const looks: Look[] = []
  let removed: readonly string[]
  const look = async (at: string) => {
    const shown = (await trail.organization("acme")).purges?.map(({ recorded_at: _, ...purge }) => purge)
    const { organizations } = await trail.organizations()
    const lost = (await trail.uninstall({ dryRun: true })).lost?.events
    looks.push({
      at,
      told: { shown, listed: organizations.map(({ organization_id: name, purged }) => [name, purged]), lost },
      grants: await db.query("select relacl from pg_class where relname = 'event_2020_01'"),
      verified: await trail.verify({ record: false }),
    })
  }
  beforeAll(async () => {
    db = await archiveLog()
    all.push(db)
    trail = await db.trail()
    const { name } = await makeArchive(db, "event_2020_02", { organization: "globex" })
    await db.query("select pgtrail.remove_archive($1, 'why')", [name])
    await db.query("insert into pgtrail.job_run (job) values ('verify')")
    await trail.purgeOrganization("acme", { reason: "test", confirm: "acme", maxRows: 10 })
    await db.query("select pgtrail.detach_partition('event_2020_01', 'seldom read')")
    await look("newest")
    removed = (await trail.migrateDown({ to: 5 })).removed
    await look("below")
    await trail.install()
    await look("again")
  })

  test("nothing is asked for an archive that was removed, and for what jobs did", () => {
    expect(removed).toEqual(migrationsAfter(5).reverse())
  })

  test("it verifies at either level", () => {
    expect(looks.map(({ at, verified }) => [at, verified.verdict, verified.findings])).toEqual([
      ["newest", "intact", []],
      ["below", "intact", []],
      ["again", "intact", []],
    ])
  })

  test("at the level below, whoever asks what was purged is told as before", () => {
    const [newest, below] = looks
    expect(newest?.told).toMatchObject({ shown: [{ events: "10", restored_act: null }] })
    expect(below?.told).toEqual(newest?.told)
  })

  test("a partition stays detached on the way down and up, and whoever read it reads it", async () => {
    const [newest, below, again] = looks
    expect(below?.grants).toEqual(newest?.grants)
    expect(again?.grants).toEqual(newest?.grants)
    expect((await trail.validate()).differences).toEqual([])
    expect(await db.query("select name from pgtrail.detached_partition")).toHaveLength(1)
  })
})
