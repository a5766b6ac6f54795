// A rectification: a new event that says what is right, and nothing else anywhere.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { readSet, toJson } from "../../src/data/subject/rectify.js"
import { describeRequest } from "../../src/data/subject/request-words.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
let privacy: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  privacy = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_privacy"] })).url })
  await trail.append({
    organization_id: "acme/eu",
    event_type: "user.updated",
    actor_id: "u-1",
    actor_name: "Jon",
    data_classification: "PHI",
    compliance_tags: ["HIPAA"],
  })
})
afterAll(() => db?.drop())

const place = { organization: "acme/eu", lane: "0", seq: "1" }
const why = { reason: "misspelt", requestedBy: "DPO" }

test("the right values stand in a new event of the same organization, class and tags; the old one stays; the log verifies", async () => {
  const before = await trail.show(place)
  const set = new Map([
    ["actor_name", '"J\\u006fhn\\t\\"O\\\\\'Neill\\" Zoë"'],
    ["details", '{"n":9007199254740993,"x":1.10}'],
    ["ip_address", "null"],
  ])
  const made = await privacy.rectifyEvent(place, { set, ...why })
  expect(made).toMatchObject({ rectifies: "acme/eu/0/1", fields: ["actor_name", "details", "ip_address"] })
  const [, organization = "", lane = "", seq = ""] = /^(.*)\/(\d+)\/(\d+)$/.exec(made.place) ?? []
  const { event, verifies } = await trail.show({ organization, lane, seq })
  expect(verifies).toBe(true)
  expect(event).toMatchObject({
    id: made.id,
    organization_id: "acme/eu",
    event_type: "gdpr.rectified",
    resource_type: "event",
    resource_id: "acme/eu/0/1",
    data_classification: "PHI",
    compliance_tags: '["HIPAA"]',
  })
  expect(event.after_state).toBe(
    '{"details": {"n": 9007199254740993, "x": 1.10}, "actor_name": "John\\t\\"O\\\\\'Neill\\" Zoë", "ip_address": null}',
  )
  expect(event.details).toBe('{"reason": "misspelt", "actor_id": "u-1", "requested_by": "DPO"}')
  expect((await trail.show(place)).event).toEqual(before.event)
  expect((await trail.verify()).verdict).toBe("intact")
})

test("where it has personal data is ruled, once; no act has a value", async () => {
  await privacy.rectifyEvent(place, { set: new Map([["actor_name", '"Secretname"']]), ...why })
  expect((await trail.subjectRules()).map(({ path, event_type: type }) => `${type} ${path}`)).toEqual([
    "gdpr.rectified after_state.*",
    "gdpr.rectified details.actor_id",
    "gdpr.rectified details.actor_email",
    "gdpr.rectified details.resource_id",
  ])
  const acts = await db.query("select parameters::text from pgtrail.act")
  expect(JSON.stringify(acts)).not.toMatch(/Secretname|u-1/)
})

test("who had the event as it was is named in the request, and the new event answers it", async () => {
  const [old] = await db.query("select count(*) from pgtrail.act where kind = 'export'")
  expect(old).toEqual({ count: "0" })
  const recorded = (what: string, organization: string) =>
    db.query("select pgtrail.record_act('export', $1)", [
      JSON.stringify({ kind: what, organizations: [organization] }),
    ])
  await recorded("extract", "acme/eu")
  await recorded("evidence", "globex")
  await db.query(
    `select pgtrail.record_backup('backup-20260101T000000Z-000001', 's3://away/b', sha256('x'), now(), 1, 1, 1, 0, null, null, false, null, '1.0')`,
  )
  const { request } = await trail.addRequest({ kind: "rectification" })
  const made = await privacy.rectifyEvent(place, { set: new Map([["actor_name", '"Jo"']]), ...why, request })
  const noted = await privacy.subjectRequest(request)
  expect(noted.recipients).toMatchObject([
    { kind: "rectification", name: made.place },
    { kind: "export", what: "extract" },
    { kind: "backup", location: "s3://away/b" },
  ])
  const words = describeRequest(noted)
  expect(words).toContain(`answered by ${made.place}`)
  expect(words).toMatch(/Article 19\):\n {2}export act/)
})

const wrong: readonly (readonly [string, ReadonlyMap<string, string>, object, RegExp])[] = [
  ["a field of the frame", new Map([["event_type", '"x"']]), {}, /no field "event_type"/],
  ["a salt", new Map([["identity_salt", '"x"']]), {}, /no field "identity_salt"/],
  ["nothing", new Map(), {}, /nothing is said/],
  ["no reason", new Map([["actor_name", '"x"']]), { reason: " " }, /takes a reason/],
  ["nobody who asks", new Map([["actor_name", '"x"']]), { requestedBy: "" }, /who asked/],
  ["an unknown request", new Map([["actor_name", '"x"']]), { request: "none" }, /no request/],
  [
    "an address that is none",
    new Map([["ip_address", '"secret"']]),
    {},
    /^ip_address must be an IP address$/,
  ],
  ["tags that are no list", new Map([["tags", '"secret"']]), {}, /^tags must be an array of text$/],
  ["a name that is no text", new Map([["actor_name", '{"secret": 1}']]), {}, /^actor_name must be text$/],
  ["no JSON", new Map([["details", "{secret"]]), {}, /^details is no JSON$/],
  ["NUL", new Map([["actor_name", '"\\u0000"']]), {}, /no event can have/],
]
test.each(wrong)("refused: %s", async (what, set, more, message) => {
  const before = await trail.count()
  const failure = await failureOf(privacy.rectifyEvent(place, { set, ...why, ...more }))
  expect(failure.code).toBe(what === "an unknown request" ? "not-found" : "usage")
  expect(failure.message).toMatch(message)
  expect(await trail.count()).toBe(before)
})

test("an event that is not there is refused, and so is everybody but pgtrail_privacy", async () => {
  const options = { set: new Map([["actor_name", '"x"']]), ...why }
  expect(await failureOf(privacy.rectifyEvent({ ...place, seq: "99" }, options))).toMatchObject({
    code: "usage",
    message: "there is no event acme/eu/0/99",
  })
  for (const group of ["pgtrail_writer", "pgtrail_reader", "pgtrail_auditor", "pgtrail_operator"]) {
    const other = await db.trail({ url: (await db.role({ memberOf: [group] })).url })
    expect(await failureOf(other.rectifyEvent(place, options))).toMatchObject({ code: "privilege" })
  }
})

test("--set is read as a field and a value, of JSON columns as JSON; errors tell no value", () => {
  expect(readSet("actor_name=a=b")).toEqual({ field: "actor_name", value: "a=b" })
  expect(toJson("actor_name", 'a"b')).toBe('"a\\"b"')
  expect(toJson("details", '{"a": 1.10}')).toBe('{"a": 1.10}')
  for (const wrongly of [
    () => readSet("secret"),
    () => readSet("=secret"),
    () => readSet("nope=secret"),
    () => toJson("details", "secret{"),
  ]) {
    expect(wrongly).toThrow(
      expect.objectContaining({ code: "usage", message: expect.not.stringContaining("secret") }),
    )
  }
})
