// An archive many times larger than the memory that it takes: written, checked and read with its events passing by.
import { randomUUID } from "node:crypto"
import { memoryUsage } from "node:process"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { afterAll, beforeAll, expect, test } from "vitest"
import { checkArchive } from "../../src/data/archive/check.js"
import { archiveRows } from "../../src/data/archive/read.js"
import { writeArchive } from "../../src/data/archive/write.js"
import { genesis, recompute } from "../../src/data/canonical.js"
import { eventColumns } from "../../src/data/event-columns.js"
import { folderStore } from "../data/archive-files-fixture.js"

let files: Awaited<ReturnType<typeof folderStore>>
beforeAll(async () => {
  files = await folderStore()
})
afterAll(() => files?.remove())

const logId = "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001"
const megabyte = 1024 * 1024
const mostMegabytes = 200

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** A chain of events of a mebibyte each, as COPY writes them. */
async function* chain(count: number): AsyncGenerator<Buffer> {
  let previous = genesis(logId, "acme", "0").toString("hex")
  for (let seq = 1; seq <= count; seq++) {
    const row: Record<string, string> = {
      id: randomUUID(),
      organization_id: "acme",
      occurred_at: "2026-11-21 09:30:00+00",
      recorded_at: "2026-11-21 09:30:00.000001+00",
      event_type: "x",
      severity: "info",
      outcome: "success",
      retention_policy: "standard",
      description: `${seq} of some text that goes on and on `.repeat(megabyte / 40),
      lane: "0",
      seq: String(seq),
      identity_salt: randomUUID(),
      content_salt: randomUUID(),
      previous_hash: `\\x${previous}`,
      hash_version: "1",
    }
    previous = recompute(row).hash
    row.hash = `\\x${previous}`
    yield Buffer.from(`${eventColumns.map((name) => row[name]?.replace("\\", "\\\\") ?? "\\N").join("\t")}\n`)
  }
}

test("memory does not grow with the size of an archive", { timeout: 400_000 }, async () => {
  const count = 1100
  let peak = 0
  const name = "event_2026_11-20261121T190000Z-0a1b2c"
  const about = {
    name,
    log_id: logId,
    log_ids: [logId],
    incarnation: "1",
    database: "test",
    created_by: "somebody",
    created_at: "2026-11-21T19:00:00.000000Z",
    partition: { name: "event_2026_11", since: null, until: null },
    organization: null,
    due: false,
    since: null,
    until: null,
  }
  // What the code itself takes is there before it is counted.
  await writeArchive(files.store, chain(4), { ...about, name: "warm" }, { level: 1 })
  const before = memoryUsage.rss()
  // What nothing holds any more is not counted: beside other tests the collector comes to it late.
  const look = () => {
    if (memoryUsage.rss() - before > (mostMegabytes * megabyte) / 2) collect()
    peak = Math.max(peak, memoryUsage.rss())
  }
  const written = await writeArchive(files.store, chain(count), about, { level: 1, progress: look })
  expect(await checkArchive(files.store, name, { progress: look })).toMatchObject({
    verdict: "intact",
    events: count,
  })
  let bytes = 0
  for await (const chunk of archiveRows(files.store, written.manifest)) {
    bytes += chunk.length
    look()
  }
  expect(bytes).toBeGreaterThan((count * megabyte * 9) / 10)
  expect((peak - before) / megabyte).toBeLessThan(mostMegabytes)
})
