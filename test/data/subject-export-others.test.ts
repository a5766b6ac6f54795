// What is masked of others in one column of an event stands in no other column of it, in no form of the export.
import { readdirSync, readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { SubjectExportOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"

const { path, remove } = folder()
let db: TestDatabase
let trail: Trail

/** Each of them is in every searched place of the event in which he is masked. */
const names = ["otherperson2", "other2@x.example", 'Zoë "Zed" Öçal', "10.1.2.3", "sess-77aa", "res-name-9"]
const [id = "", email = "", name = "", ip = "", session = "", resource = ""] = names
const all = names.slice(0, -1).join(" ")

beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2026-06-01', '2026-09-01')")
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user')")
  await db.query("select pgtrail.add_subject_rule('path', 'user', null, array['after_state', 'who'])")
  const places = {
    project_id: id,
    external_id: `x-${id}-1`,
    event_type: `user.${id}`,
    namespace: `ns ${all}`,
    description: all,
    error_message: all.toUpperCase().normalize("NFD"),
    request_path: `/admin/${id}/u-sub?n=${encodeURIComponent(name)}&m=%2F${encodeURIComponent(email)}`,
    request_id: `r_${session}`,
    correlation_id: `cor-${id}`,
    tags: [id, `a,"b" ${name}`, null, "vip", "u-sub"],
    request_params: { [email]: 1, [id]: { [`${name}!`]: "u-sub" }, [id.toUpperCase()]: 2 },
    details: [all, { deep: [`(${ip})`, `${ip}4`, "plain", 7] }],
  }
  // As actor, as resource, and at a ruled path.
  const actor = { actor_id: id, actor_email: email, actor_name: name, ip_address: ip, session_id: session }
  await event(1, {
    ...places,
    ...actor,
    resource_type: "user",
    resource_id: "u-sub",
    resource_name: `S ${id}`,
  })
  await event(2, {
    actor_id: "u-sub",
    resource_type: "user",
    resource_id: id,
    resource_name: resource,
    namespace: `of ${resource}`,
    tags: [resource],
  })
  await event(3, {
    actor_id: "u-sub",
    resource_type: "user",
    resource_id: id,
    after_state: { who: [name, 491771234567, "xy"], again: 491771234567, n: `${name} xy` },
    user_agent: `app of ${id}`,
    request_path: `/users/${id}`,
    namespace: "public",
    correlation_id: id,
  })
  const quiet = {
    namespace: "ns",
    request_path: "/p",
    request_id: "r1",
    correlation_id: "c1",
    tags: ["vip"],
    request_params: { "some@x.example": 1 },
    resource_type: "document",
    resource_id: "d-1",
    resource_name: "Plan",
  }
  await event(4, { ...quiet, actor_id: "u-sub" })
  await event(5, { ...quiet, actor_id: id, details: { who: "u-sub" } })
  // His e-mail address has another's id in it, and another's address has his id.
  await event(6, {
    actor_id: "sub",
    actor_email: "u-sub@others.example",
    resource_type: "user",
    resource_id: "u-sub",
    description: "sub: sub@x.example, u-sub, u-sub@x.example, u-sub@others.example; subs, resub",
    action: "sub",
  })
})
afterAll(async () => {
  await db?.drop()
  remove()
})

function event(seq: number, values: Readonly<Record<string, unknown>>): Promise<unknown> {
  const row = {
    organization_id: "acme",
    event_type: "user.seen",
    occurred_at: `2026-07-${10 + seq}Z`,
    ...values,
  }
  return db.query(
    `insert into pgtrail.event (${Object.keys(row).join(", ")})
     select ${Object.keys(row).join(", ")} from jsonb_populate_record(null::pgtrail.event, $1)`,
    [JSON.stringify(row)],
  )
}

async function given(out: string, options: Partial<SubjectExportOptions> = {}) {
  const { manifest } = await trail.exportSubject([{ kind: "id", value: "u-sub" }], {
    out: path(out),
    inText: true,
    ...options,
  })
  const { events } = JSON.parse(readFileSync(path(out), "utf8")) as { events: Record<string, unknown>[] }
  const byType = (seq: string) => events.find((one) => one.seq === seq)
  const review = readFileSync(path(`${out}.review.csv`), "utf8").split("\n")
  const waiting = (seq: string) =>
    review.flatMap((line) => (line.startsWith(`acme,0,${seq},`) ? [line.split(",")[3]] : []))
  return { manifest, byType, waiting }
}

const marker = "[other person]"
const held = "[for review]"

