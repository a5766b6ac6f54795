// Two profiles of one organization in one database: writers, readers and an auditor get no further by one than by the other, and a summary says whose it is.
import type pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

const row = {
  mine: "insert into mine.audit_logs (event_type, user_id, timestamp) values ('auth.login', 'ada', now())",
  theirs:
    "insert into theirs.audit_logs (user_id, operation, action_result) values ('bob', 'mem0_search', 'denied')",
}

let db: TestDatabase
let trail: Trail
let writer: Role
let reader: Role
let otherWriter: Role
let otherReader: Role
let auditor: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  writer = await db.role()
  reader = await db.role()
  otherWriter = await db.role()
  otherReader = await db.role()
  auditor = await db.role({ memberOf: ["pgtrail_auditor"] })
  await db.query("create schema mine; create schema theirs; set timezone = 'UTC'")
  const organization = "acme"
  await trail.installProfile("memoric", {
    schema: "mine",
    organization,
    writers: [writer.name],
    readers: [reader.name],
  })
  await trail.installProfile("mem0", {
    schema: "theirs",
    organization,
    writers: [otherWriter.name],
    readers: [otherReader.name],
  })
  // To look into a schema is no right to its tables.
  await db.query(
    `grant usage on schema mine, theirs to "${writer.name}", "${reader.name}", "${otherWriter.name}", "${otherReader.name}", "${auditor.name}"`,
  )
  await db.query(row.mine)
  await db.query(row.theirs)
})
afterAll(() => db.drop())

const refused = { code: "42501" }

async function as<T>(role: Role, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await role.client()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

test("a writer writes his own view alone, and reads of nobody's more than RETURNING tells", async () => {
  await as(writer, async (client) => {
    await client.query("begin")
    expect((await client.query(`${row.mine} returning id`)).rows).toHaveLength(1)
    await client.query("rollback")
    for (const sql of [
      row.theirs,
      "select id from theirs.audit_logs",
      "select user_id from mine.audit_logs",
      "update theirs.audit_logs set user_id = 'eve'",
      "delete from theirs.audit_logs",
      "select from mine.pgtrail_memoric_event",
      "select from theirs.pgtrail_mem0_event",
      "select from pgtrail.event",
      "copy mine.audit_logs (event_type, user_id) to stdout",
      "select setval('mine.audit_logs_id_seq', 1)",
      "truncate mine.audit_logs",
      "drop view mine.audit_logs",
      "create trigger mine before insert on mine.audit_logs for each statement execute function suppress_redundant_updates_trigger()",
      "create rule mine as on insert to mine.audit_logs do instead nothing",
      "alter view mine.audit_logs set (security_barrier = false)",
    ]) {
      await expect(client.query(sql), sql).rejects.toMatchObject({
        code: expect.stringMatching(/^(42501|42809)$/),
      })
    }
  })
  await as(otherWriter, async (client) => {
    await expect(client.query(row.mine)).rejects.toMatchObject(refused)
    await expect(client.query("select nextval('mine.audit_logs_id_seq')")).rejects.toMatchObject(refused)
  })
})

test("a reader reads his own view alone, with its own events, and changes nothing", async () => {
  await as(reader, async (client) => {
    expect((await client.query("select user_id from mine.audit_logs")).rows).toEqual([{ user_id: "ada" }])
    for (const sql of [
      row.mine,
      "select from theirs.audit_logs",
      "select from mine.pgtrail_memoric_event",
      "update mine.audit_logs set user_id = 'eve'",
      "delete from mine.audit_logs",
      "select from mine.audit_logs for share",
      "lock table mine.audit_logs in row exclusive mode",
    ]) {
      await client.query("begin")
      await expect(client.query(sql), sql).rejects.toMatchObject(refused)
      await client.query("rollback")
    }
  })
  await as(otherReader, async (client) => {
    expect((await client.query("select user_id from theirs.audit_logs")).rows).toEqual([{ user_id: "bob" }])
    await expect(client.query("select from mine.audit_logs")).rejects.toMatchObject(refused)
  })
})

test("an auditor reads the events of both in the log, and neither view: these are the applications'", async () => {
  await as(auditor, async (client) => {
    const { rows } = await client.query("select actor_id, source from pgtrail.event order by 1")
    expect(rows).toEqual([
      { actor_id: "ada", source: "memoric" },
      { actor_id: "bob", source: "mem0" },
    ])
    for (const sql of [
      "select from mine.audit_logs",
      "select from theirs.pgtrail_mem0_event",
      "delete from mine.audit_logs",
      row.theirs,
    ])
      await expect(client.query(sql), sql).rejects.toMatchObject(refused)
  })
})

test("memoric's audit summary has the events of both, as its note says, and the note's query those of memoric alone", async () => {
  await trail.refreshSummary()
  expect(
    await db.query("select event_type, total_events, failed_operations from mine.audit_summary order by 1"),
  ).toEqual([
    { event_type: "auth.login", total_events: "1", failed_operations: "0" },
    { event_type: "mem0_search", total_events: "1", failed_operations: "1" },
  ])
  const { notes } = await trail.profile("memoric", "mine")
  const [, query = ""] =
    /^audit_summary counts every event of the organization.*alone: (select .*)$/.exec(notes[0] ?? "") ?? []
  await as(reader, async (client) => {
    await client.query("set search_path = mine")
    const { rows } = await client.query({ text: query, rowMode: "array" })
    expect(rows).toEqual([[expect.stringMatching(/^\d{4}-\d\d-\d\d$/), "auth.login", "1", "0", "1"]])
  })
})

test("the one that is taken away takes nothing of the other along", async () => {
  const { left } = await trail.removeProfile("mem0", { schema: "theirs" })
  expect(left.join("\n")).not.toContain(`${writer.name} `)
  expect((await trail.profile("memoric", "mine")).installed[0]?.objects.map(({ state }) => state)).toEqual(
    expect.not.arrayContaining(["changed", "missing"]),
  )
  await as(writer, (client) => client.query(row.mine))
  expect((await trail.verify()).verdict).toBe("intact")
})
