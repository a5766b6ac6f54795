// Partitions are made, detached, rewritten and dropped while the log is verified, as retention does it: it waits for no verification, and
// none calls a log intact that has lost events, or one altered that has not.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail, VerifyOptions } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runBlocking } from "./blocking.js"
import { places } from "./verify-fixture.js"

let db: TestDatabase
let trail: Trail
const months = ["2019_01", "2019_02", "2019_03", "2019_04", "2019_05", "2019_06"]
const first = (month: string) => `${month.replace("_", "-")}-01`

/** One lane of acme; 20 events in each month, one month after the other, and 100 in the present one, which is read first. */
async function makeLog(): Promise<void> {
  db = await testDatabase()
  trail = await db.trail()
  for (const month of months) {
    await db.query(
      "select pgtrail.create_partition($1, $2::timestamptz, $2::timestamptz + interval '1 month')",
      [`event_${month}`, first(month)],
    )
    await append(20, first(month))
  }
  await append(100, "now")
}

const append = (count: number, time: string) =>
  db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, description)
     select 'acme', $2::timestamptz, 'a', repeat('x', 300) from generate_series(1, $1::int)`,
    [count, time],
  )

/**
 * Runs each statement with some patience: a lock that somebody else holds for longer than this is a failure. What waits for this thread waits
 * for ever; another worker is done with its piece.
 */
const impatient = (sql: string) => `set lock_timeout = '3s';; ${sql}`
const lifeOfPartition = impatient(
  `select pgtrail.create_partition('event_2018_01', '2018-01-01', '2018-02-01');;
   alter table pgtrail.event detach partition pgtrail.event_2018_01;;
   alter table pgtrail.event attach partition pgtrail.event_2018_01 for values from ('2018-01-01') to ('2018-02-01');;
   drop table pgtrail.event_2018_01`,
)

/** Statements that run between two pieces of a verification, one list entry after each piece. */
function between(...statements: string[]): { progress(): void; readonly left: number } {
  return {
    progress() {
      const sql = statements.shift()
      if (sql !== undefined) runBlocking(db.url, sql)
    },
    get left() {
      return statements.length
    },
  }
}

/** An AbortSignal that runs a statement when it is asked for the nth time: in the middle of what the verification reads. */
function midway(nth: number, sql: string): { signal: AbortSignal; readonly ran: boolean } {
  let asked = 0
  const throwIfAborted = () => {
    asked += 1
    if (asked === nth) runBlocking(db.url, sql)
  }
  return {
    signal: Object.assign(new AbortController().signal, { throwIfAborted }),
    get ran() {
      return asked >= nth
    },
  }
}

describe("the DDL does not wait for the verification", () => {
  beforeAll(makeLog)
  afterAll(() => db.drop())

  test.each([
    ["1 job", { jobs: 1 }],
    ["2 jobs", { jobs: 2 }],
    ["chain by chain", { maxSeconds: 60 }],
  ] satisfies [string, VerifyOptions][])("between two pieces, with %s", async (_, options) => {
    const ddl = between(lifeOfPartition)
    expect(await trail.verify({ ...options, progress: ddl.progress })).toMatchObject({ verdict: "intact" })
    expect(ddl.left).toBe(0)
  })

  test.each([
    ["the whole log", 3, {}],
    ["one organization", 3, { organization: "acme" }],
    ["a time range", 1, { since: "2019-02-01", until: "2019-05-01" }],
  ] satisfies [string, number, VerifyOptions][])(
    "in the middle of a partition of %s",
    async (_, nth, options) => {
      const ddl = midway(nth, lifeOfPartition)
      expect(await trail.verify({ ...options, jobs: 1, signal: ddl.signal })).toMatchObject({
        verdict: "intact",
      })
      expect(ddl.ran).toBe(true)
    },
  )
})

describe("events that are gone without a record are found", () => {
  beforeEach(makeLog)
  afterEach(() => db.drop())

  const gone = months.slice(1, 3).map((month) => `drop table pgtrail.event_${month}`)

  test("a partition that is dropped before it was read", async () => {
    const ddl = between(impatient(gone[0] ?? ""))
    const report = await trail.verify({ jobs: 1, progress: ddl.progress })
    expect(report.verdict).toBe("tampered")
    expect(places(report.findings)).toEqual(["missing acme/0/21"])
  })

  test("partitions that are dropped one after another, more than there are attempts", async () => {
    const ddl = between(...months.map((month) => `drop table pgtrail.event_${month}`))
    const report = await trail.verify({ jobs: 1, progress: ddl.progress })
    expect(report.verdict).toBe("tampered")
    expect(ddl.left).toBe(0)
    expect((await trail.verify({ jobs: 1 })).verdict).toBe("tampered")
  })

  test("a partition that is dropped while two workers read", async () => {
    const ddl = between(gone.join(";;"))
    expect((await trail.verify({ jobs: 2, progress: ddl.progress })).verdict).toBe("tampered")
  })

  test("a partition that is detached: the next verification knows, and again intact when it is attached", async () => {
    const month = "pgtrail.event_2019_02"
    const ddl = between(`alter table pgtrail.event detach partition ${month}`)
    // On its snapshot the events were there; whichever way it is told, nothing else may be found.
    const during = await trail.verify({ jobs: 1, progress: ddl.progress })
    expect(["", "missing acme/0/21"]).toContain(places(during.findings).join())
    expect(places((await trail.verify({ jobs: 1 })).findings)).toContain("missing acme/0/21")
    await db.query(
      `alter table pgtrail.event attach partition ${month} for values from ('2019-02-01') to ('2019-03-01')`,
    )
    expect((await trail.verify({ jobs: 1 })).findings).toEqual([])
  })
})

describe("nothing is found where nothing is gone", () => {
  beforeAll(makeLog)
  afterAll(() => db.drop())

  test("an empty partition that is dropped before it was read", async () => {
    await db.query("select pgtrail.create_partition('event_2018_01', '2018-01-01', '2018-02-01')")
    const ddl = between(impatient("drop table pgtrail.event_2018_01"))
    const report = await trail.verify({ jobs: 1, progress: ddl.progress })
    expect(report).toMatchObject({ verdict: "intact", covered: { events: "220" }, findings: [] })
    expect(report.act).not.toBeNull()
  })

  test("a partition that is rewritten under its own name before it was read", async () => {
    const old = "pgtrail.event_2019_02"
    const guard = `create trigger pgtrail_guard before update or delete or truncate on ${old}
       for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact')`
    // All that makes a partition: pgtrail.create_partition has the same.
    const rewrite = impatient(
      `create table pgtrail.rewritten (like pgtrail.event including defaults including constraints including comments);;
       insert into pgtrail.rewritten select * from ${old};;
       alter table pgtrail.event detach partition ${old};;
       drop table ${old};;
       alter table pgtrail.rewritten rename to event_2019_02;;
       alter table pgtrail.event attach partition ${old} for values from ('2019-02-01') to ('2019-03-01');;
       alter table ${old} owner to pgtrail_owner;;
       revoke usage on type ${old} from public;;
       comment on table ${old} is 'Partition of pgtrail.event';;
       ${guard};;
       grant select on ${old} to pgtrail_reader, pgtrail_auditor`,
    )
    const ddl = between(rewrite)
    const report = await trail.verify({ jobs: 1, progress: ddl.progress })
    expect(report.findings).toEqual([])
    expect(report.verdict).toBe("intact")
    expect(await trail.verify({ jobs: 1 })).toMatchObject({ findings: [], covered: { events: "220" } })
  })

  test("a partition that is attached with events while the log is verified", async () => {
    const month = "pgtrail.event_2019_02"
    await db.query(`alter table pgtrail.event detach partition ${month}`)
    const ddl = between(
      `alter table pgtrail.event attach partition ${month} for values from ('2019-02-01') to ('2019-03-01')`,
    )
    const during = await trail.verify({ jobs: 1, progress: ddl.progress })
    // That a table lies beside the log is a finding of its own.
    const found = places(during.findings).filter((place) => !place.startsWith("catalog_changed"))
    expect(["", "missing acme/0/21"]).toContain(found.join())
    expect((await trail.verify({ jobs: 1 })).verdict).toBe("intact")
  })
})
