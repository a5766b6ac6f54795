// A verification that runs while partitions are rewritten, dropped, detached, attached and made by pgtrail finds nothing that is not so.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { VerifyOptions } from "../../src/data/index.js"
import { checkCatalog } from "../../src/data/verify/catalog.js"
import { Findings } from "../../src/data/verify/finding.js"
import { runBlocking } from "./blocking.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

let log: LifecycleLog

const patience = "patience => '150 milliseconds'"
/** One after another, each in a transaction of its own. */
const life = [
  `select pgtrail.attach_partition('event_2020_03', ${patience})`,
  `select pgtrail.detach_partition('event_2020_02', 'again', ${patience})`,
  `select * from pgtrail.purge_partition('event_2020_02', 'drop', everything => true, ${patience})`,
  `select pgtrail.split_default(array['event_2019_12'], array['2019-12-01Z'::timestamptz], array['2020-01-01Z'::timestamptz], ${patience})`,
  "select pgtrail.set_retention('policy', 'all', 20, 'globex')",
  `select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true, ${patience})`,
  `select pgtrail.detach_partition('event_2020_03', 'again', ${patience})`,
  "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('globex', 'late', '2020-03-09Z')",
  `select * from pgtrail.purge_partition('event_2020_03', 'retention', organization => 'globex', ${patience})`,
  `select pgtrail.attach_partition('event_2020_03', ${patience})`,
  "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('acme', 'new', now())",
]

/** Runs the next statement whenever the verification asks whether to stop, or tells how far it is; where it holds a lock, the next time. */
function meanwhile(every: number) {
  const left = [...life]
  let asked = 0
  const step = () => {
    asked += 1
    const [sql] = left
    if (sql === undefined || asked % every !== 0) return
    try {
      runBlocking(log.db.url, `set lock_timeout = '150ms';; ${sql}`)
      left.shift()
    } catch (error) {
      if (!/could not be locked within|lock timeout/.test(String(error))) throw error
    }
  }
  const signal = Object.assign(new AbortController().signal, { throwIfAborted: step })
  return { signal, progress: step, left }
}

describe("nothing is found", () => {
  beforeEach(async () => {
    log = await lifecycleLog()
  })
  afterEach(() => log.db.drop())

  test.each([
    ["of the whole log", {}],
    ["of the whole log, a little at a time", { every: 2 }],
    ["of the whole log, by two workers", { jobs: 2 }],
    ["of one organization", { organization: "globex" }],
    ["of a time", { since: "2020-01-20", until: "2020-03-20" }],
    ["in the order of chains", { maxSeconds: 60 }],
  ] satisfies [string, VerifyOptions & { every?: number }][])("%s", async (_, given) => {
    const { every, ...options } = { every: 1, ...given }
    const { signal, progress, left } = meanwhile(every)
    for (let round = 0; left.length > 0 && round < 20; round++) {
      const report = await log.verify({ ...options, signal, progress })
      expect([report.verdict, report.findings, report.unread, left.length]).toEqual([
        "intact",
        [],
        [],
        left.length,
      ])
    }
    expect(left).toEqual([])
    expect(await log.verify()).toMatchObject({ verdict: "intact", findings: [] })
  })
})

describe("nothing is found in the catalog, where a partition went after the snapshot:", () => {
  let one: LifecycleLog
  beforeAll(async () => {
    one = await lifecycleLog()
    await one.db.query("select pgtrail.release_hold('C1', 'over')")
  })
  afterAll(() => one.db.drop())

  test.each([
    "select * from pgtrail.purge_partition('event_2020_01', 'rewrite', rewrite => true)",
    "select pgtrail.attach_partition('event_2020_03')",
    // It is detached again for the next.
    "select pgtrail.detach_partition('event_2020_03', 'again')",
    "select * from pgtrail.purge_partition('event_2020_03', 'drop', everything => true)",
  ])("%s", async (sql) => {
    const client = await one.db.client()
    await client.query("begin isolation level repeatable read read only")
    await client.query("select 1 from pgtrail.log")
    runBlocking(one.db.url, sql)
    const findings = new Findings()
    await checkCatalog(client, undefined, findings, { connectionString: one.db.url })
    await client.query("rollback")
    await client.end()
    expect(findings.list).toEqual([])
  })
})
