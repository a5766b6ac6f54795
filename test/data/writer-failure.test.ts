// The batching writer when it cannot append: what it keeps, spools and refuses.
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type EventInput, TrailError, type WriterOptions } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type LossyProxy, startProxy } from "./proxy.js"

let database: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-writer-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

const count = async (type: string) =>
  Number(
    (await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type]))[0]?.n,
  )

async function through(work: (proxy: LossyProxy, trail: Trail) => Promise<void>): Promise<void> {
  const proxy = await startProxy(database.url)
  const own = await database.trail({ url: proxy.url })
  try {
    await work(proxy, own)
  } finally {
    await own.close()
    await proxy.close()
  }
}

describe("a lasting failure, onFailure fail", () => {
  test("is thrown by append, flush and close; the events are kept and a later flush sends them", async () => {
    await through(async (proxy, own) => {
      const writer = await own.writer({ retryForMs: 50, maxEvents: 10 })
      proxy.down()
      for (let n = 0; n < 3; n += 1) await writer.append({ event_type: "kept", external_number: n })
      await expect(writer.flush()).rejects.toBeInstanceOf(TrailError)
      await expect(writer.append({ event_type: "kept" })).rejects.toBeInstanceOf(TrailError)
      expect(writer.pending).toBe(3)
      expect(
        writer
          .unwritten()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).external_number),
      ).toEqual([0, 1, 2])
      proxy.up()
      await writer.flush()
      await writer.append({ event_type: "kept", external_number: 3 })
      await writer.close()
      expect(await count("kept")).toBe(4)
    })
  })

  test("close() throws, and what is left can be imported", async () => {
    await through(async (proxy, own) => {
      const writer = await own.writer({ retryForMs: 0 })
      await writer.append({ event_type: "left" })
      proxy.down()
      await expect(writer.close()).rejects.toBeInstanceOf(TrailError)
      const file = join(folder, "left.ndjson")
      await writeFile(file, writer.unwritten())
      expect(await trail.importFile(file)).toMatchObject({ added: 1 })
    })
  })
})

describe("onFailure spool", () => {
  const spooling = (spoolFile: string): WriterOptions => ({
    onFailure: "spool",
    spoolFile,
    retryForMs: 30,
    maxEvents: 10,
    maxDelayMs: 5,
  })

  test("the events go to a private file that the import takes, and the writer goes on", async () => {
    const file = join(folder, "spool.ndjson")
    await through(async (proxy, own) => {
      const writer = await own.writer(spooling(file))
      await writer.append({ event_type: "spool", external_number: 0, details: { n: 9007199254740993n } })
      await writer.flush()
      proxy.down()
      for (let n = 1; n <= 40; n += 1)
        await writer.append({ event_type: "spool", external_number: n, details: { n: 9007199254740993n } })
      await writer.flush()
      expect(writer.spooled).toBe(40)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      proxy.up()
      await writer.append({ event_type: "spool", external_number: 41 })
      await writer.close()
      expect(writer.spooled).toBe(40)
    })
    expect(await trail.importFile(file)).toMatchObject({ records: 40, added: 40, rejected: 0, skipped: 0 })
    expect(await trail.importFile(file)).toMatchObject({ records: 40, added: 0, skipped: 40 })
    const [row] = await database.query(
      "select count(*) as n, count(distinct external_number) as different, min(details ->> 'n') as digits from pgtrail.event where event_type = 'spool'",
    )
    expect(row).toEqual({ n: "42", different: "42", digits: "9007199254740993" })
  })

  test("a batch that had arrived although nobody answered is not imported again", async () => {
    const file = join(folder, "doubt.ndjson")
    await through(async (proxy, own) => {
      const writer = await own.writer(spooling(file))
      await writer.append({ event_type: "doubt", external_number: 0 })
      await writer.flush()
      proxy.swallowAnswerTo("pgtrail.append")
      for (let n = 1; n <= 5; n += 1) await writer.append({ event_type: "doubt", external_number: n })
      await expect.poll(() => count("doubt")).toBe(6)
      proxy.down()
      for (let n = 6; n <= 9; n += 1) await writer.append({ event_type: "doubt", external_number: n })
      await writer.close()
      expect(writer.spooled).toBeGreaterThanOrEqual(4)
    })
    const lines = (await readFile(file, "utf8")).trim().split("\n").length
    const result = await trail.importFile(file)
    expect(result).toMatchObject({ records: lines, rejected: 0, added: 4 })
    expect(await count("doubt")).toBe(10)
  })

  test("a spool file that has grown is imported with a name without doubles, also by small batches", async () => {
    const file = join(folder, "grown.ndjson")
    await through(async (proxy, own) => {
      const writer = await own.writer(spooling(file))
      proxy.down()
      for (let n = 0; n < 10; n += 1) await writer.append({ event_type: "grown", external_number: n })
      await writer.flush()
      expect(await trail.importFile(file, { batchSize: 3, source: "spool" })).toMatchObject({ added: 10 })
      for (let n = 10; n < 15; n += 1) await writer.append({ event_type: "grown", external_number: n })
      await writer.close()
    })
    expect(await trail.importFile(file, { batchSize: 4, source: "spool" })).toMatchObject({
      records: 15,
      added: 5,
      skipped: 10,
    })
    expect(await count("grown")).toBe(15)
  })

  test("half a line that a killed process left does not spoil the next", async () => {
    const file = join(folder, "half.ndjson")
    await writeFile(file, '{"event_type":"ha')
    await through(async (proxy, own) => {
      const writer = await own.writer(spooling(file))
      proxy.down()
      await writer.append({ event_type: "half" })
      await writer.close()
    })
    expect(await trail.importFile(file, { maxErrors: 1 })).toMatchObject({ added: 1, rejected: 1 })
  })

  test("needs a file, and says when it cannot write it", async () => {
    await expect(trail.writer({ onFailure: "spool" })).rejects.toMatchObject({ code: "usage" })
    await through(async (proxy, own) => {
      const writer = await own.writer(spooling(join(folder, "no", "such", "folder")))
      proxy.down()
      await writer.append({ event_type: "nowhere" })
      await expect(writer.flush()).rejects.toMatchObject({ code: "file" })
      expect(writer.pending).toBe(1)
      proxy.up()
      await writer.close()
      expect(await count("nowhere")).toBe(1)
    })
  })
})

