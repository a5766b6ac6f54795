// What is the subject's and what only looks like it: words, letters of other alphabets, URLs, other people's ids, and lists by hand.
import fc from "fast-check"
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { append, foundOn, type RedactionChoice, redact, type Subject } from "./redact-fixture.js"

let db: TestDatabase
let session: Client
beforeAll(async () => {
  db = await testDatabase()
  session = await db.client()
})
const found = (subject: Subject, choice: RedactionChoice, columns?: string) =>
  foundOn(session, subject, choice, columns)
afterAll(() => db.drop())

const bob = [
  ["id", "u-4711"],
  ["email", "bob@x.example"],
] as const

test.each([
  ["an id that has his in it", { actor_id: "u-4711.admin" }],
  ["an id that goes on after his", { actor_id: "u-4711-b" }],
  ["an address that ends with his", { actor_email: "ann.bob@x.example" }],
  ["an address that goes on after his", { actor_email: "bob@x.example.au" }],
  ["a text with an id that goes on after his", { description: "changed u-4711-b" }],
  ["a text with an address that ends with his", { description: "to ann.bob@x.example" }],
  ["a document with another's id", { details: '{"who": "u-4711-b"}' }],
])("%s is another's, and stays", async (_, columns) => {
  const organization_id = `other-${Object.values(columns)[0]}`
  await append(db, { organization_id, event_type: "a.b", ...columns })
  expect(await found(bob, { organizations: [organization_id], inText: true })).toEqual([])
})

test.each([
  ["at the end of a sentence", "description", "asked u-4711."],
  ["in brackets", "description", "(bob@x.example)"],
  ["in a script without blanks", "description", "用户u-4711登录"],
  ["encoded in an URL", "request_path", "/search?q=bob%40x.example&n=1"],
])("a word %s is his", async (_, column, text) => {
  const organization_id = `his-${text}`
  await append(db, { organization_id, event_type: "a.b", [column]: text })
  expect(await found(bob, { organizations: [organization_id], inText: true }, "content_fields")).toEqual([
    { content_fields: `{${column}}` },
  ])
})

test("a user agent that tells of him is his, whoever the actor is", async () => {
  const organization_id = "agent"
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "ann",
    user_agent: "app/1.0 (bob@x.example)",
  })
  const rows = await found(bob, { organizations: [organization_id], inText: true }, "identity_fields")
  expect(rows).toEqual([{ identity_fields: "{user_agent}" }])
})

test.each([
  ["address", ["ip", "10.5.5.5"], { ip_address: "10.5.5.5" }],
  ["device", ["device", "d-1-shared"], { device_id: "d-1-shared" }],
  ["name", ["name", "Bob Brown"], { actor_name: "Bob Brown" }],
  ["session", ["session", "s-1-shared"], { session_id: "s-1-shared" }],
] as const)(
  "whoever has the same %s and another id, or another address, is another",
  async (kind, also, columns) => {
    const organization_id = `shared-${kind}`
    await append(db, { organization_id, event_type: "a.b", actor_id: "ann", ...columns })
    await append(db, { organization_id, event_type: "a.b", actor_email: "ann@x.example", ...columns })
    await append(db, { organization_id, event_type: "a.b", ...columns })
    await append(db, { organization_id, event_type: "a.b", actor_id: "u-4711", ...columns })
    const rows = await found([...bob, also], { organizations: [organization_id] }, "seq")
    expect(rows).toEqual([{ seq: "3" }, { seq: "4" }])
  },
)

test("what else his event says of him goes from the rest of it too, and not from the events of others", async () => {
  const organization_id = "own"
  const said = {
    description: "login of Fay@x.org from 10.77.0.1",
    request_path: "/x?sid=fsess-1",
    details: '{"ip": "10.77.0.1", "name": "FAY SUB", "n": 1, "fsess-1": 2}',
    tags: "{fay@x.org,b}",
  }
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "fsub",
    actor_name: "Fay Sub",
    actor_email: "fay@x.org",
    ip_address: "10.77.0.1",
    session_id: "fsess-1",
    ...said,
  })
  await append(db, { organization_id, event_type: "a.b", actor_id: "ann", ...said })
  await redact(db, [["id", "fsub"]], { organizations: [organization_id] })
  const rows = await db.query(
    "select description, request_path, details, tags from pgtrail.event where organization_id = 'own' order by seq",
  )
  expect(rows[0]).toEqual({
    description: "[erased]",
    request_path: "[erased]",
    details: '"[erased]"',
    tags: "{[erased],b}",
  })
  expect(rows[1]).toMatchObject({ description: said.description, tags: said.tags })
})

