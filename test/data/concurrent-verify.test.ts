// Verifications while twenty writers append, roll back and die, and two verifications at once: each is intact, and each is recorded.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { pick } from "./writers.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select 'o' || i % 6, now() + i % 3 * interval '1 month', 'a' from generate_series(1, 600) i`,
  )
})
afterAll(() => db.drop())

const insert = (count: number) =>
  `insert into pgtrail.event (organization_id, occurred_at, event_type)
   select 'o' || ${pick(0, 6)}, now() + ${pick(-20, 40)} * interval '1 day', 'a' from generate_series(1, ${count})`

/** One transaction, of the kind that its number says; a killed backend takes its session along. */
async function write(client: Client, kind: number): Promise<"alive" | "dead"> {
  if (kind < 4) await client.query(insert(1))
  else if (kind < 6) await client.query(insert(pick(2, 20)))
  else {
    await client.query(kind === 6 ? "begin isolation level repeatable read" : "begin")
    await client.query(insert(pick(1, 5)))
    await client.query("savepoint s").then(() => client.query(insert(2)))
    if (kind === 7) await client.query("rollback to savepoint s")
    if (kind === 9) {
      await client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => undefined)
      return "dead"
    }
    await client.query(kind === 8 ? "rollback" : "commit")
  }
  return "alive"
}

/** Transactions during one verification, of all writers together: more of them would say nothing else, and twice the time. */
const enough = 80

/**
 * Appends until it is told to stop, and waits where enough was appended since the last verification began; a failed serialization is
 * a writer's daily life.
 */
async function writer(isDone: () => boolean, done: { transactions: number; until: number }): Promise<void> {
  let client = await db.client()
  while (!isDone()) {
    if (done.transactions >= done.until) {
      await new Promise((go) => setTimeout(go, 20))
      continue
    }
    try {
      if ((await write(client, pick(0, 9))) === "dead") {
        await client.end().catch(() => undefined)
        client = await db.client()
      }
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "40001")) throw error
      await client.query("rollback")
    }
    done.transactions += 1
  }
  await client.end()
}

test("verifications while twenty writers append are intact, every one, and recorded", async () => {
  const trail = await db.trail()
  const done = { transactions: 0, until: enough }
  let isDone = false
  const writing = Promise.all(Array.from({ length: 20 }, () => writer(() => isDone, done)))
  try {
    const seen: string[] = []
    for (let round = 0; round < 4; round += 1) {
      const before = done.transactions
      done.until = before + enough
      const part = round === 3 ? { organization: "o1" } : {}
      const report = await trail.verify({ ...part, jobs: 1 + (round % 2) })
      seen.push(`${report.verdict} ${report.not_recorded ?? "recorded"} ${JSON.stringify(report.findings)}`)
      // Progress, not time: the next one sees another log.
      while (done.transactions < before + 20) await new Promise((go) => setTimeout(go, 20))
    }
    expect(seen).toEqual(Array.from({ length: 4 }, () => "intact recorded []"))
  } finally {
    isDone = true
    await writing
  }
  expect(await findBreaks(db)).toEqual([])
  expect((await trail.verify({ jobs: 2 })).verdict).toBe("intact")
})

test("two verifications at once are both intact and both recorded, also while somebody appends", async () => {
  const done = { transactions: 0, until: enough }
  let isDone = false
  const writing = writer(() => isDone, done)
  try {
    const trails = await Promise.all([db.trail(), db.trail()])
    for (const jobs of [1, 2]) {
      const reports = await Promise.all(trails.map((trail) => trail.verify({ jobs })))
      for (const report of reports)
        expect(report).toMatchObject({ verdict: "intact", findings: [], not_recorded: null })
      const acts = reports.map((report) => report.act)
      expect(new Set(acts).size).toBe(2)
      const kinds = await db.query(
        "select kind, parameters ->> 'verdict' as verdict from pgtrail.act where seq = any ($1)",
        [acts],
      )
      expect(kinds).toEqual(Array.from({ length: 2 }, () => ({ kind: "verify", verdict: "intact" })))
    }
  } finally {
    isDone = true
    await writing
  }
  expect((await (await db.trail()).verify({ jobs: 1 })).findings).toEqual([])
})
