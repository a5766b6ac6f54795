// What retention, holds and partitions leave behind is what their acts say; else it is found.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import type { TextRow } from "../database.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"
import { replayed } from "./replayed.js"

let log: LifecycleLog
beforeAll(async () => {
  log = await lifecycleLog()
})
afterAll(() => log.db.drop())

test("a log with rules, holds, purges and a detached partition is intact, in every way of reading", async () => {
  const whole = await log.verify()
  expect(whole).toMatchObject({ verdict: "intact", findings: [], unread: [] })
  const counted = BigInt(whole.covered.events) + BigInt(whole.covered.purged)
  expect(counted).toBe(182n)
  expect(BigInt(whole.covered.purged)).toBeGreaterThan(20n)
  for (const options of [{ maxSeconds: 60 }, { since: "2000-01-01" }, { organization: "acme" }]) {
    expect(await log.verify(options)).toMatchObject({ verdict: "intact", findings: [] })
  }
  expect((await log.verify({ since: "2020-03-01", until: "2020-04-01" })).covered.events).toBe(
    (await log.db.query("select (select count(*) from pgtrail.event_2020_03) + 2 as n from pgtrail.log"))[0]
      ?.n,
  )
})

const changes: readonly (readonly [what: string, sql: string])[] = [
  ["a hold that ends earlier", "update pgtrail.hold set until = '2020-01-20' where case_id = 'C1'"],
  ["a hold on another actor", "update pgtrail.hold set actor_id = 'nobody' where case_id = 'C1'"],
  ["a hold that expires", "update pgtrail.hold set expires_at = '2001-01-01' where case_id = 'C1'"],
  ["a hold released by hand", "update pgtrail.hold set released_seq = 1 where case_id = 'C1'"],
  ["a release taken back", "update pgtrail.hold set released_seq = null where case_id = 'C2'"],
  ["a hold that is gone", "delete from pgtrail.hold where case_id = 'C1'"],
  [
    "a hold that no act placed",
    "insert into pgtrail.hold (act_seq, case_id, actor_id) values (1, 'C9', 'x')",
  ],
  ["a shorter policy", "update pgtrail.retention_rule set keep_days = 1 where name = 'short'"],
  ["a shorter built-in policy", "update pgtrail.retention_rule set keep_days = 1 where name = 'standard'"],
  ["a policy for others", "update pgtrail.retention_rule set organization_id = 'acme' where name = 'short'"],
  [
    "a policy that counts at once",
    "update pgtrail.retention_rule set counts_from = '-infinity' where name = 'short'",
  ],
  ["a policy that is gone", "delete from pgtrail.retention_rule where name = 'short'"],
  [
    "a policy that was removed and is back",
    "update pgtrail.retention_rule set ended_seq = null where name = 'goes'",
  ],
  [
    "a policy that no act set",
    "insert into pgtrail.retention_rule values (1, 'policy', 'x', null, null, null, null, 1, null, '-infinity')",
  ],
  ["a floor lowered by hand", "update pgtrail.retention_rule set keep_days = 1 where name = 'pci'"],
  ["a floor for another tag", "update pgtrail.retention_rule set compliance_tag = 'x' where name = 'pci'"],
  ["a grace lowered by hand", "update pgtrail.setting set value = '1d' where name = 'retention-grace'"],
  ["a setting that no act set", "insert into pgtrail.setting values ('partition-interval', 'year')"],
  ["a detached partition with other bounds", "update pgtrail.detached_partition set until = '2020-04-02'"],
  ["a detached partition of another act", "update pgtrail.detached_partition set act_seq = 1"],
  [
    "a table that no act detached",
    "insert into pgtrail.detached_partition values ('act', '2001-01-01', '2002-01-01', 1)",
  ],
]

