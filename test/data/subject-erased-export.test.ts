// After an erasure no export has what was erased, in whatever form, and archives in the database itself are searched and written anew as those
// in a folder are.
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { readIdentities } from "../../src/data/archive/age.js"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import { jane, janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

/** The words of hers that files of a folder have. */
async function wordsIn(folder: string): Promise<string[]> {
  const found = new Set<string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const text = (await readFile(join(entry.parentPath, entry.name), "utf8")).toLowerCase()
    for (const word of janesWords) if (text.includes(word.toLowerCase())) found.add(word)
  }
  return [...found].sort()
}

test("an export has all of a person before the erasure, and nothing of the person after it", async () => {
  const { trail, erase, path } = log()
  await trail.createExport({ out: path("before") })
  expect(await wordsIn(path("before"))).toEqual([...janesWords].sort())
  expect(await erase()).toMatchObject({ complete: true })
  await trail.createExport({ out: path("csv") })
  await trail.createExport({ out: path("ndjson"), format: "ndjson" })
  await trail.exportSubject(jane, { out: path("subject"), format: "json", inText: true })
  for (const name of ["csv", "ndjson", "subject"]) expect(await wordsIn(path(name)), name).toEqual([])
})

test("archives in the database itself are found, and written anew without the values", async () => {
  const { trail, erase, db, traces } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await trail.createArchives({ to: "table:", partition: "event_2026_02" })
  const before = await trail.findSubject(jane)
  expect(before.archives).toMatchObject([{ location: "table:", searched: true, why: null }])
  const inside = Number(before.archives[0]?.found.events.reduce((sum, one) => sum + Number(one.replaced), 0))
  expect(inside).toBeGreaterThan(0)
  expect(await erase()).toMatchObject({ complete: true, receipt: { archives: [{ events: String(inside) }] } })
  expect((await trail.findSubject(jane)).archives).toEqual([])
  expect(await traces(...janesWords)).toEqual([])
  expect(await trail.verify({ jobs: 1, record: false, archives: ["recorded"] })).toMatchObject({
    verdict: "intact",
  })
})

test("an erasure of what stands in archives alone says so, and where copies of it may be", async () => {
  const { trail, db } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ('acme', '2026-02-03Z', 'a', 'u-old')",
  )
  await trail.createArchives({ to: "table:", partition: "event_2026_02" })
  const { receipt } = await trail.eraseSubject([{ kind: "id", value: "u-old" }], {
    ...{ reason: "r", requestedBy: "w", confirm: "u-old" },
  })
  expect(receipt).toMatchObject({ act: null, complete: true, archives: [{ events: "1" }] })
  const words = receipt === null ? "" : describeReceipt(receipt)
  expect(words).toMatch(/^nothing in the log was to be erased; erased in 1 event of 1 archive$/m)
  expect(words).toMatch(/^copies /m)
})

test("an export that cannot open an archive says which option does, and with it has what is inside", async () => {
  const { trail, db, path } = log()
  const { generateIdentity, identityToRecipient } = await import("age-encryption")
  const secret = await generateIdentity()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  const recipients = [await identityToRecipient(secret)]
  await trail.createArchives({ to: "table:", partition: "event_2026_02", recipients })
  const without = await trail.exportSubject(jane, { out: path("a.csv"), format: "csv" })
  expect(without.manifest.searched.archives).toMatchObject([
    { included: false, next: "the export again with --identity and another --out" },
  ])
  const identities = await readIdentities(secret)
  const done = await trail.exportSubject(jane, { out: path("b.csv"), format: "csv", identities })
  expect(done.manifest.searched.archives).toMatchObject([{ included: true }])
  expect(Number(done.manifest.counts.events)).toBeGreaterThan(Number(without.manifest.counts.events))
})
