// The rules of retention: which of them an event has, from when a change counts, and when an event goes.
import { expect, test } from "vitest"
import { describeChange } from "../../src/data/retention/rule-words.js"
import { failureOf } from "./failure.js"
import { ruledLog } from "./retention-rule-fixture.js"

const log = ruledLog()

test("organization beats none, then the longest type, then classification, then the event's own, then standard", async () => {
  const { keeps, set } = log()
  const event = { organization: "acme", type: "auth.login", classification: "PHI", policy: "own" }
  expect(await keeps(event)).toBe("standard 2555")
  await set("own", 10)
  expect(await keeps(event)).toBe("own 10")
  await set("phi", 20, { classification: "PHI" })
  expect(await keeps(event)).toBe("phi 20")
  await set("auth", 30, { type: "auth" })
  expect(await keeps(event)).toBe("auth 30")
  await set("auth-phi", 40, { type: "auth", classification: "PHI" })
  expect(await keeps(event)).toBe("auth-phi 40")
  await set("login", 50, { type: "auth.login" })
  expect(await keeps(event)).toBe("login 50")
  await set("acme", 60, { organization: "acme" })
  expect(await keeps(event)).toBe("acme 60")
  await set("acme-phi", 70, { organization: "acme", classification: "PHI" })
  expect(await keeps(event)).toBe("acme-phi 70")
  await set("acme-auth", 80, { organization: "acme", type: "auth" })
  expect(await keeps(event)).toBe("acme-auth 80")
  expect(await keeps({ ...event, type: "authz" })).toBe("acme-phi 70")
  expect(await keeps({ ...event, organization: "globex", type: "authz" })).toBe("phi 20")
  expect(await keeps({ ...event, organization: "globex", type: "x", classification: null })).toBe("own 10")
  expect(await keeps({ organization: "globex", type: "x", policy: "acme" })).toBe("standard 2555")
})

test("a shorter period waits for the grace, a longer one counts at once, and the answer says from when", async () => {
  const { db, trail, keeps, set } = log()
  await set("p", 90)
  const longer = await set("p", 400, {}, false)
  expect(longer).toMatchObject({ keep_days: "400", before_days: "90", grace_until: null, grace_days: null })
  expect(await keeps({ policy: "p" })).toBe("p 400")
  const shorter = await set("p", 30, {}, false)
  expect(shorter).toMatchObject({ keep_days: "30", before_days: "400", grace_days: "400" })
  const [row] = await db.query(
    "select $1::timestamptz = recorded_at + interval '168 hours' as fits from pgtrail.act where seq = $2",
    [shorter.grace_until, shorter.act],
  )
  expect(row?.fits).toBe("t")
  expect(await trail.explainRetention({ policy: "p" })).toMatchObject({ keep_days: "400", later_days: "30" })
  const [moments] = await db.query(
    `select (select keep_days from pgtrail.retention_of(null, null, null, 'p', null, $1::timestamptz - interval '1 us')) as before,
       (select keep_days from pgtrail.retention_of(null, null, null, 'p', null, $1)) as at`,
    [shorter.grace_until],
  )
  expect(moments).toEqual({ before: "400", at: "30" })
})

test("what waits can be confirmed, and then nothing of before counts, however often it was changed meanwhile", async () => {
  const { trail, keeps, set } = log()
  for (const days of [400, 300, 200]) await set("p", days, {}, false)
  expect(await keeps({ policy: "p" })).toBe("p 2555")
  expect(await set("p", 200, {}, false)).toMatchObject({ changed: false, act: null })
  expect(await set("p", 200)).toMatchObject({ changed: true, grace_until: null })
  expect(await keeps({ policy: "p" })).toBe("p 200")
  expect(await set("p", 200)).toMatchObject({ changed: false, act: null })
  const removed = await trail.removeRetentionRule("policy", "p")
  // What it leaves to standard is kept longer: nothing waits.
  expect(removed).toMatchObject({ keep_days: null, before_days: "200", grace_days: null, grace_until: null })
  expect(await keeps({ policy: "p" })).toBe("standard 2555")
  expect(await trail.removeRetentionRule("policy", "p")).toMatchObject({ changed: false })
  expect(await trail.removeRetentionRule("policy", "p", { confirm: "p" })).toMatchObject({ changed: true })
  expect(await failureOf(trail.removeRetentionRule("policy", "p"))).toMatchObject({ code: "not-found" })
})

test("who removes a policy and sets it again has not shortened anything without the grace", async () => {
  const { trail, keeps, set } = log()
  await set("p", 30)
  await trail.removeRetentionRule("policy", "p")
  await set("p", 30, {}, false)
  expect(await keeps({ policy: "p" })).toBe("p 2555")
})

