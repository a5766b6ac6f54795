// Partitions are built anew under the eyes of writers and readers, and nobody loses anything.
import { afterEach, beforeEach, expect, test } from "vitest"
import { connect } from "../../src/data/connection.js"
import type { Trail } from "../../src/data/index.js"
import { eraseBytes } from "../../src/data/subject/physical.js"
import { redactSubject } from "../../src/data/subject/redact.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeEach(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterEach(() => db.drop())

const target = () => ({ connectionString: db.url })
const insert = (organization: string, count: number) =>
  `insert into pgtrail.event (organization_id, event_type, actor_id) select '${organization}', 'x', 'u' || i % 3 from generate_series(1, ${count}) i`

async function erase(): Promise<void> {
  const client = await connect(target())
  await redactSubject(client, [{ kind: "id", value: "u1" }], { strategy: "erase", reason: "asked for it" })
  await client.end()
}

test("what four writers append meanwhile is all there, in chains that are whole", async () => {
  await db.query(insert("acme", 90))
  await erase()
  let isOver = false
  let written = 0
  const writers = [0, 1, 2, 3].map(async (n) => {
    const client = await db.client()
    // As many as a busy machine does while the others work: each erasure has them to redact too.
    for (let batch = 0; batch < 30 && !isOver; batch += 1) {
      await client.query(insert(n % 2 === 0 ? "acme" : "globex", 5))
      written += 5
    }
    await client.end()
  })
  for (let round = 0; round < 2; round += 1) {
    const { partitions, left } = await eraseBytes(target(), {})
    // Writers that are done left nothing more to redact.
    expect(partitions.filter(({ method }) => method !== "rewritten")).toEqual([])
    if (round === 0) expect(partitions).toHaveLength(1)
    expect(left.filter((line) => !line.includes("pg_statistic"))).toEqual([])
    await erase()
  }
  isOver = true
  await Promise.all(writers)
  expect(written).toBeGreaterThan(0)
  const report = await trail.verify({ jobs: 1, record: false })
  expect(report).toMatchObject({
    verdict: "intact",
    findings: [],
    covered: { events: String(90 + written) },
  })
})

test("one that is in the way for longer than the patience is named, the rest is done, and the next run does what is left", async () => {
  await db.query(insert("acme", 30))
  await erase()
  const reader = await db.client()
  await reader.query("begin; select count(*) from pgtrail.event")
  const held = await eraseBytes(target(), { patienceMs: 300 })
  expect(held.partitions).toMatchObject([
    { method: "failed", why: expect.stringMatching(/held by: process \d+/) },
  ])
  expect(held).toMatchObject({
    summaries: true,
    left: expect.arrayContaining([expect.stringMatching(/run it again/)]),
  })
  await reader.query("rollback")
  await reader.end()
  expect(await eraseBytes(target(), {})).toMatchObject({ partitions: [{ method: "rewritten" }], left: [] })
})

test("of two runs at once one does it and the other is told; a reader, writer, auditor or operator cannot", async () => {
  await db.query(insert("acme", 30))
  await erase()
  const both = await Promise.allSettled([eraseBytes(target(), {}), eraseBytes(target(), {})])
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  for (const group of ["reader", "writer", "auditor", "operator"]) {
    const role = await db.role({ memberOf: [`pgtrail_${group}`] })
    expect(await failureOf(eraseBytes({ connectionString: role.url }, {})), group).toMatchObject({
      code: "privilege",
    })
  }
})

test("pgtrail_privacy does all but the file of statistics, and says who does that by which command", async () => {
  await db.query(insert("acme", 30))
  await erase()
  const role = await db.role({ memberOf: ["pgtrail_privacy"] })
  const done = await eraseBytes({ connectionString: role.url }, {})
  expect(done).toMatchObject({ partitions: [{ method: "rewritten" }], summaries: true, statistics: false })
  expect(done.left).toEqual([
    expect.stringMatching(/owner of the database .* runs: vacuum full pg_catalog\.pg_statistic/),
  ])
})
