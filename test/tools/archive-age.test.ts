// What pgtrail encrypts the tool age opens, and what age encrypts pgtrail opens.
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { readIdentities } from "../../src/data/archive/age.js"
import { checkArchive } from "../../src/data/archive/check.js"
import { archiveRows } from "../../src/data/archive/read.js"
import { type WrittenArchive, writeArchive } from "../../src/data/archive/write.js"
import { sha256 } from "../../src/data/canonical.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { about, copied, folderStore, inPieces } from "../data/archive-files-fixture.js"
import { testDatabase } from "../database.js"

let files: Awaited<ReturnType<typeof folderStore>>
let rows: Buffer
let written: WrittenArchive
let recipient: string
const name = "event_2026_11-20261121T190000Z-0a1b2c"
const key = () => join(files.base, "archive.key")
const path = (file: string) => join(files.base, name, file)

beforeAll(async () => {
  files = await folderStore()
  const db = await testDatabase()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, description) select 'acme', 'x', repeat(md5(i::text), 20) from generate_series(1, 1000) i",
  )
  rows = await copied(await db.client())
  const facts = await about(db, name)
  await db.drop()
  execFileSync("age-keygen", ["-o", key()], { stdio: "ignore" })
  recipient = execFileSync("age-keygen", ["-y", key()], { encoding: "utf8" }).trim()
  written = await writeArchive(files.store, inPieces(rows, 65_536), facts, { recipients: [recipient] })
})
afterAll(() => files?.remove())

test("age decrypts what was written", () => {
  const gzip = execFileSync("age", ["-d", "-i", key(), path("events.copy.gz.age")], { maxBuffer: 1 << 28 })
  expect(sha256(gzip).toString("hex")).toBe(written.manifest.files[0]?.gzip.sha256)
  expect(gunzipSync(gzip)).toEqual(rows)
})

test("age decrypts a backup with the key of any of its recipients", async () => {
  const other = join(files.base, "other.key")
  execFileSync("age-keygen", ["-o", other], { stdio: "ignore" })
  const second = execFileSync("age-keygen", ["-y", other], { encoding: "utf8" }).trim()
  const db = await testDatabase()
  try {
    await db.query("insert into pgtrail.event (event_type) select 'x' from generate_series(1, 10)")
    const trail = await db.trail()
    const { location } = files.store
    const made = await trail.createBackup({ to: location, recipients: [recipient, second] })
    const [row] = await db.query("select tableoid::regclass::text as name from pgtrail.event limit 1")
    const file = join(files.base, made.name ?? "", `${row?.name?.replace("pgtrail.", "")}.copy.gz.age`)
    for (const identity of [key(), other]) {
      const gzip = execFileSync("age", ["-d", "-i", identity, file])
      expect(gunzipSync(gzip).toString("utf8").split("\n")).toHaveLength(11)
    }
  } finally {
    await db.drop()
  }
})

test("what age encrypted of the same bytes is read and checked with the file of age-keygen", async () => {
  const identities = await readIdentities(readFileSync(key(), "utf8"))
  expect(await checkArchive(files.store, name, { identities })).toMatchObject({
    verdict: "intact",
    events: 1000,
  })
  const gzip = execFileSync("age", ["-d", "-i", key(), path("events.copy.gz.age")], { maxBuffer: 1 << 28 })
  const again = execFileSync("age", ["-e", "-r", recipient], { input: gzip, maxBuffer: 1 << 28 })
  writeFileSync(path("events.copy.gz.age"), again)
  const age = { bytes: String(again.length), sha256: sha256(again).toString("hex"), recipients: [recipient] }
  const manifest = { ...written.manifest, files: written.manifest.files.map((file) => ({ ...file, age })) }
  writeFileSync(path("manifest.json"), writeManifest(manifest))
  expect(await checkArchive(files.store, name, { identities })).toMatchObject({
    verdict: "intact",
    events: 1000,
  })
  const read: Buffer[] = []
  for await (const chunk of archiveRows(files.store, manifest, { identities })) read.push(chunk)
  expect(Buffer.concat(read)).toEqual(rows)
})
