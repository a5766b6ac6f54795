// pgtrail backup create, word by word.
import { mkdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupLog, backupLog } from "../data/backup-fixture.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let log: BackupLog
beforeAll(async () => {
  log = await backupLog()
  await log.append(30)
  await mkdir(join(log.folder, "place"))
})
afterAll(() => log.remove())

/** Names, sizes, times and the folder differ from run to run. */
const masked = (text: string): string =>
  text
    .replace(/backup-\d{8}T\d{6}Z-[0-9a-f]{6}/g, "backup-00000000T000000Z-xxxxxx")
    .replace(/[^\s",]*pgtrail-backup-\w{6}/g, "/folder")
    .replace(/[\d.]+ (kB|MB)/g, "N kB")
    .replace(/in \d+ s/g, "in N s")
    .replace(/"(plan|copy|finish|total)": ?[\d.]+/g, '"$1": 0')
    .replace(/("bytes": ?")\d+/g, "$1N")
    .replace(/^(backup-[^,\s]+,[^,\s]+,\d+,\d+,\d+),\d+/gm, "$1,N")
    .replace(/\b[0-9a-f]{64}\b/g, "0".repeat(64))
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "00000000-0000-0000-0000-000000000000")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "0000-00-00T00:00:00.000000Z")

test("backup-create.txt", async () => {
  const file = join(import.meta.dirname, "backup-create.txt")
  const said = await replay(await readFile(file, "utf8"), { url: log.db.url, cwd: log.folder })
  await expect(masked(said)).toMatchFileSnapshot(file)
})

test("in a crontab it says nothing, and the place may be configured", async () => {
  const env = { PGTRAIL_URL: log.db.url, PGTRAIL_BACKUP_CREATE_TO: join(log.folder, "place") }
  const words = ["backup", "create", "--incremental", "--quiet"]
  expect(await runInProcess(words, { env })).toMatchObject({ exit: 0, both: "" })
})
