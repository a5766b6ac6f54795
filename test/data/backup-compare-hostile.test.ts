// Backups that somebody wrote to harm whoever compares them: none of them is equal, and how each is answered is what verify and restore answer.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { type Damaged, damagedBackup } from "./backup-verify-damage.js"
import { failureOf } from "./failure.js"

let here: Damaged
beforeAll(async () => {
  here = await damagedBackup()
})
afterAll(() => here.log.remove())

const compare = () => here.log.trail.compareBackup(`${here.log.to}/${here.name}`)
type Change = (manifest: BackupManifest) => BackupManifest
/** Whoever alters a manifest can seal it again. */
const edited = <T>(change: Change, then: () => Promise<T>): Promise<T> =>
  here.damaged((folder) => here.edit(folder, (manifest) => sealed(change(manifest))), then)
const ofTable =
  (name: string, change: (table: BackupManifest["tables"][number]) => object): Change =>
  (m) => ({ ...m, tables: m.tables.map((t) => (t.name === name ? { ...t, ...change(t) } : t)) })

test.each<[string, RegExp, Change]>([
  [
    "bounds that are no times",
    /bounds of a partition are no times/,
    ofTable("event_2020_01", () => ({ since: "x" })),
  ],
  ["a beginning that is no time", /is no time/, (m) => ({ ...m, started_at: "x" })],
  [
    "a path out of the folder",
    /is none of a backup/,
    ofTable("hold", ({ file }) => ({ file: { ...file, name: "../../etc/passwd" } })),
  ],
  [
    "a path with a backslash",
    /is none of a backup/,
    ofTable("hold", ({ file }) => ({ file: { ...file, name: "..\\x" } })),
  ],
  [
    "a table that is hidden",
    /lacks the table hold/,
    (m) => ({ ...m, tables: m.tables.filter(({ name }) => name !== "hold") }),
  ],
])("%s is refused, and nothing is compared", async (_, words, change) => {
  const error = await edited(change, () => failureOf(compare()))
  expect(error).toMatchObject({ code: "broken", message: expect.stringMatching(words) })
})

test("a partition that was given other bounds than the log's differs, and one that has them does not", async () => {
  const moved = ofTable("event_2020_01", () => ({ since: "2019-12-01 00:00:00+00" }))
  expect(await edited(moved, compare)).toMatchObject({
    verdict: "differs",
    tables: expect.arrayContaining([
      expect.objectContaining({
        name: "event_2020_01",
        first: expect.objectContaining({ columns: ["since", "until"] }),
      }),
    ]),
  })
  expect(await edited((m) => m, compare)).toMatchObject({ verdict: "equal" })
})

test("a gzip bomb is read no further than the manifest says", async () => {
  const bomb = gzipSync(Buffer.alloc(220 * 1024 * 1024), { level: 1 })
  const before = process.memoryUsage.rss()
  const error = await here.damaged(
    (folder) => here.alter(join(folder, "event_2020_01.copy.gz"), () => bomb),
    () => failureOf(compare()),
  )
  expect(error).toMatchObject({ code: "broken", message: expect.stringMatching(/was altered or cut off/) })
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
})

test("a manifest that is none, that is missing, or that a later pgtrail wrote is answered as verify and restore answer it", async () => {
  const location = `${here.log.to}/${here.name}`
  const restore = () => here.log.trail.restoreBackup(location, { schema: "copy" })
  const both = async () => [(await failureOf(compare())).code, (await failureOf(restore())).code]
  const spoil = (folder: string) => here.alter(join(folder, "manifest.json"), () => Buffer.from("{"))
  const verdict = async () => (await here.told()).verdict
  expect(await here.damaged(spoil, both)).toEqual(["broken", "broken"])
  expect(await here.damaged(spoil, verdict)).toBe("tampered")
  const take = (folder: string) => rm(join(folder, "manifest.json"))
  expect(await here.damaged(take, both)).toEqual(["incomplete", "incomplete"])
  expect(await here.damaged(take, verdict)).toBe("incomplete")
  const later = (folder: string) => here.edit(folder, (m) => ({ ...m, schema: "pgtrail.backup/2" }))
  expect(await here.damaged(later, both)).toEqual(["incomplete", "incomplete"])
  expect(await here.damaged(later, verdict)).toBe("incomplete")
})
