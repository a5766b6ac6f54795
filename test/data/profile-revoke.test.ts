// A role is taken out of a profile: what it had goes, what others have stays, and what it may do all the same is told.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let one: Role
let two: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  ;[one, two] = [await db.role(), await db.role()]
})
afterAll(() => db.drop())

const stateOf = async (name: string, schema: string) => (await trail.profile(name, schema)).installed[0]
const odd = async (name: string, schema: string) =>
  (await stateOf(name, schema))?.objects.filter(({ state }) => state !== "as installed")

/** Every right of a role on what is in a schema, by object. */
const rightsOf = (role: string, schema: string) =>
  db.query(
    `select c.relname::text as name, string_agg(distinct a.privilege_type, ',' order by a.privilege_type) as rights
     from pg_class c left join pg_attribute t on t.attrelid = c.oid, lateral (select * from aclexplode(c.relacl) union all select * from aclexplode(t.attacl)) a
     where c.relnamespace = $2::regnamespace and a.grantee = $1::regrole group by 1
     union all select p.proname, a.privilege_type from pg_proc p, aclexplode(p.proacl) a where p.pronamespace = $2::regnamespace and a.grantee = $1::regrole
     order by 1`,
    [`"${role}"`, schema],
  )

test.each(["mem0", "memoric", "agenttrace", "audit-db", "ai-firewall"])(
  "%s: whoever is taken out has nothing of it any more, and everybody else has what he had",
  async (name) => {
    const schema = name.replace("-", "_")
    await db.query(`create schema ${schema}`)
    const roles = { writers: [one.name, two.name], readers: [one.name, two.name] }
    await trail.installProfile(name, { schema, ...roles })
    const before = await rightsOf(two.name, schema)
    expect((await rightsOf(one.name, schema)).length).toBeGreaterThan(1)
    const revoked = await trail.revokeProfile(name, { schema, writers: [one.name], readers: [one.name] })
    expect(revoked).toMatchObject({ schema, writers: [one.name], readers: [one.name], dry_run: false })
    expect(revoked.left).toContainEqual(
      expect.stringContaining(`${one.name} may still use the schema: revoke usage on schema ${schema} from `),
    )
    expect(await rightsOf(one.name, schema)).toEqual([])
    expect(await rightsOf(two.name, schema)).toEqual(before)
    expect(await stateOf(name, schema)).toMatchObject({ writers: [two.name], readers: [two.name] })
    expect(await odd(name, schema)).toEqual([])
    // Nor does an installation bring him back, or take him for somebody who lost something.
    expect((await trail.installProfile(name, { schema })).act).toBeNull()
    expect(await rightsOf(one.name, schema)).toEqual([])
    expect((await trail.installProfile(name, { schema, ...roles })).act).not.toBeNull()
    expect(await rightsOf(one.name, schema)).toEqual(before)
    expect(await odd(name, schema)).toEqual([])
  },
)

test("a role that is both keeps what it needs as the other", async () => {
  await db.query("create schema part")
  const options = { schema: "part", organization: "part" }
  await trail.installProfile("memoric", { ...options, writers: [one.name], readers: [one.name] })
  const asBoth = await rightsOf(one.name, "part")
  await trail.revokeProfile("memoric", { schema: "part", readers: [one.name] })
  await trail.installProfile("memoric", { ...options, writers: [two.name] })
  expect(await rightsOf(one.name, "part")).toEqual(await rightsOf(two.name, "part"))
  await db.asRole(one.name, async (session) => {
    await session.query("set timezone = 'UTC'")
    await session.query(
      "insert into part.audit_logs (event_type, timestamp) values ('a.b', now()) returning id",
    )
    await expect(session.query("select event_type from part.audit_logs")).rejects.toMatchObject({
      code: "42501",
    })
  })
  await trail.installProfile("memoric", { ...options, readers: [one.name] })
  expect(await rightsOf(one.name, "part")).toEqual(asBoth)
  await trail.revokeProfile("memoric", { schema: "part", writers: [one.name] })
  expect(await odd("memoric", "part")).toEqual([])
  await db.asRole(one.name, async (session) => {
    expect((await session.query("select event_type from part.audit_logs")).rows).toHaveLength(1)
    await expect(
      session.query("insert into part.audit_logs (event_type, timestamp) values ('a.b', now())"),
    ).rejects.toMatchObject({ code: "42501" })
  })
})

test("what he may do all the same, by a group or by everybody, is told", async () => {
  await db.query("create schema still")
  const group = await db.role()
  const member = await db.role({ memberOf: [group.name] })
  await trail.installProfile("mem0", {
    schema: "still",
    organization: "still",
    writers: [group.name, member.name],
  })
  const { left, act } = await trail.revokeProfile("mem0", {
    schema: "still",
    writers: [member.name],
    dryRun: true,
  })
  expect(act).toBeNull()
  expect(left[0]).toMatch(`${member.name} may write still.audit_logs all the same`)
  expect((await stateOf("mem0", "still"))?.writers).toContain(member.name)
})

test("who is none of the profile, nobody, and a profile that is not there are refused, with what is", async () => {
  await db.query("create schema refused")
  await trail.installProfile("mem0", { schema: "refused", organization: "refused", writers: [two.name] })
  const stranger = await db.role()
  const revoke = (options: object) => trail.revokeProfile("mem0", { schema: "refused", ...options })
  await expect(revoke({ writers: [stranger.name] })).rejects.toMatchObject({
    code: "not-found",
    message: `${stranger.name} is no --writer of profile mem0 in schema refused`,
    hint: `nothing was changed; it has ${two.name}`,
  })
  await expect(revoke({ readers: [two.name] })).rejects.toMatchObject({
    code: "not-found",
    hint: "nothing was changed; it has none",
  })
  await expect(revoke({})).rejects.toMatchObject({ code: "usage" })
  await expect(revoke({ schema: "elsewhere", writers: [two.name] })).rejects.toMatchObject({
    code: "not-found",
    message: "profile mem0 is not installed in schema elsewhere",
  })
  await expect(revoke({ writers: ["nobody_of_this_name"] })).rejects.toMatchObject({ code: "not-found" })
  const other = await db.trail({ url: stranger.url })
  await expect(other.revokeProfile("mem0", { schema: "refused", writers: [two.name] })).rejects.toMatchObject(
    { code: "privilege" },
  )
  expect((await stateOf("mem0", "refused"))?.writers).toEqual([two.name])
})

test("of two that take out roles at once, neither brings the other's back", async () => {
  await db.query("create schema at_once")
  const options = { schema: "at_once", organization: "at_once" }
  await trail.installProfile("mem0", { ...options, writers: [one.name, two.name] })
  const other = await db.trail()
  await Promise.all([
    trail.revokeProfile("mem0", { schema: "at_once", writers: [one.name] }),
    other.revokeProfile("mem0", { schema: "at_once", writers: [two.name] }),
  ])
  expect(await stateOf("mem0", "at_once")).toMatchObject({ writers: [], readers: [] })
  expect(await odd("mem0", "at_once")).toEqual([])
  expect((await trail.verify()).verdict).toBe("intact")
})
