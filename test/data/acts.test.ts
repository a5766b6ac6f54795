// Acts: one chain, in the order of what they did, written by pgtrail's own functions alone.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { sqlstate, withClients } from "./writers.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("the installation is the first act and says who, where and in which transaction", async () => {
  const rows = await db.query(`select seq, kind, session_user_name = session_user as mine, organization_id,
    digest is not null as digest, client_address, system_identifier is not null as server from pgtrail.act`)
  expect(rows).toEqual([
    {
      seq: "1",
      kind: "migrate",
      mine: "t",
      organization_id: "pgtrail",
      digest: "t",
      client_address: null,
      server: "t",
    },
  ])
  expect(await findBreaks(db)).toEqual([])
})

test("a writer can neither record nor forge an act", async () => {
  const role = await db.role({ memberOf: ["pgtrail_writer"] })
  const writer = await role.client()
  for (const statement of [
    "select pgtrail.record_act('purge', '{}')",
    "select pgtrail.record_verification('{}')",
    "insert into pgtrail.act (seq, kind, parameters, recorded_at, session_user_name, transaction_id, previous_hash, hash, hash_version) values (2, 'purge', '{}', now(), 'postgres', pg_current_xact_id(), '', '', 1)",
    "select * from pgtrail.act",
    "do 'begin lock table pgtrail.act; end'",
  ]) {
    await expect(writer.query(statement), statement).rejects.toMatchObject({ code: "42501" })
  }
  // An event that only looks like an act is an event.
  await writer.query(`begin; insert into pgtrail.event (organization_id, event_type, action, details)
    values ('pgtrail', 'pgtrail.purge.run', 'purge', '{"digest": "x"}')`)
  await expect(writer.query("delete from pgtrail.event")).rejects.toMatchObject({ code: "42501" })
  await writer.query("rollback")
})

test("an auditor records a verification, and no other act", async () => {
  const role = await db.role({ memberOf: ["pgtrail_auditor"] })
  const auditor = await role.client()
  await auditor.query("select pgtrail.record_verification($1)", ['{"verdict": "intact"}'])
  await expect(auditor.query("select pgtrail.record_act('purge', '{}')")).rejects.toMatchObject({
    code: "42501",
  })
  await expect(auditor.query("delete from pgtrail.verified_head")).rejects.toMatchObject({ code: "42501" })
  expect(await db.query("select kind, session_user_name from pgtrail.act order by seq desc limit 1")).toEqual(
    [{ kind: "verify", session_user_name: role.name }],
  )
})

test("acts of many sessions form one chain in the order of their commits", async () => {
  await withClients(db, 20, async (client, n) => {
    for (let m = 0; m < 5; m += 1) {
      await client.query("begin")
      await client.query("select pgtrail.record_act('test', $1)", [`{"session": ${n}, "act": ${m}}`])
      await client.query(m === 2 ? "rollback" : "commit")
    }
  })
  expect(await db.query("select count(*) as n from pgtrail.act where kind = 'test'")).toEqual([{ n: "80" }])
  expect(await findBreaks(db)).toEqual([])
})

test("an act over an old snapshot is told to retry: no fork, and no unique violation", async () => {
  for (const isolation of ["repeatable read", "serializable"]) {
    const old = await db.client()
    await old.query(`begin isolation level ${isolation}; select count(*) from pgtrail.act`)
    await db.query("select pgtrail.record_act('test', '{}')")
    const code = await old.query("select pgtrail.record_act('test', '{}')").then(() => "", sqlstate)
    expect(code, isolation).toBe("40001")
    await old.query("rollback")
  }
  expect(await findBreaks(db)).toEqual([])
})

test("a second act waits for the first to commit", async () => {
  const [first, second] = [await db.client(), await db.client()]
  await first.query("begin; select pgtrail.record_act('test', '{}')")
  await second.query("set lock_timeout = '50ms'")
  await expect(second.query("select pgtrail.record_act('test', '{}')")).rejects.toMatchObject({
    code: "55P03",
  })
  await first.query("commit")
  await second.query("select pgtrail.record_act('test', '{}')")
  expect(await findBreaks(db)).toEqual([])
})

test("an act and a verification have the same bytes in whatever session they are recorded", async () => {
  const client = await db.client()
  for (const setting of [
    "client_encoding = 'LATIN1'",
    "client_encoding = 'SQL_ASCII'",
    "bytea_output = 'escape'",
    "timezone = 'Asia/Kathmandu'",
    "datestyle = 'SQL, DMY'",
  ]) {
    await client.query(`reset all; set ${setting}`)
    await client.query(
      "select pgtrail.record_act('test', jsonb_build_object('who', chr(8364) || chr(128512)))",
    )
    await client.query(
      "insert into pgtrail.event (organization_id, event_type) select o, 'a' from unnest(array[chr(8364) || chr(128512), 'b']) o",
    )
    await client.query(`select pgtrail.record_verification('{}', null, array_agg(h.organization_id), array_agg(h.lane), array_agg(h.seq),
      array_agg(h.hash)) from (select distinct on (organization_id, lane) * from pgtrail.chain_head
        order by organization_id, lane, seq desc) h`)
    const rows = await db.query(`select digest = (
        select sha256(string_agg(record_send(row('pgtrail head'::text, v.organization_id, v.lane, v.seq, v.hash)), ''
          order by v.organization_id, v.lane)) from pgtrail.verified_head v) as same
      from pgtrail.act order by seq desc limit 1`)
    expect(rows, setting).toEqual([{ same: "t" }])
  }
  expect(await findBreaks(db)).toEqual([])
})
