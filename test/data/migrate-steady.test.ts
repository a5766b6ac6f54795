// Migrating and comparing while partitions come and go: what is dropped in the moment of reading is no difference and no failure.
import type { Client, ClientBase } from "pg"
import { afterAll, beforeEach, expect, test } from "vitest"
import { migrateDown } from "../../src/data/migrate/down.js"
import { install, pendingScript } from "../../src/data/migrate/up.js"
import { validate } from "../../src/data/migrate/validate.js"
import { compare } from "../../src/data/verify/catalog.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { here, until } from "./retention-fixture.js"

let db: TestDatabase
let client: Client
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  client = await db.client()
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const places = ["2018_01", "2018_02", "2018_03"]
const make = async () => {
  for (const place of places) {
    await db.query(
      "select pgtrail.create_partition($1, $2::timestamptz, $2::timestamptz + interval '1 month')",
      [`event_${place}`, `${place.replace("_", "-")}-01Z`],
    )
  }
}
const drop = (place = "") => db.query(`drop table pgtrail.event_${place}`)

/**
 * `client`, whose readings of the live catalog take so long that `meanwhile` happens between their snapshot and the first fact. Nothing
 * else is changed: what the server says then it says itself.
 */
function slow(meanwhile: (reading: number) => Promise<unknown>): { client: ClientBase; readings(): number } {
  let reading = 0
  const query = async (...given: unknown[]): Promise<unknown> => {
    const [text] = given
    const start = "where n.nspname = 'pgtrail'\n), role"
    // Scripts that store what the catalog is have the same text in them.
    if (typeof text !== "string" || !/^-- Describes /.test(text) || !text.includes(start))
      return Reflect.apply(client.query, client, given)
    reading += 1
    await db.query("select pg_advisory_lock(77)")
    const pause = "where n.nspname = 'pgtrail' and pg_advisory_xact_lock_shared(77)::text = ''\n), role"
    const answer = Reflect.apply(client.query, client, [text.replace(start, pause)]) as Promise<unknown>
    answer.catch(() => undefined)
    await until(
      db,
      `select exists (select from pg_locks where locktype = 'advisory' and objid = 77 and not granted and ${here})`,
    )
    await meanwhile(reading)
    await db.query("select pg_advisory_unlock(77)")
    return answer
  }
  const proxy = new Proxy(client, {
    get(target, name) {
      if (name === "query") return query
      const value: unknown = Reflect.get(target, name)
      return typeof value === "function" ? value.bind(target) : value
    },
  })
  return { client: proxy, readings: () => reading }
}

const works: [name: string, work: (client: ClientBase) => Promise<unknown>][] = [
  ["migrate up", (on) => install(on, { dryRun: true })],
  ["migrate up --print-sql", (on) => pendingScript(on)],
  ["migrate down", (on) => migrateDown(on, { dryRun: true })],
  ["migrate validate", (on) => validate(on)],
]
const outdate = () => db.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")

test("the server fails, or tells too little, of a partition that is dropped while the catalog is read once", async () => {
  await make()
  const once = slow(() => drop(places[0]))
  const outcome = await compare(once.client).then(
    ({ differences }) => differences.length,
    (error: unknown) => error,
  )
  expect(outcome).not.toBe(0)
})

test.each(works)("%s looks again where a partition went meanwhile", async (name, work) => {
  await make()
  if (name.startsWith("migrate up")) await outdate()
  const often = slow((reading) => (reading === 1 ? drop(places[0]) : Promise.resolve()))
  const result = await work(often.client)
  expect(often.readings()).toBe(2)
  if (name === "migrate validate") expect(result).toMatchObject({ differences: [] })
  else expect(result).toBeTruthy()
})

test.each(works.slice(0, 3))("%s looks a last time while no partition can go", async (name, work) => {
  await make()
  if (name.startsWith("migrate up")) await outdate()
  const impatient = await db.client()
  await impatient.query("set lock_timeout = '50ms'")
  const often = slow(async (reading) => {
    if (reading < 3) return drop(places[reading - 1])
    await expect(impatient.query(`drop table pgtrail.event_${places[2]}`)).rejects.toMatchObject({
      code: "55P03",
    })
  })
  expect(await work(often.client)).toBeTruthy()
  expect(often.readings()).toBe(3)
  await impatient.end()
})

test.each(works)("%s is told at once what is no work of a moment", async (name, work) => {
  if (name.startsWith("migrate up")) await outdate()
  await db.query("alter table pgtrail.act disable trigger pgtrail_guard")
  const often = slow(() => Promise.resolve())
  const outcome = await work(often.client).then(
    (result) => (result as { differences?: readonly unknown[] }).differences?.length,
    (error: unknown) => (error as { code?: string }).code,
  )
  expect(outcome).toBe(name === "migrate validate" ? 1 : "config")
  expect(often.readings()).toBe(1)
})
