// Backups that somebody wrote to harm whoever verifies them: nothing crashes, hangs or eats memory, and everything is found.
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { BackupManifest } from "../../src/data/backup/manifest.js"
import { type Damaged, damagedBackup } from "./backup-verify-damage.js"

let here: Damaged
beforeAll(async () => {
  here = await damagedBackup()
})
afterAll(() => here.log.remove())

const hostile: readonly (readonly [what: string, change: (manifest: BackupManifest) => object])[] = [
  [
    "a path out of the folder",
    (m) => ({
      ...m,
      tables: m.tables.map((t, at) =>
        at === 0 ? { ...t, file: { ...t.file, name: "../../etc/passwd" } } : t,
      ),
    }),
  ],
  [
    "a path with a backslash",
    (m) => ({
      ...m,
      tables: m.tables.map((t, at) => (at === 0 ? { ...t, file: { ...t.file, name: "..\\x" } } : t)),
    }),
  ],
  [
    "the manifest as a file of itself",
    (m) => ({
      ...m,
      tables: m.tables.map((t, at) => (at === 0 ? { ...t, file: { ...t.file, name: "manifest.json" } } : t)),
    }),
  ],
  ["a number in the place of a count", (m) => ({ ...m, events: 7 })],
  ["null in the place of a list", (m) => ({ ...m, tables: null })],
  ["tables that are none", (m) => ({ ...m, tables: [null] })],
  ["a count beyond any", (m) => ({ ...m, events: "9".repeat(40) })],
  ["a table twice", (m) => ({ ...m, tables: [...m.tables, m.tables[0]] })],
  ["another name", (m) => ({ ...m, name: "backup-20200101T000000Z-aaaaaa" })],
  [
    "another log",
    (m) => ({
      ...m,
      log_id: "00000000-0000-0000-0000-000000000000",
      log_ids: ["00000000-0000-0000-0000-000000000000"],
    }),
  ],
  ["another newest act", (m) => ({ ...m, act: { seq: "1", hash: "0".repeat(64) } })],
  ["no heads", (m) => ({ ...m, heads: { lanes: "0", events: "0", digest: "0".repeat(64) } })],
  [
    "columns that are others",
    (m) => ({
      ...m,
      tables: m.tables.map((t) => (t.name === "act" ? { ...t, columns: [...t.columns].reverse() } : t)),
    }),
  ],
  ["another level", (m) => ({ ...m, level: 9999 })],
  ["one organization, where all are in it", (m) => ({ ...m, organization: "acme" })],
  ["one partition, where all are in it", (m) => ({ ...m, partition: "event_2020_01" })],
  [
    "bounds that are no times",
    (m) => ({ ...m, tables: m.tables.map((t) => ({ ...t, since: t.since === null ? null : "x" })) }),
  ],
  [
    "other columns of events",
    (m) => ({ ...m, tables: m.tables.map((t) => (t.kind === "table" ? t : { ...t, columns: ["a"] })) }),
  ],
  ["a beginning that is no time", (m) => ({ ...m, started_at: "x" })],
  ["a table that is hidden", (m) => ({ ...m, tables: m.tables.filter((t) => t.name !== "hold") })],
  [
    "a partition that is hidden",
    (m) => ({ ...m, tables: m.tables.filter((t) => t.name !== "event_2020_01") }),
  ],
]

test.each(hostile)(
  "a manifest with %s is found, with the manifest or a file named",
  async (_what, change) => {
    await here.damaged(
      (folder) =>
        here.edit(folder, (manifest) => {
          const { digest: _, ...changed } = change(manifest) as BackupManifest
          return changed
        }),
      async () => {
        const { verdict, findings } = await here.told()
        expect(verdict).toBe("tampered")
        expect(findings.length).toBeGreaterThan(0)
      },
    )
  },
)

test("100 MB of JSON, no JSON, and a manifest of a later pgtrail are answered at once", async () => {
  await here.damaged(
    (folder) => here.alter(join(folder, "manifest.json"), () => Buffer.alloc(100 * 1024 * 1024, "[")),
    async () =>
      expect((await here.told()).findings).toEqual([
        "manifest: manifest.json is no manifest of a backup: it was altered",
      ]),
  )
  await here.damaged(
    (folder) => here.edit(folder, (manifest) => ({ ...manifest, schema: "pgtrail.backup/2" })),
    async () =>
      expect(await here.told()).toEqual({
        verdict: "incomplete",
        findings: ["later: manifest.json was written by a later pgtrail"],
      }),
  )
  await here.damaged(
    (folder) => rm(join(folder, "manifest.json")),
    async () => expect((await here.told()).verdict).toBe("incomplete"),
  )
  await expect(here.verify({}, "backup-20200101T000000Z-aaaaaa")).rejects.toMatchObject({ code: "not-found" })
})

test("a gzip bomb is read no further than the manifest says, and a size that no gzip can have is not read at all", async () => {
  const bomb = gzipSync(Buffer.alloc(220 * 1024 * 1024), { level: 1 })
  await here.damaged(
    (folder) => here.alter(join(folder, "event_2020_01.copy.gz"), () => bomb),
    async () =>
      expect((await here.told()).findings.join()).toMatch(
        /event_2020_01\.copy\.gz holds more than the manifest says/,
      ),
  )
  const before = process.memoryUsage.rss()
  await here.damaged(
    (folder) => here.replaceBytes(folder, "event_2020_01", bomb, 220 * 1024 * 1024),
    async () =>
      expect((await here.told({ jobs: 1 })).findings.join()).toMatch(/line 1 that is longer than any event/),
  )
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
  await here.damaged(
    (folder) => here.replaceBytes(folder, "act", gzipSync("x"), 10 ** 15),
    async () =>
      expect((await here.told()).findings.join()).toMatch(
        /act\.copy\.gz would hold more than a gzip of that size can/,
      ),
  )
})