describe("an event that is refused", () => {
  const bad: EventInput = { event_type: "refused", occurred_at: "2026-13-13T00:00:00Z" }

  test("at once, where this side sees it, without touching the others", async () => {
    const writer = await trail.writer()
    await writer.append({ event_type: "good.one" })
    await expect(writer.append({ event_type: "x", ip_address: "nowhere" })).rejects.toMatchObject({
      code: "bad-event",
      message: "the event cannot be appended: ip_address must be an IP address",
    })
    await writer.close()
    expect(await count("good.one")).toBe(1)
  })

  test("by the server: the rest of its batch is appended, and the next flush throws once", async () => {
    const writer = await trail.writer({ maxDelayMs: 60_000 })
    for (const event of [{ event_type: "rest" }, bad, { event_type: "rest" }, bad]) await writer.append(event)
    await expect(writer.flush()).rejects.toMatchObject({
      code: "bad-event",
      message: "the event cannot be appended: occurred_at must be a time such as 2026-11-21T09:30:00Z",
    })
    expect(await count("rest")).toBe(2)
    await writer.append({ event_type: "rest" })
    await writer.close()
    expect(await count("rest")).toBe(3)
  })

  test("goes to onRefused, or to the spool file, where the import names it", async () => {
    const refused: string[] = []
    const telling = await trail.writer({
      onRefused: (json, error) => refused.push(`${JSON.parse(json).event_type} ${error.code}`),
    })
    await telling.append(bad)
    await telling.close()
    expect(refused).toEqual(["refused bad-event"])

    const file = join(folder, "refused.ndjson")
    const writer = await trail.writer({ onFailure: "spool", spoolFile: file })
    await writer.append(bad)
    await writer.close()
    const rejected: string[] = []
    await expect(
      trail.importFile(file, { onRejected: ({ line, reason }) => rejected.push(`${line}: ${reason}`) }),
    ).rejects.toMatchObject({
      code: "incomplete",
    })
    expect(rejected).toEqual(["1: occurred_at must be a time such as 2026-11-21T09:30:00Z"])
  })
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
