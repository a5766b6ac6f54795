// Through a pooler: in transaction mode only appends pass, and leave no setting behind; in session mode everything works.
import pg from "pg"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { open, type Trail } from "../../src/data/index.js"
import { poolerMode, poolerRefusal } from "../../src/data/pooler.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Pooler, startPooler } from "./pooler.js"

let database: TestDatabase
let direct: Trail
const poolers: Pooler[] = []

beforeAll(async () => {
  database = await testDatabase()
  // What a role or a database has set is not what pgtrail means.
  await database.query(`alter database "${database.name}" set timezone = 'Asia/Tokyo'`)
  direct = await database.trail()
})
afterAll(async () => {
  for (const pooler of poolers) await pooler.close()
  await database?.drop()
})

async function through(mode: "session" | "transaction", size: number): Promise<Pooler> {
  const pooler = await startPooler(database.url, mode, size)
  poolers.push(pooler)
  return pooler
}

const event = (name: string) => ({
  organization_id: "acme",
  event_type: `pooled.${name}`,
  occurred_at: "2026-11-21T09:30:00",
})

/** What an application that shares the pool sees of its session. */
async function seenBy(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const names = [
    "search_path",
    "timezone",
    "datestyle",
    "row_security",
    "bytea_output",
    "statement_timeout",
    "jit",
  ]
  const { rows } = await client.query(
    `select ${names.map((name) => `current_setting('${name}')`).join(" || '|' || ")} as seen`,
  )
  await client.end()
  return rows[0].seen
}

describe.each([1, 3])("in transaction mode with %d backends", (size) => {
  let pooler: Pooler
  let trail: Trail
  beforeAll(async () => {
    pooler = await through("transaction", size)
    trail = await open(pooler.url)
  })
  afterAll(() => trail.close())

  it("appends and writers work, at once too, and leave no setting to the application", async () => {
    const before = await seenBy(pooler.url)
    const first = await trail.append(event("one"))
    const several = await Promise.all(
      ["two", "three", "four"].map((name) => trail.append([event(name), event(`${name}.b`)])),
    )
    const json = await trail.appendJson('{"organization_id":"acme","event_type":"pooled.json"}')
    const writer = await trail.writer({ maxEvents: 2 })
    for (const name of ["five", "six", "seven"]) await writer.append(event(name))
    await writer.close()
    expect([first.length, several.map((places) => places.length), json.length]).toEqual([1, [2, 2, 2], 1])
    expect(await seenBy(pooler.url)).toBe(before)
    expect(before).not.toMatch(/pg_temp/)
    // The session's zone was UTC, whatever the application's is.
    const [row] = await database.query(
      "select distinct occurred_at at time zone 'UTC' as at from pgtrail.event where event_type = 'pooled.two'",
    )
    expect(row?.at).toBe("2026-11-21 09:30:00")
    expect((await direct.verify()).verdict).toBe("intact")
  })

  it("an event that is refused is named, and the others of its call are not appended", async () => {
    const bad = { ...event("eight"), occurred_at: "yesterday-ish" }
    await expect(trail.append([event("nine"), bad])).rejects.toThrow(
      /^event 2 of 2 cannot be appended: occurred_at/,
    )
    expect(await database.query("select 1 from pgtrail.event where event_type = 'pooled.nine'")).toEqual([])
    await expect(trail.append(event("ten"))).resolves.toHaveLength(1)
  })

  it("everything that needs a session is refused, with the reason, before a setting is made", async () => {
    const before = await seenBy(pooler.url)
    const refused = {
      code: "config",
      message:
        "this connection goes through a pooler in transaction mode (PgBouncer): settings, locks and snapshots of a session would be lost, or reach other programs",
      hint: "connect to the server itself; only append and the inserts of applications work through such a pooler",
    }
    const attempts = {
      install: () => trail.install(),
      installSql: () => trail.installSql(),
      schemaState: () => trail.schemaState(),
      status: () => trail.status(),
      verify: () => trail.verify({ jobs: 2 }),
      importFile: () => trail.importFile("/dev/null"),
      query: async () => {
        for await (const _ of await trail.query()) expect.fail("it has rows")
      },
      settings: () => trail.settings(),
      incarnations: () => trail.incarnations(),
      connect: () => trail.connect(),
    }
    for (const [name, attempt] of Object.entries(attempts)) {
      await expect(attempt(), name).rejects.toMatchObject(refused)
    }
    expect(await seenBy(pooler.url)).toBe(before)
  })
})

it("in session mode everything works, and the mode is found out once", async () => {
  const pooler = await through("session", 8)
  const trail = await open(pooler.url)
  await trail.append(event("session"))
  expect((await trail.verify({ jobs: 2 })).verdict).toBe("intact")
  expect((await trail.install()).applied).toEqual([])
  const before = pooler.clients()
  await trail.settings()
  expect(pooler.clients() - before).toBe(1)
  await trail.close()
})

it("a pool that is too busy to tell its mode is refused, and never waited for", async () => {
  const pooler = await through("session", 1)
  const connect = async () => {
    const client = new pg.Client({ connectionString: pooler.url })
    client.on("error", () => undefined)
    await client.connect()
    return client
  }
  const first = await connect()
  expect(await poolerMode(first, connect, 50)).toBe("untold")
  expect(poolerRefusal("untold").message).toBe(
    "this connection goes through a pooler that has no second connection free: whether it is in session mode cannot be told",
  )
  await first.end()
})
