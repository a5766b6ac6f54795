// What of a log has to do with a subject: which events, as what, and which of their fields a redaction would replace.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { search } from "./redact-fixture.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

type Columns = Readonly<Record<string, unknown>>

const json = (value: unknown): string => JSON.stringify(value)
const composed = "Zo\u00eb".normalize("NFC")
const decomposed = composed.normalize("NFD")

describe("he is the actor where a column equals an identifier of its kind:", () => {
  test.each<[string, Columns, Columns, readonly [string, string]]>([
    ["id", { actor_id: "ann-1" }, { actor_id: "ann-12" }, ["id", "ann-1"]],
    ["an id in another case is another id", { actor_id: "Ann" }, { actor_id: "ann" }, ["id", "Ann"]],
    [
      "e-mail, in any case",
      { actor_email: "Ann@X.org" },
      { actor_email: "jann@x.org" },
      ["email", "aNN@x.ORG"],
    ],
    ["name", { actor_name: "Ann O'Hara" }, { actor_name: "Ann" }, ["name", "Ann O'Hara"]],
    ["address", { ip_address: "2001:db8::1" }, { ip_address: "2001:db8::11" }, ["ip", "2001:DB8:0:0::1"]],
    ["device", { device_id: "d%" }, { device_id: "dx" }, ["device", "d%"]],
    ["session", { session_id: "s_1" }, { session_id: "sx1" }, ["session", "s_1"]],
    ["percent", { actor_id: "100%_ann" }, { actor_id: "100 of ann" }, ["id", "100%_ann"]],
    ["backslash and quotes", { actor_id: `a\\b"c'd` }, { actor_id: `a\\\\b"c'd` }, ["id", `a\\b"c'd`]],
    ["composed, asked for decomposed", { actor_id: composed }, { actor_id: "Zoe" }, ["id", decomposed]],
    ["decomposed, asked for composed", { actor_name: decomposed }, { actor_name: "Zoe" }, ["name", composed]],
    ["a line break", { actor_name: "a\nb" }, { actor_name: "a b" }, ["name", "a\nb"]],
    [
      "longer than an index takes",
      { actor_id: `${"x".repeat(400)}1` },
      { actor_id: `${"x".repeat(400)}2` },
      ["id", `${"x".repeat(400)}1`],
    ],
  ])("%s", async (_, his, another, identifier) => {
    const rows = await search(db, [his, another], [identifier])
    expect(rows).toEqual([
      {
        seq: "1",
        as_actor: "t",
        as_subject: "f",
        mentioned: "t",
        identity_fields: `{${Object.keys(his)[0]}}`,
        content_fields: "{}",
        frame_fields: "{}",
      },
    ])
  })

  test("then every column of his identity goes that is not null, and no content that does not tell of him", async () => {
    const [row] = await search(
      db,
      [{ actor_id: "ann-1", actor_name: "Ann", user_agent: "curl", device_id: "d", description: "did it" }],
      [["id", "ann-1"]],
    )
    expect(row).toMatchObject({
      identity_fields: "{actor_id,actor_name,user_agent,device_id}",
      content_fields: "{}",
    })
  })

  test("a value of one kind is none of another", async () => {
    expect(await search(db, [{ actor_name: "ann-1" }, { session_id: "ann-1" }], [["id", "ann-1"]])).toEqual(
      [],
    )
  })
})

