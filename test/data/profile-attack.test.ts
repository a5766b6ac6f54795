// Who may use a profile gets no further by it: not to the log's owner, not to the events of others, not to a view that nobody can read.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let reader: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  reader = await db.role()
  await trail.installProfile("memoric", { organization: "acme", readers: [reader.name] })
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, description, source)
     values ('secret', 'a.b', 'of another organization', 'memoric'), ('acme', 'a.b', 'of another system', 'other')`,
  )
  await db.query(
    "insert into audit_logs (event_type, timestamp, description) values ('auth.login', now(), 'his')",
  )
})
afterAll(() => db.drop())

test("a reader's own function sees no event of another organization or system, however cheap it is called", async () => {
  await trail.installProfile("agenttrace", { readers: [reader.name] })
  await trail.installProfile("audit-db", { readers: [reader.name] })
  const session = await reader.client()
  const seen: string[] = []
  session.on("notice", ({ message }) => seen.push(message ?? ""))
  await session.query(`create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001
    as $$ begin raise notice '%', $1; return true; end $$; set enable_indexscan = off; set enable_bitmapscan = off`)
  await session.query("select count(*) from audit_logs where pg_temp.leak(description)")
  await session.query("select count(*) from audit_log where pg_temp.leak(outcome_description)")
  await session.query("select count(*) from audit_events where pg_temp.leak(resource_name)")
  await session.query("select count(*) from audit_events_chain where pg_temp.leak(resource_name)")
  expect(seen).toEqual(["his"])
  // The log's own view of one organization promises the same, and every view of a profile that anybody but the owner may read.
  const open = await db.query(
    `select relname::text as name from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
       and reloptions is distinct from array['security_barrier=true'] and exists (select from aclexplode(relacl) a where a.grantee <> relowner)`,
  )
  expect(open).toEqual([])
})

test("a schema of a role that could replace what runs there with the owner's rights is refused, with what to do", async () => {
  const stranger = await db.role()
  await db.query(`create schema his authorization "${stranger.name}"`)
  const options = { schema: "his", organization: "his" }
  await expect(trail.installProfile("ai-firewall", options)).rejects.toMatchObject({
    code: "privilege",
    message: `schema his belongs to ${stranger.name}, who could replace what runs there with the rights of the log's owner`,
    hint: expect.stringContaining("alter schema his owner to pgtrail_owner"),
  })
  await db.query("alter schema his owner to pgtrail_owner")
  await trail.installProfile("ai-firewall", options)
  await trail.removeProfile("ai-firewall", { schema: "his", tables: true, confirm: "his" })
  await db.query("drop schema his")
})

test("what somebody else made and marked as a profile's own is not taken for it", async () => {
  const stranger = await db.role()
  await db.query(`create schema marked; grant usage, create on schema marked to "${stranger.name}"`)
  await db.asRole(stranger.name, (session) =>
    session.query(
      "create table marked.error_aggregation (id text); comment on table marked.error_aggregation is 'pgtrail profile audit-db'",
    ),
  )
  await expect(trail.installProfile("audit-db", { schema: "marked" })).rejects.toMatchObject({
    code: "exists",
    message: expect.stringContaining("marked.error_aggregation is there already"),
  })
  await db.query("drop schema marked cascade")
})

test("no event that somebody appends as audit-db's makes its view unreadable", async () => {
  const times = [
    "2024-02-30T00:00:00+00",
    "2024-13-45T99:99:99+00",
    "0000-01-01T00:00:00+00",
    "2024-01-01T::+1",
    "x",
  ]
  const good = ["2024-02-29T23:59:59.999999+05:30", "9998-12-31T00:00:00-14:59:59"]
  for (const at of [...times, ...good]) {
    await trail.append({
      organization_id: "acme",
      event_type: "x.y",
      source: "audit-db",
      details: { pgtrail_kept: ["archived_at"], archived_at: at },
    })
  }
  expect(
    await db.query(
      "select extract(epoch from archived_at)::text as at from audit_log where action = 'x.y' and archived_at < '9000-01-01Z' order by 1",
    ),
  ).toEqual([
    // PostgreSQL takes a thirtieth of February for the first of March: the view stays readable, and that is all.
    { at: "1709231399.999999" },
    { at: "1709251200.000000" },
  ])
  expect(
    await db.query("select count(*) from audit_log where action = 'x.y' and archived_at is null"),
  ).toEqual([{ count: "4" }])
})

