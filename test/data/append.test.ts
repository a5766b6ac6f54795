import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type EventInput, eventFields, TrailError } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"

let database: TestDatabase
let trail: Trail
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
})
afterAll(() => database.drop())

async function failure(work: Promise<unknown>): Promise<TrailError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof TrailError)) throw new Error(`expected a TrailError, got ${String(error)}`)
  return error
}

const count = async (type: string) =>
  Number(
    (await database.query("select count(*) as n from pgtrail.event where event_type = $1", [type]))[0]?.n,
  )

describe("append", () => {
  test("tells the places of many events in the order given", async () => {
    const events = Array.from({ length: 20 }, (_, n) => ({
      event_type: "order",
      organization_id: `o${n % 3}`,
      external_number: n,
    }))
    const places = await trail.append(events)
    expect(places).toHaveLength(20)
    for (const [n, place] of places.entries()) {
      const rows = await database.query(
        `select external_number, id::text as id, to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded_at,
           encode(hash, 'hex') as hash from pgtrail.event where organization_id = $1 and lane = $2 and seq = $3`,
        [place.organization_id, place.lane, place.seq],
      )
      expect(rows).toEqual([
        { external_number: String(n), id: place.id, recorded_at: place.recorded_at, hash: place.hash },
      ])
    }
    expect(await trail.append([])).toEqual([])
  })

  test("the fields of the library are the keys of the database", async () => {
    const [row] = await database.query("select array_to_string(pgtrail.event_keys(), ',') as keys")
    expect(eventFields.join(",")).toBe(row?.keys)
  })

  test("keeps every digit of JSON that is given as text", async () => {
    const json =
      '{"event_type":"digits","details":{"a":1.10,"b":9007199254740993,"c":1e2,"d":"\\u00e9\\ud83d\\ude00"}}'
    await trail.appendJson(json)
    const [row] = await database.query(
      "select details::text as details from pgtrail.event where event_type = 'digits'",
    )
    expect(row?.details).toBe('{"a": 1.10, "b": 9007199254740993, "c": 100, "d": "é😀"}')
  })

  test("writes bigint with all its digits and dates with their milliseconds", async () => {
    await trail.append({
      event_type: "bigint",
      external_number: 9223372036854775807n,
      occurred_at: new Date("2026-07-01T10:00:00.123Z"),
      details: { n: 9007199254740993n, list: [1n, { deep: -5n }], text: "1n" },
    })
    const [row] = await database.query(
      "select external_number, details::text as details, occurred_at::timestamptz(3) at time zone 'UTC' as at from pgtrail.event where event_type = 'bigint'",
    )
    expect(row).toEqual({
      external_number: "9223372036854775807",
      details: '{"n": 9007199254740993, "list": [1, {"deep": -5}], "text": "1n"}',
      at: "2026-07-01 10:00:00.123",
    })
  })

  test("takes one object, an array, concatenated objects and NDJSON with a byte order mark", async () => {
    for (const json of [
      '{"event_type":"forms"}',
      '[{"event_type":"forms"},\n {"event_type":"forms"}]',
      '{"event_type":"forms"}{"event_type":"forms"}',
      '\ufeff{"event_type":"forms"}\r\n\r\n{"event_type":"forms"}\r\n',
    ]) {
      await trail.appendJson(json)
    }
    expect(await count("forms")).toBe(7)
    expect(await trail.appendJson(" \n ")).toEqual([])
  })

  test("a writer's role can append, and learns its places", async () => {
    const role = await database.role({ memberOf: ["pgtrail_writer"] })
    const writing = await database.trail({ url: role.url })
    expect(await writing.append({ event_type: "by.role" })).toHaveLength(1)
    const error = await failure(writing.append({ event_type: "by.role", ip_address: "1.2.3.4/99" }))
    expect(error.message).toBe("the event cannot be appended: ip_address must be an IP address")
  })
})

