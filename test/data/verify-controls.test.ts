// The control tables are what the acts make of them; else it is found.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { noteSql } from "./opening.js"
import { replayed, tamper as tamperWith } from "./replayed.js"
import { testKey } from "./signing.js"

let db: TestDatabase
let trail: Trail
const tables = ["act", "act_signature", "setting", "incarnation", "loss", "log"]
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  for (const table of tables)
    await db.query(`create table public.${table}_copy as select * from pgtrail.${table}`)
})
// A new log for each test: what the template has.
beforeEach(() =>
  tamper(
    tables
      .map(
        (table) =>
          `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy`,
      )
      .join(";"),
  ),
)
afterAll(() => db.drop())

const messages = async () => (await replayed(trail)).messages
const tamper = (sql: string) => tamperWith(db, sql)

async function open(reason: string, ...organizations: string[]): Promise<void> {
  await db.query(
    `select pgtrail.open_incarnation($1, ${noteSql()}, $2::text[], array_fill(0::smallint, array[cardinality($2::text[])]),
       array_fill(7::bigint, array[cardinality($2::text[])]), array_fill(sha256('x'), array[cardinality($2::text[])]), now())`,
    [reason, organizations],
  )
}
test("a new log, and one with every kind of act, is as its acts have it", async () => {
  expect(await messages()).toEqual([])
  await trail.setSetting("event-size-limit", "70000")
  await open("restore", "acme", "Globex", "é")
  await open("copy")
  await open("pitr", "gone")
  await trail.setSetting("require-signed-acts", "on")
  const key = testKey("op")
  await trail.setSetting("event-size-limit", "80000", key.text)
  const { replay, list } = await replayed(trail, [key.verifier])
  expect(list).toEqual([])
  const rows = await db.query(
    "select number, log_id, act_seq, reason, opened_at from pgtrail.incarnation order by 1",
  )
  expect(replay.incarnations).toEqual(
    rows.map((row) => ({
      number: row.number,
      logId: row.log_id,
      act: row.act_seq,
      reason: row.reason,
      openedAt: expect.stringContaining((row.opened_at ?? "").slice(0, 19)),
    })),
  )
})

describe("settings", () => {
  test.each([
    [
      "update pgtrail.setting set value = '2000000' where name = 'event-size-limit'",
      'control_altered -: the setting event-size-limit is "2000000" in pgtrail.setting, and "70000" by the acts',
    ],
    [
      "delete from pgtrail.setting where name = 'require-signed-acts'",
      'control_altered -: the setting "require-signed-acts" is missing in pgtrail.setting',
    ],
    [
      "insert into pgtrail.setting values ('more', 'x')",
      'control_altered -: pgtrail.setting has "more", which no act has set',
    ],
    [
      "update pgtrail.setting set value = 'off' where name = 'roles'",
      'control_altered -: the setting roles is "off" in pgtrail.setting, and "on" by the acts',
    ],
  ])("%s", async (sql, message) => {
    await trail.setSetting("event-size-limit", "70000")
    await tamper(sql)
    expect(await messages()).toEqual([message])
  })

  test("a note of the last migration that was changed is found, and its whole value is not printed", async () => {
    await tamper("update pgtrail.setting set value = repeat('x', 1000) where name = 'code-checksum'")
    const [message = ""] = await messages()
    expect(message).toMatch(
      /^control_altered -: the setting code-checksum is "x{100}\.\.\." in pgtrail\.setting/,
    )
  })

  test("the same value has the same id, another has another", async () => {
    const id = async (value: string) => {
      await tamper(`update pgtrail.setting set value = '${value}' where name = 'event-size-limit'`)
      return (await replayed(trail)).list[0]?.id
    }
    expect(await id("2000000")).toBe(await id("2000000"))
    expect(await id("2000001")).not.toBe(await id("2000000"))
  })
})

describe("incarnations and losses", () => {
  beforeEach(() => open("restore", "acme", "Globex"))
  const differs = (column: string) =>
    `control_altered -: incarnation 2 in pgtrail.incarnation is not what act 2 opened: ${column}`

  test.each([
    ["update pgtrail.incarnation set reason = 'copy' where number = 2", [differs("reason")]],
    ["update pgtrail.incarnation set checkpoint = 'x' where number = 2", [differs("checkpoint")]],
    ["update pgtrail.incarnation set checkpoint = null where number = 2", [differs("checkpoint")]],
    ["update pgtrail.incarnation set act_seq = 1 where number = 2", [differs("act_seq")]],
    ["update pgtrail.incarnation set opened_at = now() where number = 2", [differs("opened_at")]],
    ["update pgtrail.incarnation set log_id = gen_random_uuid() where number = 2", [differs("log_id")]],
    [
      "update pgtrail.incarnation set log_id = gen_random_uuid(), reason = 'x' where number = 1",
      [
        "control_altered -: incarnation 1 in pgtrail.incarnation is not what the installation opened: log_id, reason",
      ],
    ],
    [
      "delete from pgtrail.incarnation where number = 2",
      ['control_altered -: incarnation "2" is missing in pgtrail.incarnation: act 2 opened it'],
    ],
    [
      "delete from pgtrail.incarnation where number = 1",
      ['control_altered -: incarnation "1" is missing in pgtrail.incarnation: the installation opened it'],
    ],
    [
      "insert into pgtrail.incarnation values (3, gen_random_uuid(), 'copy', now(), 2, 'x')",
      ["control_altered -: pgtrail.incarnation has incarnation 3, which no act has opened"],
    ],
    [
      "update pgtrail.log set incarnation = 1",
      ["control_altered -: pgtrail.log has incarnation 1, and by the acts it is incarnation 2"],
    ],
    [
      "update pgtrail.log set log_id = gen_random_uuid()",
      ["control_altered -: pgtrail.log has another log id, and by the acts it is incarnation 2"],
    ],
    [
      "delete from pgtrail.loss where organization_id = 'acme'",
      ["control_altered -: pgtrail.loss of incarnation 2 is not what act 2 recorded: lanes: 1 instead of 2"],
    ],
    [
      "update pgtrail.loss set lost_seq = 8 where organization_id = 'acme'",
      [
        "control_altered -: pgtrail.loss of incarnation 2 is not what act 2 recorded: its digest differs from the act's",
      ],
    ],
    [
      "update pgtrail.loss set kept_seq = 1",
      [
        "control_altered -: pgtrail.loss of incarnation 2 is not what act 2 recorded: its digest differs from the act's",
      ],
    ],
    [
      "insert into pgtrail.loss select incarnation, 'more', lane, kept_seq, lost_seq, hash from pgtrail.loss where organization_id = 'acme'",
      ["control_altered -: pgtrail.loss of incarnation 2 is not what act 2 recorded: lanes: 3 instead of 2"],
    ],
    [
      "insert into pgtrail.loss values (1, 'more', 0, 0, 9, sha256('x'))",
      ["control_altered -: pgtrail.loss has 1 lane of incarnation 1, of which no act recorded a loss"],
    ],
  ])("%s", async (sql, expected) => {
    await tamper(sql)
    expect(await messages()).toEqual(expected)
  })

  test("an act that opens a number again is found", async () => {
    await db.query(
      "select pgtrail.record_act('incarnation', (select parameters from pgtrail.act where seq = 2))",
    )
    expect(await messages()).toContain(
      'act_altered 3: act 3 opens incarnation "2", which is not after the one before it',
    )
  })

  test("an act that somebody forged without an incarnation does not make one", async () => {
    await db.query("select pgtrail.record_act('incarnation', '[]')")
    expect((await messages()).length).toBeGreaterThan(0)
  })
})
