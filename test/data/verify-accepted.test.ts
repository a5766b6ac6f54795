// Findings that an act has accepted: in every report, counted apart, and no longer in the way of green.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"

let log: AnchoredLog
beforeAll(async () => {
  log = await anchoredLog()
})
afterAll(() => log.drop())

const verify = (options = {}) => log.trail.verify({ jobs: 1, ...options })
const accept = (id: string | undefined) =>
  log.db.query("select pgtrail.accept_finding($1, 'incident 7')", [id ?? ""])

describe("an altered event", () => {
  let id: string | undefined
  beforeAll(async () => {
    await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
    const first = await verify()
    expect(first).toMatchObject({ verdict: "tampered", findings: [{ kind: "altered", seq: "3" }] })
    id = first.findings[0]?.id
  })

  test("has the same id in every run, also with other jobs and in a time range", async () => {
    expect(id).toMatch(/^[0-9a-f]{16}$/)
    for (const options of [
      { jobs: 2 },
      { organization: "globex" },
      { since: "2000-01-01" },
      { maxSeconds: 100 },
    ]) {
      expect((await verify({ ...options, record: false })).findings.map((finding) => finding.id)).toEqual([
        id,
      ])
    }
  })

  test("that is accepted stays in the report with act and reason, and the log is intact again", async () => {
    await accept(id)
    const report = await verify()
    expect(report).toMatchObject({
      verdict: "intact",
      findings: [],
      findings_total: "0",
      accepted_total: "1",
    })
    expect(report.accepted).toMatchObject([
      {
        id,
        kind: "altered",
        seq: "3",
        accepted: { reason: "incident 7", act: expect.stringMatching(/^\d+$/) },
      },
    ])
    expect((await verify({ incremental: true })).verdict).toBe("intact")
  })

  test("counts with --strict", async () => {
    const report = await verify({ strict: true, record: false })
    expect(report).toMatchObject({ verdict: "tampered", findings: [{ id }], accepted: [] })
  })

  test("that is altered again is a new finding", async () => {
    await log.tamper("update pgtrail.event set actor_id = 'y' where organization_id = 'globex' and seq = 3")
    const report = await verify()
    expect(report).toMatchObject({
      verdict: "tampered",
      findings: [{ kind: "altered", seq: "3" }],
      accepted: [],
    })
    expect(report.findings[0]?.id).not.toBe(id)
    await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
    expect((await verify()).verdict).toBe("intact")
  })

  test("of which another column is altered is a new finding as well", async () => {
    await log.tamper("update pgtrail.event set details = '{}' where organization_id = 'globex' and seq = 3")
    expect((await verify({ record: false })).verdict).toBe("tampered")
    await log.tamper(
      `update pgtrail.event set details = '{"n": 9007199254740993}' where organization_id = 'globex' and seq = 3`,
    )
    expect((await verify({ record: false })).verdict).toBe("intact")
  })
})

test("a gap that was accepted stays accepted when the lane goes on behind it", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'initech' and seq >= 58")
  const [cut] = (await verify()).findings
  expect(cut).toMatchObject({ kind: "truncated", seq: "58" })
  await accept(cut?.id)
  expect((await verify()).verdict).toBe("intact")
  await log.append("initech", 4)
  const report = await verify()
  expect(report.verdict).toBe("intact")
  expect(report.accepted.map(({ kind, seq }) => [kind, seq])).toContainEqual(["missing", "58"])
  await log.tamper("delete from pgtrail.event where organization_id = 'initech' and seq = 57")
  expect((await verify({ record: false })).verdict).toBe("tampered")
})

test("a change of the catalog can be accepted, and another one beside it is found", async () => {
  await log.db.query("grant select on pgtrail.event to public")
  const [grant] = (await verify({ organization: "acme" })).findings
  expect(grant).toMatchObject({ kind: "catalog_changed" })
  await accept(grant?.id)
  expect((await verify({ organization: "acme" })).findings.map(({ kind }) => kind)).not.toContain(
    "catalog_changed",
  )
  await log.db.query("grant update on pgtrail.event to public")
  expect((await verify({ organization: "acme", record: false })).verdict).toBe("tampered")
})
