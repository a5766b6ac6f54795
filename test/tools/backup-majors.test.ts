// A backup that was made on one major version of PostgreSQL is restored on another: upwards, and downwards again.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Backups, backups, contents, type Empty } from "../data/backup-restore-fixture.js"
import { type Cluster, startCluster } from "../data/cluster.js"
import { type LifecycleLog, lifecycleLog } from "../data/lifecycle-fixture.js"
import { redact } from "../data/redact-fixture.js"

/** On the server of the tools, mostly an older one, and on that of npm. */
let log: LifecycleLog
let cluster: Cluster
let place: Backups
let back: Empty
beforeAll(async () => {
  log = await lifecycleLog()
  place = await backups()
  cluster = await startCluster({ empty: true })
  back = await place.empty()
  const { db } = log
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id, description, details) select 'a\\b' || chr(9) || 'ü', 'x', 'ann', repeat('日本 ', 900), '{\"n\": 1.50, \"at\": 1e-7}' from generate_series(1, 5)",
  )
  await redact(db, [["id", "ann"]])
})
afterAll(async () => {
  await place.remove()
  await log.db.drop()
  await cluster.remove()
})

const newest = "select max(seq) as seq from pgtrail.act"

/** Every event is as in the backup; what else differs comes from the acts of the restore, and its verification. */
async function sameAs(backup: string, trail: Trail) {
  const { events, differences, tables, verdict } = await trail.compareBackup(backup)
  expect({ differ: events.differ, differences, verdict }).toEqual({
    differ: "0",
    differences: [],
    verdict: "explained",
  })
  const others = tables.filter(({ result }) => result === "differs")
  return { appended: events.appended, unexplained: others.map(({ name }) => name) }
}

test("to the other major: every row is there, the log verifies, and is equal to its backup", async () => {
  const server = cluster.primary
  const [act] = await log.db.query(newest)
  const backup = await place.of(log.trail)
  const trail = await server.trail()
  const { verification, incarnation } = await trail.restoreBackup(backup)
  expect(verification).toMatchObject({ verdict: "intact", findings: [] })
  expect(incarnation).toMatchObject({ number: "2", lanes_lost: "0" })
  expect(await contents(server, act?.seq ?? "")).toEqual(await contents(log.db, act?.seq ?? ""))
  expect((await trail.validate()).differences).toEqual([])
  expect(await sameAs(backup, trail)).toEqual({ appended: "0", unexplained: [] })
})

test("and back again, with what was appended there", async () => {
  const server = cluster.primary
  await server.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'later')")
  const [act] = await server.query(newest)
  const trail = await server.trail()
  const backup = await place.of(trail)
  const { verification } = await back.restore(backup)
  expect(verification).toMatchObject({ verdict: "intact", findings: [] })
  expect(await contents(back.db, act?.seq ?? "")).toEqual(await contents(server, act?.seq ?? ""))
  expect((await back.trail.validate()).differences).toEqual([])
  expect(await sameAs(backup, back.trail)).toEqual({ appended: "0", unexplained: [] })
  // The log that was backed up first: what came since is appended, and nothing else differs.
  const [first = ""] = (await place.names()).filter((name) => !backup.endsWith(name))
  expect(await sameAs(`${place.to}/${first}`, back.trail)).toEqual({ appended: "1", unexplained: [] })
})