test("backslashes that a client has otherwise change nothing of what is checked", async () => {
  const session = await db.client()
  await session.query(
    "set standard_conforming_strings = off; set escape_string_warning = off; set timezone = 'UTC'",
  )
  await db.query("create schema firewall")
  await trail.installProfile("ai-firewall", { schema: "firewall", organization: "acme" })
  await session.query(
    `insert into firewall.users (username, email, hashed_password) values ('a', 'a@example.org', '$2b$12$abcdefghijklmnopqrstuv')`,
  )
  const entry = `insert into firewall.log_entries (device_id, user_id, tool_name, tool_type, risk_level, prompt_length, log_metadata)
    values ('d', 'u', 't', 'web', 'green', 1, '{"a text": 1}')`
  await session.query(entry)
  await expect(session.query(entry.replace("a text", "text"))).rejects.toMatchObject({ code: "23514" })
})

test("a table that a removed profile leaves can be written, and has nothing of the profile", async () => {
  await trail.removeProfile("audit-db")
  await db.query("create schema left_over")
  await trail.installProfile("audit-db", { schema: "left_over" })
  await trail.removeProfile("audit-db", { schema: "left_over" })
  await db.query("insert into left_over.audit_preset (name, organization_id, action) values ('n', 'o', 'a')")
  const code = await db.query(
    "select proname::text as name from pg_proc where pronamespace = 'left_over'::regnamespace",
  )
  expect(code).toEqual([])
  await trail.installProfile("audit-db", { schema: "left_over" })
})

test("a reader of one organization is not given a view of all", async () => {
  const bound = await db.role()
  await trail.grant({ right: "reader", role: bound.name, organizations: ["acme"] })
  await expect(trail.installProfile("agenttrace", { readers: [bound.name] })).rejects.toMatchObject({
    code: "privilege",
    message: `${bound.name} reads the events of one organization, and this view has those of all`,
  })
})

test("what was changed by hand shows, and a view that cannot be made anew says what to drop", async () => {
  await trail.removeProfile("agenttrace")
  await db.query("create schema touched")
  await trail.installProfile("agenttrace", { schema: "touched" })
  await db.query("alter view touched.audit_events reset (security_barrier)")
  const state = async (name: string) =>
    (await trail.profile("agenttrace", "touched")).installed[0]?.objects.find(
      (object) => object.name === name,
    )?.state
  expect(await state("audit_events")).toBe("changed")
  await trail.installProfile("agenttrace", { schema: "touched" })
  expect(await state("audit_events")).toBe("as installed")
  const [view] = await db.query("select pg_get_viewdef('touched.audit_daily_summary'::regclass) as sql")
  await db.query(
    `create or replace view touched.audit_daily_summary as select s.*, 1 as further from (${view?.sql?.replace(/;$/, "")}) s`,
  )
  await expect(trail.installProfile("agenttrace", { schema: "touched" })).rejects.toMatchObject({
    code: "exists",
    hint: expect.stringContaining("drop view"),
  })
})

test("the commands that come next are for the schema and the organization of the installation", async () => {
  const { next } = await trail.profile("memoric")
  expect(next.at(-1)).toBe("pgtrail profile install memoric --org acme --writer ROLE")
  // As printed without --org, it stays what it is.
  expect((await trail.installProfile("memoric")).organization).toBe("acme")
  await db.query("create schema odd")
  const odd = await trail.installProfile("memoric", { schema: "odd", organization: "a$&b" })
  expect(odd.next.at(-1)).toBe("pgtrail profile install memoric --org 'a$&b' --schema odd --writer ROLE")
})
