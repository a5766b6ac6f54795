// A writer adds events and does nothing else: not to the chain, not to the heads, not to what pgtrail remembers.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let writer: Client
beforeAll(async () => {
  db = await testDatabase()
  await db.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'x')")
  const role = await db.role({ memberOf: ["pgtrail_writer"] })
  writer = await role.client()
})
afterAll(() => db.drop())

const chainColumns: Readonly<Record<string, string>> = {
  lane: "0",
  seq: "1",
  identity_salt: "gen_random_uuid()",
  content_salt: "gen_random_uuid()",
  previous_hash: "'\\x00'",
  hash: "'\\x00'",
  hash_version: "1",
  identity_digest: "'\\x00'",
  content_digest: "''",
}

for (const [column, value] of Object.entries(chainColumns)) {
  test(`a writer cannot set ${column}`, async () => {
    const refused = {
      code: "TR001",
      message: "the chain columns of pgtrail.event are set by the database alone",
    }
    const insert = `insert into pgtrail.event (event_type, ${column}) values ('x', ${value})`
    await expect(writer.query(insert)).rejects.toMatchObject(refused)
    await expect(writer.query(`begin isolation level repeatable read; ${insert}`)).rejects.toMatchObject(
      refused,
    )
    await writer.query("rollback")
    await expect(
      writer.query("select pgtrail.append(jsonb_build_object('event_type', 'x', $1::text, 'x'))", [column]),
    ).rejects.toMatchObject({ code: "TR003", message: `an event has no key "${column}"` })
    await writer.query(`insert into pgtrail.event (event_type, ${column}) values ('x', null)`)
    expect(await findBreaks(db)).toEqual([])
  })

  test(`an import opens no way to set ${column}`, async () => {
    await writer.query("select pgtrail.import_stage()")
    await writer.query(`begin; insert into pg_temp.pgtrail_stage values (1, '{"event_type": "imported"}')`)
    await writer.query("select pgtrail.import_batch($1, 'ndjson', 0, 1)", [`source ${column}`])
    await expect(
      writer.query(`insert into pgtrail.event (event_type, ${column}) values ('x', ${value})`),
    ).rejects.toMatchObject({ code: "TR001" })
    await writer.query("rollback; begin")
    await writer.query(`insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x", "${column}": 1}')`)
    await expect(
      writer.query("select pgtrail.import_batch($1, 'ndjson', 0, 1)", [`source ${column}`]),
    ).rejects.toMatchObject({ code: "TR003" })
    await writer.query("rollback")
  })
}

test("the time of recording is the server's, whatever the writer says", async () => {
  const { rows } = await writer.query(
    "insert into pgtrail.event (event_type, recorded_at) values ('x', '2001-01-01') returning recorded_at > now() - interval '1 hour' as now",
  )
  expect(rows).toEqual([{ now: "t" }])
})

test("a writer may insert events, see their places and call what appends: nothing else", async () => {
  const tables = await db.query(`
    select c.relname || ' ' || p.privilege as granted
    from pg_class c,
      unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p (privilege)
    where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
      and has_table_privilege('pgtrail_writer', c.oid, p.privilege) order by 1`)
  expect(tables.map((row) => row.granted)).toEqual([
    "event insert",
    "log select",
    "migration select",
    "setting select",
  ])
  const columns = await db.query(`
    select string_agg(a.attname, ' ' order by a.attnum) as readable from pg_attribute a
    where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0
      and has_column_privilege('pgtrail_writer', a.attrelid, a.attnum, 'select')`)
  expect(columns).toEqual([{ readable: "id organization_id recorded_at lane seq hash" }])
  const functions = await db.query(`
    select p.proname from pg_proc p where p.pronamespace = 'pgtrail'::regnamespace
      and has_function_privilege('pgtrail_writer', p.oid, 'execute') order by 1`)
  const appending = [
    "append",
    "check_events",
    "import_batch",
    "import_check",
    "import_finish",
    "import_position",
    "import_stage",
  ]
  expect(functions.map((row) => row.proname).filter((name) => !appending.includes(name ?? ""))).toEqual([])
  expect(
    await db.query("select has_schema_privilege('pgtrail_writer', 'pgtrail', 'create') as creates"),
  ).toEqual([{ creates: "f" }])
})

const refused = [
  "select pgtrail.take_place('acme', 0)",
  "select pgtrail.open_lane('acme', 7::smallint)",
  "select pgtrail.record_act('purge', '{}')",
  "select pgtrail.record_verification('{}')",
  "select pgtrail.record_checkpoint('{}', '{}', '{}', '{}', '{}')",
  "select pgtrail.accept_finding('0123456789abcdef', 'why')",
  "select pgtrail.set_setting('require-signed-acts', 'on')",
  "select pgtrail.open_incarnation('copy', 'x', '{}', '{}', '{}', '{}', now())",
  "select pgtrail.sign_act(1, 'x')",
  "select pgtrail.check_heads('{}', '{}', '{}', '{}')",
  "insert into pgtrail.act_signature values ('pgtrail', 1, 'x')",
  "insert into pgtrail.incarnation values (2, gen_random_uuid(), 'copy', now())",
  "insert into pgtrail.loss values (1, 'acme', 0, 0, 1, '')",
  "select pgtrail.create_partition('event_evil')",
  "select pgtrail.create_months(now(), now())",
  "insert into pgtrail.act select * from pgtrail.act",
  "insert into pgtrail.chain_head values ('acme', 0, 2, '')",
  "insert into pgtrail.sealing values (pg_current_xact_id())",
  "insert into pgtrail.import_source (source, format) values ('s', 'ndjson')",
  "insert into pgtrail.setting values ('event-size-limit', '9999999999')",
  "update pgtrail.setting set value = '1'",
  "insert into pgtrail.append_batch values (gen_random_uuid())",
  "insert into pgtrail.event_default (event_type) values ('x')",
  "select * from pgtrail.event",
  "select actor_email from pgtrail.event",
  "select * from pgtrail.chain_head",
  "select * from pgtrail.event_default",
  "copy pgtrail.event to stdout",
  "create table pgtrail.evil ()",
  "create trigger a before insert on pgtrail.event for each row execute function suppress_redundant_updates_trigger()",
  "create temp table mine (x int); create trigger t before insert on mine for each row execute function pgtrail.seal_event()",
  "create temp table mine (x int); create trigger t before delete on mine execute function pgtrail.guard('purge')",
  "create rule r as on insert to pgtrail.event do instead nothing",
  "alter table pgtrail.event disable trigger all",
  "alter table pgtrail.event drop column hash",
  "create index on pgtrail.event (id)",
  "create policy p on pgtrail.event using (false)",
  "alter function pgtrail.guard() rename to evil",
  "create or replace function pgtrail.guard() returns trigger language plpgsql as 'begin return null; end'",
  "set role pgtrail_owner",
  "set session authorization pgtrail_owner",
  "grant pgtrail_owner to current_user",
  "do 'begin lock table pgtrail.event in share row exclusive mode; end'",
  "truncate pgtrail.chain_head",
  "delete from pgtrail.chain_head",
  "comment on table pgtrail.event is 'evil'",
  "drop schema pgtrail cascade",
]
for (const statement of refused) {
  test(`a writer may not: ${statement}`, async () => {
    await expect(writer.query(statement)).rejects.toMatchObject({ code: "42501" })
  })
}

test("no function of pgtrail may be called by everybody", async () => {
  const rows = await db.query(`select p.proname from pg_proc p where p.pronamespace = 'pgtrail'::regnamespace
    and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)`)
  expect(rows).toEqual([])
})
