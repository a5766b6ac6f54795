// What is decided, appended or altered between the writing of an archive and the purge: the archive has what was purged, and nothing else.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf } from "./failure.js"
import { here, until, whileActsWait } from "./retention-fixture.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(20)
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const seventh = "occurred_at = '2020-01-02 06:00Z'"
const january = { partition: "event_2020_01" }

/** Files are written and the purge waits for the chain of acts, while this happens. */
const meanwhile = (...statements: string[]) =>
  whileActsWait(
    log.db,
    () => log.create(january),
    async (holder) => {
      expect(await log.files()).toHaveLength(1)
      for (const sql of statements) await holder.query(sql)
    },
  )

/** No file of what was written in vain is left; what is there is what the act says, or nothing comes back. */
async function expectRestorable(run: Awaited<ReturnType<typeof meanwhile>>): Promise<void> {
  const [name = ""] = run.partitions.flatMap(({ archive }) => archive ?? [])
  expect(await log.files()).toEqual([name])
  expect((await log.whole()).archived).toBe(Number(run.events))
  await log.trail.restoreArchive(name, { reason: "why" })
  expect((await log.whole()).archived).toBe(0)
}

test("what a hold that came meanwhile is on stays in the table, and is in no file", async () => {
  const run = await meanwhile("select pgtrail.add_hold('C1', 'a claim', actor => 'u3')")
  expect(run).toMatchObject({ archives: "1", events: "18", held: "2", failed: [] })
  expect(await log.count("actor_id = 'u3'")).toBe(2)
  await expectRestorable(run)
})

test("what was redacted meanwhile stays in the table as it is, and its former values are in no file", async () => {
  const run = await meanwhile(
    "select pgtrail.record_act('redact', '{}')",
    "set session_replication_role = replica",
    `update pgtrail.event set actor_id = null, identity_digest = sha256('x') where ${seventh}`,
    "set session_replication_role = origin",
  )
  expect(run).toMatchObject({ archives: "1", events: "19", unsound: "1" })
  expect(await log.count(`${seventh} and actor_id is null`)).toBe(1)
  expect(await log.files()).toEqual(run.partitions.map(({ archive }) => archive))
})

test("an event that was altered by hand meanwhile stays, and is told", async () => {
  const run = await meanwhile(
    "select pgtrail.set_setting('partitions-ahead', '7')",
    "set session_replication_role = replica",
    `update pgtrail.event set actor_id = 'another' where ${seventh}`,
    "set session_replication_role = origin",
  )
  expect(run).toMatchObject({ archives: "1", events: "19", unsound: "1" })
  expect(await log.count(seventh)).toBe(1)
  expect(await log.files()).toEqual(run.partitions.map(({ archive }) => archive))
})

test("an event that arrived meanwhile is in the archive too, or stays in the log", async () => {
  const run = await meanwhile(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ('late', '2020-01-20Z', 'a.b', 'u1')",
  )
  expect(run).toMatchObject({ archives: "1", failed: [], unsound: "0" })
  expect(Number(run.events) + (await log.count())).toBe(21)
  await expectRestorable(run)
})

test("what cannot be locked in time is left alone and noted, and no file of it stays", async () => {
  const holder = await log.db.client()
  try {
    await holder.query("begin; select pg_advisory_xact_lock(1885828210, -8)")
    const refused = await log.create({ ...january, patienceMs: 200 })
    expect(refused).toMatchObject({ archives: "0", failed: [{ partition: "event_2020_01" }] })
  } finally {
    await holder.end()
  }
  expect(await log.files()).toEqual([])
  expect(await log.trail.archiveFailures()).toMatchObject([{ partition: "event_2020_01", failures: "1" }])
  expect(await log.whole()).toEqual({ live: 20, archived: 0, purged: 0 })
})

test("what is to go changes each time that it is written: then it is left alone, and no file of it stays", async () => {
  // Whoever waits for this lock keeps his place in the queue; for that of the acts he gives way, and comes again later.
  const changes = "begin; select pg_advisory_xact_lock(1885828210, -8)"
  const wait = (count: number) =>
    until(
      log.db,
      `select count(*) = ${count} from pg_locks where not granted and locktype = 'advisory' and classid = 1885828210
         and objid::bigint = 4294967288 and ${here}`,
    )
  let holder = await log.db.client()
  await holder.query(changes)
  const running = log.create(january)
  await wait(1)
  for (const actor of ["u1", "u2", "u3"]) {
    // Behind the run in the queue: it has the lock when the run has seen what was decided, and writes again.
    const next = await log.db.client()
    const locked = next.query(actor === "u3" ? "select 1" : changes)
    if (actor !== "u3") await wait(2)
    await holder.query(`select pgtrail.add_hold('C1', 'a claim', actor => '${actor}')`)
    await holder.query("commit")
    await holder.end()
    await locked
    if (actor !== "u3") await wait(1)
    holder = next
  }
  await holder.end()
  const message = "the events that event_2020_01 is to let go changed each time they were written"
  expect(await running).toMatchObject({ archives: "0", failed: [{ partition: "event_2020_01", message }] })
  expect(await log.files()).toEqual([])
  expect(await log.whole()).toEqual({ live: 20, archived: 0, purged: 0 })
})

test("of two runs at once one goes, of archives and of retention", async () => {
  await whileActsWait(
    log.db,
    () => log.create(january),
    async () => {
      expect(await failureOf(log.create({ due: true }))).toMatchObject({ code: "busy" })
      expect(await failureOf(log.run())).toMatchObject({ code: "busy" })
    },
  )
  expect(await log.whole()).toEqual({ live: 0, archived: 20, purged: 0 })
})

test("a restore that is committed while another purge reads is seen by it", async () => {
  const [name = ""] = (await log.create(january)).partitions.flatMap(({ archive }) => archive ?? [])
  await log.trail.createPartitions("2020-01")
  await log.append(2, { org: "late" })
  const holder = await log.db.client()
  try {
    await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
    const dropping = log.create(january)
    await log.waitsForActs()
    const restoring = log.trail.restoreArchive(name, { reason: "why" })
    await log.waitsForActs(2)
    await holder.query("commit")
    await Promise.all([dropping, restoring])
  } finally {
    await holder.end()
  }
  const { live, archived } = await log.whole()
  expect(live + archived).toBe(22)
})
