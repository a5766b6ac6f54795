// Whose the log is: of roles of its own, of one role where no others can be created, and what verify says of what they may do.
import { randomBytes } from "node:crypto"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { readSql } from "../../src/data/sql-files.js"
import { checkCatalog } from "../../src/data/verify/catalog.js"
import { Findings } from "../../src/data/verify/finding.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase({ empty: true })
  all.push(db)
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const schemas = () => db.query("select nspname from pg_namespace where nspname = 'pgtrail'")

describe("as a role that is no superuser", () => {
  async function owner(attributes = ""): Promise<{ trail: Trail; name: string }> {
    const role = await db.role({ attributes })
    await db.query(`alter database "${db.name}" owner to "${role.name}"`)
    return { trail: await db.trail({ url: role.url }), name: role.name }
  }

  test("without roles everything is the role's, appends and verifies, and a DBA's own grant is one finding, without a word of grants that are missing", async () => {
    const { trail, name } = await owner()
    expect(await trail.install({ roles: false })).toMatchObject({ changed: true, user: name })
    expect((await trail.schemaState()).roles).toBe(false)
    const owners = await db.query(
      `select distinct r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.relnamespace = 'pgtrail'::regnamespace`,
    )
    expect(owners).toEqual([{ rolname: name }])
    const client = await trail.connect()
    await client.query("insert into pgtrail.event (event_type) values ('a')")
    await expect(client.query("delete from pgtrail.event")).rejects.toThrow("append-only")
    await client.end()
    const bound = { right: "reader", role: "postgres", organizations: ["acme"] } as const
    await expect(trail.grant(bound)).rejects.toMatchObject({
      code: "config",
      message: "this log has no roles: it was installed with --no-roles",
      hint: `nothing was changed; everything belongs to "${name}": connect as that role`,
    })
    expect(await trail.grants()).toMatchObject({
      roles: false,
      grants: [{ role: name, right: "owner", login: true }],
    })
    expect(await trail.show({ organization: "default", lane: "0", seq: "1" })).toMatchObject({
      verifies: true,
    })
    expect((await trail.verify()).verdict).toBe("intact")
    expect(await trail.install()).toMatchObject({ changed: false })
    const reader = await db.role()
    await db.query(`grant usage on schema pgtrail to "${reader.name}"`)
    expect((await trail.verify({ record: false })).findings.map((finding) => finding.message)).toEqual([
      `schema pgtrail: unexpected: grant USAGE to ${reader.name}`,
    ])
    await db.query(`revoke usage on schema pgtrail from "${reader.name}"`)
  })

  test("a role that may create roles and administers pgtrail_owner installs with them", async () => {
    const { trail, name } = await owner("createrole")
    await db.query(`grant pgtrail_owner to "${name}" with admin option`)
    expect(await trail.install()).toMatchObject({ changed: true })
    const owners = await db.query(
      `select distinct r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.relnamespace = 'pgtrail'::regnamespace`,
    )
    expect(owners).toEqual([{ rolname: "pgtrail_owner" }])
    await db.query("insert into pgtrail.event (event_type) values ('a')")
    expect((await trail.verify()).verdict).toBe("intact")
  })

  test("a role that may not is told what to do", async () => {
    const { trail } = await owner()
    await expect(trail.install()).rejects.toMatchObject({
      code: "privilege",
      hint: expect.stringContaining("--no-roles"),
    })
    expect(await schemas()).toEqual([])
    const stranger = await db.role()
    const strange = await db.trail({ url: stranger.url })
    await expect(strange.install({ roles: false })).rejects.toMatchObject({
      code: "privilege",
      hint: "connect as the owner of the database, or grant this role CREATE on it",
    })
  })
})

