// Whose data a rectification has: of whom it sets something right, be that the actor, the resource, or known by an address alone.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { Identifier } from "../../src/data/subject/identifiers.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let reader: Trail
const placed: string[] = []
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  reader = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_reader"] })).url })
  await trail.addSubjectRule({ kind: "resource", resourceType: "user" })
  await trail.append([
    {
      organization_id: "acme",
      event_type: "user.update",
      actor_id: "admin",
      resource_type: "user",
      resource_id: "pers-4712",
    },
    {
      organization_id: "acme",
      event_type: "auth.login",
      actor_email: "only@x.example",
      actor_name: "Wrong Name",
    },
    {
      organization_id: "acme",
      event_type: "doc.read",
      actor_id: "u-1",
      resource_type: "doc",
      resource_id: "d1",
    },
  ])
  const rectify = async (seq: string, set: Readonly<Record<string, string>>) => {
    const { place } = await trail.rectifyEvent(
      { organization: "acme", lane: "0", seq },
      { set: new Map(Object.entries(set)), reason: "misspelt", requestedBy: "DPO" },
    )
    placed.push(place)
    return place.split("/").at(-1) ?? ""
  }
  const first = await rectify("1", {
    resource_name: '"Rita Rightname"',
    after_state: '{"name": "Rita Rightname"}',
  })
  await rectify("2", { actor_name: '"Secret Newname"' })
  await rectify("3", { description: '"read by mistake"' })
  // A rectification that was wrong itself.
  await rectify(first, { after_state: '{"resource_name": "Rita Rightest"}' })
})
afterAll(() => db?.drop())

const why = { reason: "a request", requestedBy: "DPO" }
const found = async (...identifiers: Identifier[]): Promise<string> => {
  const { events } = (await trail.findSubject(identifiers)).found
  return String(events.reduce((sum, row) => sum + Number(row.events), 0))
}

test("what sets right an event about a resource is that person's, and not of the one who did it; so is what sets that right", async () => {
  expect(await found({ kind: "id", value: "pers-4712" })).toBe("3")
  expect(await found({ kind: "resource", value: "user/pers-4712" })).toBe("3")
  expect(await found({ kind: "id", value: "admin" })).toBe("1")
  expect(await found({ kind: "id", value: "u-1" })).toBe("2")
})

test("what sets right an event whose actor has an address alone is found by the address, and a restriction hides it", async () => {
  const only: Identifier = { kind: "email", value: "ONLY@x.example" }
  expect(await found(only)).toBe("2")
  const { act } = await trail.restrictSubject([only], why)
  const text: string[] = []
  for await (const row of await reader.query({ organization: "acme" })) text.push(JSON.stringify(row))
  expect(text).toHaveLength(5)
  expect(text.join("\n")).not.toContain("Newname")
  await trail.unrestrictSubject({ act: act ?? "" }, why)
})

test("erasing whom it is about takes the right values too, and leaves those of others", async () => {
  const stands = async (value: string) =>
    (await db.query("select count(*) as n from pgtrail.event e where strpos(e::text, $1) > 0", [value]))[0]?.n
  await trail.eraseSubject([{ kind: "id", value: "admin" }], { ...why, confirm: "admin" })
  expect(await stands("Rita")).toBe("2")
  const erased = await trail.eraseSubject([{ kind: "id", value: "pers-4712" }], {
    ...why,
    confirm: "pers-4712",
  })
  expect(erased.complete).toBe(true)
  expect(await stands("Rita")).toBe("0")
  expect(await stands("pers-4712")).toBe("0")
  await trail.eraseSubject([{ kind: "email", value: "only@x.example" }], {
    ...why,
    confirm: "only@x.example",
  })
  expect(await stands("Newname")).toBe("0")
  expect((await trail.verify()).verdict).toBe("intact")
})
