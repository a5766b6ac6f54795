// What an altered event was, found in the log alone: each guess is hashed, so that what is named is certain.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { ShownFinding } from "../../src/data/index.js"
import { type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
beforeAll(async () => {
  log = await incidentLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const at = (seq: number) => `organization_id = 'globex' and lane = 0 and seq = ${seq}`
const change = (column: string, value: string, seq = 30) =>
  log.only(`update pgtrail.event set ${column} = ${value} where ${at(seq)}`)
const named = ({ explanation }: ShownFinding) =>
  explanation.differences.map(({ column, group, original, present }) => [column, group, original, present])

/** Columns that most often have nothing, or what their neighbours have: the log alone gives them back. */
describe("a column that was changed is named with its original, when that was", () => {
  test("null", async () => {
    await log.tamper(`drop table if exists public.plain`)
    await log.db.query(
      "insert into pgtrail.event (organization_id, event_type) select 'plain', 'a' from generate_series(1, 3)",
    )
    const columns: readonly (readonly [string, string, string])[] = [
      ["external_id", "'x'", "frame"],
      ["external_number", "1", "frame"],
      ["source", "'x'", "frame"],
      ["project_id", "'x'", "frame"],
      ["category", "'x'", "frame"],
      ["action", "'x'", "frame"],
      ["status_code", "500", "frame"],
      ["actor_type", "'x'", "frame"],
      ["actor_role", "'x'", "frame"],
      ["resource_type", "'x'", "frame"],
      ["request_method", "'x'", "frame"],
      ["data_classification", "'PHI'", "frame"],
      ["data_size_bytes", "1", "frame"],
      ["compliance_tags", "array['x']", "frame"],
      ["event_version", "'x'", "frame"],
      ["processing_latency_ms", "1", "frame"],
      ["actor_id", "'x'", "identity"],
      ["actor_name", "'x'", "identity"],
      ["actor_email", "'x'", "identity"],
      ["ip_address", "'10.0.0.1'", "identity"],
      ["user_agent", "'x'", "identity"],
      ["session_id", "'x'", "identity"],
      ["device_id", "'x'", "identity"],
      ["resource_id", "'x'", "content"],
      ["resource_name", "'x'", "content"],
      ["namespace", "'x'", "content"],
      ["description", "'x'", "content"],
      ["error_message", "'x'", "content"],
      ["request_path", "'x'", "content"],
      ["request_id", "'x'", "content"],
      ["correlation_id", "'x'", "content"],
      ["request_params", `'{"n": 1.10}'`, "content"],
      ["before_state", `'{"n": 1.10}'`, "content"],
      ["after_state", `'{"n": 1.10}'`, "content"],
      ["details", `'{"n": 1.10}'`, "content"],
      ["tags", "array['x']", "content"],
      ["signature", "'x'", "content"],
    ]
    const place = "organization_id = 'plain' and seq = 2"
    const event = { organization_id: "plain", lane: "0", seq: "2", message: "event 2 was altered" }
    const act = await log.record([{ ...event, id: "00000000000000aa" }])
    for (const [column, value, group] of columns) {
      await log.tamper(`update pgtrail.event set ${column} = ${value} where ${place}`)
      const { findings } = await log.trail.verification({ act })
      const [finding] = findings
      expect(finding?.explanation, column).toMatchObject({ still: true, found_by: "trial", groups: [group] })
      expect(finding?.explanation.differences, column).toMatchObject([{ column, group, original: null }])
      await log.tamper(`update pgtrail.event set ${column} = null where ${place}`)
    }
    const { findings } = await log.trail.verification({ act })
    expect(findings[0]?.explanation).toMatchObject({ still: false, found_by: null, differences: [] })
  })

  test("one of a closed list", async () => {
    expect(named(await change("severity", "'critical'"))).toEqual([["severity", "frame", "info", "critical"]])
    await log.restore()
    expect(named(await change("outcome", "'failure'"))).toEqual([["outcome", "frame", "success", "failure"]])
    await log.restore()
    expect(named(await change("data_classification", "'PUBLIC'"))).toEqual([
      ["data_classification", "frame", "INTERNAL", "PUBLIC"],
    ])
    await log.restore()
    expect(named(await change("retention_policy", "'short'"))).toEqual([
      ["retention_policy", "frame", "standard", "short"],
    ])
    await log.restore()
    expect(named(await change("request_method", "'POST'"))).toEqual([
      ["request_method", "frame", "GET", "POST"],
    ])
  })

  test("what the events beside it have", async () => {
    expect(named(await change("user_agent", "null"))).toEqual([["user_agent", "identity", "curl", null]])
    await log.restore()
    expect(named(await change("details", "'{}'"))).toEqual([
      ["details", "content", '{"n": 9007199254740993}', "{}"],
    ])
  })

  test("what it was chained to", async () => {
    const [before] = await log.db.query(`select hash from pgtrail.event where ${at(29)}`)
    expect(named(await change("previous_hash", "sha256('x')"))).toMatchObject([
      ["previous_hash", "chain", before?.hash, expect.stringMatching(/^\\x[0-9a-f]{64}$/)],
    ])
  })

  test("the hash alone: then the event itself is as it was", async () => {
    const finding = await change("hash", "sha256('x')")
    expect(named(finding)).toMatchObject([
      ["hash", "chain", expect.stringMatching(/^\\x/), expect.any(String)],
    ])
    expect(finding.explanation.says).toContain(
      "only the column hash was changed: the event itself is as event 31 vouches for it",
    )
    await log.restore()
    const newest = await change("hash", "sha256('x')", 60)
    expect(newest.explanation.says.at(-1)).toBe(
      "only the column hash was changed: the event itself is as the head of its chain vouches for it",
    )
  })

  test("a digest that was set over values that are still there", async () => {
    await log.tamper(`update pgtrail.event set identity_digest = sha256('x') where ${at(30)}`)
    const { findings } = await log.after("select 1")
    const explained = findings.map(({ kind, explanation }) => [
      kind,
      explanation.differences.map((d) => d.column),
    ])
    expect(explained).toContainEqual(["altered", ["identity_digest"]])
  })

  test("its place, when it was moved to another's", async () => {
    const shown = await log.after(
      `update pgtrail.event set seq = -30 where ${at(30)}; update pgtrail.event set seq = 30 where ${at(31)};
       update pgtrail.event set seq = 31 where organization_id = 'globex' and seq = -30`,
    )
    expect(shown.findings.map((f) => [f.kind, f.seq, named(f)])).toEqual([
      ["reordered", "30", [["seq", "chain", "31", "30"]]],
      ["reordered", "31", [["seq", "chain", "30", "31"]]],
    ])
  })

  test("its organization", async () => {
    const shown = await log.after(
      `update pgtrail.event set organization_id = 'initech', seq = 61 where ${at(30)}`,
    )
    const moved = shown.findings.find((finding) => finding.seq === "61")
    expect(moved?.organization_id).toBe("initech")
    expect(moved?.explanation.says.join()).toContain("the head of its chain is at 60")
  })
})

test("event and hash that were both replaced are told by the event after it, and both are named", async () => {
  await log.tamper(`update pgtrail.event set severity = 'critical' where ${at(30)}`)
  const { recompute } = await import("../../src/data/canonical.js")
  const [row] = await log.db.query(`select * from pgtrail.event where ${at(30)}`)
  const finding = await log.only(
    `update pgtrail.event set hash = '\\x${recompute(row ?? {}).hash}' where ${at(30)}`,
  )
  expect(finding.explanation.says[0]).toBe(
    "its own hash fits it, but event 31 knows another: event and hash were both replaced",
  )
  expect(named(finding).map(([column, , original]) => [column, column === "hash" ? "" : original])).toEqual([
    ["severity", "info"],
    ["hash", ""],
  ])
})

test("a change that no trial finds is said to be one that the log alone cannot tell", async () => {
  for (const [column, value] of [
    ["actor_email", "'mallory@example.org'"],
    ["identity_salt", "gen_random_uuid()"],
    ["occurred_at", "occurred_at + interval '1 microsecond'"],
  ] as const) {
    const finding = await change(column, value)
    expect(finding.explanation, column).toMatchObject({
      still: true,
      found_by: null,
      differences: [],
      groups: [],
    })
    expect(finding.explanation.says, column).toEqual([
      "its hash does not fit it",
      "the log alone cannot tell what it was: try --against with a backup or another database",
    ])
    await log.restore()
  }
})

test("two columns that were changed at once are not guessed", async () => {
  const finding = await log.only(
    `update pgtrail.event set severity = 'critical', outcome = 'failure' where ${at(30)}`,
  )
  expect(finding.explanation.found_by).toBeNull()
})

test("values over which a digest was laid are not guessed from the hash, which says nothing about them", async () => {
  const { recompute } = await import("../../src/data/canonical.js")
  const [row] = await log.db.query(`select * from pgtrail.event where ${at(30)}`)
  const shown = await log.after(
    `update pgtrail.event set identity_digest = '\\x${recompute(row ?? {}).identity}', actor_id = 'mallory' where ${at(30)}`,
  )
  const [finding] = shown.findings
  expect(finding).toMatchObject({ kind: "unauthorized_redaction", group: "identity" })
  expect(finding?.explanation).toMatchObject({ still: true, found_by: null, differences: [] })
})
