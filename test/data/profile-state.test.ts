// What a profile's state tells: tables, rights and roles too, to whoever may read the acts.
import { afterAll, beforeAll, expect, test } from "vitest"
import { cures } from "../../src/cli/profile-state.js"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let writer: Role
let reader: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  writer = await db.role()
  reader = await db.role()
  for (const schema of ["fw", "mem", "private", "before"]) await db.query(`create schema ${schema}`)
})
afterAll(() => db.drop())

/** By name, what differs of each object that is not as installed. */
async function odd(name: string, schema: string): Promise<Record<string, readonly string[]>> {
  const { installed } = await trail.profile(name, schema)
  return Object.fromEntries(
    (installed[0]?.objects ?? [])
      .filter(({ state }) => state !== "as installed")
      .map((object) => [object.name, [object.state, ...object.differs]]),
  )
}

test("what somebody took from a table, or granted on anything, shows, each by its name, and stays told when the profile is installed again", async () => {
  await trail.installProfile("ai-firewall", { schema: "fw", writers: [writer.name], readers: [reader.name] })
  expect(await odd("ai-firewall", "fw")).toEqual({})
  await db.query(`alter table fw.firewall_configs drop constraint firewall_configs_log_retention_days_check;
    alter table fw.users drop column full_name; alter table fw.users alter username drop not null; alter table fw.users add mine text;
    drop index fw.ix_users_email;
    alter table fw.users disable trigger pgtrail_check;
    grant select on fw.users to public; grant select (email) on fw.users to "${reader.name}";
    grant execute on function fw.pgtrail_users_check() to public;
    grant update on fw.log_entries to "${reader.name}"; revoke insert on fw.devices from "${writer.name}"`)
  expect(await odd("ai-firewall", "fw")).toEqual({
    firewall_configs: ["changed", "constraint firewall_configs_log_retention_days_check missing"],
    users: [
      "changed",
      "column full_name missing",
      "column mine added",
      "column username changed",
      "trigger pgtrail_check changed",
      "unique index ix_users_email missing",
      `SELECT (email) granted to ${reader.name}`,
      "SELECT granted to public",
    ],
    pgtrail_users_check: ["changed", "EXECUTE granted to public"],
    log_entries: ["changed", `UPDATE granted to ${reader.name}`],
    devices: ["changed", `${writer.name} has lost INSERT`],
  })
  const [state] = (await trail.profile("ai-firewall", "fw")).installed
  const said = state === undefined ? [] : cures(state)
  expect(said[0]).toBe(
    `something is not as it was installed; to make it anew: pgtrail profile install ai-firewall --schema fw --writer ${writer.name}`,
  )
  expect(said).toContain("not granted by pgtrail; to take it away: revoke SELECT on fw.users from public")

  // Made anew are functions, views and triggers; what was added is taken in; what was taken away, and what was granted, is told.
  const { objects } = await trail.installProfile("ai-firewall", { schema: "fw", writers: [writer.name] })
  const left = {
    firewall_configs: ["constraint firewall_configs_log_retention_days_check missing"],
    log_entries: [`UPDATE granted to ${reader.name}`],
  }
  for (const [name, differs] of Object.entries(left))
    expect(objects.find((object) => object.name === name)?.differs).toEqual(differs)
  const after = await odd("ai-firewall", "fw")
  expect(after.devices).toBeUndefined()
  expect(after.pgtrail_users_check).toBeUndefined()
  expect(after.firewall_configs).toEqual(["changed", ...left.firewall_configs])
  expect(after.users).not.toContain("column mine added")
  expect(after.users).toContain("column full_name missing")
  // Also when it was away meanwhile.
  await trail.removeProfile("ai-firewall", { schema: "fw" })
  await trail.installProfile("ai-firewall", { schema: "fw" })
  expect((await odd("ai-firewall", "fw")).firewall_configs).toEqual(["changed", ...left.firewall_configs])

  await db.query(`alter table fw.firewall_configs add constraint firewall_configs_log_retention_days_check check (log_retention_days between 30 and 365);
    alter table fw.users add full_name varchar; alter table fw.users alter username set not null; revoke select on fw.users from public;
    revoke select (email) on fw.users from "${reader.name}"`)
  await trail.installProfile("ai-firewall", { schema: "fw", writers: [writer.name], readers: [reader.name] })
  expect(await odd("ai-firewall", "fw")).toEqual({})
})

