// The heads of a lane: one row an event, pruned behind without holes, so that an old snapshot always runs into them.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { pick, withClients } from "./writers.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

/** The heads of an organization as ranges: "0 193-320". */
async function ranges(organization: string): Promise<string> {
  const rows = await db.query(
    `select string_agg(case when first = last then first::text else first || '-' || last end, ' ' order by first) as ranges
     from (select min(seq) as first, max(seq) as last from (
       select seq, seq - row_number() over (order by seq) as island from pgtrail.chain_head where organization_id = $1
     ) h group by island) r`,
    [organization],
  )
  return rows[0]?.ranges ?? ""
}

for (const isolation of ["read committed", "repeatable read"]) {
  test(`the newest 64 heads and seq 0 are always there, and the others go from below (${isolation})`, async () => {
    const client = await db.client()
    for (let seq = 1; seq <= 270; seq += 1) {
      await client.query(
        `begin isolation level ${isolation}; select set_config('pgtrail.lane_0', '1000', true);
         insert into pgtrail.event (organization_id, event_type) values ('${isolation}', 'x'); commit`,
      )
      const newest = seq - (seq % 64)
      const first = newest < 64 ? 0 : newest - 64 + 1
      expect(await ranges(isolation)).toBe(first <= 1 ? `0-${seq}` : `0 ${first}-${seq}`)
    }
    await client.end()
    expect(await findBreaks(db)).toEqual([])
  })
}

test("an import leaves seq 0 and its own last head, and writing goes on from there", async () => {
  const client = await db.client()
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select 'import', 'x' from generate_series(1, 70)",
  )
  await client.query("begin; select pgtrail.import_stage()")
  await client.query(
    `insert into pg_temp.pgtrail_stage select i, '{"event_type": "x", "organization_id": "import"}' from generate_series(1, 500) i`,
  )
  await client.query("select pgtrail.import_batch('s', 'ndjson', 0, 500); commit")
  expect(await ranges("import")).toBe("0 570")
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select 'import', 'x' from generate_series(1, 100)",
  )
  expect(await ranges("import")).toBe("0 577-670")
  expect(await findBreaks(db)).toEqual([])
})

test("a restored head with the id of a running transaction is not taken for its own", async () => {
  const [old, other] = [await db.client(), await db.client()]
  const begin = "begin isolation level repeatable read; select set_config('pgtrail.lane_0', '1000', true)"
  const log =
    "insert into pgtrail.event (organization_id, event_type) values ('restored', 'x') returning lane"
  await other.query(`${begin}; ${log}; commit`)
  // The ids of another server's transactions come with a dump; here one that will run next.
  const [next] = await db.query(
    "select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1)::text as id",
  )
  await db.query(
    "update pgtrail.chain_head set transaction_id = $1::xid8 where organization_id = 'restored'",
    [next?.id],
  )
  await old.query(`${begin}; select pg_current_xact_id()`)
  await other.query(`${begin}; ${log}; commit`)
  expect((await old.query(log)).rows).toEqual([{ lane: "1001" }])
  await old.query("commit")
  expect(await findBreaks(db)).toEqual([])
})

test("imports and writers of the same organizations do not wait, fail or fork", async () => {
  const failures: unknown[] = []
  await withClients(db, 12, async (client, n) => {
    if (n < 4) await client.query("select pgtrail.import_stage()")
    for (let m = 0; m < 10; m += 1) {
      try {
        await client.query(n < 8 ? "begin" : "begin isolation level repeatable read")
        if (n < 4) {
          const records = pick(1, 90)
          await client.query(
            `insert into pg_temp.pgtrail_stage select i, jsonb_build_object('event_type', 'x', 'organization_id', 'm' || i % 3,
               'retention_policy', (array['standard', 'short', 'legal'])[1 + i % 3]) from generate_series(1, $1) i`,
            [records],
          )
          await client.query("select pgtrail.import_batch($1, 'ndjson', 0, $2)", [`mixed ${n} ${m}`, records])
        } else {
          await client.query(
            "insert into pgtrail.event (organization_id, event_type) select 'm' || i % 3, 'x' from generate_series(1, $1) i",
            [pick(1, 20)],
          )
        }
        await client.query(pick(0, 4) === 0 ? "rollback" : "commit")
      } catch (error) {
        failures.push(error)
        await client.query("rollback")
      }
    }
  })
  expect(failures).toEqual([])
  expect(await findBreaks(db)).toEqual([])
})
