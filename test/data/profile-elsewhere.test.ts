// One organization's events through one profile stand in one schema, and a name stands for one profile: what is in the way is told, with what to run.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'; create schema one; create schema two")
})
afterAll(() => db.drop())

const insert = (schema: string) =>
  db.query(
    `insert into ${schema}.audit_logs (event_type, user_id, timestamp) values ('auth.login', 'ada', now()) returning id`,
  )

test("a second schema for the same organization is refused with what is there, where, and what to run", async () => {
  for (const organization of [undefined, "acme"]) {
    await trail.installProfile("memoric", { schema: "one", organization })
    const name = organization ?? "default"
    for (const second of [{ organization: name }, { organization: name, dryRun: true }]) {
      await expect(trail.installProfile("memoric", { schema: "two", ...second })).rejects.toMatchObject({
        code: "exists",
        message: `profile memoric is installed in schema one already, for organization "${name}": both would show the same events, and number them twice`,
        hint: "nothing was changed; install it for another organization (--org NAME), or first: pgtrail profile remove memoric --schema one",
      })
    }
    await expect(trail.profileSql("memoric", { schema: "two", organization: name })).rejects.toMatchObject({
      code: "exists",
    })
    expect(await db.query("select relname from pg_class where relnamespace = 'two'::regnamespace")).toEqual(
      [],
    )
    await trail.removeProfile("memoric", { schema: "one" })
  }
})

test("another organization has a schema of its own, sees its own events, and is installed again beside the first", async () => {
  await trail.installProfile("memoric", { schema: "one", organization: "acme" })
  await trail.installProfile("memoric", { schema: "two", organization: "globex" })
  expect(await insert("one")).toEqual([{ id: "1" }])
  expect(await insert("one")).toEqual([{ id: "2" }])
  expect(await insert("two")).toEqual([{ id: "1" }])
  expect(await db.query("select count(*) from two.audit_logs")).toEqual([{ count: "1" }])
  for (const schema of ["one", "two"]) {
    expect((await trail.installProfile("memoric", { schema })).act).toBeNull()
  }
  await trail.removeProfile("memoric", { schema: "two" })
})

test("after the first was removed the second has its events, and no id is given again", async () => {
  await expect(
    trail.installProfile("memoric", { schema: "two", organization: "acme" }),
  ).rejects.toMatchObject({
    code: "exists",
  })
  await trail.removeProfile("memoric", { schema: "one" })
  await trail.installProfile("memoric", { schema: "two", organization: "acme" })
  expect(await db.query("select id from two.audit_logs order by id")).toEqual([{ id: "1" }, { id: "2" }])
  expect(await insert("two")).toEqual([{ id: "3" }])
  await expect(
    trail.installProfile("memoric", { schema: "one", organization: "acme" }),
  ).rejects.toMatchObject({
    hint: expect.stringContaining("--schema two"),
  })
  // What a DROP SCHEMA took is in nobody's way.
  await db.query("drop schema two cascade; create schema two")
  await trail.installProfile("memoric", { schema: "one", organization: "acme" })
  await trail.removeProfile("memoric", { schema: "one" })
})

test("a profile whose rows name their organizations has one schema, whatever --org says", async () => {
  await trail.installProfile("audit-db", { schema: "one", organization: "acme" })
  await expect(
    trail.installProfile("audit-db", { schema: "two", organization: "globex" }),
  ).rejects.toMatchObject({
    code: "exists",
    message:
      "profile audit-db is installed in schema one already, with the events of all organizations: both would show the same, and number them twice",
    hint: "nothing was changed; let the application use that schema (its search_path), or first: pgtrail profile remove audit-db --schema one",
  })
  await trail.removeProfile("audit-db", { schema: "one" })
})

test("SQL that was printed before another installation refuses itself, and of two at once one is refused", async () => {
  const printed = await trail.profileSql("mem0", { schema: "two" })
  await trail.installProfile("mem0", { schema: "one" })
  const session = await db.client()
  await expect(session.query(`begin; ${printed}; commit`)).rejects.toMatchObject({
    message:
      "profile mem0 is installed in schema one already: both would show the same events, and number them twice",
    hint: expect.stringContaining("Nothing was changed."),
  })
  await session.query("rollback")
  await trail.removeProfile("mem0", { schema: "one" })
  const other = await db.trail()
  const both = await Promise.allSettled([
    trail.installProfile("mem0", { schema: "one" }),
    other.installProfile("mem0", { schema: "two" }),
  ])
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  const made = await db.query(
    "select relnamespace::regnamespace::text as schema from pg_class where relname = 'audit_logs'",
  )
  expect(made).toHaveLength(1)
  await trail.removeProfile("mem0", { schema: made[0]?.schema ?? "" })
})

test("a view that another profile has is told as that profile's, with the two ways out, and both ways work", async () => {
  for (const [first, second] of [
    ["mem0", "memoric"],
    ["memoric", "mem0"],
  ] as const) {
    await trail.installProfile(first)
    await expect(trail.installProfile(second)).rejects.toMatchObject({
      code: "exists",
      message: `public.audit_logs is there already: a view of profile ${first}`,
      hint: `nothing was changed; give ${second} a schema of its own, and let its application's search_path name that: create schema ${second}; then pgtrail profile install ${second} --schema ${second}. Or first: pgtrail profile remove ${first} --schema public`,
    })
    await db.query(`create schema ${second}`)
    await trail.installProfile(second, { schema: second })
    await trail.removeProfile(second, { schema: second })
    await trail.removeProfile(first, { schema: "public" })
    await trail.installProfile(second)
    await trail.removeProfile(second)
  }
})
