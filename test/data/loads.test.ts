// A load that would chain old events anew is refused; what pgtrail sealed itself stays as it was sealed.
import { pipeline } from "node:stream/promises"
import type { Client } from "pg"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let target: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  target = await testDatabase()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 25)",
  )
})
afterAll(async () => {
  await db.drop()
  await target.drop()
})

const loaders: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  superuser: async () => {},
  pgtrail_owner: (client) => client.query("set role pgtrail_owner"),
}

for (const [who, become] of Object.entries(loaders)) {
  for (const what of ["pgtrail.event", "the partition of today", "pgtrail.event_default"]) {
    test(`data alone copied into ${what} by ${who} is refused and nothing is added`, async () => {
      const client = await target.client()
      const [today] = await target.query(
        "select 'pgtrail.' || name as name from pgtrail.partition_range(now())",
      )
      const into = what.startsWith("pgtrail.") ? what : today?.name
      await become(client)
      await expect(
        pipeline(
          (await db.client()).query(copyTo("copy (select * from pgtrail.event) to stdout")),
          client.query(copyFrom(`copy ${into} from stdin`)),
        ),
      ).rejects.toMatchObject({
        code: "TR001",
        hint: expect.stringContaining("restore it into an empty database"),
      })
      expect(await target.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "0" }])
    })
  }

  test(`rows inserted with their chain by ${who} are refused`, async () => {
    const client = await db.client()
    await become(client)
    await expect(client.query("insert into pgtrail.event select * from pgtrail.event")).rejects.toMatchObject(
      {
        code: "TR001",
      },
    )
    await client.query("begin isolation level repeatable read")
    await expect(
      client.query("insert into pgtrail.event (event_type, hash) values ('x', sha256('x'))"),
    ).rejects.toMatchObject({ code: "TR001" })
    await client.query("rollback")
  })
}

test("a table of events in a plain copy keeps its hashes: what is refused is only the way through the trigger", async () => {
  await db.query("create table copy as select * from pgtrail.event")
  expect(
    await db.query(
      "select count(*) as n from copy join pgtrail.event e using (organization_id, lane, seq, hash)",
    ),
  ).toEqual([{ n: "25" }])
  expect(await findBreaks(db)).toEqual([])
})

test("with every trigger off, an unsealed insert still fails", async () => {
  const client = await db.client()
  await client.query("begin; set local session_replication_role = replica")
  await expect(
    client.query(
      "insert into pgtrail.event (id, event_type, recorded_at) values (gen_random_uuid(), 'x', now())",
    ),
  ).rejects.toMatchObject({
    code: "23502",
  })
  await client.query("rollback")
})

test("the seal's door for imports is shut before and after each import, and after one that failed", async () => {
  const client = await db.client()
  const forged = "insert into pgtrail.event (event_type, hash) values ('x', '\\x00')"
  await client.query("select pgtrail.import_stage()")
  for (const event of ['{"event_type": "x"}', '{"event_type": "x", "severity": "loud"}']) {
    await client.query("begin; savepoint s")
    await client.query("insert into pg_temp.pgtrail_stage values (1, $1)", [event])
    await client
      .query("select pgtrail.import_batch('door', 'ndjson', 0, 1)")
      .catch(() => client.query("rollback to s"))
    expect((await client.query("select * from pgtrail.sealing")).rows).toEqual([])
    await expect(client.query(forged)).rejects.toMatchObject({ code: "TR001" })
    await client.query("rollback")
  }
  // Another session's door does not help.
  const other = await db.client()
  await client.query("begin; insert into pgtrail.sealing values (pg_current_xact_id())")
  await expect(other.query(forged)).rejects.toMatchObject({ code: "TR001" })
  await client.query("rollback")
})
