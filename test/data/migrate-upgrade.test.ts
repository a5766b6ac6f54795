// The way up from what earlier versions of pgtrail installed, with data, and the way back: nothing is lost, and it verifies throughout.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, expect, test } from "vitest"
import { aboutAct } from "../../src/data/act/about.js"
import { presentVersion, versions } from "../../src/data/sql-files.js"
import { refuseMigrated } from "../../src/data/verify/migrations.js"
import { type TestDatabase, testDatabase } from "../database.js"
import {
  catalog,
  evidence,
  type Level,
  migrationsAfter,
  type OlderLog,
  olderLog,
  schema,
} from "./migrate-fixture.js"
import { replayed } from "./replayed.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

async function older(level: Level, options: { roles?: boolean; data?: boolean } = {}): Promise<OlderLog> {
  const log = await olderLog(level, options)
  all.push(log.db)
  return log
}

test("each migration is an act of its own, which tells whose functions it left", async () => {
  const { db, trail } = await older(1, { data: false })
  await trail.install()
  await trail.migrateDown()
  const known = new Map(versions().map((one) => [one.codeChecksum, one.number]))
  const acts = await db.query(
    `select parameters ->> 'migrations' as migrations, parameters ->> 'down' as down, parameters ->> 'code_checksum' as code,
       parameters ->> 'roles' as roles, digest is not null as digest from pgtrail.act order by seq offset 1`,
  )
  expect(acts.map(({ code, ...act }) => ({ ...act, level: known.get(code ?? "") }))).toEqual([
    { migrations: '["0002_proof"]', down: null, roles: "on", digest: "t", level: 2 },
    { migrations: '["0003_access"]', down: null, roles: "on", digest: "t", level: 3 },
    { migrations: '["0004_read"]', down: null, roles: "on", digest: "t", level: 4 },
    { migrations: '["0005_lifecycle"]', down: null, roles: "on", digest: "t", level: 5 },
    { migrations: '["0006_archive"]', down: null, roles: "on", digest: "t", level: 6 },
    { migrations: '["0007_people"]', down: null, roles: "on", digest: "t", level: 7 },
    {
      migrations: '["0008_holds"]',
      down: null,
      roles: "on",
      digest: "t",
      level: presentVersion().number,
    },
    { migrations: "[]", down: '["0008_holds"]', roles: "on", digest: "t", level: 7 },
  ])
  const ledger = await db.query(
    "select number, checksum ~ '^[0-9a-f]{64}$' as sum, applied_by = session_user as by, applied_at > now() - interval '1 minute' as at, duration_ms >= 0 as took from pgtrail.migration",
  )
  expect(ledger).toEqual(
    [1, 2, 3, 4, 5, 6, 7].map((number) => ({
      number: String(number),
      sum: "t",
      by: "t",
      at: "t",
      took: "t",
    })),
  )
  expect(await trail.act("5")).toMatchObject({ verifies: true })
  expect(aboutAct("migrate", '{"migrations": [], "down": ["0004_read"], "tool_version": "0.1.0"}')).toBe(
    "back from 0004_read, by pgtrail 0.1.0",
  )
})

test("the printed SQL of several steps does the same in one transaction, up and down", async () => {
  const { db, trail } = await older(1)
  const before = await catalog(db)
  const kept = await evidence(db, 2)
  const sql = await trail.installSql()
  expect(sql).not.toMatch(/^\\/m)
  const client = await db.client()
  await client.query(`begin; ${sql}; commit`)
  expect(await trail.install()).toMatchObject({ changed: false })
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
  const down = await trail.migrateDownSql({ to: 1 })
  await client.query(`begin; ${down}; commit`)
  expect(await catalog(db)).toEqual(before)
  await expect(client.query(down)).rejects.toThrow("the newest migration of this log is not 0008_holds")
  await client.query("rollback")
  await client.end()
  expect(await trail.migrateDownSql({ to: 1 })).toBe("")
  expect(await evidence(db, 2)).toEqual(kept)
})

