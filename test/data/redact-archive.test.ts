// Events that were redacted leave the log, stand in archives and come back like others; and archives are redacted themselves.
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { checkArchive } from "../../src/data/archive/check.js"
import { openStore } from "../../src/data/store/store.js"
import { findInArchives, redactArchives } from "../../src/data/subject/archives.js"
import type { Identifier } from "../../src/data/subject/identifiers.js"
import { redactSubject } from "../../src/data/subject/redact.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(30)
  await log.append(30, { org: "globex" })
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const subject: readonly Identifier[] = [{ kind: "id", value: "u3" }]
const redaction = { strategy: "erase", reason: "asked for it" } as const

/** In the log, as `gdpr erase` does. */
async function redact(identifiers = subject): Promise<string> {
  const client = await log.db.client()
  const { events } = await redactSubject(client, identifiers, redaction)
  await client.end()
  return events
}

const create = async (): Promise<string> =>
  (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const redactAll = (access = {}) =>
  all(redactArchives({ connectionString: log.db.url }, subject, { ...redaction, ...access }))

const textOf = async (name: string): Promise<string> =>
  gunzipSync(await readFile(join(log.folder, name, "events.copy.gz"))).toString()

const count = (condition: string): Promise<number> => log.count(condition)

test("redacted events are archived, checked and restored as they are, and the entries tie them to the log", async () => {
  expect(await redact()).toBe("6")
  const name = await create()
  expect(await log.whole()).toMatchObject({ live: 0, archived: 60 })
  const store = await openStore(log.to, {})
  const found: string[] = []
  const check = await checkArchive(store, name, {
    redaction: ({ group, stored, present }) => found.push(`${group} ${stored} ${present}`),
  })
  await store.close()
  expect(check).toMatchObject({ verdict: "intact", redacted: 6, redactedGroups: 6 })
  const entries = await log.db.query(
    `select 'identity ' || encode(old_digest, 'hex') || ' ' || encode(new_digest, 'hex') as line from pgtrail.redaction_entry`,
  )
  expect(found.sort()).toEqual(entries.map(({ line }) => line).sort())
  await log.trail.restoreArchive(name, { reason: "why" })
  expect(await log.whole()).toMatchObject({ live: 60, archived: 0 })
  expect(await count("actor_id is null")).toBe(6)
})

test("a partition with redacted events is purged: in part, and whole", async () => {
  await redact()
  const { partitions } = await log.run({})
  expect(partitions.map(({ unsound }) => unsound)).toEqual(["0"])
  expect(await log.whole()).toMatchObject({ live: 30, purged: 30 })
})

test("an event redacted by hand is evidence: neither purged nor archived, and counted", async () => {
  await redact()
  await log.tamper(
    "update pgtrail.event set actor_id = null, identity_digest = sha256('x') where organization_id = 'acme' and seq = 5",
  )
  await log.tamper(
    "update pgtrail.event set actor_name = 'forged' where organization_id = 'acme' and actor_id is null and seq <> 5",
  )
  const run = await log.create({ partition: "event_2020_01" })
  const unsound = await count("actor_name = 'forged' or identity_digest = sha256('x')")
  expect(unsound).toBeGreaterThan(2)
  expect(run.unsound).toBe(String(unsound))
  expect(await count("true")).toBe(unsound)
})

test("an archive is written anew without the values, keeps every hash, names the one before, and is in force at once", async () => {
  const name = await create()
  const before = await textOf(name)
  expect(before).toContain("\tu3\t")
  const found = await all(findInArchives({ connectionString: log.db.url }, subject, {}))
  expect(found).toMatchObject([{ archive: name, searched: true, why: null, until: expect.any(String) }])
  expect(
    found[0]?.found.events.map(({ organization_id: org, events, as_actor }) => [org, events, as_actor]),
  ).toEqual(
    expect.arrayContaining([
      ["acme", "3", "3"],
      ["globex", "3", "3"],
    ]),
  )
  const [done, ...more] = await redactAll()
  expect(more).toEqual([])
  expect(done).toMatchObject({ archive: name, why: null, events: "6", act: expect.any(String) })
  const now = done?.new_name ?? ""
  expect(await readdir(log.folder)).toEqual([now])
  expect(await textOf(now)).not.toContain("\tu3\t")
  const manifest = JSON.parse(await readFile(join(log.folder, now, "manifest.json"), "utf8"))
  expect(manifest.replaces).toEqual({ name, manifest_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  const row = await log.trail.archive(now)
  expect(row).toMatchObject({ state: "archived", events: "60" })
  expect(row.acts?.map(({ kind }) => kind)).toEqual(["purge", "redact"])
  expect(await log.whole()).toMatchObject({ live: 0, archived: 60 })
  expect(await redactAll()).toEqual([])
  await log.trail.restoreArchive(now, { reason: "why" })
  expect(await log.whole()).toMatchObject({ live: 60, archived: 0 })
  expect(await count("actor_id = 'u3'")).toBe(0)
})

test("an archive whose events came back is made what the log has of them, and nothing erased comes back beside the log", async () => {
  const name = await create()
  await log.trail.restoreArchive(name, { reason: "why" })
  await redact()
  expect(await failureOf(log.trail.restoreArchive(name, { reason: "why", schema: "beside" }))).toMatchObject({
    code: "broken",
    hint: expect.stringMatching(/nothing was restored/i),
  })
  const [done] = await redactAll()
  expect(done).toMatchObject({ archive: name, why: null, new_name: expect.any(String), events: "0" })
  expect(await textOf(done?.new_name ?? "")).not.toContain("\tu3\t")
  expect(await log.whole()).toMatchObject({ live: 60 })
  await log.trail.restoreArchive(done?.new_name ?? "", { reason: "why", schema: "beside" })
  const [row] = await log.db.query("select count(*) as n from beside.event where actor_id is null")
  expect(row?.n).toBe("6")
})

test("an old copy of an archive that was written anew does not come back", async () => {
  const name = await create()
  await log.db.query(`create table public.kept as select * from pgtrail.archive`)
  const { cp } = await import("node:fs/promises")
  await cp(join(log.folder, name), `${log.folder}-copy/${name}`, { recursive: true })
  const [done] = await redactAll()
  const from = `${log.to}-copy`
  expect(
    await failureOf(log.trail.restoreArchive(done?.new_name ?? "", { reason: "why", from })),
  ).toMatchObject({
    code: "not-found",
  })
  // As a database that was restored from a backup has it, beside entries that came back by the register.
  await log.tamper(
    "update pgtrail.archive a set name = k.name, manifest = k.manifest, bytes = k.bytes from public.kept k where k.act_seq = a.act_seq",
  )
  expect(await failureOf(log.trail.restoreArchive(name, { reason: "why", from }))).toMatchObject({
    code: "broken",
    hint: expect.stringMatching(/what was erased does not come back/),
  })
  expect(await count("true")).toBe(0)
  const { rm } = await import("node:fs/promises")
  await rm(`${log.folder}-copy`, { recursive: true })
})
