// Who may redact, reveal and read whom a pseudonym stands for: pgtrail_privacy alone, and what it may not do with a guard that is open.
import type { Client } from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { checkRedactions } from "./redact-checker.js"
import { append, redactOn, type Subject, stage } from "./redact-fixture.js"

const others = ["writer", "reader", "organization_reader", "auditor", "operator"] as const

let db: TestDatabase
const roles = new Map<string, Role>()
beforeAll(async () => {
  db = await testDatabase()
  for (const name of others) roles.set(name, await db.role({ memberOf: [`pgtrail_${name}`] }))
  await db.query("select pgtrail.record_access('grant', $1, 'reader', 'acme')", [
    roles.get("organization_reader")?.name,
  ])
  await append(db, {
    organization_id: "acme",
    event_type: "a",
    actor_id: "ann-1",
    details: '{"who": "ann-1"}',
  })
  await append(db, { organization_id: "acme", event_type: "a", actor_id: "bob-2" })
})
afterAll(() => db.drop())

const ann: Subject = [["id", "ann-1"]]
const refused = { code: "42501" }

/** What each of the functions of people would do, and the tables that say who is who. */
const statements: readonly string[] = [
  "select pgtrail.subject_stage()",
  "select pgtrail.find_subject('event_default')",
  "select pgtrail.find_listed('event_default')",
  "select pgtrail.redact_begin()",
  "select pgtrail.redact_partition('event_default', 'erase')",
  "select * from pgtrail.record_redaction('erase', 'why')",
  "select * from pgtrail.redacted_partitions()",
  "select pgtrail.rewrite_partition('event_default')",
  "select pgtrail.rewrite_summary()",
  "select pgtrail.reveal('p1:t:k:abcdefghijklmnopqrstuv', 'why')",
  "select * from pgtrail.revealed(1)",
  "select pgtrail.add_privacy_key('k', sha256('x'))",
  "select * from pgtrail.destroy_privacy_key('k')",
  "select * from pgtrail.privacy_keys()",
  "select pgtrail.add_pseudonym('{p1:t:k:abcdefghijklmnopqrstuv}', '{acme}', 'token', 'k', array[sha256('x')], array[sha256('x')])",
  "select * from pgtrail.find_pseudonym(array[sha256('x')])",
  "select pgtrail.forget_pseudonym('{x}')",
  "select pgtrail.restrict_subject('acme', 'why', 'who')",
  "select pgtrail.unrestrict_subject(1, 'why', 'who')",
  "select pgtrail.add_request('erasure')",
  "select * from pgtrail.rectify_event('acme', 0::smallint, 1, 'why', 'who')",
  "select * from pgtrail.pseudonym",
  "select original from pgtrail.pseudonym",
  "select * from pgtrail.privacy_key",
  "select pgtrail.json_places('{}', '{}', '{}', '')",
  "select pgtrail.json_replace('{}', '{}', '{}', 'x')",
  "select pgtrail.record_act('redact', '{}')",
  "insert into pgtrail.redacting values (pg_current_xact_id())",
  "insert into pgtrail.redaction_entry values ('acme', 0, 1, 'identity', 1, '{actor_id}', sha256('a'), sha256('b'))",
  "update pgtrail.redaction set entries = 0",
  "update pgtrail.event set actor_id = null",
  "delete from pgtrail.subject_restriction",
  "update pgtrail.subject_rule set kind = 'path'",
  "insert into pgtrail.pseudonym (pseudonym, strategy, key_id, lookup) values ('x', 'hash', 'k', sha256('x'))",
]

describe.each(others)("a role that is %s alone", (name) => {
  let client: Client
  beforeAll(async () => {
    client = (await roles.get(name)?.client()) as Client
  })
  test.each(statements)("may not: %s", async (statement) => {
    await expect(client.query(statement)).rejects.toMatchObject(refused)
  })
  test("reads nobody's identifiers", async () => {
    const may = name === "auditor"
    const reads = await client.query("select value from pgtrail.subject_restriction").then(
      () => true,
      () => false,
    )
    // An auditor replays what the act has a digest of.
    expect(reads).toBe(may)
  })
})

