// Bytes made in TypeScript from text are those that PostgreSQL sends, for any value of any type; and the reader of verify reads the
// same rows however the stream is cut.
import fc from "fast-check"
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { encode, microseconds, oids, type SqlType } from "../../src/data/binary.js"
import { RowReader, recordColumns } from "../../src/data/verify/row-reader.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { kept, type SeenRow } from "./properties-reader.js"
import { hold, typed } from "./properties-values.js"

let db: TestDatabase
let client: Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.client()
  await client.query("set datestyle = 'ISO'; set bytea_output = 'hex'")
})
afterAll(() => db.drop())

interface Sent {
  readonly printed: string
  readonly oid: string
  readonly bytes: string
}

/** What PostgreSQL prints and sends for each of `texts`. A record of one field: count, OID, length, value. */
async function sent(type: SqlType, texts: readonly string[]): Promise<Sent[]> {
  const { rows } = await client.query<Sent>(
    `select v::text as printed, ('x' || encode(substr(r, 5, 4), 'hex'))::bit(32)::int as oid, encode(substr(r, 13), 'hex') as bytes
     from json_array_elements_text($1::json) with ordinality j (value, n),
        lateral (select value::${type} as v offset 0) t, lateral (select record_send(row(v)) as r offset 0) s
     order by n`,
    [JSON.stringify(texts)],
  )
  return rows
}

const zones = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia", "Pacific/Apia", "-13:37"]

async function agrees(type: SqlType, arbitrary: fc.Arbitrary<string>): Promise<void> {
  const many = fc.array(arbitrary, { minLength: 200, maxLength: 250, size: "max" })
  await hold(4, [many, fc.constantFrom(...zones)], async (texts, zone) => {
    await client.query("select set_config('timezone', $1, false)", [zone])
    for (const [index, { printed, oid, bytes }] of (await sent(type, texts)).entries()) {
      const context = `${type} ${JSON.stringify(texts[index])} printed as ${JSON.stringify(printed)} in ${zone}`
      expect(oid, context).toBe(String(oids[type]))
      expect(encode(type, printed).toString("hex"), context).toBe(bytes)
    }
  })
}

test("any text", () => agrees("text", typed.text))
test("any uuid", () => agrees("uuid", typed.uuid))
test("any smallint", () => agrees("smallint", typed.smallint))
test("any int", () => agrees("int", typed.int))
test("any bigint", () => agrees("bigint", typed.bigint))
test("any bytea", () => agrees("bytea", typed.bytea))
test("any timestamptz, as any time zone prints it", () => agrees("timestamptz", typed.timestamptz))
test("any inet", () => agrees("inet", typed.inet))
test("any jsonb", () => agrees("jsonb", typed.jsonb))
test("any text[]", () => agrees("text[]", typed["text[]"]))

test("what is no time in ISO form is refused, not hashed as something else", () => {
  for (const text of [
    "",
    "2026-11-21",
    "Sat Nov 21 09:30:00 2026 UTC",
    "21/11/2026 09:30:00 UTC",
    "2026-11-21 09:30:00",
  ]) {
    expect(() => microseconds(text), text).toThrow(RangeError)
  }
})

test("the reader reads the same rows however the stream is cut", async () => {
  await client.query(
    `insert into pgtrail.event (organization_id, event_type, description, details)
     select 'o' || i % 3, 'x', repeat('é', i * 7 % 900), to_jsonb(i) from generate_series(1, 60) i`,
  )
  const chunks: Buffer[] = []
  for await (const chunk of client.query(
    copyTo(`copy (select ${recordColumns} from pgtrail.event) to stdout (format binary)`),
  )) {
    chunks.push(Buffer.from(chunk))
  }
  const stream = Buffer.concat(chunks)
  const rowsOf = (parts: readonly Buffer[]): SeenRow[] => {
    const rows: SeenRow[] = []
    const reader = new RowReader((row) => rows.push(kept(row)))
    // The reader writes the digests into what it is given.
    for (const part of parts) reader.push(Buffer.from(part))
    return rows
  }
  const whole = rowsOf([stream])
  expect(whole.length).toBe(60)
  expect(whole.every((row) => row.computed === row.hash)).toBe(true)
  expect(rowsOf(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(whole)
  const cuts = fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 40 })
  fc.assert(
    fc.property(cuts, (places) => {
      const sorted = [0, ...places.sort((a, b) => a - b), stream.length]
      const parts = sorted.slice(1).map((end, index) => stream.subarray(sorted[index], end))
      expect(rowsOf(parts)).toEqual(whole)
    }),
    { numRuns: 100 },
  )
})
