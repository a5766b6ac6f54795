// What a security officer is told: what failed, by whom and from where, and brute force, compared with counting every window by hand.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { describeSecurity } from "../../src/data/investigate/describe-security.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

const append = (organization: string, rows: readonly Readonly<Record<string, string>>[]) =>
  trail.append(rows.map((row) => ({ organization_id: organization, event_type: "x", ...row })))
const on = (day: string) => ({ since: `${day}T00:00:00Z`, until: `${day}T23:59:59Z` })

test("failed, denied and critical events and those of security are told by actor, address, type and resource", async () => {
  const at = { occurred_at: "2026-05-01T12:00:00Z" }
  await append("acme", [
    {
      ...at,
      outcome: "failure",
      actor_id: "u1",
      ip_address: "10.0.0.1",
      resource_type: "file",
      resource_id: "1",
    },
    {
      ...at,
      outcome: "error",
      actor_id: "u1",
      ip_address: "10.0.0.1",
      resource_type: "file",
      resource_id: "2",
    },
    { ...at, outcome: "denied", actor_id: "u1", ip_address: "10.0.0.2" },
    { ...at, event_type: "authz.access.denied", actor_id: "u2", resource_type: "file" },
    { ...at, event_type: "security.suspicious.activity", severity: "critical" },
    { ...at, category: "security", actor_id: "u2" },
    { ...at, event_type: "auth.login.failed", actor_id: "u3" },
    { ...at, actor_id: "u4" },
    { ...at, event_type: "securityless", outcome: "attempt", severity: "error", actor_id: "u4" },
  ])
  await append("globex", [{ ...at, outcome: "denied", actor_id: "u1", ip_address: "10.0.0.1" }])
  const report = await trail.security(on("2026-05-01"))
  expect(report).toMatchObject({ events: "8", failed: "3", denied: "3", critical: "1", security: "2" })
  expect(report.affected).toEqual({ actors: "4", addresses: "2", types: "4", resources: "3" })
  expect(
    report.actors.map(
      ({ organization_id: organization, value, events }) => `${organization}/${value} ${events}`,
    ),
  ).toEqual(["acme/u1 3", "acme/u2 2", "acme/u3 1", "globex/u1 1"])
  expect(report.actors[0]).toEqual({
    ...{
      organization_id: "acme",
      value: "u1",
      events: "3",
      failed: "2",
      denied: "1",
      critical: "0",
      security: "0",
    },
    last_event: "2026-05-01T12:00:00.000000Z",
  })
  // Whoever attacks from an address may try several organizations.
  expect(report.addresses[0]).toMatchObject({ value: "10.0.0.1", organization_id: null, events: "3" })
  expect(report.resources.map(({ value }) => value)).toEqual(["file", "file/1", "file/2"])
  expect(report.brute_force).toEqual([])
  const acme = await trail.security({ ...on("2026-05-01"), organization: "acme", top: 1 })
  expect(acme).toMatchObject({ events: "7", affected: { actors: "3" }, actors: [{ value: "u1" }] })
  expect(describeSecurity(acme)).toContain("and 2 more: --limit all")
  const none = await trail.security({ ...on("2026-05-01"), top: 0 })
  expect([none.actors, none.affected.actors]).toEqual([[], "4"])
  const all = await trail.security({ ...on("2026-05-01"), top: Number.POSITIVE_INFINITY })
  expect(String(all.actors.length)).toBe(all.affected.actors)
  const [one] = all.actors
  const long = { ...all, actors: Array.from({ length: 200_000 }, () => one).flatMap((of) => of ?? []) }
  expect(describeSecurity(long).split("\n").length).toBeGreaterThan(200_000)
})

test("nothing to report is said in so many words", async () => {
  const report = await trail.security(on("2019-01-01"))
  expect(report).toMatchObject({ events: "0", actors: [], brute_force: [], affected: { resources: "0" } })
  expect(describeSecurity(report)).toBe("nothing failed, was denied, is critical or of category security")
})

test("more than ten authentication failures within any hour are brute force, however they lie to the full hour, and ten are none", async () => {
  const failures = (actor: string, many: number, every: number) =>
    Array.from({ length: many }, (_, i) => ({
      event_type: "auth.login.failed",
      outcome: "failure",
      actor_id: actor,
      occurred_at: new Date(Date.UTC(2026, 5, 1, 9, 30) + i * every * 1000).toISOString(),
    }))
  // 9:30 to 10:30, five in each hour of the clock and one at its end; ten of eleven; eleven in an hour and a second.
  await append("acme", [
    ...failures("over", 11, 360),
    ...failures("ten", 10, 60),
    ...failures("slow", 11, 360.1),
  ])
  const { brute_force: found } = await trail.security(on("2026-06-01"))
  expect(found).toEqual([
    {
      ...{
        of: "actor",
        organization_id: "acme",
        value: "over",
        failures: "11",
        peak: "11",
        others: "0",
        organizations: "1",
      },
      from: "2026-06-01T09:30:00.000000Z",
      to: "2026-06-01T10:30:00.000000Z",
    },
  ])
  const lower = await trail.security({ ...on("2026-06-01"), threshold: 9 })
  expect(lower.brute_force.map(({ value, peak }) => `${value} ${peak}`)).toEqual([
    "over 11",
    "slow 10",
    "ten 10",
  ])
  const narrow = await trail.security({ ...on("2026-06-01"), windowMs: 540_000, threshold: 9 })
  expect(narrow.brute_force).toMatchObject([{ value: "ten", peak: "10" }])
})

