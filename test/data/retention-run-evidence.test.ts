// A run of retention purges only what verifies: what was tampered with stays, and verify still finds it afterwards.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

/** Another row in the place of a column or two. */
const copy = (changes: string): string => `
  create temp table twin as select * from pgtrail.event where seq = 5;
  update twin set ${changes};
  insert into pgtrail.event_2020_01 select * from twin; drop table twin`

const attacks: readonly (readonly [what: string, sql: string, stays: number])[] = [
  ["an altered event", "update pgtrail.event set actor_id = 'eve' where seq = 5", 1],
  [
    "an event whose hash was made to fit what it says now, but no longer its neighbours",
    `do $$ begin
       update pgtrail.event set actor_id = 'eve' where seq = 5;
       execute 'update pgtrail.event e set hash = '
         || substring(pgtrail.hash_condition() from 'e[.]hash = (.*), false[)] else false end') || ' where seq = 5';
     end $$`,
    2,
  ],
  ["both neighbours of a removed event", "delete from pgtrail.event where seq = 5", 2],
  ["events of a place that occurs twice", copy("occurred_at = occurred_at + interval '1 second'"), 2],
  ["an event beyond the head", copy("seq = 900"), 1],
  ["an event whose place is beyond what lanes are sorted by", copy("seq = 8796093022207"), 1],
  ["an event outside the bounds of its partition", "", 1],
  [
    "an event with a hash version that nobody knows",
    "update pgtrail.event set hash_version = 9 where seq = 5",
    1,
  ],
]

test.each(attacks)("%s stays and is found afterwards, and the rest goes", async (what, sql, stays) => {
  await log.append(20, { policy: "short" })
  if (what.includes("bounds")) {
    await log.tamper(`alter table pgtrail.event detach partition pgtrail.event_2020_01;
      create temp table moved as select * from pgtrail.event_2020_01 where seq = 5;
      insert into pgtrail.event_2020_02 select e.* from pgtrail.event_2020_01 e where false;
      alter table pgtrail.event detach partition pgtrail.event_2020_02;
      insert into pgtrail.event_2020_02 select * from moved; delete from pgtrail.event_2020_01 where seq = 5; drop table moved`)
    // Attached again without being looked at: a check that was there as NOT VALID, and then said to be valid.
    await log.tamper(`alter table pgtrail.event attach partition pgtrail.event_2020_01 for values from ('2020-01-01Z') to ('2020-02-01Z');
      alter table pgtrail.event_2020_02 add constraint fits check (occurred_at is not null and occurred_at >= '2020-02-01Z'::timestamptz and occurred_at < '2020-03-01Z'::timestamptz) not valid;
      update pg_constraint set convalidated = true where conname = 'fits';
      alter table pgtrail.event attach partition pgtrail.event_2020_02 for values from ('2020-02-01Z') to ('2020-03-01Z');
      alter table pgtrail.event_2020_02 drop constraint fits`)
  } else {
    await log.tamper(sql)
  }
  const before = await log.findings()
  expect(before).not.toEqual([])
  const there = await log.count()
  const run = await log.run()
  expect(run).toMatchObject({ unsound: String(stays), events: String(there - stays) })
  expect(await log.count()).toBe(stays)
  const after = await log.findings()
  expect(after).not.toEqual([])
  expect(after.filter((finding) => /^(altered|outside|duplicate|beyond|unknown)/.test(finding))).toEqual(
    before.filter((finding) => /^(altered|outside|duplicate|beyond|unknown)/.test(finding)),
  )
})

test("what stays does so however often it runs, and is found as before", async () => {
  await log.append(20, { policy: "short" })
  const [, sql, stays] = attacks[1] ?? []
  await log.tamper(sql ?? "")
  await log.run()
  const after = await log.findings()
  for (let again = 0; again < 2; again++) {
    expect(await log.run()).toMatchObject({ events: "0", unsound: String(stays) })
  }
  expect(await log.findings()).toEqual(after)
})

test("with --despite-findings it goes as well, and the act names the findings", async () => {
  await log.append(20, { policy: "short" })
  await log.tamper("update pgtrail.event set actor_id = 'eve' where seq = 5")
  const { findings } = await log.trail.verify({ jobs: 1, record: false })
  expect(await log.run({ dryRun: true, despiteFindings: true })).toMatchObject({ events: "20", unsound: "0" })
  const run = await log.run({ despiteFindings: true })
  expect(run).toMatchObject({ events: "20", unsound: "0", dropped: "1" })
  const acts = await log.db.query(
    "select a.parameters->>'override' as override from pgtrail.act a where a.kind = 'purge' order by a.seq",
  )
  expect(acts).toEqual([{ override: null }, { override: JSON.stringify(findings.map(({ id }) => id)) }])
  expect(await log.intact()).toEqual({ live: 0, purged: 20 })
})

test("tampering with what was not to go yet does not keep the rest from going", async () => {
  await log.append(20)
  await log.tamper("update pgtrail.event set actor_id = 'eve' where retention_policy = 'standard'")
  expect(await log.run()).toMatchObject({ events: "10", unsound: "0" })
  expect(await log.count()).toBe(10)
})

test("where the first portion is all unsound the next ones go", async () => {
  await log.append(20, { policy: "standard" })
  await log.append(6, { policy: "short" })
  await log.tamper(
    "update pgtrail.event set actor_id = 'eve' where retention_policy = 'short' and seq in (select e.seq from pgtrail.event e where e.retention_policy = 'short' order by e.seq limit 3)",
  )
  expect(await log.run({ batchSize: 1 })).toMatchObject({ events: "3", unsound: "3", remaining: "0" })
  expect(await log.count("retention_policy = 'short'")).toBe(3)
})

test("a partition that was dropped by hand is found, and the next run does not hide it", async () => {
  await log.append(10, { policy: "short" })
  await log.append(10, { at: "2020-02-02", policy: "short" })
  await log.tamper("drop table pgtrail.event_2020_01")
  const before = await log.findings()
  expect(before.some((finding) => finding.startsWith("missing"))).toBe(true)
  // The first of February does not follow anything that is there.
  expect(await log.run()).toMatchObject({ events: "9", unsound: "1" })
  const after = await log.findings()
  expect(after.some((finding) => finding.startsWith("missing"))).toBe(true)
})
