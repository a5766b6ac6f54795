// What cannot be archived loses nothing: it is noted, the others have their turn, and the next run tries it again.
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(6, { policy: "cold" })
  await log.append(6, { at: "2020-02-02", policy: "cold" })
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

/** Only root may mount, and not in every container. */
function mount(path: string, options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "pgtrail-test", path], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Into a folder that is there when the run looks, and is gone when the first partition is read. */
function unmounted(name: string, options: Parameters<ArchiveLog["create"]>[0]) {
  const folder = join(log.folder, name)
  mkdirSync(folder, { recursive: true })
  const progress = () => rmSync(folder, { recursive: true, force: true })
  return log.create({ ...options, to: `${log.to}/${name}`, progress })
}

test("a full disk loses nothing: what fits goes, the rest is taken away again, and goes when there is room", async ({
  skip,
}) => {
  const small = join(log.folder, "small")
  await mkdir(small)
  skip(!mount(small, "size=40k"), "needs the right to mount a small file system")
  try {
    await log.append(690, { at: "2020-03-02", policy: "cold" })
    const to = `${log.to}/small`
    const run = await log.create({ due: true, to })
    expect(run).toMatchObject({ events: "12", failed: [{ partition: "event_2020_03" }] })
    expect(run.failed[0]?.message).toMatch(/no space|full/i)
    expect((await readdir(small)).sort()).toEqual(run.partitions.map(({ archive }) => archive))
    expect((await log.whole()).archived).toBe(12)
    execFileSync("mount", ["-o", "remount,size=4m", small])
    expect(await log.create({ due: true, to })).toMatchObject({
      failed: [],
      archives: expect.stringMatching(/^[1-9]/),
    })
    expect(await log.trail.archiveFailures()).toEqual([])
    expect((await log.whole()).live).toBe(0)
  } finally {
    execFileSync("umount", [small])
  }
})

test("a partition that somebody reads is left with all its events, and the others go", async () => {
  const reader = await log.db.client()
  await reader.query("begin; select count(*) from pgtrail.event_2020_01")
  const run = await log.create({ due: true, patienceMs: 150 })
  expect(run).toMatchObject({
    archives: "1",
    failed: [{ partition: "event_2020_01", message: expect.stringContaining("locked") }],
  })
  expect(await log.files()).toEqual(run.partitions.map(({ archive }) => archive))
  expect(await log.trail.archiveFailures()).toMatchObject([
    { partition: "event_2020_01", failures: "1", original: { due: true } },
  ])
  await reader.end()
  expect(await log.create({ due: true })).toMatchObject({ archives: "1", failed: [] })
  expect(await log.trail.archiveFailures()).toEqual([])
  expect(await log.whole()).toEqual({ live: 0, archived: 12, purged: 0 })
})

test("a place that is not there, or is no folder, stops the run before anything, and nothing is noted", async () => {
  await writeFile(join(log.folder, "file"), "")
  for (const [name, said] of [
    ["nowhere", `there is no folder ${log.folder}/nowhere`],
    ["file", `${log.folder}/file is no folder, or a part of it is none`],
    ["file/below", `${log.folder}/file/below is no folder, or a part of it is none`],
  ]) {
    for (const asked of [{ due: true }, { partition: "event_2020_01" }, { due: true, dryRun: true }]) {
      expect(await failureOf(log.create({ ...asked, to: `${log.to}/${name}` }))).toMatchObject({
        code: "file",
        message: said,
        hint: expect.stringMatching(/^nothing was archived; /),
      })
    }
  }
  expect(await log.trail.archiveFailures()).toEqual([])
  expect(await log.whole()).toEqual({ live: 12, archived: 0, purged: 0 })
})

test("the place is looked at also while nothing is due", async () => {
  await log.create({ due: true })
  expect(await failureOf(log.create({ due: true, to: `${log.to}/nowhere` }))).toMatchObject({ code: "file" })
})

test("where nothing can be written any more nothing is purged, and each time counts", async () => {
  const to = `${log.to}/below`
  for (const failures of ["1", "2"]) {
    const run = await unmounted("below", { due: true })
    expect(run.failed.map(({ partition }) => partition)).toEqual(["event_2020_01", "event_2020_02"])
    expect(run).toMatchObject({ archives: "0", acts: [] })
    expect(await log.trail.archiveFailures()).toMatchObject([{ failures, location: to }, { failures }])
  }
  expect(await log.whole()).toEqual({ live: 12, archived: 0, purged: 0 })
})

