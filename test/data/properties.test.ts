// Random events, three ways in, hostile sessions: SQL, the TypeScript and the reader of verify agree on every hash.
import { randomUUID } from "node:crypto"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import fc from "fast-check"
import type { Client } from "pg"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { encode } from "../../src/data/binary.js"
import { contentFields, frameFields, genesis, identityFields, recompute } from "../../src/data/canonical.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { readRecords, type SeenRow } from "./properties-reader.js"
import { event, hold, type Settings, settings, type Values } from "./properties-values.js"

let db: TestDatabase
let reader: Client
beforeAll(async () => {
  db = await testDatabase()
  reader = await db.client()
  await reader.query("set datestyle = 'ISO'; set bytea_output = 'hex'")
})
afterAll(() => db.drop())

const jsonColumns = new Set(["request_params", "before_state", "after_state", "details"])
const columns = [
  ["organization_id", "text"] as const,
  ...identityFields,
  ...contentFields,
  ...frameFields,
].filter(([column]) => column !== "recorded_at")

/** What LATIN1 does not have is escaped, as any JSON writer may do; the rest travels as the session's own bytes. */
function escaped(json: string, encoding: string): string {
  if (encoding === "UTF8") return json
  return json.replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

const toBytes = (text: string, encoding: string): Buffer =>
  Buffer.from(text, encoding === "UTF8" ? "utf8" : "latin1")

/** A parameter for text: a string would travel as UTF-8 whatever the session says. */
const parameter = (json: string, encoding: string): Buffer => toBytes(escaped(json, encoding), encoding)

/** An event as JSON: numbers and JSON columns as they are written, the rest as strings. */
function toJson(row: Values): string {
  const members = Object.entries(row).map(([column, value]) => {
    const raw = jsonColumns.has(column) || /(_number|_bytes|_ms|_code)$/.test(column)
    return `${JSON.stringify(column)}: ${raw ? value : JSON.stringify(value)}`
  })
  return `{${members.join(", ")}}`
}

/** In JSON a member that is null is no value, so a JSON column that is null cannot be given. */
const withoutNull = (row: Values): Values =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      jsonColumns.has(column) && value === "null" ? null : value,
    ]),
  )

async function insert(client: Client, rows: readonly Values[], encoding: string): Promise<void> {
  const names = columns.map(([column]) => column).join(", ")
  const values = columns.map(([column, type]) => `(r ->> '${column}')::${type}`).join(", ")
  await client.query(
    `insert into pgtrail.event (${names}) select ${values} from json_array_elements(($1::text)::json) r`,
    [parameter(JSON.stringify(rows), encoding)],
  )
}

async function append(client: Client, rows: readonly Values[], encoding: string): Promise<void> {
  await client.query("select count(*) from pgtrail.append(($1::text)::jsonb)", [
    parameter(`[${rows.map(toJson).join(",")}]`, encoding),
  ])
}

async function importRows(client: Client, rows: readonly Values[], encoding: string): Promise<void> {
  await client.query("begin; select pgtrail.import_stage()")
  const lines = rows.map((row, index) => {
    // Outside of strings a line feed or tab is white space, and inside JSON.stringify has escaped it.
    const json = escaped(toJson(row), encoding).replace(/[\n\t]/g, " ")
    return `${index + 1}\t${json.replaceAll("\\", "\\\\")}\n`
  })
  const bytes = toBytes(lines.join(""), encoding)
  const copy = client.query(copyFrom("copy pg_temp.pgtrail_stage from stdin"))
  await pipeline(Readable.from([bytes]), copy)
  await client.query("select pgtrail.import_batch($1, 'ndjson', 0, $2)", [randomUUID(), rows.length])
  await client.query("commit")
}

async function inSession(given: Settings, work: (client: Client) => Promise<void>): Promise<void> {
  const client = await db.client()
  try {
    for (const [name, value] of Object.entries(given)) await client.query(`set ${name} = '${value}'`)
    await work(client)
  } finally {
    await client.end()
  }
}

/** The hashes agree, the row is what was given, and nothing is lost. */
async function check(rows: readonly Values[], zone: string): Promise<void> {
  const ids = rows.map((row) => row.id)
  await reader.query("select set_config('timezone', $1, false)", [zone])
  const stored = await reader.query<TextRow>("select * from pgtrail.event where id = any($1)", [ids])
  expect(stored.rows.length).toBe(rows.length)
  const list = ids.map((id) => `'${id}'`).join(",")
  const read = await readRecords(reader, `pgtrail.event where id in (${list})`)
  for (const row of stored.rows) {
    const { hash } = recompute(row)
    expect({ ...read.get(row.id ?? ""), time: undefined }).toEqual(seenOf(row, hash))
    expect(read.get(row.id ?? "")?.time).toBe(encode("timestamptz", row.occurred_at ?? "").readBigInt64BE())
    expect(`\\x${hash}`).toBe(row.hash)
  }
  const differ = columns.map(
    ([column, type]) => `e.${column}::text is distinct from (r ->> '${column}')::${type}::text`,
  )
  const changed = await reader.query(
    `select to_json(e) as event from json_array_elements($1::json) r
     join pgtrail.event e on e.id = (r ->> 'id')::uuid where ${differ.join(" or ")}`,
    [JSON.stringify(rows)],
  )
  expect(changed.rows).toEqual([])
}