test("a value at a ruled path is his where it is an identifier or the event is about him, and not because he is the actor", async () => {
  const organization_id = "ruled"
  await db.query(
    "select pgtrail.add_subject_rule('path', null, null, array['details','user','email'], null, null, null)",
  )
  await db.query("select pgtrail.add_subject_rule('resource', null, 'person', null, null, null, null)")
  const details = '{"user": {"email": "ada@x.example"}}'
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "u-4711",
    resource_type: "record",
    resource_id: "7",
    details,
  })
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "root",
    resource_type: "person",
    resource_id: "u-4711",
    details,
  })
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "root",
    details: '{"user": {"email": "bob@x.example"}}',
  })
  expect(await found(bob, { organizations: [organization_id] }, "seq, content_fields")).toEqual([
    { seq: "1", content_fields: "{}" },
    { seq: "2", content_fields: "{resource_id,details.0.0}" },
    { seq: "3", content_fields: "{details.0.0}" },
  ])
})

test("a short identifier, and a number, are another's in others' events", async () => {
  const organization_id = "short"
  const short = [["id", "42"]] as const
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "ann",
    tags: "{42}",
    details: '{"count": 42, "s": "42"}',
    resource_id: "42",
  })
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "42",
    tags: "{42}",
    details: '{"count": 42, "s": "42"}',
  })
  const rows = await found(short, { organizations: [organization_id], inText: true }, "seq, content_fields")
  expect(rows).toEqual([{ seq: "2", content_fields: "{tags,details.0}" }])
})

test("a document with thousands of places is replaced in one walk, wherever they stand", async () => {
  const organization_id = "wide"
  await db.query(`insert into pgtrail.event (organization_id, event_type, details, after_state) select 'wide', 'a.b',
    (select jsonb_object_agg('key' || g, 'value u-4711 ' || g) from generate_series(1, 20000) g),
    (select jsonb_agg(jsonb_build_object('a', g, 'who', case when g % 2 = 0 then 'u-4711' else 'ann' end)) from generate_series(1, 8000) g)`)
  await redact(db, bob, { organizations: [organization_id], inText: true })
  const [row] =
    await db.query(`select details::text like '%u-4711%' as left_over, (select count(*) from jsonb_each_text(details) where value = '[erased]') as members,
    (select count(*) from jsonb_array_elements(after_state) a where a->>'who' = '[erased]') as erased,
    (select count(*) from jsonb_array_elements(after_state) a where a->>'who' = 'ann') as others from pgtrail.event where organization_id = 'wide'`)
  expect(row).toEqual({ left_over: "f", members: "20000", erased: "4000", others: "4000" })
})

test("a few places are replaced one by one as many are in one walk, whatever the document and whether it has them", async () => {
  const place = fc.array(fc.nat(4), { maxLength: 3 }).map((steps) => steps.join("."))
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom("u-4711", "U-4711", "ann", 4711, true, null),
      fc.array(tie("document"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("", "a", "b.c", '"', "0", "é", "a longer name"), tie("document"), {
        maxKeys: 4,
      }),
    ),
  }))
  const asked = fc.record({
    // A null of JSON by itself would come as none.
    of: fc.record({ document }),
    places: fc.uniqueArray(place, { minLength: 1, maxLength: 4 }),
    pseudonym: fc.option(fc.constant("p1:t:none:0123456789abcdef")),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { minLength: 20, maxLength: 60 }), async (cases) => {
      const rows = await db.query(
        `select c.document, c.places from (select r.*, r.of->'document' as document from jsonb_to_recordset($1) r (of jsonb, places text[], pseudonym text)) c
         where pgtrail.json_replace(c.document, c.places, '{u-4711}', c.pseudonym)
           is distinct from pgtrail.json_replace(c.document, c.places || c.places || c.places || c.places || c.places, '{u-4711}', c.pseudonym)`,
        [JSON.stringify(cases)],
      )
      expect(rows).toEqual([])
    }),
    { numRuns: 20 },
  )
})

test.each([
  [
    "an address in capitals",
    [["email", "zoé@x.example"]],
    { actor_email: "ZOÉ@X.EXAMPLE" },
    "identity_fields",
  ],
  ["a text in capitals", [["name", "Ærø Ñandú"]], { description: "by ÆRØ ÑANDÚ" }, "content_fields"],
  ["Greek letters", [["name", "Δημήτρης"]], { description: "ΔΗΜΉΤΡΗς" }, "content_fields"],
  ["Cyrillic letters", [["name", "Ёлкин"]], { description: "ЁЛКИН" }, "content_fields"],
  [
    "the other normal form in capitals",
    [["email", "zoé@y.example"]],
    { actor_email: "ZOE\u0301@Y.EXAMPLE" },
    "identity_fields",
  ],
] as const)("%s are found whatever the locale of the database", async (_, subject, columns, fields) => {
  const organization_id = `letters-${Object.values(columns)[0]}`
  await append(db, { organization_id, event_type: "a.b", ...columns })
  const rows = await found(subject, { organizations: [organization_id], inText: true }, fields)
  expect(rows).toEqual([{ [fields]: `{${Object.keys(columns)[0]}}` }])
})

