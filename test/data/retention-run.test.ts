// What a run of retention takes, what stays, and what it says of both.
import { afterAll, beforeEach, expect, test } from "vitest"
import { describeRun } from "../../src/data/retention/run-words.js"
import { failureOf } from "./failure.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"
import { testKey } from "./signing.js"

let log: RetentionLog
const logs: RetentionLog[] = []
beforeEach(async () => {
  log = await retentionLog()
  logs.push(log)
})
afterAll(async () => {
  for (const { db } of logs) await db.drop()
})

test("an expired partition is dropped whole, a mixed one built anew, and of one with little rows are deleted", async () => {
  await log.append(20, { policy: "short" })
  await log.append(20, { at: "2020-02-02" })
  await log.append(20, { at: "2020-03-02", policy: "standard" })
  await log.append(3, { at: "2020-03-05", policy: "short" })
  const run = await log.run()
  expect(run).toMatchObject({
    outcome: "done",
    dry_run: false,
    events: "33",
    dropped: "1",
    rewritten: "1",
    deleted: "3",
    held: "0",
    unsound: "0",
    remaining: "0",
    partitions_left: "0",
    failed: [],
  })
  expect(run.partitions.map(({ name, method, events }) => [name, method, events])).toEqual([
    ["event_2020_01", "drop", "20"],
    ["event_2020_02", "rewrite", "10"],
    ["event_2020_03", "delete", "3"],
  ])
  expect(run.acts).toHaveLength(3)
  expect(run.policies).toMatchObject([{ policy: "short", floor: null, keep_days: "100", events: "33" }])
  expect(BigInt(run.bytes_freed)).toBeGreaterThan(0n)
  expect(run.partitions[2]?.bytes_freed).toBe("0")
  expect(await log.partitions()).not.toContain("event_2020_01")
  expect(await log.intact()).toEqual({ live: 30, purged: 33 })
  expect(describeRun(run)).toMatch(
    /^\S+Z retention: purged 33 events; 1 partition dropped; 1 partition built anew; 3 rows deleted one by one; .* given back; acts \d+ to \d+\n {2}short: 33 events before \S+Z\n {2}the bytes of deleted rows stay/,
  )
  // A second run finds nothing to do.
  expect(await log.run()).toMatchObject({ events: "0", acts: [], partitions: [] })
})

test("a rewritten partition takes events as before, keeps its guards, and the catalog is as it was", async () => {
  await log.append(20)
  await log.run()
  await log.append(4)
  expect(await log.count("tableoid = 'pgtrail.event_2020_01'::regclass")).toBe(14)
  await expect(log.db.query("delete from pgtrail.event_2020_01")).rejects.toThrow("append-only")
  expect(await log.intact()).toEqual({ live: 14, purged: 10 })
  expect((await log.trail.validate()).differences).toEqual([])
})

test("what is expired in DEFAULT goes, and DEFAULT stays", async () => {
  await log.append(10, { at: "2015-05-01", policy: "short" })
  await log.append(4, { at: "2015-05-01", policy: "standard" })
  const run = await log.run()
  // Ten years are less than the time since 2015.
  expect(run.partitions).toMatchObject([{ name: "event_default", method: "rewrite", events: "14" }])
  expect(await log.partitions()).toContain("event_default")
  await log.append(2, { at: "2015-05-01" })
  expect(await log.intact()).toEqual({ live: 2, purged: 14 })
})

test("events of a detached partition go too, the partition when all of it goes", async () => {
  await log.append(10)
  await log.append(10, { at: "2020-02-02", policy: "short" })
  await log.db.query("select pgtrail.detach_partition('event_2020_01', 'test')")
  await log.db.query("select pgtrail.detach_partition('event_2020_02', 'test')")
  const run = await log.run()
  expect(run.partitions).toMatchObject([
    { name: "event_2020_01", method: "delete", events: "5" },
    { name: "event_2020_02", method: "drop", events: "10" },
  ])
  expect(await log.db.query("select name from pgtrail.detached_partition")).toEqual([
    { name: "event_2020_01" },
  ])
  expect(await log.intact()).toEqual({ live: 5, purged: 15 })
})

