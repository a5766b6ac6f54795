// What came after a backup: erasures, which are made again; a checkpoint, which tells what is lost; signatures; and a trial of it.
import { spawnSync } from "node:child_process"
import { mkdir, readdir, readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { BackupManifest } from "../../src/data/backup/manifest.js"
import { restoreTest } from "../../src/data/backup/restore-test.js"
import { readResults } from "../../src/data/backup/results.js"
import { openStore } from "../../src/data/store/store.js"
import { type Backups, backups, leftovers } from "./backup-restore-fixture.js"
import { canStart } from "./cluster.js"
import { failureOf } from "./failure.js"
import { type RestorableLog, restorableLog } from "./incarnation-fixture.js"

let log: RestorableLog
let place: Backups
let backup: string
let before: string
let after: string
let register: string
beforeAll(async () => {
  log = await restorableLog()
  place = await backups()
  const { db, trail, append } = log
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) select 'acme', 'x', 'u-jane' from generate_series(1, 4)",
  )
  before = await log.checkpoint()
  backup = await place.of(trail)
  await append("acme", 5)
  register = log.path("register.jsonl")
  await trail.eraseSubject([{ kind: "id", value: "u-jane" }], {
    reason: "Article 17",
    requestedBy: "R-1",
    confirm: "u-jane",
    register,
  })
  after = await log.checkpoint()
})
afterAll(async () => {
  await place.remove()
  await log.remove()
})

test("a backup of a log that has a checkpoint tells of it in its manifest: the act, its time and the digest of its heads", async () => {
  const path = join(fileURLToPath(backup), "manifest.json")
  const { checkpoint } = JSON.parse(await readFile(path, "utf8")) as BackupManifest
  const [act] = await log.db.query(
    "select a.seq, encode(a.digest, 'hex') as digest from pgtrail.act a where a.kind = 'checkpoint' order by a.seq limit 1",
  )
  expect(checkpoint).toMatchObject({ act: act?.seq, digest: act?.digest })
  expect(checkpoint?.digest).toMatch(/^[0-9a-f]{64}$/)
})

test("what was erased since the backup is erased again from the register, and pointed out where none was named", async () => {
  const first = await place.empty()
  const done = await first.restore(backup, { register, requestedBy: "R-1" })
  expect(done).toMatchObject({
    reapplied: { events: "4", complete: true },
    verification: { verdict: "intact" },
    warnings: [expect.stringMatching(/^holds, purges, retention rules and grants made after/)],
  })
  expect(await first.db.query("select from pgtrail.event where actor_id = 'u-jane'")).toEqual([])
  const second = await place.empty()
  const { warnings, next } = await second.restore(backup, { verify: false })
  expect(warnings).toEqual([
    expect.stringMatching(/^values that were erased after 20.*Z are back$/),
    expect.stringMatching(
      /^holds, purges, retention rules and grants made after 20.*Z are not in the backup$/,
    ),
  ])
  expect(next).toContain("pgtrail gdpr reapply --register FILE")
  expect(await second.db.query("select count(*) as n from pgtrail.event where actor_id = 'u-jane'")).toEqual([
    { n: "4" },
  ])
  // An auditor's memory that is newer than the backup finds the log set back, until somebody records what is lost.
  const { publicKeys } = log
  expect(await second.trail.verify({ checkpoints: [after], publicKeys, record: false })).toMatchObject({
    verdict: "rolled_back",
  })
  await second.trail.openIncarnation({ reason: "restore", checkpoint: after, publicKeys })
  expect(await second.trail.verify({ checkpoints: [after], publicKeys, record: false })).toMatchObject({
    verdict: "intact",
    covered: { lost: "5" },
  })
})

test("with a checkpoint the incarnation records what the backup lacks of it", async () => {
  const { publicKeys } = log
  const { restore, trail } = await place.empty()
  const done = await restore(backup, { checkpoint: after, publicKeys })
  expect(done).toMatchObject({
    incarnation: { number: "2", lanes_lost: "1" },
    verification: { verdict: "intact" },
  })
  expect(await trail.verify({ checkpoints: [before, after], publicKeys, record: false })).toMatchObject({
    verdict: "intact",
    findings: [],
  })
  const other = await place.empty()
  expect(await failureOf(other.restore(backup, { checkpoint: after, publicKeys: [] }))).toMatchObject({
    code: expect.stringMatching(/config|forged|usage/),
  })
  expect(await leftovers(other.db)).toEqual([])
})

