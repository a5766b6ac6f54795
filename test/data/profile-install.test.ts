// Installing, showing and removing profiles: all or nothing, recorded, and never over something that is not theirs.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

test("every profile installs, is installed again without a change, and is removed without a trace but its tables", async () => {
  for (const { name } of await trail.profiles()) {
    const schema = `app_${name.replaceAll("-", "_")}`
    await db.query(`create schema ${schema}`)
    const first = await trail.installProfile(name, { schema })
    expect(first.objects.every((object) => object.state === "created")).toBe(true)
    expect(first.act).toMatch(/^\d+$/)
    expect(first.replacements[0]?.instead).toContain("pg_dump")
    const again = await trail.installProfile(name, { schema })
    expect(again.act).toBeNull()
    const shown = await trail.profile(name)
    expect(shown.installed[0]?.objects.filter((object) => object.state !== "as installed")).toEqual([])
    const removed = await trail.removeProfile(name, { schema })
    const left = await db.query(
      "select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'm') order by 1",
      [schema],
    )
    expect(left.map((row) => row.name)).toEqual([...removed.kept].sort())
    const back = await trail.installProfile(name, { schema })
    expect(
      back.objects.filter((object) => object.kind === "table").every((object) => object.state === "kept"),
    ).toBe(true)
    const gone = await trail.removeProfile(name, { schema, tables: true, confirm: schema })
    expect(gone.kept).toEqual([])
    const rest = await db.query(
      `select relname::text as name from pg_class where relnamespace = $1::regnamespace
       union all select proname::text from pg_proc where pronamespace = $1::regnamespace`,
      [schema],
    )
    expect(rest).toEqual([])
  }
  await trail.append({ event_type: "a.b" })
  expect((await trail.verify()).verdict).toBe("intact")
})

test("a profile is refused where the table already exists, with what to do, and nothing of it is made", async () => {
  await db.query("create schema taken; create table taken.audit_logs (id int)")
  await expect(trail.installProfile("memoric", { schema: "taken" })).rejects.toMatchObject({
    code: "exists",
    message: expect.stringContaining("taken.audit_logs is there already: a table"),
    hint: expect.stringContaining("rename to audit_logs_before"),
  })
  const made = await db.query("select proname from pg_proc where pronamespace = 'taken'::regnamespace")
  expect(made).toEqual([])
})

test("an organization whose name ends a dollar quote, or has quotes, is a name and no SQL", async () => {
  await db.query("create schema hostile")
  const organization = "x$profile$; drop schema pgtrail cascade; '\"--\\"
  await trail.installProfile("mem0", { schema: "hostile", organization })
  await db.query(
    "insert into hostile.audit_logs (timestamp, user_id, operation, action_result) values (now(), 'u', 'op', 'allowed')",
  )
  const rows = await db.query(
    "select organization_id from pgtrail.event where source = 'mem0' and actor_id = 'u'",
  )
  expect(rows).toEqual([{ organization_id: organization }])
})

test("what a view or a function was changed to by hand shows", async () => {
  await db.query("create schema changed")
  await trail.installProfile("memoric", { schema: "changed" })
  await db.query("alter view changed.audit_logs alter column severity set default 'debug'")
  await db.query("drop trigger pgtrail_refuse on changed.audit_logs")
  const { installed } = await trail.profile("memoric", "changed")
  const odd = installed[0]?.objects.filter((object) => object.state !== "as installed")
  expect(odd).toEqual([
    {
      name: "audit_logs",
      kind: "view",
      state: "changed",
      differs: ["column severity changed", "trigger pgtrail_refuse missing"],
    },
  ])
  await trail.installProfile("memoric", { schema: "changed" })
  const cured = await trail.profile("memoric", "changed")
  expect(cured.installed[0]?.objects.filter((object) => object.state !== "as installed")).toEqual([])
})

test("the SQL that is printed makes what an installation makes", async () => {
  await db.query("create schema printed; create schema run")
  const sql = await trail.profileSql("memoric", { schema: "printed", organization: "printed" })
  const client = await db.client()
  await client.query(`begin; ${sql}; commit`)
  await trail.installProfile("memoric", { schema: "run", organization: "run" })
  const definition = (schema: string) =>
    db.query("select replace(pg_get_viewdef($1::regclass), $2, '') as view", [`${schema}.audit_logs`, schema])
  expect(await definition("printed")).toEqual(await definition("run"))
  const { installed } = await trail.profile("memoric", "printed")
  expect(installed[0]?.objects.filter((object) => object.state !== "as installed")).toEqual([])
})

test("a dry run makes nothing, and a role that is no member of the owner is refused", async () => {
  await db.query("create schema dry")
  const options = { schema: "dry", organization: "dry" }
  const { objects, act } = await trail.installProfile("memoric", { ...options, dryRun: true })
  expect(objects.length).toBeGreaterThan(0)
  expect(act).toBeNull()
  expect(await db.query("select relname from pg_class where relnamespace = 'dry'::regnamespace")).toEqual([])
  const role = await db.role({ memberOf: ["pgtrail_auditor"] })
  const other = await db.trail({ url: role.url })
  await expect(other.installProfile("memoric", options)).rejects.toMatchObject({
    code: "privilege",
  })
})

