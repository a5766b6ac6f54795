// What an event itself says of whose it is goes from the rest of it too, as words of their own: nothing that only has the same letters in it.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { append, foundOn, type RedactionChoice, redact, type Subject } from "./redact-fixture.js"

let db: TestDatabase
let session: Client
beforeAll(async () => {
  db = await testDatabase()
  session = await db.client()
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user', null, null, null, null)")
})
afterAll(() => db.drop())

const contents =
  "description, error_message, request_path, namespace, resource_name, resource_id, details, after_state, tags"
type Columns = Readonly<Record<string, unknown>>

/** Of the only event of its organization, before and after. */
async function redacted(
  organization_id: string,
  subject: Subject,
  columns: Columns,
  choice: RedactionChoice = {},
): Promise<{ before: TextRow | undefined; after: TextRow | undefined }> {
  await append(db, { organization_id, event_type: "a.b", ...columns })
  const read = async () =>
    (await db.query(`select ${contents} from pgtrail.event where organization_id = $1`, [organization_id]))[0]
  const before = await read()
  await redact(db, subject, { organizations: [organization_id], ...choice })
  return { before, after: await read() }
}

const customer = {
  description: "Customer order 5 raised to 90 EUR",
  details: '{"customer": "c1", "amount": 90}',
  after_state: '{"amount": 90, "status": "open", "custom": 1}',
  request_path: "/customers/7/orders/5",
  error_message: "bottom reached",
  namespace: "customers",
  tags: "{customs,atom}",
}
const paid = {
  description: "paid 1000 EUR to 21009",
  details: '{"amount": "1000.00", "iban": "DE1001", "1001": true}',
  tags: "{v1.100,0100}",
}
const annual = {
  description: "Annual plan approved",
  tags: "{channel,ann-marie}",
  details: '{"annex": "hannah"}',
}
const short = { description: "PL1 and XL10 of L1-2", details: '{"al1": "l12"}', tags: "{xl1}" }
const others = [
  ["an ID that is part of words", "tom", { actor_id: "tom", ...customer }],
  ["an ID that is part of numbers", "100", { actor_id: "100", ...paid }],
  ["a name that is part of words", "a1", { actor_id: "a1", actor_name: "Ann", ...annual }],
  ["an ID of two characters", "L1", { actor_id: "L1", ...short }],
] as const

test.each(others)("an erasure leaves what only has the letters of the actor: %s", async (_, id, columns) => {
  const { before, after } = await redacted(`letters-${id}`, [["id", id]], columns)
  expect(after).toEqual(before)
  expect(await db.query("select from pgtrail.event where actor_id = $1", [id])).toEqual([])
})

test.each(others)("so does a pseudonym: %s", async (_, id, columns) => {
  const organization = `pseudonym-${id}`
  const pseudonym = `p1:h:key-1:${randomBytes(17).toString("base64url").slice(0, 22)}`
  const { before, after } = await redacted(organization, [["id", id]], columns, {
    strategy: "hash",
    replacements: { [organization]: pseudonym },
  })
  expect(after).toEqual(before)
  expect(
    await db.query("select actor_id from pgtrail.event where organization_id = $1", [organization]),
  ).toEqual([{ actor_id: pseudonym }])
})

test("what else an event says of its actor goes as a word of its own: in text, in members and their names, in tags", async () => {
  const { after } = await redacted("words", [["id", "tom"]], {
    actor_id: "tom",
    actor_name: 'Tom "T" Ash',
    ip_address: "10.1.2.3",
    device_id: "d-1",
    session_id: "s.1",
    description: "signed in from 10.1.2.3.",
    error_message: "no device (D-1)",
    request_path: "/x?sid=s.1&n=110.1.2.3",
    namespace: "110.1.2.3",
    details: '{"a": "by Tom \\"T\\" Ash", "b": {"of d-1": 1, "c": 2}, "bottom": "s.10 and xs.1"}',
    tags: "{tom,of:d-1,d-10}",
  })
  expect(after).toMatchObject({
    description: "[erased]",
    error_message: "[erased]",
    request_path: "[erased]",
    namespace: "110.1.2.3",
    details: '{"a": "[erased]", "b": "[erased]", "bottom": "s.10 and xs.1"}',
    tags: "{[erased],[erased],d-10}",
  })
})

test("an ID of two characters, or of one, goes from his own events as a word, and from nobody else's", async () => {
  const said = { description: "L1 did", details: '{"by": "seen by l1", "n": 1}', tags: "{of L1,b}" }
  await append(db, { organization_id: "short", event_type: "a.b", actor_id: "ann", ...said })
  const { after } = await redacted("short-own", [["id", "L1"]], { actor_id: "L1", ...said })
  expect(after).toMatchObject({
    description: "[erased]",
    details: '{"n": 1, "by": "[erased]"}',
    tags: "{[erased],b}",
  })
  await redact(db, [["id", "L1"]], { inText: true })
  expect(await db.query("select description from pgtrail.event where organization_id = 'short'")).toEqual([
    { description: "L1 did" },
  ])
  const one = await redacted("one", [["id", "7"]], { actor_id: "7", description: "user 7 left room 17" })
  expect(one.after).toMatchObject({ description: "[erased]" })
})

