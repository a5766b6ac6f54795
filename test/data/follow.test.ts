// Following gives each committed event exactly once, each lane in its order, whatever the order of the commits.
import pg, { type Client } from "pg"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import type { EventRow, FollowOptions, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

const realQuery = pg.Client.prototype.query as (...args: unknown[]) => unknown

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  // A year of partitions, and a time before them that DEFAULT holds.
  await db.query("select pgtrail.create_months('2026-01-01Z', '2026-12-31Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, severity)
     select 'org' || i % 3, timestamptz '2025-12-01Z' + (i * 7919 % 350) * interval '1 day', 'old',
       (array['info', 'critical'])[1 + (i % 10 = 0)::int]
     from generate_series(1, 600) i`,
  )
})
afterAll(() => db.drop())

const place = (row: EventRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

async function read(options: FollowOptions): Promise<string[]> {
  const places: string[] = []
  for await (const row of await trail.follow(options)) places.push(place(row))
  return places
}

/** All that there is, in the order of arrival, by one statement over everything. */
async function inOrder(where = "true"): Promise<string[]> {
  const rows = await db.query(
    `select organization_id, lane, seq from pgtrail.event where ${where} order by recorded_at, organization_id, lane, seq`,
  )
  return rows.map(({ organization_id, lane, seq }) => `${organization_id}/${lane}/${seq}`)
}

describe("without going on", () => {
  test("from the beginning it gives every event in the order of arrival", async () => {
    const all = await inOrder()
    expect(all).toHaveLength(600)
    expect(await read({ from: "beginning" })).toEqual(all)
  })

  test.each([0, 10, 200, 1500])("the newest %i events by arrival, not by time", async (newest) => {
    const all = await inOrder()
    expect(await read({ from: { newest } })).toEqual(newest === 0 ? [] : all.slice(-newest))
  })

  test("with a filter only what it wants, of one organization, of a severity, within a time", async () => {
    const filters = [
      [{ organization: "org1" }, "organization_id = 'org1'"],
      [{ severity: "critical" }, "severity = 'critical'"],
      [{ not: { severity: "info" } }, "severity <> 'info'"],
      [
        { since: "2026-02-01Z", until: "2026-03-05Z" },
        "occurred_at >= '2026-02-01Z' and occurred_at < '2026-03-05Z'",
      ],
      [
        { organization: ["org0", "org2", "nobody"], severity: "critical" },
        "organization_id <> 'org1' and severity = 'critical'",
      ],
      [{ type: "nothing" }, "false"],
    ] as const
    for (const [filter, where] of filters) {
      const wanted = await inOrder(where)
      expect(await read({ filter, from: "beginning" })).toEqual(wanted)
      expect(await read({ filter, from: { newest: 7 } })).toEqual(wanted.slice(-7))
    }
  })

  test("a limit ends it, and the cursor goes on behind it", async () => {
    const all = await inOrder("severity = 'critical'")
    const places: string[] = []
    let cursor: string | undefined
    for (let more = true; more; ) {
      const following = await trail.follow({
        filter: { severity: "critical" },
        limit: 20,
        from: cursor === undefined ? "beginning" : { cursor },
      })
      for await (const row of following) places.push(place(row))
      more = following.more
      cursor = following.cursor()
    }
    expect(places).toEqual(all)
  })

  test("values are written as query writes them", async () => {
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, tags, details, occurred_at)
       values ('written', 'a', array['x', 'a "b"', null], '{"n": 1.10}', '2020-02-03 04:05:06.7Z')`,
    )
    const filter = { organization: "written" }
    const columns = ["tags", "details", "occurred_at", "hash", "actor_id"] as const
    const rows: EventRow[][] = [[], []]
    for await (const row of await trail.follow({ filter, columns, from: "beginning" })) rows[0]?.push(row)
    for await (const row of await trail.query({ ...filter, columns })) rows[1]?.push(row)
    expect(rows[0]).toEqual(rows[1])
    expect(Object.keys(rows[0]?.[0] ?? {})).toEqual(columns)
  })
})

