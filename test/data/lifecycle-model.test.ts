// A random life of a log, step by step against a model: append, hold, rules, retention, partitions. Seeded: a failure tells its steps.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { generator, Model } from "./lifecycle-model.js"
import { oneOf, partitions, steps } from "./lifecycle-steps.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
})
afterAll(() => db.drop())

async function check(model: Model, done: readonly string[]): Promise<void> {
  const report = await trail.verify({ jobs: 1, record: done.length % 3 === 0 })
  expect({ done, findings: report.findings }).toEqual({ done, findings: [] })
  const { events, purged } = report.covered
  expect({ done, events, purged }).toEqual({
    done,
    events: String(model.live.size),
    purged: String(model.purged),
  })
  expect(model.live.size + model.purged).toBe(model.appended)
  const live = new Set<string>()
  for (const { name } of await partitions(db)) {
    for (const { place } of await placesOf(name)) live.add(place)
  }
  expect({ done, live: [...live].sort() }).toEqual({ done, live: [...model.live.keys()].sort() })
}

const placesOf = (name: string) =>
  db.query(
    `select organization_id || '/' || lane || '/' || seq as place from pgtrail.${name}`,
  ) as unknown as Promise<{ place: string }[]>

/** By hand, past every guard; each is taken back by the copy of the table. */
const tamperings: Readonly<Record<string, readonly [table: string, sql: string]>> = {
  "an event that stayed altered": [
    "event",
    "update pgtrail.event set actor_id = 'nobody' where ctid = (select min(ctid) from pgtrail.event)",
  ],
  "an event that stayed deleted": [
    "event",
    "delete from pgtrail.event where (organization_id, lane, seq) = (select organization_id, lane, seq from pgtrail.event order by seq desc, lane limit 1)",
  ],
  "a purge record altered": [
    "purge",
    "update pgtrail.purge set hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) where act_seq = (select max(act_seq) from pgtrail.purge)",
  ],
  "a purge record forged": [
    "purge",
    `insert into pgtrail.purge select (select max(seq) from pgtrail.act where kind = 'verify'), organization_id, lane, '{[900000,900001)}', hashes, 1,
       oldest_occurred_at, newest_occurred_at, oldest_recorded_at, newest_recorded_at from pgtrail.purge where octet_length(hashes) = 64 limit 1`,
  ],
  "an act without its purge": [
    "purge",
    "delete from pgtrail.purge where act_seq = (select min(act_seq) from pgtrail.purge)",
  ],
  "a purge without its act": [
    "act",
    "delete from pgtrail.act where seq = (select max(act_seq) from pgtrail.purge)",
  ],
  "a hold changed": [
    "hold",
    "update pgtrail.hold set actor_id = 'another' where act_seq = (select min(act_seq) from pgtrail.hold)",
  ],
  "a hold released by hand": [
    "hold",
    "update pgtrail.hold set released_seq = case when released_seq is null then 1 end where act_seq = (select max(act_seq) from pgtrail.hold)",
  ],
  "a hold taken away": [
    "hold",
    "delete from pgtrail.hold where act_seq = (select max(act_seq) from pgtrail.hold)",
  ],
  "a policy changed": [
    "retention_rule",
    "update pgtrail.retention_rule set keep_days = keep_days + 1 where act_seq = 0",
  ],
  "a policy taken away": [
    "retention_rule",
    "delete from pgtrail.retention_rule where act_seq = (select max(act_seq) from pgtrail.retention_rule)",
  ],
}

async function expectTamperingIsFound(done: readonly string[]): Promise<void> {
  const client = await db.client()
  await client.query("set session_replication_role = replica")
  for (const [what, [table, sql]] of Object.entries(tamperings)) {
    await client.query(`create table public.copy as select * from pgtrail.${table}`)
    const { rowCount } = await client.query(sql)
    expect({ done, what, rowCount }).not.toMatchObject({ rowCount: 0 })
    const { verdict } = await trail.verify({ jobs: 1, record: false })
    expect({ done, what, verdict }).toMatchObject({ verdict: "tampered" })
    await client.query(
      `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.copy; drop table public.copy`,
    )
  }
  const { findings } = await trail.verify({ jobs: 1, record: false })
  expect({ done, findings }).toMatchObject({ findings: [] })
}

test("after every step of a random life the log is intact, live and purged are what was appended, held events are there, and tampering is found", async () => {
  const seed = Number(process.env.PGTRAIL_TEST_SEED ?? 3)
  const pick = generator(seed)
  const model = new Model()
  const done: string[] = [`seed ${seed}`]
  for (let i = 0; i < 90; i++) {
    done.push(await oneOf(steps, pick)(db, model, pick))
    // What was decided by two steps one after the other is checked after the second.
    if (pick(2) === 0) await check(model, done)
  }
  await check(model, done)
  await expectTamperingIsFound(done)
})
