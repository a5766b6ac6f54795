// With require-signed-acts on, a destructive act is committed with a signature, or not at all.
import { afterAll, beforeEach, expect, test } from "vitest"
import { performAct } from "../../src/data/act/perform.js"
import { actText, destructiveKinds } from "../../src/data/act/text.js"
import { verifyText } from "../../src/data/checkpoint/note.js"
import type { Trail } from "../../src/data/index.js"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { noteSql } from "./opening.js"
import { testKey } from "./signing.js"

const key = testKey("operator.example")
const line = `\u2014 operator.example ${Buffer.alloc(68).toString("base64")}\n`
let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const unsigned = { code: "TR012" }
const turnOn = () => trail.setSetting("require-signed-acts", "on")

test("the list of destructive kinds is one, in SQL and in the library", async () => {
  const rows = await db.query("select k from unnest($1::text[]) k where pgtrail.is_destructive(k)", [
    [...destructiveKinds, "migrate", "verify", "checkpoint", "import", "", "ACCEPT"],
  ])
  expect(rows.map((row) => row.k)).toEqual(destructiveKinds)
  const [body] = await db.query("select prosrc from pg_proc where proname = 'is_destructive'")
  expect(body?.prosrc?.match(/'\w+'/g)).toHaveLength(destructiveKinds.length)
})

test("the act that turns it on needs none, the one that turns it off does", async () => {
  expect(await turnOn()).toMatchObject({ act: "2" })
  await expect(db.query("select pgtrail.set_setting('require-signed-acts', 'off')")).rejects.toMatchObject(
    unsigned,
  )
  const settings = await trail.settings()
  expect(settings.find(({ name }) => name === "require-signed-acts")).toMatchObject({ value: "on", act: "2" })
  expect(await trail.setSetting("require-signed-acts", "off", key.text)).toMatchObject({ act: "3" })
  expect(await trail.setSetting("event-size-limit", "70000")).toMatchObject({ act: "4" })
  expect(await db.query("select seq from pgtrail.act_signature")).toEqual([{ seq: "3" }])
})

test("every destructive kind is refused unsigned, and everything else goes on as before", async () => {
  await db.query(
    `select pgtrail.record_verification('{"findings": [{"id": "00000000000000aa", "kind": "altered", "message": "it was altered"}]}')`,
  )
  await turnOn()
  for (const call of [
    "select pgtrail.accept_finding('00000000000000aa', 'why')",
    "select pgtrail.set_setting('event-size-limit', '70000')",
    `select pgtrail.open_incarnation('copy', ${noteSql()}, '{}', '{}', '{}', '{}', now())`,
    ...destructiveKinds.map((kind) => `select pgtrail.record_act('${kind}', '{}')`),
  ]) {
    await expect(db.query(call), call).rejects.toMatchObject(unsigned)
  }
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "3" }])
  expect(
    await db.query("select log_id = (select log_id from pgtrail.incarnation) as same from pgtrail.log"),
  ).toEqual([{ same: "t" }])
  await db.query("insert into pgtrail.event (event_type) values ('x')")
  await db.query("select pgtrail.record_verification('{}')")
  await db.query(
    "select pgtrail.record_checkpoint('{}', organizations, lanes, seqs, hashes) from (select array['default'], array[0::smallint], array[1::bigint], array_agg(hash) from pgtrail.event) h (organizations, lanes, seqs, hashes)",
  )
  expect(await findBreaks(db)).toEqual([])
})

test("the table of settings is no way around: only acts say what is required", async () => {
  await turnOn()
  await db.query("update pgtrail.setting set value = 'off' where name = 'require-signed-acts'")
  await expect(db.query("select pgtrail.set_setting('event-size-limit', '70000')")).rejects.toMatchObject(
    unsigned,
  )
  await expect(
    db.query("delete from pgtrail.setting; select pgtrail.record_act('accept', '{}')"),
  ).rejects.toMatchObject(unsigned)
})

test("neither constraints set to immediate nor a savepoint lets an unsigned act through", async () => {
  await turnOn()
  const client = await db.client()
  const set = "select pgtrail.set_setting('event-size-limit', '70000')"
  await client.query("begin; set constraints all immediate")
  await expect(client.query(set)).rejects.toMatchObject(unsigned)
  await client.query("rollback")
  await client.query(`begin; savepoint s; ${set}; release s`)
  await expect(client.query("commit")).rejects.toMatchObject(unsigned)
  await client.query(`begin; savepoint s; ${set}; rollback to s; commit`)
  await client.query(`begin; ${set}`)
  await expect(client.query("prepare transaction 'unsigned'")).rejects.toMatchObject(unsigned)
  await client.query("begin; set transaction isolation level serializable")
  await client.query(set)
  await expect(client.query("commit")).rejects.toMatchObject(unsigned)
  await client.query("set session authorization pgtrail_operator; begin")
  await expect(
    client.query("alter table pgtrail.act disable trigger pgtrail_signature"),
  ).rejects.toMatchObject({ code: "42501" })
  expect(await db.query("select count(*) as n from pgtrail.act where kind = 'setting'")).toEqual([{ n: "1" }])
})