test("--org leaves the events of others alone", async () => {
  await log.append(6, { org: "acme", policy: "short" })
  await log.append(6, { org: "globex", policy: "short" })
  const run = await log.run({ organization: "acme" })
  expect(run).toMatchObject({ organization: "acme", events: "6" })
  expect(await log.count("organization_id = 'acme'")).toBe(0)
  expect(await log.count("organization_id = 'globex'")).toBe(6)
  await log.intact()
  expect(await failureOf(log.run({ organization: "acne" }))).toMatchObject({ code: "not-found" })
})

test("what is held stays, is counted, and goes when the hold is released", async () => {
  await log.append(20, { policy: "short" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
  expect(await log.run()).toMatchObject({ events: "18", held: "2", rewritten: "1", dropped: "0" })
  expect(await log.count()).toBe(2)
  expect(await log.run()).toMatchObject({ events: "0", held: "2" })
  await log.intact()
  await log.db.query("select pgtrail.release_hold('C1', 'over')")
  expect(await log.run()).toMatchObject({ events: "2", held: "0", dropped: "1" })
  expect(await log.intact()).toEqual({ live: 0, purged: 20 })
})

test("a floor and a longer policy keep what the shorter one would let go", async () => {
  await log.append(4, { policy: "short" })
  await log.db.query("select pgtrail.set_retention('floor', 'pci', 9999, compliance_tag => 'PCI')")
  await log.db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy, compliance_tags) values ('acme', '2020-01-05Z', 'card', 'short', '{PCI}'), ('acme', '2020-01-05Z', 'card', 'short', '{}')",
  )
  expect(await log.run()).toMatchObject({ events: "5" })
  expect(await log.count("compliance_tags = '{PCI}'")).toBe(1)
  await log.intact()
})

test("events of the future, of infinity, and young ones stay", async () => {
  await log.append(3, { at: "2999-01-01", policy: "short" })
  await log.db.query(
    "insert into pgtrail.event (occurred_at, event_type, retention_policy) values (now() - interval '99 days', 'a', 'short'), ('infinity', 'a', 'short')",
  )
  expect(await log.run()).toMatchObject({ events: "0", partitions: [] })
  expect(await log.intact()).toEqual({ live: 5, purged: 0 })
  await log.db.query(
    "insert into pgtrail.event (occurred_at, event_type, retention_policy) values ('-infinity', 'a', 'short')",
  )
  expect(await log.run()).toMatchObject({ events: "1" })
  expect(await log.intact()).toEqual({ live: 5, purged: 1 })
})

test("young events by their arrival stay, although they occurred long ago", async () => {
  const graced = await retentionLog({ grace: "7d" })
  logs.push(graced)
  await graced.append(10, { policy: "short" })
  const waiting = await graced.run()
  expect(waiting).toMatchObject({ events: "0", fresh: "10", partitions: [{ method: "none", fresh: "10" }] })
  expect(describeRun(waiting)).toMatch(/\n {2}10 events wait for the grace, until \S+Z$/)
  const [grace] = await graced.db.query(
    "select $1::timestamptz = (select max(recorded_at) + interval '7 days' from pgtrail.event) as ends",
    [waiting.fresh_until],
  )
  expect(grace).toEqual({ ends: "t" })
  await graced.db.query("select pgtrail.set_setting('retention-grace', '0d')")
  expect(await graced.run()).toMatchObject({ events: "10" })
  await graced.intact()
})

