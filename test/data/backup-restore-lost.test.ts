// A restore whose connection goes silent: it ends, says so, leaves no log behind that is not whole, and the next one comes to its end.
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"
import { type MutedProxy, proxyTo } from "./muted-proxy.js"

let log: TestDatabase
let place: Backups
let backup: string
let empty: Empty
let proxy: MutedProxy
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  await log.query(
    `insert into pgtrail.event (event_type, description)
     select 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 60) i, generate_series(1, 1000) j group by i`,
  )
  backup = await place.of(await log.trail())
  empty = await place.empty()
  proxy = await proxyTo(empty.db.url)
})
afterEach(() => proxy.heal())
afterAll(async () => {
  await proxy.close()
  await place.remove()
  await log.drop()
})

test.each([
  ["before it makes the tables", /^making the tables/],
  ["while files are loaded", /MB loaded/],
  ["while a partition is indexed", /^indexing/],
  ["before partitions are attached", /^attaching/],
  ["before the log appears", /^making the log appear/],
])("gone silent %s: it is noticed, and no log is there", async (_when, when) => {
  const trail = await empty.db.trail({ url: proxy.url })
  let isMuted = false
  const failure = await failureOf(
    trail.restoreBackup(backup, {
      verify: false,
      silenceMs: 150,
      progress: (doing) => {
        if (!isMuted && when.test(doing)) proxy.mute()
        isMuted ||= when.test(doing)
      },
    }),
  )
  expect({ isMuted, code: failure.code }).toEqual({ isMuted: true, code: "connection-lost" })
  proxy.cut()
  proxy.heal()
  await trail.close()
  // A session that the server has not ended yet keeps the lock of a restore.
  await vi.waitFor(async () => {
    const others = await empty.db.query(
      "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    )
    expect(others).toEqual([])
  }, 20_000)
  expect(await leftovers(empty.db)).not.toContainEqual({ schema: "pgtrail" })
})

test("the next one comes to its end", async () => {
  const { restore, db } = empty
  expect(await restore(backup)).toMatchObject({ events: "60", verification: { verdict: "intact" } })
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }])
})
