// verification list and show: what was recorded, who may see it, and what is unknown.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { describeVerification } from "../../src/data/verification/describe.js"
import { type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
beforeAll(async () => {
  log = await incidentLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

describe("verification list", () => {
  test("tells each verification, newest first: who, what was asked, read and found", async () => {
    expect(await log.trail.verifications()).toEqual([])
    await log.trail.verify({ jobs: 1 })
    await log.tamper(
      "update pgtrail.event set action = 'x' where organization_id = 'globex' and seq in (3, 4)",
    )
    await log.trail.verify({ jobs: 1, organization: "globex" })
    await log.trail.verify({ jobs: 1, organization: "acme", since: "2001-01-01" })
    const list = await log.trail.verifications()
    const [user] = await log.db.query("select session_user as name")
    expect(list).toMatchObject([
      { verdict: "intact", findings: "0", scope: "organization acme, since 2001-01-01" },
      { verdict: "tampered", findings: "2", accepted: "0", scope: "organization globex" },
      {
        act: "2",
        verdict: "intact",
        events: "180",
        findings: "0",
        accepted: "0",
        scope: "the whole log",
        session_user_name: user?.name,
        client_address: null,
      },
    ])
    expect(list.map(({ recorded_at }) => recorded_at).every((time) => /^\d{4}-.*\.\d{6}Z$/.test(time))).toBe(
      true,
    )
    expect(await log.trail.verifications({ limit: 1 })).toEqual(list.slice(0, 1))
  })

  test("reads whatever stands in an act", async () => {
    for (const parameters of [
      "{}",
      '{"findings": "3", "accepted": "many", "requested": [], "covered": 7}',
      '{"findings": [null, 1, "x", [], {"id": 5}], "requested": {"a": [1], "b": {"c": null}}}',
    ]) {
      const [row] = await log.db.query("select pgtrail.record_act('verify', $1) as act", [parameters])
      expect((await log.trail.verifications({ limit: 1 }))[0]?.act, parameters).toBe(row?.act)
      const shown = await log.trail.verification()
      expect(shown.act.act).toBe(row?.act)
      expect(describeVerification(shown)).toContain(`verification of act ${row?.act}`)
    }
  })
})

describe("verification show", () => {
  test("shows the newest verification, one by its act, and one by a finding of it", async () => {
    const { findings } = await log.after(
      "update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 3",
    )
    const [finding] = findings
    const { act } = await log.trail.verify({ jobs: 1, organization: "acme" })
    expect((await log.trail.verification()).act.act).toBe(act)
    expect((await log.trail.verification({ act: "2" })).findings).toEqual(findings)
    const shown = await log.trail.verification({ finding: finding?.id.slice(0, 6).toUpperCase() })
    expect(shown).toMatchObject({ act: { act: "2", verifies: true }, findings })
    expect(shown.incident.unproven).toBe("only one finding was asked for")
  })

  test("says what is unknown", async () => {
    const rejects = (options: object) => expect(log.trail.verification(options)).rejects
    await rejects({}).toMatchObject({
      code: "not-found",
      message: "no verification was recorded in this log yet",
      hint: "pgtrail verify",
    })
    await rejects({ act: "99" }).toMatchObject({
      code: "not-found",
      message: "there is no act 99",
      hint: "pgtrail verification list",
    })
    await rejects({ act: "1" }).toMatchObject({ code: "not-found", message: "act 1 is no verification" })
    await rejects({ finding: "abcdef" }).toMatchObject({
      code: "not-found",
      message: "no recorded verification has the finding abcdef",
      hint: "pgtrail verification list",
    })
    for (const finding of ["abcde", "xyzxyz", `${"a".repeat(16)}0`, "", "%%%%%%"])
      await rejects({ finding }).toMatchObject({ code: "usage" })
    await log.record([{ id: "abcdef0000000001" }, { id: "abcdef0000000002" }])
    await rejects({ finding: "abcdef" }).toMatchObject({
      code: "usage",
      message: "several findings begin with abcdef",
    })
    await log.record([{ id: "abcdef1000000000" }])
    await rejects({ act: "2", finding: "abcdef1" }).toMatchObject({
      code: "not-found",
      hint: "pgtrail verification show 3 --finding abcdef1000000000",
    })
  })

  test("says when the act that it shows was altered itself", async () => {
    await log.trail.verify({ jobs: 1 })
    await log.tamper(
      `update pgtrail.act set parameters = jsonb_set(parameters, '{verdict}', '"tampered"') where seq = 2`,
    )
    const shown = await log.trail.verification()
    expect(shown.act.verifies).toBe(false)
    expect(describeVerification(shown)).toContain("act 2 does not verify itself")
  })
})

describe("roles", () => {
  test("an auditor sees everything", async () => {
    await log.after("update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 3")
    const role = await log.db.role({ memberOf: ["pgtrail_auditor"] })
    const trail = await log.db.trail({ url: role.url })
    expect(await trail.verifications()).toHaveLength(1)
    expect((await trail.verification()).findings[0]?.explanation.found_by).toBe("trial")
  })

  test("an operator sees the verification, and is told why it is not explained", async () => {
    await log.after("update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 3")
    const role = await log.db.role({ memberOf: ["pgtrail_operator"] })
    const trail = await log.db.trail({ url: role.url })
    const { findings } = await trail.verification()
    expect(findings).toMatchObject([
      {
        kind: "altered",
        explanation: {
          still: null,
          says: ["this role may not read events: grant pgtrail_auditor to it"],
        },
      },
    ])
  })

  test("a reader and a writer are refused, with a hint", async () => {
    for (const group of ["pgtrail_reader", "pgtrail_writer"]) {
      const role = await log.db.role({ memberOf: [group] })
      const trail = await log.db.trail({ url: role.url })
      for (const work of [
        () => trail.verifications(),
        () => trail.verification(),
        () => trail.acceptFinding("abcdef", { reason: "x" }),
      ]) {
        await expect(work()).rejects.toMatchObject({
          code: "privilege",
          message: expect.stringContaining("permission denied"),
          hint: expect.stringContaining("pgtrail_auditor"),
        })
      }
    }
  })
})
