// A copy of a database knows the archives of the original, and takes none of their files away.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"

let log: ArchiveLog
let name: string
beforeAll(async () => {
  log = await archiveLog()
  await log.append(10)
  name = (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""
  await log.db.query("select pgtrail.set_retention('policy', 'standard', 200, confirmed => true)")
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const removal = () => ({ reason: "why", confirm: name })
const byHand = (sql: string) =>
  log.db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)

/** As they look from a copy of the database that made them: what differs there is put as it would be seen. */
const made: readonly [what: string, change: () => Promise<unknown>, why: () => RegExp][] = [
  [
    "another database",
    async () => {
      const path = join(log.folder, name, "manifest.json")
      const text = await readFile(path, "utf8")
      await writeFile(path, text.replace(/"database": ?"[^"]*"/, '"database":"original"'))
    },
    () => new RegExp(`^its manifest.json is of the database original, and this one is ${log.db.name}$`),
  ],
  [
    "another log",
    () => byHand("update pgtrail.log set log_id = '00000000-0000-4000-8000-000000000000'"),
    () => /^its manifest.json is of the log [-0-9a-f]{36}, and this one is 00000000-/,
  ],
  [
    "another server",
    () => byHand("update pgtrail.act set system_identifier = '1' where kind = 'purge'"),
    () => /^act \d+, which made it, was recorded on another server$/,
  ],
]

test.each(made)("files of %s stay where they are, by name and with --expired", async (_, change, why) => {
  await change()
  const acts = await log.db.query("select count(*) from pgtrail.act")
  expect(await failureOf(log.trail.removeArchive(name, removal()))).toMatchObject({
    code: "usage",
    message: expect.stringMatching(`the files of ${name} may be another log's: `),
    hint: expect.stringMatching(/^nothing was removed; .*--at file:/),
  })
  for (const dryRun of [true, false]) {
    expect(await log.trail.removeExpiredArchives({ dryRun })).toMatchObject({
      removed: [],
      foreign: [{ name, message: expect.stringMatching(why()) }],
      failed: [],
    })
  }
  expect(await log.trail.removeExpiredArchives({ at: `${log.to}/elsewhere` })).toMatchObject({ removed: [] })
  expect(await log.files()).toEqual([name])
  expect(await log.db.query("select count(*) from pgtrail.act")).toEqual(acts)
})

test.each(made)("files of %s go where --at says that they are this log's", async (_, change) => {
  await change()
  expect(await log.trail.removeArchive(name, { ...removal(), at: log.to })).toMatchObject({ files: 2 })
  expect(await log.files()).toEqual([])
})

test.each(made)(
  "files of %s go with --expired where --at says that they are this log's",
  async (_, change) => {
    await change()
    const done = await log.trail.removeExpiredArchives({ at: log.to })
    expect(done).toMatchObject({ removed: [{ name, files: 2 }], foreign: [] })
    expect(await log.files()).toEqual([])
  },
)

test("--expired ends with 4 where it left something alone, also in a crontab, and --at does all", async () => {
  await made[0]?.[1]()
  const env = { PGTRAIL_URL: log.db.url }
  const run = (...more: string[]) =>
    runInProcess(["archive", "remove", "--expired", "--quiet", ...more], { env })
  const left = await run()
  expect(left).toMatchObject({ exit: 4 })
  expect(left.both).toContain(
    `left alone: ${name}: it may be another log's: its manifest.json is of the database`,
  )
  expect(left.both).toContain("--at PLACE")
  expect(await run("--at", log.folder)).toMatchObject({ exit: 0, both: "" })
  expect(await log.files()).toEqual([])
})

test("who may not read events does not restore from the table of the log, and is told which right that takes", async () => {
  await log.append(4, { at: "2020-02-02" })
  const stored = (await log.create({ partition: "event_2020_02", to: "table:" })).partitions[0]?.archive ?? ""
  const alone = await log.db.role({ memberOf: ["pgtrail_operator"] })
  const trail = await log.db.trail({ url: alone.url })
  expect(await failureOf(trail.restoreArchive(stored, { reason: "why" }))).toMatchObject({
    code: "privilege",
    message: expect.stringContaining("may not read what archives have"),
    hint: expect.stringMatching(/pgtrail grant reader/),
  })
  expect(await trail.removeArchive(stored, { reason: "why", confirm: stored })).toMatchObject({ files: 2 })
})
