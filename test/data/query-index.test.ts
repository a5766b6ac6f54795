// Every filter is written so that its index is used, on a partition that is large enough to need one.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { EventQuery } from "../../src/data/index.js"
import { prepareFilter } from "../../src/data/query/prepare.js"
import { boundViews, prepareBound, wholeLog } from "../../src/data/query/source.js"
import { segmentQuery } from "../../src/data/query/statement.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let bound: Role
beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2026-12-01Z', '2026-12-01Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, resource_type, resource_id, severity, outcome,
       request_id, correlation_id, session_id)
     select 'org' || i % 100, timestamptz '2026-12-01Z' + i * interval '1 minute', 'type.' || i % 200 || '.done', 'user' || i % 997,
       'kind' || i % 50, 'thing' || i % 1999, case when i % 300 = 0 then 'critical' else 'info' end, 'success',
       'request' || i / 3, 'correlation' || i / 9, 'session' || i / 40
     from generate_series(1, 20000) i`,
  )
  await db.query("analyze pgtrail.event")
  bound = await db.role()
  await (await db.trail()).grant({ right: "reader", role: bound.name, organizations: ["org3"] })
})
afterAll(() => db.drop())

/** The parents of the indexes that the plan uses, so that their names are those of the migration. */
async function indexes(query: EventQuery, as?: Role): Promise<string[]> {
  const segment = { since: "2026-12-01T00:00:00Z", until: "2027-01-01T00:00:00Z" }
  const client = await (as ?? db).client()
  const source = as === undefined ? wholeLog : boundViews
  if (as !== undefined) await prepareBound(client)
  const filter = await prepareFilter(client, query, source)
  const { sql, params } = segmentQuery(filter, segment, 101, undefined, source)
  const plan = await client.query<{ "QUERY PLAN": string }>(`explain ${sql}`, params)
  const lines = plan.rows.map((row) => row["QUERY PLAN"]).join("\n")
  expect(lines).not.toMatch(/Seq Scan on event|Subplans Removed/)
  const used = [...lines.matchAll(/(?:using|Bitmap Index Scan on) (\S+)/g)].map(
    ([, name]) => `pgtrail.${name}`,
  )
  const parents = await db.query(
    "select i.inhparent::regclass::text as name from unnest($1::regclass[]) u (index) join pg_inherits i on i.inhrelid = u.index",
    [used],
  )
  await client.end()
  return parents.map((row) => (row.name ?? "").replace("pgtrail.", ""))
}

const organization = "org3"
test.each<[string, EventQuery, string]>([
  ["an organization", { organization }, "event_organization"],
  ["an actor", { organization, actor: "user3" }, "event_actor"],
  ["a resource", { organization, resource: "kind3/thing3" }, "event_resource"],
  ["a resource's type", { organization, resource: "kind3" }, "event_resource"],
  ["a type", { organization, type: "type.3.done" }, "event_type"],
  ["the beginning of a type", { organization, type: "type.33.*" }, "event_type"],
  ["critical events", { organization, severity: "critical" }, "event_critical"],
  ["an outcome", { organization, outcome: "success" }, "event_organization"],
  ["one of several actors", { organization, actor: ["user3", "user7"] }, "event_actor"],
  ["a request", { organization, request: "request77" }, "event_request"],
  ["a correlation", { organization, correlation: "correlation77" }, "event_correlation"],
  ["a session", { organization, session: "session77" }, "event_session"],
  ["no actor of that id", { organization, not: { actor: "user3" } }, "event_organization"],
  ["nothing", {}, "event_time"],
  ["a severity of any organization", { severity: "info" }, "event_time"],
  ["an outcome of any organization", { outcome: "success" }, "event_time"],
  ["a common type of any organization", { type: "type.*" }, "event_time"],
])("%s", async (_, query, index) => {
  expect(await indexes(query)).toEqual([index])
})

test.each<[string, EventQuery, string]>([
  ["an organization", { organization }, "event_organization"],
  ["an actor", { organization, actor: "user3" }, "event_actor"],
  ["a resource", { organization, resource: "kind3/thing3" }, "event_resource"],
  ["a type", { organization, type: "type.3.done" }, "event_type"],
  // Events of several types do not stand in the order of time in event_type, and a barrier lets nobody choose by the size of a page.
  ["the beginning of a type", { organization, type: "type.33.*" }, "event_organization"],
  ["critical events", { organization, severity: "critical" }, "event_critical"],
  ["nothing", {}, "event_time"],
])("%s, through the barrier of a reader of one organization", async (_, query, index) => {
  expect(await indexes(query, bound)).toEqual([index])
})

test("the one organization that a reader is bound to is found, and asked for", async () => {
  const client = await bound.client()
  expect(await prepareBound(client)).toBe(organization)
  await client.end()
})

test.each<[string, EventQuery]>([
  ["an actor", { actor: "user3" }],
  ["one of several actors", { actor: ["user3", "user7"] }],
  ["a resource", { resource: "kind3/thing3" }],
  ["one of several resources", { resource: ["kind3/thing3", "kind4/thing4"] }],
  ["a type", { type: "type.3.done" }],
  ["a request", { request: "request77" }],
  ["a correlation", { correlation: "correlation77" }],
  ["a session", { session: "session77" }],
  ["critical events", { severity: "critical" }],
])("%s of any organization asks an index for each organization, and reads no partition", async (_, query) => {
  const used = await indexes(query)
  expect(used.length).toBeGreaterThan(0)
  expect(used).not.toContain("event_time")
})

test("a role that may read the events and nothing else asks by actor all the same", async () => {
  const role = await db.role()
  await db.query(`grant usage on schema pgtrail to "${role.name}"`)
  await db.query(`grant select on pgtrail.event to "${role.name}"`)
  expect(await (await db.trail({ url: role.url })).count({ actor: "user3" })).toBe("21")
})

test("a value longer than its index finds its events, and no others that begin the same", async () => {
  const long = "é".repeat(400)
  await db.query(
    `insert into pgtrail.event (event_type, actor_id, resource_type, resource_id)
     select $1 || n, $1 || n, $1 || n, $1 || n from unnest(array['a', 'b']) n`,
    [long],
  )
  const trail = await db.trail()
  const value = `${long}b`
  for (const query of [
    { type: value },
    { type: `${long}*b` },
    { type: "é*b" },
    { actor: value },
    { resource: `${value}/${value}` },
  ]) {
    const found: (string | null | undefined)[] = []
    for await (const row of await trail.query({ ...query, columns: ["actor_id"] })) found.push(row.actor_id)
    expect(found).toEqual([value])
  }
})
