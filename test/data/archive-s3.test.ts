// Archives in a bucket: from beginning to end, and while the server fails.
import { afterAll, beforeAll, expect, test } from "vitest"
import { openStore } from "../../src/data/store/store.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"
import { isPut, type S3Server, startS3 } from "./s3-server.js"
import { keys } from "./store-fixture.js"

let log: ArchiveLog
let server: S3Server
let to: string
beforeAll(async () => {
  log = await archiveLog()
  server = await startS3()
  to = `s3://${server.bucket}/archives`
})
afterAll(async () => {
  await log.remove()
  await server.close()
})

const context = () => ({ s3: { ...server.settings, patience: { attempts: 2, pause: 1, silence: 2000 } } })

/** All that lies there. */
async function lying(): Promise<string[]> {
  const store = await openStore(to, context())
  try {
    return await keys(store)
  } finally {
    await store.close()
  }
}

test("a server that fails or is down takes nothing out of the table, and the next run completes it", async () => {
  await log.append(6, { policy: "cold" })
  await log.append(6, { at: "2020-02-02", policy: "cold" })
  const before = await log.events()
  server.fate = (seen) => (isPut(seen) && seen.url.includes("manifest") ? { answer: 500 } : undefined)
  const failing = await log.create({ due: true, to, store: context() })
  expect(failing.failed.map(({ partition }) => partition)).toEqual(["event_2020_01", "event_2020_02"])
  expect(await lying()).toEqual([])
  const away = { s3: { ...context().s3, endpoint: "http://127.0.0.1:1" } }
  const down = await failureOf(log.create({ due: true, to, store: away }))
  expect(down).toMatchObject({ code: "unreachable", hint: expect.stringMatching(/^nothing was archived; /) })
  expect(await log.events()).toEqual(before)
  expect(await log.trail.archiveFailures()).toMatchObject([
    { failures: "1", location: to },
    { failures: "1" },
  ])
  server.quiet()
  const run = await log.create({ due: true, to, store: context() })
  expect(run).toMatchObject({ archives: "2", failed: [] })
  expect(await log.trail.archiveFailures()).toEqual([])
  expect(await lying()).toHaveLength(4)
  expect(await log.whole()).toEqual({ live: 0, archived: 12, purged: 0 })

  const [first = "", second = ""] = run.partitions.flatMap(({ archive }) => archive ?? [])
  expect(await failureOf(log.trail.restoreArchive(first, { reason: "why" }))).toMatchObject({
    code: "config",
  })
  expect(await failureOf(log.trail.restoreArchive(first, { reason: "why", store: away }))).toMatchObject({
    code: "unreachable",
  })
  await log.trail.restoreArchive(first, { reason: "why", store: context() })
  await log.trail.restoreArchive(second, { reason: "why", store: context() })
  expect(await log.events()).toEqual(before)

  const removal = { reason: "why", confirm: first }
  expect(await failureOf(log.trail.removeArchive(first, { ...removal, store: away }))).toMatchObject({
    code: "unreachable",
    hint: expect.stringMatching(/^nothing was (changed|removed)|its removal is not recorded/),
  })
  expect(await log.trail.archives({ at: to, store: context() })).toMatchObject([
    { found: true },
    { found: true },
  ])
  await log.trail.removeArchive(first, { ...removal, store: context() })
  await log.trail.removeArchive(second, { reason: "why", confirm: second, store: context() })
  expect(await lying()).toEqual([])
  expect(await log.whole()).toEqual({ live: 12, archived: 0, purged: 0 })
})
