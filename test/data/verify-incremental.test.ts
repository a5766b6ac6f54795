// Incremental verification: what came since an anchor, and nothing that passes for a whole one.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { places } from "./verify-fixture.js"

let log: AnchoredLog
let checkpoint: string
beforeAll(async () => {
  log = await anchoredLog()
  await expect(log.check({ incremental: true })).rejects.toMatchObject({
    code: "config",
    hint: expect.stringContaining("run pgtrail verify once"),
  })
  await log.trail.verify({ jobs: 1 })
  checkpoint = await log.checkpoint("start.checkpoint")
  for (const table of ["act", "verified_head"]) {
    await log.db.query(
      `truncate public.${table}_copy; insert into public.${table}_copy select * from pgtrail.${table}`,
    )
  }
})
afterAll(() => log.drop())
afterEach(() => log.restore())

const incremental = (options = {}) => log.check({ incremental: true, ...options })

test("nothing new: intact since the last whole verification, and no event is read", async () => {
  const report = await incremental()
  expect(report).toMatchObject({ verdict: "intact", findings: [] })
  expect(report.since).toMatchObject({ name: expect.stringMatching(/^verification \d+ of .*Z$/) })
  expect(report.covered).toMatchObject({ chains: "4", events: "0" })
})

test("reads what is new alone, in old lanes, new lanes and new organizations, with one job or several", async () => {
  await log.append("acme", 70)
  await log.append("newcomer", 5)
  for (const jobs of [1, 2]) {
    const report = await incremental({ jobs })
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
    expect(report.covered).toMatchObject({ chains: "5", events: "75" })
  }
})

test("an event that came since and was altered, removed or inserted is found with its place", async () => {
  await log.append("acme", 10)
  await log.tamper(
    "update pgtrail.event set actor_id = 'x' where organization_id = 'acme' and lane = 0 and seq = 44",
  )
  await log.tamper("delete from pgtrail.event where organization_id = 'acme' and lane = 0 and seq = 47")
  expect(places((await incremental()).findings)).toEqual(["altered acme/0/44", "missing acme/0/47"])
})

test("the first new event must be chained to the anchor's", async () => {
  await log.append("globex", 2)
  await log.tamper(
    `update pgtrail.event set previous_hash = sha256('x') where organization_id = 'globex' and seq = 61`,
  )
  expect((await incremental()).verdict).toBe("tampered")
})

test("an old event that was altered is not its business: a whole verification finds it", async () => {
  await log.append("acme")
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
  expect(await incremental()).toMatchObject({ verdict: "intact", since: { name: expect.any(String) } })
  expect(places((await log.check()).findings)).toEqual(["altered globex/0/3"])
})

test("a lane that was cut off to before its start, or vanished, is found", async () => {
  await log.tamper(
    `delete from pgtrail.event where organization_id = 'globex' and seq > 50; delete from pgtrail.chain_head where organization_id = 'globex' and seq > 50;
     delete from pgtrail.event where organization_id = 'initech'; delete from pgtrail.chain_head where organization_id = 'initech'`,
  )
  expect(places((await incremental()).findings)).toEqual(["truncated globex/0/51", "vanished initech/0/-"])
})

test("a lane that was rewritten up to its old head is found by its head", async () => {
  await log.tamper(
    "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'globex' and seq = 60",
  )
  expect(places((await incremental()).findings)).toEqual(["altered globex/0/60"])
})

test("acts are read whole: one that was altered before the start is found", async () => {
  await log.tamper("update pgtrail.act set parameters = '{}' where seq = 1")
  expect((await incremental()).findings.map((finding) => finding.kind)).toContain("act_altered")
})

test("starts from the checkpoint or the state where one is named, the newest of them", async () => {
  await log.append("acme", 3)
  const second = await log.checkpoint("second.checkpoint")
  await log.append("acme", 2)
  const from = async (options: object) => {
    const { since, covered, verdict } = await incremental(options)
    return [verdict, since?.name, covered.events]
  }
  expect(await from({ checkpoints: [checkpoint] })).toEqual(["intact", "checkpoint start.checkpoint", "5"])
  expect(await from({ checkpoints: [checkpoint, second] })).toEqual([
    "intact",
    "checkpoint second.checkpoint",
    "2",
  ])
  const state = log.file("increments.state")
  await log.check({ state })
  await log.append("globex")
  expect(await from({ state })).toEqual(["intact", "the state increments.state", "1"])
  // It was advanced.
  expect(await from({ state })).toEqual(["intact", "the state increments.state", "0"])
})

test("one after the other they go on, recorded as what they are", async () => {
  for (const events of ["4", "4"]) {
    await log.append("acme", 4)
    const report = await log.trail.verify({ incremental: true })
    expect(report).toMatchObject({ verdict: "intact", covered: { events }, not_recorded: null })
  }
  const acts = await log.db.query(
    `select parameters #>> '{requested,incremental}' as incremental, parameters ->> 'remembered' as remembered, parameters -> 'since' ->> 'name' as since
     from pgtrail.act where kind = 'verify' order by seq desc limit 2`,
  )
  expect(acts).toMatchObject([
    { incremental: "true", remembered: "true", since: expect.stringContaining("verification") },
    { incremental: "true", remembered: "true" },
  ])
})

test("a forged verify act moves the start; a checkpoint is not moved", async () => {
  // The owner rewrites a chain, and records an intact verification of it, with a digest and heads that fit.
  await log.tamper(
    `create table public.kept as select * from pgtrail.event where organization_id = 'globex';
     delete from pgtrail.event where organization_id = 'globex'; delete from pgtrail.chain_head where organization_id = 'globex'`,
  )
  await log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id)
     select organization_id, occurred_at, event_type, 'somebody else' from public.kept order by seq`,
  )
  await log.db.query("drop table public.kept")
  // By the function that records verifications he cannot: it compares.
  expect((await log.check()).verdict).toBe("tampered")
  await log.tamper(
    `update pgtrail.verified_head v set hash = h.hash from pgtrail.chain_head h
     where h.organization_id = v.organization_id and h.lane = v.lane and h.seq = v.seq`,
  )
  await log.db.query(
    `select pgtrail.record_act('verify', '{"verdict": "intact", "remembered": true}', (
       select sha256(string_agg(record_send(row('pgtrail head'::text, organization_id, lane, seq, hash)), ''::bytea
         order by organization_id collate "C", lane)) from pgtrail.verified_head))`,
  )
  expect((await incremental()).verdict).toBe("intact")
  expect(places((await incremental({ checkpoints: [checkpoint] })).findings)).toEqual(["altered globex/0/60"])
  expect(places((await log.check({ checkpoints: [checkpoint] })).findings)).toEqual(["altered globex/0/60"])
})

test("a forged verify act whose hash or place does not fit is found", async () => {
  await log.tamper(
    `insert into pgtrail.act select organization_id, seq + 1, kind, parameters, digest, recorded_at, session_user_name, client_address,
       transaction_id, system_identifier, timeline, hash, sha256('x'), hash_version from pgtrail.act order by seq desc limit 1`,
  )
  expect((await incremental()).findings.map((finding) => finding.kind)).toContain("act_altered")
})

test("cannot be combined with a time range or a place", async () => {
  await expect(incremental({ since: "2026-01-01" })).rejects.toMatchObject({ code: "usage" })
  await expect(incremental({ from: { organization: "acme", lane: "0", seq: "1" } })).rejects.toMatchObject({
    code: "usage",
  })
})
