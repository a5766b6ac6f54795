// What a session hides in pg_temp must never run as the owner of the log: every SECURITY DEFINER function is attacked.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { archiveCalls } from "./archive-sql-calls.js"
import { noteSql } from "./opening.js"
import { subjectCalls } from "./subject-calls.js"
import { keyCalls } from "./subject-key-calls.js"
import { attack } from "./temp-attack.js"

const heads = `array_agg(organization_id), array_agg(lane), array_agg(seq), array_agg(hash)) from (
  select distinct on (organization_id, lane) * from pgtrail.event order by organization_id, lane, seq desc) h`

/** A partition that comes, goes and comes again. */
const partitioned = `begin; insert into pgtrail.event (event_type, occurred_at) values ('x', '1999-01-01Z');
  select pgtrail.split_default('{event_1999_01}', '{1999-01-01Z}', '{1999-02-01Z}'); select pgtrail.add_hold('c', 'r', 'held');
  select pgtrail.detach_partition('event_1999_01', 'r'); select pgtrail.attach_partition('event_1999_01')`

/** How to call each function; one statement may call several. A new SECURITY DEFINER function belongs here; the test names those that are missing. */
const calls: Readonly<Record<string, readonly string[]>> = {
  seal_event: [
    "insert into pgtrail.event (event_type, actor_id, ip_address, details, tags) values ('x', 'eve', '::1', '{}', '{a}')",
    "begin isolation level repeatable read; insert into pgtrail.event (event_type) values ('x'), ('y'); commit",
    "insert into pgtrail.event (event_type, description) values ('x', repeat('long', 50000))",
  ],
  guard: ["delete from pgtrail.event", "update pgtrail.event set id = id", "truncate pgtrail.event"],
  append: [
    `select * from pgtrail.append('[{"event_type": "x", "tags": ["a"], "occurred_at": "2026-01-01"}]', gen_random_uuid())`,
  ],
  check_events: [`select * from pgtrail.check_events('[{"event_type": "x"}, {"no": "event"}]')`],
  import_stage: ["select pgtrail.import_stage()"],
  import_position: ["select pgtrail.import_position('s')"],
  import_batch: [
    `select pgtrail.import_stage(); begin; insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x"}');
     select pgtrail.import_batch('s' || clock_timestamp(), 'ndjson', 0, 1); commit`,
    `select pgtrail.import_stage(); begin; insert into pg_temp.pgtrail_stage values (1, '{"eventName": "x", "eventSource": "y", "eventTime": "2026-11-21T00:00:00Z"}');
     select pgtrail.import_batch('s' || clock_timestamp(), 'cloudtrail', 0, 1); commit`,
  ],
  import_check: [
    `select pgtrail.import_stage(); begin; insert into pg_temp.pgtrail_stage values (1, '{"no": "event"}');
     select * from pgtrail.import_check('ndjson'); commit`,
  ],
  import_finish: [
    `select pgtrail.import_stage(); begin; insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x"}');
     select pgtrail.import_batch('f' || pg_current_xact_id(), 'ndjson', 0, 1, 0, null, '\\x00');
     select pgtrail.import_finish('f' || pg_current_xact_id()); commit; select pgtrail.import_finish('none')`,
  ],
  record_act: ["select pgtrail.record_act('test', '{}', '')"],
  record_verification: [
    "select pgtrail.record_verification('{}', sha256('x'))",
    `select pgtrail.record_verification('{}', null, ${heads}`,
  ],
  record_checkpoint: [`select pgtrail.record_checkpoint('{}', ${heads}`],
  // An id of its own for each call; the verification that names it is recorded as by an auditor.
  accept_finding: [
    `begin; select pgtrail.record_verification(jsonb_build_object('findings', jsonb_build_array(jsonb_build_object(
       'id', lpad(pg_current_xact_id()::text, 16, '0'), 'kind', 'altered', 'message', 'it was altered'))));
     select pgtrail.accept_finding(lpad(pg_current_xact_id()::text, 16, '0'), 'why'); commit`,
  ],
  set_setting: [
    "begin; select pgtrail.set_setting('event-size-limit', '2000000'); select pgtrail.set_setting('event-size-limit', '1000000'); commit",
  ],
  record_export: [
    "select pgtrail.record_export('evidence', 'csv', '{acme}', now(), null, '{actor}', '{identity}', 1, sha256('x'), '0.1.0')",
    "select pgtrail.record_export('extract', 'xml', null, null, null, '{}', '{}', 0, sha256('x'), '0.1.0')",
  ],
  record_backup: [
    `select pgtrail.record_backup('backup-20261122T013000Z-a1b2c3', 'file:///x', sha256('x'), now(), 3, 2, 1, 1, 'p', 'o', true, 1, '0.1.0')`,
    `select pgtrail.record_backup('backup-20261122T013000Z-a1b2c3', 's3://abc', sha256('x'), now(), 0, 0, 0, 0, null, null, false, null, '0.1.0')`,
  ],
  add_type: ["select pgtrail.add_type('x' || clock_timestamp(), 'c', 'info', 'd')"],
  check_signature: [
    "select pgtrail.set_setting('event-size-limit', (1000000 + random() * 1000000)::int::text)",
  ],
  sign_act: [
    `begin; select pgtrail.sign_act(pgtrail.set_setting('event-size-limit', (1000000 + random() * 1000000)::int::text),
       chr(8212) || ' name AAAA' || chr(10)); commit`,
  ],
  record_access: [
    "select pgtrail.record_access('grant', session_user::text, 'writer')",
    "select pgtrail.record_access('revoke', 'nobody', 'reader', 'acme')",
  ],
  purge_events: ["null", "'{0123456789abcdef}'"].map(
    (override) => `begin; insert into pgtrail.event (organization_id, event_type) values ('purged', 'x');
      select pgtrail.purge_events('purged', array[e.lane], array[e.seq], array[e.seq], array[e.hash], null, 'why', 'who', ${override}, null)
      from pgtrail.event e where e.organization_id = 'purged'`,
  ),
  refresh_summary: [
    `begin; insert into pgtrail.event (organization_id, event_type, category, actor_id, data_size_bytes) values ('counted', 'x', 'c', 'eve', 1);
     select * from pgtrail.refresh_summary(1000); commit`,
  ],
  rebuild_summary: ["select pgtrail.rebuild_summary('counted')"],
  recount_summary: [
    "begin; select pgtrail.rebuild_summary('counted'); select * from pgtrail.recount_summary(1000); commit",
  ],
  add_hold: [
    "begin; select pgtrail.add_hold('c', 'r', 'o', 'a', 't', 'i', 'c', 'e', '2026-01-01Z', '2026-02-01Z', '2999-01-01Z', 'w')",
  ],
  release_hold: [
    "begin; select pgtrail.add_hold('c', 'r', 'none'); select pgtrail.release_hold('c', 'r', 'w')",
    "begin isolation level repeatable read; select pgtrail.add_hold('c', 'r', 'none'); select pgtrail.release_hold('c', 'r')",
  ],
  held_events: ["false", "true"].map(
    (
      free,
    ) => `begin; insert into pgtrail.event (organization_id, event_type, occurred_at) values ('held', 'e.x', '2001-01-01Z');
      select pgtrail.add_hold('c', 'r', 'held', null, null, null, null, 'e', '2000-01-01Z', '2002-01-01Z');
      select pgtrail.add_hold('c', 'r', 'held', 'a', 't', 'i', 'c');
      select * from pgtrail.held_events('event_default', '{${Array.from({ length: 500 }, (_, n) => n).join()}}', ${free})`,
  ),
  holds_on: [
    "begin; select pgtrail.add_hold('c', 'r', 'held', 'a'); select pgtrail.holds_on('held', 0, 1, '2001-01-01Z')",
  ],
  set_retention: [
    `begin; select pgtrail.set_retention('policy', 'p', 30, 'o', 'PHI', 'e', null, 7, true); select pgtrail.set_retention('policy', 'p', 20);
     select pgtrail.set_retention('policy', 'p', null, confirmed => true); select pgtrail.set_retention('floor', 'f', 30, compliance_tag => 'PCI')`,
  ],
  retention_plan: ["select * from pgtrail.retention_plan('event_default')"],
  purge_partition: [
    `begin; select pgtrail.set_setting('retention-grace', '0d');
     insert into pgtrail.event (organization_id, event_type, occurred_at) select o, 'x', '1999-01-01Z' from unnest('{p,p,p,p,q}'::pg_catalog.text[]) o;
     select pgtrail.set_retention('policy', 'standard', 30, confirmed => true);
     select pgtrail.set_retention('policy', 'stays', 36500, organization => 'q', confirmed => true);
     select pgtrail.split_default('{event_1999_01}', '{1999-01-01Z}', '{1999-02-01Z}');
     select pgtrail.purge_partition('event_1999_01', 'r', most => 1); select pgtrail.purge_partition('event_1999_01', 'r', most => 2, rewrite => false);
     select pgtrail.purge_partition('event_1999_01', 'r', rewrite => true); select pgtrail.purge_partition('event_1999_01', 'r', everything => true);
     select pgtrail.purge_partition('event_default', 'r')`,
  ],
  split_default: [partitioned],
  detach_partition: [partitioned],
  attach_partition: [partitioned],
  default_times: ["select * from pgtrail.default_times()"],
  ...archiveCalls,
  ...keyCalls,
  ...subjectCalls,
  open_incarnation: [
    `select * from pgtrail.open_incarnation('restore', ${noteSql()}, '{acme}', '{0}', '{7}', array[sha256('x')], now())`,
    `select * from pgtrail.open_incarnation('copy', ${noteSql()}, '{}', '{}', '{}', '{}', now())`,
  ],
}

