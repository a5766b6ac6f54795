// Whose the log is: of roles of its own, of one role where no others can be created, and what verify says of what they may do.
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
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

  test("without roles everything is the role's, appends and verifies", async () => {
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
    expect(await trail.show({ organization: "default", lane: "0", seq: "1" })).toMatchObject({
      verifies: true,
    })
    expect((await trail.verify()).verdict).toBe("intact")
    expect(await trail.install()).toMatchObject({ changed: false })
  })

  test("without roles a DBA's own grant is one finding, without a word of grants that are missing", async () => {
    const { trail } = await owner()
    await trail.install({ roles: false })
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

test("verify finds a role of pgtrail that may log in or pass over row policies", async () => {
  // Roles belong to the whole server, where other tests verify: so this never commits.
  await (await db.trail()).install()
  const client = await db.client()
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
