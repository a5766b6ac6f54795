// Archives in other places, encrypted ones, under a hold, that cannot be written, and runs that are killed half-way.
import { readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { readIdentities } from "../../src/data/archive/age.js"
import { archiveRows, readArchiveManifest } from "../../src/data/archive/read.js"
import { openStore } from "../../src/data/store/store.js"
import { findInArchives, redactArchives } from "../../src/data/subject/archives.js"
import type { Identifier } from "../../src/data/subject/identifiers.js"
import { holdCommits, letCommit, proxyTo } from "./archive-crash-fixture.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"
import { here, until } from "./retention-fixture.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(30)
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const subject: readonly Identifier[] = [{ kind: "id", value: "u3" }]
const redaction = { strategy: "erase", reason: "asked for it" } as const

const create = async (options = {}): Promise<string> =>
  (await log.create({ partition: "event_2020_01", ...options })).partitions[0]?.archive ?? ""

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const redactAll = (access = {}, connectionString = log.db.url) =>
  all(redactArchives({ connectionString }, subject, { ...redaction, ...access }))

const textOf = async (name: string): Promise<string> =>
  gunzipSync(await readFile(join(log.folder, name, "events.copy.gz"))).toString()

test("an archive in the database itself is written anew there, and nothing of the old one stays", async () => {
  const name = await create({ to: "table:" })
  const [done] = await redactAll()
  expect(done).toMatchObject({ archive: name, location: "table:", why: null, events: "3" })
  const files = await log.db.query(
    "select distinct split_part(id, '/', 1) as name from pgtrail.archive_storage",
  )
  expect(files).toEqual([{ name: done?.new_name }])
  expect(await log.whole()).toMatchObject({ archived: 30 })
  await log.trail.restoreArchive(done?.new_name ?? "", { reason: "why" })
  expect(await log.count("actor_id = 'u3'")).toBe(0)
})

test("an encrypted one needs its key, is told without, and is encrypted to the same recipients after", async () => {
  const { generateIdentity, identityToRecipient } = await import("age-encryption")
  const secret = await generateIdentity()
  const recipient = await identityToRecipient(secret)
  const name = await create({ recipients: [recipient] })
  const why = expect.stringMatching(/encrypted.*--identity/)
  expect(await all(findInArchives({ connectionString: log.db.url }, subject, {}))).toMatchObject([
    { archive: name, searched: false, why, until: expect.stringMatching(/^20/) },
  ])
  expect(await redactAll()).toMatchObject([{ archive: name, new_name: null, act: null, why, events: "0" }])
  expect(await log.files()).toEqual([name])
  const identities = await readIdentities(secret)
  const [done] = await redactAll({ identities })
  expect(done).toMatchObject({ why: null, events: "3" })
  const store = await openStore(log.to, {})
  const { manifest } = await readArchiveManifest(store, done?.new_name ?? "")
  expect(manifest.files[0]?.age?.recipients).toEqual([recipient])
  const chunks: Buffer[] = []
  for await (const chunk of archiveRows(store, manifest, { identities })) chunks.push(chunk)
  await store.close()
  expect(Buffer.concat(chunks).toString()).not.toContain("\tu3\t")
})

test("what a hold is on stays as it is in the new archive too, and is counted", async () => {
  await log.append(30, { org: "globex" })
  const name = await create()
  await log.db.query("select pgtrail.add_hold('case 7', 'a lawsuit', organization => 'globex')")
  const [done] = await redactAll()
  expect(done).toMatchObject({
    archive: name,
    events: "3",
    held: "3",
    why: expect.stringMatching(/a hold is on 3 events/),
  })
  const lines = (await textOf(done?.new_name ?? "")).split("\n").filter((line) => line.includes("\tu3\t"))
  expect(lines.map((line) => line.includes("globex"))).toEqual([true, true, true])
  expect(await log.whole()).toMatchObject({ archived: 60 })
})

test("an archive that is not there, or was altered, is told and changes nothing; the others have their turn", async () => {
  const name = await create()
  await log.append(30, { at: "2020-02-02" })
  const second = (await log.create({ partition: "event_2020_02" })).partitions[0]?.archive ?? ""
  await rm(join(log.folder, name, "events.copy.gz"))
  const done = await redactAll()
  expect(done).toMatchObject([
    { archive: name, new_name: null, why: expect.any(String) },
    { archive: second, new_name: expect.any(String), why: null },
  ])
})

test("stopped between the act and the old files, the new archive is in force, and the next run takes the old one away", async () => {
  const name = await create()
  const { cp } = await import("node:fs/promises")
  const copy = `${log.folder}-copy`
  await cp(log.folder, copy, { recursive: true })
  const [done] = await redactAll()
  // As a killed one leaves it.
  await cp(join(copy, name), join(log.folder, name), { recursive: true })
  expect((await readdir(log.folder)).sort()).toEqual([name, done?.new_name].sort())
  expect(await redactAll()).toEqual([])
  expect(await readdir(log.folder)).toEqual([done?.new_name])
  expect(await log.whole()).toMatchObject({ archived: 30 })
  await rm(copy, { recursive: true })
})

test.each([true, false])(
  "a connection lost at the commit is asked for: recorded %s, and the right one of both stays",
  async (isKept) => {
    const name = await create()
    await holdCommits(log)
    const holder = await log.db.client()
    await holder.query("begin; select pg_advisory_xact_lock(42, 7)")
    const proxy = await proxyTo(log.db.url)
    const running = redactAll({}, proxy.url).catch((error: unknown) => error)
    const stands = `from pg_locks where not granted and locktype = 'advisory' and classid = 42 and ${here}`
    await until(log.db, `select count(*) = 1 ${stands}`)
    if (isKept) proxy.cut()
    else await log.db.query(`select pg_terminate_backend(pid) ${stands}`)
    await holder.query("commit")
    await holder.end()
    const done = await running
    await proxy.close()
    await letCommit(log)
    const files = await log.files()
    expect(files).toHaveLength(1)
    const rows = await log.db.query("select name from pgtrail.archive")
    expect(rows).toEqual([{ name: files[0] }])
    expect(files[0] === name).toBe(!isKept)
    if (isKept) expect(done).toMatchObject([{ archive: name, new_name: files[0], why: null }])
    expect(await log.whole()).toMatchObject({ archived: 30 })
  },
)

test("pgtrail_privacy alone may do it, and needs nothing else", async () => {
  const name = await create()
  const [operator, privacy] = [
    await log.db.role({ memberOf: ["pgtrail_operator", "pgtrail_reader"] }),
    await log.db.role({ memberOf: ["pgtrail_privacy"] }),
  ]
  expect(await failureOf(redactAll({}, operator.url))).toMatchObject({ code: "privilege" })
  expect(await redactAll({}, privacy.url)).toMatchObject([{ archive: name, why: null, events: "3" }])
})
