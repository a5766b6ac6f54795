// What verify says when there is little to verify, when it may not or cannot look, and while others work.
import process from "node:process"
import type { Worker } from "node:worker_threads"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { TrailError } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
let empty: TestDatabase
beforeAll(async () => {
  log = await sampleLog()
  empty = await testDatabase()
})
afterEach(() => log.restore())
afterAll(async () => {
  await empty.drop()
  await log.db.drop()
})

const failure = async (work: Promise<unknown>): Promise<TrailError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason as TrailError,
  )
  if (error === undefined) throw new Error("it should have failed")
  return error
}

test("a log without events is incomplete, not intact", async () => {
  const trail = await empty.trail()
  const report = await trail.verify({ jobs: 2, record: false })
  expect(report).toMatchObject({ verdict: "incomplete", findings: [], covered: { chains: "0", events: "0" } })
})

test("no worker keeps more than 6 MB of what it has read in its heap before it is collected", async () => {
  const kept: unknown[] = []
  const note = (worker: Worker) => kept.push(worker.resourceLimits?.maxYoungGenerationSizeMb)
  process.on("worker", note)
  try {
    await log.trail.verify({ jobs: 2, record: false })
  } finally {
    process.off("worker", note)
  }
  expect(kept).toEqual([6, 6])
})

test("an organization or a time without events is incomplete, not intact", async () => {
  expect((await log.trail.verify({ organization: "nobody", record: false })).verdict).toBe("incomplete")
  expect((await log.trail.verify({ since: "2001-01-01", until: "2001-02-01", record: false })).verdict).toBe(
    "incomplete",
  )
})

test("one organization is verified alone", async () => {
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
  const acme = await log.trail.verify({ organization: "acme", record: false })
  expect(acme).toMatchObject({ verdict: "intact", covered: { chains: "2", events: "60" } })
  const globex = await log.trail.verify({ organization: "globex", record: false })
  expect(places(globex.findings)).toEqual(["altered globex/0/3"])
})

test("an organization with quotes in its name is verified, and is no SQL", async () => {
  const name = `o'hara"; drop table x; --\\`
  await log.db.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'a')", [name])
  expect(await log.trail.verify({ organization: name, record: false })).toMatchObject({
    verdict: "intact",
    covered: { events: "1" },
  })
})

test("a time range hashes what lies in it, and still finds what was removed anywhere", async () => {
  const [row] = await log.db.query(
    "select max(occurred_at) filter (where seq = 20) as since, max(occurred_at) filter (where seq = 30) as until from pgtrail.event where organization_id = 'globex'",
  )
  const range = { since: row?.since ?? "", until: row?.until ?? "", record: false, organization: "globex" }
  expect(await log.trail.verify(range)).toMatchObject({
    verdict: "intact",
    covered: { chains: "1", events: "10" },
  })
  await log.tamper(
    "update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq in (25, 50)",
  )
  expect(places((await log.trail.verify(range)).findings)).toEqual(["altered globex/0/25"])
  await log.restore()
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq between 20 and 29")
  expect(places((await log.trail.verify(range)).findings)).toEqual(["missing globex/0/20"])
})

test("several workers come to the same report as one", async () => {
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
  await log.tamper("delete from pgtrail.event where organization_id = 'acme' and lane = 0 and seq = 5")
  const one = await log.trail.verify({ jobs: 1, record: false })
  const two = await log.trail.verify({ jobs: 2, record: false })
  expect(two).toEqual(one)
  expect(places(one.findings)).toEqual(["altered globex/0/3", "missing acme/0/5"])
})

test("a database without pgtrail: not installed", async () => {
  const bare = await testDatabase({ empty: true })
  const trail = await bare.trail()
  expect(await failure(trail.verify())).toMatchObject({ code: "not-installed", hint: "pgtrail install" })
  await bare.drop()
})

