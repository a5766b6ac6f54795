// What a backup that was never finished takes of the disk, as far as its files are still being written.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { listedBackup } from "../../src/data/backup/describe.js"
import { findBackup } from "../../src/data/backup/list.js"
import { openFolder } from "../../src/data/store/folder.js"

test("the size of an unfinished backup counts the files that were never finished", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-partial-"))
  try {
    const name = "backup-20261122T013000Z-a1b2c3"
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, "act.copy.gz"), "four")
    await writeFile(join(folder, name, "event_2026_11.copy.gz.partial-0123456789ab"), Buffer.alloc(3_000_000))
    const found = await findBackup(openFolder(pathToFileURL(folder).href), name)
    expect(listedBackup(found, Date.now())).toMatchObject({ state: "unfinished", bytes: "3000004" })
  } finally {
    await rm(folder, { recursive: true })
  }
})