test("of an event about him the name of the resource goes from the rest of it too", async () => {
  const columns = {
    actor_id: "admin",
    resource_type: "user",
    resource_id: "4712",
    resource_name: "Rita Wrong",
    after_state: '{"name": "Rita Wrong", "role": "writer", "label": "Rita Wrongful"}',
    details: '{"no": "user 4712", "rita wrong": 1}',
    error_message: "mail to RITA WRONG failed",
    description: "admin changed it",
    tags: "{rita wrong,b,of Rita Wrong}",
  }
  const { after } = await redacted("about", [["id", "4712"]], columns)
  expect(after).toMatchObject({
    resource_name: "[erased]",
    resource_id: "[erased]",
    after_state: '{"name": "[erased]", "role": "writer", "label": "Rita Wrongful"}',
    details: '"[erased]"',
    error_message: "[erased]",
    description: "admin changed it",
    tags: "{[erased],b,[erased]}",
  })
  // Whoever did it is not erased with her, nor she with him.
  const { after: his } = await redacted("about-admin", [["id", "admin"]], columns)
  expect(his).toMatchObject({
    resource_name: "Rita Wrong",
    after_state: columns.after_state.replace(/,$/, ""),
  })
})

test("a short ID of a resource goes from the text of events about it", async () => {
  const { after } = await redacted("about-short", [["id", "R1"]], {
    resource_type: "user",
    resource_id: "R1",
    description: "R1 was moved to PR1",
    request_path: "/users/R10",
  })
  expect(after).toMatchObject({ description: "[erased]", request_path: "/users/R10" })
})

const found = (subject: Subject, organization: string, inText = false) =>
  foundOn(session, subject, { organizations: [organization], inText }, "seq, as_subject, content_fields")

test("at a ruled path an ID in another case is another person's, and an address is one in every case", async () => {
  const organization_id = "cased"
  await db.query(
    "select pgtrail.add_subject_rule('path', 'case', null, array['details','items','*','owner'], null, null, null)",
  )
  const owners = (...owner: readonly string[]) =>
    append(db, {
      organization_id,
      event_type: "case.made",
      details: JSON.stringify({ items: owner.map((one) => ({ owner: one })) }),
    })
  await owners("U-1", "u-2")
  await owners("Ann@X.example")
  await owners("L1")
  for (const inText of [false, true]) {
    expect(await found([["id", "u-1"]], organization_id, inText)).toEqual([])
    expect(await found([["id", "l1"]], organization_id, inText)).toEqual([])
    const [first, ...more] = await found([["id", "U-1"]], organization_id, inText)
    expect([first, more]).toEqual([{ seq: "1", as_subject: "t", content_fields: "{details.0.0.0}" }, []])
    for (const kind of ["id", "email"]) {
      expect(await found([[kind, "ann@x.EXAMPLE"]], organization_id, inText)).toMatchObject([{ seq: "2" }])
    }
    expect(await found([["id", "L1"]], organization_id, inText)).toEqual([
      { seq: "3", as_subject: "t", content_fields: "{details.0.0.0}" },
    ])
  }
  await session.query("begin")
  await session.query("select pgtrail.subject_stage()")
  await session.query("insert into pg_temp.pgtrail_subject values ('id', 'u-1'), ('id', 'L1')")
  const { rows } = await session.query(
    "select sum(pgtrail.find_subject(name, array['cased'], told => false)) as events from pgtrail.partitions()",
  )
  await session.query("rollback")
  expect(rows).toEqual([{ events: "1" }])
})

test("events about him with text or JSON that no rule is for are told, and an erasure is complete all the same", async () => {
  const trail = await db.trail()
  const about = (columns: Columns) =>
    append(db, {
      organization_id: "unruled",
      event_type: "u.made",
      resource_type: "user",
      resource_id: "u-51",
      ...columns,
    })
  await about({})
  await about({ details: '{"to": "Mr Smith"}' })
  await about({ after_state: "{}" })
  await about({ error_message: "no mail to Smith" })
  await append(db, {
    organization_id: "unruled",
    event_type: "u.made",
    actor_id: "u-51",
    details: '{"a": "b"}',
  })
  const limits = async () => (await trail.findSubject([{ kind: "id", value: "u-51" }])).limits
  const rest =
    "text or JSON that no rule is for: what there is personal and is none of the identifiers stays (pgtrail gdpr rule add)"
  expect(await limits()).toContain(`2 events about the subject have ${rest}`)
  await db.query(
    "select pgtrail.add_subject_rule('path', 'u', null, array['details','to'], null, null, null)",
  )
  expect(await limits()).toContain(`1 event about the subject has ${rest}`)
  const why = { reason: "r", requestedBy: "w", confirm: "u-51" }
  const done = await trail.eraseSubject([{ kind: "id", value: "u-51" }], why)
  expect(done.complete).toBe(true)
  expect(done.receipt?.limits).toContain(`1 event about the subject has ${rest}`)
})
