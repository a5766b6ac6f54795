// What is no rule of retention is refused; who may change rules, many at once; and verify replays them.
import { expect, test } from "vitest"
import { testDatabase } from "../database.js"
import { failureOf } from "./failure.js"
import { ruledLog } from "./retention-rule-fixture.js"
import { withClients } from "./writers.js"

const log = ruledLog()

test("the period of an organization stays within the bounds, that of a type does not know them", async () => {
  const { trail, set } = log()
  await trail.setSetting("organization-keep-least", "30d")
  await trail.setSetting("organization-keep-most", "365d")
  for (const days of [29, 366]) {
    expect(await failureOf(set("globex", days, { organization: "globex" }))).toMatchObject({
      code: "usage",
      message:
        "the period of an organization is 30 to 365 days (settings organization-keep-least and organization-keep-most)",
      hint: "nothing was changed",
    })
  }
  expect(await set("globex", 30, { organization: "globex" })).toMatchObject({ changed: true })
  expect(await set("globex", 365, { organization: "globex" })).toMatchObject({ changed: true })
  expect(await set("auth", 1, { type: "auth" })).toMatchObject({ changed: true })
})

test.each([
  ["", 30, {}],
  ["a\nb", 30, {}],
  [" a", 30, {}],
  ["x".repeat(101), 30, {}],
  ["p", 0, {}],
  ["p", 36_501, {}],
  ["p", 30, { archiveAfterDays: 30 }],
  ["p", 30, { organization: "" }],
  ["p", 30, { type: "auth." }],
  ["p", 30, { type: "auth*" }],
  ["p", 30, { tag: "PCI" }],
  ["p", 30, { classification: "SECRET" }],
  ["p", 30, { type: "x\0" }],
  ["standard", 30, { organization: "acme" }],
])("no policy is %j of %i days for %j", async (name, days, of) => {
  const { db, set } = log()
  expect(await failureOf(set(name, days, of))).toMatchObject({
    code: "usage",
    hint: expect.stringMatching(/^nothing was changed/),
  })
  expect(await db.query("select count(*) as n from pgtrail.retention_rule")).toEqual([{ n: "1" }])
})

test("a dry run changes nothing and says what the real one says", async () => {
  const { db, trail, keeps, set } = log()
  await set("p", 90)
  const before = await db.query("select count(*), max(seq) from pgtrail.act")
  const tried = await trail.setRetentionRule("policy", { name: "p", keepDays: 30 }, { dryRun: true })
  expect(await db.query("select count(*), max(seq) from pgtrail.act")).toEqual(before)
  expect(await keeps({ policy: "p" })).toBe("p 90")
  const done = await set("p", 30, {}, false)
  expect({ ...tried, dry_run: false, act: done.act, grace_until: done.grace_until }).toEqual(done)
  const refused = trail.setRetentionRule("policy", { name: "p", keepDays: 0 }, { dryRun: true })
  expect(await failureOf(refused)).toMatchObject({ code: "usage" })
})

test("an operator sets, an auditor and a reader read, a writer nothing; who may not see holds is told so", async () => {
  const { db, trail } = log()
  const as = async (group: string) => db.trail({ url: (await db.role({ memberOf: [group] })).url })
  const operator = await as("pgtrail_operator")
  expect(await operator.setRetentionRule("policy", { name: "p", keepDays: 30 })).toMatchObject({
    changed: true,
  })
  await trail.append({ organization_id: "read", event_type: "x" })
  const [event] = await db.query(
    "select organization_id || '/' || lane || '/' || seq as place from pgtrail.event where organization_id = 'read'",
  )
  for (const group of ["pgtrail_reader", "pgtrail_auditor"]) {
    const other = await as(group)
    expect((await other.retentionRules("policy")).map(({ name }) => name)).toEqual(["p", "standard"])
    const told = await other.explainRetention({ event: event?.place ?? "" })
    expect(told.holds).toEqual(group === "pgtrail_reader" ? null : [])
    expect(await failureOf(other.setRetentionRule("policy", { name: "p", keepDays: 1 }))).toMatchObject({
      code: "privilege",
      hint: expect.stringContaining("operator"),
    })
  }
  const writer = await as("pgtrail_writer")
  expect(await failureOf(writer.retentionRules("floor"))).toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("reader"),
  })
})

test("of many operators at once each change follows the one before, and one version of a rule is in force", async () => {
  const { db } = log()
  await withClients(db, 8, async (client, n) => {
    await client.query("select pgtrail.set_retention('policy', 'p', $1)", [100 + n])
  })
  const versions = await db.query(
    "select act_seq, ended_seq from pgtrail.retention_rule where name = 'p' order by act_seq",
  )
  expect(versions).toHaveLength(8)
  expect(versions.map((version) => version.ended_seq)).toEqual([
    ...versions.slice(1).map((version) => version.act_seq),
    null,
  ])
})

test("verify replays every version of every rule, also those that a confirmation ended for good; a row changed by hand is found", async () => {
  const own = await testDatabase()
  try {
    const log = await own.trail()
    await log.append({ event_type: "x" })
    const policy = (name: string, keepDays: number, confirm?: string) =>
      log.setRetentionRule("policy", { name, keepDays, type: "auth" }, { confirm })
    for (const days of [400, 300, 200]) await policy("p", days)
    await policy("p", 200, "p")
    await log.removeRetentionRule("policy", "p")
    await log.removeRetentionRule("policy", "p", { confirm: "p" })
    await policy("p", 100)
    await policy("q", 100, "q")
    await log.setRetentionRule(
      "policy",
      { name: "standard", keepDays: 30, archiveAfterDays: 7 },
      { confirm: "standard" },
    )
    await log.setRetentionRule("floor", { name: "pci", keepDays: 365, tag: "PCI" })
    await log.addHold({ case: "C", reason: "r", actor: "u1", since: "2026-01-01T00:00:00.5Z" })
    await log.addHold({
      case: "C",
      reason: "r",
      resourceType: "doc",
      resourceId: "1",
      expires: "2999-01-01Z",
    })
    await log.releaseHold("C", { reason: "r" })
    await log.addHold({ case: "C", reason: "r", organization: "acme" })
    expect(await log.verify()).toMatchObject({ verdict: "intact", findings: [] })
    for (const change of [
      "update pgtrail.retention_rule set counts_until = 'infinity' where act_seq = 2",
      "update pgtrail.retention_rule set keep_days = 1 where name = 'standard' and ended_seq is null",
      "update pgtrail.hold set actor_id = 'u2' where actor_id = 'u1'",
      "update pgtrail.hold set released_seq = 1 where organization_id = 'acme'",
    ]) {
      await own.query("begin; set local session_replication_role = replica")
      await own.query(
        `create table public.kept as table pgtrail.retention_rule; create table public.held as table pgtrail.hold; ${change}; commit`,
      )
      expect(
        (await log.verify()).findings.map(({ kind }) => kind),
        change,
      ).toEqual(["control_altered"])
      await own.query(`set session_replication_role = replica; delete from pgtrail.retention_rule; delete from pgtrail.hold;
        insert into pgtrail.retention_rule table public.kept; insert into pgtrail.hold table public.held;
        drop table public.kept, public.held; set session_replication_role = origin`)
    }
    expect(await log.verify()).toMatchObject({ verdict: "intact" })
  } finally {
    await own.drop()
  }
})
