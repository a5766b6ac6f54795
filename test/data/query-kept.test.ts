// What a connection keeps between two questions, statements and their plans, never answers for a log that has changed meanwhile.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { withClient } from "../../src/data/connection.js"
import type { EventQuery, Trail } from "../../src/data/index.js"
import { readRows } from "../../src/data/query/rows.js"
import { type TestDatabase, testDatabase } from "../database.js"

const id = "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"
/** Five times a statement is planned anew, then its plan is kept. */
const often = 7

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2016-01-01Z', '2017-12-31Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, resource_type, resource_id)
     select 'a', timestamptz '2016-01-10Z' + i * interval '1 month', 'month.' || i, 'ann', 'file', 'one' from generate_series(0, 23) i`,
  )
  await settle(db)
})
// Of its own for each test: what it keeps begins with nothing. The tests that change the log come last.
beforeEach(async () => {
  trail = await db.trail()
})
afterAll(() => db.drop())

/** As VACUUM would say of partitions with so many pages. */
const settle = (log: TestDatabase) =>
  log.query(
    "update pg_class set relpages = 100 where oid in (select inhrelid from pg_inherits where inhparent = 'pgtrail.event'::regclass) and pg_relation_size(oid) > 0",
  )

const insert = (time: string, type: string) =>
  db.query(
    "insert into pgtrail.event (id, organization_id, occurred_at, event_type, resource_type, resource_id) values ($1, 'a', $2, $3, 'file', 'one')",
    [id, time, type],
  )

const found = async (): Promise<(string | null | undefined)[]> =>
  (await trail.eventsWithId(id)).map((row) => row.event_type)

async function read(query: EventQuery, from = trail): Promise<(string | null | undefined)[]> {
  const types = []
  for await (const row of await from.query(query)) types.push(row.event_type)
  return types
}

const history = () => read({ organization: "a", resource: "file/one" })

interface Kept {
  readonly pid: string
  readonly statements: number
  readonly planned: number
}

const kept = (): Promise<Kept> =>
  withClient(trail.target, async (client) => {
    const { rows } = await client.query<Record<string, string>>(
      `select pg_backend_pid() as pid, count(*) as statements, count(*) filter (where generic_plans > 0) as planned
       from pg_prepared_statements where name like 'pgtrail%'`,
    )
    const [{ pid = "", statements, planned } = {}] = rows
    return { pid, statements: Number(statements), planned: Number(planned) }
  })

test("what a role may read is asked each time", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name })
  const his = await db.trail({ url: role.url })
  for (let time = 0; time < often; time += 1) expect(await his.eventsWithId(id)).toEqual([])
  await trail.revoke({ right: "reader", role: role.name })
  await expect(his.eventsWithId(id)).rejects.toMatchObject({ code: "privilege" })
})

test("where partitions are small by the catalog nothing is planned for later but their list", async () => {
  await db.query("update pg_class set relpages = 31 where relpages = 100")
  for (let time = 0; time < often; time += 1) {
    await found()
    await history()
  }
  expect((await kept()).statements).toBe(1)
  await settle(db)
})

test("a period's own ends are in no statement that is kept", async () => {
  for (let day = 10; day < 10 + often; day += 1) {
    await read({
      organization: "a",
      resource: "file/one",
      since: `2016-02-${day}Z`,
      until: `2017-11-${day}Z`,
    })
  }
  // Of 22 partitions eight in the middle are whole.
  expect((await kept()).statements).toBeLessThanOrEqual(2)
})

test("walks have the connection that is kept one after the other, and one each at the same time", async () => {
  const { pid } = await kept()
  expect(await read({ limit: 2 })).toHaveLength(2)
  expect(await read({ limit: 2 })).toHaveLength(2)
  expect((await kept()).pid).toBe(pid)
  const both = await Promise.all([history(), history(), history()])
  expect(both.map((types) => types.length)).toEqual([24, 24, 24])
})

test("a walk that somebody leaves, stops or that fails hurts no other", async () => {
  for await (const _ of await trail.query({ organization: "a" })) break
  expect(await history()).toHaveLength(24)
  const stop = new AbortController()
  const stopped = (async () => {
    for await (const _ of await trail.query({ organization: "a", signal: stop.signal })) stop.abort()
  })()
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" })
  expect(await history()).toHaveLength(24)
  await expect(read({ where: "no path" })).rejects.toMatchObject({ code: "usage" })
  expect(await history()).toHaveLength(24)
})

test("a connection keeps a hundred statements, and answers the others and the longest too", async () => {
  const client = await trail.connect()
  for (let n = 0; n < 250; n += 1) {
    const { rows } = await readRows(client, `select ${n % 125} + $1::int`, ["1"], 1, { kept: true })
    expect(rows).toEqual([[String((n % 125) + 1)]])
  }
  const { rows } = await client.query("select count(*) as kept from pg_prepared_statements")
  expect(rows).toEqual([{ kept: "100" }])
  await client.end()
  const resources = Array.from({ length: 300 }, (_, n) => `file/${n}`)
  for (let time = 0; time < 2; time += 1) await read({ organization: "a", resource: resources })
  expect((await kept()).statements).toBe(1)
})

test("an id and a resource are found by plans that are kept, whatever becomes of the partitions", async () => {
  await insert("2016-03-03Z", "march")
  await insert("2017-05-05Z", "may")
  const months = Array.from({ length: 24 }, (_, at) => `month.${at}`)
  for (let time = 0; time < often; time += 1) {
    expect(await found()).toEqual(["may", "march"])
    expect(await history()).toHaveLength(26)
  }
  const before = await kept()
  // The partitions, and eight of them for an id and for a resource each.
  expect(before.statements).toBe(1 + 3 + 3)
  expect(before.planned).toBe(7)

  await db.query("alter table pgtrail.event detach partition pgtrail.event_2017_05")
  await expect(found()).resolves.toEqual(["march"])
  expect(await history()).not.toContain("month.16")
  await db.query(
    "alter table pgtrail.event attach partition pgtrail.event_2017_05 for values from ('2017-05-01Z') to ('2017-06-01Z')",
  )
  expect(await found()).toEqual(["may", "march"])
  await db.query("drop table pgtrail.event_2016_03")
  expect(await found()).toEqual(["may"])
  expect(await history()).toHaveLength(24)

  // Its time is DEFAULT's now, and is a partition's again.
  await insert("2016-03-04Z", "march again")
  expect(await found()).toEqual(["may", "march again"])
  await insert("infinity", "for ever")
  await insert("2015-03-04Z", "before all")
  expect(await found()).toEqual(["for ever", "may", "march again", "before all"])
  await insert("2017-05-06Z", "may again")
  expect(await found()).toEqual(["for ever", "may again", "may", "march again", "before all"])
  const [, ...rest] = await history()
  expect(rest.filter((type) => type?.startsWith("month."))).toEqual(
    months.filter((_, at) => at !== 2).reverse(),
  )
  expect((await kept()).pid).toBe(before.pid)
})

test("a log that was taken away and installed anew is another one to a connection that knew the first", async () => {
  await insert("2016-08-08Z", "august")
  const there = await found()
  expect(there).toContain("august")
  for (let time = 0; time < often; time += 1) expect(await found()).toEqual(there)
  const { pid } = await kept()
  await db.query("drop schema pgtrail cascade")
  await expect(found()).rejects.toMatchObject({ code: "not-installed" })
  const again = await db.trail()
  await again.install()
  for (let time = 0; time < often; time += 1) expect(await found()).toEqual([])
  await insert("2016-03-03Z", "another")
  expect(await found()).toEqual(["another"])
  // What failed was ended.
  expect((await kept()).pid).not.toBe(pid)
})

test("twenty at once over 120 partitions on a default server, by plans that are made and by plans that are kept", async () => {
  const long = await testDatabase()
  const [settings] = await long.query("select current_setting('max_locks_per_transaction') as locks")
  expect(settings?.locks).toBe("64")
  await long.query("select pgtrail.create_months('2007-01-01Z', '2016-12-31Z')")
  await long.query(
    `insert into pgtrail.event (id, organization_id, occurred_at, event_type, resource_type, resource_id)
     select case when i >= 0 then $1::uuid else pgtrail.generate_id() end, 'a', timestamptz '2012-01-15Z' + i * interval '1 month', 'each', 'file', 'one'
     from generate_series(-60, 59) i`,
    [id],
  )
  await settle(long)
  const trails = await Promise.all(Array.from({ length: 20 }, () => long.trail()))
  for (let time = 0; time < often; time += 1) {
    const counts = await Promise.all(
      trails.map(async (one, at) =>
        at % 2 === 0
          ? (await one.eventsWithId(id)).length
          : (await read({ organization: "a", resource: "file/one" }, one)).length,
      ),
    )
    expect(counts).toEqual(trails.map((_, at) => (at % 2 === 0 ? 60 : 120)))
  }
  await long.drop()
})
