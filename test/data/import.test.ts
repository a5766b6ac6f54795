// Importing NDJSON: once only, whatever form the file has, and streams that grow.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ImportOptions, TrailError } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"

let database: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-import-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

let files = 0
async function file(content: string | Buffer): Promise<string> {
  files += 1
  const path = join(folder, `${files}.ndjson`)
  await writeFile(path, content)
  return path
}

const event = (type: string, n: number, more: Record<string, unknown> = {}) =>
  `${JSON.stringify({ event_type: type, external_number: n, occurred_at: new Date(1.78e12 + n * 1000), ...more })}\n`
const events = (type: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => event(type, from + n)).join("")
const count = async (type: string) =>
  Number(
    (await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type]))[0]?.n,
  )

/** The error, and what was reported before it. */
async function failed(
  path: string,
  options: ImportOptions = {},
): Promise<{ error: TrailError; rejected: string[] }> {
  const rejected: string[] = []
  const onRejected: ImportOptions["onRejected"] = ({ line, reason }) => rejected.push(`${line}: ${reason}`)
  const error = await trail.importFile(path, { ...options, onRejected }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof TrailError)) throw new Error(`expected a TrailError, got ${String(error)}`)
  return { error, rejected }
}

describe("a file", () => {
  test("comes in once, over several batches, and is recorded as one act", async () => {
    const path = await file(events("once", 2500))
    const first = await trail.importFile(path, { batchSize: 700 })
    expect(first).toMatchObject({ records: 2500, added: 2500, rejected: 0, skipped: 0, format: "ndjson" })
    expect(first.source).toMatch(/^[0-9a-f]{64}$/)
    expect(await trail.importFile(path)).toMatchObject({
      records: 2500,
      added: 0,
      rejected: 0,
      skipped: 2500,
    })
    expect(await count("once")).toBe(2500)
    const acts = await database.query(
      "select parameters ->> 'events' as n from pgtrail.act where kind = 'import' and parameters ->> 'source' = $1",
      [first.source],
    )
    expect(acts).toEqual([{ n: "2500" }])
  })

  test("is sorted by time within a batch", async () => {
    const shuffled = [5, 3, 9, 1, 7].map((n) => event("sorted", n, { organization_id: "sorted" })).join("")
    await trail.importFile(await file(shuffled))
    const rows = await database.query(
      "select external_number as n from pgtrail.event where event_type = 'sorted' order by lane, seq",
    )
    expect(rows.map(({ n }) => n)).toEqual(["1", "3", "5", "7", "9"])
  })

  test("keeps every value as it stands in the line", async () => {
    const line = String.raw`{"event_type":"verbatim","description":"tab\there \\ \"quoted\" \\. \\N line\nbreak é 😀 \u00e9","details":{"n":1.10,"big":9007199254740993,"x":"\\t"},"tags":["a",null],"ip_address":"2001:db8::1","data_size_bytes":9223372036854775807}`
    await trail.importFile(await file(`  ${line}\t\n`))
    const [row] = await database.query(
      "select description, details::text as details, tags::text as tags, host(ip_address) as ip, data_size_bytes from pgtrail.event where event_type = 'verbatim'",
    )
    expect(row).toEqual({
      description: 'tab\there \\ "quoted" \\. \\N line\nbreak é 😀 é',
      details: '{"n": 1.10, "x": "\\\\t", "big": 9007199254740993}',
      tags: "{a,NULL}",
      ip: "2001:db8::1",
      data_size_bytes: "9223372036854775807",
    })
  })

  test("may be compressed, have CRLF, empty lines, a byte order mark, no last line end; the source is its content", async () => {
    const text = events("forms", 10)
    const plain = await trail.importFile(await file(text))
    expect(plain.added).toBe(10)
    const zipped = await trail.importFile(await file(gzipSync(text)))
    expect(zipped).toMatchObject({ source: plain.source, added: 0, skipped: 10 })
    const halves = Buffer.concat([gzipSync(text.slice(0, 100)), gzipSync(text.slice(100))])
    expect(await trail.importFile(await file(halves))).toMatchObject({ source: plain.source, added: 0 })
    expect(await trail.importFile(await file(`\ufeff${text}`))).toMatchObject({
      source: plain.source,
      added: 0,
    })
    const windows = `\ufeff\r\n${events("windows", 10).replaceAll("\n", "\r\n\r\n").trimEnd()}`
    expect(await trail.importFile(await file(windows))).toMatchObject({ records: 10, added: 10 })
    const zippedWindows = gzipSync(`\ufeff${events("zipped", 3)}`)
    expect(await trail.importFile(await file(zippedWindows))).toMatchObject({ added: 3 })
  })

  test("may be empty", async () => {
    expect(await trail.importFile(await file(""))).toMatchObject({ records: 0, added: 0 })
    expect(await trail.importFile(await file("\n\r\n  \n"))).toMatchObject({ records: 0, added: 0 })
  })

  test("gives an organization to the events that name none", async () => {
    await trail.importFile(await file(event("org", 1) + event("org", 2, { organization_id: "own" })), {
      organization: "given",
    })
    const rows = await database.query(
      "select organization_id as o from pgtrail.event where event_type = 'org' order by external_number",
    )
    expect(rows).toEqual([{ o: "given" }, { o: "own" }])
  })

  test("that cannot be read is an error that names it", async () => {
    expect((await failed(join(folder, "none"))).error).toMatchObject({
      code: "file",
      message: `${folder}/none: there is no such file`,
    })
    expect((await failed(folder)).error).toMatchObject({
      code: "file",
      message: `${folder}: it is a folder`,
    })
    const cut = await file(gzipSync(events("cut", 1000)).subarray(0, 500))
    expect((await failed(cut)).error).toMatchObject({
      code: "file",
      message: `${cut}: its compressed content ends too early`,
    })
    const damaged = gzipSync(events("damaged", 1000))
    damaged.fill(0xff, 200, 300)
    expect((await failed(await file(damaged))).error.message).toMatch(/its compressed content is damaged$/)
  })

  test("with lines longer than a read, and a batch of large events", async () => {
    const text = "x".repeat(700_000)
    const content = Array.from({ length: 20 }, (_, n) => event("large", n, { description: text })).join("")
    expect(await trail.importFile(await file(content))).toMatchObject({ added: 20 })
  })
})

