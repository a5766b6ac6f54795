// What removes an archive, what keeps it, and what is listed of what lies there.
import { cp, mkdir, readdir, rm, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { describeRemoved } from "../../src/data/archive/words.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"

let log: ArchiveLog
let name: string
beforeAll(async () => {
  log = await archiveLog()
  await log.append(10)
  name = (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const removal = () => ({ reason: "why", confirm: name })

test("an archive goes by its name said twice and a reason, and its events count as purged", async () => {
  expect(await failureOf(log.trail.removeArchive(name, { reason: "why" }))).toMatchObject({
    code: "usage",
    message: expect.stringContaining("10 events"),
    hint: `nothing was removed; if it is meant, run it again with --confirm ${name}`,
  })
  expect(await failureOf(log.trail.removeArchive(name, { confirm: name }))).toMatchObject({ code: "usage" })
  expect(await log.files()).toEqual([name])
  expect(await log.trail.removeArchive(name, removal())).toMatchObject({
    files: 2,
    again: false,
    events: "10",
  })
  expect(await log.files()).toEqual([])
  expect(await log.whole()).toEqual({ live: 0, archived: 0, purged: 10 })
  expect(await log.trail.archives()).toMatchObject([{ name, state: "removed", kept_until: null }])
  expect(await log.trail.archives({ at: log.to })).toMatchObject([{ name, state: "removed", found: false }])
  expect(await failureOf(log.trail.restoreArchive(name, { reason: "why" }))).toMatchObject({
    code: "not-found",
  })
})

test("again it takes away what was left or put back, and records nothing anew", async () => {
  const copy = join(log.folder, "..", `copy-${name}`)
  await cp(join(log.folder, name), copy, { recursive: true })
  try {
    await log.trail.removeArchive(name, removal())
    const acts = await log.db.query("select count(*) from pgtrail.act")
    expect(await log.trail.removeArchive(name, removal())).toMatchObject({ files: 0, again: true })
    await cp(copy, join(log.folder, name), { recursive: true })
    expect(await log.trail.archives({ at: log.to })).toMatchObject([{ state: "removed", found: true }])
    expect(await log.trail.removeArchive(name, removal())).toMatchObject({ files: 2, again: true })
    expect(await log.db.query("select count(*) from pgtrail.act")).toEqual(acts)
    expect(await log.files()).toEqual([])
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
})

test("files that somebody deleted are told, and their archive can be removed", async () => {
  await unlink(join(log.folder, name, "events.copy.gz"))
  await unlink(join(log.folder, name, "manifest.json"))
  expect(await log.trail.archives({ at: log.to })).toMatchObject([{ name, state: "archived", found: false }])
  expect((await log.trail.archive(name)).files).toBeNull()
  expect(await log.trail.removeArchive(name, removal())).toMatchObject({ files: 0, again: false })
  expect(await log.whole()).toEqual({ live: 0, archived: 0, purged: 10 })
})

test("a hold that may be on one of its events keeps it until it is released, also when they came back", async () => {
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', actor => 'somebody')")
  expect((await log.trail.archive(name)).cases).toEqual(["C1"])
  expect(await failureOf(log.trail.removeArchive(name, removal()))).toMatchObject({
    code: "held",
    message: expect.stringContaining("C1"),
  })
  expect(await log.trail.removeExpiredArchives()).toMatchObject({ removed: [] })
  expect(await log.files()).toEqual([name])
  await log.trail.restoreArchive(name, { reason: "why" })
  expect((await log.trail.archive(name)).cases).toEqual(["C1"])
  expect(await failureOf(log.trail.removeArchive(name, removal()))).toMatchObject({ code: "held" })
  await log.db.query("select pgtrail.release_hold('C1', 'settled')")
  expect((await log.trail.archive(name)).cases).toEqual([])
  await log.trail.removeArchive(name, removal())
  expect(await log.whole()).toEqual({ live: 10, archived: 0, purged: 0 })
})

test("--expired removes what no rule keeps, and what a hold is on it tells", async () => {
  for (const [at, policy] of [
    ["2020-02-02", "short"],
    ["2020-03-02", "short"],
  ] as const) {
    await log.append(4, { at, policy, org: at === "2020-03-02" ? "held" : "acme" })
    await log.create({
      since: `${at.slice(0, 8)}01T00:00:00.000000Z`,
      until: `${at.slice(0, 8)}28T00:00:00.000000Z`,
    })
  }
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'held')")
  const listed = await log.trail.archives()
  const [, expired, held] = listed.map((one) => one.name)
  const dry = await log.trail.removeExpiredArchives({ dryRun: true })
  expect(dry.removed.map((one) => one.name)).toEqual([expired, held])
  expect(await log.files()).toHaveLength(3)
  const done = await log.trail.removeExpiredArchives()
  expect(done).toMatchObject({ removed: [{ name: expired, files: 2 }], held: [{ name: held }], failed: [] })
  expect(await log.files()).toEqual([name, held].sort())
  expect(await log.whole()).toEqual({ live: 0, archived: 14, purged: 4 })
  const holder = await log.db.client()
  await holder.query("select pg_advisory_lock(1885828210, -3)")
  expect(await failureOf(log.trail.removeExpiredArchives())).toMatchObject({ code: "busy" })
  await holder.end()
})

test("one that cannot be removed does not keep the others, and no act tells that it is gone", async () => {
  await log.db.query("select pgtrail.set_retention('policy', 'standard', 200, confirmed => true)")
  await log.append(4, { at: "2020-02-02", policy: "short" })
  await mkdir(join(log.folder, "other"))
  await log.create({ partition: "event_2020_02", to: `${log.to}/other` })
  const other = (await log.trail.archives()).find(({ partition }) => partition === "event_2020_02")?.name
  await rm(join(log.folder, "other"), { recursive: true })
  await writeFile(join(log.folder, "other"), "no folder any more")
  const done = await log.trail.removeExpiredArchives()
  expect(done).toMatchObject({ removed: [{ name }], failed: [{ name: other }] })
  expect(await log.trail.archives()).toMatchObject([{ state: "removed" }, { name: other, state: "archived" }])
  expect(await log.whole()).toEqual({ live: 0, archived: 4, purged: 10 })
})

test("what lies at a place and no act tells of is an orphan: listed, and removed only there and by its name", async () => {
  const orphan = "event_2019_01-20190501T020000Z-0a1b2c"
  await cp(join(log.folder, name), join(log.folder, orphan), { recursive: true })
  expect(await log.trail.archives({ at: log.to })).toMatchObject([
    { name, state: "archived", found: true },
    { name: orphan, state: "orphan", act: null, partition: "event_2019_01" },
  ])
  expect(await failureOf(log.trail.removeArchive(orphan, { confirm: orphan }))).toMatchObject({
    code: "not-found",
  })
  expect(await failureOf(log.trail.restoreArchive(orphan, { reason: "why" }))).toMatchObject({
    code: "not-found",
  })
  expect(await failureOf(log.trail.removeArchive(orphan, { at: log.to }))).toMatchObject({
    code: "usage",
    message: expect.stringContaining("another log may own them"),
  })
  await log.trail.removeExpiredArchives()
  await log.create({ due: true })
  expect(await log.files()).toEqual([name, orphan].sort())
  // What a program that was killed left before it came to a manifest; and a folder that is none of an archive.
  const halves = ["event_2019_02-20190501T020000Z-0a1b2c", "event_2019_03-20190501T020000Z-0a1b2c"]
  for (const half of [...halves, "backups"]) await mkdir(join(log.folder, half))
  await writeFile(join(log.folder, halves[0] ?? "", "events.copy.gz"), "x")
  await writeFile(join(log.folder, halves[1] ?? "", "events.copy.gz.partial-0123456789ab"), "x")
  await writeFile(join(log.folder, "backups", "base.tar"), "x")
  const listed = (await log.trail.archives({ at: log.to })).filter(({ state }) => state === "orphan")
  expect(listed.map((one) => one.name)).toEqual([orphan, ...halves])
  for (const half of halves) await log.trail.removeArchive(half, { at: log.to, confirm: half })
  await rm(join(log.folder, "backups"), { recursive: true })
  expect(await log.trail.removeArchive(orphan, { at: log.to, confirm: orphan })).toMatchObject({
    act: null,
    files: 2,
  })
  expect(await failureOf(log.trail.removeArchive(orphan, { at: log.to, confirm: orphan }))).toMatchObject({
    code: "not-found",
  })
  expect(await readdir(log.folder)).toEqual([name])
})

test("a place where it does not lie removes nothing", async () => {
  const at = `${log.to}/elsewhere`
  expect(await failureOf(log.trail.removeArchive(name, { ...removal(), at }))).toMatchObject({ code: "file" })
  await mkdir(join(log.folder, "elsewhere"))
  expect(await failureOf(log.trail.removeArchive(name, { ...removal(), at }))).toMatchObject({
    code: "not-found",
    hint: expect.stringContaining("leave --at out"),
  })
  expect((await log.trail.archive(name)).state).toBe("archived")
})

test("a copy of it that goes from another place leaves the one that was put first, and it is told where that is", async () => {
  const elsewhere = join(log.folder, "elsewhere")
  await cp(join(log.folder, name), join(elsewhere, name), { recursive: true })
  const done = await log.trail.removeArchive(name, { ...removal(), at: `${log.to}/elsewhere` })
  expect(done).toMatchObject({ files: 2, again: false, elsewhere: log.to })
  expect(describeRemoved(done)).toContain(
    `it was put at ${log.to}, where nobody looked; what is left there: pgtrail archive remove ${name} --confirm ${name}`,
  )
  expect(await readdir(elsewhere)).toEqual([])
  expect(await log.trail.removeArchive(name, removal())).toMatchObject({
    files: 2,
    again: true,
    elsewhere: null,
  })
  expect(await log.files()).toEqual(["elsewhere"])
})

test("in the database itself the files go with the act", async () => {
  await log.append(4, { at: "2020-02-02" })
  const run = await log.create({ partition: "event_2020_02", to: "table:" })
  const stored = run.partitions[0]?.archive ?? ""
  expect(await log.trail.archives({ at: "table:" })).toMatchObject([{ name: stored, found: true }])
  expect(await log.trail.removeArchive(stored, { reason: "why", confirm: stored })).toMatchObject({
    files: 2,
  })
  expect(await log.db.query("select from pgtrail.archive_storage")).toHaveLength(0)
  expect((await log.whole()).purged).toBe(4)
})

test("a reader sees which archives there are, an auditor all of them, and neither removes one", async () => {
  const as = async (group: string) => {
    const role = await log.db.role({ memberOf: [group] })
    return log.db.trail({ url: role.url })
  }
  const reader = await as("pgtrail_reader")
  const auditor = await as("pgtrail_auditor")
  expect(await reader.archives()).toMatchObject([
    { name, state: "archived", kept_until: expect.stringMatching(/^20/) },
  ])
  expect(await reader.archive(name)).toMatchObject({ acts: null, kinds: null, cases: null })
  expect(await auditor.archive(name)).toMatchObject({
    acts: [{ kind: "purge" }],
    cases: [],
    files: [{ rows: "10" }],
  })
  expect((await auditor.archive(name)).kinds).toHaveLength(2)
  expect(await auditor.archiveFailures()).toEqual([])
  const refused = await failureOf(reader.archiveFailures())
  expect(refused).toMatchObject({ code: "privilege", hint: expect.stringContaining("pgtrail grant") })
  for (const trail of [reader, auditor]) {
    expect(await failureOf(trail.removeArchive(name, removal()))).toMatchObject({ code: "privilege" })
    expect(await failureOf(trail.removeExpiredArchives())).toMatchObject({ code: "privilege" })
  }
  const writer = await as("pgtrail_writer")
  expect(await failureOf(writer.archives())).toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("grant"),
  })
})
