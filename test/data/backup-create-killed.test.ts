// kill -9 of the command line at every step of a backup: what has a name is whole, and the next run goes on from there.
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { isEntryName, readEntry } from "../../src/data/backup/entry.js"
import { backupText } from "../../src/data/backup/open.js"
import { openFolder } from "../../src/data/store/folder.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

let log: BackupLog
beforeAll(async () => {
  log = await backupLog()
  await log.append(400, { policy: "standard" })
  await log.append(30, { at: "2020-02-02" })
  await log.db.query(
    `insert into pgtrail.event (occurred_at, event_type, description)
     select '2020-03-02Z', 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 60) i, generate_series(1, 400) j group by i`,
  )
})
afterAll(() => log.remove())

/** The names of all that lies at the place, and is not of the backups before. */
const lying = (before: readonly string[]): string[] =>
  readdirSync(log.folder)
    .filter((name) => !before.includes(name))
    .flatMap((name) => readdirSync(join(log.folder, name)).map((file) => `${name}/${file}`))

/** Kills it as soon as a file begins with `step`. */
async function killedAt(step: string): Promise<string> {
  const before = await log.names()
  const words = ["backup", "create", "--to", log.folder, "--jobs", "1"]
  const child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...words], {
    env: { PATH: process.env.PATH, PGTRAIL_URL: log.db.url },
    stdio: "ignore",
  })
  let isOver = false
  const ended = new Promise((resolve) => child.on("close", (_, signal) => resolve(signal)))
  void ended.then(() => {
    isOver = true
  })
  while (!isOver && !lying(before).some((key) => key.includes(`/${step}`))) await pause(0)
  child.kill("SIGKILL")
  await ended
  const [name = ""] = (await log.names()).filter((one) => !before.includes(one))
  return name
}

test
  .skipIf(!isBuilt)
  .each([
    "event_2020_03.copy.gz.partial-",
    "event_2020_01.entry.json",
    "act.copy.gz",
    "runs.copy.gz",
    "manifest.json",
  ])("killed when there is a file %s", async (step) => {
  const name = await killedAt(step)
  expect(name).not.toBe("")
  const files = await log.files(name)
  const store = openFolder(log.to)
  const entries = files.filter(isEntryName)
  for (const file of entries) {
    const entry = await readEntry(store, `${name}/${file}`)
    if (entry === undefined) throw new Error(`${file} is not whole`)
    for await (const _ of backupText(store, name, entry.table.file));
  }
  const isFinished = files.includes("manifest.json")
  if (isFinished) expect((await log.manifest(name)).events).toBe("490")
  const next = await log.create({ incremental: true })
  expect(await log.closes(next.name)).toBe(490)
  const { tables } = await log.manifest(next.name)
  const taken = tables.filter(({ taken_over }) => taken_over?.backup === name)
  const wanted = entries.filter((file) => !file.startsWith("event_default"))
  if (!isFinished) expect(taken.length).toBe(wanted.length)
})
