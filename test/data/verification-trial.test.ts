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
    await log.db.query(
      "insert into pgtrail.event (organization_id, event_type) select 'plain', 'a' from generate_series(1, 80)",
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
    // Each column in an event of its own, which does not touch the next.
    const seq = (index: number) => String(2 * index + 2)
    const act = await log.record(
      columns.map((_, index) => ({
        organization_id: "plain",
        lane: "0",
        seq: seq(index),
        message: `event ${seq(index)} was altered`,
        id: index.toString(16).padStart(16, "a"),
      })),
    )
    const set = (values: readonly string[]) =>
      log.tamper(
        columns
          .map(
            ([column], index) =>
              `update pgtrail.event set ${column} = ${values[index]} where organization_id = 'plain' and seq = ${seq(index)}`,
          )
          .join(";"),
      )
    await set(columns.map(([, value]) => value))
    const { findings } = await log.trail.verification({ act })
    expect(findings).toHaveLength(columns.length)
    for (const [index, [column, , group]] of columns.entries()) {
      const explanation = findings.find((finding) => finding.seq === seq(index))?.explanation
      expect(explanation, column).toMatchObject({ still: true, found_by: "trial", groups: [group] })
      expect(explanation?.differences, column).toMatchObject([{ column, group, original: null }])
    }
    await set(columns.map(() => "null"))
    for (const { explanation } of (await log.trail.verification({ act })).findings)
      expect(explanation).toMatchObject({ still: false, found_by: null, differences: [] })
  })

  /** Each in an event of its own, which does not touch the next. */
  const changes = async (list: readonly (readonly [column: string, value: string])[]) => {
    const { findings } = await log.after(
      list
        .map(
          ([column, value], index) =>
            `update pgtrail.event set ${column} = ${value} where ${at(2 * index + 10)}`,
        )
        .join(";"),
    )
    expect(findings).toHaveLength(list.length)
    return list
      .map((_, index) => findings.find(({ seq }) => seq === String(2 * index + 10)))
      .map((one) => one && named(one))
  }

  test("one of a closed list", async () => {
    expect(
      await changes([
        ["severity", "'critical'"],
        ["outcome", "'failure'"],
        ["data_classification", "'PUBLIC'"],
        ["retention_policy", "'short'"],
        ["request_method", "'POST'"],
      ]),
    ).toEqual([
      [["severity", "frame", "info", "critical"]],
      [["outcome", "frame", "success", "failure"]],
      [["data_classification", "frame", "INTERNAL", "PUBLIC"]],
      [["retention_policy", "frame", "standard", "short"]],
      [["request_method", "frame", "GET", "POST"]],
    ])
  })

  test("what the events beside it have", async () => {
    expect(
      await changes([
        ["user_agent", "null"],
        ["details", "'{}'"],
      ]),
    ).toEqual([
      [["user_agent", "identity", "curl", null]],
      [["details", "content", '{"n": 9007199254740993}', "{}"]],
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
  const { findings } = await log.after(
    `update pgtrail.event set actor_email = 'mallory@example.org' where ${at(10)};
     update pgtrail.event set identity_salt = gen_random_uuid() where ${at(20)};
     update pgtrail.event set occurred_at = occurred_at + interval '1 microsecond' where ${at(30)}`,
  )
  expect(findings.map(({ seq }) => seq)).toEqual(["10", "20", "30"])
  for (const { seq, explanation } of findings) {
    expect(explanation, String(seq)).toMatchObject({
      still: true,
      found_by: null,
      differences: [],
      groups: [],
    })
    expect(explanation.says, String(seq)).toEqual([
      "its hash does not fit it",
      "the log alone cannot tell what it was: try --against with a backup or another database",
    ])
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