/** Where a run with these options would go on now. */
async function cursorNow(options: FollowOptions = {}): Promise<{ cursor: string }> {
  const following = await trail.follow({ ...options, from: { newest: 0 } })
  for await (const row of following) throw new Error(place(row))
  return { cursor: following.cursor() }
}

describe("going on while others write", () => {
  /** Follows from there until the event `over` comes, which is written when everything else is. */
  async function untilOver(options: FollowOptions): Promise<string[]> {
    const places: string[] = []
    for await (const row of await trail.follow({ ...options, keepsOn: true, pollMs: 20 })) {
      if (row.event_type === "over") break
      places.push(place(row))
    }
    return places
  }

  test("ten writers that commit late, roll back and write of old times: each event once, each lane in order", async () => {
    const filter = { severity: ["critical", "error"] }
    const [from, filtered] = [await cursorNow(), await cursorNow({ filter })]
    const followers = [
      untilOver({ from }),
      untilOver({ from, verify: true }),
      untilOver({ from: filtered, filter }),
    ]
    const writers = await Promise.all(Array.from({ length: 10 }, () => db.client()))
    await Promise.all(writers.map(write))
    await db.query(
      "insert into pgtrail.event (organization_id, event_type, severity) values ('over', 'over', 'critical')",
    )
    const [all, verified, some] = await Promise.all(followers)
    const expected = await inOrder("organization_id like 'busy%'")
    expect(expected.length).toBeGreaterThan(200)
    const wanted = [
      [all, expected],
      [verified, expected],
      [some, await inOrder("organization_id like 'busy%' and severity = 'error'")],
    ] as const
    for (const [given = [], places] of wanted) {
      expect([...given].sort()).toEqual([...places].sort())
      for (const lane of new Set(given.map((one) => one.slice(0, one.lastIndexOf("/"))))) {
        const own = given.filter((one) => one.startsWith(`${lane}/`))
        const seqs = own.map((one) => Number(one.slice(lane.length + 1)))
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
      }
    }
  }, 60_000)

  async function write(writer: Client, number: number): Promise<void> {
    for (let transaction = 0; transaction < 6; transaction += 1) {
      await writer.query(`begin isolation level ${number % 4 === 3 ? "repeatable read" : "read committed"}`)
      try {
        for (let event = 0; event < 1 + ((number * 7 + transaction * 5) % 9); event += 1) {
          if (event === 3) await writer.query("savepoint s")
          await writer.query(
            `insert into pgtrail.event (organization_id, occurred_at, event_type, severity)
             select 'busy' || (random() * 3)::int, now() - random() ^ 4 * interval '9 years', 'busy',
               (array['info', 'error'])[1 + (random() < 0.2)::int] from generate_series(1, 1 + $1::int % 3)`,
            [number + event],
          )
          if (event === 5) await writer.query("rollback to s")
        }
        await writer.query((number + transaction) % 5 === 0 ? "rollback" : "commit")
      } catch (error) {
        // A snapshot that is too old.
        if ((error as { code?: string }).code !== "40001") throw error
        await writer.query("rollback")
      }
    }
    await writer.end()
  }

  test("a transaction that began first and commits last is not overlooked, though nothing else is committed then", async () => {
    const from = await cursorNow()
    const [first, second] = [await db.client(), await db.client()]
    const insert = "insert into pgtrail.event (organization_id, event_type) values ('order', $1)"
    await first.query("begin")
    await first.query(insert, ["first"])
    await second.query("begin")
    await second.query(insert, ["second"])
    await second.query("commit")
    const types: (string | null | undefined)[] = []
    for await (const row of await trail.follow({ from, keepsOn: true, pollMs: 1 })) {
      types.push(row.event_type)
      if (row.event_type === "second") await first.query("commit")
      if (row.event_type === "first") break
    }
    expect(types).toEqual(["second", "first"])
    await Promise.all([first.end(), second.end()])
  })

  test("the newest of a rare kind are looked for among so many events, and where that ends the search it is said", async () => {
    await db.query("insert into pgtrail.event (organization_id, event_type) values ('rare', 'rare')")
    await db.query(
      "insert into pgtrail.event (organization_id, event_type) select 'org0', 'often' from generate_series(1, 500)",
    )
    const told: string[] = []
    const tell = (message: string) => told.push(message)
    const filter = { type: ["rare", "never"] }
    expect(await read({ filter, tell, from: { newest: 2, lookBack: 100 } })).toEqual([])
    expect(told).toEqual([expect.stringContaining("only the newest 100 events were looked through")])
    expect(await read({ filter, tell, from: { newest: 1, lookBack: 100_000 } })).toEqual(["rare/0/1"])
    expect(told).toHaveLength(1)
  })

  test("while nothing is committed only the cheapest statement is asked", async () => {
    const from = await cursorNow()
    /** What was answered each time, and how many other statements came behind it. */
    const marks: { readonly mark: string; others: number }[] = []
    /** Those that differ from the one before are of what is committed to other databases of the server. */
    const still = () => marks.filter(({ mark }, at) => at > 0 && mark === marks[at - 1]?.mark)
    const stop = new AbortController()
    const query = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (
      this: pg.Client,
      ...args: unknown[]
    ) {
      const [first] = args
      const text = typeof first === "string" ? first : (first as { text: string }).text
      const answer = realQuery.apply(this, args)
      const newest = marks.at(-1)
      if (text.includes("as mark")) {
        return (answer as Promise<pg.QueryResult<{ mark: string }>>).then((result) => {
          marks.push({ mark: result.rows[0]?.mark ?? "", others: 0 })
          if (still().length === 20) stop.abort("SIGINT")
          return result
        }) as never
      }
      if (newest !== undefined && !stop.signal.aborted) newest.others += 1
      return answer as never
    })
    try {
      for await (const row of await trail.follow({ from, keepsOn: true, pollMs: 1, signal: stop.signal })) {
        throw new Error(place(row))
      }
    } finally {
      query.mockRestore()
    }
    expect(still().length).toBeGreaterThanOrEqual(20)
    expect(still().filter(({ others }) => others > 0)).toEqual([])
  })

  test("on more than a hundred partitions each event is found, wherever its time puts it, by statements that open one", async () => {
    await db.query("select pgtrail.create_months('2007-01-01Z', '2014-12-31Z')")
    const from = await cursorNow()
    const spread = `select 'wide', timestamptz '2007-01-01Z' + (i * 37 % 240) * interval '1 month', 'wide' from generate_series(1, 120) i`
    await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type) ${spread}`)
    const statements: [text: string, values: unknown[]][] = []
    const query = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (
      this: pg.Client,
      ...args: unknown[]
    ) {
      if (String(args[0]).includes("window_at")) statements.push([String(args[0]), args[1] as unknown[]])
      return realQuery.apply(this, args) as never
    })
    const filter = { severity: "info" }
    const places = [await read({ from }), await read({ from: { newest: 120 }, filter })]
    query.mockRestore()
    for (const some of places) expect(some).toEqual(await inOrder("organization_id = 'wide'"))
    expect(await read({ from, verify: true })).toHaveLength(120)

    expect(statements.length).toBeGreaterThan(100)
    for (const [text, values] of statements.filter((_, at) => at % 10 === 0)) {
      const plan = await db.query(`explain ${text}`, values)
      const opened = plan.flatMap((row) => /\bon (event_\w+)/.exec(row["QUERY PLAN"] ?? "")?.[1] ?? [])
      expect(new Set(opened).size).toBe(1)
    }
  })
})
