// The way down from the rights of people and up again: confirmed where something would be lost, refused where events were redacted.
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { catalog, migrationsAfter, newestAct } from "./migrate-fixture.js"
import { redact, redactOn, stage } from "./redact-fixture.js"

let db: TestDatabase
let trail: Trail
beforeEach(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, details)
     select 'acme', 'a', case when i % 2 = 0 then 'ann-1' else 'bob-2' end, '{"who": "ann-1"}' from generate_series(1, 6) i`,
  )
})
afterEach(() => db.drop())

const down = { removed: migrationsAfter(6).reverse(), level: 6 }
const intact = { verdict: "intact", findings: [] }
const state = async () => [
  await catalog(db),
  await newestAct(db),
  await db.query("select * from pgtrail.migration"),
]

const rule = () => db.query("select pgtrail.add_subject_rule(kind => 'keep', event_type => 'tax')")
const request = () => db.query("select pgtrail.add_request('erasure')")
async function restriction(): Promise<string> {
  const client = await db.client()
  await client.query("begin")
  await stage(client, [
    ["id", "ann-1"],
    ["email", "ann@x.org"],
  ])
  const { rows } = await client.query("select pgtrail.restrict_subject('acme', 'asked', 'ann') as act")
  await client.query("commit")
  await client.end()
  return rows[0]?.act
}

/** One that a redaction noted which found nobody. */
async function pseudonym(): Promise<void> {
  const client = await db.client()
  await client.query("begin")
  await stage(client, [["id", "nobody-3"]])
  await client.query("select pgtrail.add_privacy_key('k1', sha256('k'))")
  await client.query("select pgtrail.redact_begin()")
  await client.query(
    "select pgtrail.add_pseudonym('{p1:h:k1:abcdefghijklmnopqrstuv}', '{acme}', 'hash', 'k1', array[sha256('l')], array[sha256('o')])",
  )
  await client.query("select pgtrail.record_redaction('hash', 'asked for')")
  await client.query("commit")
  await client.end()
}

describe("where something would be lost", () => {
  test.each<[string, readonly (() => Promise<unknown>)[], string]>([
    ["a rule", [rule], "rules of subjects: 1"],
    ["a restriction", [restriction], "restrictions: 1"],
    ["a request", [request], "requests: 1"],
    ["a pseudonym", [pseudonym], "pseudonyms: 1"],
    ["all of that", [request, rule, restriction], "rules of subjects: 1, restrictions: 1, requests: 1"],
  ])("%s, it says so, and the name of the database confirms it", async (what, made, amount) => {
    for (const make of made) await make()
    expect(await trail.verify()).toMatchObject(intact)
    const before = await state()
    const refusal = {
      code: "usage",
      message: expect.stringContaining(`what migration 0007_people holds would be lost (${amount})`),
      hint: `nothing was lost; to lose it: pgtrail migrate down --to 6 --confirm ${db.name}`,
    }
    await expect(trail.migrateDown({ to: 6 })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 6, dryRun: true })).rejects.toMatchObject(refusal)
    const sql = await trail.migrateDownSql({ to: 6 })
    await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await db.query("rollback")
    expect(await state()).toEqual(before)
    // All of it at once goes down and up for all of them: each level costs a second.
    if (what !== "all of that") {
      expect(await trail.migrateDown({ to: 6, confirm: db.name, dryRun: true })).toMatchObject(down)
      return
    }
    expect(await trail.migrateDown({ to: 6, confirm: db.name })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject({
      ...intact,
      pending_migration: expect.stringContaining("0007_people"),
    })
    expect(await trail.validate()).toMatchObject({ differences: [] })
    expect(await trail.install()).toMatchObject({ applied: migrationsAfter(6) })
    expect(await trail.verify()).toMatchObject({ ...intact, pending_migration: null })
    expect(await db.query("select count(*) from pgtrail.subject_rule where ended_seq is null")).toEqual([
      { count: "0" },
    ])
  })

  test("nothing is asked for a rule that was removed, and a restriction that was lifted", async () => {
    const [added] = await rule()
    await db.query("select pgtrail.remove_subject_rule($1)", [added?.add_subject_rule])
    const act = await restriction()
    await db.query("select pgtrail.unrestrict_subject($1, 'settled', 'ann')", [act])
    expect(await trail.migrateDown({ to: 6 })).toMatchObject(down)
    expect(await trail.verify()).toMatchObject(intact)
    await trail.install()
    expect(await trail.verify()).toMatchObject(intact)
    // What was there before the way down is no part of the life after it.
    await rule()
    await restriction()
    expect(await trail.verify()).toMatchObject(intact)
  })
})

test("events that were redacted keep it from going down, whatever is confirmed", async () => {
  await redact(db, [["id", "ann-1"]], { organizations: ["acme"] })
  const before = await state()
  const refusal = {
    sqlstate: "55000",
    message: "events were redacted, which an older pgtrail would take for tampering",
    hint: expect.stringContaining("stays at this version"),
  }
  await expect(trail.migrateDown({ to: 6 })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 6, confirm: db.name })).rejects.toMatchObject(refusal)
  await expect(trail.migrateDown({ to: 3, confirm: db.name })).rejects.toMatchObject(refusal)
  const sql = await trail.migrateDownSql({ to: 6, confirm: db.name })
  await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
  await db.query("rollback")
  expect(await state()).toEqual(before)
  expect(await trail.verify()).toMatchObject(intact)
})

test("a redaction that found nothing asks nothing, and its act is no alarm at the level below, nor after the way up", async () => {
  await redact(db, [["id", "nobody-3"]])
  expect(await trail.verify()).toMatchObject(intact)
  expect(await trail.migrateDown({ to: 6 })).toMatchObject(down)
  expect(await trail.verify()).toMatchObject(intact)
  await trail.install()
  expect(await trail.verify()).toMatchObject(intact)
  const client = await db.client()
  expect(await redactOn(client, [["id", "ann-1"]])).toMatchObject({ events: "3" })
  await client.end()
  expect(await trail.verify()).toMatchObject(intact)
})

test("a log of the level below is redacted once it is migrated, what was appended before too", async () => {
  await trail.migrateDown({ to: 6 })
  await db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) values ('acme', 'a', 'ann-1')",
  )
  await trail.install()
  expect(await redact(db, [["id", "ann-1"]])).toMatchObject({ events: "4", identity: "4", content: "3" })
  expect(await trail.verify()).toMatchObject({ ...intact, covered: { redacted: "4" } })
})
