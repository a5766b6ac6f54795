// The second verifier says what verify says of control tables that are not what the acts make of them, and of odd acts.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { TestDatabase } from "../database.js"
import { type ComparedLog, comparedLog } from "./compared-log.js"

const all: TestDatabase[] = []
const newLog = () => comparedLog(all)
afterAll(async () => {
  for (const db of all) await db.drop()
})

describe("the control tables", () => {
  let log: ComparedLog
  const tables = [
    "setting",
    "incarnation",
    "loss",
    "act_signature",
    "organization_reader",
    "log",
    "migration",
  ]
  beforeAll(async () => {
    log = await newLog()
    await log.db.query(
      "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 3)",
    )
    await log.trail.setSetting("event-size-limit", "70000")
    await log.db.query(
      `select pgtrail.open_incarnation('restore', n.note, array['acme', 'Globex'], array[0, 0]::smallint[], array[7, 8]::bigint[],
         array[sha256('x'), sha256('y')], '2026-01-02 03:04:05.000006+00')
       from pgtrail.log l, lateral (select format(e'pgtrail/%s/1\n20\n%s\nlanes 2\nact 40 %s\ntime 2026-01-02T03:04:05.000006Z\n\n\u2014 k AAAA\n',
         l.log_id, encode(sha256('x'), 'base64'), encode(sha256('x'), 'base64')) as note) n`,
    )
    // Of what no table tells, however odd its text.
    await log.trail.addType({
      name: 'é "t"',
      category: "c",
      severity: "error",
      description: "\\u0041 \u{1f600}\n\u2028",
    })
    await log.trail.setSetting("require-signed-acts", "on")
    // As functions of the log leave them; that a role must be there is not for verify to see.
    await log.db.query(
      `select pgtrail.record_act(k, jsonb_build_object('role', 'é "r"', 'right', r, 'organization', o))
       from (values (1, 'grant', 'reader', 'acme'), (2, 'grant', 'reader', e'o"\\n'), (3, 'grant', 'reader', 'gone'), (4, 'revoke', 'reader', 'gone'),
         (5, 'grant', 'auditor', 'x'), (6, 'revoke', 'reader', null), (7, 'grant', 'reader', null)) v (n, k, r, o) order by n;
       insert into pgtrail.organization_reader values ('é "r"', 'acme'), ('é "r"', e'o"\\n')`,
    )
    for (const table of tables)
      await log.db.query(`create table public.${table}_kept as select * from pgtrail.${table}`)
    await log.db.query("create table public.act_kept as select * from pgtrail.act")
  })

  test("are as the acts have them", async () => {
    expect(await log.expectSame()).toEqual(["intact"])
  })
  test.each([
    "update pgtrail.setting set value = '5' where name = 'event-size-limit'",
    "delete from pgtrail.setting where name = 'roles'",
    "insert into pgtrail.setting values ('more', 'x')",
    "update pgtrail.incarnation set reason = 'copy' where number = 2",
    "update pgtrail.incarnation set log_id = gen_random_uuid()",
    "update pgtrail.incarnation set opened_at = now() where number = 1",
    "delete from pgtrail.incarnation where number = 1",
    "delete from pgtrail.incarnation",
    "insert into pgtrail.incarnation values (3, gen_random_uuid(), 'copy', now(), 2, 'x')",
    "update pgtrail.log set incarnation = 1",
    "update pgtrail.log set log_id = gen_random_uuid()",
    "delete from pgtrail.log",
    "delete from pgtrail.loss where organization_id = 'acme'",
    "update pgtrail.loss set kept_seq = 1",
    "insert into pgtrail.loss values (1, 'more', 0, 0, 9, sha256('x'))",
    "insert into pgtrail.act_signature values ('pgtrail', 99, 'x'), ('acme', 1, 'x')",
    "insert into pgtrail.organization_reader values ('other', 'acme')",
    "delete from pgtrail.organization_reader",
    "update pgtrail.organization_reader set role_name = 'r' where organization_id = 'acme'",
    `select pgtrail.record_act('grant', '{"right": "reader", "organization": "acme"}'), pgtrail.record_act('revoke', '{"right": "reader", "role": 1, "organization": "acme"}')`,
    `select pgtrail.record_act('revoke', '{"right": "reader", "role": "é \\"r\\"", "organization": "acme"}'), pgtrail.record_act('grant', '[]')`,
    "select pgtrail.set_setting('event-size-limit', '80000')",
    "select pgtrail.set_setting('require-signed-acts', 'off'); select pgtrail.set_setting('event-size-limit', '80000')",
    "select pgtrail.record_act('incarnation', (select parameters from pgtrail.act where kind = 'incarnation'))",
    `select pgtrail.record_act('accept', '{"finding": {"id": "00000000000000aa"}, "reason": "none"}')`,
    `select pgtrail.record_act('accept', '{"finding": {"id": ["a"]}}'), pgtrail.record_act('accept', '[1]'), pgtrail.record_act('setting', '{}')`,
    "select pgtrail.record_act('verify', '{\"findings\": [1, {\"id\": [2]}]}'), pgtrail.record_act('migrate', '[]')",
    "select pgtrail.record_act('incarnation', '[]'), pgtrail.record_act('incarnation', '{\"number\": \"²\"}')",
    "update pgtrail.migration set checksum = 'x' where number in (2, 5)",
    "update pgtrail.act set organization_id = 'x' where seq = 2",
    "update pgtrail.act set hash_version = 2 where seq = 2",
    "update pgtrail.act set seq = 99 where seq = 3",
  ])("%s", async (sql) => {
    await log.tamper(sql)
    expect((await log.expectSame())[0]).toMatch(/tampered|incomplete/)
  })
  afterEach(() =>
    log.tamper(
      [...tables, "act"]
        .map(
          (table) =>
            `truncate pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_kept`,
        )
        .join(";"),
    ),
  )
})

test("an act of a verification whose parameters are null is tampering", async () => {
  const log = await newLog()
  await log.tamper("select pgtrail.record_act('verify', 'null', sha256('x'))")
  expect(await log.expectSame()).toContain("act_altered -")
})

test("an incarnation of a backup that was restored has no checkpoint and no loss, and without its backup is tampering", async () => {
  const { db, expectSame } = await newLog()
  const open = (number: number, backup: string) =>
    db.query(
      `with opened as (select pgtrail.record_act('incarnation', jsonb_build_object('number', ${number}, 'reason', 'restore', 'log_id', l.log_id,
           'checkpoint', null, 'lanes', 0, 'backup', ${backup}::jsonb), sha256('')) as seq, l.log_id from pgtrail.log l)
       insert into pgtrail.incarnation select ${number}, o.log_id, 'restore', clock_timestamp(), o.seq from opened o`,
    )
  const settle = (number: number) =>
    `update pgtrail.incarnation i set opened_at = a.recorded_at from pgtrail.act a where a.seq = i.act_seq;
     update pgtrail.log set incarnation = ${number}`
  await db.query("insert into pgtrail.event (event_type) values ('x')")
  await open(2, `'{"name": "backup-20261122T013000Z-a1b2c3", "manifest": "00", "act": 1}'`)
  await db.query(
    `set session_replication_role = replica; ${settle(2)}; set session_replication_role = origin`,
  )
  expect(await expectSame()).toEqual(["intact"])
  await open(3, "'null'")
  await db.query(
    `set session_replication_role = replica; ${settle(3)}; set session_replication_role = origin`,
  )
  expect(await expectSame()).toEqual(["tampered", "control_altered -"])
})
