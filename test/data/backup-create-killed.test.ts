// kill -9 of the command line at every step of a backup: what has a name is whole, and the next run goes on from there.
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, type FSWatcher, readdirSync, watch } from "node:fs"
import { join } from "node:path"
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
  // So many that their file has an entry: a smaller one is rather read again.
  await log.append(400, { policy: "standard" })
  await log.append(30, { at: "2020-02-02" })
  await log.db.query(
    `insert into pgtrail.event (occurred_at, event_type, description)
     select '2020-03-02Z', 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 60) i, generate_series(1, 400) j group by i`,
  )
})
afterAll(() => log.remove())

/** Kills it as soon as a file begins with `step`, which the system tells: looking again and again takes more time than the backup. */
async function killedAt(step: string): Promise<string> {
  const before = await log.names()
  const words = ["backup", "create", "--to", log.folder, "--jobs", "1"]
  let child: ChildProcess | undefined
  let inside: FSWatcher | undefined
  const seen = (file: string | null): void => {
    if (file?.startsWith(step) === true) child?.kill("SIGKILL")
  }
  const outside = watch(log.folder, (_, name) => {
    if (inside !== undefined || name === null || before.includes(name) || !name.startsWith("backup-")) return
    const folder = join(log.folder, name)
    inside = watch(folder, (_, file) => seen(file))
    for (const file of readdirSync(folder)) seen(file)
  })
  try {
    child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...words], {
      env: { PATH: process.env.PATH, PGTRAIL_URL: log.db.url },
      stdio: "ignore",
    })
    await new Promise((resolve) => child?.on("close", resolve))
  } finally {
    outside.close()
    inside?.close()
  }
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