describe("a stream", () => {
  test("without a name is known by its content", async () => {
    const text = events("stream", 20)
    const first = await trail.importFile(
      Readable.from([Buffer.from(text.slice(0, 33)), Buffer.from(text.slice(33))]),
    )
    expect(first).toMatchObject({ added: 20 })
    expect(await trail.importFile(await file(gzipSync(text)))).toMatchObject({
      source: first.source,
      added: 0,
    })
    expect(await trail.importFile(Readable.from([gzipSync(text)]))).toMatchObject({ added: 0, skipped: 20 })
  })

  test("with a name may grow: only what is new comes in", async () => {
    const stream = (n: number) => Readable.from([Buffer.from(events("grows", n))])
    expect(await trail.importFile(stream(5), { source: "app-1" })).toMatchObject({
      source: "app-1",
      added: 5,
    })
    expect(await trail.importFile(stream(8), { source: "app-1" })).toMatchObject({
      records: 8,
      added: 3,
      skipped: 5,
    })
    expect(await trail.importFile(stream(8), { source: "app-1" })).toMatchObject({ added: 0, skipped: 8 })
    const grown = await file(events("grows", 12))
    expect(await trail.importFile(grown, { source: "app-1" })).toMatchObject({ added: 4 })
    expect(await count("grows")).toBe(12)
    const rotated = await trail.importFile(stream(3), { source: "app-1" }).catch((thrown: unknown) => thrown)
    expect(rotated).toMatchObject({
      code: "config",
      message: "app-1 has 3 records, and 12 were imported before: it is another file",
    })
  })

  test("that was imported as another format is refused", async () => {
    const error = await trail
      .importFile(Readable.from([Buffer.from(events("grows", 15))]), {
        source: "app-1",
        format: "cloudtrail",
      })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "server", message: "the source was imported as ndjson" })
  })
})

test("a writer's role can import, and nothing else gets into its stage", async () => {
  const role = await database.role({ memberOf: ["pgtrail_writer"] })
  const writing = await database.trail({ url: role.url })
  const path = await file(`${events("by.role", 5)}bad\n`)
  expect(await writing.importFile(path, { maxErrors: 1 })).toMatchObject({ added: 5, rejected: 1 })
  const client = await role.client()
  await client.query("create temporary table pgtrail_stage (position bigint, event text)")
  await client.query("insert into pg_temp.pgtrail_stage values (1, '{}')")
  await expect(client.query("select pgtrail.import_batch('forged', 'ndjson', 0, 1)")).rejects.toMatchObject({
    code: "55000",
  })
  await client.end()
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
