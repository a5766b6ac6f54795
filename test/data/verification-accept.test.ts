// verification accept: an act with a reason; the finding stays in every report, and no longer makes the log fail.
import { generateKeyPairSync } from "node:crypto"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { describeVerification } from "../../src/data/verification/describe.js"
import { type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
beforeAll(async () => {
  log = await incidentLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const altered = "update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 30"

test("an accepted finding is shown with act and reason, counted in the list, and verify is green again", async () => {
  const { findings, act } = await log.after(altered)
  const id = findings[0]?.id ?? ""
  const accepted = await log.trail.acceptFinding(id.slice(0, 8), { reason: "INC-4711" })
  expect(accepted).toEqual({ finding: id, act: "3", verification: act.act, reason: "INC-4711" })
  expect(await log.trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", accepted: [{ id }] })
  expect(await log.trail.verifications()).toMatchObject([
    { verdict: "intact", findings: "0", accepted: "1" },
    { verdict: "tampered", findings: "1", accepted: "1" },
  ])
  const shown = await log.trail.verification({ act: act.act })
  expect(shown.findings).toMatchObject([
    { id, accepted: { act: "3", reason: "INC-4711" }, explanation: { still: true, found_by: "trial" } },
  ])
  const text = describeVerification(shown)
  expect(text).toContain("found             1 finding, 1 accepted")
  expect(text).toMatch(/ {2}accepted by act 3, \S+Z, \S+: INC-4711\n/)
})

test("it is the finding that is accepted, not the place: altered again it is another", async () => {
  const { findings } = await log.after(altered)
  await log.trail.acceptFinding(findings[0]?.id ?? "", { reason: "known" })
  const again = await log.after(altered.replace("'x'", "'y'"))
  expect(again.act.verdict).toBe("tampered")
  expect(again.findings[0]?.id).not.toBe(findings[0]?.id)
  expect(again.findings[0]?.accepted).toBeNull()
})

test("what cannot be accepted says why, and nothing is recorded", async () => {
  const { findings } = await log.after(altered)
  const id = findings[0]?.id ?? ""
  const count = () => log.db.query("select count(*) as n from pgtrail.act")
  const acts = await count()
  const rejects = (typed: string, reason = "known") =>
    expect(log.trail.acceptFinding(typed, { reason })).rejects
  const unknown = `${id.startsWith("0") ? "1" : "0"}${id.slice(1)}`
  await rejects(unknown).toMatchObject({
    code: "not-found",
    message: `no recorded verification has the finding ${unknown}`,
    hint: "pgtrail verification list",
  })
  await rejects(id.slice(0, 5)).toMatchObject({ code: "usage" })
  await rejects("'; drop").toMatchObject({ code: "usage" })
  for (const reason of ["", " \n\t"]) {
    await rejects(id, reason).toMatchObject({
      code: "usage",
      hint: expect.stringContaining("nothing was accepted"),
    })
  }
  await rejects(id, "x".repeat(3000)).toMatchObject({ code: "usage" })
  expect(await count()).toEqual(acts)

  const { act } = await log.trail.acceptFinding(id, { reason: "the first reason" })
  await rejects(id).toMatchObject({
    code: "usage",
    message: `the finding ${id} was accepted already, by act ${act}: the first reason`,
    hint: `nothing was changed; pgtrail act show ${act}`,
  })
})

test("only an operator accepts", async () => {
  const { findings } = await log.after(altered)
  const id = findings[0]?.id ?? ""
  const auditor = await log.db.role({ memberOf: ["pgtrail_auditor"] })
  const trail = await log.db.trail({ url: auditor.url })
  await expect(trail.acceptFinding(id, { reason: "mine" })).rejects.toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("pgtrail_operator"),
  })
  const operator = await log.db.role({ memberOf: ["pgtrail_operator"] })
  const own = await log.db.trail({ url: operator.url })
  expect(await own.acceptFinding(id, { reason: "known" })).toMatchObject({ finding: id })
  expect((await own.verification()).findings[0]?.accepted).toMatchObject({
    session_user_name: operator.name,
    reason: "known",
  })
})

test("where acts must be signed, one without a key is not begun, and one with a key is signed", async () => {
  const { findings } = await log.after(altered)
  const id = findings[0]?.id ?? ""
  const key = await signingKey()
  await log.trail.setSetting("require-signed-acts", "on")
  await expect(log.trail.acceptFinding(id, { reason: "known" })).rejects.toMatchObject({
    code: "config",
    hint: expect.stringContaining("--key file:PATH"),
  })
  const { act } = await log.trail.acceptFinding(id, { reason: "known", key })
  expect((await log.trail.act(act)).signature).toMatch(/^— operator /)
  await log.trail.setSetting("require-signed-acts", "off", key)
})

/** As `pgtrail checkpoint keygen` writes one. */
async function signingKey(): Promise<string> {
  const note = await import("../../src/data/checkpoint/note.js")
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const bytes = (jwk: { d?: string; x?: string }, part: "d" | "x") =>
    Buffer.concat([Buffer.of(1), Buffer.from(jwk[part] ?? "", "base64url")])
  const { createHash } = await import("node:crypto")
  const verifier = bytes(publicKey.export({ format: "jwk" }), "x")
  const hash = createHash("sha256").update("operator\n").update(verifier).digest("hex").slice(0, 8)
  const text = `PRIVATE+KEY+operator+${hash}+${bytes(privateKey.export({ format: "jwk" }), "d").toString("base64")}`
  expect(note.readSigningKey(text).name).toBe("operator")
  return text
}
