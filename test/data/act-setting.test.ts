// Settings of the log change by acts alone, whoever changes them, and only to values that they take.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"
import { rowsKept } from "./migrate-fixture.js"
import { withClients } from "./writers.js"

let db: TestDatabase
let trail: Trail
let restore: () => Promise<void>
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  restore = await rowsKept(db)
})
afterAll(() => db.drop())

const acts = () => db.query("select seq, kind, parameters from pgtrail.act where seq > 1 order by seq")

test("a new log has the settings that people change, and no act has changed them", async () => {
  const untouched = { act: null, changed_at: null, changed_by: null }
  expect(await trail.settings()).toMatchObject([
    { name: "event-size-limit", value: "1048576", initial: "1048576", unit: "bytes", ...untouched },
    // These have no row until somebody sets them.
    { name: "organization-keep-least", value: "none", initial: "none", unit: "days", ...untouched },
    { name: "organization-keep-most", value: "none", initial: "none", unit: "days", ...untouched },
    { name: "partition-interval", value: "month", initial: "month", ...untouched },
    { name: "partitions-ahead", value: "6", initial: "6", unit: "partitions", ...untouched },
    { name: "require-signed-acts", value: "off", initial: "off", unit: "on or off", ...untouched },
    { name: "retention-grace", value: "7d", initial: "7d", unit: "days", ...untouched },
  ])
})

test.each([
  ["retention-grace", "0", "nothing was changed; write 0d"],
  ["organization-keep-most", "30", "nothing was changed; write 30d"],
])("%s takes no bare number", async (name, value, hint) => {
  expect((await failureOf(trail.setSetting(name, value))).hint).toBe(hint)
  expect(await acts()).toEqual([])
})

test("to set what is set already records nothing", async () => {
  expect(await trail.setSetting("event-size-limit", "01048576")).toEqual({
    name: "event-size-limit",
    value: "1048576",
    act: null,
    outside: [],
  })
  expect(await trail.setSetting("require-signed-acts", "off")).toMatchObject({ act: null })
  expect(await acts()).toEqual([])
})

test.each([
  ["event-size-limit", "65535"],
  ["event-size-limit", "1073741825"],
  ["event-size-limit", "99999999999999999999"],
  ["event-size-limit", "1 MiB"],
  ["event-size-limit", "-70000"],
  ["event-size-limit", "70000\n"],
  ["event-size-limit", ""],
  ["require-signed-acts", "ON"],
  ["require-signed-acts", "true"],
  ["require-signed-acts", "off'; drop table pgtrail.setting --"],
  ["roles", "off"],
  ["code-checksum", "x"],
  ["catalog-checksum", "x"],
  ["no-such-setting", "on"],
  ["", ""],
])("%s does not become %j", async (name, value) => {
  const before = await db.query("select * from pgtrail.setting order by name")
  await expect(trail.setSetting(name, value)).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringContaining("nothing was changed"),
  })
  expect(await db.query("select * from pgtrail.setting order by name")).toEqual(before)
  expect(await acts()).toEqual([])
})

test("no name and no value is refused, not taken for no change", async () => {
  for (const call of [
    "null, 'on'",
    "'require-signed-acts', null",
    "'event-size-limit', null",
    "null, null",
  ]) {
    await expect(db.query(`select pgtrail.set_setting(${call})`), call).rejects.toMatchObject({
      code: "TR009",
    })
  }
})

