// A log that was set back by a restore, a recovery or a failover: told from tampering, recorded, and reported as lost then.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { places } from "./verify-fixture.js"

let log: AnchoredLog
let early: string
let late: string
beforeAll(async () => {
  log = await anchoredLog()
  early = await log.checkpoint("early.checkpoint")
  await log.db.query("truncate public.act_copy; insert into public.act_copy select * from pgtrail.act")
  await log.append("acme", 7)
  await log.append("newcomer", 2)
  late = await log.checkpoint("late.checkpoint")
  // What a restore does to all tables at once.
  await log.restore()
})
afterAll(() => log.drop())

const check = (...checkpoints: string[]) => log.check({ checkpoints })

test("the log by itself is intact, and so it is by a checkpoint from before", async () => {
  expect(await check(early)).toMatchObject({ verdict: "intact", findings: [] })
})

test("by a later checkpoint it is rolled back: not tampered, and every lane is named with what is gone", async () => {
  const report = await check(early, late)
  expect(report.verdict).toBe("rolled_back")
  expect(places(report.findings)).toEqual([
    "rolled_back -/-/3",
    "rolled_back acme/0/41",
    "rolled_back newcomer/0/1",
  ])
  expect(report.findings.map((finding) => finding.message).join("\n")).toContain("pgtrail incarnation open")
})

test("an event altered beside it is tampering", async () => {
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
  const report = await check(late)
  expect(report.verdict).toBe("tampered")
  expect(places(report.findings)).toContain("altered globex/0/3")
  await log.restore()
})

test("an incremental verification from the later checkpoint says so too", async () => {
  const report = await log.check({ checkpoints: [late], incremental: true })
  expect(report.verdict).toBe("rolled_back")
  expect(places(report.findings)).toEqual([
    "rolled_back -/-/3",
    "rolled_back acme/0/41",
    "rolled_back newcomer/0/1",
  ])
})

describe("that goes on", () => {
  beforeAll(async () => {
    await log.append("acme", 20)
    await log.append("initech")
    await log.trail.verify({ jobs: 1 })
    await log.trail.verify({ jobs: 1 })
  })

  test("is still told from a rewritten one, by the time of what came in its place", async () => {
    const report = await check(late)
    expect(report.verdict).toBe("rolled_back")
    expect(places(report.findings)).toEqual([
      "rolled_back -/-/3",
      "rolled_back acme/0/47",
      "rolled_back newcomer/0/1",
    ])
  })

  test("is intact once an incarnation has recorded what is lost, and reports it as lost", async () => {
    const opened = await log.trail.openIncarnation({
      reason: "restore",
      checkpoint: late,
      publicKeys: [log.publicKey],
    })
    expect(opened).toMatchObject({ number: "2", lanes_lost: "2", events_lost: "9", acts_lost: true })
    const report = await check(early, late)
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
    expect(report.covered.lost).toBe("9")
    expect(await log.check({ checkpoints: [late], incremental: true })).toMatchObject({ verdict: "intact" })
  })

  test("a loss that goes from its table, or grows there, is found", async () => {
    await log.tamper("create table public.losses as select * from pgtrail.loss; delete from pgtrail.loss")
    expect((await check(late)).findings.map((finding) => finding.kind)).toContain("control_altered")
    await log.tamper(
      "insert into pgtrail.loss select * from public.losses; update pgtrail.loss set lost_seq = 1000",
    )
    expect((await check(late)).findings.map((finding) => finding.kind)).toContain("control_altered")
    await log.tamper("truncate pgtrail.loss; insert into pgtrail.loss select * from public.losses")
    expect((await check(late)).verdict).toBe("intact")
  })

  test("what a checkpoint of the new incarnation knew counts from then on", async () => {
    const next = await log.checkpoint("next.checkpoint")
    await log.append("acme", 3)
    expect(await check(early, late, next)).toMatchObject({ verdict: "intact" })
    await log.tamper(
      "delete from pgtrail.event where organization_id = 'acme' and lane = 0 and seq > 55; delete from pgtrail.chain_head where organization_id = 'acme' and lane = 0 and seq > 55",
    )
    expect(places((await check(early, late, next)).findings)).toEqual(["truncated acme/0/56"])
  })
})

test("what a checkpoint knew that was made after the restore is not lost, though the incarnation was opened later", async () => {
  const restored = await anchoredLog()
  await restored.append("acme", 7)
  const before = await restored.checkpoint("before.checkpoint")
  await restored.restore()
  await restored.append("acme", 4)
  const between = await restored.checkpoint("between.checkpoint")
  await restored.trail.openIncarnation({
    reason: "restore",
    checkpoint: before,
    publicKeys: [restored.publicKey],
  })
  const report = await restored.check({ checkpoints: [between] })
  expect(report).toMatchObject({ verdict: "intact", covered: { lost: "0" } })
  expect(await restored.check({ checkpoints: [before] })).toMatchObject({
    verdict: "intact",
    covered: { lost: "7" },
  })
  await restored.tamper(
    "delete from pgtrail.event where organization_id = 'acme' and event_type = 'more'; delete from pgtrail.chain_head where organization_id = 'acme' and lane = 0 and seq > 40",
  )
  expect(places((await restored.check({ checkpoints: [between] })).findings)).toEqual(["truncated acme/0/41"])
  await restored.drop()
})

test("two restores one after the other: each loss counts for the checkpoints that it was recorded from, and for no later one", async () => {
  const twice = await anchoredLog()
  const open = (name: string) =>
    twice.trail.openIncarnation({ reason: "restore", checkpoint: name, publicKeys: [twice.publicKey] })
  await twice.append("acme", 10)
  const first = await twice.checkpoint("first.checkpoint")
  await twice.append("acme", 5)
  const unrecorded = await twice.checkpoint("unrecorded.checkpoint")
  await twice.restore()
  await twice.append("acme", 1)
  await open(first)
  expect(places((await twice.check({ checkpoints: [first, unrecorded] })).findings)).toEqual([
    "rolled_back -/-/3",
    "rolled_back acme/0/42",
  ])
  await twice.keep()
  await twice.append("acme", 30)
  const second = await twice.checkpoint("second.checkpoint")
  await twice.restore()
  await open(second)
  expect(await twice.check({ checkpoints: [first, second] })).toMatchObject({ verdict: "intact" })
  // What the first lost beyond its checkpoint nobody has recorded: a loss on another branch does not stand for it.
  expect((await twice.check({ checkpoints: [unrecorded] })).verdict).toBe("rolled_back")
  await twice.drop()
})

test("a copy has a log id of its own: old lanes keep their genesis, new ones have another, and both verify", async () => {
  const copy = await anchoredLog()
  const from = await copy.checkpoint("copied.checkpoint")
  const [before] = await copy.db.query("select log_id from pgtrail.log")
  const opened = await copy.trail.openIncarnation({
    reason: "copy",
    checkpoint: from,
    publicKeys: [copy.publicKey],
  })
  expect(opened.log_id).not.toBe(before?.log_id)
  await copy.append("acme", 2)
  await copy.append("newcomer", 2)
  const report = await copy.check({ checkpoints: [from] })
  expect(report).toMatchObject({ verdict: "intact", findings: [] })
  expect(report.covered.lost).toBe("0")
  for (const organization of ["acme", "newcomer"]) {
    expect((await copy.trail.show({ organization, lane: "0", seq: "1" })).problems).toEqual([])
  }
  const next = await copy.checkpoint("next.checkpoint")
  expect(await copy.check({ checkpoints: [from, next] })).toMatchObject({ verdict: "intact" })
  await copy.drop()
})
