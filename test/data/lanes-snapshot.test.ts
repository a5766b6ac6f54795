// Writers above READ COMMITTED: whatever their old snapshot still shows, no chain forks.
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const later = [1, 2, 3, 32, 63, 64, 65, 130]
const begin = "begin isolation level repeatable read; select set_config('pgtrail.lane_0', '1000', true);"

/**
 * Heads at which the snapshot may be taken, times the number of events that others commit after it. Old heads go whenever another 64 have
 * come: these are all heads within four of a place where one of `later` reaches such a moment, or does not.
 */
const interleavings = `(select format('%s-%s', h, k) as organization, h, k
  from generate_series(0, 132) h, unnest(array[${later}]) k where (h + 4) % 32 <= 8) i`

test("an old snapshot never forks a lane, wherever the lane stood and however far it has moved", async () => {
  const [other, old] = [await db.client(), await db.client()]
  await other.query(`${begin} insert into pgtrail.event (organization_id, event_type)
    select organization, 'before' from ${interleavings}, generate_series(1, h); commit`)
  await old.query("begin isolation level repeatable read; select count(*) from pgtrail.chain_head")
  for (let n = 1; n <= 130; n += 1) {
    await other.query(`${begin} insert into pgtrail.event (organization_id, event_type)
      select organization, 'later' from ${interleavings} where k >= ${n}; commit`)
  }
  const lanes = await db.query("select lane, count(*) from pgtrail.event group by 1")
  expect(lanes.map((row) => row.lane)).toEqual(["1000"])

  const { rows } = await db
    .query(`select organization from ${interleavings}`)
    .then((list) => ({ rows: list }))
  expect(rows.length).toBe(328)
  const outcomes: Record<string, number> = {}
  for (const { organization } of rows) {
    const outcome = await writeAt(old, "1000", organization ?? "")
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  await old.query("commit")
  // Each interleaving has moved lane 1000 on, so none may get its place there.
  expect(outcomes).toEqual({ "another lane": 328 })
  expect(await findBreaks(db)).toEqual([])
})

/** Writes one event with the lane hinted at; undone when it fails. */
async function writeAt(client: Client, lane: string, organization: string): Promise<string> {
  await client.query("savepoint attempt")
  try {
    const { rows } = await client.query(
      `insert into pgtrail.event (organization_id, event_type)
       select $2, 'old' from set_config('pgtrail.lane_0', $1, true) returning lane`,
      [lane, organization],
    )
    await client.query("release attempt")
    return rows[0].lane === lane ? "the same lane" : "another lane"
  } catch (error) {
    await client.query("rollback to attempt")
    return error instanceof Error && "code" in error ? String(error.code) : String(error)
  }
}

test("a forged hint and a transaction id older than the snapshot do not make another's head one's own", async () => {
  for (const k of [200, 1, 64]) {
    const [other, old] = [await db.client(), await db.client()]
    const organization = `stale-${k}`
    const commit = async () => {
      await other.query(begin)
      await other.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
        organization,
      ])
      await other.query("commit")
    }
    // LOCK TABLE gives the transaction its id before it has a snapshot: other's rows then look younger than itself.
    await old.query("create temp table mine (x int)")
    await old.query("begin isolation level repeatable read; lock table mine in access exclusive mode")
    await commit()
    await old.query("select set_config('pgtrail.lane_0', '1000', true)")
    for (let n = 0; n < k; n += 1) await commit()
    expect(await writeAt(old, "1000", organization)).toBe("another lane")
    await old.query("commit")
  }
  expect(await findBreaks(db)).toEqual([])
})