test("events of a detached partition are not recorded as lost, and no two incarnations get one number", async () => {
  const { db: source, trail: origin, append, publicKeys } = log
  await source.query("select pgtrail.create_partition('event_2025_05', '2025-05-01Z', '2025-06-01Z')")
  await source.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) select 'old', 'x', '2025-05-10Z' from generate_series(1, 3)",
  )
  await origin.detachPartition("event_2025_05", "seldom read")
  const early = await log.checkpoint()
  const detached = await place.of(origin)
  await append("old", 2)
  const later = await log.checkpoint()
  const { db, restore, trail } = await place.empty()
  const done = await restore(detached, { checkpoint: later, publicKeys })
  expect(done).toMatchObject({ incarnation: { number: "2" }, verification: { verdict: "intact" } })
  expect(
    await db.query("select organization_id as o, kept_seq as kept, lost_seq as lost from pgtrail.loss"),
  ).toEqual([{ o: "old", kept: "3", lost: "5" }])
  // Of a checkpoint whose newest event is in that partition nothing is lost.
  await trail.openIncarnation({ reason: "restore", checkpoint: early, publicKeys })
  expect(await db.query("select count(*) as n from pgtrail.loss")).toEqual([{ n: "1" }])
  const again = await restore(detached, { checkpoint: later, publicKeys, confirm: db.name })
  expect(again).toMatchObject({
    incarnation: { number: "4", lanes_lost: "1" },
    replaced: { kept_as: null },
    verification: { verdict: "intact" },
  })
})

test("a log that takes signed acts only is restored with a key, and not without", async () => {
  const { trail, pair, publicKeys } = log
  await trail.setSetting("require-signed-acts", "on", pair.secret)
  const signed = await place.of(trail)
  const { restore } = await place.empty()
  expect(await failureOf(restore(signed))).toMatchObject({
    code: "config",
    message: expect.stringContaining("signed acts only"),
  })
  const done = await restore(signed, { key: pair.secret, publicKeys })
  expect(done.verification).toMatchObject({ verdict: "intact", findings: [] })
})

const isTrial = (name: string): boolean => name.startsWith("pgtrail-restore-test-")

test.skipIf(!canStart)(
  "a trial restores into a server of its own, verifies, keeps the result, and leaves nothing, not even of one that was killed",
  async () => {
    const store = await openStore(place.to, {})
    const name = backup.split("/").at(-1) ?? ""
    const there = (await readdir(tmpdir())).filter(isTrial)
    const dead = `pgtrail-restore-test-${spawnSync("true").pid}-0123456789ab`
    await mkdir(join(tmpdir(), dead, "socket"), { recursive: true })
    const keep = { by: "test", at: "2026-11-22T01:30:00.000000Z" }
    expect(await restoreTest(store, name, { keep, starter: { pid: 1, isAlive: () => false } })).toMatchObject(
      {
        events: "17",
        report: { verdict: "intact" },
        not_kept: null,
      },
    )
    const left = (await readdir(tmpdir())).filter(isTrial)
    expect(left).not.toContain(dead)
    expect(left.filter((folder) => !there.includes(folder))).toEqual([])
    expect(await readResults(store, name)).toMatchObject([{ level: "restore-test", verdict: "intact" }])
  },
)

test("a trial in a database takes all away again, and is refused in one that has anything", async () => {
  const store = await openStore(place.to, {})
  const name = backup.split("/").at(-1) ?? ""
  const { db } = await place.empty()
  const target = { connectionString: db.url, applicationName: "test trial" }
  expect(await restoreTest(store, name, { target })).toMatchObject({
    server: db.name,
    report: { verdict: "intact" },
  })
  expect(await leftovers(db)).toEqual([])
  await db.query("create table mine ()")
  expect(await failureOf(restoreTest(store, name, { target }))).toMatchObject({ code: "usage" })
  expect(
    await failureOf(restoreTest(store, name, { target: { connectionString: log.db.url } })),
  ).toMatchObject({ code: "usage" })
})

test("a log that somebody installs during a trial stays, and the trial says that it was in the way", async () => {
  const store = await openStore(place.to, {})
  const { db, trail } = await place.empty()
  let installing: Promise<unknown> | undefined
  const progress = (doing: string): void => {
    if (doing.includes("indexing")) installing ??= trail.install()
  }
  const target = { connectionString: db.url, applicationName: "test trial" }
  const failure = await failureOf(
    restoreTest(store, backup.split("/").at(-1) ?? "", { target, jobs: 1, progress }),
  )
  await installing
  expect(["retry", "exists", "usage"]).toContain(failure.code)
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }])
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ findings: [] })
})
