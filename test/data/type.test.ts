// The event types that are known: those of each of the five systems, those that acts added; and those of the log that nobody described.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { knownTypes } from "../../src/data/type/known.js"
import { severityMeanings } from "../../src/data/type/severities.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"
import { testKey } from "./signing.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

describe("of each system that runs on pgtrail every type is known that its document names", () => {
  const memoric =
    `AUTH_LOGIN_SUCCESS AUTH_LOGIN_FAILED AUTH_LOGOUT AUTH_TOKEN_CREATED AUTH_TOKEN_EXPIRED AUTH_TOKEN_INVALID
    USER_CREATED USER_UPDATED USER_DELETED USER_PASSWORD_CHANGED USER_PASSWORD_RESET USER_ACTIVATED USER_DEACTIVATED
    MEMORY_CREATED MEMORY_RETRIEVED MEMORY_UPDATED MEMORY_DELETED MEMORY_SEARCHED
    CLUSTER_CREATED CLUSTER_RETRIEVED CLUSTER_UPDATED CLUSTER_DELETED POLICY_EXECUTED POLICY_FAILED
    AUTHZ_ACCESS_GRANTED AUTHZ_ACCESS_DENIED AUTHZ_PERMISSION_CHECKED SYSTEM_STARTUP SYSTEM_SHUTDOWN SYSTEM_ERROR
    SECURITY_BREACH_ATTEMPT SECURITY_RATE_LIMIT_EXCEEDED SECURITY_SUSPICIOUS_ACTIVITY`.split(/\s+/)
  test.each([
    // Seed 000 names operations as examples, 003 actions; 002 and 004 name none.
    ["Mem0 governance", 2, ["MEM0_SEARCH", "POLICY_CHECK"]],
    ["Memoric", 33, memoric],
    ["audit-db", 2, ["USER_LOGIN", "DOCUMENT_UPDATE"]],
  ])("%s: %i", (source, count, names) => {
    const known = knownTypes.filter((type) => type.source === source)
    expect(known.map(({ name }) => name.replace(/\./g, "_").toUpperCase())).toEqual(names)
    expect(known).toHaveLength(count)
  })

  test("and no other, none twice, each with category and description", () => {
    expect(knownTypes).toHaveLength(37)
    expect(new Set(knownTypes.map(({ name }) => name)).size).toBe(37)
    expect(knownTypes.filter(({ category, description }) => !category || !description)).toEqual([])
  })
})

test("the five severities stand from the least to the worst, with every word of the five systems that means one", () => {
  expect(severityMeanings.map(({ severity }) => severity)).toEqual([
    "debug",
    "info",
    "warning",
    "error",
    "critical",
  ])
  const words = severityMeanings.flatMap((one) => one.words)
  const of = (system: string) =>
    words.filter((word) => word.endsWith(`(${system})`)).map((word) => word.split(" ")[0])
  expect(of("Memoric")).toEqual(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
  expect(of("AgentTrace")).toEqual(["info", "warning", "critical"])
  expect(of("audit-db alerts")).toEqual(["LOW", "MEDIUM", "HIGH", "CRITICAL"])
  expect(of("AI firewall")).toEqual(["green", "amber", "red"])
})

test("types of the log that are not known are found, with when and where each was seen last, over all partitions", async () => {
  await db.query("select pgtrail.create_months('2026-01-01', '2026-03-01')")
  await db.query(`insert into pgtrail.event (organization_id, event_type, occurred_at) values
    ('acme', 'auth.logout', '2026-01-01Z'), ('acme', 'a.odd', '2026-01-05Z'), ('globex', 'a.odd', '2026-02-05Z'), ('acme', 'a.odd', '2026-02-04Z'),
    ('acme', 'b.odd', '1999-01-01Z'), ('zeta', 'zz', '2026-02-28Z'), ('zeta', 'eternal', 'infinity'), ('zeta', 'ancient', '-infinity'),
    ('acme', 'Auth.Logout', '2026-01-02Z'), ('acme', repeat('long', 1000), '2026-01-03Z')`)
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) select 'acme', 'many', timestamptz '2026-01-10Z' + i * interval '1 s' from generate_series(1, 500) i",
  )
  const found = await trail.unknownTypes()
  expect(found).toMatchObject({ all: true, complete: true })
  expect(
    found.types.map(({ name, last_event: last, organization_id: organization, organizations }) => [
      name.slice(0, 9),
      last,
      organization,
      organizations,
    ]),
  ).toEqual([
    ["eternal", "infinity", "zeta", "1"],
    ["zz", "2026-02-28T00:00:00.000000Z", "zeta", "1"],
    ["a.odd", "2026-02-05T00:00:00.000000Z", "globex", "2"],
    ["many", "2026-01-10T00:08:20.000000Z", "acme", "1"],
    ["longlongl", "2026-01-03T00:00:00.000000Z", "acme", "1"],
    ["Auth.Logo", "2026-01-02T00:00:00.000000Z", "acme", "1"],
    ["b.odd", "1999-01-01T00:00:00.000000Z", "acme", "1"],
    ["ancient", "-infinity", "zeta", "1"],
  ])
  expect((await trail.unknownTypes({ organization: "globex" })).types).toMatchObject([
    { name: "a.odd", organizations: "1" },
  ])
  expect((await trail.unknownTypes({ organization: "'" })).types).toEqual([])
  expect((await failureOf(trail.unknownTypes({ organization: "a\0" }))).code).toBe("usage")
})

