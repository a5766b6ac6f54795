// A part of a backup in a schema of its own: what was chosen and no more, beside a log of which nothing changes.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, contents, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"

let log: TestDatabase
let place: Backups
let empty: Empty
let backup: string
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  empty = await place.empty()
  await log.query("select pgtrail.create_months('2026-11-01Z', '2026-12-01Z')")
  await log.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at)
     select 'o' || i % 2, 'x', timestamptz '2026-11-01Z' + (i % 60) * interval '1 day' from generate_series(1, 240) i`,
  )
  backup = await place.of(await log.trail())
  await empty.db.query(
    "alter default privileges grant all on tables to public; alter default privileges grant all on schemas to public",
  )
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

const count = async (db: TestDatabase, schema: string) =>
  (
    await db.query(`select count(*) as n, min(occurred_at)::date::text as since, max(occurred_at)::date::text as until,
     string_agg(distinct organization_id, ',') as of from "${schema}".event`)
  )[0]

test("the whole of it, a partition, an organization and a time range come into a schema, without pgtrail", async () => {
  const { db, restore } = empty
  const done = await restore(backup, { schema: "all of it" })
  expect(done).toMatchObject({
    schema_name: "all of it",
    incarnation: null,
    verification: null,
    events: "240",
  })
  expect(await count(db, "all of it")).toEqual({
    n: "240",
    since: "2026-11-01",
    until: "2026-12-30",
    of: "o0,o1",
  })
  expect(await db.query(`select count(*) as n from "all of it".act`)).toEqual(
    await log.query("select count(*) - 1 as n from pgtrail.act"),
  )
  await restore(backup, { schema: "part", partition: "event_2026_12" })
  expect(await count(db, "part")).toMatchObject({ since: "2026-12-01", of: "o0,o1" })
  expect(await restore(backup, { schema: "one", organization: "o1" })).toMatchObject({ events: "120" })
  expect(await count(db, "one")).toEqual({ n: "120", since: "2026-11-02", until: "2026-12-30", of: "o1" })
  expect(await db.query("select distinct organization_id as o from one.chain_head")).toEqual([{ o: "o1" }])
  // What has rows of whomsoever does not come with one organization.
  expect(
    await db.query(
      `select exists (select from one.catalog_object) as one, exists (select from "all of it".catalog_object) as whole`,
    ),
  ).toEqual([{ one: "f", whole: "t" }])
  const nothing = { schema: "none", organization: "o1", since: "1999-01-01Z", until: "1999-01-02Z" }
  expect((await restore(backup, nothing)).warnings).toContain("the backup has no event of what was chosen")
  // Nobody but the owner gets in, whatever the database's default privileges are.
  expect(
    await db.query(
      `select c.relname from pg_class c, aclexplode(c.relacl) a where c.relnamespace in (select oid from pg_namespace where nspname in ('one', 'all of it')) and a.grantee = 0
       union all select n.nspname from pg_namespace n, aclexplode(n.nspacl) a where n.nspname in ('one', 'all of it') and a.grantee = 0`,
    ),
  ).toEqual([])
  await restore(backup, { schema: "days", since: "2026-11-10Z", until: "2026-11-12Z" })
  expect(await count(db, "days")).toEqual({ n: "8", since: "2026-11-10", until: "2026-11-11", of: "o0,o1" })
  expect(await leftovers(db)).toEqual([])
})

test("a log that is there is not touched, not even by a restore that fails", async () => {
  const before = await contents(log, "999")
  const trail = await log.trail()
  await trail.restoreBackup(backup, { schema: "beside" })
  expect(await count(log, "beside")).toMatchObject({ n: "240" })
  expect(await failureOf(trail.restoreBackup(backup, { schema: "beside" }))).toMatchObject({ code: "exists" })
  for (const schema of ["pgtrail", "pg_catalog", "", "information_schema"]) {
    expect(await failureOf(trail.restoreBackup(backup, { schema }))).toMatchObject({ code: "usage" })
  }
  expect(await failureOf(trail.restoreBackup(backup, { organization: "o1" }))).toMatchObject({
    code: "usage",
  })
  expect(await failureOf(trail.restoreBackup(backup, { schema: "x", partition: "none" }))).toMatchObject({
    code: "not-found",
  })
  expect(await contents(log, "999")).toEqual(before)
  expect(await leftovers(log)).toEqual([{ schema: "pgtrail" }])
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test("a backup of one organization alone is looked at in a schema", async () => {
  const part = await place.of(await log.trail(), { organization: "o0" })
  await empty.restore(part, { schema: "of_o0" })
  expect(await count(empty.db, "of_o0")).toMatchObject({ n: "120", of: "o0" })
  expect(await failureOf(empty.restore(part))).toMatchObject({ code: "usage" })
})
