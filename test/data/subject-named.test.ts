// Where people wrote of a subject what is kept for ever: an e-mail address is refused there, and an erasure tells what stays.
import { expect, test } from "vitest"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import { failureOf } from "./failure.js"
import { janesWords, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const address = "see jane@example.org"
const other = [{ kind: "id", value: "u-1" }] as const
const why = { reason: address, requestedBy: "dpo@example.org" }
const place = { organization: "acme", lane: "0", seq: "1" }

test.each([
  [
    "a hold's case",
    "--case",
    () => log().trail.addHold({ case: "jane@example.org", reason: "r", actor: "u" }),
  ],
  ["a hold's reason", "--reason", () => log().trail.addHold({ case: "C", reason: address, actor: "u" })],
  ["a release", "--reason", () => log().trail.releaseHold("C", { reason: address })],
  ["a request's note", "--note", () => log().trail.addRequest({ kind: "erasure", note: address })],
  ["an extension", "--reason", () => log().trail.extendRequest("R", address)],
  ["a closing", "--reason", () => log().trail.closeRequest("R", { outcome: "refused", reason: address })],
  [
    "a rule's note",
    "--note",
    () => log().trail.addSubjectRule({ kind: "resource", resourceType: "person", note: address }),
  ],
  ["an erasure", "--reason", () => log().trail.eraseSubject(other, { ...why, confirm: "u-1" })],
  ["a restriction", "--reason", () => log().trail.restrictSubject(other, why)],
  ["a lifting", "--reason", () => log().trail.unrestrictSubject({ identifiers: other }, why)],
  [
    "a rectification",
    "--reason",
    () => log().trail.rectifyEvent(place, { ...why, set: new Map([["description", '"x"']]) }),
  ],
  ["a reapplication", "--reason", () => log().trail.reapply("register", why)],
])("an e-mail address in %s is refused, and not repeated", async (_, option, work) => {
  const { db } = log()
  const acts = await db.query("select count(*) as n from pgtrail.act")
  const error = await failureOf(work())
  expect(error).toMatchObject({ code: "usage", message: expect.stringContaining(`${option} has an e-mail`) })
  expect(`${error.message} ${error.hint}`).not.toContain("jane")
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual(acts)
})

test("an erasure tells which acts and requests name the subject in what people wrote, is not complete, and repeats no name", async () => {
  const { trail, erase, intact } = log()
  const { hold } = await trail.addHold({ case: "case of u-jane", reason: "u-janes", type: "no.such" })
  await trail.addHold({ case: "C", reason: "of U-JANE, and of u-jane", type: "no.such" })
  await trail.addRequest({ kind: "erasure", request: "R-1", note: "(u-jane)" })
  await trail.addRequest({ kind: "erasure", request: "R-2", note: "u-jane-2, u-janet" })
  const second = BigInt(hold.act) + 1n
  const named = [
    `act ${hold.act} names the subject (case), and stays as it is`,
    `act ${second} names the subject (reason), and stays as it is`,
    "request R-1 names the subject (note), and stays as it is",
  ]
  const before = await erase({ dryRun: true })
  expect(before).toMatchObject({ complete: false, would: { limits: expect.arrayContaining(named) } })
  const { complete, receipt } = await erase({ request: "R-2" })
  expect([complete, receipt?.named]).toEqual([false, named])
  const words = receipt === null ? "" : describeReceipt(receipt)
  expect(words).toContain(`stays       ${named[0]}`)
  expect(words).toContain("incomplete: the request stays open")
  for (const word of janesWords) expect(words.toLowerCase()).not.toContain(word.toLowerCase())
  await intact()
})

test("a restriction of somebody whose id differs in its case is another's, and an erasure is complete", async () => {
  const { trail, erase } = log()
  const why = { reason: "r", requestedBy: "w" }
  await trail.restrictSubject([{ kind: "id", value: "U-JANE" }], why)
  expect(await erase()).toMatchObject({ complete: true, receipt: { named: [] } })
  await trail.restrictSubject([{ kind: "email", value: "JANE.o'neil%x@example.org" }], why)
  expect(await erase()).toMatchObject({ complete: false, receipt: { named: [expect.any(String)] } })
})
