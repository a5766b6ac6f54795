// A request is closed as done when an act of pgtrail answered it, or when somebody says how else it was; and the register tells which.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type RequestKind, requestKinds } from "../../src/data/subject/request.js"
import { describeRequest } from "../../src/data/subject/request-words.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
let privacy: Trail
let folder: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.append({ event_type: "a" })
  privacy = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_privacy"] })).url })
  folder = await mkdtemp(join(tmpdir(), "pgtrail-request-"))
})
afterAll(async () => {
  await db?.drop()
  await rm(folder, { recursive: true, force: true })
})

const asked = { reason: "r", requestedBy: "DPO" }
const mia = [{ kind: "id", value: "mia" }] as const
const erase = (request: string) => privacy.eraseSubject(mia, { ...asked, request, confirm: "mia" })
let people = 0
const someone = (): string => {
  people += 1
  return `someone-${people}`
}
const answers: Readonly<Record<RequestKind, (request: string) => Promise<unknown>>> = {
  access: (request) => privacy.exportSubject(mia, { request, out: join(folder, request) }),
  portability: (request) => privacy.exportSubject(mia, { request, out: join(folder, request) }),
  erasure: async (request) => {
    await trail.append({ event_type: "a", actor_id: "mia" })
    return erase(request)
  },
  rectification: async (request) => {
    const [place] = await db.query(
      "select lane, seq from pgtrail.event where organization_id = 'default' order by lane, seq limit 1",
    )
    return privacy.rectifyEvent(
      { organization: "default", lane: place?.lane ?? "", seq: place?.seq ?? "" },
      {
        ...asked,
        request,
        set: new Map([["description", '"right"']]),
      },
    )
  },
  restriction: (request) =>
    privacy.restrictSubject([{ kind: "id", value: someone() }], { ...asked, request }),
  objection: (request) => privacy.restrictSubject([{ kind: "id", value: someone() }], { ...asked, request }),
}
test.each(requestKinds)(
  "a request of %s is done when an act of its kind names it, and not before",
  async (kind) => {
    const { request } = await privacy.addRequest({ kind })
    const done = () => privacy.closeRequest(request, { outcome: "done" })
    // No answer to any but an objection: an act of another kind.
    const other = kind === "restriction" ? answers.access : answers.restriction
    if (kind !== "objection") await other(request)
    const refused = await failureOf(done())
    expect(refused).toMatchObject({ code: "usage", message: expect.stringContaining(`is of ${kind}`) })
    expect(refused.hint).toMatch(/^nothing was closed; .*: pgtrail gdpr \w+ .* --reason HOW$/)
    expect(await privacy.subjectRequest(request)).toMatchObject({ state: "open", outcome: null })
    await rm(join(folder, request), { recursive: true, force: true })
    await answers[kind](request)
    expect(await done()).toMatchObject({ outcome: "done", elsewhere: false, closing_reason: null })
  },
)

test("what was answered outside of pgtrail takes the reason that says how, and is told apart", async () => {
  const { request } = await privacy.addRequest({ kind: "access" })
  expect(await failureOf(privacy.closeRequest(request, { outcome: "done", reason: " " }))).toMatchObject({
    code: "usage",
  })
  await privacy.closeRequest(request, { outcome: "done", reason: "by letter" })
  const closed = await privacy.subjectRequest(request)
  expect(closed).toMatchObject({ outcome: "done", elsewhere: true, closing_reason: "by letter" })
  expect(describeRequest(closed)).toMatch(
    /: access, done elsewhere, [\s\S]*\nanswered by no act of pgtrail: by letter(\n|$)/,
  )
  // Whoever calls the function in the database: nothing is told that was not.
  const { request: bare } = await privacy.addRequest({ kind: "access" })
  await db.query("select pgtrail.close_request($1, 'done')", [bare])
  expect(describeRequest(await privacy.subjectRequest(bare))).toContain("no act of pgtrail: nobody said how")
})

test("the receipt of an erasure that found nothing answers a request of erasure, and no other", async () => {
  const erasure = await privacy.addRequest({ kind: "erasure" })
  const access = await privacy.addRequest({ kind: "access" })
  expect((await erase(erasure.request)).receipt).toMatchObject({ act: null, complete: true })
  const given = { outcome: "done", receipt: "cd".repeat(32), erased: true } as const
  expect(await privacy.closeRequest(erasure.request, given)).toMatchObject({ elsewhere: false })
  expect(await failureOf(privacy.closeRequest(access.request, given))).toMatchObject({ code: "usage" })
})