test("who wrote and read before a view was dropped does so again when it is made anew, and not what was taken from him", async () => {
  await trail.installProfile("memoric", {
    schema: "mem",
    organization: "acme",
    writers: [writer.name],
    readers: [reader.name],
  })
  await trail.installProfile("memoric", { schema: "mem" })
  await db.query(
    `drop view mem.audit_logs cascade; revoke usage on sequence mem.audit_logs_id_seq from "${writer.name}"`,
  )
  expect((await odd("memoric", "mem")).audit_logs).toEqual(["missing"])
  await trail.installProfile("memoric", { schema: "mem", organization: "acme" })
  expect(await odd("memoric", "mem")).toEqual({
    audit_logs_id_seq: ["changed", `${writer.name} has lost USAGE`],
  })
  await db.query(`grant usage on sequence mem.audit_logs_id_seq to "${writer.name}"`)
  expect(await odd("memoric", "mem")).toEqual({})
  await db.asRole(writer.name, async (client) => {
    await client.query("set timezone = 'UTC'")
    await client.query(
      "insert into mem.audit_logs (event_type, timestamp) values ('auth.login', now()) returning id",
    )
  })
  await db.asRole(reader.name, async (client) => {
    expect((await client.query("select event_type from mem.audit_logs")).rows).toHaveLength(1)
  })
  await db.query("drop schema mem cascade; create schema mem")
  await trail.installProfile("memoric", { schema: "mem" })
  await db.asRole(reader.name, async (client) => {
    expect((await client.query("select event_type from mem.audit_logs")).rows).toHaveLength(1)
  })
})

test("whoever may read the acts is told of a profile in a schema that he may not look into", async () => {
  await trail.installProfile("agenttrace", { schema: "private" })
  for (const group of ["pgtrail_auditor", "pgtrail_operator", "pgtrail_privacy"]) {
    const other = await db.role({ memberOf: [group] })
    const theirs = await db.trail({ url: other.url })
    const { installed } = await theirs.profile("agenttrace")
    expect(installed[0]?.schema).toBe("private")
    expect(installed[0]?.objects.filter(({ state }) => state !== "as installed")).toEqual([])
    expect((await theirs.profiles()).find(({ name }) => name === "agenttrace")?.installed).toBe(true)
  }
})

test("what an earlier pgtrail installed is compared by what its act says, and is not taken for changed", async () => {
  await trail.installProfile("mem0", { schema: "before", organization: "before", readers: [reader.name] })
  await db.query(`grant select on before.audit_logs to "${writer.name}"`)
  // As acts were: one digest of each object, and nothing else.
  const [old] =
    await db.query(`select jsonb_object_agg(o.name, encode(sha256(convert_to(o.said, 'UTF8')), 'hex'))::text as objects from (
      select 'audit_logs' as name, concat_ws(E'\\n', pg_get_viewdef(c.oid), c.relkind, pg_get_userbyid(c.relowner),
          (select string_agg(concat_ws(' ', g.tgname, g.tgfoid::regprocedure, g.tgtype, g.tgenabled), '; ' order by g.tgname) from pg_trigger g where g.tgrelid = c.oid),
          array_to_string(c.reloptions, ' '),
          (select string_agg(concat_ws(' ', d.adnum, pg_get_expr(d.adbin, d.adrelid)), '; ' order by d.adnum) from pg_attrdef d where d.adrelid = c.oid)) as said
      from pg_class c where c.oid = 'before.audit_logs'::regclass
      union all
      select p.proname, concat_ws(E'\\n', pg_get_userbyid(p.proowner), p.prosrc, p.prosecdef, array_to_string(p.proconfig, '; '))
      from pg_proc p where p.pronamespace = 'before'::regnamespace) o`)
  await db.query(
    `select pgtrail.record_act('profile', jsonb_build_object('action', 'install', 'profile', 'mem0', 'schema', 'before', 'organization', 'before', 'definition', 'x',
       'writers', '[]'::jsonb, 'readers', '[]'::jsonb, 'objects', $1::jsonb))`,
    [old?.objects ?? null],
  )
  expect(await odd("mem0", "before")).toEqual({})
  await db.query("alter view before.audit_logs alter column user_id set default 'x'")
  expect(await odd("mem0", "before")).toEqual({ audit_logs: ["changed"] })
  await trail.installProfile("mem0", { schema: "before" })
  expect(await odd("mem0", "before")).toEqual({
    audit_logs: ["changed", `SELECT granted to ${writer.name}`],
  })
})

