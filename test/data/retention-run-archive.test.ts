// A run of retention takes what was due for an archive and never got one, and says so.
import { afterEach, beforeEach, expect, test } from "vitest"
import { describeRun, unarchivedWords } from "../../src/data/retention/run-words.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeEach(async () => {
  log = await retentionLog()
})
afterEach(() => log.db.drop())

const words = "events went never archived, though due for an archive"

test("of what goes, that of a policy with archives is counted, in a dry run too, and no other", async () => {
  await log.db.query(
    "select pgtrail.set_retention('policy', 'cold', 100, archive_after_days => 50, confirmed => true)",
  )
  await log.append(6, { policy: "cold" })
  await log.append(4, { policy: "short" })
  await log.append(3, { at: "2020-02-02", policy: "short" })
  const tried = await log.run({ dryRun: true })
  expect(tried).toMatchObject({ events: "13", unarchived: "6" })
  expect(describeRun(tried)).toContain(
    "\n  6 events would go never archived, though due for an archive: first pgtrail archive create --partition NAME --to PLACE",
  )
  const run = await log.run()
  expect(run).toMatchObject({ events: "13", unarchived: "6", outcome: "done" })
  expect(run.partitions.map(({ name, unarchived }) => [name, unarchived])).toEqual([
    ["event_2020_01", "6"],
    ["event_2020_02", "0"],
  ])
  expect(describeRun(run)).toContain(`\n  6 ${words}`)
  expect(await log.intact()).toEqual({ live: 0, purged: 13 })
})

test("of a partition that could not be archived all is counted, whatever its policies say by now", async () => {
  await log.append(6, { policy: "short" })
  await log.append(4, { at: "2020-02-02", policy: "short" })
  await log.db.query(
    "select pgtrail.note_archive_failure('event_2020_01', 'file:///nowhere', 'no such folder', '{}')",
  )
  const run = await log.run()
  expect(run).toMatchObject({ events: "10", unarchived: "6" })
  expect(unarchivedWords(run)).toEqual([`6 ${words}`])
})

test("what goes by many acts is counted once, and of nothing nothing is said", async () => {
  await log.db.query(
    "select pgtrail.set_retention('policy', 'cold', 100, archive_after_days => 50, confirmed => true)",
  )
  await log.append(9, { policy: "cold" })
  await log.append(20, { policy: "standard" })
  await log.db.query(
    "do $$ begin execute format('alter database %I set pgtrail.rewrite_from = 1000000000', current_database()); end $$",
  )
  const run = await log.run({ batchSize: 2 })
  expect(run.acts.length).toBeGreaterThan(1)
  expect(run).toMatchObject({ events: "9", unarchived: "9" })
  const again = await log.run()
  expect(again).toMatchObject({ events: "0", unarchived: "0" })
  expect(describeRun(again)).not.toContain("archive")
})