describe("a change by hand is found", () => {
  afterEach(() => log.restore())

  test.each(changes)("%s", async (_, sql) => {
    await log.tamper(sql)
    const { list } = await replayed(log.trail)
    expect(list.filter(({ kind }) => kind === "control_altered")).toHaveLength(1)
  })

  // Those of one row would hide each other: the first of each.
  const together = [
    "a hold that ends earlier",
    "a release taken back",
    "a hold that no act placed",
    "a shorter policy",
    "a shorter built-in policy",
    "a policy that was removed and is back",
    "a policy that no act set",
    "a floor lowered by hand",
    "a grace lowered by hand",
    "a setting that no act set",
    "a detached partition with other bounds",
    "a table that no act detached",
  ]
  test("many at once are all found by a verification, and leave nothing unread", async () => {
    for (const [what, sql] of changes) if (together.includes(what)) await log.tamper(sql)
    const controls = (findings: readonly Finding[]) =>
      findings.filter(({ kind }) => kind === "control_altered").map(({ id }) => id)
    const { verdict, unread, findings } = await log.verify()
    expect([verdict, unread]).toEqual(["tampered", []])
    expect(controls(findings)).toHaveLength(together.length)
    expect(controls((await replayed(log.trail)).list)).toEqual(controls(findings))
  })

  test.each([
    [
      "an act of a purge without its purge",
      `select pgtrail.record_act('purge', '{"method": "delete"}', sha256('x'))`,
    ],
    [
      "a purge that detaches no more",
      `select pgtrail.record_act('attach', '{"partition": "event_2020_03"}')`,
    ],
  ])("%s", async (_, sql) => {
    await log.tamper(sql)
    const { verdict, unread, findings } = await log.verify()
    expect([verdict, unread]).toEqual(["tampered", []])
    expect(findings.filter(({ kind }) => kind === "control_altered")).toHaveLength(1)
  })

  test("a purge of retention without its act, and an altered record of one", async () => {
    const [act] = await log.db.query("select max(act_seq) as seq from pgtrail.purge")
    await log.tamper(`update pgtrail.purge set act_seq = 999 where act_seq = ${act?.seq}`)
    const found = await log.found()
    expect(found).toContain("control_altered -/-/-")
    expect(found.filter((one) => one.startsWith("unauthorized_purge")).length).toBeGreaterThan(1)
    await log.restore()
    await log.tamper(`update pgtrail.purge set newest_occurred_at = now() where act_seq = ${act?.seq}`)
    expect(await log.found()).toContain("control_altered -/-/-")
  })

  test("an event of a detached partition that was altered, or is gone, in every way of reading", async () => {
    const events = await log.db.query(
      "select organization_id, lane, seq from pgtrail.event_2020_03 order by seq offset 5",
    )
    const [altered, gone] = [events[0], events.at(-5)]
    const place = (event?: TextRow) => `${event?.organization_id}/${event?.lane}/${event?.seq}`
    const where = (event?: TextRow) =>
      `where (organization_id, lane, seq) = ('${event?.organization_id}', ${event?.lane}, ${event?.seq})`
    await log.tamper(
      `update pgtrail.event_2020_03 set actor_id = 'somebody' ${where(altered)}; delete from pgtrail.event_2020_03 ${where(gone)}`,
    )
    for (const options of [{}, { maxSeconds: 60 }, { since: "2020-03-01" }]) {
      expect(await log.found(options)).toEqual([`altered ${place(altered)}`, `missing ${place(gone)}`])
    }
  })

  test("an event that stands in a detached partition although it is of another time, and one twice", async () => {
    await log.tamper("alter table pgtrail.event_2020_03 drop constraint pgtrail_bounds")
    await log.tamper(
      `with gone as (delete from pgtrail.event where occurred_at < '2020-02-01' and organization_id = 'acme' returning *)
       insert into pgtrail.event_2020_03 select * from gone`,
    )
    const moved = await log.found()
    expect(moved.length).toBeGreaterThan(0)
    expect(moved.every((one) => one.startsWith("out_of_bounds acme/"))).toBe(true)
    await log.restore()
    await log.tamper("insert into pgtrail.event select * from pgtrail.event_2020_03 order by seq limit 1")
    expect((await log.found()).map((one) => one.split(" ")[0])).toEqual(["duplicated"])
  })
})
