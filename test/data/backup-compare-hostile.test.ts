// Backups that somebody wrote to harm whoever compares them: none of them is equal, and how each is answered is what verify and restore answer.
import { cp, rm, symlink } from "node:fs/promises"
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

const compare = (of = here.name) => here.log.trail.compareBackup(`${here.log.to}/${of}`)
const restore = (of = here.name) => here.log.trail.restoreBackup(`${here.log.to}/${of}`, { schema: "copy" })
type Change = (manifest: BackupManifest) => BackupManifest
/** A copy under a name that the log recorded nothing of. Whoever alters a manifest can seal it again. */
async function edited<T>(change: Change, then: (of: string) => Promise<T>): Promise<T> {
  const name = `${here.name.slice(0, -6)}ffffff`
  const folder = join(here.log.folder, name)
  await cp(join(here.log.folder, here.name), folder, { recursive: true })
  try {
    await here.edit(folder, (manifest) => sealed(change({ ...manifest, name } as BackupManifest)))
    return await then(name)
  } finally {
    await rm(folder, { recursive: true })
  }
}
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
  const error = await edited(change, (of) => failureOf(compare(of)))
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

const answers = async (of: string) => {
  const { verdict, findings } = await here.told({}, of)
  const [compared, restored] = [await failureOf(compare(of)), await failureOf(restore(of))]
  return {
    verdict,
    findings,
    words: `${compared.message}; ${restored.message}`,
    codes: [compared.code, restored.code],
  }
}
const hash = "ab".repeat(32)

test.each<[string, RegExp, Change]>([
  [
    "that no act is in it",
    /tells of another newest act than the backup has/,
    (m) => ({ ...m, act: { seq: "0", hash } }),
  ],
  [
    "another hash of its newest act",
    /tells of another newest act/,
    (m) => ({ ...m, act: { seq: m.act?.seq ?? "", hash } }),
  ],
  [
    "an act beyond all numbers",
    /beyond any that a log has/,
    (m) => ({ ...m, act: { seq: "9".repeat(19), hash } }),
  ],
  [
    "other heads",
    /tells of other heads than the backup has/,
    (m) => ({ ...m, heads: { ...m.heads, digest: hash } }),
  ],
  [
    "a checkpoint that it does not have",
    /tells of another checkpoint than the newest that the backup has/,
    (m) => ({ ...m, checkpoint: { act: "1", recorded_at: m.started_at, digest: hash } }),
  ],
  ["an end that is no time", /when it was made is no time/, (m) => ({ ...m, finished_at: "x" })],
  [
    "more text than a file holds",
    /was altered or cut off|holds something else/,
    ofTable("setting", ({ file }) => ({
      file: { ...file, text: { ...file.text, bytes: String(Number(file.text.bytes) + 1) } },
    })),
  ],
])(
  "a manifest that claims %s is tampered with for verify, compare and restore alike",
  async (_, words, change) => {
    const { verdict, findings, words: told, codes } = await edited(change, answers)
    expect({ verdict, codes }).toEqual({ verdict: "tampered", codes: ["broken", "broken"] })
    expect(findings.join()).toMatch(words)
    for (const one of told.split("; ")) expect(one).toMatch(words)
  },
)

test("a manifest that somebody wrote anew, with all sums, is not the one that the log recorded: compare and restore say so", async () => {
  const { trail, to, db } = here.log
  const anew = (folder: string) =>
    here.edit(folder, (m) => sealed({ ...m, created_by: "mallory" } as BackupManifest))
  const both = async () => [
    await failureOf(compare()),
    await failureOf(trail.restoreBackup(`${to}/${here.name}`, { confirm: db.name })),
  ]
  for (const error of await here.damaged(anew, both))
    expect(error).toMatchObject({
      code: "broken",
      message: expect.stringMatching(/is not the one that the log recorded/),
    })
})

test("a file that is missing, or a link in its place, is answered by compare as by restore and verify", async () => {
  const path = (folder: string) => join(folder, "hold.copy.gz")
  const take = (folder: string) => rm(path(folder))
  const link = async (folder: string) => {
    await rm(path(folder))
    await symlink("/dev/null", path(folder))
  }
  for (const damage of [take, link]) {
    const { verdict, codes, words } = await here.damaged(damage, () => answers(here.name))
    expect({ verdict, codes }).toEqual({ verdict: "tampered", codes: ["broken", "broken"] })
    expect(words).toMatch(/hold\.copy\.gz is missing; .*hold\.copy\.gz is missing/)
  }
})

test("a sound backup of a later level is not called tampered with: verify, compare and restore answer that it is of a later pgtrail", async () => {
  const migrate = async (folder: string) => {
    await here.replace(
      folder,
      "migration",
      (text) => `${text}${text.split("\n").at(-2)?.replace(/\d+/, "9")}\n`,
    )
    await here.edit(folder, (m) =>
      sealed(
        ofTable("migration", ({ rows }) => ({ rows: String(Number(rows) + 1) }))({
          ...m,
          level: 9,
        } as BackupManifest),
      ),
    )
  }
  const { verdict, codes, words, findings } = await here.damaged(migrate, () => answers(here.name))
  expect({ verdict, codes }).toEqual({ verdict: "incomplete", codes: ["incomplete", "incomplete"] })
  expect(findings).toEqual([expect.stringMatching(/^later: manifest\.json is of a log at migration 9/)])
  expect(words).toMatch(/is of a log at migration 9.*; .*is of a log at migration 9/)
  const spoiled = async (folder: string) => {
    await migrate(folder)
    await rm(join(folder, "hold.copy.gz"))
  }
  expect((await here.damaged(spoiled, () => here.told())).verdict).toBe("tampered")
})

test("a file of an older backup says nothing against the log: it is named with the backup that it is of, and nothing else", async () => {
  const file = "event_2020_03.copy.gz"
  const swap = async (folder: string) => {
    await rm(join(folder, file))
    await cp(join(here.log.folder, here.other, file), join(folder, file))
  }
  expect(await here.damaged(swap, () => here.told())).toEqual({
    verdict: "tampered",
    findings: [
      expect.stringMatching(`^file: ${file} .*it is that of ${here.other}, the files were exchanged$`),
    ],
  })
})