describe("in text and documents of his events an identifier is found", () => {
  const his = (columns: Columns) => ({ actor_id: "ann-1", ...columns })
  const cases: readonly [string, string, Columns, string][] = [
    ["as a whole word", "ann-1", { description: "by ann-1, today" }, "description"],
    ["in another case", "ann-1", { error_message: "ANN-1?" }, "error_message"],
    ["at the ends of a path", "ann-1", { request_path: "/users/ann-1" }, "request_path"],
    ["with per cent and underline", "100%_x", { description: "is 100%_x!" }, "description"],
    ["with a backslash", "a\\b", { description: "is a\\b!" }, "description"],
    [
      "with what a pattern means",
      "a.b*(c)[d]|e+f?^$",
      { description: "is a.b*(c)[d]|e+f?^$ !" },
      "description",
    ],
    ["in a string of a document", "ann-1", { details: json({ a: "b", who: "for ann-1" }) }, "details.1"],
    ["as JSON escapes it", 'say "hi"\\\n', { details: json(["x", 'I say "hi"\\\n.']) }, "details.1"],
    [
      "deep in a document",
      "ann-1",
      { before_state: json([{ a: [0, { b: "ann-1" }] }]) },
      "before_state.0.0.1.0",
    ],
    ["as a number", "12345", { after_state: json({ n: 12345, m: 123456 }) }, "after_state.1"],
    ["composed in a decomposed text", composed, { description: `is ${decomposed}.` }, "description"],
    ["decomposed in a composed document", decomposed, { details: json({ a: composed }) }, "details.0"],
    ["in a tag", "ann-1", { tags: ["a", "ann-1"] }, "tags"],
    ["as a document that is a string", "ann-1", { details: json("ann-1") }, "details"],
    [
      "as the name of a member, which takes the object with it",
      "ann-1",
      { details: json({ a: { "ann-1": 1 } }) },
      "details.0",
    ],
  ]
  test.each(cases)("%s", async (_, value, columns, field) => {
    const [row] = await search(
      db,
      [his(columns)],
      [
        ["id", "ann-1"],
        ["text", value],
      ],
    )
    expect(row).toMatchObject({ seq: "1", as_actor: "t", content_fields: `{${field}}` })
  })

  test.each<[string, string, Columns]>([
    [
      "as a part of a longer word",
      "ann",
      { description: "annual joann ann_1 1ann", details: json({ annex: "hannah" }) },
    ],
    ["as a part of a number", "123", { details: json({ a: 1234, b: "x1234" }) }],
    ["where a pattern would match and the text does not", "a.c", { description: "abc" }],
    ["where LIKE would match and the text does not", "a%c", { description: "a to c", request_id: "abc" }],
  ])("but not %s", async (_, value, columns) => {
    const [row] = await search(
      db,
      [his(columns)],
      [
        ["id", "ann-1"],
        ["text", value],
      ],
    )
    expect(row).toMatchObject({ as_actor: "t", content_fields: "{}" })
  })

  test("one of two characters by itself, and not as a word of a text", async () => {
    const rows = await search(
      db,
      [his({ description: "is u1", resource_name: "u1", details: json({ a: "u1", b: "of u1" }) })],
      [
        ["id", "ann-1"],
        ["text", "u1"],
      ],
    )
    expect(rows).toMatchObject([{ content_fields: "{resource_name,details.0}" }])
  })
})

test("what only mentions him counts when all text is asked for, and then only", async () => {
  const events = [{ description: "called ann-1" }, { actor_id: "bob", details: json({ to: ["ann-1"] }) }, {}]
  expect(await search(db, events, [["id", "ann-1"]])).toEqual([])
  const rows = await search(db, events, [["id", "ann-1"]], true)
  expect(rows).toMatchObject([
    { seq: "1", as_actor: "f", as_subject: "f", mentioned: "t", content_fields: "{description}" },
    {
      seq: "2",
      as_actor: "f",
      as_subject: "f",
      mentioned: "t",
      identity_fields: "{}",
      content_fields: "{details.0.0}",
    },
  ])
})

test("an identity that equals another of his identifiers goes, though he is not the actor", async () => {
  const rows = await search(
    db,
    [{ actor_id: "bob", actor_name: "ann-1", details: json({ id: "ann-1" }) }],
    [["id", "ann-1"]],
    true,
  )
  expect(rows).toMatchObject([{ as_actor: "f", identity_fields: "{actor_name}" }])
})

test("an address is found in text as PostgreSQL writes it, however it was asked for", async () => {
  const rows = await search(
    db,
    [{ ip_address: "2001:db8::1", description: "from 2001:db8::1" }],
    [["ip", "2001:DB8:0:0::1"]],
  )
  expect(rows).toMatchObject([{ content_fields: "{description}" }])
})

test("what cannot be erased is told: a hit in the frame of an event", async () => {
  const rows = await search(
    db,
    [{ actor_id: "ann-1", external_id: "ann-1", actor_role: "friend of ann-1", project_id: "p" }],
    [["id", "ann-1"]],
  )
  expect(rows).toMatchObject([{ frame_fields: "{external_id,actor_role}" }])
})

test("the signature goes with whatever goes, and so do members that are sums of what they stand beside", async () => {
  const sums = { hash: "h", other: "o", nested: { checksum: "c", hmac: 7, digest: "[erased]" } }
  const event = { actor_id: "ann-1", signature: "s", details: json(sums), after_state: json({ hash: "x" }) }
  // jsonb puts shorter names first: hash, other, nested { hmac, digest, checksum }.
  expect(await search(db, [event], [["id", "ann-1"]])).toMatchObject([
    { content_fields: "{after_state.0,details.0,details.2.2,signature}" },
  ])
  const untouched = { actor_id: "bob", signature: "s", details: json({ hash: "h" }) }
  expect(await search(db, [untouched], [["id", "ann-1"]], true)).toEqual([])
})
