// Bad records of an import: named by line, written to the file of rejects, counted, never lost.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
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

describe("a bad record", () => {
  const bad: readonly [string, string | Buffer, string][] = [
    ["no JSON", '{"event_type":"b",}', "it is not JSON"],
    ["text", "hello", "it is not JSON"],
    ["two records", '{"event_type":"b"} {"event_type":"b"}', "it is not JSON"],
    ["no object", '["b"]', "it is not a JSON object"],
    ["unknown key", '{"event_type":"b","actr":"x"}', 'an event has no key "actr"'],
    ["chain column", '{"event_type":"b","hash":"\\\\x00"}', 'an event has no key "hash"'],
    ["no type", '{"actor_id":"b"}', "event_type is missing"],
    [
      "severity",
      '{"event_type":"b","severity":"bad"}',
      "severity must be debug, info, warning, error or critical",
    ],
    [
      "NUL",
      '{"event_type":"b","details":{"a":"\\u0000"}}',
      "details.a has the character NUL (\\u0000), which PostgreSQL cannot store",
    ],
    ["NUL byte", '{"event_type":"b\0"}', "it has the character NUL, which JSON has not"],
    [
      "surrogate",
      '{"event_type":"b","actor_name":"\\udc00"}',
      "actor_name has half of a surrogate pair, which is no character",
    ],
    ["not UTF-8", Buffer.from('{"event_type":"b\xe4"}', "latin1"), "it is not UTF-8"],
    ["number", '{"event_type":"b","details":{"n":1e999999}}', "it has a number that PostgreSQL cannot store"],
    [
      "depth",
      `{"event_type":"b","details":${"[".repeat(20000)}${"]".repeat(20000)}}`,
      "its JSON is nested too deeply or too large for the server",
    ],
    [
      "time",
      '{"event_type":"b","occurred_at":"soon"}',
      "occurred_at must be a time such as 2026-11-21T09:30:00Z",
    ],
    ["no time", '{"event_type":"b","occurred_at":null}', "occurred_at and retention_policy must not be null"],
    ["address", '{"event_type":"b","ip_address":"local"}', "ip_address must be an IP address"],
    ["id", '{"event_type":"b","id":"1"}', "id must be a uuid"],
    [
      "integer",
      '{"event_type":"b","status_code":3000000000}',
      "status_code must be a whole number that fits integer",
    ],
    ["array", '{"event_type":"b","tags":"x"}', "tags must be an array of text"],
    ["batch id", '{"event_type":"b","append_batch":"x"}', "append_batch must be a uuid"],
    ["size", `{"event_type":"b","description":"${"x".repeat(2 * 1024 * 1024)}"}`, "the event has 2097"],
  ]
  test.each(bad)("%s", async (_, record, reason) => {
    const content = Buffer.concat([
      Buffer.from(event("around", 1)),
      Buffer.from(record),
      Buffer.from(`\n${event("around", 2)}`),
    ])
    const before = await count("around")
    const path = await file(content)
    const { error, rejected } = await failed(path)
    expect(rejected).toHaveLength(1)
    expect(rejected[0]).toContain(`2: ${reason}`)
    expect(error).toMatchObject({ code: "incomplete" })
    expect(await count("around")).toBe(before)
    const rejects = `${path}.rejects`
    expect(await trail.importFile(path, { maxErrors: 1, rejects })).toMatchObject({
      added: 2,
      rejected: 1,
      records: 3,
    })
    const written = await readFile(rejects)
    expect(written.equals(Buffer.concat([Buffer.from(record), Buffer.from("\n")]))).toBe(true)
  })

  test("all of a batch are named, the batch is rolled back, earlier ones stay, and a second run goes on", async () => {
    const content =
      events("bad.late", 10) +
      events("bad.late", 3, 10) +
      "nonsense\n" +
      '{"x":1}\n' +
      events("bad.late", 30, 13)
    const path = await file(content)
    const rejects = join(folder, "late.rejects")
    const { error, rejected } = await failed(path, { batchSize: 5, maxErrors: 1, rejects })
    expect(rejected).toEqual(["14: it is not JSON", '15: an event has no key "x"'])
    expect(error.message).toBe(`${path}: 2 bad records in records 11 to 15, which were not imported`)
    expect(await count("bad.late")).toBe(10)
    expect(await readFile(rejects, "utf8")).toBe("")
    expect(await trail.importFile(path, { batchSize: 5, maxErrors: 2, rejects })).toMatchObject({
      records: 45,
      added: 33,
      rejected: 2,
      skipped: 10,
    })
    expect(await readFile(rejects, "utf8")).toBe('nonsense\n{"x":1}\n')
    expect(await count("bad.late")).toBe(43)
    expect(await trail.importFile(path, { rejects })).toMatchObject({ added: 0, rejected: 0, skipped: 45 })
  })

  test("counts over all batches", async () => {
    const content = Array.from({ length: 6 }, (_, n) => `${events("over.all", 4, n * 4)}bad\n`).join("")
    const { error, rejected } = await failed(await file(content), { batchSize: 5, maxErrors: 3 })
    expect(error.code).toBe("incomplete")
    expect(rejected).toHaveLength(4)
    expect(await count("over.all")).toBe(12)
  })

  test("what is not the record's fault is no bad record", async () => {
    await database.query(
      `create function full_disk() returns trigger language plpgsql as $$ begin raise disk_full; end $$`,
    )
    await database.query(
      "create trigger full_disk before insert on pgtrail.import_source for each row execute function full_disk()",
    )
    const { error, rejected } = await failed(await file(events("disk", 3)), { maxErrors: 100 })
    await database.query("drop trigger full_disk on pgtrail.import_source")
    expect(error.code).toBe("disk-full")
    expect(rejected).toEqual([])
  })

  test("a file of rejects that cannot be written is an error before anything is imported", async () => {
    const { error } = await failed(await file(events("no.rejects", 3)), {
      rejects: join(folder, "no", "file"),
    })
    expect(error.code).toBe("file")
    expect(await count("no.rejects")).toBe(0)
  })
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
