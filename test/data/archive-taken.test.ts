// Files that somebody takes away between their writing and the purge, for an orphan's or by hand: the events stay in the table.
import { rm, truncate } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { ArchiveOptions } from "../../src/data/index.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"
import { whileActsWait } from "./retention-fixture.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(20)
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const january = { partition: "event_2020_01" }

/** Files are written and the purge waits for the chain of acts, while this happens. */
const meanwhile = (work: () => Promise<unknown>, options: Partial<ArchiveOptions> = january) =>
  whileActsWait(
    log.db,
    () => log.create({ ...january, ...options }),
    async () => {
      await work()
    },
  )

async function expectUntouched(): Promise<void> {
  expect(await log.count()).toBe(20)
  expect(await log.files()).toEqual([])
  expect(await log.whole()).toEqual({ live: 20, archived: 0, purged: 0 })
}

test("an archive that is being made is no orphan that could be removed: another run is at work", async () => {
  const run = await meanwhile(async () => {
    const [name = ""] = await log.files()
    const refused = await failureOf(log.trail.removeArchive(name, { at: log.to, confirm: name }))
    expect(refused).toMatchObject({ code: "busy" })
  })
  expect(run).toMatchObject({ archives: "1", events: "20" })
  expect((await log.whole()).archived).toBe(20)
})

test.each(["manifest.json", "events.copy.gz"])(
  "%s, taken away by hand before the purge: nothing is purged, and no file is left",
  async (file) => {
    const run = await meanwhile(async () => {
      const [name = ""] = await log.files()
      await rm(join(log.folder, name, file))
    })
    expect(run).toMatchObject({ archives: "0", events: "0" })
    expect(run.failed).toMatchObject([{ message: expect.stringContaining("are not as they were written") }])
    await expectUntouched()
  },
)

test("a file that was cut before the purge: nothing is purged, and no file is left", async () => {
  const run = await meanwhile(async () => {
    const [name = ""] = await log.files()
    await truncate(join(log.folder, name, "events.copy.gz"), 20)
  })
  expect(run.failed).toMatchObject([{ message: expect.stringContaining("are not as they were written") }])
  await expectUntouched()
})

test("files in the database of which one is gone: the database itself purges nothing", async () => {
  const run = await meanwhile(
    () =>
      log.db.query(
        "delete from pgtrail.archive_storage_part where id like '%gz'; delete from pgtrail.archive_storage where id like '%gz'",
      ),
    { to: "table:" },
  )
  expect(run).toMatchObject({ archives: "0", events: "0" })
  expect(run.failed).toHaveLength(1)
  await expectUntouched()
  expect(await log.db.query("select count(*) as files from pgtrail.archive_storage")).toEqual([
    { files: "0" },
  ])
})
