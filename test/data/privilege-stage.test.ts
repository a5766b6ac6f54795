// The temporary table of an import belongs to the owner of the log and lies in the caller's own schema: he can do nothing to it.
import type { Client } from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let eve: Role
let client: Client
beforeAll(async () => {
  db = await testDatabase()
  eve = await db.role({ memberOf: ["pgtrail_writer"] })
})
beforeEach(async () => {
  client = await eve.client()
  await client.query(`create function pg_temp.evil() returns boolean language plpgsql as $$
    begin
      if current_user <> session_user then raise exception 'evil ran as %', current_user; end if;
      return true;
    end $$`)
  return async () => {
    await client.end()
    expect(await findBreaks(db)).toEqual([])
  }
})
afterAll(() => db.drop())

const batch = "select pgtrail.import_batch('s' || clock_timestamp(), 'ndjson', 0, 1)"
const own: Readonly<Record<string, string>> = {
  "a view": `create view pg_temp.pgtrail_stage as select 1::bigint as position, '{"event_type": "x"}'::jsonb as event from pg_temp.evil()`,
  "a table of the caller":
    "create temp table pgtrail_stage (position bigint, event jsonb check (pg_temp.evil()))",
  "a table with a rule": `create temp table pgtrail_stage (position bigint, event jsonb);
    create rule r as on insert to pgtrail_stage do also select pg_temp.evil()`,
  "a materialized view's place": "create temp sequence pgtrail_stage",
  "a composite type": "create type pg_temp.pgtrail_stage as (position bigint, event jsonb)",
}
for (const [what, statement] of Object.entries(own)) {
  test(`${what} named like the stage is not read`, async () => {
    await client.query(statement)
    await client.query("select pgtrail.import_stage()").catch(() => undefined)
    await expect(client.query(batch)).rejects.toMatchObject({ code: "55000" })
    expect((await client.query("select * from pgtrail.import_check('ndjson')")).rows).toEqual([])
  })
}

const refused = [
  "create rule r as on insert to pg_temp.pgtrail_stage do also select pg_temp.evil()",
  "create trigger t before insert on pg_temp.pgtrail_stage for each row execute function pg_temp.evil()",
  "alter table pg_temp.pgtrail_stage add check (pg_temp.evil())",
  "alter table pg_temp.pgtrail_stage alter event set default null",
  "alter table pg_temp.pgtrail_stage rename to other",
  "alter table pg_temp.pgtrail_stage owner to current_user",
  "alter table pg_temp.pgtrail_stage enable row level security",
  "create policy p on pg_temp.pgtrail_stage using (pg_temp.evil())",
  "create index on pg_temp.pgtrail_stage ((pg_temp.evil()))",
  "create temp table child () inherits (pgtrail_stage)",
  "drop table pg_temp.pgtrail_stage",
  "truncate pg_temp.pgtrail_stage",
  "select * from pg_temp.pgtrail_stage",
  "update pg_temp.pgtrail_stage set position = 1",
  "delete from pg_temp.pgtrail_stage",
]
for (const statement of refused) {
  test(`the importing role may not: ${statement.replaceAll("pg_temp.", "")}`, async () => {
    await client.query("select pgtrail.import_stage()")
    await expect(client.query(statement)).rejects.toMatchObject({ code: "42501" })
    await client.query(`begin; insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x"}')`)
    expect((await client.query(batch)).rows).toEqual([{ import_batch: "1" }])
    await client.query("commit")
  })
}

test("asking for the stage again keeps what is in it", async () => {
  await client.query("select pgtrail.import_stage()")
  await client.query(`begin; insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x"}')`)
  await client.query("select pgtrail.import_stage()")
  expect((await client.query(batch)).rows).toEqual([{ import_batch: "1" }])
  await client.query("commit")
})
