// Taking the log away: only by the name of its database, with what is lost told before, and the roles that nothing else uses.
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { open, type Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { urlOfDatabase, urlOfRole } from "../url.js"
import { type Cluster, canStart, startCluster } from "./cluster.js"
import { olderLog } from "./migrate-fixture.js"

let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  trail = await db.trail()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select case when i < 4 then 'acme' else 'globex' end, 'a' from generate_series(1, 5) i",
  )
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const schemas = (on: TestDatabase = db) => on.query("select from pg_namespace where nspname = 'pgtrail'")

test("without the name of the database nothing goes, and what would be lost is told exactly", async () => {
  await db.query("create schema app; create view app.recent as select * from pgtrail.event")
  const before = await db.query("select count(*) as n, max(hash::text) as hash from pgtrail.act")
  await expect(trail.uninstall()).rejects.toMatchObject({
    code: "usage",
    message: `this would destroy the log in database ${db.name}: 5 events of 2 organizations, and 1 act`,
    hint: `nothing was changed; make a backup, then: pgtrail uninstall --confirm ${db.name}`,
  })
  await expect(trail.uninstall({ confirm: "app" })).rejects.toMatchObject({
    code: "usage",
    message: `--confirm names database app, and this is ${db.name}`,
  })
  const told = await trail.uninstall({ dryRun: true })
  expect(told).toMatchObject({
    database: db.name,
    lost: { events: "5", organizations: "2", acts: "1", checkpoint: null, dependents: ["view app.recent"] },
  })
  expect(told.lost.last_act?.seq).toBe("1")
  expect(await db.query("select count(*) as n, max(hash::text) as hash from pgtrail.act")).toEqual(before)
  // What goes in the end is what was told.
  const { lost, roles } = await trail.uninstall({ confirm: db.name })
  expect(lost).toEqual(told.lost)
  // The template of these tests has a log too.
  expect(roles.map((role) => role.name)).toEqual(told.roles.map((role) => role.name))
  expect(new Set(roles.map((role) => role.state))).toEqual(new Set(["kept"]))
  expect(await schemas()).toEqual([])
  await expect(trail.uninstall({ confirm: db.name })).rejects.toMatchObject({ code: "not-installed" })
  expect(await trail.install()).toMatchObject({ installed: true })
})

test("the digest of the heads is the one that a verification recorded", async () => {
  await trail.verify()
  const [act] = await db.query(
    "select encode(digest, 'hex') as digest, encode(hash, 'hex') as hash from pgtrail.act where seq = 2",
  )
  const { lost } = await trail.uninstall({ dryRun: true })
  expect(lost).toMatchObject({ heads_digest: act?.digest, last_act: { seq: "2", hash: act?.hash } })
})

test("the printed SQL does the same, and in no other database", async () => {
  const sql = await trail.uninstallSql()
  const other = await testDatabase()
  all.push(other)
  await expect(other.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
  await other.query("rollback")
  expect(await schemas(other)).toHaveLength(1)
  const client = await db.client()
  await client.query(`begin; ${sql}; commit`)
  await client.end()
  expect(await schemas()).toEqual([])
})

test("a log of more partitions than one transaction can lock goes in portions, and a rest can be taken away", async () => {
  await db.query("select pgtrail.create_months(now() - interval '6 months', now())")
  const other = await db.client()
  // Somebody reads the acts: the partitions go, and then it waits.
  await other.query("begin; select count(*) from pgtrail.act")
  await expect(
    trail.uninstall({ confirm: db.name, mostLocks: 100, lockTimeoutMs: 300 }),
  ).rejects.toMatchObject({
    code: "incomplete",
    message: expect.stringMatching(
      /^\d+ partitions dropped, their events lost, the rest of the log is there; then: another session/,
    ),
    hint: `to take the rest away: pgtrail uninstall --confirm ${db.name}`,
  })
  await other.query("commit")
  await other.end()
  expect(await db.query("select from pg_inherits where inhparent = 'pgtrail.event'::regclass")).toEqual([])
  expect(await trail.uninstall({ confirm: db.name })).toMatchObject({ lost: { events: "5" } })
  expect(await schemas()).toEqual([])
})

test("a reading in the way is waited for, but not for ever, and nothing is gone then", async () => {
  const other = await db.client()
  await other.query("begin; select count(*) from pgtrail.event")
  await expect(trail.uninstall({ confirm: db.name, lockTimeoutMs: 300 })).rejects.toMatchObject({
    code: "lock-timeout",
  })
  await other.query("commit")
  await other.end()
  expect(await db.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "5" }])
})