let db: TestDatabase
let eve: Role
beforeAll(async () => {
  db = await testDatabase()
  eve = await db.role({ memberOf: ["pgtrail_writer"] })
  // Also what a writer may not call: one grant too many must not become ownership.
  await db.query(`grant usage on schema pgtrail to "${eve.name}"`)
  await db.query(`grant execute on all functions in schema pgtrail to "${eve.name}"`)
  await db.query(`grant insert, select, update, delete, truncate on pgtrail.event to "${eve.name}"`)
  await db.query(`grant select on pgtrail.purge to "${eve.name}"`)
})
afterAll(async () => {
  await db.query(`revoke all on all functions in schema pgtrail from "${eve.name}"`)
  await db.query(`drop owned by "${eve.name}"`)
  await db.drop()
})

async function definers(): Promise<string[]> {
  const rows = await db.query(`select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'pgtrail' and p.prosecdef order by 1`)
  return rows.map((row) => row.proname ?? "")
}

/** What the statement said, and where, when it failed. */
async function said(client: Client, statement: string): Promise<string> {
  const message = await client.query(statement).then(
    () => "",
    (error: Error & { where?: string }) => `${error} ${error.where ?? ""}`,
  )
  await client.query("rollback")
  return message
}

/** A session in which all functions were compiled when the attack was there, and one in which they were before it was. */
let fresh: Client
let used: Client
/** What each statement said when nothing was hidden. */
const before = new Map<string, string>()
beforeAll(async () => {
  fresh = await eve.client()
  await fresh.query(attack)
  used = await eve.client()
  for (const statement of new Set(Object.values(calls).flat()))
    before.set(statement, await said(used, statement))
  await again(used)
})

