// Which events have to do with a subject by the rules of what is personal, in which organizations and times; what a plan tells, and what it refuses.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { append, found, type Subject, search } from "./redact-fixture.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const json = (value: unknown): string => JSON.stringify(value)
const seqs = (rows: readonly Record<string, string | null>[]) => rows.map(({ seq }) => Number(seq))

describe("by rules", () => {
  const rule = (sql: string) => db.query(`select pgtrail.add_subject_rule(${sql})`)
  beforeAll(async () => {
    await rule("kind => 'resource', resource_type => 'person'")
    await rule("kind => 'path', path => '{details,people,*,name}', event_type => 'p'")
    await rule("kind => 'path', path => '{details,owner}', event_type => 'p'")
    await rule("kind => 'path', path => '{before_state,list,0}', event_type => 'p'")
  })

  test("a resource is the subject whose type names people and whose id is his", async () => {
    const person = { resource_type: "person", resource_name: "The Ann" }
    const rows = await search(
      db,
      [
        { ...person, resource_id: "ann-1" },
        { ...person, resource_id: "bob" },
        { resource_type: "document", resource_id: "ann-1" },
      ],
      [["id", "ann-1"]],
    )
    expect(rows).toMatchObject([
      {
        seq: "1",
        as_actor: "f",
        as_subject: "t",
        identity_fields: "{}",
        content_fields: "{resource_id,resource_name}",
      },
    ])
  })

  test("a resource that is named with its type needs no rule", async () => {
    const events = [
      { resource_type: "car", resource_id: "a/b c" },
      { resource_type: "bike", resource_id: "a/b c" },
    ]
    expect(await search(db, events, [["resource", "car/a/b c"]])).toMatchObject([
      { seq: "1", as_subject: "t", content_fields: "{resource_id}" },
    ])
  })

  test("a value at a path that is one of his identifiers makes him the subject, and that value goes", async () => {
    const people = json({ people: [{ name: "Bob" }, { name: "ann-1", age: 7 }], owner: "Carl" })
    const rows = await search(
      db,
      [
        { event_type: "p.x", details: people },
        { event_type: "q", details: people },
        { event_type: "p", details: json({ name: "ann-1" }) },
      ],
      [["id", "ann-1"]],
    )
    expect(rows).toMatchObject([{ seq: "1", as_subject: "t", content_fields: "{details.1.1.1}" }])
  })

  test("all values at the paths go of an event about him as the resource; where he is only the actor they may be another's", async () => {
    const columns = {
      event_type: "p",
      details: json({ people: [{ name: "Annie" }, { name: "A." }], owner: { a: [1] }, other: 1 }),
      before_state: json({ list: [true, false] }),
    }
    const whole = "{details.0,details.2.0.0,details.2.1.0,before_state.0.0}"
    const sorted = (fields: string | null | undefined) => (fields ?? "").slice(1, -1).split(",").sort()
    const person = { resource_type: "person", resource_id: "ann-1" }
    const rows = await search(
      db,
      [
        { ...columns, actor_id: "ann-1" },
        { ...columns, actor_id: "bob", ...person },
        { ...columns, actor_id: "ann-1", ...person, resource_id: "bob" },
      ],
      [["id", "ann-1"]],
    )
    expect(seqs(rows)).toEqual([1, 2, 3])
    expect(rows[0]).toMatchObject({ as_actor: "t", content_fields: "{}" })
    // jsonb: other, owner, people.
    expect(sorted(rows[1]?.content_fields)).toEqual(
      sorted("{resource_id,details.1,details.2.0.0,details.2.1.0,before_state.0.0}"),
    )
    // Another person's: what stands at its paths is that person's.
    expect(rows[2]).toMatchObject({ as_actor: "t", content_fields: "{}" })
    expect(whole).toContain("before_state.0.0")
  })
})

describe("a choice of organizations and of time is kept to,", () => {
  test("and another organization's events are not found", async () => {
    await append(db, { organization_id: "left", event_type: "a", actor_id: "zed-9" })
    await append(db, { organization_id: "right", event_type: "a", actor_id: "zed-9", description: "zed-9" })
    const where = async (choice: object) =>
      (await found(db, [["id", "zed-9"]], choice, "organization_id")).map((row) => row.organization_id)
    expect(await where({})).toEqual(["left", "right"])
    expect(await where({ organizations: ["left"] })).toEqual(["left"])
    expect(await where({ organizations: ["left"], inText: true })).toEqual(["left"])
    expect(await where({ organizations: ["none"] })).toEqual([])
  })

  test("from since, to before until", async () => {
    for (const day of [1, 2, 3]) {
      await append(db, {
        organization_id: "t",
        event_type: "a",
        actor_id: "tim-9",
        occurred_at: `2001-01-0${day}Z`,
      })
    }
    const days = async (choice: object) => seqs(await found(db, [["id", "tim-9"]], choice, "seq"))
    expect(await days({ since: "2001-01-02Z" })).toEqual([2, 3])
    expect(await days({ until: "2001-01-02Z" })).toEqual([1])
    expect(await days({ since: "2001-01-02Z", until: "2001-01-03Z", inText: true })).toEqual([2])
  })
})

test("each way of being found finds an event once", async () => {
  const rows = await search(
    db,
    [
      {
        actor_id: "ann-1",
        actor_email: "ann@x.org",
        session_id: "s-1",
        resource_type: "person",
        resource_id: "ann-1",
        ip_address: "10.0.0.9",
        description: "ann-1 ann@x.org",
      },
    ],
    [
      ["id", "ann-1"],
      ["email", "ann@x.org"],
      ["session", "s-1"],
      ["ip", "10.0.0.9"],
      ["resource", "person/ann-1"],
    ],
  )
  expect(rows).toMatchObject([{ as_actor: "t", as_subject: "t" }])
})

test("the plan has no value of an event but its place, time and type", async () => {
  const value = "plan-secret"
  await append(db, {
    organization_id: "secret",
    event_type: "a",
    actor_id: value,
    actor_email: `${value}@x.org`,
    external_id: value,
    description: value,
    details: json({ [value]: value, a: [value] }),
    tags: [value],
  })
  const rows = await found(db, [["id", value]], { inText: true }, "pgtrail_plan::text as row")
  expect(rows.length).toBe(1)
  expect(rows[0]?.row).not.toContain(value)
})

describe("identifiers that are none are refused by number or kind, and never by value:", () => {
  const secret = "S3CRET"
  test.each<[string, Subject]>([
    ["none", []],
    ["no kind", [["nickname", secret]]],
    [
      "empty",
      [
        ["id", " \t"],
        ["name", secret],
      ],
    ],
    ["an address that is none", [["ip", secret]]],
    ["a resource without a type", [["resource", secret]]],
    ["longer than any", [["id", secret.repeat(300)]]],
  ])("%s", async (_, subject) => {
    const error = await found(db, subject).then(
      () => undefined,
      (reason: unknown) =>
        reason as { code: string; message: string; hint?: string; where?: string; detail?: string },
    )
    expect(error).toMatchObject({ code: "TR009" })
    const { message, hint, where, detail } = error ?? { message: "" }
    expect([message, hint, where, detail].join("\n")).not.toContain(secret)
  })
})