describe("logs of any kind:", () => {
  test("of an older version, without roles, tampered with", async () => {
    for (const make of [
      () => olderLog(1),
      () => olderLog(2, { roles: false, data: false }),
      async () => {
        const log = await olderLog(2, { data: false })
        await log.db.query("drop trigger pgtrail_guard on pgtrail.act; create table pgtrail.stray (i int)")
        return log
      },
    ]) {
      const log = await make()
      all.push(log.db)
      await log.trail.uninstall({ confirm: log.db.name })
      expect(await schemas(log.db)).toEqual([])
    }
  })

  test("who does not own it cannot", async () => {
    const role = await db.role({ memberOf: ["pgtrail_operator"] })
    const its = await db.trail({ url: role.url })
    await expect(its.uninstall({ confirm: db.name })).rejects.toMatchObject({
      code: "privilege",
      hint: expect.stringContaining("pgtrail_owner"),
    })
    expect(await schemas()).toHaveLength(1)
  })
})

describe.runIf(canStart)("the roles of the server", () => {
  let cluster: Cluster
  afterAll(() => cluster?.remove())

  test("stay while another database uses them, then go with their memberships, as the dry run told", async () => {
    cluster = await startCluster()
    const { primary } = cluster
    const roles = async () =>
      (await primary.query("select rolname from pg_roles where rolname ~ '^pgtrail_' order by 1")).map(
        (row) => row.rolname,
      )
    const before = await roles()
    await primary.query(
      "revoke temporary on database pgtrail from public; grant temporary on database pgtrail to pgtrail_owner",
    )
    await primary.query("create database second")
    await primary.query("revoke temporary on database second from public")
    const second = urlOfDatabase(primary.url, "second")
    const its = await open(second)
    await its.install()
    await primary.query(
      "create role app login; grant pgtrail_writer to app; create role dba login createrole",
    )
    await primary.query("grant pgtrail_owner to dba")
    const first = await primary.trail()
    // Both say the same before and after.
    const told = (await first.uninstall({ dryRun: true })).roles
    expect(told.map((role) => role.reason)).toEqual(told.map(() => "database second uses it"))
    expect((await first.uninstall({ confirm: "pgtrail" })).roles).toEqual(told)
    expect(await roles()).toEqual(before)
    expect(
      await primary.query(
        "select from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = 'app'",
      ),
    ).toHaveLength(1)

    // Somebody's own table keeps the reader; whoever may not drop roles is told the SQL.
    const client = await its.connect()
    await client.query("create table public.mine (i int); grant select on public.mine to pgtrail_reader")
    const reasons = new Map(
      (await its.uninstall({ dryRun: true })).roles.map((role) => [role.name, role.reason]),
    )
    expect(reasons.get("pgtrail_reader")).toBe("objects of this database outside of pgtrail use it")
    expect(reasons.get("pgtrail_writer")).toBe(null)
    await client.query("begin; set local role dba")
    await client.query("rollback")
    const dba = await open(urlOfRole(second, "dba", "x"))
    const refused = (await dba.uninstall({ dryRun: true })).roles.find(
      (role) => role.name === "pgtrail_auditor",
    )
    const [version] = await primary.query(
      "select current_setting('server_version_num')::int >= 160000 as strict",
    )
    expect(refused).toEqual(
      version?.strict === "t"
        ? {
            name: "pgtrail_auditor",
            state: "kept",
            reason: "this role may not drop it",
            sql: "drop role pgtrail_auditor;",
          }
        : { name: "pgtrail_auditor", state: "dropped", reason: null, sql: null },
    )
    const last = await its.uninstall({ confirm: "second" })
    expect(last.roles.filter((role) => role.state === "kept").map((role) => role.name)).toEqual([
      "pgtrail_reader",
    ])
    expect(await roles()).toEqual(["pgtrail_reader"])
    expect(
      await primary.query(
        "select from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = 'app'",
      ),
    ).toEqual([])
    await client.query("drop table public.mine")

    // By the SQL, for psql.
    await its.install()
    const sql = await its.uninstallSql()
    await client.query(`begin; ${sql}; commit`)
    expect(await roles()).toEqual([])
    expect(await its.install()).toMatchObject({ installed: true })
    await its.uninstall({ confirm: "second", keepRoles: true })
    expect(await roles()).toEqual(before)
    await client.end()
  })
})