test("what is authentication, and that it failed, is read from category, type and outcome", async () => {
  const kinds: readonly (readonly [counts: boolean, event: Readonly<Record<string, string>>])[] = [
    [true, { event_type: "user.login", outcome: "failure" }],
    [true, { event_type: "AUTH_LOGIN_FAILED" }],
    [true, { event_type: "auth.token.invalid" }],
    [true, { event_type: "check", category: "authentication", outcome: "denied" }],
    [true, { event_type: "check", category: "auth", outcome: "error" }],
    [true, { event_type: "sso:sign_in", outcome: "error" }],
    [false, { event_type: "auth.login.success" }],
    [false, { event_type: "authz.access.denied", outcome: "denied" }],
    [false, { event_type: "author.created", outcome: "failure" }],
    [false, { event_type: "blogindex.read", outcome: "failure" }],
    [false, { event_type: "auth.logout", outcome: "attempt" }],
  ]
  for (const [i, [, event]] of kinds.entries()) {
    await append("acme", [{ occurred_at: "2026-06-02T10:00:00Z", ip_address: `10.1.0.${i}`, ...event }])
  }
  const { brute_force: found } = await trail.security({ ...on("2026-06-02"), threshold: 0 })
  expect(found.map(({ value }) => value).sort()).toEqual(
    kinds.flatMap(([counts], i) => (counts ? [`10.1.0.${i}`] : [])).sort(),
  )
})

test("the peak of every actor and address is that of all windows counted one by one, also where events share a moment", async () => {
  await db.query(`insert into pgtrail.event (organization_id, event_type, outcome, actor_id, ip_address, occurred_at)
    select 'o' || (i / 5) % 2, 'auth.login', 'failure', nullif('a' || (i * 7919) % 5, 'a4'), ('10.2.0.' || (i * 31) % 4)::inet,
      timestamptz '2026-06-03Z' + ((i::bigint * i * 48271) % 2000) * interval '37 seconds'
    from generate_series(1, 400) i`)
  const period = { since: "2026-06-03T00:00:00Z", until: "2026-06-05T00:00:00Z" }
  const { brute_force: found } = await trail.security({ ...period, threshold: 4, windowMs: 1_200_000 })
  const byHand =
    await db.query(`with f as (select * from pgtrail.event where occurred_at >= '2026-06-03Z' and occurred_at < '2026-06-05Z')
    select 'actor' as of, a.organization_id, a.actor_id as value, max(n.n) as peak from f a, lateral (select count(*) as n from f b
      where b.organization_id = a.organization_id and b.actor_id = a.actor_id
        and b.occurred_at between a.occurred_at - interval '20 minutes' and a.occurred_at) n
    where a.actor_id is not null group by 1, 2, 3 having max(n.n) > 4
    union all
    select 'address', null, abbrev(a.ip_address), max(n.n) from f a, lateral (select count(*) as n from f b
      where b.ip_address = a.ip_address and b.occurred_at between a.occurred_at - interval '20 minutes' and a.occurred_at) n
    group by 1, 2, 3 having max(n.n) > 4`)
  expect(byHand.length).toBeGreaterThan(5)
  const line = (row: Readonly<Record<string, unknown>>) =>
    [row.of, row.organization_id, row.value, row.peak].join(" ")
  expect(found.map((row) => line({ ...row })).sort()).toEqual(byHand.map(line).sort())
  expect(found.filter(({ of }) => of === "address")).toMatchObject(
    found.flatMap(({ of }) => (of === "address" ? [{ organizations: "2", others: "4" }] : [])),
  )
})

test("a reader of one organization is told nothing of the others, not of their addresses either", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  const his = await db.trail({ url: role.url })
  const report = await his.security({ since: "2026-05-01T00:00:00Z", threshold: 0 })
  expect(report).toMatchObject({
    events: "1",
    affected: { addresses: "1" },
    addresses: [{ value: "10.0.0.1", events: "1" }],
    brute_force: [],
  })
})

test("what an event holds cannot steer the terminal of who reads the report", async () => {
  const evil = "\u001b[2J\u202e\nname"
  await append("acme", [
    {
      occurred_at: "2026-06-09T10:00:00Z",
      outcome: "denied",
      event_type: `auth.${evil}`,
      actor_id: evil,
      resource_type: evil,
      resource_id: evil,
    },
  ])
  const text = describeSecurity(await trail.security({ ...on("2026-06-09"), threshold: 0 }))
  expect(text).toContain("acme/\\x1b[2J\\u202e\\nname")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
})
