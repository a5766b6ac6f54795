// A redaction among what changes partitions: whoever comes second waits, nothing is lost, and nobody ends in a deadlock.
import type { Client } from "pg"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { type MadeArchive, makeArchive, restore } from "./archive-sql-fixture.js"
import { checkRedactions } from "./redact-checker.js"
import { redact, redactOn, type Subject, whereabouts } from "./redact-fixture.js"

let db: TestDatabase
const all: TestDatabase[] = []
beforeEach(async () => {
  db = await testDatabase()
  all.push(db)
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
})
afterAll(async () => {
  for (const database of all) await database.drop()
})

const ann: Subject = [["id", "ann-1"]]

/** Events of ann and of others in turns, an hour apart from `since` on, in `organizations`. */
const appendMany = (count: number, since: string, organizations = 2) =>
  db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, details, occurred_at)
     select 'o' || i % $3, 'a', case when i % 4 < 2 then 'ann-1' else 'bob-2' end, jsonb_build_object('n', i, 'who', case when i % 4 < 2 then 'ann-1' end),
       $2::timestamptz + i * interval '1 hour' from generate_series(1, $1::int) i`,
    [count, since, organizations],
  )

async function isSound(): Promise<{ identity: number; content: number }> {
  const { breaks, identity, content } = await checkRedactions(db)
  expect(breaks).toEqual([])
  const report = await (await db.trail()).verify({ jobs: 1, record: false })
  expect(report.findings).toEqual([])
  expect(report.verdict).toBe("intact")
  return { identity, content }
}

/** Until the session waits for a lock of another. */
async function waitsPid(pid: string): Promise<void> {
  for (;;) {
    const [row] = await db.query("select cardinality(pg_blocking_pids($1::int)) as n", [pid])
    if (row?.n !== "0") return
  }
}
const pidOf = async (client: Client): Promise<string> =>
  (await client.query<{ pid: string }>("select pg_backend_pid() as pid")).rows[0]?.pid ?? ""

describe("what changes partitions waits for a redaction, and a redaction for it:", () => {
  const months = `select pgtrail.split_default('{event_2020_01,event_2020_02}', '{2020-01-01Z,2020-02-01Z}', '{2020-02-01Z,2020-03-01Z}')`
  const changes: readonly [string, readonly string[], string][] = [
    ["a split of DEFAULT", [], months],
    ["a detach", [months], "select pgtrail.detach_partition('event_2020_01', 'seldom read')"],
    [
      "an attach",
      [months, "select pgtrail.detach_partition('event_2020_01', 'seldom read')"],
      "select pgtrail.attach_partition('event_2020_01')",
    ],
    [
      "a purge that builds the partition anew",
      [
        months,
        "select pgtrail.set_retention('policy', 'goes', 30, event_type => 'a', organization => 'o0', confirmed => true)",
      ],
      "select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => true)",
    ],
    [
      "a purge by rows",
      [
        months,
        "select pgtrail.set_retention('policy', 'goes', 30, event_type => 'a', organization => 'o0', confirmed => true)",
      ],
      "select * from pgtrail.purge_partition('event_2020_01', 'retention', rewrite => false)",
    ],
    [
      "a purge of all of it",
      [months],
      "select * from pgtrail.purge_partition('event_2020_01', 'r', everything => true)",
    ],
  ]

  test.each(changes)("%s that begins first", async (_, before, change) => {
    await appendMany(60, "2020-01-30Z")
    for (const sql of before) await db.query(sql)
    const other = await db.client()
    await other.query("begin")
    await other.query(change)
    const client = await db.client()
    const pid = await pidOf(client)
    const redacting = redactOn(client, ann)
    redacting.catch(() => {})
    await waitsPid(pid)
    await other.query("commit")
    await redacting
    expect(await whereabouts(db, ["ann-1"])).toEqual([])
    await isSound()
  })

  test.each(changes)("%s that begins second", async (_, before, change) => {
    await appendMany(60, "2020-01-30Z")
    for (const sql of before) await db.query(sql)
    const other = await db.client()
    const pid = await pidOf(other)
    let changing: Promise<unknown> | undefined
    await redact(db, ann, {
      meanwhile: async () => {
        changing = other.query(change)
        changing.catch(() => {})
        await waitsPid(pid)
      },
    })
    // What it had read before is not what there is now.
    await changing?.catch(({ code }: { code: string }) => {
      expect(["TR013", "40001"]).toContain(code)
      return db.query(change)
    })
    expect(await whereabouts(db, ["ann-1"])).toEqual([])
    await isSound()
  })
})

describe("a restore brings events of the subject back:", () => {
  const archived = async (): Promise<MadeArchive> => {
    await appendMany(60, "2020-01-02Z")
    await db.query("select pgtrail.split_default('{event_2020_01}', '{2020-01-01Z}', '{2020-02-01Z}')")
    await appendMany(8, "2026-01-02Z")
    return makeArchive(db, "event_2020_01")
  }

  const again = { code: "40001", message: "something was decided while the events were read" }
  const isDone = async (): Promise<void> => {
    expect(await redact(db, ann)).toMatchObject({ events: "34" })
    expect(await whereabouts(db, ["ann-1"])).toEqual([])
    expect(await isSound()).toEqual({ identity: 34, content: 34 })
  }

  test("a redaction that did not see them is told to run again, and replaces them then", async () => {
    const { name, table } = await archived()
    const other = await db.client()
    await other.query("begin; select pgtrail.restore_stage()")
    await other.query(`insert into pg_temp.pgtrail_restored select * from ${table}`)
    await other.query("select pgtrail.restore_archive($1, 'asked for')", [name])
    const client = await db.client()
    const pid = await pidOf(client)
    const redacting = redactOn(client, ann)
    redacting.catch(() => {})
    await waitsPid(pid)
    await other.query("commit")
    await expect(redacting).rejects.toMatchObject(again)
    await db.query(`drop table ${table}`)
    await isDone()
  })

  test("so is one within which they come back", async () => {
    const made = await archived()
    const other = await db.client()
    await expect(redact(db, ann, { meanwhile: () => restore(other, made) })).rejects.toMatchObject(again)
    expect(await isSound()).toEqual({ identity: 0, content: 0 })
    await isDone()
  })
})
