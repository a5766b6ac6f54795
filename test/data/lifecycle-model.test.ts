// A random life of a log, step by step against a model: append, hold, rules, retention, partitions. Seeded: a failure tells its steps.
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { archiveSteps, checkArchives } from "./lifecycle-archive-steps.js"
import { generator, Model } from "./lifecycle-model.js"
import { oneOf, partitions, steps } from "./lifecycle-steps.js"

const usualSeed = 3
const seed = Number(process.env.PGTRAIL_TEST_SEED ?? usualSeed)
/** Steps. */
const lifetime = 40

let db: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-life-"))
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true, force: true })
})

async function check(model: Model, done: readonly string[]): Promise<void> {
  // Each archive is read whole then.
  const isDeep = done.length % 5 === 0 || done.length > lifetime
  const archives = isDeep ? { archives: ["recorded"] } : {}
  const report = await trail.verify({ jobs: 1, record: done.length % 3 === 0, ...archives })
  // A log that never had an event has nothing to be intact.
  const verdict = model.appended === 0 ? "incomplete" : "intact"
  expect({ done, verdict: report.verdict }).toEqual({ done, verdict })
  expect({ done, findings: report.findings }).toEqual({ done, findings: [] })
  const { events, archived, purged } = report.covered
  expect({ done, events, archived, purged }).toEqual({
    done,
    events: String(model.live.size),
    archived: String(model.archived),
    purged: String(model.purged),
  })
  expect(model.live.size + model.archived + model.purged).toBe(model.appended)
  if (isDeep) await checkArchives(db, model, pathToFileURL(folder).href)
  const live = new Set<string>()
  for (const { name } of await partitions(db)) {
    for (const { place } of await placesOf(name)) live.add(place)
  }
  expect({ done, live: [...live].sort() }).toEqual({ done, live: [...model.live.keys()].sort() })
}

const placesOf = (name: string) =>
  db.query(
    `select organization_id || '/' || lane || '/' || seq as place from pgtrail.${name}`,
  ) as unknown as Promise<{ place: string }[]>

/** By hand, past every guard; each is taken back by the copy of the table. */
const tamperings: Readonly<Record<string, readonly [table: string, sql: string]>> = {
  "an event that stayed altered": [
    "event",
    "update pgtrail.event set actor_id = 'nobody' where ctid = (select min(ctid) from pgtrail.event)",
  ],
  "an event that stayed deleted": [
    "event",
    "delete from pgtrail.event where (organization_id, lane, seq) = (select organization_id, lane, seq from pgtrail.event order by seq desc, lane limit 1)",
  ],
  "a purge record altered": [
    "purge",
    "update pgtrail.purge set hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) where act_seq = (select max(act_seq) from pgtrail.purge)",
  ],
  "a purge record forged": [
    "purge",
    `insert into pgtrail.purge select (select max(seq) from pgtrail.act where kind = 'verify'), organization_id, lane, '{[900000,900001)}', hashes, 1,
       oldest_occurred_at, newest_occurred_at, oldest_recorded_at, newest_recorded_at from pgtrail.purge where octet_length(hashes) = 64 limit 1`,
  ],
  "an act without its purge": [
    "purge",
    "delete from pgtrail.purge where act_seq = (select min(act_seq) from pgtrail.purge)",
  ],
  "a purge without its act": [
    "act",
    "delete from pgtrail.act where seq = (select max(act_seq) from pgtrail.purge)",
  ],
  "a hold changed": [
    "hold",
    "update pgtrail.hold set actor_id = 'another' where act_seq = (select min(act_seq) from pgtrail.hold)",
  ],
  "a hold released by hand": [
    "hold",
    "update pgtrail.hold set released_seq = case when released_seq is null then 1 end where act_seq = (select max(act_seq) from pgtrail.hold)",
  ],
  "a hold taken away": [
    "hold",
    "delete from pgtrail.hold where act_seq = (select max(act_seq) from pgtrail.hold)",
  ],
  "a policy changed": [
    "retention_rule",
    "update pgtrail.retention_rule set keep_days = keep_days + 1 where act_seq = 0",
  ],
  "a policy taken away": [
    "retention_rule",
    "delete from pgtrail.retention_rule where act_seq = (select max(act_seq) from pgtrail.retention_rule)",
  ],
}