describe("who is privacy and all else at once,", () => {
  let client: Client
  beforeAll(async () => {
    const role = await db.role({ memberOf: [...others, "privacy"].map((name) => `pgtrail_${name}`) })
    client = await role.client()
  })

  /** In a transaction that has begun a redaction, with its plan. */
  async function inside(work: () => Promise<void>): Promise<void> {
    await client.query("begin")
    try {
      await stage(client, ann)
      await client.query("select pgtrail.redact_begin()")
      await client.query("select pgtrail.find_subject(name) from pgtrail.partitions()")
      await work()
    } finally {
      await client.query("rollback")
    }
  }

  test.each([
    "update pgtrail.event set actor_id = 'mallory'",
    "update pgtrail.event_default set actor_id = null",
    "delete from pgtrail.event",
    "merge into pgtrail.event e using (values (1)) v (x) on true when matched then update set actor_id = null",
    "update pgtrail.redaction_entry set fields = '{}'",
    "insert into pgtrail.redaction_entry values ('acme', 0, 2, 'identity', 1, '{actor_id}', sha256('a'), sha256('b'))",
    "update pgtrail.archive set name = 'x'",
    "delete from pgtrail.redacting",
    "insert into pgtrail.event (event_type, identity_digest) values ('a', sha256('x'))",
    "insert into pg_temp.pgtrail_plan (partition_name, content_fields, sound, held) values ('event_default', '{details}', true, false)",
    "update pg_temp.pgtrail_plan set held = false, sound = true, content_fields = '{description}'",
    "delete from pg_temp.pgtrail_plan",
    "insert into pg_temp.pgtrail_replacement values ('acme', 'p1:t:none:abcdefghijklmnopqrstuv')",
    "select * from pg_temp.pgtrail_subject",
    "create trigger t before update on pg_temp.pgtrail_plan for each row execute function suppress_redundant_updates_trigger()",
    "alter table pg_temp.pgtrail_plan add x int",
    "drop table pg_temp.pgtrail_plan",
    "create temp table child () inherits (pg_temp.pgtrail_plan)",
  ])("with the guard open, may not: %s", async (statement) => {
    await inside(async () => {
      const [version] = await db.query("select current_setting('server_version_num')::int < 150000 as old")
      const hasMerge = version?.old === "f" || !statement.startsWith("merge")
      await expect(client.query(statement)).rejects.toMatchObject(
        hasMerge ? { code: expect.stringMatching(/^(42501|TR001|TR002)$/) } : { code: "42601" },
      )
    })
  })

  test("may redact, and reads what stands there then; the log is sound", async () => {
    expect(await redactOn(client, ann)).toMatchObject({ events: "1", identity: "1", content: "1" })
    const { rows } = await client.query("select actor_id, details from pgtrail.event order by seq")
    expect(rows).toEqual([
      { actor_id: null, details: '{"who": "[erased]"}' },
      { actor_id: "bob-2", details: null },
    ])
    expect(await checkRedactions(db)).toMatchObject({ breaks: [], identity: 1, content: 1 })
  })

  test("reads no pseudonym's original, and no key's check value, but by functions that record it", async () => {
    await expect(client.query("select * from pgtrail.pseudonym")).rejects.toMatchObject(refused)
    await expect(client.query("select * from pgtrail.privacy_key")).rejects.toMatchObject(refused)
  })
})

test("the owner and a superuser, whom no grant stops, are stopped by the guard where no redaction was begun", async () => {
  for (const role of ["pgtrail_owner", "postgres"]) {
    await db.asRole(role, async (client) => {
      for (const statement of [
        "update pgtrail.event set actor_id = null",
        "update pgtrail.redaction_entry set fields = '{}'",
        "delete from pgtrail.redaction_entry",
        "delete from pgtrail.redaction",
        "update pgtrail.redaction set entries = 7",
        "delete from pgtrail.subject_rule",
        "delete from pgtrail.subject_restriction",
        "truncate pgtrail.redaction_entry",
      ]) {
        await expect(client.query(statement), `${role}: ${statement}`).rejects.toMatchObject({
          code: "TR002",
        })
      }
    })
  }
})
