// A verification of a log with redactions: intact with them, and what was redacted is counted.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { describeReport } from "../../src/data/verify/describe.js"
import { redact } from "./redact-fixture.js"
import { append, type RedactedLog, redactedLog } from "./verify-redact-fixture.js"

let log: RedactedLog
beforeAll(async () => {
  log = await redactedLog()
})
beforeEach(() => log.restore())
afterAll(() => log.db.drop())

/** How many events, and how many of them in each group, have a digest in the place of values. */
async function counts(condition = "true"): Promise<Record<string, string | null>> {
  const [row] = await log.db.query(
    `select count(*) filter (where identity_digest is not null or content_digest is not null) as redacted,
       count(identity_digest) as redacted_identity, count(content_digest) as redacted_content
     from pgtrail.event where ${condition}`,
  )
  return row ?? {}
}

describe("a log with redactions is intact, and its redacted groups are counted", () => {
  test.each([
    ["by one reader", {}, "true"],
    ["by two", { jobs: 2 }, "true"],
    ["an organization", { organization: "globex" }, "organization_id = 'globex'"],
    [
      "a time",
      { since: "2020-01-01T05:00:00Z", until: "2020-01-01T20:00:00Z" },
      "occurred_at >= '2020-01-01T05:00:00Z' and occurred_at < '2020-01-01T20:00:00Z'",
    ],
    ["in order", { maxSeconds: 100 }, "true"],
    ["in order, page by page", { maxSeconds: 100, pageRows: 7 }, "true"],
    [
      "from a place on",
      { from: { organization: "globex", lane: "0", seq: "1" } },
      "organization_id = 'globex'",
    ],
  ])("%s", async (_name, options, condition) => {
    const report = await log.verify(options)
    expect(report.findings).toEqual([])
    expect(report.verdict).toBe("intact")
    const expected = await counts(condition)
    expect(Number(expected.redacted_identity)).toBeGreaterThan(1)
    expect(report.covered).toMatchObject(expected)
    const { redacted, redacted_identity, redacted_content } = expected
    expect(describeReport(report)).toContain(
      `redacted, recorded: ${redacted} events (identity of ${redacted_identity}, content of ${redacted_content})`,
    )
  })

  test("since the last verification, also events that were redacted after they came", async () => {
    await log.trail.verify({ jobs: 1 })
    await append(log.db, 10, "acme")
    await redact(log.db, [["id", "u3"]])
    const report = await log.verify({ incremental: true })
    expect(report.findings).toEqual([])
    expect(report.covered).toMatchObject({ events: "10", redacted: "2", redacted_identity: "2" })
    await log.tamper("update pgtrail.event set actor_name = 'x' where organization_id = 'acme' and seq = 43")
    expect(await log.found({ incremental: true })).toEqual(["altered acme/0/43 identity"])
  })

  test("that a value was pseudonymized first and erased after makes two entries of one group", async () => {
    const rows = await log.db.query(
      "select max(number) as most, count(*) filter (where number = 2) as again from pgtrail.redaction_entry",
    )
    expect(rows[0]?.most).toBe("2")
    expect(Number(rows[0]?.again)).toBeGreaterThan(3)
  })
})
