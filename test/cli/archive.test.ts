// pgtrail archive create, list, show, restore and remove, word by word.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "../data/archive-log-fixture.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await mkdir(join(log.folder, orphan))
  await writeFile(join(log.folder, orphan, "manifest.json"), "{}")
})
afterAll(() => log.remove())

/** What a run that was killed may leave. */
const orphan = "event_2018_01-00000000T000000Z-aaaaaa"
const stamp = "00000000T000000Z-xxxxxx"

/** In the transcript an archive has the partition's name and `stamp`: the newest of it is meant. */
async function named(line: string): Promise<string> {
  const [typed, partition] = new RegExp(`(event_\\w+)-${stamp}`).exec(line) ?? []
  if (typed === undefined || line.startsWith(" ")) return line
  const [row] = await log.db.query(
    "select name from pgtrail.archive where partition_name = $1 order by act_seq desc limit 1",
    [partition],
  )
  return line.replaceAll(typed, row?.name ?? typed)
}

/** Names, sizes and the folder differ from run to run. */
const masked = (text: string): string =>
  text
    .replace(/\b(event_\w+)-(?!0{8}T)\d{8}T\d{6}Z-[0-9a-f]{6}\b/g, `$1-${stamp}`)
    .replace(/pgtrail-archive-\w{6}/g, "pgtrail-archive-folder")
    .replaceAll(new Date().toISOString().slice(0, 10), "0000-00-00")
    .replace(/\d[\d,]* bytes/g, "N bytes")
    .replace(/\d+(\.\d)? [kM]B/g, "N kB")
    .replace(/^(bytes +)\d+/gm, "$1N")
    .replace(/(process )\d+/g, "$1N")

test("in a crontab it says nothing where nothing went wrong, and --to may be configured", async () => {
  const env = { PGTRAIL_URL: log.db.url, PGTRAIL_ARCHIVE_CREATE_TO: log.folder }
  for (const words of [
    ["create", "--due"],
    ["remove", "--expired"],
  ]) {
    expect(await runInProcess(["archive", ...words, "--quiet"], { env })).toMatchObject({ exit: 0, both: "" })
  }
})

test("archive.txt", async () => {
  const file = join(import.meta.dirname, "archive.txt")
  const said: string[] = []
  // Each command by itself: what it is called with may be the name of what the one before made.
  for (const block of (await readFile(file, "utf8")).split(/^(?=#|\$|sql>)/m)) {
    const [typed = ""] = block.split("\n")
    const options = { url: log.db.url, cwd: log.folder, sql: (text: string) => log.db.query(text) }
    said.push(masked(await replay(await named(typed), options)))
  }
  await expect(said.join("\n").replace(/^(#.*)\n\n(?=#|\$|sql)/gm, "$1\n")).toMatchFileSnapshot(file)
})

test("an archive that should be there and is not makes exit 4, and is named", async () => {
  await log.append(2, { at: "2020-03-05" })
  const run = await log.create({ since: "2020-03-05T00:00:00.000000Z", until: "2020-03-06T00:00:00.000000Z" })
  const name = run.partitions[0]?.archive ?? ""
  await rm(join(log.folder, name), { recursive: true })
  const env = { PGTRAIL_URL: log.db.url }
  const ran = await runInProcess(["archive", "list", "--at", log.folder], { env })
  expect(ran.exit).toBe(4)
  expect(ran.stderr).toContain(`1 archive should be there and is not: ${name}`)
})
