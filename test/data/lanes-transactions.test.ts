// What transactions may do to a lane they have taken: undo, prepare, die, lie.
import type { Client } from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let one: Client
let two: Client
beforeAll(async () => {
  db = await testDatabase()
})
beforeEach(async () => {
  one = await db.client()
  two = await db.client()
  return async () => {
    await Promise.all([one.end(), two.end()])
  }
})
afterAll(async () => {
  // A test that failed in between would keep its database for ever.
  for (const { gid } of await db.query(
    "select gid from pg_prepared_xacts where database = current_database()",
  )) {
    await db.query(`rollback prepared '${gid}'`)
  }
  await db.drop()
})

/** Logs one event and tells its place as lane/seq. */
async function log(client: Client, organization: string): Promise<string> {
  const { rows } = await client.query(
    "insert into pgtrail.event (organization_id, event_type) values ($1, 'x') returning lane || '/' || seq as place",
    [organization],
  )
  return rows[0].place
}

// SERIALIZABLE takes the same path as REPEATABLE READ, and fails with 40001 where two transactions read and wrote one page.
for (const isolation of ["read committed", "repeatable read"]) {
  test(`a savepoint rolled back gives lane and place back to the next writer (${isolation})`, async () => {
    const organization = `undo ${isolation}`
    await one.query(
      `begin isolation level ${isolation}; select set_config('pgtrail.lane_0', '1000', true); savepoint s`,
    )
    const place = await log(one, organization)
    await one.query("rollback to s")
    await two.query(`begin isolation level ${isolation}; select set_config('pgtrail.lane_0', '1000', true)`)
    expect(await log(two, organization)).toBe(place)
    await two.query("commit")
    // The lane is free again, but an old snapshot cannot follow it.
    const after = await log(one, organization)
    await one.query("commit")
    expect(after).toBe(isolation === "read committed" ? "0/2" : "1001/1")
    expect(await findBreaks(db)).toEqual([])
  })

  test(`a place taken twice in one transaction, around a savepoint, is counted once (${isolation})`, async () => {
    const organization = `again ${isolation}`
    await one.query(`begin isolation level ${isolation}`)
    const first = await log(one, organization)
    await one.query("savepoint s")
    const second = await log(one, organization)
    await log(one, organization)
    await one.query("rollback to s")
    expect(await log(one, organization)).toBe(second)
    await one.query("savepoint t")
    await log(one, organization)
    await one.query("release t; commit")
    const lane = first.split("/")[0]
    expect(
      await db.query(
        "select lane, max(seq) as seq, count(*) as n from pgtrail.event where organization_id = $1 group by 1",
        [organization],
      ),
    ).toEqual([{ lane, seq: "3", n: "3" }])
    expect(await findBreaks(db)).toEqual([])
  })

  test(`an exception block that fails after an event leaves no trace of it (${isolation})`, async () => {
    await one.query(`begin isolation level ${isolation}`)
    await one.query(`do $$ begin
      for i in 1 .. 20 loop
        begin
          insert into pgtrail.event (organization_id, event_type) values ('blocks ${isolation}', 'x');
          if i % 2 = 0 then raise exception 'undo'; end if;
        exception when raise_exception then null;
        end;
      end loop;
    end $$`)
    await one.query("commit")
    expect(
      await db.query("select count(*) as n from pgtrail.event where organization_id = $1", [
        `blocks ${isolation}`,
      ]),
    ).toEqual([{ n: "10" }])
    expect(await findBreaks(db)).toEqual([])
  })

  test(`while a transaction is prepared others go on, and it can end either way (${isolation})`, async () => {
    for (const end of ["commit", "rollback"]) {
      const organization = `prepared ${isolation} ${end}`
      await one.query(`begin isolation level ${isolation}`)
      const place = await log(one, organization)
      await one.query(`prepare transaction '${organization}'`)
      await two.query(
        `begin isolation level ${isolation}; select set_config('pgtrail.lane_0', '${place.split("/")[0]}', true)`,
      )
      const other = await log(two, organization)
      await two.query("commit")
      expect(other.split("/")[0]).not.toBe(place.split("/")[0])
      await two.query(`${end} prepared '${organization}'`)
      expect(await findBreaks(db)).toEqual([])
      await two.query(
        `begin isolation level ${isolation}; select set_config('pgtrail.lane_0', '${place.split("/")[0]}', true)`,
      )
      const next = await log(two, organization)
      await two.query("commit")
      expect(next).toBe(end === "commit" ? place.replace(/1$/, "2") : place)
    }
    expect(await findBreaks(db)).toEqual([])
  })
}

test("a backend killed in the middle of a transaction leaves its lane free and the chain whole", async () => {
  const pid = (await one.query("select pg_backend_pid() as pid")).rows[0].pid
  await one.query("begin")
  await one.query(
    "insert into pgtrail.event (organization_id, event_type) select 'killed', 'x' from generate_series(1, 200)",
  )
  await two.query("select pg_terminate_backend($1, 5000)", [pid])
  expect(await log(two, "killed")).toBe("0/1")
  expect(await findBreaks(db)).toEqual([])
})

test("a statement that times out in the middle leaves the chain whole", async () => {
  await one.query("set statement_timeout = '60ms'")
  await expect(
    one.query(
      "insert into pgtrail.event (organization_id, event_type) select 'slow', 'x' from generate_series(1, 1000000)",
    ),
  ).rejects.toMatchObject({ code: "57014" })
  await one.query("set statement_timeout = 0")
  expect(await log(one, "slow")).toBe("0/1")
  expect(await findBreaks(db)).toEqual([])
})

for (const hint of ["-1", "999", "1000", "14999", "15000", "31999", "32767", "2147483647", "", " 7 "]) {
  test(`a lane hint of '${hint}' gives a sound place`, async () => {
    for (const isolation of ["read committed", "repeatable read"]) {
      await one.query(`begin isolation level ${isolation}`)
      await one.query("select set_config('pgtrail.lane_0', $1, true)", [hint])
      const lane = Number((await log(one, "forger")).split("/")[0])
      expect(await log(one, "forger")).toBe(`${lane}/${(await length("forger", lane)) + 2}`)
      await one.query("commit")
      expect(lane >= 1000 && lane < 15000).toBe(isolation === "repeatable read")
    }
    expect(await findBreaks(db)).toEqual([])
  })
}

async function length(organization: string, lane: number): Promise<number> {
  const rows = await db.query(
    "select count(*) as n from pgtrail.event where organization_id = $1 and lane = $2",
    [organization, lane],
  )
  return Number(rows[0]?.n)
}

test("a lane hint that is no number fails its forger and nobody else", async () => {
  for (const hint of ["garbage", "1.5", "99999999999"]) {
    await one.query("select set_config('pgtrail.lane_0', $1, false)", [hint])
    await expect(log(one, "hints")).rejects.toMatchObject({ code: /^22/ })
    await log(two, "hints")
  }
  expect(await findBreaks(db)).toEqual([])
})

test("unlocking every advisory lock does not give a lane away before the commit", async () => {
  await one.query("begin")
  expect(await log(one, "unlocked")).toBe("0/1")
  await one.query(
    "select pg_advisory_unlock_all(), pg_advisory_unlock(1885828210, hashtext('unlocked') & 255)",
  )
  expect(await log(two, "unlocked")).toMatch(/^[1-9]\d*\/1$/)
  await one.query("commit")
  expect(await findBreaks(db)).toEqual([])
})