test("what was asked for by name and failed is tried again by --due, there and as it was asked for", async () => {
  const to = `${log.to}/later`
  await log.append(2, { policy: "standard" })
  const asked = { partition: "event_2020_01", reason: "a move", requestedBy: "R-7" }
  expect(await unmounted("later", asked)).toMatchObject({ failed: [{ location: to }] })
  await mkdir(join(log.folder, "later"))
  const run = await log.create({ due: true })
  expect(run).toMatchObject({ failed: [], archives: "3" })
  // What is due of it went first; the rest where it was to go then.
  expect(run.partitions.map(({ partition, location, events }) => [partition, location, events])).toEqual([
    ["event_2020_01", log.to, "6"],
    ["event_2020_02", log.to, "6"],
    ["event_2020_01", to, "2"],
  ])
  const { acts } = await log.trail.archive(run.partitions[2]?.archive ?? "")
  expect(acts).toMatchObject([{ reason: "a move", requested_by: "R-7" }])
  expect(await log.trail.archiveFailures()).toEqual([])
})

test("what failed and is not there any more is forgotten", async () => {
  await unmounted("away", { partition: "event_2020_01" })
  await log.trail.dropPartition("event_2020_01", { reason: "test", confirm: "event_2020_01" })
  expect(await log.create({ due: true })).toMatchObject({ failed: [] })
  expect(await log.trail.archiveFailures()).toEqual([])
})

test("what is archived whole is forgotten wherever else it had failed, and nothing else is", async () => {
  for (const place of ["a", "b"]) {
    await unmounted(place, { partition: "event_2020_01" })
    await unmounted(place, { due: true })
  }
  expect(await log.trail.archiveFailures()).toHaveLength(4)
  expect(await log.create({ partition: "event_2020_01" })).toMatchObject({ archives: "1", failed: [] })
  const left = await log.trail.archiveFailures()
  expect(left.map(({ partition }) => partition)).toEqual(["event_2020_02", "event_2020_02"])
})

test("what was due and failed at three places is archived once, and what is held of it counted once", async () => {
  await log.append(3, { policy: "cold", org: "held" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'held')")
  for (const place of ["a", "b", "c"]) await unmounted(place, { due: true })
  expect(await log.trail.archiveFailures()).toHaveLength(6)
  const dry = await log.create({ due: true, dryRun: true })
  expect(dry).toMatchObject({ events: "12", held: "3", failed: [] })
  expect(await log.trail.archiveFailures()).toHaveLength(6)
  const run = await log.create({ due: true })
  expect(run).toMatchObject({ archives: "2", events: "12", held: "3", failed: [] })
  expect(await log.trail.archiveFailures()).toEqual([])
})

test("what was due, failed and is over its keep now stays noted, as it never was archived", async () => {
  await unmounted("away", { due: true })
  await log.db.query(
    "select pgtrail.set_retention('policy', 'cold', 100, archive_after_days => 50, confirmed => true)",
  )
  await mkdir(join(log.folder, "away"))
  const run = await log.create({ due: true, explain: true })
  expect(run).toMatchObject({
    archives: "0",
    failed: [],
    nothing_because: "12 events are over their keep, and not archived any more: pgtrail retention run",
  })
  expect(await log.trail.archiveFailures()).toHaveLength(2)
})

test("a note that somebody wrote by hand stops no run", async () => {
  await log.db.query(
    `select pgtrail.note_archive_failure('event_2020_03', 'nowhere', 'x', '{"due": 7, "recipients": [{}], "level": 99, "since": "x"}')`,
  )
  // Its keys are not there, and nobody has asked for it now.
  await log.db.query("select pgtrail.note_archive_failure('event_2020_03', 's3://bucket', 'x', '{}')")
  await log.append(1, { at: "2020-03-02", policy: "standard" })
  const run = await log.create({ due: true })
  expect(run).toMatchObject({ archives: "2", failed: [{ location: "nowhere" }, { location: "s3://bucket" }] })
  expect(await failureOf(log.create({ due: true, to: "s3://bucket" }))).toMatchObject({ code: "config" })
  expect(await log.whole()).toEqual({ live: 1, archived: 12, purged: 0 })
})

test("a run that is stopped leaves no file without an act, and says what it did", async () => {
  const stop = new AbortController()
  const stopped = await failureOf(
    log.create({
      due: true,
      signal: stop.signal,
      progress: (doing) => {
        if (doing === "event_2020_02: reading") stop.abort("SIGINT")
      },
    }),
  )
  expect(stopped).toMatchObject({
    code: "cancelled",
    hint: expect.stringMatching(/^6 events archived before, by act \d+/),
  })
  expect(await log.files()).toHaveLength(1)
  expect(await log.whole()).toEqual({ live: 6, archived: 6, purged: 0 })
})

test.skipIf(process.getuid?.() === 0)("a folder that may not be written is told", async () => {
  await chmod(log.folder, 0o500)
  expect(await failureOf(log.create({ due: true }))).toMatchObject({ code: "file" })
  await chmod(log.folder, 0o700)
})