test("a run that is cut off between two migrations leaves a whole log, and the next goes on", async () => {
  const { db, trail } = await older(5)
  // Another session is about to make a table of the seventh migration: that one waits, the sixth does not.
  const other = await db.client()
  await other.query("begin; create table pgtrail.subject_rule (i int)")
  const cut = trail.install({ lockTimeoutMs: 60_000 }).then(
    () => "installed",
    (error: unknown) => error,
  )
  for (;;) {
    const rows = await db.query(
      `select pg_terminate_backend(pid) from pg_locks l where l.locktype = 'advisory' and l.classid = 1885828210
         and l.objid = 4294967294 and l.database = (select oid from pg_database where datname = current_database())
         and exists (select from pgtrail.migration where number = 6) and exists (select from pg_locks w where w.pid = l.pid and not w.granted)`,
    )
    if (rows.length > 0) break
    await pause(10)
  }
  expect(await cut).toMatchObject({
    code: "incomplete",
    message: expect.stringMatching(/^0006_archive stays applied; then: terminating connection/),
    hint: expect.stringContaining("pgtrail migrate status"),
  })
  await other.query("rollback")
  expect(await trail.verify({ record: false })).toMatchObject({
    verdict: "intact",
    pending_migration: "0007_people",
  })
  expect(await trail.validate()).toMatchObject({ migration: "0006_archive", differences: [] })
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(6) })
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})

test("applications write on while it goes up and down, and none of them fails, nor does a verification raise an alarm", async () => {
  const { db, trail } = await older(7, { data: false })
  let isOver = false
  const write = async (organization: number) => {
    const client = await db.client()
    let written = 0
    while (!isOver) {
      await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
        `o${organization}`,
      ])
      written += 1
      // As an application does: four that do nothing else would take all of the processor's time.
      await pause(5)
    }
    await client.end()
    return written
  }
  const look = async (at: () => Promise<{ verdict: string } | { differences: readonly unknown[] }>) => {
    const seen = new Set<string>()
    while (!isOver) {
      const outcome = await at()
      seen.add("verdict" in outcome ? outcome.verdict : `${outcome.differences.length} differences`)
    }
    return [...seen]
  }
  await db.query("insert into pgtrail.event (organization_id, event_type) values ('o0', 'x')")
  const writing = Promise.all([0, 1, 2, 3].map(write))
  const verifying = look(() => trail.verify({ record: false, jobs: 1 }))
  const comparing = look(() => trail.validate())
  // Two migrations: a verification that meets both looks a third time.
  await trail.install()
  await trail.migrateDown()
  isOver = true
  const written = (await writing).reduce((sum, one) => sum + one, 1)
  expect([await verifying, await comparing]).toEqual([["intact"], ["0 differences"]])
  expect(await trail.verify()).toMatchObject({
    verdict: "intact",
    findings: [],
    covered: { events: String(written) },
  })
})

test("what is found on a snapshot from before a migration is not believed", async () => {
  const { db, trail } = await older(7, { data: false })
  const client = await trail.connect()
  await client.query("begin isolation level repeatable read; select 1")
  const target = { connectionString: db.url, applicationName: "test" }
  await refuseMigrated(client, target)
  await trail.install()
  await expect(refuseMigrated(client, target)).rejects.toMatchObject({
    code: "retry",
    message: "the log was migrated while it was read",
  })
  await client.end()
})

test("who is no superuser, and may act as the owner, goes up and down and takes the log away", async () => {
  const db = await testDatabase({ empty: true })
  all.push(db)
  const role = await db.role()
  await db.query(`alter database "${db.name}" owner to "${role.name}"; grant pgtrail_owner to "${role.name}"`)
  const client = await role.client()
  await client.query(`begin; ${(await schema(1)).replace(/-- The six roles,.*?\$\$;\n/s, "")}; commit`)
  await client.end()
  const trail = await db.trail({ url: role.url })
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(1) })
  // One by one: of several at once each runs twice.
  for (const name of migrationsAfter(1).reverse())
    expect(await trail.migrateDown()).toMatchObject({ removed: [name] })
  expect(await trail.validate()).toMatchObject({ differences: [] })
  const { roles } = await trail.uninstall({ confirm: db.name })
  expect(new Set(roles.map((one) => one.state))).toEqual(new Set(["kept"]))
})

test("six at once: one migrates, the others wait and find nothing to do", async () => {
  const { trail } = await older(7, { data: false })
  const results = await Promise.all(Array.from({ length: 6 }, () => trail.install()))
  expect(results.filter((one) => one.changed)).toHaveLength(1)
})

test("a size limit that was changed by hand before there were acts for it is taken over by one", async () => {
  const { db, trail } = await older(1)
  await db.query("update pgtrail.setting set value = '3000000' where name = 'event-size-limit'")
  await trail.install({ to: 2 })
  expect(await db.query("select parameters from pgtrail.act where kind = 'setting'")).toEqual([
    { parameters: '{"name": "event-size-limit", "value": "3000000", "before": "1048576"}' },
  ])
  expect((await replayed(trail)).messages).toEqual([])
})
