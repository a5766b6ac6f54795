// What one actor did, told without reading more than the index of actors gives, and equal to counting by hand.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { describeActor } from "../../src/data/investigate/describe-actor.js"
import { prepareWalk } from "../../src/data/query/prepare.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2026-01-01', '2026-07-01')")
  // Through all partitions and the DEFAULT one; sessions and addresses that begin in one month and end in another.
  await db.query(`insert into pgtrail.event (organization_id, event_type, outcome, actor_id, actor_name, actor_email, actor_type, actor_role,
      ip_address, session_id, device_id, occurred_at)
    select case when i % 10 = 0 then 'globex' else 'acme' end, (array['doc.read', 'doc.update', 'auth.login'])[1 + i % 3],
      case when i % 7 = 0 then 'denied' else 'success' end, 'u' || i % 2, case when i < 100 then 'Ada' else 'Ada Lovelace' end,
      'ada@example.org', 'user', case when i % 5 = 0 then 'admin' end, ('10.0.0.' || i % 4)::inet, 's' || i / 40, null,
      timestamptz '2025-12-20Z' + i * interval '11 hours'
    from generate_series(1, 400) i`)
  await db.query(`insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at) values
    ('acme', 'x', 'timeless', 'infinity'), ('acme', 'x', 'timeless', '0044-03-15Z BC'), ('acme', 'y', 'timeless', '-infinity')`)
  await db.query("analyze pgtrail.event")
})
afterAll(() => db.drop())

const byHand = (column: string) =>
  db.query(`select value, count(*) as events, to_char(min(at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as first_event,
      to_char(max(at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as last_event
    from (select ${column} as value, occurred_at at time zone 'UTC' as at from pgtrail.event where actor_id = 'u1' and organization_id = 'acme') e
    where value is not null group by 1 order by max(at) desc, 1`)

test("names, roles, outcomes, addresses and sessions are counted over all partitions, those that were seen last first", async () => {
  const shown = await trail.actor("u1", { organization: "acme" })
  expect(shown.sessions.length).toBeGreaterThan(5)
  expect(shown).toMatchObject({
    actor_id: "u1",
    organizations: await byHand("organization_id"),
    names: await byHand("actor_name"),
    emails: await byHand("actor_email"),
    types: await byHand("actor_type"),
    roles: await byHand("actor_role"),
    outcomes: await byHand("outcome"),
    addresses: await byHand("abbrev(ip_address)"),
    sessions: await byHand("session_id"),
    devices: [],
    cut: [],
  })
  const timeline =
    await db.query(`select to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD') as day, event_type, count(*) as events
    from pgtrail.event where actor_id = 'u1' and organization_id = 'acme' group by 1, 2 order by 1 desc, 3 desc, 2`)
  const order = (lines: readonly object[]) => lines.map((line) => JSON.stringify(line)).sort()
  expect(order(shown.timeline)).toEqual(order(timeline))
  expect(shown.timeline.map(({ day }) => day)).toEqual(timeline.map(({ day }) => day))
  const [whole] = await byHand("organization_id")
  expect(shown).toMatchObject({
    events: whole?.events,
    first_event: whole?.first_event,
    last_event: whole?.last_event,
  })
})

test("without an organization all are told, with how much each has; a period is kept", async () => {
  const everywhere = await trail.actor("u0")
  expect(everywhere.organizations.map(({ value }) => value).sort()).toEqual(["acme", "globex"])
  expect(everywhere.events).toBe("200")
  const march = await trail.actor("u0", { since: "2026-03-01T00:00:00Z", until: "2026-04-01T00:00:00Z" })
  expect(march.timeline.every(({ day }) => day.startsWith("2026-03"))).toBe(true)
  const [counted] = await db.query(
    "select count(*) from pgtrail.event where actor_id = 'u0' and occurred_at >= '2026-03-01Z' and occurred_at < '2026-04-01Z'",
  )
  expect(march.events).toBe(counted?.count)
})

test("an actor whom no event names is not found, and the message says whether a time was given", async () => {
  expect((await failureOf(trail.actor("nobody"))).message).toBe('no event is by the actor "nobody"')
  const error = await failureOf(trail.actor("u1", { since: "2030-01-01T00:00:00Z" }))
  expect(error).toMatchObject({ code: "not-found", message: 'no event is by the actor "u1" in that time' })
  expect((await failureOf(trail.actor("u1", { organization: "acme'; drop schema pgtrail --" }))).code).toBe(
    "not-found",
  )
  expect((await failureOf(trail.actor("x\0"))).code).toBe("usage")
})

test("times beyond every calendar are days of their own", async () => {
  const shown = await trail.actor("timeless", { organization: "acme" })
  expect(shown.timeline.map(({ day }) => day)).toEqual(["infinity", "0044-03-15 BC", "-infinity"])
  expect(shown).toMatchObject({ first_event: "-infinity", last_event: "infinity" })
})