describe("what changes the log", () => {
  afterEach(() => restore())

  test("a change is an act with the old and the new value, and holds at once", async () => {
    expect(await trail.setSetting("event-size-limit", "65536")).toEqual({
      name: "event-size-limit",
      value: "65536",
      act: "2",
      outside: [],
    })
    expect(await acts()).toEqual([
      {
        seq: "2",
        kind: "setting",
        parameters: '{"name": "event-size-limit", "value": "65536", "before": "1048576"}',
      },
    ])
    const [user] = await db.query("select session_user as name")
    expect((await trail.settings())[0]).toMatchObject({
      value: "65536",
      initial: "1048576",
      act: "2",
      changed_by: user?.name,
    })
    await expect(
      db.query("insert into pgtrail.event (event_type, description) values ('x', repeat('x', 70000))"),
    ).rejects.toMatchObject({ code: "TR004" })
    expect(await findBreaks(db)).toEqual([])
  })

  test.each([
    ["retention-grace", "00d", "0d", "7", "retention-grace takes a number of days, from 0d to 9999d"],
    ["partitions-ahead", "007", "7", "121", "partitions-ahead takes a number from 0 to 120"],
    [
      "organization-keep-least",
      "30d",
      "30d",
      "0d",
      "organization-keep-least takes a number of days, from 1d to 36500d, or none",
    ],
    [
      "organization-keep-most",
      "none",
      "none",
      "36501d",
      "organization-keep-most takes a number of days, from 1d to 36500d, or none",
    ],
  ])("%s takes %s as %s, and refuses %s", async (name, typed, value, wrong, message) => {
    expect(await trail.setSetting(name, typed)).toMatchObject({ name, value, act: "2" })
    expect((await trail.settings()).find((setting) => setting.name === name)).toMatchObject({
      value,
      act: "2",
    })
    expect((await failureOf(trail.setSetting(name, wrong))).message).toBe(message)
    expect(await trail.verify({ record: false })).toMatchObject({ findings: [] })
  })

  test("a bound for the periods of organizations names the policies that are outside of it, and changes none", async () => {
    await trail.setRetentionRule("policy", { name: "own", keepDays: 90, organization: "acme" })
    await trail.setRetentionRule("policy", { name: "all", keepDays: 30, type: "a" })
    expect((await trail.setSetting("organization-keep-least", "90d")).outside).toEqual([])
    const outside = [{ name: "own", organization_id: "acme", keep_days: "90" }]
    expect((await trail.setSetting("organization-keep-least", "120d")).outside).toEqual(outside)
    expect((await trail.setSetting("organization-keep-most", "none")).outside).toEqual([])
    expect((await trail.setSetting("organization-keep-least", "none")).outside).toEqual([])
    expect((await trail.setSetting("organization-keep-most", "89d")).outside).toEqual(outside)
    expect((await trail.retentionRules("policy")).find(({ name }) => name === "own")).toMatchObject({
      keep_days: "90",
      state: "in force",
    })
  })

  test("of many who set at once each change has the value before it, and the last one stands", async () => {
    await withClients(db, 12, async (client, n) => {
      await client.query("select pgtrail.set_setting('event-size-limit', $1)", [String(70_000 + (n % 5))])
    })
    const changes = (await acts()).map((act) => JSON.parse(act.parameters ?? "") as Record<string, string>)
    let value: string | undefined = "1048576"
    for (const change of changes) {
      expect(change.before).toBe(value)
      expect(change.value).not.toBe(value)
      value = change.value
    }
    expect((await trail.settings())[0]?.value).toBe(value)
    expect(await findBreaks(db)).toEqual([])
  })

  test("an old snapshot changes nothing, not even to a value that it takes for the present one", async () => {
    const old = await db.client()
    await old.query("begin isolation level repeatable read; select * from pgtrail.setting")
    await trail.setSetting("event-size-limit", "70000")
    await expect(
      old.query("select pgtrail.set_setting('event-size-limit', '1048576')"),
    ).rejects.toMatchObject({
      code: "40001",
    })
    await old.query("rollback")
  })

  test("an operator sets, and nobody else does", async () => {
    for (const group of ["pgtrail_writer", "pgtrail_reader", "pgtrail_auditor", "pgtrail_privacy"]) {
      const role = await db.role({ memberOf: [group] })
      await expect(
        (await db.trail({ url: role.url })).setSetting("event-size-limit", "70000"),
      ).rejects.toMatchObject({
        code: "privilege",
        hint: "grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE",
      })
    }
    const stranger = await db.role()
    await expect(
      (await db.trail({ url: stranger.url })).setSetting("event-size-limit", "70000"),
    ).rejects.toMatchObject({ code: "privilege" })
    const operator = await db.role({ memberOf: ["pgtrail_operator"] })
    const own = await db.trail({ url: operator.url })
    expect(await own.setSetting("event-size-limit", "70000")).toMatchObject({ act: "2" })
    expect(await db.query("select session_user_name from pgtrail.act where seq = 2")).toEqual([
      { session_user_name: operator.name },
    ])
    expect((await own.settings())[0]).toMatchObject({ value: "70000", act: "2" })
    const writer = await db.role({ memberOf: ["pgtrail_writer"] })
    expect((await (await db.trail({ url: writer.url })).settings())[0]).toMatchObject({
      value: "70000",
      act: null,
    })
  })
})
