// A finding is accepted by an act that names it as a verification recorded it, with a reason, once.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const finding = (id: string, more: object = {}) => ({
  id,
  kind: "altered",
  organization_id: "acme",
  lane: "0",
  seq: "4",
  event_id: null,
  group: "content",
  message: "event 4 was altered",
  ...more,
})

async function verified(...findings: object[]): Promise<string> {
  const rows = await db.query("select pgtrail.record_verification($1) as seq", [
    JSON.stringify({ verdict: "tampered", findings }),
  ])
  return String(rows[0]?.seq)
}
const accept = (id: string | null, reason: string | null) =>
  db.query("select pgtrail.accept_finding($1, $2) as seq", [id, reason])

test("the act has the finding as the verification recorded it, the verification, and the reason", async () => {
  const reason = "incident 12: O'Brien'; drop table pgtrail.act; -- $1 \\ \n restored"
  await verified(finding("00000000000000aa"))
  const seq = await verified(
    finding("00000000000000bb"),
    finding("00000000000000aa", { secret: "not taken over" }),
  )
  const [accepted] = await accept("00000000000000aa", reason)
  const [act] = await db.query("select kind, parameters from pgtrail.act where seq = $1", [accepted?.seq])
  expect(act?.kind).toBe("accept")
  expect(JSON.parse(act?.parameters ?? "")).toEqual({
    finding: finding("00000000000000aa"),
    verification: Number(seq),
    reason,
  })
  await expect(accept("00000000000000aa", "again")).rejects.toMatchObject({
    code: "TR011",
    message: "the finding 00000000000000aa has been accepted already",
  })
})

test.each([
  ["an id that no verification has", "ffffffffffffffff"],
  ["no id", null],
  ["an empty id", ""],
  ["a pattern", "%"],
  ["SQL", "' or true --"],
])("%s is refused", async (_, id) => {
  await verified(finding("0000000000000001"))
  await expect(accept(id, "why")).rejects.toMatchObject({ code: "TR010" })
})

test.each([
  ["none", null],
  ["an empty one", ""],
  ["blanks", " \t\r\n"],
  ["one of 2001 characters", "x".repeat(2001)],
])("a reason is needed: %s is refused", async (_, reason) => {
  await verified(finding("0000000000000002"))
  await expect(accept("0000000000000002", reason)).rejects.toMatchObject({ code: "TR009" })
})

test("an id that stands elsewhere in an act is no finding of a verification", async () => {
  const id = "0000000000000003"
  await db.query("select pgtrail.record_verification($1)", [
    JSON.stringify({ findings: id, id, other: [{ id }] }),
  ])
  await db.query("select pgtrail.record_verification($1)", [JSON.stringify({ findings: { id } })])
  await db.query("select pgtrail.record_act('verify', $1)", [JSON.stringify({ findings: [id, [{ id }]] })])
  await db.query("select pgtrail.record_act('test', $1)", [JSON.stringify({ findings: [{ id }] })])
  await db.query("select pgtrail.record_act('checkpoint', $1)", [JSON.stringify({ findings: [{ id }] })])
  await expect(accept(id, "why")).rejects.toMatchObject({ code: "TR010" })
})

test.each<[string, unknown]>([
  ["a text", "0000000000000007"],
  ["a list", [finding("0000000000000007")]],
  ["nothing", null],
  ["no id", finding("0000000000000007", { id: undefined })],
  ["a short id", finding("000000000000007")],
  ["an id that is no hexadecimal number", finding("000000000000000G")],
  ["an id that is no text", finding("0000000000000007", { id: 1234567890123456 })],
  ["an id of two lines", finding("0000000000000007\n0000000000000007")],
  ["no kind", finding("0000000000000007", { kind: undefined })],
  ["an empty kind", finding("0000000000000007", { kind: "" })],
  ["a kind that is no text", finding("0000000000000007", { kind: ["altered"] })],
  ["no message", finding("0000000000000007", { message: null })],
  ["an empty message", finding("0000000000000007", { message: "" })],
])("a verification with a finding that is %s, or has it, is not recorded", async (_, odd) => {
  const before = await db.query("select max(seq) from pgtrail.act")
  await expect(verified(finding("0000000000000008"), odd as object)).rejects.toMatchObject({ code: "TR009" })
  expect(await db.query("select max(seq) from pgtrail.act")).toEqual(before)
})

test.each([
  ["no kind", { kind: undefined }, "0000000000000009"],
  ["a kind that is none", { kind: 7 }, "000000000000000a"],
  ["no message", { message: undefined }, "000000000000000b"],
  ["an empty message", { message: "" }, "000000000000000c"],
])("a finding that an act has with %s says nothing, and is not accepted", async (_, odd, id) => {
  await db.query("select pgtrail.record_act('verify', $1)", [
    JSON.stringify({ findings: [finding(id, odd)] }),
  ])
  await expect(accept(id, "why")).rejects.toMatchObject({ code: "TR010" })
  await verified(finding(id))
  await accept(id, "why")
})

test("verifications of an older pgtrail, which recorded a number of findings, stand in nobody's way", async () => {
  await db.query(`select pgtrail.record_verification('{"findings": "3"}')`)
  await verified(finding("0000000000000004"))
  await db.query(`select pgtrail.record_verification('{"findings": 3}')`)
  await accept("0000000000000004", "why")
})

test("of two who accept the same finding at once one is told that it is done", async () => {
  await verified(finding("0000000000000005"))
  const clients = [await db.client(), await db.client(), await db.client()]
  const ends = await Promise.allSettled(
    clients.map((client) => client.query("select pgtrail.accept_finding('0000000000000005', 'why')")),
  )
  const refused = ends.filter((end) => end.status === "rejected")
  expect(refused.map((end) => end.reason.code)).toEqual(["TR011", "TR011"])
  expect(await findBreaks(db)).toEqual([])
})

test("an operator accepts, and an auditor, a writer or a reader does not", async () => {
  await verified(finding("0000000000000006"))
  for (const group of ["pgtrail_auditor", "pgtrail_writer", "pgtrail_reader", "pgtrail_privacy"]) {
    await db.asRole(group, (client) =>
      expect(client.query("select pgtrail.accept_finding('0000000000000006', 'why')")).rejects.toMatchObject({
        code: "42501",
      }),
    )
  }
  await db.asRole("pgtrail_operator", (client) =>
    client.query("select pgtrail.accept_finding('0000000000000006', 'why')"),
  )
})