/** As in a new session: stages that stay are made anew, under attack. */
async function again(client: Client): Promise<void> {
  await client.query("discard temp")
  await client.query(attack)
}

const under = new Map<string, readonly string[]>()
/** What each statement says under attack: when its functions are compiled, with another search_path, and when they had been compiled before. */
async function underAttack(statement: string): Promise<readonly string[]> {
  const known = under.get(statement)
  if (known !== undefined) return known
  const messages: string[] = [await said(fresh, statement)]
  await fresh.query("set search_path = pg_temp, public")
  messages.push(await said(fresh, statement))
  await fresh.query("reset search_path")
  messages.push(await said(used, statement))
  if (statement.includes("import_")) for (const client of [fresh, used]) await again(client)
  under.set(statement, messages)
  return messages
}

/** Fails with what the attack says when it ran as another; other failures are the functions' own business. */
async function expectNoneRan(statement: string): Promise<void> {
  for (const message of [before.get(statement), ...(await underAttack(statement))]) {
    expect(message, statement).not.toContain("evil")
    expect(message, statement).not.toContain("permission denied")
    if (!statement.includes("pgtrail.event set") && !/^(delete|truncate)/.test(statement)) {
      expect(message, statement).toBe("")
    }
  }
}

test("each SECURITY DEFINER function is attacked here", async () => {
  expect((await definers()).filter((name) => !(name in calls))).toEqual([])
})

test("the attack works on a function that forgets pg_temp", async () => {
  await db.query(`create schema control; grant usage on schema control to public;
    create function control.careless() returns bytea language plpgsql security definer set search_path = pg_catalog
    as $$ declare b bytea := 'x'; begin return b; end $$`)
  const client = await eve.client()
  await client.query(attack)
  await expect(client.query("select control.careless()")).rejects.toThrow(/evil ran as/)
  await db.query("drop schema control cascade")
})

for (const [name, statements] of Object.entries(calls)) {
  test(`nothing of pg_temp runs as the owner in ${name}`, async () => {
    for (const statement of statements) await expectNoneRan(statement)
  })
}

test("the chains are whole after the attacks", async () => {
  expect(await findBreaks(db)).toEqual([])
})
