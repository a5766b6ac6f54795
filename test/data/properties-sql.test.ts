// Properties under a storm: whatever 64 sessions do at once, the chains are whole afterwards.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { pick, shuffled, sqlstate } from "./writers.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const isolations = ["read committed", "read committed", "repeatable read", "serializable"]
const organizations = ["a", "b", "c", "d", "e", "f"]
const policies = ["standard", "standard", "standard", "short", "legal"]
/** Failures that an application expects of any database: a conflict under SERIALIZABLE, and its own kill. */
const expected = new Set(["40001", "57P01", "undone"])

/** Some events, with savepoints that are kept or undone, and sometimes a kill in the middle. */
async function transaction(client: Client, kill: () => Promise<void>): Promise<number> {
  let logged = 0
  for (const organization of shuffled(organizations).slice(0, pick(1, 4))) {
    const rows = pick(0, 9) === 0 ? pick(60, 140) : pick(1, 3)
    const undo = pick(0, 4) === 0
    if (undo || pick(0, 3) === 0) await client.query("savepoint s")
    await client.query(
      `insert into pgtrail.event (organization_id, event_type, retention_policy, details)
       select $1, 'storm', $2, to_jsonb(i) from generate_series(1, $3) i`,
      [organization, policies[pick(0, policies.length - 1)], rows],
    )
    if (undo) await client.query("rollback to s")
    else logged += rows
    if (pick(0, 120) === 0) await kill()
  }
  return logged
}

async function storm(transactions: number, failures: Record<string, number>): Promise<number> {
  let logged = 0
  let client = await db.client()
  for (let n = 0; n < transactions; n += 1) {
    let end = "committed"
    try {
      await client.query(`begin isolation level ${isolations[pick(0, isolations.length - 1)]}`)
      const rows = await transaction(client, async () => {
        await client.query("select pg_terminate_backend(pg_backend_pid())")
      })
      if (pick(0, 9) === 0) {
        await client.query("rollback")
        end = "undone"
      } else {
        await client.query("commit")
        logged += rows
      }
    } catch (error) {
      end = sqlstate(error)
      const alive = await client.query("rollback").then(
        () => true,
        () => false,
      )
      if (!alive) client = await db.client()
    }
    failures[end] = (failures[end] ?? 0) + 1
  }
  await client.end()
  return logged
}

test("the checker itself finds each kind of break", async () => {
  const client = await db.client()
  const broken = () => findBreaks({ query: async (sql) => (await client.query(sql)).rows })
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'small', 'x' from generate_series(1, 12)",
  )
  const at = "organization_id = 'small'"
  for (const tampering of [
    `update pgtrail.event set event_type = 'other' where ${at} and seq = 3`,
    `update pgtrail.event set details = '{}' where ${at} and seq = 3`,
    `update pgtrail.event set actor_name = 'eve' where ${at} and seq = 3`,
    `delete from pgtrail.event where ${at} and seq = 3`,
    `delete from pgtrail.event where ${at} and seq > 5`,
    `delete from pgtrail.event where ${at}`,
    `update pgtrail.event set seq = case seq when 3 then 4 else 3 end, occurred_at = occurred_at + interval '1 s' where ${at} and seq in (3, 4)`,
    `delete from pgtrail.chain_head where ${at} and seq > 0`,
    "update pgtrail.act set parameters = '{}' where seq = 1",
  ]) {
    await client.query("begin; set local session_replication_role = replica")
    expect(await broken()).toEqual([])
    await client.query(tampering)
    expect(await broken(), tampering).not.toEqual([])
    await client.query("rollback")
  }
})

test("64 sessions of mixed isolation, savepoints, rollbacks and kills leave whole chains", async () => {
  const ends: Record<string, number> = {}
  const logged = await Promise.all(Array.from({ length: 64 }, () => storm(8, ends)))
  expect(Object.keys(ends).filter((end) => end !== "committed" && !expected.has(end))).toEqual([])
  expect(ends.committed).toBeGreaterThan(100)
  expect(await db.query("select count(*) as n from pgtrail.event where event_type = 'storm'")).toEqual([
    { n: String(logged.reduce((sum, n) => sum + n, 0)) },
  ])
  expect(await findBreaks(db)).toEqual([])
})
