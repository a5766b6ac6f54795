// CloudTrail: its files in every form, and 2,122 real records of which nothing is lost.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"

let database: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-cloudtrail-"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

type Json = { [key: string]: unknown }

let files = 0
async function imported(content: string, organization?: string) {
  files += 1
  const path = join(folder, `${files}.json`)
  await writeFile(path, content)
  return trail.importFile(path, { format: "cloudtrail", organization })
}

function parsed(text: string | null | undefined): Json {
  const value: unknown = JSON.parse(text ?? "{}")
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

/** Puts the record together again from the columns; what `details` has stands as it was. */
const columns = `external_id, organization_id, project_id, event_type, category, action, host(ip_address) as ip_address, user_agent,
  namespace, error_message, request_id, correlation_id, event_version, outcome, severity, actor_id, actor_name, actor_type,
  request_params::text as request_params, after_state::text as after_state, details::text as details,
  to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occurred_at`

function reconstruct(row: Readonly<Record<string, string | null>>): Json {
  const details = parsed(row.details)
  const from: Json = {
    eventID: row.external_id,
    recipientAccountId: row.organization_id,
    awsRegion: row.project_id,
    eventTime: row.occurred_at,
    eventSource: row.namespace,
    eventName: row.event_type?.slice((row.namespace ?? "").replace(/\.amazonaws\.com$/, "").length + 1),
    eventCategory: row.category,
    readOnly: row.action === null ? null : row.action === "read",
    sourceIPAddress: row.ip_address,
    userAgent: row.user_agent,
    errorMessage: row.error_message,
    requestID: row.request_id,
    sharedEventID: row.correlation_id,
    eventVersion: row.event_version,
    requestParameters: row.request_params == null ? null : JSON.parse(row.request_params),
    responseElements: row.after_state == null ? null : JSON.parse(row.after_state),
  }
  const columnsWithValue = Object.entries(from).filter(([key, value]) => value !== null && !(key in details))
  return { ...Object.fromEntries(columnsWithValue), ...details }
}

const real = join(import.meta.dirname, "../../../shared/data/cloudtrail")
const isThere = existsSync(real)

describe.skipIf(!isThere)(
  `2,122 real records${isThere ? "" : ` (skipped: there is no folder ${"../shared/data/cloudtrail"})`}`,
  () => {
    const paths = isThere
      ? readdirSync(real)
          .filter((name) => name.endsWith(".json"))
          .map((name) => join(real, name))
      : []
    const originals = new Map<string, Json>()
    let rows: Awaited<ReturnType<TestDatabase["query"]>> = []

    beforeAll(async () => {
      for (const path of paths) {
        const records = parsed(readFileSync(path, "utf8")).Records
        for (const record of Array.isArray(records) ? records : [])
          originals.set(`${record.eventID} ${record.recipientAccountId}`, record)
      }
    })

    test("come in, once", async () => {
      let [added, again] = [0, 0]
      for (const path of paths) added += (await trail.importFile(path, { format: "cloudtrail" })).added
      for (const path of paths) again += (await trail.importFile(path, { format: "cloudtrail" })).added
      expect([added, again]).toEqual([2122, 0])
      rows = await database.query(`select ${columns} from pgtrail.event where source = 'cloudtrail'`)
      expect(rows).toHaveLength(2122)
    })

    test("every key of every record is found again, with its value", () => {
      for (const row of rows) {
        const original = originals.get(`${row.external_id} ${row.organization_id}`)
        expect(reconstruct(row)).toEqual(original)
      }
    })

    test("outcomes, actors and addresses are what they were", () => {
      const tally: Record<string, number> = {}
      for (const { outcome } of rows) tally[String(outcome)] = (tally[String(outcome)] ?? 0) + 1
      expect(tally).toEqual({ success: 1904, failure: 102, error: 75, denied: 41 })
      const codes = (outcome: string) =>
        new Set(rows.filter((row) => row.outcome === outcome).map((row) => parsed(row.details).errorCode))
      expect([...codes("error")]).toEqual(["ThrottlingException"])
      expect(
        [...codes("denied")].every((code) => /AccessDenied|UnauthorizedOperation/.test(String(code))),
      ).toBe(true)
      const services = rows.filter((row) => row.actor_type === "AWSService")
      expect(services.length).toBeGreaterThan(0)
      for (const row of services) {
        expect(row.actor_id).toMatch(/\.amazonaws\.com$/)
        expect(row.ip_address).toBeNull()
        expect(parsed(row.details).sourceIPAddress).toMatch(/\.amazonaws\.com$/)
      }
    })

    test("and the log is intact", async () => {
      expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
    })
  },
)

describe("a file", () => {
  const record = (id: string, more: Json = {}) =>
    JSON.stringify({
      eventID: id,
      eventTime: "2026-07-01T10:00:00Z",
      eventSource: "s3.amazonaws.com",
      eventName: "GetObject",
      recipientAccountId: "111122223333",
      ...more,
    })

  test.each([
    ["an envelope", (a: string, b: string) => `{"Records":[${a},${b}]}`],
    [
      "an envelope over many lines with other keys",
      (a: string, b: string) =>
        `{\n "version": "Records",\n "x": [1, ["Records"]],\n "Records" : [\n${a} ,\n\n${b}\n],\n "more": [${a}]\n}\n`,
    ],
    ["several envelopes", (a: string, b: string) => `{"Records":[${a}]}\n{"Records":[${b}]}`],
    ["an array", (a: string, b: string) => `[${a},\r\n${b}]`],
    ["NDJSON", (a: string, b: string) => `${a}\n${b}\n`],
  ])("may be %s", async (name, form) => {
    const [a, b] = [
      record(`${name} {"a`, { requestParameters: { text: 'br } ace \\" ] [' } }),
      record(`${name} b`),
    ]
    expect(await imported(form(a, b))).toMatchObject({ records: 2, added: 2 })
  })

  test("keeps numbers, nulls, odd types and what has no column", async () => {
    const odd =
      '{"eventID":"odd","eventTime":"2026-07-01T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"Run","readOnly":"true",' +
      '"requestParameters":null,"responseElements":{"n":1.10,"big":9007199254740993},"requestID":7,"userAgent":null,"eventCategory":null,' +
      '"sourceIPAddress":"2001:DB8::1","additionalEventData":{"x":[1,null]},"recipientAccountId":444455556666}'
    await imported(odd)
    const [row] = await database.query(
      "select *, details::text as details, after_state::text as state from pgtrail.event where external_id = 'odd'",
    )
    expect(row).toMatchObject({
      organization_id: "444455556666",
      action: null,
      ip_address: null,
      state: '{"n": 1.10, "big": 9007199254740993}',
    })
    expect(parsed(row?.details)).toEqual({
      readOnly: "true",
      requestParameters: null,
      requestID: 7,
      userAgent: null,
      eventCategory: null,
      sourceIPAddress: "2001:DB8::1",
      additionalEventData: { x: [1, null] },
      recipientAccountId: 444455556666,
    })
  })

  test("given an organization keeps the account in details", async () => {
    await imported(record("moved", { sourceIPAddress: "2001:db8::1" }), "acme")
    const [row] = await database.query(
      "select organization_id, host(ip_address) as ip, details ->> 'recipientAccountId' as account from pgtrail.event where external_id = 'moved'",
    )
    expect(row).toEqual({ organization_id: "acme", ip: "2001:db8::1", account: "111122223333" })
  })

  test("takes the account of the identity where the recipient is missing, and fractions of a second stay", async () => {
    await imported(
      record("lone", {
        recipientAccountId: undefined,
        userIdentity: { type: "AWSAccount", accountId: "777788889999" },
        eventTime: "2026-07-01T10:00:00.1234567Z",
      }),
    )
    const [row] = await database.query(
      "select organization_id, actor_type, details ->> 'eventTime' as time, occurred_at::text as at from pgtrail.event where external_id = 'lone'",
    )
    expect(row).toMatchObject({
      organization_id: "777788889999",
      actor_type: "AWSAccount",
      time: "2026-07-01T10:00:00.1234567Z",
    })
  })

  test("takes an Insights record, which has neither source nor name", async () => {
    await imported(
      '{"eventID":"insight","eventType":"AwsCloudTrailInsight","eventTime":"2026-07-01T10:00:00Z","insightDetails":{"state":"Start"}}',
    )
    const [row] = await database.query(
      "select event_type, organization_id from pgtrail.event where external_id = 'insight'",
    )
    expect(row).toEqual({ event_type: "AwsCloudTrailInsight", organization_id: "default" })
  })

  test("names the lines of bad records: no time, no type, no object, an unfinished file", async () => {
    const path = join(folder, "bad.json")
    await writeFile(
      path,
      `{"Records":[\n${record("fine")},\n${record("timeless", { eventTime: undefined })},\n{"eventTime":"2026-07-01T10:00:00Z"},\n7,\n"x",[1],\n${record("cut").slice(0, 50)}`,
    )
    const rejected: string[] = []
    const result = await trail.importFile(path, {
      format: "cloudtrail",
      maxErrors: 9,
      onRejected: ({ line, reason }) => rejected.push(`${line}: ${reason}`),
    })
    expect(result).toMatchObject({ records: 7, added: 1, rejected: 6 })
    expect(rejected).toEqual([
      "3: occurred_at and retention_policy must not be null",
      "4: event_type is missing",
      "5: it is not a JSON object",
      "6: it is not a JSON object",
      "6: it is not a JSON object",
      "7: the file ends before its JSON does",
    ])
  })
})