describe("what is no event is refused by name, and nothing of its call is appended", () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const cases: readonly [string, Record<string, unknown>, string][] = [
    ["unknown key", { event_type: "bad", actor: "x" }, 'an event has no key "actor"'],
    ["chain column", { event_type: "bad", lane: 1 }, 'an event has no key "lane"'],
    ["no type", { actor_id: "x" }, "event_type is missing"],
    ["empty type", { event_type: "" }, "event_type is missing"],
    [
      "severity",
      { event_type: "bad", severity: "fatal" },
      "severity must be debug, info, warning, error or critical",
    ],
    ["NUL", { event_type: "bad", details: { a: [{ b: "x\0y" }] } }, "details.a[0].b has the character NUL"],
    ["NUL in a key", { event_type: "bad", details: { "x\0": 1 } }, "a key of details has the character NUL"],
    [
      "lone surrogate",
      { event_type: "bad", actor_name: "x\ud800" },
      "actor_name has half of a surrogate pair",
    ],
    ["address", { event_type: "bad", ip_address: "s3.amazonaws.com" }, "ip_address must be an IP address"],
    ["uuid", { event_type: "bad", id: "7" }, "id must be a uuid"],
    ["number", { event_type: "bad", status_code: 1.5 }, "status_code must be a whole number"],
    [
      "too large a number",
      { event_type: "bad", status_code: 5e9 },
      "status_code must be a whole number that fits integer",
    ],
    ["time", { event_type: "bad", occurred_at: "yesterdayish" }, "occurred_at must be a time such as"],
    ["array", { event_type: "bad", tags: "a,b" }, "tags must be an array of text"],
    ["object as text", { event_type: "bad", description: { a: 1 } }, "description must be text"],
    ["NaN", { event_type: "bad", details: { score: Number.NaN } }, "score is NaN"],
    ["function", { event_type: "bad", details: { go: () => 1 } }, "go is a function"],
    ["circular", { event_type: "bad", details: circular }, "it refers to itself"],
    [
      "organization",
      { event_type: "bad", organization_id: "o".repeat(129) },
      "organization_id must have 1 to 128 characters",
    ],
  ]
  test.each(cases)("%s", async (_, event, words) => {
    const error = await failure(trail.append([{ event_type: "bad" }, event as EventInput]))
    expect(error.code).toBe("bad-event")
    expect(error.message).toContain(`event 2 of 2 cannot be appended: ${words}`)
  })

  const texts: readonly [string, string, string][] = [
    ["unknown key", '{"event_type":"bad","typ":1}', 'an event has no key "typ"'],
    ["NUL", '{"event_type":"bad","details":{"a":"\\u0000"}}', "details.a has the character NUL"],
    [
      "lone surrogate",
      '{"event_type":"bad","details":{"a":"\\ud800"}}',
      "details.a has half of a surrogate pair",
    ],
    ["no JSON", '{"event_type":"bad",}', "it is not JSON"],
    ["unfinished", '{"event_type":"bad"', "the file ends before its JSON does"],
    ["number", '{"event_type":"bad","details":1e999999}', "it has a number"],
    [
      "depth",
      `{"event_type":"bad","details":${"[".repeat(50000)}${"]".repeat(50000)}}`,
      "it has a number, a text or a depth",
    ],
    ["no object", "7", "it is not a JSON object"],
    ["address", '{"event_type":"bad","ip_address":"nowhere"}', "ip_address must be an IP address"],
    ["time", '{"event_type":"bad","occurred_at":"2026-13-01"}', "occurred_at must be a time"],
    [
      "no time",
      '{"event_type":"bad","occurred_at":null}',
      "occurred_at and retention_policy must not be null",
    ],
  ]
  test.each(texts)("%s, as text", async (_, json, words) => {
    const error = await failure(trail.appendJson(`{"event_type":"bad"}\n${json}`))
    expect(error.code).toBe("bad-event")
    expect(error.message).toContain("event 2 of 2 cannot be appended: ")
    expect(error.message).toContain(words)
  })

  test("bytes that are not UTF-8", async () => {
    const error = await failure(trail.appendJson(Buffer.from('{"event_type":"b\xe4d"}', "latin1")))
    expect(error.message).toBe("the event cannot be appended: it is not UTF-8")
  })

  test("an event over the limit, with its size", async () => {
    const error = await failure(
      trail.append({ event_type: "bad", details: { text: "é".repeat(1024 * 1024) } }),
    )
    expect(error.message).toMatch(
      /^the event cannot be appended: the event has 2097\d+ bytes and the limit is 1048576$/,
    )
  })

  test("several are counted, and none was appended", async () => {
    const error = await failure(trail.appendJson('[{"event_type":"bad"},{"x":1},{"y":1}]'))
    expect(error.message).toContain("event 2 of 3 cannot be appended")
    expect(error.message).toContain("(and 1 more)")
    expect(await count("bad")).toBe(0)
  })
})

test("an unreachable server is an error at once", async () => {
  const { open } = await import("../../src/data/index.js")
  const away = await open("postgresql://nobody@127.0.0.1:1/none")
  const start = Date.now()
  expect((await failure(away.append({ event_type: "x" }))).code).toBe("unreachable")
  expect(Date.now() - start).toBeLessThan(3000)
  await away.close()
})
