// Events that did not arrive in the order of their time: their neighbours stand in other partitions, all of which are asked for at once.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"
import { withClients } from "./writers.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

/** In turns: place 1, 4, 7... in January, the next ones in February, the next in March. Only those of January are short. */
const scatter = (count: number, org = "acme") =>
  log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy)
     select $1, make_timestamptz(2020, 1 + i % 3, 1 + i % 27, 1, 1, 1, 'UTC'), 'data.read', 'standard' from generate_series(0, $2::int - 1) i`,
    [org, count],
  )
/** Lets go of what occurred before February: 3650 days are less than that long ago. */
const expire = () =>
  log.db.query(
    "select pgtrail.set_retention('policy', 'standard', (current_date - date '2020-02-01') + 0, confirmed => true)",
  )
const places = async () =>
  (await log.db.query("select organization_id || seq as place from pgtrail.event_2020_01 order by seq")).map(
    ({ place }) => place,
  )

test("all of them go, and the records have a range for each", async () => {
  await scatter(300)
  await scatter(31, "globex")
  await expire()
  expect(await log.run()).toMatchObject({ events: "111", dropped: "1", unsound: "0" })
  const [record] = await log.db.query("select ranges from pgtrail.purge where organization_id = 'globex'")
  expect(record?.ranges).toMatch(/^\{\[1,2\),\[4,5\),.*,\[31,32\)\}$/)
  expect(await log.intact()).toEqual({ live: 220, purged: 111 })
})

test("also by portions, beside what was purged before, and in a partition that is built anew", async () => {
  await scatter(90)
  await expire()
  expect(await log.run({ batchSize: 7, maxRows: 14 })).toMatchObject({
    events: "14",
    unsound: "0",
    remaining: null,
  })
  expect(await log.intact()).toEqual({ live: 76, purged: 14 })
  await log.db.query(
    "select pgtrail.add_hold('C1', 'a claim', 'acme', since => '2020-01-20Z', until => '2020-01-25Z')",
  )
  const run = await log.run()
  expect(run).toMatchObject({ rewritten: "1", unsound: "0" })
  expect(run.held).not.toBe("0")
  await log.db.query("select pgtrail.release_hold('C1', 'over')")
  expect(await log.run()).toMatchObject({ events: run.held, unsound: "0" })
  await log.db.query("select pgtrail.set_retention('policy', 'standard', 100, confirmed => true)")
  // What is left stands beside purged places alone.
  expect(await log.run()).toMatchObject({ events: "60", unsound: "0" })
  expect(await log.intact()).toEqual({ live: 0, purged: 90 })
})

test("also where the neighbours are in a partition that was detached", async () => {
  await scatter(60)
  await log.db.query("select pgtrail.detach_partition('event_2020_02', 'test')")
  await expire()
  expect(await log.run()).toMatchObject({ events: "20", unsound: "0" })
  expect(await log.intact()).toEqual({ live: 40, purged: 20 })
})

test.each([
  ["is gone", "delete from pgtrail.event where seq in (8, 12)", ["acme7", "acme13"]],
  ["has another hash", "update pgtrail.event set hash = sha256('x') where seq in (8, 12)", ["acme13"]],
  [
    "has another hash before it",
    "update pgtrail.event set previous_hash = sha256('x') where seq in (8, 12)",
    ["acme7"],
  ],
  [
    "is there twice, once with another hash",
    "create temp table twin as select * from pgtrail.event where seq = 12; update twin set hash = sha256('x'), occurred_at = '2020-02-09Z'; insert into pgtrail.event_2020_02 select * from twin; drop table twin",
    [],
  ],
  [
    "stands beyond all places",
    "update pgtrail.event set seq = 9223372036854775807 where seq = 12",
    ["acme13"],
  ],
])("an event of this partition whose neighbour in another one %s stays", async (_, sql, stays) => {
  await scatter(30)
  await expire()
  await log.tamper(sql)
  expect(await log.run()).toMatchObject({ unsound: String(stays.length), events: String(10 - stays.length) })
  if (stays.length > 0) expect(await places()).toEqual(stays)
  expect(await log.findings()).not.toEqual([])
})

test("a place that is there twice, and one that is missing, do not make up for each other", async () => {
  await log.append(20, { policy: "short" })
  // As many places as there are rows: only what is beside these two is asked for at first.
  await log.tamper(`create temp table twin as select * from pgtrail.event where seq = 5; update twin set occurred_at = occurred_at + interval '1 second';
    insert into pgtrail.event_2020_01 select * from twin; drop table twin;
    insert into pgtrail.event_2020_02 select e.* from pgtrail.event e where false;
    delete from pgtrail.event where seq = 12`)
  // 5 twice; 11 and 13 have lost their neighbour.
  expect(await log.run()).toMatchObject({ unsound: "4", events: "16" })
})

test("while others append to the same partition nothing is taken for evidence that is none", async () => {
  await scatter(60)
  await expire()
  let isWriting = true
  const runs = (async () => {
    let unsound = 0n
    let purged = 0n
    while (isWriting) {
      const run = await log.run({ batchSize: 11 })
      unsound += BigInt(run.unsound)
      purged += BigInt(run.events)
    }
    return { unsound, purged }
  })()
  await withClients(log.db, 3, async (client) => {
    for (let n = 0; n < 15; n += 1)
      await client.query(
        "insert into pgtrail.event (organization_id, occurred_at, event_type) select 'acme', make_timestamptz(2020, 1 + i, 3, 1, 1, 1, 'UTC'), 'more' from generate_series(0, 2) i",
      )
  })
  isWriting = false
  const { unsound, purged } = await runs
  expect(unsound).toBe(0n)
  const { events } = await log.run()
  expect(await log.intact()).toEqual({ live: 130, purged: Number(purged) + Number(events) })
})

test("the lock timeout of the caller is as it was, after each way to purge", async () => {
  await log.append(30)
  const session = await log.db.client()
  for (const how of ["most => 1", "rewrite => true", "everything => true"]) {
    await session.query("begin; set local lock_timeout = '4321ms'")
    await session.query(`select pgtrail.purge_partition('event_2020_01', 'r', ${how})`)
    expect((await session.query("show lock_timeout")).rows).toEqual([{ lock_timeout: "4321ms" }])
    await session.query("commit")
  }
  await session.end()
  expect(await log.intact()).toEqual({ live: 0, purged: 30 })
})
