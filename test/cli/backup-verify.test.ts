// pgtrail backup verify: its words and exit codes.
import { readdir, rm, truncate } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupLog, backupLog } from "../data/backup-fixture.js"
import { runInProcess } from "./io.js"

let log: BackupLog
let name: string
beforeAll(async () => {
  log = await backupLog()
  await log.append(40)
  await log.run()
  name = (await log.create()).name ?? ""
})
afterAll(() => log.remove())

const verify = async (...more: string[]) => {
  const { exit, stdout, stderr } = await runInProcess(["backup", "verify", join(log.folder, name), ...more])
  const plain = (text: string): string =>
    text
      .replaceAll(name, "NAME")
      .replaceAll(log.folder, "PLACE")
      .replace(/NAME of \S+ \S+: \d+ files, \S+ kB/, "NAME of TIME: N files, SIZE")
      .replace(/^ {2}[0-9a-f]{16}/gm, "  ID")
  return { exit, out: plain(stdout), error: plain(stderr) }
}

test("an intact one: exit 0, and what was judged; --quick: whole, and what was not", async () => {
  expect(await verify("--no-record")).toEqual({
    exit: 0,
    out:
      "intact: NAME of TIME: N files, SIZE, 20 events in 2 chains\npurged, recorded: 20 events\n" +
      "not looked at: the catalog, which no backup has (guards, functions, rights): pgtrail verify compares it\n",
    error: "",
  })
  expect(await verify("--quick", "--no-record")).toEqual({
    exit: 0,
    out: "whole: NAME of TIME: N files, SIZE; what is in the files was not looked at\n",
    error: "",
  })
})

test("of a place the newest is verified; the result is kept, and one JSON object with --json", async () => {
  const { exit, stdout } = await runInProcess(["backup", "verify", log.folder, "--json"])
  expect(exit).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    schema: "pgtrail.backup_verification/1",
    name,
    verdict: "intact",
    covered: { events: "20", purged: "20" },
    findings: [],
    not_kept: null,
  })
  const kept = (await readdir(join(log.folder, name))).filter((file) => file.startsWith("verified-"))
  expect(kept).toHaveLength(1)
})

test("a damaged one: exit 1, each file named; the rest of it is judged", async () => {
  await truncate(join(log.folder, name, "hold.copy.gz"), 3)
  const { exit, out } = await verify("--no-record")
  expect(exit).toBe(1)
  expect(out).toMatch(/^tampered: NAME of TIME: N files, SIZE, \d+ events in \d+ chains?, 2 findings$/m)
  expect(out).toMatch(/^ {2}ID {2}file: hold\.copy\.gz has 3 bytes, and \d+ by the manifest$/m)
  expect(out).toMatch(/^could not be judged: the control tables: hold\.copy\.gz is no file of a backup/m)
})

test("an unfinished one: exit 4; none: exit 3; wrong use: exit 2", async () => {
  await rm(join(log.folder, name, "manifest.json"))
  expect(await verify()).toMatchObject({ exit: 4, out: expect.stringContaining("was never finished") })
  const none = join(log.folder, "backup-20200101T000000Z-aaaaaa")
  expect(await runInProcess(["backup", "verify", none])).toMatchObject({ exit: 3 })
  expect(await runInProcess(["backup", "verify"])).toMatchObject({ exit: 2 })
})
