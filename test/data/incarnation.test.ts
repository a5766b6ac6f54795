// Incarnations: what a restore lost is found against a checkpoint and recorded.
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import { describeIncarnation } from "../../src/data/checkpoint/describe.js"
import { head, writeCheckpoint } from "./checkpoint-fixture.js"
import { type RestorableLog, restorableLog } from "./incarnation-fixture.js"

let log: RestorableLog
beforeAll(async () => {
  log = await restorableLog()
})
afterAll(() => log.remove())
beforeEach(() => log.keep())

test("the installation is the first, and nothing is lost", async () => {
  const { trail, logId } = log
  expect(await trail.incarnations()).toEqual([
    {
      number: "1",
      log_id: logId,
      reason: "install",
      opened_at: expect.any(String),
      act: null,
      lanes_lost: "0",
      events_lost: "0",
    },
  ])
})

test("where nothing is lost one opens all the same, and says so", async () => {
  const { db, trail, logId, checkpoint, open } = log
  const file = await checkpoint()
  const opened = await open(file, { reason: "failover" })
  const [act] = await db.query("select max(seq) as seq from pgtrail.act")
  expect(opened).toMatchObject({
    number: "2",
    log_id: logId,
    reason: "failover",
    act: act?.seq,
    lanes_lost: "0",
    events_lost: "0",
    acts_lost: false,
    lost: [],
  })
  expect(describeIncarnation(opened)).toContain("no event is lost since the checkpoint")
  expect((await trail.verify({ record: false })).verdict).toBe("intact")
})

test("events that are still there are not lost, though the newest hashes have forgotten them", async () => {
  const { db, append, checkpoint, open, restore } = log
  const file = await checkpoint()
  for (let turn = 0; turn < 8; turn += 1) await append("acme", 64)
  const [row] = await db.query(
    "select count(*) as n from pgtrail.chain_head where organization_id = 'acme' and seq = 10",
  )
  expect(row?.n).toBe("0")
  expect(await open(file, { dryRun: true })).toMatchObject({ lanes_lost: "0", acts_lost: false })
  await restore()
})

test("what a restore lost is recorded lane by lane, new events since then are no hindrance, and verify calls it lost", async () => {
  const { db, trail, logId, pair, publicKeys, append, checkpoint, open, restore, state } = log
  await append("acme", 5)
  await append("late \u001b[2J", 4)
  const file = await checkpoint()
  const before = await db.query("select max(seq) as seq from pgtrail.event where organization_id = 'acme'")
  await restore()
  const [kept] = await db.query("select max(seq) as seq from pgtrail.event where organization_id = 'acme'")
  await append("acme", 2)
  const expected = [
    { organization_id: "acme", lane: "0", kept_seq: kept?.seq, lost_seq: before[0]?.seq },
    { organization_id: "late \u001b[2J", lane: "0", kept_seq: "0", lost_seq: "4" },
  ]

  const untouched = await state()
  const dry = await open(file, { dryRun: true })
  expect(dry).toMatchObject({ act: null, lanes_lost: "2", events_lost: "9", acts_lost: true, lost: expected })
  expect(describeIncarnation(dry)).toMatch(/^would open incarnation 3 \(restore\)/)
  expect(await state()).toEqual(untouched)

  const opened = await open(file)
  expect(opened).toMatchObject({
    number: "3",
    log_id: logId,
    lanes_lost: "2",
    events_lost: "9",
    lost: expected,
  })
  expect(describeIncarnation(opened).split("\n").slice(1)).toEqual([
    `lost since the ${opened.checkpoint} of ${opened.checkpoint_time}: 9 events in 2 lanes`,
    "  acme/0          events 11 to 15",
    "  late \\x1b[2J/0  events 1 to 4",
    "the act of that checkpoint is lost as well, and what was recorded after it",
  ])
  expect((await trail.incarnations()).at(-1)).toMatchObject({
    number: "3",
    reason: "restore",
    act: opened.act,
    lanes_lost: "2",
    events_lost: "9",
  })
  const [row] = await db.query("select checkpoint from pgtrail.incarnation where number = 3")
  expect(row?.checkpoint).toBe(readFileSync(file, "utf8"))
  const report = await trail.verify({ record: false, checkpoints: [file], publicKeys })
  expect(report.findings).toEqual([])
  expect(report.verdict).toBe("intact")
  // The next checkpoint tells the incarnation.
  expect(await openCheckpoint(await checkpoint(), [pair.verifier])).toMatchObject({ incarnation: "3" })
})

test("a copy gets a log id of its own, and the checkpoints from before still count", async () => {
  const { trail, logId, pair, append, checkpoint, open, restore } = log
  const file = await checkpoint()
  const opened = await open(file, { reason: "copy" })
  expect(opened).toMatchObject({ number: "4", lanes_lost: "0", reason: "copy" })
  expect(opened.log_id).not.toBe(logId)
  await append("born in the copy", 2)
  expect(await openCheckpoint(await checkpoint(), [pair.verifier])).toMatchObject({ logId: opened.log_id })
  expect(await open(file, { reason: "failover" })).toMatchObject({ number: "5", log_id: opened.log_id })
  expect((await trail.verify({ record: false })).findings).toEqual([])
  await restore()
})

// It asks about each lane by itself, a thousandth of a second of the processor.
test("more lanes that were lost than are looked up at once are all recorded, and the first of them told", async () => {
  const { logId, pair, path, open } = log
  const lanes = Array.from({ length: 5_001 }, (_, at) => head(`org ${String(at).padStart(5, "0")}`, "0", "2"))
  writeCheckpoint(path("large"), lanes, pair, { logId })
  const opened = await open(path("large"), { dryRun: true })
  expect(opened).toMatchObject({ lanes_lost: "5001", events_lost: "10002", acts_lost: true })
  const told = describeIncarnation(opened)
  expect(told).toContain(": 10,002 events in 5,001 lanes\n  org 00000/0  events 1 to 2\n")
  expect(told).toContain("\n  and 4,981 lanes more: --json lists all\n")
  expect(told.split("\n").length).toBeLessThan(30)
})

test("two at once open one after the other", async () => {
  const { trail, checkpoint, open } = log
  const file = await checkpoint()
  const opened = await Promise.all([open(file), open(file)])
  const numbers = opened.map(({ number }) => Number(number)).sort()
  expect(numbers[1]).toBe((numbers[0] ?? 0) + 1)
  expect((await trail.verify({ record: false })).findings).toEqual([])
})