/** These need an archive. */
const tamperingsOfArchives: typeof tamperings = {
  "an archive that lies elsewhere": [
    "archive",
    "update pgtrail.archive set location = 'file:///elsewhere' where act_seq = (select min(act_seq) from pgtrail.archive)",
  ],
  "an archive restored by hand": [
    "archive",
    "update pgtrail.archive set restored_seq = case when restored_seq is null then 1 end where act_seq = (select max(act_seq) from pgtrail.archive)",
  ],
  "an archive removed by hand": [
    "archive",
    "delete from pgtrail.archive where act_seq = (select max(act_seq) from pgtrail.archive)",
  ],
  "kinds of an archive changed": [
    "archive_kind",
    "update pgtrail.archive_kind set retention_policy = 'other' where (act_seq, kind) = (select act_seq, kind from pgtrail.archive_kind limit 1)",
  ],
  "a purge restored by hand": [
    "purge",
    "update pgtrail.purge set restored_seq = case when restored_seq is null then 1 end where act_seq = (select max(act_seq) from pgtrail.archive)",
  ],
}

async function expectTamperingIsFound(model: Model, done: readonly string[]): Promise<void> {
  const all = { ...tamperings, ...(model.archives.size > 0 ? tamperingsOfArchives : {}) }
  const client = await db.client()
  await client.query("set session_replication_role = replica")
  for (const [what, [table, sql]] of Object.entries(all)) {
    await client.query(`create table public.copy as select * from pgtrail.${table}`)
    const { rowCount } = await client.query(sql)
    // Another life than the usual one may have no such row.
    const isThere = rowCount !== 0 || seed !== usualSeed
    expect({ done, what, isThere }).toMatchObject({ isThere: true })
    const { verdict } = await trail.verify({ jobs: 1, record: false })
    expect({ done, what, verdict }).toMatchObject({ verdict: rowCount === 0 ? "intact" : "tampered" })
    await client.query(
      `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.copy; drop table public.copy`,
    )
  }
  await expectTamperedFilesAreFound(model, done)
  const { findings } = await trail.verify({ jobs: 1, record: false, archives: ["recorded"] })
  expect({ done, findings }).toMatchObject({ findings: [] })
}

/** Of an archive in the folder whose events are out of the table. */
async function expectTamperedFilesAreFound(model: Model, done: readonly string[]): Promise<void> {
  const names = await readdir(folder)
  const name = names.find((one) => model.archives.get(one)?.state === "archived")
  // Another life than the usual one may have none.
  expect(name !== undefined || seed !== usualSeed).toBe(true)
  if (name === undefined) return
  const verdict = async () => (await trail.verify({ jobs: 1, record: false, archives: ["recorded"] })).verdict
  for (const file of ["events.copy.gz", "manifest.json"]) {
    const path = join(folder, name, file)
    const bytes = await readFile(path)
    const altered = Buffer.from(bytes)
    altered[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(path, altered)
    expect({ done, file, verdict: await verdict() }).toMatchObject({ verdict: "tampered" })
    await writeFile(path, bytes.subarray(0, bytes.length - 9))
    expect({ done, file, verdict: await verdict() }).toMatchObject({ verdict: "tampered" })
    await writeFile(path, bytes)
  }
  await rename(join(folder, name), join(folder, "aside"))
  expect({ done, verdict: await verdict() }).toMatchObject({ verdict: "incomplete" })
  await rename(join(folder, "aside"), join(folder, name))
}

test("after every step of a random life the log is intact, live, archived and purged are what was appended, held events are there, every archive checks out, and tampering is found", async () => {
  const pick = generator(seed)
  const model = new Model()
  const done: string[] = [`seed ${seed}`]
  const all = [...steps, ...archiveSteps(trail, pathToFileURL(folder).href)]
  for (let i = 0; i < lifetime; i++) {
    done.push(await oneOf(all, pick)(db, model, pick))
    // What was decided by two steps one after the other is checked after the second.
    if (pick(2) === 0) await check(model, done)
  }
  await check(model, done)
  await expectTamperingIsFound(model, done)
})
