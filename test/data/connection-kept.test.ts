import { afterAll, beforeAll, expect, test } from "vitest"
import { withClient } from "../../src/data/connection.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const pid = (trail: Pick<Trail, "target">): Promise<string> =>
  withClient(
    trail.target,
    async (client) => (await client.query("select pg_backend_pid() as pid")).rows[0].pid,
  )
const sessions = (pids: readonly string[]) =>
  db.query("select pid from pg_stat_activity where pid = any ($1::int[]) order by pid", [pids])

test("a second call has the connection of the first, and two at once have one each", async () => {
  const trail = await db.trail()
  const first = await pid(trail)
  expect(await pid(trail)).toBe(first)
  const both = await Promise.all([pid(trail), pid(trail)])
  expect(new Set(both).size).toBe(2)
  expect(both).toContain(first)
  await trail.close()
})

test("no statement is compiled (jit): what could hide restricted events has a price in every plan, asked or not", async () => {
  const trail = await db.trail()
  const rows = await withClient(trail.target, async (client) => (await client.query("show jit")).rows)
  expect(rows).toEqual([{ jit: "off" }])
})

test("nothing of a session is left for the next call: locks, tables, settings, roles, and what it listened to", async () => {
  const trail = await db.trail()
  const before = await withClient(trail.target, async (client) => {
    await client.query("select pg_advisory_lock(17, 4)")
    await client.query("create temp table left_behind (n int)")
    await client.query(
      "set work_mem = '77MB'; set search_path = public; set role pgtrail_writer; listen told",
    )
    const { rows } = await client.query("select pg_backend_pid() as pid")
    return rows[0].pid
  })
  // Others wait for a lock: it goes when the connection is given back, not when it is taken again.
  expect(await db.query("select pg_try_advisory_lock(17, 4) as free, pg_advisory_unlock(17, 4)")).toEqual([
    { free: "t", pg_advisory_unlock: "t" },
  ])
  const after = await withClient(trail.target, async (client) => {
    const { rows } = await client.query(
      `select pg_backend_pid() as pid, to_regclass('pg_temp.left_behind') as left_behind, current_setting('work_mem') as work_mem,
         current_setting('search_path') as search_path, current_user = session_user as is_himself,
         array(select pg_listening_channels()) as channels, current_setting('timezone') as timezone`,
    )
    return rows[0]
  })
  expect(after).toEqual({
    pid: before,
    left_behind: null,
    work_mem: (await db.query("select current_setting('work_mem') as work_mem"))[0]?.work_mem,
    search_path: "pg_catalog, pg_temp",
    is_himself: "t",
    channels: "{}",
    timezone: "UTC",
  })
  await trail.close()
})

test("a session with an open transaction is not kept, and its transaction is over", async () => {
  const trail = await db.trail()
  const before = await withClient(trail.target, async (client) => {
    await client.query("begin")
    await client.query("create table public.never_there ()")
    return (await client.query("select pg_backend_pid() as pid")).rows[0].pid
  })
  expect(await pid(trail)).not.toBe(before)
  expect(await db.query("select to_regclass('public.never_there') as name")).toEqual([{ name: null }])
  await trail.close()
})

test("one that failed, and one that the server has ended meanwhile, is not used again", async () => {
  const trail = await db.trail()
  const first = await pid(trail)
  await expect(withClient(trail.target, (client) => client.query("select 1/0"))).rejects.toThrow()
  const second = await pid(trail)
  expect(second).not.toBe(first)
  await db.query("select pg_terminate_backend($1::int)", [second])
  expect(await pid(trail)).not.toBe(second)
  await trail.close()
})

test("what others have planted between two calls is looked at again", async () => {
  const trail = await db.trail()
  await pid(trail)
  const mallory = await db.role()
  await db.query(`create schema mallory; create function mallory.trap() returns int language sql immutable as 'select 1';
    alter function mallory.trap() owner to "${mallory.name}"; create index trap on pgtrail.setting ((mallory.trap()))`)
  await expect(pid(trail)).rejects.toThrow("table setting: index trap")
  await db.query("drop index pgtrail.trap; drop schema mallory cascade")
  await pid(trail)
  await trail.close()
})

test("close ends it, and without a Trail none is kept", async () => {
  const trail = await db.trail()
  const kept = await pid(trail)
  expect(await sessions([kept])).toHaveLength(1)
  await trail.close()
  const unkept = await pid({ target: { ...trail.target } })
  // The server takes a moment to notice that somebody has left.
  await expect.poll(() => sessions([kept, unkept])).toEqual([])
})

test("one that nobody uses is ended after a second", async () => {
  const trail = await db.trail()
  const kept = await pid(trail)
  await expect.poll(() => sessions([kept]), { timeout: 10_000 }).toEqual([])
  expect(await pid(trail)).not.toBe(kept)
  await trail.close()
})
