// What comes back from an archive, and what does not.
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"

let log: ArchiveLog
let name: string
beforeAll(async () => {
  log = await archiveLog()
  await log.append(30)
  name = (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const restore = (options: Parameters<ArchiveLog["trail"]["restoreArchive"]>[1] = { reason: "why" }) =>
  log.trail.restoreArchive(name, options)

/** The files of another archive of as many events. */
async function another(): Promise<string> {
  await log.append(30, { at: "2020-02-02" })
  return (await log.create({ partition: "event_2020_02" })).partitions[0]?.archive ?? ""
}

const alterations: Readonly<Record<string, () => Promise<unknown>>> = {
  "a byte of its events": async () => {
    const file = join(log.folder, name, "events.copy.gz")
    const bytes = await readFile(file)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(file, bytes)
  },
  "its end": async () => {
    const file = join(log.folder, name, "events.copy.gz")
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, bytes.length - 20))
  },
  "a letter of its manifest": async () => {
    const file = join(log.folder, name, "manifest.json")
    const text = await readFile(file, "utf8")
    await writeFile(file, text.replace('"events": "30"', '"events": "31"'))
  },
  "all of it, by another": async () => {
    const other = await another()
    await rm(join(log.folder, name), { recursive: true })
    await rename(join(log.folder, other), join(log.folder, name))
  },
  "its events, by those of another": async () => {
    const other = await another()
    await rename(join(log.folder, other, "events.copy.gz"), join(log.folder, name, "events.copy.gz"))
  },
}

test.each(Object.keys(alterations))(
  "nothing comes back of an archive that lost or changed %s",
  async (what) => {
    await alterations[what]?.()
    const live = await log.count()
    const { code, hint, message } = await failureOf(restore())
    expect({ code, message }).toMatchObject({ code: "broken" })
    expect(hint).toMatch(/archive verify/)
    expect(await log.count()).toBe(live)
    expect((await log.trail.archive(name)).state).toBe("archived")
  },
)

test("what is not there is said to be missing, and --from finds it where it was moved", async () => {
  const elsewhere = `${log.folder}/elsewhere`
  const { mkdir } = await import("node:fs/promises")
  await mkdir(elsewhere)
  await rename(join(log.folder, name), join(elsewhere, name))
  expect(await failureOf(restore())).toMatchObject({ code: "not-found" })
  const done = await restore({ reason: "why", from: `${log.to}/elsewhere` })
  expect(done).toMatchObject({ events: "30", location: `${log.to}/elsewhere` })
  expect(await log.whole()).toEqual({ live: 30, archived: 0, purged: 0 })
})

test("events that are back are not brought back again, and nothing else of them changes", async () => {
  await restore()
  expect(await failureOf(restore())).toMatchObject({ code: "usage", hint: "nothing was changed" })
  expect(await log.whole()).toEqual({ live: 30, archived: 0, purged: 0 })
})

test("of two that restore at once one does", async () => {
  const both = await Promise.allSettled([restore(), restore()])
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  expect(await log.whole()).toEqual({ live: 30, archived: 0, purged: 0 })
})

test("while another restores or removes it nobody waits for anything, and is told so", async () => {
  const other = await log.db.client()
  await other.query("begin; select 1 from pgtrail.archive for update")
  expect(await failureOf(restore())).toMatchObject({
    code: "lock-timeout",
    message: expect.stringMatching(/^another run restores or removes event_2020_01-/),
    hint: expect.stringMatching(/^nothing was restored/i),
  })
  await other.end()
  await restore()
})

test("beside the log they have the same bytes, and the log is as it was", async () => {
  await log.db.query("create schema taken; create table taken.event ()")
  const columns = "organization_id, lane, seq, occurred_at, actor_id, hash, previous_hash, identity_salt"
  for (const schema of ["taken", "pgtrail", "pg_catalog", "pg_x", ""]) {
    expect(await failureOf(restore({ reason: "why", schema }))).toMatchObject({ code: "usage" })
  }
  const done = await restore({ reason: "why", schema: 'an "odd" one' })
  expect(done).toMatchObject({ schema_name: 'an "odd" one', events: "30", partitions: [], stays_until: null })
  const beside = await log.db.query(`select ${columns} from "an ""odd"" one".event order by lane, seq`)
  expect(await log.whole()).toEqual({ live: 0, archived: 30, purged: 0 })
  await restore()
  expect(await log.db.query(`select ${columns} from pgtrail.event order by lane, seq`)).toEqual(beside)
  const { acts } = await log.trail.archive(name)
  expect(acts?.map(({ kind, schema }) => [kind, schema])).toEqual([
    ["purge", null],
    ["restore", 'an "odd" one'],
    ["restore", null],
  ])
})

test("nothing is left of a table beside the log that could not be filled", async () => {
  await alterations["its end"]?.()
  expect(await failureOf(restore({ reason: "why", schema: "aside" }))).toMatchObject({ code: "broken" })
  expect(await log.db.query("select from pg_namespace where nspname = 'aside'")).toHaveLength(0)
})

test("what came back stays for the grace, and goes by retention and archive only after it", async () => {
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  const { stays_until: until } = await restore()
  expect(Date.parse(until ?? "") - Date.now()).toBeGreaterThan(6.9 * 86_400_000)
  expect(await log.run()).toMatchObject({ events: "0" })
  expect(await log.create({ due: true })).toMatchObject({ events: "0" })
  expect(await log.whole()).toEqual({ live: 30, archived: 0, purged: 0 })
})

test("without a reason, a name or the right nothing is restored", async () => {
  expect(await failureOf(restore({ reason: " " }))).toMatchObject({ code: "usage" })
  const { code, hint } = await failureOf(log.trail.restoreArchive("event_2020_01", { reason: "why" }))
  expect({ code, hint }).toEqual({
    code: "not-found",
    hint: `nothing was restored; the archive of it is ${name}`,
  })
  const reader = await log.db.role({ memberOf: ["pgtrail_reader"] })
  const trail = await log.db.trail({ url: reader.url })
  expect(await failureOf(trail.restoreArchive(name, { reason: "why" }))).toMatchObject({ code: "privilege" })
  expect(await readdir(log.folder)).toEqual([name])
})

test("one that came back and was purged again is not restored twice, and it is told which archive has its events", async () => {
  await log.trail.restoreArchive(name, { reason: "why" })
  const back = await failureOf(log.trail.restoreArchive(name, { reason: "why" }))
  expect(back.message).toMatch(/ are back in the log, by act \d+$/)
  const later = (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""
  const again = { code: "usage", message: expect.stringMatching(/back, and act \d+ purged of them again/) }
  expect(await failureOf(log.trail.restoreArchive(name, { reason: "why" }))).toMatchObject({
    ...again,
    hint: expect.stringContaining(`restore the later archive of them: ${later}`),
  })
  await log.trail.removeArchive(later, { reason: "why", confirm: later })
  expect(await failureOf(log.trail.restoreArchive(name, { reason: "why" }))).toMatchObject({
    ...again,
    hint: `nothing was restored; pgtrail archive restore ${name} --schema SCHEMA brings them beside the log`,
  })
  expect(await log.trail.restoreArchive(name, { reason: "why", schema: "beside" })).toMatchObject({
    events: "30",
  })
})
