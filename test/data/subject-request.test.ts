// The register of requests: when they are due, each step an act, who may, what is told of late ones.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
let privacy: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.append({ event_type: "a" })
  privacy = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_privacy"] })).url })
})
afterAll(() => db?.drop())

const due: readonly (readonly [string, string, string])[] = [
  ["2026-01-31T10:00:00.000000Z", "2026-02-28", "2026-04-30"],
  ["2024-01-31T00:00:00.000000Z", "2024-02-29", "2024-04-30"],
  ["2025-12-15T23:59:59.999999Z", "2026-01-15", "2026-03-15"],
  ["2025-11-30T12:00:00.000000Z", "2025-12-30", "2026-02-28"],
]
test.each(due)(
  "received %s is due by the end of %s, and of %s when it was extended",
  async (received, first, extended) => {
    const made = await privacy.addRequest({ kind: "erasure", received })
    expect(made).toMatchObject({
      kind: "erasure",
      received_at: received,
      due_at: `${first}T23:59:59.999999Z`,
      extended_at: null,
      outcome: null,
    })
    const later = await privacy.extendRequest(made.request, "many archives")
    expect(later).toMatchObject({ due_at: `${extended}T23:59:59.999999Z`, extension_reason: "many archives" })
    expect(await failureOf(privacy.extendRequest(made.request, "again"))).toMatchObject({ code: "usage" })
    await privacy.closeRequest(made.request, { outcome: "done", reason: "on paper" })
  },
)

test("the number is the year and the next, or what was given, once", async () => {
  const year = new Date().getUTCFullYear()
  const [one, two] = [
    await privacy.addRequest({ kind: "access" }),
    await privacy.addRequest({ kind: "access" }),
  ]
  expect(one.request).toMatch(new RegExp(`^${year}-\\d+$`))
  expect(Number(two.request.slice(5))).toBe(Number(one.request.slice(5)) + 1)
  await privacy.addRequest({ kind: "objection", request: "DPO.17" })
  expect(await failureOf(privacy.addRequest({ kind: "access", request: "DPO.17" }))).toMatchObject({
    code: "usage",
  })
  for (const request of ["eve@example.com", "", "a b", "-x", "x".repeat(65)]) {
    expect(await failureOf(privacy.addRequest({ kind: "access", request }))).toMatchObject({ code: "usage" })
  }
  for (const received of ["2999-01-01", "1999-01-01", "infinity"]) {
    expect(await failureOf(privacy.addRequest({ kind: "access", received }))).toMatchObject({ code: "usage" })
  }
})

test("twenty at once get twenty numbers", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => privacy.addRequest({ kind: "access" })))
  expect(new Set(made.map(({ request }) => request)).size).toBe(20)
})

test("a closed one says what it came to, takes no further step, and is left out of the list", async () => {
  const { request } = await privacy.addRequest({ kind: "portability" })
  expect(await failureOf(privacy.closeRequest(request, { outcome: "refused" }))).toMatchObject({
    code: "usage",
  })
  expect(await failureOf(privacy.closeRequest(request, { outcome: "done", receipt: "abc" }))).toMatchObject({
    code: "usage",
  })
  const receipt = "ab".repeat(32)
  const closed = await privacy.closeRequest(request, {
    outcome: "partly",
    reason: "a law keeps some",
    receipt,
    by: "DPO",
  })
  expect(closed).toMatchObject({ state: "closed", outcome: "partly", closed_by: "DPO", receipt })
  expect(await failureOf(privacy.closeRequest(request, { outcome: "done" }))).toMatchObject({ code: "usage" })
  expect(await failureOf(privacy.extendRequest(request, "more"))).toMatchObject({ code: "usage" })
  const names = async (all: boolean) => (await privacy.subjectRequests({ all })).map((one) => one.request)
  expect(await names(false)).not.toContain(request)
  expect(await names(true)).toContain(request)
  const [act] = await db.query(
    "select parameters ->> 'outcome' as outcome, parameters ->> 'late' as late from pgtrail.act where kind = 'request' and parameters ->> 'request' = $1 and parameters ->> 'step' = 'close'",
    [request],
  )
  expect(act).toEqual({ outcome: "partly", late: "false" })
})

test("what answered it is noted once, with whom to tell, and only of acts that answer requests", async () => {
  const { request } = await privacy.addRequest({ kind: "restriction" })
  const { act } = await privacy.restrictSubject([{ kind: "id", value: "eve" }], {
    reason: "r",
    requestedBy: "DPO",
    request,
  })
  expect((await privacy.subjectRequest(request)).acts).toEqual([act])
  const recipients = '[{"kind": "export", "name": "act 3"}]'
  const note = (seq: string | null) =>
    db.query("select pgtrail.note_request_act($1, $2, $3)", [request, seq, recipients])
  await note(act)
  await note(act)
  await note(null)
  expect(await privacy.subjectRequest(request)).toMatchObject({
    acts: [act],
    recipients: [{ kind: "export", name: "act 3" }],
  })
  await expect(note("1")).rejects.toMatchObject({ code: "TR009" })
  const none = { reason: "r", requestedBy: "DPO", request: "no-such" }
  expect(await failureOf(privacy.restrictSubject([{ kind: "id", value: "bob" }], none))).toMatchObject({
    code: "not-found",
  })
  const again = await privacy.addRequest({ kind: "restriction" })
  const same = { reason: "r", requestedBy: "DPO", request: again.request }
  expect((await privacy.restrictSubject([{ kind: "id", value: "eve" }], same)).act).toBeNull()
  expect((await privacy.subjectRequest(again.request)).acts).toEqual([act])
  await privacy.closeRequest(request, { outcome: "done" })
  const late = { reason: "r", requestedBy: "DPO", request }
  expect(await failureOf(privacy.unrestrictSubject({ act: act ?? "" }, late))).toMatchObject({
    code: "usage",
  })
})

