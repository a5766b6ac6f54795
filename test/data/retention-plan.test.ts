// What a plan of retention says would go when, and what keeps it; and that a run then takes just that.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { describePlan, whenItGoes } from "../../src/data/retention/run-words.js"
import { failureOf } from "./failure.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

const days = (count: number) => `now() + ${count} * interval '24 hours'`
const insert = (at: string, policy = "short") =>
  log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy) values ('acme', ${at}, 'a', '${policy}')`,
  )
const row = (plan: Awaited<ReturnType<typeof log.trail.planRetention>>, policy: string, org = "acme") =>
  plan.purges.find((purge) => purge.policy === policy && purge.organization_id === org)

test("by organization and policy it says how much goes, what of it occurred when, and a run takes just that", async () => {
  await log.append(20)
  await log.append(10, { org: "globex", at: "2020-02-02", policy: "short" })
  const plan = await log.trail.planRetention()
  expect(plan).toMatchObject({ within_days: "30", organization: null, unsound: null, waiting: [] })
  expect(plan.purges).toHaveLength(2)
  expect(row(plan, "short")).toMatchObject({
    keep_days: "100",
    floor: null,
    events: "10",
    held: "0",
    fresh: "0",
    cases: [],
    oldest: "2020-01-02T00:00:00.000000Z",
    newest: "2020-01-02T18:00:00.000000Z",
  })
  expect(row(plan, "short", "globex")).toMatchObject({ events: "10" })
  const [size] = await log.db.query("select pg_total_relation_size('pgtrail.event_2020_01') / 2 as half")
  expect(row(plan, "short")?.bytes).toBe(size?.half)
  const planned = plan.purges.reduce((sum, { events }) => sum + Number(events), 0)
  expect(Number((await log.run()).events)).toBe(planned)
  expect((await log.trail.planRetention()).purges).toEqual([])
})

test("it looks as many days ahead as it is told, and says when the first and the last go", async () => {
  await insert(days(-100 + 5))
  await insert(days(-100 + 20))
  await insert(days(-100 + 40))
  expect((await log.trail.planRetention({ withinDays: 1 })).purges).toEqual([])
  expect(row(await log.trail.planRetention({ withinDays: 10 }), "short")).toMatchObject({ events: "1" })
  const month = row(await log.trail.planRetention(), "short")
  expect(month).toMatchObject({ events: "2" })
  const [times] = await log.db.query(
    `select $1::timestamptz - now() between interval '4 days 23 hours' and interval '5 days' as first,
       $2::timestamptz - now() between interval '19 days 23 hours' and interval '20 days' as last`,
    [month?.first_goes_at, month?.last_goes_at],
  )
  expect(times).toEqual({ first: "t", last: "t" })
  expect(row(await log.trail.planRetention({ withinDays: 60 }), "short")).toMatchObject({ events: "3" })
})

test("partitions that can have nothing that goes are not read", async () => {
  await insert(days(0))
  await insert("timestamptz '2020-01-05Z'")
  const old = ["event_2020_01", "event_2020_02", "event_2020_03", "event_default"]
  const read: string[] = []
  const plan = await log.trail.planRetention({ progress: (doing) => read.push(doing.split(":")[0] ?? "") })
  expect(read).toEqual(old)
  expect(plan).toMatchObject({ partitions: "4" })
  const purged: string[] = []
  await log.run({ progress: (doing) => purged.push(doing.split(":")[0] ?? "") })
  expect([...new Set(purged)]).toEqual(old)
})

test("what holds keep is counted apart, with the cases", async () => {
  await log.append(20, { policy: "short" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
  await log.db.query("select pgtrail.add_hold('C2', 'another', actor => 'u8')")
  await log.db.query("select pgtrail.add_hold('C3', 'elsewhere', 'globex')")
  const plan = row(await log.trail.planRetention(), "short")
  expect(plan).toMatchObject({ events: "16", held: "4", cases: ["C1", "C2"] })
  expect(await log.run()).toMatchObject({ events: "16", held: "4" })
})

test("what a run would take now is told apart from what goes later, by one clock", async () => {
  await log.append(4, { policy: "short" })
  await insert(days(-100 + 5))
  await insert(days(-100 + 50))
  const plan = await log.trail.planRetention()
  const planned = row(plan, "short")
  expect(planned).toMatchObject({ events: "5", events_now: "4", events_later: "1", fresh: "0" })
  // Due since it was in the log, without a grace: in the past; and the end of the days is so many days after the time of asking.
  const [old] = await log.db.query(
    "select min(recorded_at) = $1::timestamptz and $1::timestamptz < $2::timestamptz as fits from pgtrail.event",
    [planned?.first_goes_at, plan.at],
  )
  expect(old).toEqual({ fits: "t" })
  expect(Date.parse(plan.until) - Date.parse(plan.at)).toBe(30 * 86_400_000)
  expect(whenItGoes(planned as never)).toEqual({ first_goes_at: "now", last_goes_at: planned?.last_goes_at })
  const [over] = (await log.trail.planRetention({ withinDays: 1 })).purges
  expect(whenItGoes(over as never)).toEqual({ first_goes_at: "now", last_goes_at: "now" })
  expect(await log.run()).toMatchObject({ events: "4" })
})

test("where a longer period is still kept to, what only the shorter one lets go is not over now", async () => {
  await log.append(4, { policy: "slow" })
  await log.db.query("select pgtrail.set_retention('policy', 'slow', 9999, confirmed => true)")
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  await log.db.query("select pgtrail.set_retention('policy', 'slow', 50)")
  const plan = row(await log.trail.planRetention({ withinDays: 8 }), "slow")
  expect(plan).toMatchObject({ events: "4", events_now: "0", events_later: "4" })
  expect(await log.run()).toMatchObject({ events: "0" })
})

test("what is not yet in the log for the grace is fresh", async () => {
  await log.append(4, { policy: "short" })
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  expect(row(await log.trail.planRetention({ withinDays: 2 }), "short")).toMatchObject({
    events: "0",
    fresh: "4",
  })
  const later = row(await log.trail.planRetention({ withinDays: 8 }), "short")
  expect(later).toMatchObject({ events: "4", events_now: "0", events_later: "4", fresh: "4" })
  expect(Date.parse(later?.first_goes_at ?? "")).toBeGreaterThan(Date.now() + 6 * 86_400_000)
})

test("a shortened policy is counted when it counts, and is named until then", async () => {
  await log.append(4, { policy: "slow" })
  await log.db.query("select pgtrail.set_retention('policy', 'slow', 9999, confirmed => true)")
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  await log.db.query("select pgtrail.set_retention('policy', 'slow', 50)")
  const soon = await log.trail.planRetention({ withinDays: 2 })
  expect(row(soon, "slow")).toBeUndefined()
  expect(soon.waiting).toMatchObject([{ kind: "policy", name: "slow", keep_days: "9999" }])
  expect(describePlan(soon)).toContain("what the policy slow kept for 9,999 days before is kept until ")
  expect(row(await log.trail.planRetention({ withinDays: 8 }), "slow")).toMatchObject({
    events: "4",
    keep_days: "50",
  })
})

test("what waits for its archive is counted", async () => {
  await log.db.query(
    "select pgtrail.set_retention('policy', 'kept', 9999, archive_after_days => 90, confirmed => true)",
  )
  await log.append(6, { policy: "kept" })
  await insert(days(-10), "kept")
  expect(row(await log.trail.planRetention(), "kept")).toMatchObject({ events: "0", awaiting_archive: "6" })
})

test("what is due for an archive, and a hold or the grace keeps back, is counted as that", async () => {
  await log.db.query(
    "select pgtrail.set_retention('policy', 'kept', 9999, archive_after_days => 90, confirmed => true)",
  )
  await log.append(20, { policy: "kept" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
  expect(row(await log.trail.planRetention(), "kept")).toMatchObject({
    awaiting_archive: "18",
    held: "2",
    fresh: "0",
    cases: ["C1"],
    events: "0",
  })
  await log.db.query("select pgtrail.set_setting('retention-grace', '7d')")
  expect(row(await log.trail.planRetention(), "kept")).toMatchObject({
    awaiting_archive: "0",
    held: "2",
    fresh: "18",
  })
})

test("--org shows one organization alone, and --verify what would stay because it does not verify", async () => {
  await log.append(6, { policy: "short" })
  await log.append(6, { org: "globex", policy: "short" })
  await log.tamper("update pgtrail.event set actor_id = 'eve' where organization_id = 'globex' and seq = 3")
  const acme = await log.trail.planRetention({ organization: "acme", verify: true })
  expect(acme.purges.map(({ organization_id }) => organization_id)).toEqual(["acme"])
  expect(acme.unsound).toBe("0")
  expect(await log.trail.planRetention({ verify: true })).toMatchObject({ unsound: "1" })
  expect(await failureOf(log.trail.planRetention({ organization: "acne" }))).toMatchObject({
    code: "not-found",
    hint: "did you mean acme?",
  })
})

test("a floor is named beside the policy that it lengthens", async () => {
  await log.db.query(
    "select pgtrail.set_retention('floor', 'pci', 365, compliance_tag => 'PCI', confirmed => true)",
  )
  await log.db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy, compliance_tags) values ('acme', '2020-01-05Z', 'card', 'short', '{PCI}')",
  )
  expect(row(await log.trail.planRetention(), "short")).toMatchObject({
    floor: "pci",
    keep_days: "365",
    events: "1",
  })
})
