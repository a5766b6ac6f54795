// Of a log that is not small two connections read in turn: what one reads, in the same order, and where one is lost nothing is given.
import { mkdirSync, readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { fixedTarget, withClient } from "../../src/data/connection.js"
import { beginSnapshot } from "../../src/data/export/facts.js"
import type { Pages } from "../../src/data/export/pages.js"
import { readPartitions } from "../../src/data/subject/export-read.js"
import { subjectRows } from "../../src/data/subject/export-rows.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"
import { until } from "./cluster.js"

const { path, remove } = folder()
let db: TestDatabase

beforeAll(async () => {
  db = await testDatabase()
  await db.query("select pgtrail.create_months('2026-04-01', '2026-08-01')")
  // In May nobody did anything, and in June somebody else.
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at, description)
     select 'o' || i % 3, 'a.b', case when m = 6 then 'bob' else 'ann' end, make_timestamptz(2026, m, 1 + i % 28, 0, 0, 0), 'of ' || i
     from unnest(array[4, 6, 7, 8]) m, generate_series(1, 30) i`,
  )
})
afterAll(async () => {
  await db?.drop()
  remove()
})

/** `small`: bytes of a log from which two connections read. */
async function read(name: string, small: number, drain?: () => Promise<void>) {
  const target = { connectionString: db.url }
  const identifiers = [{ kind: "id", value: "ann" }] as const
  mkdirSync(path(name))
  const rows = subjectRows({
    identifiers,
    rules: { resources: new Set(), paths: [] },
    includeText: false,
    folder: path(name),
    format: "csv",
  })
  const sink = drain === undefined ? rows : { ...rows, review: { drain } as Pages }
  try {
    return await withClient(target, async (holder) => {
      const { snapshot } = await beginSnapshot(holder)
      const scope = { since: "2026-01-01T00:00:00Z" }
      const { partitions } = await withClient(fixedTarget(target), (client) =>
        readPartitions(client, target, { identifiers, scope, snapshot }, sink, small),
      )
      await rows.events.finish()
      return { partitions, counts: rows.counts, events: readFileSync(path(`${name}/events.csv`), "utf8") }
    })
  } finally {
    await rows.events.close()
    await rows.review.close()
  }
}

test("two connections in turn read what one reads, in the same order", async () => {
  const one = await read("one", Number.POSITIVE_INFINITY)
  const two = await read("two", 0)
  expect(one.counts.asActor).toBe(90)
  expect(two).toEqual(one)
})

test("a connection that is lost before its partition has its turn ends the export, and nothing waits for it", async () => {
  // More than is read ahead and a socket holds, so that its server waits.
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at, description)
     select 'o1', 'a.b', 'ann', '2026-06-20Z', repeat('x', 3000) from generate_series(1, 2000)`,
  )
  const waiting = `from pg_stat_activity a where a.datname = current_database() and a.wait_event = 'ClientWrite' and a.query like 'copy (select e.as_actor%'`
  let isCut = false
  const reading = read("cut", 0, async () => {
    if (isCut) return
    isCut = true
    // It waits for a moment whenever its client has not read on yet: who is found waiting is ended by the same statement.
    let pids = ""
    await until("a connection waits for its turn", async () => {
      const [row] = await db.query(
        `select string_agg(a.pid::text, ',') filter (where pg_terminate_backend(a.pid)) as pids ${waiting}`,
      )
      pids = row?.pids ?? ""
      return pids !== ""
    })
    await until("it has ended", async () => {
      const left = await db.query("select from pg_stat_activity where pid = any ($1)", [`{${pids}}`])
      return left.length === 0
    })
  })
  await expect(reading).rejects.toMatchObject({ code: "connection-lost" })
  expect(isCut).toBe(true)
})
