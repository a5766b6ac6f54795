// Every column of an event is under its hash: altering any one of them is found, and its place is named.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { contentFields, frameFields, identityFields, placeFields } from "../../src/data/canonical.js"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
beforeAll(async () => {
  log = await sampleLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const place = "organization_id = 'globex' and lane = 0"
const at = `${place} and seq = 7`

/** Another value for a column of each type; null where it has one. */
const others: Record<string, string> = {
  text: "'forged'",
  inet: "inet '203.0.113.9'",
  jsonb: "jsonb '{\"forged\": true}'",
  "text[]": "array['forged']",
  timestamptz: "timestamptz '2026-11-20 01:02:03.000001+00'",
  bigint: "4711",
  int: "4711",
  smallint: "2",
  uuid: "gen_random_uuid()",
  bytea: "sha256('forged')",
}

test("a clean log is intact and its counts are those of the tables", async () => {
  const report = await log.verify()
  expect(report.findings).toEqual([])
  expect(report.verdict).toBe("intact")
  expect(report.covered).toEqual({
    chains: "4",
    events: "180",
    purged: "0",
    redacted: "0",
    redacted_identity: "0",
    redacted_content: "0",
    archived: "0",
    lost: "0",
  })
})

describe.each(["identity", "content", "frame"])("verify finds each altered column of the %s", (group) => {
  const fields = { identity: identityFields, content: contentFields, frame: frameFields }[group] ?? []

  /** Each column in an event of its own, which does not touch the next: so one verification tells them all apart. */
  async function expectFound(columns: readonly (readonly [column: string, value: string])[]): Promise<void> {
    const altered = columns.map(([column, value], index) => ({ column, value, seq: String(2 * index + 3) }))
    expect(Number(altered.at(-1)?.seq)).toBeLessThan(60)
    await log.tamper(
      altered
        .map(
          ({ column, value, seq }) =>
            `update pgtrail.event set ${column} = ${value} where ${place} and seq = ${seq}`,
        )
        .join(";"),
    )
    const report = await log.verify()
    expect(report.verdict).toBe("tampered")
    const found = altered.map(({ column, seq }) => ({
      column,
      places: places(report.findings.filter((finding) => finding.seq === seq)),
    }))
    expect(found).toEqual(altered.map(({ column, seq }) => ({ column, places: [`altered globex/0/${seq}`] })))
    expect(report.findings.length).toBe(altered.length)
    for (const { event_id } of report.findings) expect(event_id).toMatch(/^[0-9a-f-]{36}$/)
  }

  test("set to another value", async () => {
    await expectFound(fields.map(([column, type]) => [column, others[type] ?? ""]))
  })

  test("set to null", async () => {
    const never = [
      "occurred_at",
      "recorded_at",
      "id",
      "event_type",
      "severity",
      "outcome",
      "retention_policy",
    ]
    await expectFound(
      fields.filter(([column]) => !never.includes(column)).map(([column]) => [column, "null"]),
    )
  })
})

test("empty text is not null: swapping the two is found", async () => {
  await log.tamper(
    `update pgtrail.event set project_id = '' where ${at}; update pgtrail.event set project_id = null where ${place} and seq = 17`,
  )
  expect(places((await log.verify()).findings)).toEqual(["altered globex/0/17", "altered globex/0/7"])
})

test("a jsonb number that changes only its scale is found", async () => {
  await log.tamper(`update pgtrail.event set before_state = '{"b": 1.1}' where ${at}`)
  expect(places((await log.verify()).findings)).toEqual(["altered globex/0/7"])
})

describe("verify finds an altered chain column", () => {
  const expected: Record<string, string[]> = {
    organization_id: ["missing globex/0/7", "truncated"],
    lane: ["missing globex/0/7"],
    seq: ["reordered globex/0/4711"],
    hash_version: ["unknown_version globex/0/7"],
    previous_hash: ["altered globex/0/7"],
    hash: ["altered globex/0/7"],
    identity_salt: ["altered globex/0/7"],
    content_salt: ["altered globex/0/7"],
    identity_digest: ["altered globex/0/7", "unauthorized_redaction globex/0/7"],
    content_digest: ["altered globex/0/7", "unauthorized_redaction globex/0/7"],
  }
  const chain = [
    ...placeFields,
    ["hash", "bytea"],
    ["identity_salt", "uuid"],
    ["content_salt", "uuid"],
    ["identity_digest", "bytea"],
    ["content_digest", "bytea"],
  ] as const
  const set = (column: string, type: string) => `${column} = ${column === "seq" ? 4711 : others[type]}`
  const isOfPlace = ([column]: readonly [string, string]) =>
    ["organization_id", "lane", "seq", "hash_version"].includes(column)

  // Of an event that is somewhere else, or not read.
  test.each(chain.filter(isOfPlace).map(([column, type]) => ({ column, type })))(
    "$column",
    async ({ column, type }) => {
      await log.tamper(`update pgtrail.event set ${set(column, type)} where ${at}`)
      const report = await log.verify()
      expect(report.verdict).toBe(column === "hash_version" ? "incomplete" : "tampered")
      const found = places(report.findings)
      for (const one of expected[column] ?? []) {
        if (one.includes("/")) expect(found).toContain(one)
      }
      expect(found.length).toBeGreaterThan(0)
      expect(found.every((one) => !one.includes("initech") && !one.includes("acme"))).toBe(true)
    },
  )

  describe("each in an event of its own, which does not touch the next:", () => {
    const apart = chain.filter((one) => !isOfPlace(one))
    const seq = (index: number) => `${7 + 6 * index}`
    let found: readonly string[]
    beforeAll(async () => {
      for (const [index, [column, type]] of apart.entries())
        await log.tamper(
          `update pgtrail.event set ${set(column, type)} where ${place} and seq = ${seq(index)}`,
        )
      const report = await log.verify()
      expect(report.verdict).toBe("tampered")
      found = places(report.findings)
      await log.restore()
    })

    test.each(apart.map(([column], index) => ({ column, index })))("$column", ({ column, index }) => {
      const of = (expected[column] ?? []).map((one) => one.replace("/7", `/${seq(index)}`))
      expect(of.length).toBeGreaterThan(0)
      for (const one of of) expect(found).toContain(one)
    })

    test("and nothing beside them", () => {
      const seqs = [...apart.keys()].map(seq)
      expect(found.filter((one) => !seqs.some((of) => one.endsWith(` globex/0/${of}`)))).toEqual([])
    })
  })
})

test("the redacted group is named when a digest was set by hand, even the right one", async () => {
  await log.tamper(
    `update pgtrail.event set actor_name = null, identity_digest = sha256(record_send(row('pgtrail identity'::text, identity_salt,
       actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id))) where ${at}`,
  )
  const report = await log.verify()
  expect(report.findings).toMatchObject([{ kind: "unauthorized_redaction", seq: "7", group: "identity" }])
  expect(report.covered.redacted).toBe("1")
})

test("a row whose place was set to null is found although no chain owns it", async () => {
  await log.db.query("alter table pgtrail.event alter previous_hash drop not null")
  await log.tamper(`update pgtrail.event set previous_hash = null where ${at}`)
  const report = await log.verify()
  expect(report.verdict).toBe("tampered")
  expect(places(report.findings)).toContain("missing globex/0/7")
  expect(places(report.findings)).toContain("altered -/-/-")
  await log.restore()
  await log.db.query("alter table pgtrail.event alter previous_hash set not null")
})