function seenOf(row: TextRow, computed: string): Omit<SeenRow, "time"> & { time: undefined } {
  const hex = (bytea: string | null | undefined) => bytea?.slice(2) ?? ""
  return {
    organization: row.organization_id ?? "",
    lane: Number(row.lane),
    seq: Number(row.seq),
    version: 1,
    previous: hex(row.previous_hash),
    hash: hex(row.hash),
    computed,
    redactedIdentity: false,
    redactedContent: false,
    time: undefined,
  }
}

let total = 0
const ways = [
  { name: "by INSERT", put: insert, given: (row: Values) => row },
  { name: "by pgtrail.append", put: append, given: withoutNull },
  { name: "by an import", put: importRows, given: withoutNull },
]

test.each(ways)(
  "random events that come in $name keep every value and hash alike",
  async ({ put, given }) => {
    const batch = fc.array(event, { minLength: 50, maxLength: 60, size: "max" })
    await hold(4, [batch, settings, settings], async (events, writing, reading) => {
      const rows = events.map((row) => given({ ...row, id: randomUUID() }))
      await inSession(writing, (client) => put(client, rows, writing.client_encoding ?? "UTF8"))
      await check(rows, reading.timezone ?? "UTC")
      total += rows.length
    })
  },
)

test("the events had every column that an application may set: null, and with many values", async () => {
  const keys = await reader.query<{ keys: string }>("select to_json(pgtrail.event_keys()) as keys")
  const settable: string[] = JSON.parse(keys.rows[0]?.keys ?? "[]")
  expect(columns.map(([column]) => column).sort()).toEqual(settable.sort())
  const { rows } = await reader.query<TextRow>(
    `select ${settable.map((column) => `count(distinct ${column}::text) as ${column}`).join(", ")} from pgtrail.event`,
  )
  const few = Object.entries(rows[0] ?? {}).filter(([, count]) => Number(count) < 5)
  expect(few).toEqual([])
  const never = await reader.query<TextRow>(
    `select ${settable.map((column) => `count(*) - count(${column}) as ${column}`).join(", ")} from pgtrail.event`,
  )
  const required = Object.entries(never.rows[0] ?? {}).filter(([, nulls]) => nulls === "0")
  expect(required.map(([column]) => column).sort()).toEqual(
    "event_type id occurred_at organization_id outcome retention_policy severity".split(" "),
  )
})

test("more than five hundred events came in, and each follows the one before it", async () => {
  expect(total).toBeGreaterThan(500)
  const { rows } = await reader.query<TextRow>(
    `select l.log_id, e.organization_id, e.lane, e.seq, e.previous_hash, e.hash from pgtrail.event e, pgtrail.log l
     order by e.organization_id, e.lane, e.seq`,
  )
  expect(rows.length).toBeGreaterThanOrEqual(total)
  let before: TextRow | undefined
  for (const row of rows) {
    const same =
      before?.organization_id === row.organization_id && before?.lane === row.lane ? before : undefined
    const start = genesis(row.log_id ?? "", row.organization_id ?? "", row.lane ?? "").toString("hex")
    expect(row.seq).toBe(String(Number(same?.seq ?? 0) + 1))
    expect(row.previous_hash).toBe(same?.hash ?? `\\x${start}`)
    before = row
  }
})

test("rows that leave as COPY text have their hashes, as FORMAT.md says", async () => {
  const names = await reader.query({ text: "select * from pgtrail.event limit 0", rowMode: "array" })
  await reader.query("set client_encoding = 'UTF8'; set timezone = 'UTC'")
  const chunks: Buffer[] = []
  for await (const chunk of reader.query(copyTo("copy (select * from pgtrail.event) to stdout")))
    chunks.push(chunk)
  const lines = Buffer.concat(chunks).toString("utf8").split("\n").slice(0, -1)
  expect(lines.length).toBeGreaterThanOrEqual(total)
  const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }
  const undo = (value: string) => value.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter)
  for (const line of lines) {
    const values = line.split("\t").map((value) => (value === "\\N" ? null : undo(value)))
    const row = Object.fromEntries(names.fields.map(({ name }, index) => [name, values[index] ?? null]))
    expect(`\\x${recompute(row).hash}`).toBe(row.hash)
  }
})

test("verify says intact", async () => {
  const trail = await db.trail()
  const report = await trail.verify({ jobs: 1 })
  expect(report).toMatchObject({ verdict: "intact", findings: [] })
  expect(Number(report.covered.events)).toBeGreaterThanOrEqual(total)
})