test("on and off in one transaction: each act is judged by those before it", async () => {
  const client = await db.client()
  await client.query("begin; select pgtrail.set_setting('require-signed-acts', 'on')")
  await client.query("select pgtrail.set_setting('require-signed-acts', 'off')")
  await expect(client.query("commit")).rejects.toMatchObject(unsigned)
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "1" }])
})

test("an act is signed once, in its own transaction, and nothing else is a signature", async () => {
  const client = await db.client()
  const wrong = { code: "TR009" }
  await trail.setSetting("event-size-limit", "70000")
  await client.query("begin")
  await expect(client.query("select pgtrail.sign_act(2, $1)", [line])).rejects.toMatchObject(wrong)
  await client.query("rollback")
  await client.query("begin; select pgtrail.set_setting('event-size-limit', '80000'); savepoint s")
  for (const bad of [
    null,
    "",
    "\n",
    "signature",
    line.trimEnd(),
    line.replace("\u2014", "-"),
    `${line}\n`,
    `x${line}`,
    line.replace(" operator", "  operator"),
    line.replace("example", "exam+ple"),
    `${line}'; drop table pgtrail.act; --\n`,
    line.repeat(200),
  ]) {
    await expect(client.query("select pgtrail.sign_act(3, $1)", [bad]), String(bad)).rejects.toMatchObject(
      wrong,
    )
    await client.query("rollback to s")
  }
  for (const seq of [null, 1, 2, 4, -3]) {
    await expect(
      client.query("select pgtrail.sign_act($1, $2)", [seq, line]),
      String(seq),
    ).rejects.toMatchObject(wrong)
    await client.query("rollback to s")
  }
  await client.query("select pgtrail.sign_act(3, $1)", [line.repeat(2)])
  await client.query("savepoint s")
  await expect(client.query("select pgtrail.sign_act(3, $1)", [line])).rejects.toMatchObject({
    code: "TR011",
  })
  await client.query("rollback to s; commit")
  await expect(client.query("select pgtrail.sign_act(3, $1)", [line])).rejects.toMatchObject(wrong)
  expect(await db.query("select seq, signature from pgtrail.act_signature")).toEqual([
    { seq: "3", signature: line.repeat(2) },
  ])
})

test("nobody signs but an operator, and pgtrail_privacy what it redacts", async () => {
  for (const group of ["pgtrail_auditor", "pgtrail_writer", "pgtrail_reader"]) {
    await db.asRole(group, (client) =>
      expect(client.query("select pgtrail.sign_act(1, $1)", [line])).rejects.toMatchObject({ code: "42501" }),
    )
  }
  await db.asRole("pgtrail_operator", async (client) => {
    await expect(
      client.query("insert into pgtrail.act_signature values ('pgtrail', 1, 'x')"),
    ).rejects.toMatchObject({ code: "42501" })
    await client.query("begin")
    const { rows } = await client.query("select pgtrail.set_setting('event-size-limit', '70000') as seq")
    await client.query("select pgtrail.sign_act($1, $2)", [rows[0]?.seq, line])
    await client.query("commit")
  })
})

test("what is signed is the act as it stands: log, seq and hash", async () => {
  await trail.setSetting("event-size-limit", "70000", key.text)
  const [act] = await db.query(
    `select a.seq, encode(a.hash, 'hex') as hash, i.log_id, s.signature
     from pgtrail.act a join pgtrail.act_signature s using (organization_id, seq), pgtrail.incarnation i`,
  )
  const text = actText(act?.log_id ?? "", "2", act?.hash ?? "")
  expect(text).toBe(
    `pgtrail act\n${act?.log_id}\n2\n${Buffer.from(act?.hash ?? "", "hex").toString("base64")}\n`,
  )
  const time = "2026-11-21T09:30:00.000001Z"
  expect(verifyText(text, act?.signature ?? "", [key.verifier], time)).toBe(key.verifier)
  expect(() =>
    verifyText(text.replace("\n2\n", "\n3\n"), act?.signature ?? "", [key.verifier], time),
  ).toThrow()
})

test("without a key the library does not begin what the log would refuse, and says which option is missing", async () => {
  await turnOn()
  const client = await trail.connect()
  let begun = false
  const work = async () => {
    begun = true
    return null
  }
  await expect(performAct(client, undefined, work)).rejects.toMatchObject({
    code: "config",
    message: "this log takes signed acts only, and no key was given",
    hint: "nothing was changed; run it again with --key file:PATH",
  })
  expect(begun).toBe(false)
  expect(await performAct(client, key.signing, work)).toBe(null)
  await client.end()
  await expect(trail.setSetting("event-size-limit", "70000", "no key")).rejects.toMatchObject({
    code: "config",
  })
  expect(await trail.setSetting("event-size-limit", "70000", key.text)).toMatchObject({ act: "3" })
})

test("work that fails takes its act back, and its signature", async () => {
  const client = await trail.connect()
  const fails = performAct(client, key.signing, async () => {
    await client.query("select pgtrail.set_setting('event-size-limit', '70000')")
    throw new Error("no")
  })
  await expect(fails).rejects.toThrow("no")
  await client.end()
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "1" }])
})
