// One statement may do many things to the log; each event still gets one place.

import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let writer: Client
beforeAll(async () => {
  db = await testDatabase()
  const role = await db.role({ memberOf: ["pgtrail_writer"] })
  writer = await role.client()
})
afterEach(async () => {
  expect(await findBreaks(db)).toEqual([])
})
afterAll(() => db.drop())

async function count(organization: string): Promise<number> {
  const rows = await db.query("select count(*) as n from pgtrail.event where organization_id = $1", [
    organization,
  ])
  return Number(rows[0]?.n)
}

test("ON CONFLICT DO NOTHING appends every row: nothing that a client sets is unique", async () => {
  const insert = `insert into pgtrail.event (id, organization_id, event_type)
    select '00000000-0000-7000-8000-000000000001', 'conflict', 'x' from generate_series(1, 5) on conflict do nothing`
  await writer.query(insert)
  await writer.query(insert)
  expect(await count("conflict")).toBe(10)
})

test("INSERT from the log into the log ends and keeps the chain", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'self', 'x' from generate_series(1, 50)",
  )
  await db.query(`insert into pgtrail.event (organization_id, event_type, details)
    select organization_id, 'copy', to_jsonb(seq) from pgtrail.event where organization_id = 'self'`)
  expect(await count("self")).toBe(100)
})

test("three INSERTs in one CTE share a lane and follow one another", async () => {
  const { rows } = await writer.query(`
    with a as (insert into pgtrail.event (organization_id, event_type) values ('cte', 'a'), ('cte', 'a') returning lane, seq),
      b as (insert into pgtrail.event (organization_id, event_type) select 'cte', 'b' from a returning lane, seq),
      c as (insert into pgtrail.event (organization_id, event_type) values ('cte', 'c') returning lane, seq)
    select lane, seq from a union all select * from b union all select * from c order by 2`)
  expect(rows).toEqual([1, 2, 3, 4, 5].map((seq) => ({ lane: "0", seq: String(seq) })))
})

for (const isolation of ["read committed", "repeatable read"]) {
  test(`a function that logs in the middle of an INSERT gets its places in between (${isolation})`, async () => {
    await writer.query(`create or replace function pg_temp.chatty(i int) returns text language plpgsql as $$
      begin
        perform set_config('pgtrail.lane_0', (case when i % 3 = 0 then 1000 + i else 0 end)::text, true);
        insert into pgtrail.event (organization_id, event_type) values ('nested', 'inner');
        begin
          insert into pgtrail.event (organization_id, event_type) values ('nested', 'undone');
          raise exception 'undo';
        exception when raise_exception then null;
        end;
        return 'outer';
      end $$`)
    await writer.query(`begin isolation level ${isolation}`)
    await writer.query(`insert into pgtrail.event (organization_id, event_type)
      select 'nested', pg_temp.chatty(i) from generate_series(1, 40) i`)
    await writer.query("commit")
  })
}

test("a writer gets places and hashes by RETURNING, and nothing that the event says", async () => {
  const { rows } = await writer.query(`insert into pgtrail.event (organization_id, event_type, actor_email)
    values ('returning', 'x', 'eve@example.com') returning id, organization_id, lane, seq, recorded_at, hash`)
  expect(rows).toEqual(
    await db.query(
      "select id, organization_id, lane, seq, recorded_at, hash from pgtrail.event where organization_id = 'returning'",
    ),
  )
  for (const column of ["actor_email", "identity_salt", "*"]) {
    await expect(
      writer.query(`insert into pgtrail.event (event_type) values ('x') returning ${column}`),
    ).rejects.toMatchObject({ code: "42501" })
  }
})

test("an id that nobody gave is a uuid of version 7 with the server's time", async () => {
  const { rows } = await writer.query(
    "insert into pgtrail.event (organization_id, event_type) values ('id', 'x') returning id, recorded_at",
  )
  const [id, recorded] = [String(rows[0].id), String(rows[0].recorded_at)]
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const milliseconds = Number.parseInt(id.replace("-", "").slice(0, 12), 16)
  expect(Math.abs(milliseconds - Date.parse(recorded))).toBeLessThan(5000)
})

test("a writer appends by COPY", async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => `copy\tx\t{"n": ${n}}\n`)
  await pipeline(
    Readable.from(lines),
    writer.query(copyFrom("copy pgtrail.event (organization_id, event_type, details) from stdin")),
  )
  expect(await count("copy")).toBe(3000)
})

test("a writer appends through MERGE, a prepared statement and a partition-crossing INSERT", async () => {
  await writer.query(
    "prepare log (text) as insert into pgtrail.event (organization_id, event_type, occurred_at) values ('many', 'x', now() + $1::interval)",
  )
  for (const age of ["0", "-3 years", "40 days", "9 years"]) await writer.query(`execute log('${age}')`)
  await writer.query(`insert into pgtrail.event (organization_id, event_type, occurred_at)
    select 'many', 'x', t from unnest(array['infinity', '-infinity', '0044-03-15 BC', '2026-11-21']::timestamptz[]) t`)
  const { rows } = await writer.query("select current_setting('server_version_num')::int >= 150000 as merges")
  if (rows[0].merges === "t") {
    await db.query(`merge into pgtrail.event e using (values (1), (2)) s on false
      when not matched then insert (organization_id, event_type) values ('many', 'merged')`)
    expect(await count("many")).toBe(10)
  }
})