test("a function that an earlier pgtrail made with other arguments is made anew with its rights, and none of the two is left by a removal", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  const one = await own.role()
  await other.installProfile("mem0", { writers: [one.name] })
  const make = `create function pgtrail_mem0_visible(text) returns boolean language sql return true;
    alter function pgtrail_mem0_visible(text) owner to pgtrail_owner; comment on function pgtrail_mem0_visible(text) is 'pgtrail profile mem0'`
  await own.query(`drop view audit_logs; ${make};
    do $$ begin execute (select 'drop function ' || p.oid::regprocedure from pg_proc p where p.proname = 'pgtrail_mem0_visible' and p.pronargs > 1); end $$`)
  expect((await other.profile("mem0")).installed[0]?.objects).toContainEqual({
    name: "pgtrail_mem0_visible",
    kind: "function",
    state: "missing",
    differs: [],
  })
  await other.installProfile("mem0")
  expect(
    (await other.profile("mem0")).installed[0]?.objects.every(({ state }) => state === "as installed"),
  ).toBe(true)
  await own.asRole(one.name, (client) =>
    client.query(
      "insert into audit_logs (user_id, operation, action_result) values ('u', 'o', 'allowed') returning id",
    ),
  )
  const made = "select count(*) from pg_proc where proname = 'pgtrail_mem0_visible'"
  expect(await own.query(made)).toEqual([{ count: "1" }])
  await own.query(make)
  await other.removeProfile("mem0")
  expect(await own.query(made)).toEqual([{ count: "0" }])
  await own.drop()
})

test("a rule or a trigger that somebody put on a view is told, and stays told until it is gone", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  await other.installProfile("mem0")
  await own.query(`create rule swallow as on insert to audit_logs do instead nothing;
    create function mine() returns trigger language plpgsql as 'begin return null; end';
    create trigger mine instead of insert on audit_logs for each row execute function mine()`)
  const state = async () =>
    (await other.profile("mem0")).installed[0]?.objects.find(({ name }) => name === "audit_logs")
  const differs = ["rule swallow added", "trigger mine added"]
  expect(await state()).toMatchObject({ state: "changed", differs })
  const again = await other.installProfile("mem0")
  expect(again.objects.find(({ name }) => name === "audit_logs")).toMatchObject({
    state: "replaced",
    differs,
  })
  expect(await state()).toMatchObject({ state: "changed", differs })
  await own.query("drop rule swallow on audit_logs; drop trigger mine on audit_logs; drop function mine()")
  expect(await state()).toMatchObject({ state: "as installed" })
  await own.drop()
})

test("installing again for the same roles records nothing, and for a further role it does", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  const [one, two] = [await own.role(), await own.role()]
  const first = await other.installProfile("mem0", { writers: [one.name] })
  expect(first.act).not.toBeNull()
  expect((await other.installProfile("mem0", { writers: [one.name] })).act).toBeNull()
  expect(
    (await other.installProfile("mem0", { writers: [two.name], readers: [one.name] })).act,
  ).not.toBeNull()
  expect((await other.installProfile("mem0")).act).toBeNull()
  await own.query(`revoke insert on audit_logs from "${one.name}"`)
  expect((await other.installProfile("mem0")).act).toBeNull()
  expect((await other.installProfile("mem0", { writers: [one.name] })).act).not.toBeNull()
  expect((await other.profile("mem0")).installed[0]).toMatchObject({
    writers: [one.name, two.name].toSorted(),
    readers: [one.name],
  })
  await own.drop()
})