// Roles are the server's: here they have names of their own, so that there are none yet.
describe("where pgtrail was never installed on the server", () => {
  const own = `${"pgtrail_test_"}${randomBytes(4).toString("hex")}`
  const groups = ["owner", "writer", "reader", "organization_reader", "auditor", "operator", "privacy"]
  const renamed = (sql: string) =>
    sql.replace(new RegExp(`\\bpgtrail_(${groups.join("|")})\\b`, "g"), `${own}_$1`)
  afterAll(async () => {
    for (const database of all) await database.query("drop schema if exists pgtrail cascade")
    for (const group of groups) {
      const there = await db.query("select from pg_roles where rolname = $1", [`${own}_${group}`])
      if (there.length === 0) continue
      for (const database of all) await database.query(`drop owned by ${own}_${group}`)
      await db.query(`drop role ${own}_${group}`)
    }
  })
  const installer = async (attributes: string) => {
    const database = await testDatabase({ empty: true })
    all.push(database)
    const role = await database.role({ attributes })
    await database.query(`alter database "${database.name}" owner to "${role.name}"`)
    const sql = renamed(await (await database.trail({ url: role.url })).installSql())
    return {
      name: role.name,
      async install() {
        const client = await role.client()
        await client.query(`begin; ${sql} commit`).finally(() => client.end())
      },
      owners: () =>
        database.query(
          `select distinct r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.relnamespace = 'pgtrail'::regnamespace`,
        ),
    }
  }

  test("who has neither role nor right is told the statements, then CREATEROLE is all it takes, and the next installer needs the owner", async () => {
    const poor = await installer("")
    await expect(poor.install()).rejects.toMatchObject({
      code: "TR014",
      message: `the role ${own}_owner is missing, and ${poor.name} may not create roles`,
      hint: expect.stringContaining(
        `ask a superuser to run: create role ${own}_owner nologin; create role ${own}_writer nologin;`,
      ),
    })
    const first = await installer("createrole createdb")
    await first.install()
    expect(await first.owners()).toEqual([{ rolname: `${own}_owner` }])
    const [server] = await db.query("select current_setting('server_version_num')::int >= 160000 as is16")
    const second = await installer("createrole")
    if (server?.is16 === "t") {
      // From 16 on to create roles is not to be granted those of others.
      await expect(second.install()).rejects.toMatchObject({
        code: "TR014",
        message: `${second.name} may not act as ${own}_owner, who owns the logs of this server`,
        hint: expect.stringContaining(`grant ${own}_owner to ${second.name} with set true, inherit true;`),
      })
      await db.query(`grant ${own}_owner to ${second.name} with set true, inherit true`)
    }
    await second.install()
    expect(await second.owners()).toEqual([{ rolname: `${own}_owner` }])
    await db.query(`grant ${own}_owner to ${poor.name}`)
    await poor.install()
  })

  test("a role of this name that may log in or more is not taken", async () => {
    const superuser = await db.client()
    const sql = renamed(readSql("roles.sql"))
    await superuser.query(`begin; ${sql}`)
    await superuser.query(sql)
    await superuser.query(`alter role ${own}_writer login createdb`)
    await expect(superuser.query(sql)).rejects.toMatchObject({
      code: "TR014",
      message: `there is a role ${own}_writer that may log in, or more: a role of pgtrail may nothing by itself`,
      hint: expect.stringContaining(`alter role ${own}_writer nologin nosuperuser`),
    })
    await superuser.query("rollback")
    await superuser.end()
  })
})

test("verify finds a role of pgtrail that may log in or pass over row policies", async () => {
  // Roles belong to the whole server, where other tests verify: so this never commits.
  const log = await testDatabase()
  all.push(log)
  const client = await log.client()
  await client.query("set search_path = pg_catalog, pg_temp; begin")
  await client.query("alter role pgtrail_owner login bypassrls")
  const findings = new Findings()
  const { rows } = await client.query("select encode(digest, 'hex') as digest from pgtrail.act where seq = 1")
  await checkCatalog(client, rows[0]?.digest, findings)
  expect(findings.list.map((finding) => finding.message)).toEqual([
    "role pgtrail_owner: expected: attributes login f, superuser f, createrole f, bypassrls f; actual: attributes login t, superuser f, createrole f, bypassrls t",
  ])
  await client.query("rollback")
  await client.end()
})
