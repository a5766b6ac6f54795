// Values at the edge: what is refused is refused by name, with its own SQLSTATE; what is long is accepted.
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const append = (event: string) => db.query("select * from pgtrail.append($1)", [event])
const insert = (column: string, value: unknown) =>
  db.query(`insert into pgtrail.event (event_type, ${column}) values ('x', $1)`, [value])

test("NUL is refused in text and in JSON", async () => {
  await expect(insert("actor_id", "a\u0000b")).rejects.toMatchObject({
    code: "22021",
    message: 'invalid byte sequence for encoding "UTF8": 0x00',
  })
  for (const event of [
    String.raw`{"event_type": "x\u0000"}`,
    String.raw`{"event_type": "x", "details": {"a": "\u0000"}}`,
  ]) {
    await expect(append(event)).rejects.toMatchObject({
      code: "22P05",
      message: "unsupported Unicode escape sequence",
      detail: String.raw`\u0000 cannot be converted to text.`,
    })
  }
  await expect(insert("details", String.raw`{"a": "\u0000"}`)).rejects.toMatchObject({ code: "22P05" })
})

test("half of a surrogate pair is refused", async () => {
  for (const half of [
    String.raw`\ud800`,
    String.raw`\ud83dx`,
    String.raw`\udc00`,
    String.raw`\ude00\ud83d`,
  ]) {
    const details = `{"a": "${half}"}`
    await expect(append(`{"event_type": "x", "details": ${details}}`)).rejects.toMatchObject({
      code: "22P02",
      message: "invalid input syntax for type json",
      detail: expect.stringMatching(/^Unicode (high|low) surrogate must (not )?follow a high surrogate\.$/),
    })
    await expect(insert("details", details)).rejects.toMatchObject({ code: "22P02" })
  }
  await append(String.raw`{"event_type": "x", "details": {"a": "\ud83d\ude00"}}`)
})

test("an event over the limit is refused with its size and the limit", async () => {
  const error: unknown = await insert("description", "x".repeat(1_100_000)).catch((cause: unknown) => cause)
  expect(error).toMatchObject({
    code: "TR004",
    message: expect.stringMatching(/^the event has 110\d{4} bytes and the limit is 1048576$/),
    hint: "Keep large content elsewhere and log a reference, or raise the setting event-size-limit.",
  })
  // What compresses well is counted in full, and so is what several columns make together.
  await expect(
    db.query(
      "insert into pgtrail.event (event_type, details, before_state, after_state) values ('x', $1, $1, $1)",
      [JSON.stringify({ a: "y".repeat(400_000) })],
    ),
  ).rejects.toMatchObject({ code: "TR004" })
  await expect(
    append(JSON.stringify({ event_type: "x", tags: Array(200_000).fill("tag") })),
  ).rejects.toMatchObject({
    code: "TR004",
  })
})

test("the limit is a setting, and is never below 64 KiB", async () => {
  const client = await db.client()
  const log = (size: number) =>
    client.query(
      "insert into pgtrail.event (organization_id, event_type, description) values ('limit', 'x', repeat('x', $1))",
      [size],
    )
  await client.query(
    "begin; update pgtrail.setting set value = '1' where name = 'event-size-limit'; savepoint s",
  )
  await log(60_000)
  await expect(log(70_000)).rejects.toMatchObject({
    code: "TR004",
    message: expect.stringContaining("the limit is 65536"),
  })
  await client.query(
    "rollback to s; update pgtrail.setting set value = '3000000' where name = 'event-size-limit'",
  )
  await log(2_900_000)
  await client.query("rollback")
})

test("an organization has 1 to 128 characters, whatever their bytes", async () => {
  const refused = { code: "TR003", message: "organization_id must have 1 to 128 characters" }
  for (const organization of ["", "o".repeat(129), "😀".repeat(129), null]) {
    await expect(insert("organization_id", organization)).rejects.toMatchObject(refused)
    if (organization !== null) {
      await expect(
        append(JSON.stringify({ event_type: "x", organization_id: organization })),
      ).rejects.toMatchObject(refused)
    }
  }
  await insert("organization_id", "o".repeat(128))
  await insert("organization_id", "😀".repeat(128))
})

test("severity, outcome and data_classification are one of their words", async () => {
  const words: Readonly<Record<string, string>> = {
    severity: "severity must be debug, info, warning, error or critical",
    outcome: "outcome must be attempt, success, failure, denied or error",
    data_classification: "data_classification must be PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI",
  }
  for (const [column, message] of Object.entries(words)) {
    for (const value of ["loud", "", "INFO", "Success", "public", " info"]) {
      await expect(insert(column, value), `${column} ${value}`).rejects.toMatchObject({
        code: "TR003",
        message,
      })
      await expect(append(JSON.stringify({ event_type: "x", [column]: value }))).rejects.toMatchObject({
        code: "TR003",
        message,
      })
    }
    for (const value of message.replace(/^.* must be /, "").split(/, | or /)) await insert(column, value)
  }
  for (const column of ["severity", "outcome"]) {
    await expect(insert(column, null)).rejects.toMatchObject({ code: "TR003", message: words[column] })
  }
})

test("event_type, occurred_at and retention_policy are there", async () => {
  await expect(db.query("insert into pgtrail.event (description) values ('x')")).rejects.toMatchObject({
    code: "TR003",
    message: "event_type is missing",
  })
  for (const column of ["occurred_at", "retention_policy"]) {
    await expect(insert(column, null)).rejects.toMatchObject({
      code: "TR003",
      message: "occurred_at and retention_policy must not be null",
    })
  }
})

/** Four-byte characters that do not compress: the most that an index entry can become. */
function noise(characters: number): string {
  const bytes = randomBytes(characters * 2)
  return Array.from({ length: characters }, (_, n) =>
    String.fromCodePoint(0x20000 + (bytes.readUInt16LE(n * 2) % 0xa6d6)),
  ).join("")
}

test("a long value in an indexed column never fails the application's transaction", async () => {
  const indexed = [
    "actor_id",
    "resource_type",
    "resource_id",
    "event_type",
    "request_id",
    "correlation_id",
    "session_id",
  ]
  const all = Object.fromEntries(indexed.map((column) => [column, noise(3200)]))
  await append(JSON.stringify({ ...all, organization_id: noise(128) }))
  for (const column of indexed.filter((name) => name !== "event_type")) {
    await append(
      JSON.stringify({
        event_type: "x",
        resource_type: "r",
        organization_id: noise(128),
        [column]: noise(3200),
      }),
    )
  }
  await insert("resource_id", randomBytes(1600).toString("hex"))
})

test("a resource_id of 1 MB is accepted", async () => {
  await db.query(
    "insert into pgtrail.event (event_type, resource_type, resource_id) values ('x', 'file', $1)",
    ["r".repeat(1_000_000)],
  )
  await db.query(
    "insert into pgtrail.event (event_type, resource_type, resource_id) values ('x', 'file', $1)",
    [randomBytes(500_000).toString("hex")],
  )
})

test("JSON nested to the server's limit is kept, and beyond it refused", async () => {
  const deep = (depth: number) => `{"event_type": "x", "details": ${"[".repeat(depth)}${"]".repeat(depth)}}`
  await append(deep(1000))
  await expect(append(deep(1_000_000))).rejects.toMatchObject({ code: "54001" })
})

test("the chains are whole after all of this", async () => {
  expect(await findBreaks(db)).toEqual([])
})