test("it is found by jumps in the index of types: of 500 events of a type one is read", async () => {
  await db.query("analyze pgtrail.event")
  const client = await db.client()
  await client.query("set enable_seqscan = off; set datestyle = 'ISO'; set timezone = 'UTC'")
  await client.query("load 'auto_explain'")
  await client.query(
    "set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on; set client_min_messages = log",
  )
  const plans: string[] = []
  client.on("notice", ({ message }) => plans.push(message ?? ""))
  const { unknownTypes } = await import("../../src/data/type/unknown.js")
  await unknownTypes(client, undefined)
  const january = plans.filter((plan) => plan.includes("recursive pair") && plan.includes("event_2026_01"))
  expect(january).toHaveLength(1)
  expect(january[0]).not.toMatch(/actual time=\S+ rows=(4|5)\d\d/)
})

test("a type is added by an act, and a later one of its name describes it anew; the same again records nothing", async () => {
  const added = await trail.addType({
    name: "b.odd",
    category: "oddities",
    severity: "warning",
    description: "an odd thing",
  })
  expect(added).toEqual({ name: "b.odd", act: expect.stringMatching(/^\d+$/), anew: false })
  expect(
    await trail.addType({
      name: "b.odd",
      category: "oddities",
      severity: "warning",
      description: "an odd thing",
    }),
  ).toEqual({ name: "b.odd", act: null, anew: true })
  // What is not given stays, of a type that ships too: nothing given, nothing recorded.
  expect(await trail.addType({ name: "b.odd" })).toMatchObject({ act: null })
  expect(await trail.addType({ name: "system.error" })).toMatchObject({ act: null, anew: true })
  expect(await trail.addType({ name: "b.odd", severity: "info" })).toEqual({
    name: "b.odd",
    act: expect.any(String),
    anew: true,
  })
  const anew = await trail.addType({ name: "auth.logout", category: "auth", severity: "debug" })
  const { types, complete } = await trail.eventTypes()
  expect(complete).toBe(true)
  expect(types).toHaveLength(38)
  expect(types.at(-1)).toMatchObject({
    name: "b.odd",
    category: "oddities",
    severity: "info",
    description: "an odd thing",
    added_by: expect.anything(),
  })
  expect(types.find(({ name }) => name === "auth.logout")).toMatchObject({
    category: "auth",
    severity: "debug",
    description: "user logout",
    source: `act ${anew.act}`,
  })
  expect((await trail.unknownTypes()).types.map(({ name }) => name)).not.toContain("b.odd")
  const verified = await trail.verify()
  expect(verified).toMatchObject({ verdict: "intact", findings: [] })
  const [act] = await db.query("select kind, parameters from pgtrail.act where seq = $1", [added.act])
  expect(act).toEqual({
    kind: "add_type",
    parameters:
      '{"name": "b.odd", "category": "oddities", "severity": "warning", "description": "an odd thing"}',
  })
})

test("what cannot be a type is refused, and nothing is recorded; nor is anything hostile taken for SQL", async () => {
  const before = await db.query("select count(*) from pgtrail.act")
  for (const type of [
    { name: "", severity: "info" },
    { name: "x".repeat(301), severity: "info" },
    { name: "a ", severity: "info" },
    { name: "a\n", severity: "info" },
    { name: "x", severity: "red" },
    { name: "x\0", severity: "info" },
    { name: "\ud800", severity: "info" },
    { name: "x", severity: "info", category: "" },
    { name: "x", severity: "info", description: "x".repeat(2001) },
  ] as { name: string; severity: "info" }[]) {
    expect(await failureOf(trail.addType(type))).toMatchObject({ code: "usage", hint: "nothing was added" })
  }
  expect(await db.query("select count(*) from pgtrail.act")).toEqual(before)
  const evil = "';drop/**/schema/**/pgtrail;--\u001b[2J"
  await trail.addType({ name: evil, category: evil, severity: "info", description: evil })
  expect((await trail.eventTypes()).types.find(({ name }) => name === evil)).toMatchObject({
    category: evil,
    description: evil,
  })
})

test("an operator adds types; who may not read acts is told that added ones are missing, and a bound reader sees types of his own alone", async () => {
  const operator = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_operator"] })).url })
  expect((await operator.addType({ name: "by.operator", severity: "info" })).act).not.toBeNull()
  const reader = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_reader"] })).url })
  expect((await failureOf(reader.addType({ name: "by.reader", severity: "info" }))).code).toBe("privilege")
  expect(await reader.eventTypes()).toMatchObject({
    complete: false,
    types: expect.not.arrayContaining([expect.objectContaining({ name: "b.odd" })]),
  })
  expect((await reader.unknownTypes()).types.map(({ name }) => name)).toContain("b.odd")
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["zeta"] })
  const his = await db.trail({ url: role.url })
  expect((await his.unknownTypes()).types.map(({ name }) => name)).toEqual(["eternal", "zz", "ancient"])
  expect((await his.unknownTypes({ organization: "acme" })).types).toEqual([])
})

test("where the log wants signed acts, a type is added without a signature: it takes nothing away", async () => {
  const key = testKey("operator")
  await trail.setSetting("require-signed-acts", "on", key.text)
  expect((await trail.addType({ name: "unsigned", severity: "info" })).act).not.toBeNull()
  expect((await trail.verify()).verdict).toBe("intact")
})
