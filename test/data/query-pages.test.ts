// Pages, samples, counts and plans: what a cursor promises, what a seed promises, and twenty at once.
import { createHash } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { EventFilter, EventRow, Trail } from "../../src/data/index.js"
import { readCursor } from "../../src/data/query/cursor.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2018-01-01Z', '2018-12-31Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, severity)
     select 'org' || i % 3, timestamptz '2017-12-01Z' + (i * 7919 % 425) * interval '1 day', (array['a', 'b'])[1 + i % 2],
       'user' || i % 11, (array['info', 'critical'])[1 + i % 2]
     from generate_series(1, 2400) i`,
  )
  await db.query(
    "insert into pgtrail.event (event_type, occurred_at) values ('a', 'infinity'), ('a', '-infinity'), ('a', '0044-03-15Z BC')",
  )
  await db.query("analyze pgtrail.event")
})
afterAll(() => db.drop())

const place = (row: EventRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

async function read(filter: EventFilter & { order?: "oldest"; limit?: number; after?: string | undefined }) {
  const events = await trail.query({ ...filter, columns: ["event_type"] })
  let count = 0
  for await (const _ of events) count += 1
  return { count, next: events.next ?? undefined }
}

describe("a page walk by cursor over a table being written sees each earlier event exactly once", () => {
  test.each(["newest", "oldest"] as const)("%s first", async (order) => {
    const earlier = (await db.query("select organization_id, lane, seq from pgtrail.event")).map(place)
    const writer = await db.client()
    // Old times too: they land before and behind where the walk is, also while a page is under way.
    const write = () =>
      writer.query(
        `insert into pgtrail.event (organization_id, occurred_at, event_type)
         select 'org' || i, timestamptz '2017-11-01Z' + random() * interval '460 days', 'c' from generate_series(0, 6) i`,
      )
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await trail.query({ limit: 150, order, after })
      for await (const row of page) {
        seen.push(place(row))
        if (seen.length % 40 === 0) await write()
      }
      after = page.next ?? undefined
    } while (after !== undefined)
    await writer.end()
    const times = new Map<string, number>()
    for (const one of seen) times.set(one, (times.get(one) ?? 0) + 1)
    expect(earlier.filter((one) => times.get(one) !== 1)).toEqual([])
    expect(seen.length).toBe(times.size)
    const [later] = await db.query("select count(*) as n from pgtrail.event")
    expect(Number(later?.n)).toBeGreaterThan(earlier.length)
  })
})

describe("a cursor", () => {
  test("goes on over times without end, before the common era, and where the limit was met exactly", async () => {
    for (const order of ["newest", "oldest"] as const) {
      const whole: string[] = []
      for await (const row of await trail.query({ organization: "default", order })) whole.push(place(row))
      const paged: string[] = []
      let after: string | undefined
      do {
        const page = await trail.query({ organization: "default", order, limit: 1, after })
        for await (const row of page) paged.push(place(row))
        after = page.next ?? undefined
      } while (after !== undefined)
      expect(paged).toEqual(whole)
      expect(paged.length).toBe(3)
    }
  })

  test("of another question is refused: other values, times, order, or one filter less", async () => {
    const { next } = await read({ type: ["a", "b"], actor: "user1", since: "2018-06-01T00:00:00Z", limit: 5 })
    expect(next).toMatch(/^[\w-]+$/)
    const same = { actor: ["user1"], type: ["b", "a"], since: "2018-06-01T00:00:00Z", after: next, limit: 5 }
    expect((await read(same)).count).toBe(5)
    for (const other of [
      { ...same, actor: "user2" },
      { ...same, actor: [] },
      { ...same, since: "2018-06-01T00:00:00.000001Z" },
      { ...same, until: "2018-12-01T00:00:00Z" },
      { ...same, not: { severity: "info" } },
      { ...same, type: undefined, not: { type: ["a", "b"] } },
      { ...same, order: "oldest" as const },
    ]) {
      await expect(read(other)).rejects.toMatchObject({
        code: "usage",
        message: "the cursor of --after belongs to another question",
      })
    }
  })

  test("that is cut, altered or none at all is refused", async () => {
    const { next = "" } = await read({ limit: 5 })
    const text = Buffer.from(next, "base64url").toString()
    const forged = (change: (text: string) => string): string =>
      Buffer.from(change(text)).toString("base64url")
    for (const after of [
      "",
      "abc",
      next.slice(0, -4),
      next.slice(4),
      forged((whole) => whole.replace("org", "prg")),
      forged((whole) => whole.replace("\x001\0", "\x002\0")),
      forged((whole) => `${whole}\0more`),
      "'; drop table pgtrail.event; --",
      "x".repeat(1_000_000),
    ]) {
      await expect(read({ limit: 5, after }), after.slice(0, 100)).rejects.toMatchObject({ code: "usage" })
    }
  })

  test("carries when the question was asked", async () => {
    const asked = "2026-11-21T10:00:00.000Z"
    const first = await trail.query({ limit: 5, asked })
    for await (const _ of first);
    expect(readCursor(first.next ?? "").asked).toBe(asked)
  })
})

describe("a sample", () => {
  const drawn = async (size: number, seed: string, filter: EventFilter = {}) => {
    const sample = await trail.sample({ ...filter, size, seed })
    const places: string[] = []
    for await (const row of sample) places.push(place(row))
    return { places, population: sample.population }
  }
  const key = (seed: string, one: string): string =>
    createHash("sha256").update(`${seed}/${one}`).digest("hex")

  test("is what anybody draws who computes sha256 of SEED/ORG/LANE/SEQ, in the order of the walk, and counts its population", async () => {
    const filter = { type: "a", since: "2018-03-01T00:00:00Z" }
    const all: string[] = []
    for await (const row of await trail.query(filter)) all.push(place(row))
    for (const [size, seed] of [
      [1, "a"],
      [50, "it's"],
      [700, ""],
      [5000, "\\"],
    ] as const) {
      const least = new Set([...all].sort((a, b) => (key(seed, a) < key(seed, b) ? -1 : 1)).slice(0, size))
      expect(await drawn(size, seed, filter)).toEqual({
        places: all.filter((one) => least.has(one)),
        population: String(all.length),
      })
    }
  })

  /** Always the same places, so that what a seed draws of them is always the same. */
  const hundred = (organization: string) =>
    db.query(
      `insert into pgtrail.event (organization_id, event_type, occurred_at)
       select $1, 'n', timestamptz '2018-02-01Z' + i * interval '1 day' from generate_series(1, 100) i`,
      [organization],
    )

  test("is changed by what is appended later only as that enters it", async () => {
    await hundred("early")
    const filter = { organization: ["early", "late"] }
    const before = new Set((await drawn(40, "later", filter)).places)
    await hundred("late")
    const after = (await drawn(40, "later", filter)).places
    const entered = after.filter((one) => !before.has(one))
    expect(entered.every((one) => one.startsWith("late/"))).toBe(true)
    expect(entered.length).toBeGreaterThan(5)
    expect(after.length).toBe(40)
  })

  test("draws each event equally often over many seeds", async () => {
    await hundred("even")
    const counts = new Map<string, number>()
    const filter = { organization: "even", since: "2018-02-01T00:00:00Z", until: "2018-06-01T00:00:00Z" }
    for (let seed = 0; seed < 30; seed += 1) {
      const { places, population } = await drawn(20, `s${seed}`, filter)
      expect([places.length, population]).toEqual([20, "100"])
      for (const one of places) counts.set(one, (counts.get(one) ?? 0) + 1)
    }
    // 6 times each: chi squared of 99 degrees of freedom, beyond 150 once in a thousand draws.
    const chi = [...counts.values()].reduce((sum, seen) => sum + (seen - 6) ** 2 / 6, (100 - counts.size) * 6)
    expect(chi).toBeLessThan(150)
  })

  test("of no events, of all and more, or of a size that cannot be", async () => {
    expect(await drawn(5, "s", { organization: "nobody" })).toEqual({ places: [], population: "0" })
    for (const size of [0, -1, 1.5, 100_001, Number.NaN]) {
      await expect(drawn(size, "s")).rejects.toMatchObject({ code: "usage" })
    }
  })
})

test("the estimate is the planner's, near the count, and reads no event", async () => {
  const count = Number(await trail.count())
  const estimate = Number(await trail.estimate())
  expect(Math.abs(estimate - count) / count).toBeLessThan(0.5)
  // Statistics know nothing of this, and a scan would.
  expect(Number(await trail.estimate({ organization: "nobody" }))).toBeGreaterThan(0)
})

describe("a plan", () => {
  test("names partition, index and shape of each statement, and what is pruned, and runs nothing", async () => {
    const plan = await trail.explain({
      organization: "org1",
      since: "2018-02-01T00:00:00Z",
      until: "2018-05-01T00:00:00Z",
      limit: 10,
    })
    expect(plan.segments.map(({ partitions }) => partitions)).toEqual([
      "event_2018_04",
      "event_2018_03",
      "event_2018_02",
    ])
    expect(plan.partitions - plan.pruned).toBe(3)
    for (const { plan: shape, returned, milliseconds, rows, cost } of plan.segments) {
      expect(shape).toMatch(/^Limit > /)
      expect([returned, milliseconds]).toEqual([null, null])
      expect(`${rows} ${cost}`).toMatch(/^\d+ [\d.]+$/)
    }
  })

  test("that is run tells what came and what was spared when the limit was full", async () => {
    const plan = await trail.explain({ limit: 30, run: true, until: "2020-01-01T00:00:00Z" })
    const returned = plan.segments.map((segment) => segment.returned)
    const run = returned.filter((rows) => rows !== null)
    expect(run.reduce((sum, rows) => sum + Number(rows), 0)).toBe(31)
    expect(plan.spared).toBe(returned.length - run.length)
    expect(run.length).toBeLessThan(5)
    expect(plan.segments[0]?.milliseconds).toMatch(/^[\d.]+$/)
    expect(Number(plan.segments[0]?.blocks)).toBeGreaterThan(0)
  })
})

test("twenty queries at once over 120 partitions on a default server", async () => {
  const [settings] = await db.query("select current_setting('max_locks_per_transaction') as locks")
  expect(settings?.locks).toBe("64")
  await db.query("select pgtrail.create_months('2008-11-01Z', '2017-10-31Z')")
  await db.query(
    `insert into pgtrail.event (occurred_at, event_type, actor_id, severity)
     select timestamptz '2008-11-15Z' + i / 2 * interval '1 month', 'a', 'user' || i % 11, (array['info', 'critical'])[1 + i % 2]
     from generate_series(0, 215) i`,
  )
  const asked = Array.from({ length: 20 }, (_, at) =>
    at % 4 === 0
      ? trail.count({ actor: `user${at % 11}` }).then(Number)
      : read({ ...(at % 2 === 0 ? { severity: "critical" } : { actor: "nobody" }), limit: 3000 }).then(
          ({ count }) => count,
        ),
  )
  const counts = await Promise.all(asked)
  expect(counts.filter((count) => count === 1200 + 108).length).toBe(5)
  expect(counts.filter((count) => count === 0).length).toBe(10)
})
