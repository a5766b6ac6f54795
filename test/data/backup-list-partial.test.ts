// What a backup that was never finished takes of the disk, as far as its files are still being written.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { describeFound, listedBackup, problemWords } from "../../src/data/backup/describe.js"
import { findAllBackups, findBackup } from "../../src/data/backup/list.js"
import { openFolder } from "../../src/data/store/folder.js"
import { place } from "./backup-place-fixture.js"

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

test("of an unfinished one it is said what is whole of it, and what to run: go on with it, make another, or nothing", async () => {
  const here = place()
  try {
    const list = async (name: string): Promise<string> => {
      const all = await findAllBackups(here.store)
      const found = all.find((one) => one.name === name)
      if (found === undefined) throw new Error(`${name} is not listed`)
      return problemWords(found, all, here.store.location, found.modifiedAt + 61_000)
    }
    const name = here.lay("2026-11-20T01:00:00Z")
    await rm(join(here.path, name, "manifest.json"))
    const create = `pgtrail backup create --to ${here.path}`
    expect(await list(name)).toBe(
      "it has no manifest: it is being made, was stopped, or is half removed (last written 1m 1s ago); " +
        `nothing of it can be taken over; make another: ${create}`,
    )
    await writeFile(join(here.path, name, "event_2026_07.entry.json"), "{}")
    expect(await list(name)).toBe(
      "it has no manifest: it is being made, or was stopped; 1 file of it is whole (last written 1m 1s ago); " +
        `go on with it, with the options that it was begun with: ${create} --incremental`,
    )
    // Of a part it says nothing of the whole.
    here.lay("2026-11-20T02:00:00Z", { organization: "acme" })
    expect(await list(name)).toContain("go on with it")
    here.lay("2026-11-20T03:00:00Z")
    expect(await list(name)).toMatch(/; nothing need be done: a newer one is finished$/)
    const found = await findBackup(here.store, name)
    expect(describeFound(found, here.store.location, found.modifiedAt + 61_000)).toMatch(
      /^last written {2}1m 1s ago\nnext +go on with it/m,
    )
  } finally {
    here.close()
  }
})
