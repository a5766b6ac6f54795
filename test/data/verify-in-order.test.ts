// A verification that stops when its time is over, and is gone on with; events that arrived in any order of time; a bounded rate.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Place, Trail, VerifyReport } from "../../src/data/index.js"
import { readPlace } from "../../src/data/query/typed.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Log, places, sampleLog } from "./verify-fixture.js"

/** Rows of a page: a real one has 50,000. */
const pageRows = 1000

describe("2,040 events, on pages of 1,000, that arrived in random order of time", () => {
  let db: TestDatabase
  let trail: Trail
  beforeAll(async () => {
    db = await testDatabase()
    trail = await db.trail()
    await db.asRole("pgtrail_owner", (client) =>
      client.query("select pgtrail.create_months('2025-01-01 00:00+00', '2025-06-01 00:00+00')"),
    )
    await db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type)
       select 'o' || i % 2, timestamptz '2025-01-01 00:00+00' + random() * interval '180 days', 'x' from generate_series(1, 2040) i`,
    )
  })
  afterAll(() => db.drop())

  /** Verifies again and again, each time as short as can be, until nothing is left. */
  async function inPieces(): Promise<{ reports: VerifyReport[]; stops: (string | null)[] }> {
    const reports: VerifyReport[] = []
    let from: Place | undefined
    do {
      const options = { maxSeconds: 0.000001, record: false, pageRows, ...(from && { from }) }
      const report = await trail.verify(options)
      reports.push(report)
      from = report.next === null ? undefined : readPlace(report.next)
    } while (from !== undefined && reports.length < 50)
    return { reports, stops: reports.map((report) => report.next) }
  }

  test("are verified in pieces: each is incomplete and says where to go on, the last is intact from there", async () => {
    const { reports, stops } = await inPieces()
    expect(reports.map((report) => report.verdict)).toEqual([
      ...stops.slice(1).map(() => "incomplete"),
      "intact",
    ])
    expect(stops).toEqual(["o0/0/1000", "o1/0/1", "o1/0/1000", null])
    const events = reports.reduce((sum, report) => sum + Number(report.covered.events), 0)
    // The last event of a piece is read again, so that no link is left out.
    expect(events).toBe(2042)
  })

  test("an event altered at the end of a page, or one missing there, is found once, and in one piece alone", async () => {
    await db.query("set session_replication_role = replica")
    await db.query("update pgtrail.event set event_type = 'y' where organization_id = 'o0' and seq = 1000")
    await db.query("delete from pgtrail.event where organization_id = 'o1' and seq = 1001")
    await db.query("set session_replication_role = origin")
    const { reports } = await inPieces()
    const found = new Set(reports.flatMap((report) => places(report.findings)))
    expect(found).toEqual(new Set(["altered o0/0/1000", "missing o1/0/1001"]))
    expect(reports.filter((report) => report.verdict === "tampered").length).toBeGreaterThanOrEqual(2)
    expect(new Set(places((await trail.verify({ record: false })).findings))).toEqual(found)
  })
})

describe("a small log", () => {
  let log: Log
  beforeAll(async () => {
    log = await sampleLog()
  })
  afterAll(() => log.db.drop())

  test("a rate is kept, whatever the jobs", async () => {
    for (const jobs of [1, 2]) {
      const start = performance.now()
      expect(await log.trail.verify({ maxRate: 360, jobs, record: false })).toMatchObject({
        verdict: "intact",
      })
      // 180 events at 360 a second; a job may read its last page at once.
      expect(performance.now() - start).toBeGreaterThan(250)
    }
  })

  test("a place that lies past all chains, or in none, leaves nothing to verify", async () => {
    const from = { organization: "zzz", lane: "0", seq: "1" }
    expect(await log.trail.verify({ from, record: false })).toMatchObject({ verdict: "incomplete" })
  })
})
