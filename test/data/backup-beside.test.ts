// What a DBA has added to a log and no backup brings back: the manifest has it as SQL, show and restore print it, and it can be run.
import { afterAll, beforeAll, expect, test } from "vitest"
import { showBackup } from "../../src/data/backup/at-place.js"
import { describeFound } from "../../src/data/backup/describe.js"
import { isBackupManifest } from "../../src/data/backup/manifest.js"
import { describeRestoredBackup } from "../../src/data/backup/restore-words.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups } from "./backup-restore-fixture.js"

let log: TestDatabase
let place: Backups
let partition: string
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  await log.query("insert into pgtrail.event (event_type) values ('x')")
  const [row] = await log.query("select tableoid::regclass::text as name from pgtrail.event")
  partition = row?.name ?? ""
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

test("a log as it was installed has nothing besides", async () => {
  const trail = await log.trail()
  const { backup } = await showBackup(await place.of(trail))
  expect(backup.read?.manifest.beside).toEqual([])
  expect(describeFound(backup, place.to, Date.now())).not.toContain("none of its files")
  await trail.close()
})

test("indexes and settings of the DBA's own are told by show and restore, and can be made again", async () => {
  await log.query(`create index mine on ${partition} (event_type, actor_id) where actor_id is not null`)
  await log.query(`alter table ${partition} set (autovacuum_enabled = false)`)
  const trail = await log.trail()
  const location = await place.of(trail)
  const expected = [
    `CREATE INDEX mine ON ${partition} USING btree (event_type, actor_id) WHERE (actor_id IS NOT NULL)`,
    `alter table ${partition} set (autovacuum_enabled = 'false')`,
  ]
  const { backup } = await showBackup(location)
  expect(backup.read?.manifest.beside).toEqual(expected)
  expect(describeFound(backup, place.to, Date.now())).toContain(
    `was there, and is in none of its files:\n  ${expected[0]};\n  ${expected[1]};`,
  )
  const empty = await place.empty()
  const done = await empty.restore(location)
  expect(done.beside).toEqual(expected)
  expect(describeRestoredBackup(done)).toContain(
    `the log had besides, and a restore does not make it; look at each before you run it:\n  ${expected[0]};\n`,
  )
  for (const statement of expected) await empty.db.query(statement)
  const again = await place.of(empty.trail)
  expect((await showBackup(again)).backup.read?.manifest.beside).toEqual(expected)
  expect(await empty.trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", findings: [] })
})

test("a manifest that does not tell of them is one, and one whose statement could move a cursor is none", async () => {
  const trail = await log.trail()
  const { backup } = await showBackup(await place.of(trail))
  const manifest = backup.read?.manifest
  expect(isBackupManifest({ ...manifest, beside: undefined })).toBe(true)
  expect(isBackupManifest({ ...manifest, beside: ["select '\u001b[2J'"] })).toBe(false)
  expect(isBackupManifest({ ...manifest, beside: [""] })).toBe(false)
  await trail.close()
})