test("one that was extended or closed after it was due is late for ever, one of today is in time until the day ends", async () => {
  const extended = await privacy.addRequest({ kind: "access", received: "2025-01-31" })
  const early = await privacy.addRequest({ kind: "access" })
  expect(await privacy.extendRequest(early.request, "much")).toMatchObject({
    state: "open",
    late: false,
    extended_late: false,
  })
  const [times] = await db.query(
    "select (now() at time zone 'UTC')::date - interval '1 month' as today, (now() at time zone 'UTC')::date - interval '70 days' as lately",
  )
  const today = await privacy.addRequest({ kind: "access", received: times?.today ?? "" })
  const lately = await privacy.addRequest({ kind: "access", received: times?.lately ?? "" })
  // The month of a day that its month does not have is shorter.
  expect([today.due_at.slice(11), lately.state]).toEqual(["23:59:59.999999Z", "late"])
  expect(await privacy.extendRequest(lately.request, "much")).toMatchObject({
    state: "late",
    late: true,
    extended_late: true,
  })
  expect(await privacy.closeRequest(extended.request, { outcome: "done", reason: "on paper" })).toMatchObject(
    {
      state: "closed",
      late: true,
      extended_late: false,
    },
  )
  expect(await privacy.closeRequest(early.request, { outcome: "done", reason: "on paper" })).toMatchObject({
    late: false,
  })
  const lateOnes = (await trail.status({ drift: false })).checks.find(({ name }) => name === "requests")
  expect(lateOnes?.message).toContain("1 late")
  await privacy.closeRequest(lately.request, { outcome: "done", reason: "on paper" })
})

test("who was given an own answer is no recipient of it", async () => {
  const bob = [{ kind: "id", value: "bob" }] as const
  const { request } = await privacy.addRequest({ kind: "restriction" })
  await db.query("select pgtrail.record_act('export', $1), pgtrail.record_act('export', $2)", [
    '{"kind": "subject"}',
    '{"kind": "extract"}',
  ])
  await privacy.restrictSubject(bob, { reason: "r", requestedBy: "DPO", request })
  const { recipients } = await privacy.subjectRequest(request)
  expect(recipients).toMatchObject([{ kind: "export", what: "extract" }])
})

test("status counts the late and those due within seven days", async () => {
  for (const { request } of await privacy.subjectRequests())
    await privacy.closeRequest(request, { outcome: "withdrawn" })
  const check = async () =>
    (await trail.status({ drift: false })).checks.find(({ name }) => name === "requests")
  expect(await check()).toMatchObject({
    state: "ok",
    value: "0",
    message: "none is open; 2 restrictions in force",
  })
  await privacy.addRequest({ kind: "access" })
  expect(await check()).toMatchObject({ state: "ok", value: "0" })
  const { request } = await privacy.addRequest({ kind: "access", received: "2025-01-01" })
  expect(await check()).toMatchObject({ state: "warning", value: "1" })
  expect((await check())?.message).toContain("1 late")
  expect(await privacy.subjectRequest(request)).toMatchObject({ state: "late" })
  const [soon] = await db.query("select now() - interval '1 month' + interval '3 days' as received")
  await privacy.addRequest({ kind: "access", received: soon?.received ?? "" })
  expect(await check()).toMatchObject({ state: "warning", value: "2" })
  const extended = await privacy.extendRequest(request, "much")
  expect(extended.state).toBe("late")
  const [act] = await db.query(
    "select parameters ->> 'late' as late from pgtrail.act where parameters ->> 'step' = 'extend' order by seq desc limit 1",
  )
  expect(act?.late).toBe("true")
})

test("only pgtrail_privacy enters and closes; auditor and operator read; the log verifies", async () => {
  const { request } = await privacy.addRequest({ kind: "access" })
  for (const group of ["pgtrail_operator", "pgtrail_auditor"]) {
    const other = await db.trail({ url: (await db.role({ memberOf: [group] })).url })
    expect((await other.subjectRequest(request)).request).toBe(request)
    expect(await failureOf(other.addRequest({ kind: "access" }))).toMatchObject({ code: "privilege" })
    expect(await failureOf(other.closeRequest(request, { outcome: "done" }))).toMatchObject({
      code: "privilege",
    })
  }
  for (const group of ["pgtrail_reader", "pgtrail_writer"]) {
    const other = await db.trail({ url: (await db.role({ memberOf: [group] })).url })
    expect(await failureOf(other.subjectRequests())).toMatchObject({ code: "privilege" })
  }
  expect(await failureOf(privacy.subjectRequest("2026-x"))).toMatchObject({ code: "not-found" })
  expect((await trail.verify()).verdict).toBe("intact")
})
