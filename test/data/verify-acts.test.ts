// The chain of acts, from which verify takes all authority, and what the acts vouch for.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
beforeAll(async () => {
  log = await sampleLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

test("a whole verification is an act with verdict, counts and the digest of all heads", async () => {
  const report = await log.trail.verify({ jobs: 1 })
  const [act] = await log.db.query("select * from pgtrail.act order by seq desc limit 1")
  expect(act).toMatchObject({ seq: report.act, kind: "verify", session_user_name: "postgres" })
  expect(act?.digest).toMatch(/^\\x[0-9a-f]{64}$/)
  expect(act?.parameters).toContain('"verdict": "intact"')
  const [heads] = await log.db.query("select count(*) as count from pgtrail.verified_head")
  expect(heads?.count).toBe("4")
  expect((await log.verify()).verdict).toBe("intact")
})

test("a verification of a part, or one that found something, records the digest of all heads and remembers none", async () => {
  await log.trail.verify({ jobs: 1, organization: "acme" })
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
  await log.trail.verify({ jobs: 1 })
  const acts = await log.db.query(
    "select digest, parameters from pgtrail.act where kind = 'verify' order by seq",
  )
  expect(acts.map((act) => act.digest)).toEqual([expect.stringMatching(/^\\x[0-9a-f]{64}$/), acts[0]?.digest])
  expect(acts.map((act) => JSON.parse(act.parameters ?? "").remembered)).toEqual([false, false])
  expect(await log.db.query("select from pgtrail.verified_head")).toEqual([])
  expect(acts[1]?.parameters).toContain('"verdict": "tampered"')
  expect(acts.every((act) => !act.parameters?.includes("user-"))).toBe(true)
})

describe("an altered act is found", () => {
  const columns = [
    ["kind", "'purge'"],
    ["parameters", "'{}'"],
    ["digest", "sha256('x')"],
    ["recorded_at", "recorded_at - interval '1 second'"],
    ["session_user_name", "'nobody'"],
    ["client_address", "inet '203.0.113.1'"],
    ["transaction_id", "'1'::xid8"],
    ["system_identifier", "1"],
    ["timeline", "9"],
    ["previous_hash", "sha256('x')"],
    ["hash", "sha256('x')"],
  ] as const
  /** Each in an act of its own, of which the next does not tell. */
  const seq = (index: number) => 1 + 2 * index
  let found: readonly string[]
  beforeAll(async () => {
    while (
      Number((await log.db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq) <= seq(columns.length)
    )
      await log.db.query("select pgtrail.record_act('verify', '{\"remembered\": false}')")
    for (const [index, [column, value]] of columns.entries())
      await log.tamper(`update pgtrail.act set ${column} = ${value} where seq = ${seq(index)}`)
    const report = await log.verify()
    expect(report.verdict).toBe("tampered")
    found = places(report.findings)
    await log.restore()
  })

  test.each(columns.map(([column], index) => ({ column, index })))(": $column", ({ index }) => {
    expect(found).toContain(`act_altered -/-/${seq(index)}`)
  })

  test("and no act beside them, but the one that follows another hash", () => {
    const beside = [...columns.keys()].map((index) => `act_altered -/-/${seq(index) + 1}`)
    expect(found.filter((one) => beside.includes(one))).toEqual([beside.at(-1)])
  })
})

test("an act deleted, the first or one between, is found; so is an empty act chain", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.trail.verify({ jobs: 1 })
  await log.tamper("delete from pgtrail.act where seq = 2")
  expect((await log.verify()).findings).toMatchObject([{ kind: "act_altered", message: "act 2 is missing" }])
  await log.tamper("delete from pgtrail.act")
  const report = await log.verify()
  expect(report.findings.map((finding) => finding.kind)).toContain("act_altered")
})

test("an act forged with SQL by the owner without its hash is found", async () => {
  await log.tamper(
    `insert into pgtrail.act (seq, kind, parameters, recorded_at, session_user_name, transaction_id, previous_hash, hash, hash_version)
     select 2, 'purge', '{}', now(), 'auditor', pg_current_xact_id(), hash, sha256('forged'), 1 from pgtrail.act`,
  )
  // It is not an act of a purge that took something away, either.
  expect(places((await log.verify()).findings)).toEqual(["act_altered -/-/2", "control_altered -/-/-"])
})

test("the remembered heads cannot be changed to hide a vanished organization", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.tamper("delete from pgtrail.verified_head where organization_id = 'acme'")
  expect((await log.verify()).findings).toMatchObject([{ kind: "act_altered", group: "head" }])
  await log.tamper("delete from pgtrail.verified_head")
  expect((await log.verify()).findings).toMatchObject([{ kind: "act_altered", group: "head" }])
})

test("another identity of the log is found, and in every chain where its history was changed with it", async () => {
  await log.tamper("update pgtrail.log set log_id = gen_random_uuid()")
  expect((await log.verify()).findings.map((finding) => finding.kind)).toEqual(["control_altered"])
  await log.tamper("update pgtrail.incarnation set log_id = (select log_id from pgtrail.log)")
  const kinds = new Set((await log.verify()).findings.map((finding) => finding.kind))
  expect(kinds).toEqual(new Set(["act_altered", "control_altered", "altered"]))
})

test("a purge act without a purge excuses nothing: the hole is found", async () => {
  await log.db.query("begin")
  await log.db.query("set local role pgtrail_owner")
  await log.db.query("select pgtrail.record_act('purge', '{}', sha256('x'))")
  await log.db.query("delete from pgtrail.event where organization_id = 'globex' and seq = 7")
  await log.db.query("commit")
  expect(places((await log.verify()).findings)).toEqual(["control_altered -/-/-", "missing globex/0/7"])
})
