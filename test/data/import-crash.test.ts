// Importing against the odds: killed processes, lost connections, two at once, a signal, and a file larger than memory should be.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { startProxy } from "./proxy.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

let database: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-crash-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

const events = (type: string, count: number) =>
  Array.from(
    { length: count },
    (_, n) =>
      `{"event_type":"${type}","external_number":${n},"organization_id":"o${n % 3}","actor_id":"user-${n % 50}"}\n`,
  ).join("")

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function tally(type: string) {
  const [row] = await database.query(
    "select count(*) as n, count(distinct external_number) as different from pgtrail.event where event_type = $1",
    [type],
  )
  return [Number(row?.n), Number(row?.different)]
}

/** It is asked every few milliseconds: so it only counts. */
async function arrived(type: string): Promise<number> {
  const rows = await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type])
  return Number(rows[0]?.n)
}

describe.skipIf(!isBuilt)("a process", () => {
  test("that is killed goes on where it stopped", async () => {
    const path = await file("killed.ndjson", events("killed", 3000))
    let kills = 0
    for (let round = 1; round <= 4; round += 1) {
      const child = spawn(
        process.execPath,
        [join(root, "bin/pgtrail.js"), "import", "file", "--batch-size", "50", path],
        {
          env: { PATH: process.env.PATH, PGTRAIL_URL: database.url },
          stdio: "ignore",
        },
      )
      let running = true
      const ended = new Promise<void>((resolve) => child.on("close", () => resolve())).then(() => {
        running = false
      })
      // Progress, not time, says when: the kill falls anywhere in a batch, on any machine.
      const before = await arrived("killed")
      while (running && (await arrived("killed")) < before + round * 100) await pause(5)
      if (running) kills += 1
      child.kill("SIGKILL")
      await ended
    }
    const rest = await trail.importFile(path)
    expect(kills).toBeGreaterThan(1)
    expect(rest.records).toBe(3000)
    expect(await tally("killed")).toEqual([3000, 3000])
  })

  test("that is interrupted rolls its batch back, says so by its exit code, and goes on later", async () => {
    const path = await file("stopped.ndjson", events("stopped", 4000))
    const child = spawn(
      process.execPath,
      [join(root, "bin/pgtrail.js"), "import", "file", "--batch-size", "100", path],
      {
        env: { PATH: process.env.PATH, PGTRAIL_URL: database.url },
        stdio: "ignore",
      },
    )
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve))
    await expect.poll(() => arrived("stopped"), { timeout: 20_000, interval: 10 }).toBeGreaterThan(0)
    child.kill("SIGINT")
    expect(await ended).toBe(130)
    const [n = 0] = await tally("stopped")
    expect(n % 100).toBe(0)
    expect(n).toBeLessThan(4000)
    expect(await trail.importFile(path)).toMatchObject({ skipped: n, added: 4000 - n })
    expect(await tally("stopped")).toEqual([4000, 4000])
  })
})

test("a signal ends it between batches", async () => {
  const path = await file("aborted.ndjson", events("aborted", 1000))
  const stop = new AbortController()
  const work = trail.importFile(path, {
    batchSize: 200,
    signal: stop.signal,
    onProgress: () => stop.abort("enough"),
  })
  await expect(work).rejects.toBe("enough")
  expect(await tally("aborted")).toEqual([200, 200])
})

test("of two at once on one source one is told that the other is at work, and nothing comes in twice", async () => {
  const path = await file("two.ndjson", events("two", 1500))
  const ended = await Promise.allSettled([
    trail.importFile(path, { batchSize: 50 }),
    trail.importFile(path, { batchSize: 60 }),
  ])
  expect(ended.map((end) => end.status).sort()).toEqual(["fulfilled", "rejected"])
  expect(ended.find((end) => end.status === "rejected")).toMatchObject({ reason: { code: "busy" } })
  expect(await tally("two")).toEqual([1500, 1500])
})

test("six at once on different sources share the organizations", async () => {
  const paths = await Promise.all(
    [0, 1, 2, 3, 4, 5].map((n) =>
      file(`six-${n}.ndjson`, events("six", 300).replaceAll('"six"', `"six","project_id":"${n}"`)),
    ),
  )
  const results = await Promise.all(paths.map((path) => trail.importFile(path, { batchSize: 75 })))
  expect(results.map((result) => result.added)).toEqual([300, 300, 300, 300, 300, 300])
  expect((await tally("six"))[0]).toBe(1800)
})

test("lost connections, also at the commit, are made again", async () => {
  const proxy = await startProxy(database.url)
  const own = await database.trail({ url: proxy.url })
  const path = await file("lost.ndjson", events("lost", 600))
  let batch = 0
  const result = await own.importFile(path, {
    batchSize: 50,
    onProgress() {
      batch += 1
      // The commit's answer is lost, then that of the load, then everything for a while.
      if (batch === 3) proxy.swallowAnswerTo("commit\0")
      if (batch === 6) proxy.swallowAnswerTo("pgtrail.import_batch")
      if (batch === 9) {
        proxy.down()
        setTimeout(() => proxy.up(), 150)
      }
    },
  })
  expect(result).toMatchObject({ records: 600, added: 600, rejected: 0 })
  expect(await tally("lost")).toEqual([600, 600])
  await own.close()
  await proxy.close()
})

test("a rejected record is in the file of rejects also where the commit's answer was lost", async () => {
  const proxy = await startProxy(database.url)
  const own = await database.trail({ url: proxy.url })
  const rejects = join(folder, "rejects")
  const path = await file("lost-rejects.ndjson", `${events("lost.rejects", 10)}bad\n`)
  proxy.swallowAnswerTo("commit\0")
  expect(await own.importFile(path, { maxErrors: 1, rejects })).toMatchObject({
    records: 11,
    added: 10,
    rejected: 1,
  })
  expect(await readFile(rejects, "utf8")).toBe("bad\n")
  await own.close()
  await proxy.close()
})

test("memory stays flat over many batches", async () => {
  const block = Buffer.from(events("flat", 200).replaceAll("user", "u".repeat(60_000)))
  const stream = Readable.from(
    (async function* () {
      for (let n = 0; n < 6; n += 1) yield block
    })(),
  )
  let most = 0
  const start = process.memoryUsage.rss()
  await trail.importFile(stream, {
    source: "flat",
    batchSize: 50,
    onProgress: () => {
      most = Math.max(most, process.memoryUsage.rss() - start)
    },
  })
  expect((await tally("flat"))[0]).toBe(1200)
  expect(most).toBeLessThan(75 * 1024 * 1024)
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
