// A restore whose connection goes silent: it ends, says so, leaves no log behind that is not whole, and the next one comes to its end.
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import { restoreTest } from "../../src/data/backup/restore-test.js"
import type { Trail } from "../../src/data/index.js"
import { openStore } from "../../src/data/store/store.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"
import { type MutedProxy, proxyTo } from "./muted-proxy.js"

let log: TestDatabase
let place: Backups
let backup: string
let register: string
let empty: Empty
let proxy: MutedProxy
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  await log.query(
    `insert into pgtrail.event (event_type, description)
     select 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 60) i, generate_series(1, 1000) j group by i`,
  )
  await log.query(
    "insert into pgtrail.event (event_type, actor_id) select 'x', 'u-jane' from generate_series(1, 4)",
  )
  const trail = await log.trail()
  backup = await place.of(trail)
  register = join(place.folder, "its register.jsonl")
  const erasing = { reason: "Article 17", requestedBy: "R-1", confirm: "u-jane", register }
  await trail.eraseSubject([{ kind: "id", value: "u-jane" }], erasing)
  empty = await place.empty()
  proxy = await proxyTo(empty.db.url)
})
afterEach(() => proxy.heal())
afterAll(async () => {
  await proxy.close()
  await place.remove()
  await log.drop()
})

/** A session that the server has not ended yet keeps the lock of a restore. */
async function away(trail: Trail): Promise<void> {
  proxy.cut()
  proxy.heal()
  await trail.close()
  await vi.waitFor(async () => {
    const others = await empty.db.query(
      "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
    )
    expect(others).toEqual([])
  }, 20_000)
}

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
  await away(trail)
  expect(await leftovers(empty.db)).not.toContainEqual({ schema: "pgtrail" })
})

test("the next one comes to its end", async () => {
  const { restore, db } = empty
  expect(await restore(backup)).toMatchObject({ events: "64", verification: { verdict: "intact" } })
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }])
})

test.each([
  ["while the places of the register are read", /places read$/, "gdpr reapply --register '"],
  ["while it is erased again", /^redacting in/, "gdpr reapply --register '"],
  ["before its verification is recorded", /^verified/, "verify"],
])("gone silent %s: the log is there, whole, and it says what to run", async (_when, when, command) => {
  const { db } = empty
  await db.query("drop schema pgtrail cascade")
  const trail = await db.trail({ url: proxy.url })
  const progress = (doing: string) => when.test(doing) && proxy.mute()
  const failure = await failureOf(trail.restoreBackup(backup, { register, silenceMs: 150, progress }))
  expect(failure).toMatchObject({
    code: "incomplete",
    message: expect.stringMatching(/^the log is restored; then: .*connection/),
    hint: expect.stringMatching(`^run it by itself: pgtrail ${command}`),
  })
  await away(trail)
  expect(await empty.trail.reapply(register)).toMatchObject({ complete: true })
  expect(await empty.trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test("gone silent while a backup is tried: it ends, and says that what it made may still be there", async () => {
  const { db } = empty
  await db.query("drop schema pgtrail cascade")
  const store = await openStore(place.to, {})
  const [name = ""] = await place.names()
  const target = { connectionString: proxy.url, connectTimeoutMs: 500, applicationName: `test ${db.name}` }
  const progress = (doing: string) => doing.endsWith("verified") && proxy.mute()
  expect(await failureOf(restoreTest(store, name, { target, silenceMs: 150, progress }))).toMatchObject({
    code: "connection-lost",
    hint: expect.stringMatching(/drop its schemas pgtrail\*$/),
  })
  await away(empty.trail)
})
