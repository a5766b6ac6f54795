// What is due for an archive by the rules of retention, what a restore keeps in the table, and what purge_partition refuses.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { archived, archiveName, purgeInto, restore } from "./archive-purge-fixture.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

/** Policy `short` keeps for ever, and archives after a hundred days. */
const archives = (keep = 9000) =>
  log.db.query(
    "select pgtrail.set_retention('policy', 'short', $1, archive_after_days => 100, confirmed => true)",
    [keep],
  )

test("what is due goes, by its policy, and not what has no archive-after, is young, or is held", async () => {
  await archives()
  await log.append(20)
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u1')")
  await log.db.query("select pgtrail.add_hold('C2', 'a claim', 'acme', actor => 'u7')")
  const done = await archived(log, { due: true })
  expect(done).toMatchObject({ events: "6", held: "4" })
  const [act] = await log.db.query(
    "select parameters->'archive'->>'due' as due, parameters->'policies' as policies, parameters->'archive'->'by' as by, parameters->>'at' as at from pgtrail.act where seq = $1",
    [done.seq],
  )
  expect(act).toMatchObject({ due: "true", policies: "null" })
  expect(JSON.parse(act?.by ?? "")).toEqual([
    {
      policy: "short",
      rule: expect.any(Number),
      archive_after: 100,
      cutoff: expect.stringMatching(/Z$/),
      events: 6,
    },
  ])
  expect(done.policies).toBe(act?.by)
  const [cutoff] = await log.db.query(
    "select $1::timestamptz - $2::timestamptz = 100 * interval '24 hours' as fits",
    [act?.at, JSON.parse(act?.by ?? "")[0].cutoff],
  )
  expect(cutoff).toEqual({ fits: "t" })
  expect(await log.count("retention_policy = 'standard'")).toBe(10)
  expect(await log.findings()).toEqual([])
})

test("what is past what it is kept for is not archived: retention takes it", async () => {
  await archives(200)
  await log.append(6, { policy: "short" })
  const name = archiveName("event_2020_01")
  expect(await purgeInto(log, name, { due: true })).toMatchObject({ events: "0", places: "[]" })
  expect(await log.run()).toMatchObject({ events: "6" })
})

test("what is not in the log for the grace is not due, and archive_places knows it too", async () => {
  await archives()
  await log.append(6, { policy: "short" })
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  const name = archiveName("event_2020_01")
  const places =
    "select sum(events) as events from pgtrail.archive_places('event_2020_01', due => true, at => clock_timestamp())"
  expect(await purgeInto(log, name, { due: true })).toMatchObject({ events: "0", fresh: "6", places: "[]" })
  expect(await log.db.query(places)).toEqual([{ events: null }])
  // Whoever names it takes it.
  expect(await purgeInto(log, name)).toMatchObject({ events: "6", fresh: "0" })
  await log.db.query("select pgtrail.set_setting('retention-grace', '0d')")
  expect(await log.db.query(places)).toEqual([{ events: "6" }])
})

test("what a restore brought back stays for the grace in the runs of retention, goes when it is named, and can be archived again", async () => {
  await archives()
  await log.append(20)
  await log.db.query("create table public.saved as select * from pgtrail.event")
  const name = archiveName("event_2020_01")
  expect(await archived(log, { due: true }, name)).toMatchObject({ events: "10" })
  await restore(log, name, "public.saved")
  expect(await log.count()).toBe(20)
  expect(await log.findings()).toEqual([])
  await log.db.query("select pgtrail.set_setting('retention-grace', '1d')")
  await log.tamper(
    "update pgtrail.act set recorded_at = recorded_at - interval '23 hours' where kind = 'restore'",
  )
  // The events themselves have been there for long.
  await log.tamper("update pgtrail.event set recorded_at = recorded_at - interval '30 days'")
  const again = archiveName("event_2020_01")
  expect(await purgeInto(log, again, { due: true })).toMatchObject({ events: "0", fresh: "10" })
  await log.db.query("select pgtrail.set_retention('policy', 'short', 200, confirmed => true)")
  const run = await log.run({ dryRun: true })
  expect(run).toMatchObject({ events: "0", fresh: "10" })
  expect(
    await log.db.query(
      "select sum(expired) as expired, sum(fresh) as fresh from pgtrail.retention_plan('event_2020_01')",
    ),
  ).toEqual([{ expired: "0", fresh: "10" }])
  const [until] = await log.db.query(
    "select $1::timestamptz = recorded_at + interval '1 day' as fits from pgtrail.act where kind = 'restore'",
    [run.fresh_until],
  )
  expect(until).toEqual({ fits: "t" })
  await log.tamper(
    "update pgtrail.act set recorded_at = recorded_at - interval '2 hours' where kind = 'restore'",
  )
  expect(await log.run({ dryRun: true })).toMatchObject({ fresh: "0", partitions: [{ unsound: "10" }] })
  await log.tamper("update pgtrail.event set recorded_at = recorded_at + interval '30 days'")
  await log.tamper(
    "update pgtrail.act set recorded_at = recorded_at + interval '25 hours' where kind = 'restore'",
  )
  expect(await log.findings()).toEqual([])
  expect(await archived(log, {}, again)).toMatchObject({ events: "20", method: "drop" })
  expect(await log.findings()).toEqual([])
  expect(await log.count()).toBe(0)
})

