// Many writers at once: nobody waits, nobody deadlocks, nobody fails.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { pick, shuffled, withClients } from "./writers.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("64 writers with two to eight organizations a transaction in random order neither deadlock nor fail", async () => {
  const organizations = Array.from({ length: 12 }, (_, n) => `o${n}`)
  const failures: unknown[] = []
  let committed = 0
  await withClients(db, 64, async (client) => {
    for (let n = 0; n < 8; n += 1) {
      try {
        await client.query("begin")
        for (const organization of shuffled(organizations).slice(0, pick(2, 8))) {
          await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
            organization,
          ])
        }
        await client.query("commit")
        committed += 1
      } catch (error) {
        failures.push(error)
        await client.query("rollback")
      }
    }
  })
  expect(failures).toEqual([])
  expect(committed).toBe(512)
  expect(await findBreaks(db)).toEqual([])
})

test("a writer does not wait for one that has not committed", async () => {
  await withClients(db, 40, async (client) => {
    // Nobody commits before all have written: who waits for another does so for ever. For a file to grow a moment may be waited.
    await client.query("begin; set local lock_timeout = '10s'")
    await client.query("insert into pgtrail.event (organization_id, event_type) values ('held', 'x')")
    await barrier(40)
    await client.query("commit")
  })
  const lanes = await db.query(
    "select count(*), count(distinct lane) as lanes, min(lane) as first from pgtrail.event where organization_id = 'held'",
  )
  expect(lanes).toEqual([{ count: "40", lanes: "40", first: "0" }])
})

let arrived = 0
let open: () => void = () => {}
const opened = new Promise<void>((resolve) => {
  open = resolve
})
async function barrier(size: number): Promise<void> {
  arrived += 1
  if (arrived === size) open()
  await opened
}

test("an idle system uses one lane, from however many sessions it writes", async () => {
  for (let n = 0; n < 5; n += 1) {
    const client = await db.client()
    for (let m = 0; m < 4; m += 1) {
      await client.query("insert into pgtrail.event (organization_id, event_type) values ('idle', 'x')")
    }
    await client.end()
  }
  expect(await db.query("select distinct lane from pgtrail.event where organization_id = 'idle'")).toEqual([
    { lane: "0" },
  ])
})

test("a transaction stays in the lane that it took last", async () => {
  const [other, client] = [await db.client(), await db.client()]
  const log = "insert into pgtrail.event (organization_id, event_type) values ('stay', 'x') returning lane"
  await other.query(`begin; ${log}`)
  await client.query("begin")
  const first = await client.query(log)
  await other.query("commit")
  const second = await client.query(log)
  await client.query("commit")
  expect(first.rows[0].lane).not.toBe("0")
  expect(second.rows[0].lane).toBe(first.rows[0].lane)
})

test("events of different retention classes go to different lanes", async () => {
  await db.query(`insert into pgtrail.event (organization_id, event_type, retention_policy)
    select 'classes', 'x', case i % 2 when 0 then 'standard' else 'short' end from generate_series(1, 100) i`)
  expect(
    await db.query(`select count(distinct lane) as lanes, count(distinct (lane, retention_policy)) as pairs
      from pgtrail.event where organization_id = 'classes'`),
  ).toEqual([{ lanes: "2", pairs: "2" }])
})