test("of what has more values than are told the newest are, with all their events, and that it is cut is said", async () => {
  await db.query(`insert into pgtrail.event (organization_id, event_type, actor_id, session_id, occurred_at)
    select 'acme', 'call', 'service', 's' || i, timestamptz '2026-02-10Z' + i * interval '1 minute' from generate_series(1, 3000) i
    union all select 'acme', 'call', 'service', 's' || i, timestamptz '2026-01-10Z' + i * interval '1 minute' from generate_series(1, 3000) i`)
  const shown = await trail.actor("service", { organization: "acme" })
  expect(shown.cut).toEqual(["sessions"])
  expect(shown.sessions).toHaveLength(1000)
  // Those of February's last thousand, though January's last thousand are the same ones.
  expect(shown.sessions[0]).toMatchObject({ value: "s3000", events: "2" })
  expect(new Set(shown.sessions.map(({ events }) => events))).toEqual(new Set(["2"]))
  expect(shown.events).toBe("6000")
  expect(describeActor(shown)).toContain(
    "of sessions there is more than is told: narrow the time with --since and --until",
  )
})

test("what an event holds cannot steer the terminal of who reads the text, nor fill it", async () => {
  const evil = "evil\u001b[2J\u202e\n\r\tname"
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id, actor_name, session_id) values ('acme', $1, $2, $3, $4)",
    [evil, evil, "x".repeat(100_000), "\u200b'; drop schema pgtrail; --"],
  )
  const shown = await trail.actor(evil, { organization: "acme" })
  expect(shown.names[0]?.value).toHaveLength(100_000)
  const text = describeActor(shown)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e\u200b]/)
  expect(text.split("\n").every((line) => line.length < 400)).toBe(true)
  expect(text.split("\n")).toHaveLength(13)
})

test("each partition is asked by the index of actors", async () => {
  const client = await db.client()
  await client.query("load 'auto_explain'")
  const plans: string[] = []
  client.on("notice", ({ message }) => plans.push(message ?? ""))
  await client.query(
    "set auto_explain.log_min_duration = 0; set client_min_messages = log; set datestyle = 'ISO'; set timezone = 'UTC'; set enable_seqscan = off",
  )
  const { showActor } = await import("../../src/data/investigate/actor.js")
  await showActor({ client, ...(await prepareWalk(client, { actor: "u1", organization: "acme" })) }, "u1")
  const counting = plans.filter((plan) => plan.includes("grouping sets"))
  const scans = counting.flatMap(
    (plan) => plan.match(/(Seq|Index|Index Only|Bitmap Heap) Scan .*on event_.*/g) ?? [],
  )
  const conditions = counting.flatMap(
    (plan) => plan.match(/Index Cond: .*"left\\?"\(actor_id, 300\) = 'u1'/g) ?? [],
  )
  expect(scans.length).toBeGreaterThan(6)
  expect(conditions.length).toBe(scans.length)
})

test("actors are listed by organization, the busiest first, with the name that all their events have", async () => {
  const period = { since: "2026-01-01T00:00:00Z", until: "2026-07-01T00:00:00Z" }
  const listed = await trail.actors({ ...period, actorName: "Ada*", limit: 3 })
  const byCount =
    await db.query(`select organization_id, actor_id, count(*) as events, count(*) filter (where outcome = 'denied') as failed
    from pgtrail.event where occurred_at >= '2026-01-01Z' and occurred_at < '2026-07-01Z' and actor_name like 'Ada%' group by 1, 2 order by 3 desc, 1, 2`)
  expect(listed.rows).toMatchObject(byCount.slice(0, 3))
  expect(listed).toMatchObject({
    groups: String(byCount.length),
    rows: [{ actor_name: null, actor_type: "user" }, {}, {}],
  })
  expect((await trail.actors({ ...period, limit: 0, organization: "acme" })).rows).toEqual([])
  const named = await trail.actors({
    since: "2026-04-01T00:00:00Z",
    until: "2026-05-01T00:00:00Z",
    organization: "acme",
  })
  expect(named.rows[0]).toMatchObject({ actor_name: "Ada Lovelace" })
})

test("a reader of one organization is told of his own alone", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
  const his = await db.trail({ url: role.url })
  const [counted] = await db.query(
    "select count(*) from pgtrail.event where actor_id = 'u0' and organization_id = 'globex'",
  )
  expect(await his.actor("u0")).toMatchObject({
    events: counted?.count,
    organizations: [{ value: "globex" }],
  })
  expect((await failureOf(his.actor("u1", { organization: "acme" }))).code).toBe("not-found")
  expect((await his.actors()).rows.map((row) => row.organization_id)).toEqual(["globex"])
})
