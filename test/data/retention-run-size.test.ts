// Whether a run of retention builds a partition anew, by what that would give back; and what a dry run says of it before.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
})
afterAll(() => log.db.drop())

test("one so small that building it anew gives nothing back loses rows; of a larger one a dry run tells no more than comes back, by a factor", async () => {
  await log.db.query(
    "do $$ begin execute format('alter database %I reset pgtrail.rewrite_from', current_database()); end $$",
  )
  await log.append(20)
  expect(await log.run()).toMatchObject({ rewritten: "0", deleted: "10", bytes_freed: "0" })
  const size = () => log.db.query("select pg_total_relation_size('pgtrail.event_2020_02') as bytes")
  await log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, retention_policy)
     select 'acme', '2020-02-02Z'::timestamptz + i * interval '1 minute', 'data.read', 'u' || i % 10,
       case when i % 2 = 1 then 'short' else 'standard' end from generate_series(1, 4000) i`,
  )
  const [before] = await size()
  const dry = await log.run({ dryRun: true })
  const real = await log.run()
  const [after] = await size()
  expect([dry.rewritten, real.rewritten]).toEqual(["1", "1"])
  expect(Number(real.bytes_freed)).toBe(Number(before?.bytes) - Number(after?.bytes))
  const factor = Number(dry.bytes_freed) / Number(real.bytes_freed)
  expect({ factor, fits: factor > 0.5 && factor < 1.5 }).toEqual({ factor, fits: true })
  // The statistics are of what is left.
  expect(
    await log.db.query("select reltuples from pg_class where oid = 'pgtrail.event_2020_02'::regclass"),
  ).toEqual([{ reltuples: "2000" }])
  expect(await log.intact()).toEqual({ live: 2010, purged: 2010 })
})
