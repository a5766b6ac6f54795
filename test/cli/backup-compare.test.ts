// pgtrail backup compare, word by word: equal, explained by what came since, and tampered with on either side.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupLog, backupLog } from "../data/backup-fixture.js"
import { replay } from "./transcript.js"

let log: BackupLog
let name: string
beforeAll(async () => {
  log = await backupLog()
  await log.append(40, { policy: "standard" })
  await log.append(20, { org: "globex", at: "2020-02-02" })
  name = (await log.create()).name ?? ""
})
afterAll(() => log.remove())

test("backup-compare.txt", async () => {
  const file = join(import.meta.dirname, "backup-compare.txt")
  const words = (await readFile(file, "utf8")).replace(/^(\$ .*?)\bplace\b/gm, `$1${log.folder}`)
  const said = await replay(words, { env: { PGTRAIL_URL: log.db.url }, sql: (text) => log.db.query(text) })
  const plain = said
    .replaceAll(pathToFileURL(log.folder).href, "file:///place")
    .replaceAll(log.folder, "place")
    .replaceAll(log.db.name, "DATABASE")
    .replaceAll(name, "backup-00000000T000000Z-000000")
    .replace(/\b20(?:2[4-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z/g, (time) => time.replace(/\d/g, "0"))
    .replace(/\bline \d+/g, "line N")
  await expect(plain).toMatchFileSnapshot(file)
})
