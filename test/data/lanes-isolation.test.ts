// What isolation above READ COMMITTED costs an application: no failure that it does not know, and few transaction ids.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

/** Eight clients begin, read, wait 5 ms, log and commit, all for one organization; counts how transactions end. */
async function business(isolation: string, transactions: number): Promise<Record<string, number>> {
  const ends: Record<string, number> = {}
  const clients: Client[] = []
  for (let n = 0; n < 8; n += 1) clients.push(await db.client())
  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < transactions; n += 1) {
        let end = "committed"
        try {
          await client.query(`begin isolation level ${isolation}`)
          await client.query("select count(*) from pgtrail.setting")
          await client.query("select pg_sleep(0.005)")
          await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
            isolation,
          ])
          await client.query("commit")
        } catch (error) {
          end = error instanceof Error && "code" in error ? String(error.code) : String(error)
          await client.query("rollback")
        }
        ends[end] = (ends[end] ?? 0) + 1
      }
    }),
  )
  await Promise.all(clients.map((client) => client.end()))
  return ends
}

test("eight REPEATABLE READ clients that log for one organization never fail", async () => {
  expect(await business("repeatable read", 25)).toEqual({ committed: 200 })
  expect(await findBreaks(db)).toEqual([])
})

test("SERIALIZABLE clients fail with 40001 or not at all", async () => {
  const ends = await business("serializable", 25)
  expect(Object.keys(ends).filter((end) => end !== "committed" && end !== "40001")).toEqual([])
  // Predicate locks on the heads' index page cost about one in eight; the application retries them anyway.
  expect(ends.committed).toBeGreaterThan(100)
  expect(await findBreaks(db)).toEqual([])
})

/** How many transaction ids wrote the events and the heads that are left; the server's own counter moves for other tests too. */
async function transactionIds(organizations: string): Promise<number> {
  const rows = await db.query(
    `select count(distinct id) as n from (
       select xmin::text from pgtrail.event where organization_id ~ $1
       union all select xmin::text from pgtrail.chain_head where organization_id ~ $1) written (id)`,
    [organizations],
  )
  return Number(rows[0]?.n)
}

test("4,000 rows in one REPEATABLE READ statement burn a handful of transaction ids", async () => {
  const client = await db.client()
  await client.query("begin isolation level repeatable read")
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 4000)",
  )
  await client.query("commit")
  expect(await transactionIds("^acme$")).toBeLessThanOrEqual(2)
  const lanes = await db.query("select distinct lane from pgtrail.event where organization_id = 'acme'")
  expect(lanes.length).toBe(1)
})

test("a REPEATABLE READ transaction needs one subtransaction for each organization, however many events it logs", async () => {
  const client = await db.client()
  await client.query("begin isolation level repeatable read")
  for (let n = 0; n < 40; n += 1) {
    await client.query(
      "insert into pgtrail.event (organization_id, event_type) select 'o' || i, 'x' from generate_series(1, 5) i",
    )
  }
  await client.query("commit")
  expect(await transactionIds("^o[1-5]$")).toBeLessThanOrEqual(6)
  expect(await findBreaks(db)).toEqual([])
})

test("READ COMMITTED burns one transaction id, whatever it logs", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'rc' || i % 50, 'x' from generate_series(1, 3000) i",
  )
  expect(await transactionIds("^rc")).toBe(1)
})

test("an old snapshot that finds no lane is told to retry", async () => {
  // The whole band is held by others: 200 connections at most, so as many lanes.
  const [holder, client] = [await db.client(), await db.client()]
  await holder.query("begin")
  await holder.query(
    "select pg_advisory_xact_lock(1885828210, lane << 8 | (hashtext('busy') & 255)) from generate_series(1000, 1299) lane",
  )
  await client.query("begin isolation level repeatable read")
  await expect(
    client.query("insert into pgtrail.event (organization_id, event_type) values ('busy', 'x')"),
  ).rejects.toMatchObject({ code: "40001", hint: "Retry the transaction." })
  await Promise.all([client.query("rollback"), holder.query("rollback")])
})