test.each(["action", "category", "source", "resource_type", "actor_type", "event_version", "request_method"])(
  "an identifier in the frame's %s is told",
  async (column) => {
    const organization_id = `frame-${column}`
    await append(db, { organization_id, event_type: "a.b", [column]: "of u-4711" })
    const rows = await found(bob, { organizations: [organization_id], inText: true }, "frame_fields")
    expect(rows).toEqual([{ frame_fields: `{${column}}` }])
  },
)

test("what a list by hand says is not there is not recorded as replaced", async () => {
  const organization_id = "listed"
  await append(db, { organization_id, event_type: "a.b", actor_id: "eve", details: '{"a": {"b": 1}}' })
  const client = await db.client()
  await client.query("begin")
  await client.query("select pgtrail.subject_stage()")
  await client.query("select pgtrail.redact_begin()")
  await client.query(`insert into pg_temp.pgtrail_listed (organization_id, lane, seq, group_name, fields)
    select organization_id, lane, seq, 'content', '{details.77.3,details.0.0.1,details.0.0}' from pgtrail.event where organization_id = 'listed'`)
  await client.query("select pgtrail.find_listed(name) from pgtrail.partitions()")
  const { rows } = await client.query("select content_fields from pg_temp.pgtrail_plan")
  expect(rows).toEqual([{ content_fields: "{details.0.0}" }])
  await client.query("select pgtrail.redact_partition(name, 'reapply') from pgtrail.partitions()")
  await client.query("select pgtrail.record_redaction('reapply', 'why')")
  await client.query("commit")
  await client.end()
  expect((await (await db.trail()).verify()).findings).toEqual([])
})

test("an event that was recorded after an erasure is not erased by its register, though it stands at the same place", async () => {
  const organization_id = "later"
  await append(db, { organization_id, event_type: "a.b", actor_id: "innocent" })
  const client = await db.client()
  const planned = async (until: string): Promise<number | null> => {
    await client.query("begin")
    await client.query("select pgtrail.subject_stage()")
    await client.query(`insert into pg_temp.pgtrail_listed
      select organization_id, lane, seq, 'identity', '{actor_id}', null, ${until} from pgtrail.event where organization_id = 'later'`)
    await client.query("select pgtrail.find_listed(name) from pgtrail.partitions()")
    const { rowCount } = await client.query("select from pg_temp.pgtrail_plan")
    await client.query("rollback")
    return rowCount
  }
  expect(await planned("recorded_at - interval '1 second'")).toBe(0)
  expect(await planned("recorded_at")).toBe(1)
  await client.end()
})

test("an erasure takes his, and leaves what looks like it", async () => {
  const organization_id = "both"
  await append(db, {
    organization_id,
    event_type: "a.b",
    actor_id: "u-4711",
    description: "u-4711 and u-4711-b",
  })
  await append(db, { organization_id, event_type: "a.b", actor_id: "u-4711-b", description: "another" })
  await redact(db, bob, { organizations: [organization_id], inText: true })
  expect(
    await db.query(
      "select actor_id, description from pgtrail.event where organization_id = 'both' order by seq",
    ),
  ).toEqual([
    { actor_id: null, description: "[erased]" },
    { actor_id: "u-4711-b", description: "another" },
  ])
})

test.each(["actor_id", "session_id", "device_id"])(
  "a %s in another case is another person's, and stays, also when text is looked through",
  async (column) => {
    const organization_id = `case-${column}`
    const put = (columns: object) => append(db, { organization_id, event_type: "a.b", ...columns })
    await put({ [column]: "u-ALEX" })
    await put({ [column]: "u-Alex" })
    await put({ actor_id: "ann", [column]: "u-alex", description: "asked u-alex" })
    // An address is the same in every case.
    await put({ [column]: "ALEX@X.example" })
    const alex = [
      ["id", "u-Alex"],
      ["email", "alex@x.example"],
      ["session", "u-Alex"],
      ["device", "u-Alex"],
    ] as const
    const rows = await found(
      alex,
      { organizations: [organization_id], inText: true },
      "seq, as_actor, identity_fields as who, content_fields as what",
    )
    expect(rows).toEqual([
      { seq: "2", as_actor: "t", who: `{${column}}`, what: "{}" },
      { seq: "3", as_actor: "f", who: "{}", what: "{description}" },
      { seq: "4", as_actor: "f", who: `{${column}}`, what: "{}" },
    ])
  },
)

test("a resource that is a person in another case is another one, and stays", async () => {
  const organization_id = "case-resource"
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user', null, null, null, null)")
  for (const [resource_type, resource_id] of [
    ["user", "u-ALEX"],
    ["user", "u-Alex"],
    ["doc", "u-ALEX"],
  ]) {
    await append(db, { organization_id, event_type: "a.b", resource_type, resource_id })
  }
  expect(
    await found(
      [["id", "u-Alex"]],
      { organizations: [organization_id], inText: true },
      "seq, as_subject, content_fields as what",
    ),
  ).toEqual([
    { seq: "2", as_subject: "t", what: "{resource_id}" },
    { seq: "3", as_subject: "f", what: "{resource_id}" },
  ])
})