test("of equal policies the longer counts, and whoever sets or asks is told", async () => {
  const { trail, set } = log()
  const of = { organization: "acme", type: "auth" }
  expect(await set("one", 100, of)).toMatchObject({ equals: [] })
  expect(await set("two", 200, of)).toMatchObject({ equals: [{ name: "one", keep_days: "100" }] })
  await set("general", 300)
  expect(await set("other", 300)).toMatchObject({ equals: [] })
  const told = await trail.explainRetention({ organization: "acme", type: "auth.login" })
  expect(told).toMatchObject({ policy: { name: "two" }, keep_days: "200", equals: [{ name: "one" }] })
})

test("a floor is never gone below; the longest of several counts, and a policy that is longer", async () => {
  const { trail, keeps, set } = log()
  await set("p", 30)
  await trail.setRetentionRule("floor", { name: "pci", keepDays: 365, tag: "PCI" })
  await trail.setRetentionRule("floor", { name: "sox", keepDays: 100, tag: "SOX" })
  expect(await keeps({ policy: "p", tags: ["x", "SOX", "PCI"] })).toBe("p 365")
  expect(await keeps({ policy: "p", tags: ["SOX"] })).toBe("p 100")
  expect(await keeps({ policy: "p", tags: ["pci"] })).toBe("p 30")
  expect(await keeps({ tags: ["PCI"] })).toBe("standard 2555")
  await trail.removeRetentionRule("floor", "pci")
  expect(await keeps({ policy: "p", tags: ["PCI"] })).toBe("p 365")
  await trail.removeRetentionRule("floor", "pci", { confirm: "pci" })
  expect(await keeps({ policy: "p", tags: ["PCI"] })).toBe("p 30")
})

test("an event of the log is told when it goes: not before its grace, and never while it has no time", async () => {
  const { db, trail, set } = log()
  await trail.append([
    { organization_id: "old", event_type: "x", occurred_at: "2001-01-01T00:00:00Z" },
    { organization_id: "new", event_type: "x" },
    { organization_id: "never", event_type: "x", occurred_at: "infinity" },
  ])
  const places = await db.query(`select organization_id || '/' || lane || '/' || seq as place,
    to_char((recorded_at + interval '168 hours') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as arrived,
    case when isfinite(occurred_at) then to_char((occurred_at + interval '720 hours') at time zone 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end as aged
    from pgtrail.event order by organization_id <> 'old', organization_id <> 'new'`)
  const tell = async (n: number) => trail.explainRetention({ event: places[n]?.place ?? "" })
  await set("standard", 30)
  expect(await tell(0)).toMatchObject({ goes_at: places[0]?.arrived, over: false, holds: [] })
  expect(await tell(1)).toMatchObject({ goes_at: places[1]?.aged, over: false })
  expect(await tell(2)).toMatchObject({ goes_at: null, over: false })
  await trail.addHold({ case: "C", reason: "r", organization: "old" })
  expect((await tell(0)).holds).toMatchObject([{ case_id: "C" }])
  expect((await tell(1)).holds).toEqual([])
  await trail.releaseHold("C", { reason: "r" })
  // What the grace keeps ends by itself: the day on which it goes is that end.
  const longer = await set("standard", 36_500, {}, false)
  expect(longer.grace_until).toBeNull()
  const shorter = await set("standard", 1, {}, false)
  expect(await tell(0)).toMatchObject({ keep_days: "36500", later_days: "1", goes_at: shorter.grace_until })
})

test("a policy that is set without --archive-after has no archive any more, and the answer says so", async () => {
  const { trail, set } = log()
  const leaves = "the table after 90 days, into an archive: pgtrail archive create --due --to PLACE"
  const rule = { name: "p", keepDays: 2555, archiveAfterDays: 90 }
  expect(describeChange(await trail.setRetentionRule("policy", rule, { dryRun: true }))).toContain(
    `\nwould leave ${leaves}`,
  )
  const made = await set("p", 2555, { archiveAfterDays: 90 })
  expect(made).toMatchObject({ archive_after_days: "90", archive_before_days: null })
  expect(describeChange(made)).toContain(`\nleaves ${leaves}`)
  const without = await set("p", 2600)
  expect(without).toMatchObject({ archive_after_days: null, archive_before_days: "90" })
  expect(describeChange(without)).toMatch(/\nno archive any more, was after 90 days$/)
  expect(describeChange(await set("p", 2700))).not.toContain("archive")
  await set("p", 2700, { archiveAfterDays: 30 })
  expect(describeChange(await trail.removeRetentionRule("policy", "p"))).not.toContain("archive")
})

test("an archive that would come when the keep is over is refused in the words of the line", async () => {
  expect(await failureOf(log().set("p", 400, { archiveAfterDays: 500 }))).toMatchObject({
    code: "usage",
    message: "--archive-after 500d is not less than --keep 400d",
    hint: expect.stringContaining("nothing was changed"),
  })
})
