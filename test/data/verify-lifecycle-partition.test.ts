// A partition that was detached, attached or dropped by hand is found, and one that acts detached keeps what guards it.
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

let log: LifecycleLog
/** Of a test that leaves its log otherwise than it found it: the next gets another. */
let isSpent = true
beforeEach(async () => {
  if (!isSpent) return
  isSpent = false
  log = await lifecycleLog({ older: true })
})
afterEach(async () => {
  if (isSpent) await log.db.drop()
})
afterAll(async () => {
  if (!isSpent) await log.db.drop()
})

const march = "pgtrail.event_2020_03"
const kinds = async () => [...new Set((await log.found()).map((one) => one.split(" ")[0]))].sort()

describe("a detached partition", () => {
  test("without its guard, open to new events, or with another owner is found", async () => {
    await log.db.query(`drop trigger pgtrail_guard on ${march}`)
    expect(await kinds()).toEqual(["guard_missing"])
    await log.db.query(
      `create trigger pgtrail_guard before update or delete or truncate on ${march}
         for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact')`,
    )
    expect(await kinds()).toEqual([])
    await log.db.query(`alter table ${march} disable trigger pgtrail_closed`)
    expect(await kinds()).toEqual(["guard_missing"])
    await log.db.query(`drop trigger pgtrail_closed on ${march}`)
    expect(await kinds()).toContain("catalog_changed")
    await log.db.query(
      `create trigger pgtrail_closed before insert on ${march} for each statement execute function pgtrail.guard('INSERT attach')`,
    )
    await log.db.query(`alter table ${march} owner to current_user`)
    expect(await kinds()).toEqual(["catalog_changed"])
    await log.db.query(`alter table ${march} owner to pgtrail_owner`)
  })

  test("may have further indexes", async () => {
    await log.db.query(`create index mine on ${march} (actor_name)`)
    expect(await kinds()).toEqual([])
    await log.db.query("drop index pgtrail.mine")
  })

  test("does not keep a log from being migrated again, and from being compared", async () => {
    expect((await log.trail.validate()).differences).toEqual([])
    await log.trail.install()
    expect((await log.trail.validate()).differences).toEqual([])
    expect(await log.verify()).toMatchObject({ verdict: "intact" })
    await expect(log.trail.migrateDown({ to: 4 })).rejects.toThrow("partitions are detached")
    expect(await log.verify()).toMatchObject({ verdict: "intact" })
  })
})

test("a partition that was detached by hand is found, and that its events are missing", async () => {
  await log.db.query("alter table pgtrail.event detach partition pgtrail.event_2020_02")
  expect(await kinds()).toEqual(["catalog_changed", "missing"])
  // Also where it looks like one that an act detached.
  await log.db.query(
    `create trigger pgtrail_closed before insert on pgtrail.event_2020_02
       for each statement execute function pgtrail.guard('INSERT attach')`,
  )
  expect(await kinds()).toEqual(["missing"])
  await log.tamper(
    "insert into pgtrail.detached_partition values ('event_2020_02', '2020-02-01Z', '2020-03-01Z', 1)",
  )
  expect(await kinds()).toEqual(["control_altered"])
  await log.tamper("delete from pgtrail.detached_partition where name = 'event_2020_02'")
  await log.db.query(
    `drop trigger pgtrail_closed on pgtrail.event_2020_02;
     alter table pgtrail.event attach partition pgtrail.event_2020_02 for values from ('2020-02-01Z') to ('2020-03-01Z')`,
  )
})

test("the log is intact after every step that detaches, attaches, holds, releases, purges and drops", async () => {
  isSpent = true
  const steps = [
    "select pgtrail.attach_partition('event_2020_03')",
    "select pgtrail.detach_partition('event_2020_02', 'again')",
    "select pgtrail.add_hold('C3', 'why not', 'globex')",
    "select pgtrail.attach_partition('event_2020_02')",
    "select pgtrail.release_hold('C3', 'done')",
    "select pgtrail.release_hold('C1', 'done')",
    "select pgtrail.set_retention('policy', 'all', 20, 'acme')",
    "select pgtrail.detach_partition('event_2020_02', 'again')",
    "select * from pgtrail.purge_partition('event_2020_02', 'retention', most => 3)",
    "select * from pgtrail.purge_partition('event_2020_02', 'retention')",
    "select * from pgtrail.purge_partition('event_2020_02', 'drop', everything => true)",
    "select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true)",
    "select * from pgtrail.purge_partition('event_2020_01', 'drop', everything => true)",
    "select * from pgtrail.purge_partition('event_default', 'retention', rewrite => true)",
    "select * from pgtrail.purge_partition('event_2020_03', 'retention')",
    "select pgtrail.set_retention('policy', 'all', null)",
  ]
  for (const step of steps) {
    await log.db.query(step)
    const report = await log.verify()
    expect([step, report.verdict, report.findings]).toEqual([step, "intact", []])
    expect(BigInt(report.covered.events) + BigInt(report.covered.purged)).toBe(182n)
  }
})

test("what an organization has in a detached partition is purged with it", async () => {
  isSpent = true
  const done = await log.trail.purgeOrganization("globex", { reason: "left", confirm: "globex" })
  expect(done).toMatchObject({ remaining: "0", refused: false, verification: { findings: [] } })
  expect(await log.db.query(`select 1 from ${march} where organization_id = 'globex'`)).toEqual([])
  expect(await log.verify()).toMatchObject({ verdict: "intact", findings: [] })
})

describe("a detached partition", () => {
  test("that was dropped by hand is found, and that its events are missing", async () => {
    isSpent = true
    await log.db.query(`drop table ${march}`)
    expect(await kinds()).toEqual(["control_altered", "missing", "truncated"])
  })

  test("that was attached by hand is found, although its events are all there", async () => {
    isSpent = true
    const attach = `alter table pgtrail.event attach partition ${march} for values from ('2020-03-01Z') to ('2020-04-01Z')`
    await log.tamper("delete from pgtrail.event_default where occurred_at < '2021-01-01'")
    await log.db.query(attach)
    expect(await kinds()).toEqual(["catalog_changed", "control_altered", "truncated"])
    await log.db.query(`drop trigger pgtrail_closed on ${march}`)
    await log.db.query(`alter table ${march} drop constraint pgtrail_bounds`)
    expect(await kinds()).toEqual(["control_altered", "truncated"])
    // A table that is attached is read once.
    const { covered } = await log.verify()
    expect(BigInt(covered.events) + BigInt(covered.purged)).toBe(180n)
  })
})