test("a log that wants signed acts refuses without a key before anything is read, and signs each act with one", async () => {
  await log.append(10, { policy: "short" })
  const key = testKey("operator").text
  await log.trail.setSetting("require-signed-acts", "on", key)
  const read: string[] = []
  expect(await failureOf(log.run({ progress: (doing) => read.push(doing) }))).toMatchObject({
    code: "config",
    hint: expect.stringContaining("nothing was purged"),
  })
  expect(read).toEqual([])
  expect(await log.trail.retentionRuns()).toMatchObject([
    { outcome: "failed", events: "0", message: expect.stringMatching(/^this log takes signed acts only/) },
  ])
  const run = await log.run({ key, requestedBy: "DPO-7" })
  expect(run.acts).toHaveLength(1)
  expect(
    await log.db.query(
      "select a.parameters->>'requested_by' as by, s.seq is not null as signed from pgtrail.act a left join pgtrail.act_signature s on s.seq = a.seq where a.seq = $1",
      [run.acts[0]],
    ),
  ).toEqual([{ by: "DPO-7", signed: "t" }])
  await log.intact()
})

test("without a recorded backup, or with an old one, it refuses where one is required", async () => {
  await log.append(4, { policy: "short" })
  expect(await failureOf(log.run({ requireBackupMs: 3_600_000 }))).toMatchObject({
    code: "not-found",
    message: "no backup of the whole log is recorded in it",
    hint: expect.stringContaining("pgtrail backup create --to PLACE"),
  })
  expect(await log.trail.retentionRuns()).toMatchObject([
    { outcome: "failed", events: "0", remaining: null, message: expect.stringMatching(/^no backup/) },
  ])
  // One of a part is none of what is purged.
  await log.db.query("select pgtrail.record_act('backup', '{\"organization\": \"acme\"}')")
  expect(await failureOf(log.run({ requireBackupMs: 3_600_000 }))).toMatchObject({ code: "not-found" })
  await log.db.query("select pgtrail.record_act('backup', '{}')")
  expect(await failureOf(log.run({ requireBackupMs: 1 }))).toMatchObject({ code: "not-found" })
  expect(await log.run({ requireBackupMs: 3_600_000 })).toMatchObject({ events: "4" })
})

test("an operator may run it, and a reader is told whom to ask", async () => {
  await log.append(4, { policy: "short" })
  const reader = await log.db.role({ memberOf: ["pgtrail_reader"] })
  expect(await failureOf((await log.db.trail({ url: reader.url })).runRetention())).toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("pgtrail grant operator"),
  })
  const operator = await log.db.role({ memberOf: ["pgtrail_operator"] })
  const trail = await log.db.trail({ url: operator.url })
  expect(await trail.runRetention({ dryRun: true })).toMatchObject({ events: "4" })
  expect(await trail.runRetention()).toMatchObject({ events: "4" })
  expect(await trail.retentionRuns()).toMatchObject([
    { outcome: "done", events: "4", session_user_name: operator.name },
  ])
  expect((await trail.planRetention()).purges).toEqual([])
})

test("of two policies interleaved in one organization, records have a range a lane; of types in one lane, one for each stretch", async () => {
  await log.append(100)
  const ranges = () =>
    log.db.query(
      "select events, octet_length(hashes) / 64 as ranges from pgtrail.purge order by act_seq, organization_id",
    )
  expect(await log.run()).toMatchObject({ events: "50" })
  expect(await ranges()).toEqual([{ events: "50", ranges: "1" }])
  await log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type) select 'globex', '2020-02-02Z', (array['data.read', 'auth.login'])[1 + i % 2] from generate_series(1, 40) i`,
  )
  await log.db.query(
    "select pgtrail.set_retention('policy', 'types', 100, event_type => 'auth', confirmed => true)",
  )
  expect(await log.run()).toMatchObject({ events: "20" })
  expect(await ranges()).toContainEqual({ events: "20", ranges: "20" })
  await log.db.query("select pgtrail.set_retention('policy', 'all', 100, 'globex', confirmed => true)")
  expect(await log.run()).toMatchObject({ events: "20" })
  expect(await log.intact()).toEqual({ live: 50, purged: 90 })
})

test("days that the summaries had counted are counted anew", async () => {
  await log.append(20)
  await log.trail.refreshSummary()
  await log.run()
  const { days } = await log.trail.refreshSummary()
  expect(days).not.toBe("0")
  const [row] = await log.db.query("select sum(events) as events from pgtrail.summary")
  expect(row).toEqual({ events: "10" })
})
