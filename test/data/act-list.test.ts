// Acts are listed newest first, filtered, in portions, each with a few words about it; one is shown whole and checked.
import { afterAll, beforeAll, expect, test } from "vitest"
import { aboutAct, actKinds } from "../../src/data/act/about.js"
import { actColumns } from "../../src/data/act/list.js"
import { destructiveKinds } from "../../src/data/act/text.js"
import type { ActFilter, ActRow, Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(
    "select pgtrail.record_act(case when i % 10 = 0 then 'ten' else 'test' end, '{}') from generate_series(2, 450) i",
  )
})
afterAll(() => db.drop())

async function listed(filter: ActFilter): Promise<{ rows: ActRow[]; more: boolean }> {
  const acts = await trail.acts(filter)
  const rows: ActRow[] = []
  for await (const row of acts) rows.push(row)
  return { rows, more: acts.more }
}
const seqs = (rows: readonly ActRow[]) => rows.map((row) => Number(row.seq))
const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, at) => from - at)

test("the list of kinds has every kind that the log records, and those that can be required to be signed", async () => {
  const rows = await db.query(
    `select distinct m[1] as kind from pg_proc, regexp_matches(prosrc, $$record_act[(]'([a-z_]+)'$$, 'g') m
     where pronamespace = 'pgtrail'::regnamespace`,
  )
  // The tool itself records those of migrations and profiles, and record_access those that it is called with.
  expect([...rows.map((row) => row.kind), "migrate", "profile", "grant", "revoke"].sort()).toEqual(
    [...actKinds].sort(),
  )
  expect(actKinds).toEqual(expect.arrayContaining([...destructiveKinds]))
})

test("all acts, each once, newest first, whatever the portions", async () => {
  const { rows, more } = await listed({})
  expect(seqs(rows)).toEqual(down(450, 1))
  expect(more).toBe(false)
  expect(Object.keys(rows[0] ?? {})).toEqual([...actColumns])
})

test.each([
  [0, true],
  [1, true],
  [199, true],
  [200, true],
  [201, true],
  [400, true],
  [449, true],
  [450, false],
  [451, false],
])("a limit of %i leaves out what is more, and says so: %s", async (limit, more) => {
  const found = await listed({ limit })
  expect(seqs(found.rows)).toEqual(down(450, 451 - Math.min(limit, 450)))
  expect(found.more).toBe(more)
})

test("by kind and by time, of which the end does not belong to it", async () => {
  expect(seqs((await listed({ kind: "ten" })).rows)).toEqual(
    Array.from({ length: 45 }, (_, at) => 450 - 10 * at),
  )
  expect((await listed({ kind: "%" })).rows).toEqual([])
  expect((await listed({ kind: "ten' or true --" })).rows).toEqual([])
  const [time] = await db.query("select recorded_at from pgtrail.act where seq = 100")
  expect(seqs((await listed({ since: time?.recorded_at ?? "" })).rows)).toEqual(down(450, 100))
  expect(seqs((await listed({ until: time?.recorded_at ?? "" })).rows)).toEqual(down(99, 1))
})

test("what pgtrail says of an act never fails, whatever its parameters are", () => {
  for (const kind of [...actKinds, "constructor"]) {
    for (const parameters of [
      "{}",
      "[]",
      "null",
      "3",
      '"x"',
      '{"finding": null, "migrations": {"a": 1}}',
      '{"finding": [1], "names": [{}], "holds": [null], "override": 3, "keep": {}}',
    ]) {
      expect(typeof aboutAct(kind, parameters)).toBe("string")
    }
  }
})

test("an act that does not fit is told to be so, and one that is not there is not found", async () => {
  expect(await trail.act("1")).toMatchObject({ verifies: true, problems: [], signature: null })
  expect(await trail.act("450")).toMatchObject({ verifies: true })
  await expect(trail.act("451")).rejects.toMatchObject({ code: "not-found", hint: "pgtrail act list" })
  await db.query(`set session_replication_role = replica;
    update pgtrail.act set kind = 'x' where seq = 20;
    delete from pgtrail.act where seq = 30;
    update pgtrail.act set hash = sha256('x') where seq = 40;
    update pgtrail.act set hash_version = 2 where seq = 50;
    update pgtrail.incarnation set log_id = gen_random_uuid();
    set session_replication_role = origin`)
  const problems = async (seq: string) => (await trail.act(seq)).problems
  expect(await problems("20")).toEqual(["its hash does not belong to what it says: it was altered"])
  expect(await problems("29")).toEqual([])
  expect(await problems("31")).toEqual(["the act before it is missing"])
  expect(await problems("39")).toEqual([])
  expect(await problems("40")).toEqual([
    "its hash does not belong to what it says: it was altered",
    "the act after it names another hash than its own",
  ])
  expect(await problems("41")).toEqual(["its previous_hash is not the hash of the act before it"])
  expect(await trail.act("50")).toMatchObject({ verifies: null })
  expect(await problems("1")).toEqual(["its previous_hash is not the hash of the act before it"])
})

test("an auditor and an operator list acts, and others are told whom to ask", async () => {
  for (const group of ["pgtrail_auditor", "pgtrail_operator"]) {
    const role = await db.role({ memberOf: [group] })
    const acts = await (await db.trail({ url: role.url })).acts({ limit: 1 })
    for await (const act of acts) expect(act.seq).toBe("450")
    expect((await (await db.trail({ url: role.url })).act("2")).verifies).toBe(true)
  }
  const reader = await db.role({ memberOf: ["pgtrail_reader"] })
  await expect((await db.trail({ url: reader.url })).act("2")).rejects.toMatchObject({
    code: "privilege",
    hint: "grant pgtrail_auditor to the role of this connection: pgtrail grant auditor ROLE",
  })
})