test("a role without grants is refused by name, a reader cannot pass for an auditor", async () => {
  const stranger = await log.db.role()
  const reader = await log.db.role({ memberOf: ["pgtrail_reader"] })
  expect(await failure((await log.db.trail({ url: stranger.url })).verify())).toMatchObject({
    code: "privilege",
  })
  expect(await failure((await log.db.trail({ url: reader.url })).verify())).toMatchObject({
    code: "privilege",
  })
})

test("an auditor verifies and it is recorded as his act", async () => {
  const auditor = await log.db.role({ memberOf: ["pgtrail_auditor"] })
  const report = await (await log.db.trail({ url: auditor.url })).verify({ jobs: 2 })
  expect(report.verdict).toBe("intact")
  const [act] = await log.db.query("select session_user_name from pgtrail.act where seq = $1", [report.act])
  expect(act?.session_user_name).toBe(auditor.name)
})

test("a later schema: refused with what to do; a pending migration: could not check", async () => {
  await log.db.query("insert into pgtrail.migration values (9999, 'future', 'x', now(), 'x', 1, '9.9.9')")
  expect(await failure(log.verify())).toMatchObject({ code: "newer-schema" })
  await log.db.query("delete from pgtrail.migration where number = 9999")
  await log.db.query("create table public.migrations as select * from pgtrail.migration")
  await log.db.query("delete from pgtrail.migration")
  expect(await failure(log.verify())).toMatchObject({ code: "pending-migration", hint: "pgtrail migrate up" })
  await log.db.query("insert into pgtrail.migration select * from public.migrations")
})

test.each([1, 2])("a connection lost in the middle is an error, never a verdict (%s jobs)", async (jobs) => {
  const trail = await log.db.trail()
  const kill = () =>
    log.db.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query ~* '^(copy|set transaction|begin|commit)'",
    )
  let killed: Promise<unknown> | undefined
  const error = await failure(
    trail
      .verify({
        jobs,
        record: false,
        progress: () => {
          killed ??= kill()
        },
      })
      .then(async (report) => {
        await killed
        // It may have been done before the kill arrived; then it must be right.
        expect(report.verdict).toBe("intact")
        throw Object.assign(new Error(), { code: "connection-lost" })
      }),
  )
  await killed
  expect(error.code).toBe("connection-lost")
})

test("an abort stops it", async () => {
  const abort = new AbortController()
  abort.abort(new Error("stop"))
  expect((await failure(log.trail.verify({ jobs: 2, signal: abort.signal, record: false }))).message).toBe(
    "stop",
  )
})

test("writers that append while it runs raise no finding", async () => {
  const writers = await Promise.all(Array.from({ length: 4 }, () => log.db.client()))
  let on = true
  const work = writers.map(async (writer, index) => {
    for (let i = 0; on; i++) {
      await writer.query(
        "insert into pgtrail.event (organization_id, event_type) select $1, 'w' from generate_series(1, 5)",
        [`org ${(index + i) % 3}`],
      )
      // As an application does: without a pause they would take what the processor has.
      await new Promise((go) => setTimeout(go, 10))
    }
  })
  try {
    for (let i = 0; i < 4; i++) {
      const report = await log.trail.verify({ jobs: i === 3 ? 2 : 1, record: i % 2 === 1 })
      expect(report.findings).toEqual([])
    }
  } finally {
    on = false
    await Promise.all(work)
  }
  await Promise.all(writers.map((writer) => writer.end()))
})

test("events that arrived in random order of time: intact, and a change among them is found", async () => {
  await log.db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type)
     select 'random', now() + (random() - 0.3) * interval '200 days', 'x' from generate_series(1, 2000)`,
  )
  expect((await log.verify()).findings).toEqual([])
  await log.tamper("update pgtrail.event set category = 'x' where organization_id = 'random' and seq = 1234")
  await log.tamper("delete from pgtrail.event where organization_id = 'random' and seq = 432")
  expect(places((await log.verify()).findings)).toEqual(["altered random/0/1234", "missing random/0/432"])
})