test("no value that is masked stands anywhere else, in any form, whether text is withheld or not", async () => {
  for (const includeText of [false, true]) {
    for (const form of ["json", "csv", "xml"]) {
      const out = path(`all-${includeText}.${form}`)
      await trail.exportSubject([{ kind: "id", value: "u-sub" }], { out, includeText })
      const text = readFileSync(out, "utf8").normalize("NFC").toLowerCase()
      expect(text).toContain("u-sub")
      for (const value of [...names, "491771234567"]) {
        const forms = [
          value,
          encodeURIComponent(value),
          value.replaceAll('"', '\\"'),
          value.replaceAll('"', '""'),
        ]
        for (const one of forms) {
          const left = text.split(one.toLowerCase()).slice(1)
          // A longer address is another one.
          expect([form, value, left.filter((rest) => !rest.startsWith("4"))]).toEqual([form, value, []])
        }
      }
    }
  }
  expect(readdirSync(path(".")).filter((file) => file.startsWith("all-")).length).toBeGreaterThanOrEqual(12)
})

test("the rest of a text stays where it is given out, and names of members stay apart", async () => {
  const { byType } = await given("rest.json", { includeText: true })
  expect(byType("1")).toMatchObject({
    organization_id: "acme",
    project_id: marker,
    external_id: `x-${marker}-1`,
    event_type: `user.${marker}`,
    resource_id: "u-sub",
    resource_name: `S ${marker}`,
    namespace: `ns ${[marker, marker, marker, marker, marker].join(" ")}`,
    request_path: `/admin/${marker}/u-sub?n=${marker}&m=%2F${marker}`,
    request_id: `r_${marker}`,
    correlation_id: `cor-${marker}`,
    tags: [marker, `a,"b" ${marker}`, null, "vip", "u-sub"],
    details: [expect.stringContaining(marker), { deep: [`(${marker})`, `${ip}4`, "plain", 7] }],
  })
  const members = byType("1")?.request_params as Record<string, unknown>
  expect(Object.keys(members).sort()).toEqual([marker, `${marker} 2`, `${marker} 3`])
  expect(JSON.stringify(members)).toContain(`{"${marker}!":"u-sub"}`)
  expect(byType("3")).toMatchObject({
    actor_id: "u-sub",
    user_agent: `app of ${marker}`,
    after_state: { who: [marker, marker, marker], again: marker, n: `${marker} xy` },
    request_path: `/users/${marker}`,
    namespace: "public",
    correlation_id: marker,
  })
})

test("what may name others waits for a human where others are in the event, and stays where he is alone", async () => {
  const { byType, waiting, manifest } = await given("waits.json")
  const quiet = { namespace: "ns", request_path: "/p", request_id: "r1", correlation_id: "c1", tags: ["vip"] }
  expect(byType("4")).toMatchObject({
    ...quiet,
    resource_name: "Plan",
    request_params: { "some@x.example": 1 },
  })
  expect(waiting("4")).toEqual([])
  expect(byType("5")).toMatchObject({
    actor_id: marker,
    namespace: held,
    request_path: held,
    request_id: held,
    correlation_id: held,
    tags: [held],
    resource_id: "d-1",
    resource_name: held,
    request_params: { [held]: 1 },
    details: { who: "u-sub" },
  })
  expect(waiting("5").sort()).toEqual([...Object.keys(quiet), "request_params", "resource_name"].sort())
  // What is nothing but another's name needs nobody to look at it.
  expect(byType("3")).toMatchObject({ correlation_id: marker, namespace: held, request_path: held })
  expect(waiting("3")).not.toContain("correlation_id")
  expect(manifest.counts.masked).toBe("5")
  const { byType: shown, waiting: still } = await given("shown.json", { includeText: true })
  expect(shown("5")).toMatchObject({
    ...quiet,
    resource_name: "Plan",
    request_params: { "some@x.example": 1 },
  })
  expect(still("5")).toEqual(waiting("5"))
})

test("a name that is part of one of his stays, one that has his in it does not, and a part of a word is no name", async () => {
  const out = path("parts.json")
  await trail.exportSubject(
    ["u-sub", "u-sub@x.example"].map((value, at) => ({ kind: at === 0 ? "id" : "email", value }) as const),
    { out, includeText: true },
  )
  const { events } = JSON.parse(readFileSync(out, "utf8")) as { events: Record<string, unknown>[] }
  expect(events.find(({ seq }) => seq === "6")).toMatchObject({
    actor_id: marker,
    actor_email: marker,
    resource_id: "u-sub",
    description: `${marker}: ${marker}@x.example, u-sub, u-sub@x.example, ${marker}; subs, resub`,
    // A word of the application that somebody happens to be called.
    action: "sub",
  })
})

test("at a ruled path an ID in another case is another person's, and is masked", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, after_state) values ('cased', '2026-07-01Z', 'user.x', 'u-sub', '{\"who\": \"U-SUB\"}'), ('cased', '2026-07-02Z', 'user.x', 'u-sub', '{\"who\": \"u-sub\"}')",
  )
  const out = path("cased.json")
  await trail.exportSubject([{ kind: "id", value: "u-sub" }], { out, organizations: ["cased"] })
  const { events } = JSON.parse(readFileSync(out, "utf8")) as { events: Record<string, unknown>[] }
  expect(events.map(({ after_state: state }) => state)).toEqual([{ who: marker }, { who: "u-sub" }])
})
