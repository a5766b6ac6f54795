// The way down from the rights of people and up again: confirmed where something would be lost, refused where events were redacted.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail, VerifyReport } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { catalog, migrationsAfter, newestAct, olderLog, rowsKept } from "./migrate-fixture.js"
import { redact, stage } from "./redact-fixture.js"

let db: TestDatabase
let trail: Trail
const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

/** `level` 7: from where the way down to 6 is one step. */
async function take(level: 7 | "newest"): Promise<void> {
  if (level === 7) ({ db, trail } = await olderLog(7, { data: false }))
  else {
    db = await testDatabase()
    trail = await db.trail()
  }
  all.push(db)
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, details)
     select 'acme', 'a', case when i % 2 = 0 then 'ann-1' else 'bob-2' end, '{"who": "ann-1"}' from generate_series(1, 6) i`,
  )
}

const lone = { removed: ["0007_people"], level: 6 }
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

const refusalOf = (amount: string) => ({
  code: "usage",
  message: expect.stringContaining(`what migration 0007_people holds would be lost (${amount})`),
  hint: `nothing was lost; to lose it: pgtrail migrate down --to 6 --confirm ${db.name}`,
})

describe("where something would be lost", () => {
  let restore: () => Promise<void>
  beforeAll(async () => {
    await take(7)
    restore = await rowsKept(db)
  })
  afterEach(() => restore())

  test.each<[string, () => Promise<unknown>, string]>([
    ["a rule", rule, "rules of subjects: 1"],
    ["a restriction", restriction, "restrictions: 1"],
    ["a request", request, "requests: 1"],
    ["a pseudonym", pseudonym, "pseudonyms: 1"],
  ])("%s, it says so, and the name of the database confirms it", async (_, make, amount) => {
    await make()
    const before = await state()
    const refusal = refusalOf(amount)
    await expect(trail.migrateDown({ to: 6 })).rejects.toMatchObject(refusal)
    await expect(trail.migrateDown({ to: 6, dryRun: true })).rejects.toMatchObject(refusal)
    const sql = await trail.migrateDownSql({ to: 6 })
    await expect(db.query(`begin; ${sql}; commit`)).rejects.toMatchObject({ code: "55000" })
    await db.query("rollback")
    expect(await state()).toEqual(before)
    expect(await trail.migrateDown({ to: 6, confirm: db.name, dryRun: true })).toMatchObject(lone)
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
})

test("where all of that would be lost, it says so, and confirmed it goes down and up without it", async () => {
  await take("newest")
  for (const make of [request, rule, restriction]) await make()
  expect(await trail.verify()).toMatchObject(intact)
  const before = await state()
  await expect(trail.migrateDown({ to: 6 })).rejects.toMatchObject(
    refusalOf("rules of subjects: 1, restrictions: 1, requests: 1"),
  )
  expect(await state()).toEqual(before)
  expect(await trail.migrateDown({ to: 6, confirm: db.name })).toMatchObject({
    removed: migrationsAfter(6).reverse(),
    level: 6,
  })
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

describe("a log with a rule that was removed, a restriction that was lifted and a redaction that found nothing", () => {
  let removed: readonly string[]
  const looks: VerifyReport[] = []
  const look = async () => {
    looks.push(await trail.verify())
  }
  beforeAll(async () => {
    await take(7)
    const [added] = await rule()
    await db.query("select pgtrail.remove_subject_rule($1)", [added?.add_subject_rule])
    const act = await restriction()
    await db.query("select pgtrail.unrestrict_subject($1, 'settled', 'ann')", [act])
    await redact(db, [["id", "nobody-3"]])
    await look()
    removed = (await trail.migrateDown({ to: 6 })).removed
    await look()
    await db.query(
      "insert into pgtrail.event (organization_id, event_type, actor_id) values ('acme', 'a', 'ann-1')",
    )
    await trail.install()
    await look()
  })

  test("goes down, and is asked nothing; none of its acts is an alarm there, nor after the way up", () => {
    expect(removed).toEqual(lone.removed)
    expect(looks.map(({ verdict, findings }) => ({ verdict, findings }))).toEqual([intact, intact, intact])
  })

  test("is redacted once it is migrated, what was appended at the level below too, and what it had before is no part of its life", async () => {
    await rule()
    await restriction()
    expect(await redact(db, [["id", "ann-1"]])).toMatchObject({ events: "4", identity: "4", content: "3" })
    expect(await trail.verify()).toMatchObject({ ...intact, covered: { redacted: "4" } })
  })
})
