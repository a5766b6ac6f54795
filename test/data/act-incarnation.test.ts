// An incarnation is opened by an act that has what was lost; guards, roles and arithmetic of it.
import { createHash } from "node:crypto"
import { afterAll, beforeEach, expect, test } from "vitest"
import { record } from "../../src/data/canonical.js"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { clockOf, hashOf, noteAt, noteSql, type Opening, openWith } from "./opening.js"

let db: TestDatabase
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select o, 'x' from unnest(array['acme', 'Globex']) o, generate_series(1, 5)",
  )
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const hash = hashOf
const now = () => clockOf(db)
const open = (opening?: Opening) => openWith(db, opening)
const incarnations = () => db.query("select * from pgtrail.incarnation order by number")

test("the installation is the first", async () => {
  const [log] = await db.query("select * from pgtrail.log")
  expect(await incarnations()).toEqual([
    {
      number: "1",
      log_id: log?.log_id,
      reason: "install",
      opened_at: log?.created_at,
      act_seq: null,
      checkpoint: null,
    },
  ])
})

test("the next one has its act, its checkpoint, and what each lane kept and lost", async () => {
  const time = await now()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'later' from generate_series(1, 4)",
  )
  const lost = [
    ["acme", "0", "7", hash("acme")],
    ["Globex", "0", "6", hash("Globex")],
    ["gone", "3", "12", hash("gone")],
  ]
  const opened = await open({ lost, time })
  const [act] = await db.query("select * from pgtrail.act order by seq desc limit 1")
  const [log] = await db.query("select * from pgtrail.log")
  expect(opened).toEqual({ number: "2", log_id: log?.log_id, seq: act?.seq })
  expect(log?.incarnation).toBe("2")
  expect((await incarnations())[1]).toEqual({
    number: "2",
    log_id: log?.log_id,
    reason: "restore",
    opened_at: act?.recorded_at,
    act_seq: act?.seq,
    checkpoint: await noteAt(db, time),
  })
  const rows = await db.query("select * from pgtrail.loss order by organization_id, lane")
  expect(rows.map((row) => `${row.organization_id} ${row.kept_seq} ${row.lost_seq}`)).toEqual([
    "Globex 5 6",
    "acme 5 7",
    "gone 0 12",
  ])
  const digest = createHash("sha256")
  for (const row of rows) {
    digest.update(
      record("pgtrail loss", [
        ["text", row.organization_id ?? ""],
        ["smallint", row.lane ?? ""],
        ["bigint", row.kept_seq ?? ""],
        ["bigint", row.lost_seq ?? ""],
        ["bytea", row.hash ?? ""],
      ]),
    )
  }
  expect(act).toMatchObject({ kind: "incarnation", digest: `\\x${digest.digest("hex")}` })
  expect(JSON.parse(act?.parameters ?? "")).toEqual({
    number: 2,
    reason: "restore",
    log_id: log?.log_id,
    checkpoint: await noteAt(db, time),
    lanes: 3,
  })
  expect(await findBreaks(db)).toEqual([])
})

test("a copy gets an identity of its own: old lanes keep theirs, new ones have the new", async () => {
  const [before] = await db.query("select log_id from pgtrail.log")
  const opened = await open({ reason: "copy" })
  expect(opened.log_id).not.toBe(before?.log_id)
  await db.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'x'), ('new', 'x')")
  const genesis = await db.query(
    `select h.organization_id, h.hash = sha256(record_send(row('pgtrail genesis'::text, $1::uuid, h.organization_id, h.lane))) as old
     from pgtrail.chain_head h where h.seq = 0 order by 1`,
    [before?.log_id],
  )
  expect(genesis.map((row) => `${row.organization_id} ${row.old}`)).toEqual(["Globex t", "acme t", "new f"])
  expect(await findBreaks(db)).toEqual([])
  expect(await open({ reason: "failover" })).toMatchObject({ number: "3", log_id: opened.log_id })
})

test("a number is never used twice, though the incarnation that had it was lost itself", async () => {
  expect(await open({ number: 4 })).toMatchObject({ number: "5" })
  expect(await open({ number: 1 })).toMatchObject({ number: "6" })
})

test("of two who open one at once each gets a number of its own", async () => {
  const clients = [await db.client(), await db.client(), await db.client()]
  const opened = await Promise.all(
    clients.map((client) =>
      client.query(
        `select number from pgtrail.open_incarnation('failover', ${noteSql()}, '{}', '{}', '{}', '{}', now())`,
      ),
    ),
  )
  expect(opened.map(({ rows }) => rows[0]?.number).sort()).toEqual(["2", "3", "4"])
  expect(await findBreaks(db)).toEqual([])
})

test("what is recorded of incarnations, losses and signatures cannot be changed, by nobody and in no transaction", async () => {
  await open({ lost: [["gone", "0", "7", hash("x")]] })
  for (const table of ["incarnation", "loss", "act_signature"]) {
    for (const change of [
      `update pgtrail.${table} set`,
      `delete from pgtrail.${table}`,
      `truncate pgtrail.${table}`,
    ]) {
      const column = { incarnation: "reason = 'x'", loss: "lost_seq = 1", act_signature: "signature = 'x'" }[
        table
      ]
      const statement = change.endsWith("set") ? `${change} ${column}` : change
      await expect(db.query(statement), statement).rejects.toMatchObject({ code: "TR002" })
      const client = await db.client()
      await client.query("begin; select pgtrail.record_act('incarnation', '{}')")
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: "TR002" })
      await client.query("rollback")
      await client.end()
    }
  }
})

test("an operator opens one, and nobody else does", async () => {
  const time = await now()
  const call = `select pgtrail.open_incarnation('copy', e'${(await noteAt(db, time)).replaceAll("\n", "\\n")}', '{}', '{}', '{}', '{}', '${time}')`
  for (const group of ["pgtrail_auditor", "pgtrail_writer", "pgtrail_reader", "pgtrail_privacy"]) {
    await db.asRole(group, (client) => expect(client.query(call)).rejects.toMatchObject({ code: "42501" }))
  }
  await db.asRole("pgtrail_operator", (client) => client.query(call))
  await db.asRole("pgtrail_operator", async (client) => {
    await expect(client.query("update pgtrail.log set incarnation = 9")).rejects.toMatchObject({
      code: "42501",
    })
    await expect(
      client.query(
        "begin; select pgtrail.set_setting('require-signed-acts', 'on'); update pgtrail.log set incarnation = 9",
      ),
    ).rejects.toMatchObject({ code: "42501" })
  })
})