test("a log with a profile is neither taken away nor below what its views read, and says which command takes the profile away", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  await other.installProfile("mem0")
  await expect(other.migrateDown({ to: 6, confirm: own.name })).rejects.toMatchObject({
    hint: expect.stringContaining("pgtrail profile remove"),
  })
  for (const refused of [
    () => other.uninstall({ dryRun: true }),
    () => other.uninstall({ confirm: own.name }),
    () => other.uninstallSql(),
  ]) {
    await expect(refused()).rejects.toMatchObject({
      code: "config",
      message: "profile mem0 is installed in schema public, and its application writes here",
      hint: "nothing was changed; first: pgtrail profile remove mem0 --schema public",
    })
  }
  await other.removeProfile("mem0")
  expect((await other.migrateDown({ to: 6, confirm: own.name })).level).toBe(6)
  await own.drop()
})

test("a person's restriction hides his events from the view, and a redacted event stays readable", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  await other.installProfile("memoric")
  await own.query(
    "insert into audit_logs (event_type, timestamp, user_id) values ('MEMORY_CREATED', now(), 'anna'), ('MEMORY_CREATED', now(), 'ben')",
  )
  const shown = () => own.query("select user_id from audit_logs order by id")
  expect(await shown()).toEqual([{ user_id: "anna" }, { user_id: "ben" }])
  await other.restrictSubject([{ kind: "id", value: "anna" }], { reason: "she asked", requestedBy: "dpo" })
  expect(await shown()).toEqual([{ user_id: "ben" }])
  await other.eraseSubject([{ kind: "id", value: "ben" }], {
    reason: "he asked",
    requestedBy: "dpo",
    confirm: "ben",
  })
  expect(await own.query("select user_id, event_type from audit_logs")).toHaveLength(1)
  // A proxy's list is no address that a column could hold: the column has the first, by which the list in details is found.
  await own.query(
    `insert into audit_logs (event_type, timestamp, user_id, ip_address, metadata)
     values ('auth.login', now(), 'cleo', '203.0.113.9, 10.0.0.1', '{"kept": 1}'), ('auth.login', now(), 'cleo', '2001:DB8::9', '{"kept": 1}')`,
  )
  expect(
    await own.query("select ip_address from audit_logs where event_type = 'auth.login' order by id"),
  ).toEqual([{ ip_address: "203.0.113.9, 10.0.0.1" }, { ip_address: "2001:DB8::9" }])
  await other.eraseSubject([{ kind: "id", value: "cleo" }], {
    reason: "she asked",
    requestedBy: "dpo",
    confirm: "cleo",
  })
  const everywhere = await own.query(
    "select e::text as row from pgtrail.event e where e::text ~* '203.0.113.9|10.0.0.1|2001:db8::9'",
  )
  expect(everywhere).toEqual([])
  expect(await own.query("select metadata from audit_logs where event_type = 'auth.login'")).toEqual([
    { metadata: '{"kept": 1}' },
    { metadata: '{"kept": 1}' },
  ])
  expect((await other.verify()).verdict).toBe("intact")
  await own.drop()
})

test("a restored backup has the events and no view: the profile says so, and is installed again with its ids going on", async () => {
  const own = await testDatabase()
  const copy = await testDatabase({ empty: true })
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-profile-"))
  try {
    const first = await own.trail()
    await first.installProfile("memoric")
    await own.query(
      "insert into audit_logs (event_type, timestamp, user_id) values ('auth.login', now(), 'a'), ('auth.logout', now(), 'a')",
    )
    await first.createBackup({ to: pathToFileURL(folder).href })
    const second = await copy.trail()
    await second.restoreBackup(pathToFileURL(folder).href)
    const { installed } = await second.profile("memoric")
    expect(new Set(installed[0]?.objects.map(({ state }) => state))).toEqual(new Set(["missing"]))
    await second.installProfile("memoric")
    const added = await copy.query(
      "insert into audit_logs (event_type, timestamp, user_id) values ('auth.login', now(), 'b') returning id",
    )
    expect(added).toEqual([{ id: "3" }])
    expect(await copy.query("select count(*) from audit_logs")).toEqual([{ count: "3" }])
    expect((await second.verify()).verdict).toBe("intact")
  } finally {
    await rm(folder, { recursive: true })
    await Promise.all([own.drop(), copy.drop()])
  }
})

test("what depends on a view keeps the profile from being removed, and is named", async () => {
  await db.query("create schema used")
  await trail.installProfile("mem0", { schema: "used" })
  await db.query("create view used.denied as select * from used.audit_logs where action_result = 'denied'")
  await expect(trail.removeProfile("mem0", { schema: "used" })).rejects.toMatchObject({
    message: expect.stringContaining("denied"),
    hint: expect.stringContaining("nothing was changed"),
  })
  await expect(trail.removeProfile("mem0", { schema: "public" })).rejects.toMatchObject({ code: "not-found" })
})
