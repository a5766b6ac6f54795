// Whom a restriction hides, and whom not: others who share an address, a name or a device stay visible, as find tells; letters of every language.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { Identifier } from "../../src/data/subject/identifiers.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let reader: Trail
let bound: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  reader = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_reader"] })).url })
  const one = await db.role()
  await trail.grant({ right: "reader", role: one.name, organizations: ["acme"] })
  bound = await db.trail({ url: one.url })
  await trail.addSubjectRule({ kind: "path", path: ["details", "owner"], eventType: "file" })
  await trail.addSubjectRule({ kind: "path", path: ["details", "items", "*", "owner"], eventType: "file" })
  const office = { organization_id: "acme", ip_address: "10.0.0.1", device_id: "d1", event_type: "data.read" }
  const file = { organization_id: "acme", event_type: "file.shared", actor_id: "bob" }
  await trail.append([
    { ...office, actor_id: "a1", actor_name: "Ann" },
    { ...office, actor_id: "b2", actor_name: "Bob" },
    { ...office, actor_id: "c3", actor_name: "Ann", ip_address: "10.0.0.2" },
    { ...office, actor_email: "bob@example.com", session_id: "s1" },
    // Nothing says that somebody else did these.
    { ...office, actor_name: "Ann" },
    { ...office, session_id: "s1", ip_address: "10.0.0.9", device_id: "d9" },
    { ...office, actor_id: "zoe", actor_email: "Zoë.OBRIEN@Example.com", ip_address: null, device_id: null },
    { ...file, details: { owner: "A1" } },
    { ...file, details: { owner: "a1" } },
    { ...file, details: { items: [{ owner: "b9" }, { owner: "A1" }] } },
    { ...file, details: { items: [{ owner: "ZOË.OBRIEN@example.com" }] } },
  ])
})
afterAll(() => db?.drop())

const why = { reason: "accuracy contested", requestedBy: "DPO" }

/** The places that are hidden from readers of all and of one organization, while it is in force: the same ones as are found. */
async function hidden(identifiers: readonly Identifier[]): Promise<string[]> {
  const { act, events } = await trail.restrictSubject(identifiers, why)
  try {
    const [listed] = await trail.restrictions({ count: true })
    const shown = async (of: Trail) => {
      const places: string[] = []
      for await (const { seq } of await of.query({ organization: "acme" })) places.push(String(seq))
      return places.sort()
    }
    const left = await shown(reader)
    expect(await shown(bound)).toEqual(left)
    const gone = (await shown(trail)).filter((seq) => !left.includes(seq))
    // The list counts by what find finds.
    expect({ placed: events, listed: listed?.events }).toEqual({
      placed: String(gone.length),
      listed: String(gone.length),
    })
    return gone
  } finally {
    await trail.unrestrictSubject({ act: act ?? "" }, why)
  }
}

test("others who share an address, a name, a device or a session stay visible; find, the list and the views agree", async () => {
  expect(
    await hidden([
      { kind: "id", value: "a1" },
      { kind: "ip", value: "10.0.0.1" },
      { kind: "name", value: "Ann" },
      { kind: "device", value: "d1" },
      { kind: "session", value: "s1" },
    ]),
  ).toEqual(["1", "5", "6", "9"])
})

test("an address whose capitals are not ASCII is the same in small letters, whatever the collation", async () => {
  for (const value of ["zoë.obrien@EXAMPLE.com", "ZOË.OBRIEN@EXAMPLE.COM".normalize("NFD")]) {
    expect(await hidden([{ kind: "email", value }])).toEqual(["11", "7"])
  }
})

test("at a ruled path an id counts in its own case alone, as in the columns", async () => {
  expect(await hidden([{ kind: "id", value: "A1" }])).toEqual(["10", "8"])
})

test("an address that other actors have too is refused, and nothing is restricted, until they are all named", async () => {
  await trail.append([
    { organization_id: "globex", event_type: "a", actor_id: "g1", actor_email: "shared@corp.example" },
    { organization_id: "globex", event_type: "a", actor_id: "g2", actor_email: "shared@corp.example" },
  ])
  const shared = [
    { kind: "id", value: "g1" },
    { kind: "email", value: "shared@corp.example" },
  ] as const
  await expect(trail.restrictSubject(shared, why)).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringContaining("nothing was restricted"),
  })
  expect(await db.query("select from pgtrail.subject_restriction")).toEqual([])
  const { act } = await trail.restrictSubject([...shared, { kind: "id", value: "g2" }], why)
  expect(await reader.count({ organization: "globex" })).toBe("0")
  await trail.unrestrictSubject({ act: act ?? "" }, why)
})
