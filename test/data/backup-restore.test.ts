// A backup restored is the log that was backed up: each row of it, its catalog, its guards; and it goes on.
import { afterAll, beforeAll, expect, test } from "vitest"
import { testDatabase } from "../database.js"
import { archiveInto } from "./archived-log.js"
import { type Backups, backups, contents, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"
import { redact } from "./redact-fixture.js"
import { testKey } from "./signing.js"

let log: LifecycleLog
let place: Backups
let backup: string
let newest: string
let restored: Empty
const key = testKey("acme.example/acts")
beforeAll(async () => {
  log = await lifecycleLog()
  place = await backups()
  const { db, trail } = log
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id, details) select 'a\\b' || chr(9) || 'c', 'x', 'ann', '{\"n\": 1.50}' from generate_series(1, 5)",
  )
  await redact(db, [["id", "ann"]])
  await archiveInto(log, `${place.folder}/archives`, "event_2020_02")
  await trail.verify({ jobs: 1 })
  await trail.setSetting("event-size-limit", "70000", key.text)
  const role = await db.role()
  await trail.grant({
    right: "reader",
    role: role.name,
    organizations: ["acme"],
    dryRun: false,
    sqlOnly: false,
  })
  newest = (await db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq ?? ""
  backup = await place.of(trail)
})
afterAll(async () => {
  await place.remove()
  await log.db.drop()
})

test("a restored log has every row that was backed up, verifies, and differs in nothing from what its migration left", async () => {
  restored = await place.empty()
  const { db, trail, restore } = restored
  const { verification, incarnation, grants, replaced, roles } = await restore(backup)
  expect(verification).toMatchObject({ verdict: "intact", findings: [], act: String(Number(newest) + 2) })
  expect(incarnation).toEqual({ number: "2", act: String(Number(newest) + 1), lanes_lost: "0" })
  expect({ replaced, roles }).toEqual({ replaced: null, roles: true })
  expect(grants).toMatchObject([
    { right: "reader", organization: "acme", exists: true, member: true, command: null },
  ])
  expect(await contents(db, newest)).toEqual(await contents(log.db, newest))
  expect((await trail.validate()).differences).toEqual([])
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }])
  const [act] = await db.query(
    "select parameters->'backup' as backup from pgtrail.act where kind = 'incarnation'",
  )
  expect(JSON.parse(act?.backup ?? "")).toMatchObject({ name: backup.split("/").at(-1), act: Number(newest) })
})

test("whoever appends to a restored log at any isolation continues its chains, and no act of old opens a guard", async () => {
  const { db, trail } = restored
  for (const isolation of ["read committed", "repeatable read", "serializable"]) {
    const client = await db.client()
    await client.query(`begin isolation level ${isolation}`)
    for (const organization of ["acme", "acme", "new"]) {
      await client.query("insert into pgtrail.event (organization_id, event_type) values ($1, 'x')", [
        organization,
      ])
    }
    await client.query("commit")
  }
  // Old acts may have the numbers of transactions to come, and those of a server whose clock ran ahead also the time.
  const asReplica = (sql: string) =>
    db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)
  await asReplica(
    `insert into pgtrail.act select a.organization_id, 10000 + i, a.kind, a.parameters, a.digest, 'infinity', a.session_user_name,
       a.client_address, (pg_current_xact_id()::text::bigint + i)::text::xid8, a.system_identifier, a.timeline, a.previous_hash, a.hash, a.hash_version
     from generate_series(0, 999) i, (select * from pgtrail.act where kind = 'purge' limit 1) a`,
  )
  const client = await db.client()
  await expect(
    client.query("begin; select pg_current_xact_id(); delete from pgtrail.event"),
  ).rejects.toMatchObject({
    code: "TR002",
  })
  await client.query("rollback; begin")
  const { rows } = await client.query<{ has: string }>(
    "select count(*)::text as has from pgtrail.act where seq >= 10000 and transaction_id = pg_current_xact_id()",
  )
  expect(rows[0]?.has).toBe("1")
  await client.query("rollback")
  await asReplica("delete from pgtrail.act where seq >= 10000")
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test("a database that has the log is refused with what would go, loses it only for its name, and takes no number twice", async () => {
  const { db, trail, restore } = await place.empty()
  await restore(backup, { verify: false })
  await trail.setSetting("event-size-limit", "80000", key.text)
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'late' from generate_series(1, 7)",
  )
  const before = await contents(db, "999")
  const failure = await failureOf(restore(backup))
  expect(failure).toMatchObject({
    code: "usage",
    message: expect.stringMatching(
      /has this log, which would be replaced: 7 events newer than the backup would be lost; 2 acts newer than the backup would be lost: 1 incarnation, 1 \w+$/,
    ),
  })
  await db.query(
    `create view public.seen as select * from pgtrail.event; create table public.keeps (e pgtrail.chain_head, seq bigint default 1);
     create publication pub for table pgtrail.act`,
  )
  const { message } = await failureOf(restore(backup))
  for (const name of ["view public.seen", "column e of table public.keeps", "publication pub"]) {
    expect(message).toContain(name)
  }
  await db.query("drop view public.seen; drop table public.keeps; drop publication pub")
  expect(await failureOf(restore(backup, { confirm: "other" }))).toMatchObject({ code: "usage" })
  const told = await restore(backup, { dryRun: true })
  expect(told.replaced).toMatchObject({ same_log: true, newer: "7", missing: "0", lanes_apart: "0" })
  expect(await contents(db, "999")).toEqual(before)
  const done = await restore(backup, { confirm: db.name })
  expect(done).toMatchObject({
    replaced: { newer: "7" },
    incarnation: { number: "3" },
    verification: { verdict: "intact" },
  })
  expect(await leftovers(db)).toEqual([{ schema: "pgtrail" }])
  expect((await trail.validate()).differences).toEqual([])
})

test("another log is told as all of its events, and a copy has a log id of its own", async () => {
  const db = await testDatabase()
  // Databases of tests are copies of one log.
  await db.query(
    "set session_replication_role = replica; update pgtrail.log set log_id = gen_random_uuid(); update pgtrail.incarnation i set log_id = l.log_id from pgtrail.log l; set session_replication_role = origin",
  )
  const trail = await db.trail()
  await db.query("insert into pgtrail.event (event_type) values ('x')")
  expect(await failureOf(trail.restoreBackup(backup))).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/has another log, .*: 1 event of 1 organization, and 1 act/),
  })
  const done = await trail.restoreBackup(backup, { confirm: db.name, reason: "copy" })
  expect(done).toMatchObject({
    replaced: { same_log: false, events: "1" },
    verification: { verdict: "intact" },
    next: expect.arrayContaining([expect.stringMatching(/^pgtrail incarnation open --reason copy /)]),
  })
  const [row] = await db.query("select log_id from pgtrail.log")
  expect(row?.log_id).not.toBe(done.log_id)
  await db.drop()
})

test("without roles the connected role owns the log, the catalog is described anew, and it verifies", async () => {
  const { db, trail, restore } = await place.empty()
  const { verification, roles } = await restore(backup, { roles: false })
  expect(roles).toBe(false)
  expect(verification).toMatchObject({ verdict: "intact", findings: [] })
  expect((await trail.validate()).differences).toEqual([])
  expect(
    await db.query(
      "select count(*) as n from pg_class c where relnamespace = 'pgtrail'::regnamespace and relowner = 'pgtrail_owner'::regrole",
    ),
  ).toEqual([{ n: "0" }])
})