test("the events beside what was restored, and purged again, fit", async () => {
  await log.append(30, { policy: "short" })
  await log.db.query("create table public.saved as select * from pgtrail.event")
  const range = (from: number, to: number) => ({
    since: `2020-01-02T${String(from).padStart(2, "0")}:00:00Z`,
    until: `2020-01-02T${String(to).padStart(2, "0")}:00:00Z`,
  })
  const middle = archiveName("event_2020_01")
  await archived(log, range(5, 10), middle)
  await archived(log, range(2, 5))
  await restore(log, middle, "public.saved")
  expect(await log.findings()).toEqual([])
  expect(await archived(log, range(7, 9))).toMatchObject({ events: "2", unsound: "0" })
  expect(await log.run()).toMatchObject({ events: "25", unsound: "0" })
  expect(await log.findings()).toEqual([])
})

test.each([
  [
    "a rule",
    "select pgtrail.set_retention('policy', 'short', 8000, archive_after_days => 90, confirmed => true)",
  ],
  ["the grace", "select pgtrail.set_setting('retention-grace', '1d')"],
])("what was due before %s changed is asked for again", async (_, sql) => {
  await archives()
  await log.append(6, { policy: "short" })
  const [before] = await log.db.query(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
  )
  await log.db.query(sql)
  const question = { due: true, with: { at: before?.at } }
  await expect(purgeInto(log, archiveName("event_2020_01"), question)).rejects.toMatchObject({
    code: "40001",
  })
  expect(await purgeInto(log, archiveName("event_2020_01"), { with: { at: before?.at } })).toMatchObject({
    events: "6",
  })
})

describe("it is refused, and nothing goes", () => {
  const records = "0".repeat(64)
  const refusals: readonly (readonly [what: string, code: string, question: object])[] = [
    ["everything", "TR009", { and: "everything => true" }],
    ["a limit", "TR009", { and: "most => 3" }],
    ["findings", "TR009", { and: "override => array['0123456789abcdef']" }],
    ["the name of another partition", "TR009", { with: { name: "event_2020_02-20261121T190000Z-000001" } }],
    [
      "a name that leads elsewhere",
      "TR009",
      { with: { name: "event_2020_01-/../../x-20261121T190000Z-000001" } },
    ],
    ["no name", "TR009", { with: { name: null } }],
    ["a location that nobody knows", "TR009", { with: { location: "/srv" } }],
    ["a location that is too long", "TR009", { with: { location: `file:///${"x".repeat(2000)}` } }],
    ["records without a manifest", "TR009", { records, with: { manifest: null } }],
    ["records that are none", "TR009", { records: "x" }],
    ["bytes that are no number", "TR009", { records, with: { bytes: "many" } }],
    ["no word on whether it is due", "TR009", { with: { due: null } }],
    ["a time to come", "TR009", { with: { at: "2999-01-01T00:00:00.000000Z" } }],
    ["no time", "TR009", { with: { at: null } }],
    ["a time in words", "TR009", { with: { at: "yesterday" } }],
    [
      "an end before its beginning",
      "TR009",
      { since: "2020-01-05T00:00:00Z", until: "2020-01-04T00:00:00Z" },
    ],
    ["an end that is for ever", "TR009", { until: "infinity" }],
    ["a time of what is due", "TR009", { due: true, since: "2020-01-05T00:00:00Z" }],
  ]
  test.each(refusals)("with %s", async (_, code, question) => {
    await log.append(4, { policy: "short" })
    const asked = purgeInto(log, archiveName("event_2020_01"), question)
    await expect(asked).rejects.toMatchObject({ code, hint: "Nothing was purged." })
    expect(await log.count()).toBe(4)
  })

  test("with the name of an archive that is there, and in the table without its files", async () => {
    await log.append(8, { policy: "short" })
    const name = archiveName("event_2020_01")
    await archived(log, { until: "2020-01-02T04:00:00Z" }, name)
    await expect(purgeInto(log, name)).rejects.toMatchObject({ code: "TR011" })
    const table = { with: { location: "table:", bytes: 1 } }
    await expect(archived(log, table)).rejects.toMatchObject({ code: "TR017" })
    expect(await log.count()).toBe(4)
    const stored = archiveName("event_2020_01")
    await log.db.query("select pgtrail.store_file($1, 1, 'x')", [`${stored}/manifest.json`])
    await log.db.query("select pgtrail.store_done($1, 1)", [`${stored}/manifest.json`])
    expect(await archived(log, table, stored)).toMatchObject({ events: "4" })
  })

  test("to a reader; an operator is told the places, and of a partition that is not there that it is not", async () => {
    await log.append(4)
    const places = "select organization_id, events from pgtrail.archive_places('event_2020_01')"
    const reader = await (await log.db.role({ memberOf: ["pgtrail_reader"] })).client()
    await expect(reader.query(places)).rejects.toMatchObject({ code: "42501" })
    await reader.end()
    const operator = await (await log.db.role({ memberOf: ["pgtrail_operator"] })).client()
    expect((await operator.query(places)).rows).toEqual([
      { organization_id: "acme", events: "2" },
      { organization_id: "acme", events: "2" },
    ])
    await expect(operator.query("select pgtrail.archive_places('event_1999_01')")).rejects.toMatchObject({
      code: "42P01",
    })
    await operator.end()
  })
})
