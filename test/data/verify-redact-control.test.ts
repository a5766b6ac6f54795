// What the acts say of subjects is what the control tables have: rules, restrictions, and the holds that a redaction saw.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { redact, stage } from "./redact-fixture.js"
import { replayed } from "./replayed.js"
import { type RedactedLog, redactedLog } from "./verify-redact-fixture.js"

let log: RedactedLog
beforeAll(async () => {
  log = await redactedLog()
  await log.db.query("select pgtrail.add_subject_rule('resource', resource_type => 'user')")
  await log.db.query(
    `select pgtrail.add_subject_rule('path', event_type => 'data', path => '{details,"a b",*,"x\\"y"}')`,
  )
  const [rule] = await log.db.query(
    "select pgtrail.add_subject_rule('keep', classification => 'CONFIDENTIAL', tag => 'PCI') as seq",
  )
  await log.db.query("select pgtrail.remove_subject_rule($1)", [rule?.seq])
  await restrict("acme", "u3")
  await restrict(null, "u4")
  await log.db.query(
    "select pgtrail.unrestrict_subject(max(act_seq), 'settled', 'the officer') from pgtrail.subject_restriction",
  )
  await restrict("globex", "u4", "u0")
  await log.keep()
})
beforeEach(() => log.restore())
afterAll(() => log.db.drop())

async function restrict(organization: string | null, ...ids: readonly string[]): Promise<void> {
  const client = await log.db.client()
  await client.query("begin")
  await stage(
    client,
    ids.map((id) => ["id", id] as const),
  )
  await client.query("select pgtrail.restrict_subject($1, 'contested', 'the officer')", [organization])
  await client.query("commit")
  await client.end()
}

const messages = async () => (await replayed(log.trail)).messages

test("rules and restrictions that were placed, removed and lifted are as the acts have them", async () => {
  expect(await messages()).toEqual([])
  const [counts] = await log.db.query(
    `select (select count(*) from pgtrail.subject_rule) as rules, (select count(*) from pgtrail.subject_rule where ended_seq is not null) as ended,
       (select count(*) from pgtrail.subject_restriction) as restricted`,
  )
  expect(counts).toEqual({ rules: "3", ended: "1", restricted: "3" })
  expect((await log.verify()).verdict).toBe("intact")
})

const changes: readonly (readonly [what: string, sql: string, message: RegExp])[] = [
  [
    "a rule that was altered",
    "update pgtrail.subject_rule set resource_type = 'other' where kind = 'resource'",
    /^control_altered -: the rule of act \d+ in pgtrail.subject_rule is not the one that it added$/,
  ],
  [
    "a path that was altered",
    "update pgtrail.subject_rule set path = '{details}' where kind = 'path'",
    /is not the one that it added$/,
  ],
  [
    "a rule that is gone",
    "delete from pgtrail.subject_rule where kind = 'path'",
    /^control_altered -: pgtrail.subject_rule has lost the rule of act \d+$/,
  ],
  [
    "a rule of nobody",
    "insert into pgtrail.subject_rule values (900, 'resource', null, 'x')",
    /^control_altered -: pgtrail.subject_rule has the rule of act 900, which no act has added$/,
  ],
  [
    "a rule that was removed and is in force",
    "update pgtrail.subject_rule set ended_seq = null",
    /is in force in pgtrail.subject_rule, and removed by act \d+ by the acts$/,
  ],
  [
    "a rule in force that is removed",
    "update pgtrail.subject_rule set ended_seq = 3 where kind = 'resource'",
    /is removed by act 3 in pgtrail.subject_rule, and in force by the acts$/,
  ],
  [
    "a restriction of somebody else",
    "update pgtrail.subject_restriction set value = 'somebody' where organization_id = 'acme'",
    /^control_altered -: the restriction of act \d+ in pgtrail.subject_restriction is not the one that was placed: its digest differs from the act's$/,
  ],
  [
    "a salt of a restriction",
    "update pgtrail.subject_restriction set salt = gen_random_uuid() where organization_id = 'acme'",
    /its digest differs from the act's$/,
  ],
  [
    "one identifier of two that is gone",
    "delete from pgtrail.subject_restriction where value = 'u0'",
    /its digest differs from the act's$/,
  ],
  [
    "a restriction that is gone",
    "delete from pgtrail.subject_restriction where organization_id = 'acme'",
    /is not the one that was placed: it has no row$/,
  ],
  [
    "a restriction of nobody",
    "insert into pgtrail.subject_restriction values (900, null, 'id', 'u9', 1)",
    /^control_altered -: pgtrail.subject_restriction has rows of act 900, which placed no restriction that is in force$/,
  ],
  [
    "a restriction that was lifted and is there",
    `insert into pgtrail.subject_restriction select seq, null, 'id', 'u4', 1 from pgtrail.act
     where kind = 'restrict' and seq not in (select act_seq from pgtrail.subject_restriction)`,
    /has rows of act \d+, which placed no restriction that is in force$/,
  ],
]

test.each(changes)("%s is found, and nobody is named", async (_what, sql, message) => {
  await log.tamper(sql)
  const found = await messages()
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(message)
  expect(found[0]).not.toMatch(/u[0-9]|somebody/)
})

// Those of one row would hide each other.
const together = [
  "a rule that was altered",
  "a path that was altered",
  "a rule of nobody",
  "a restriction of somebody else",
  "one identifier of two that is gone",
  "a restriction of nobody",
]
test("many at once are all found by a verification, and nothing else", async () => {
  for (const [what, sql] of changes) if (together.includes(what)) await log.tamper(sql)
  const { findings } = await log.verify()
  expect(findings).toHaveLength(together.length)
  expect((await replayed(log.trail)).list.map(({ id }) => id)).toEqual(findings.map(({ id }) => id))
})

test("a redaction under other holds than there were is found at its act, and what it took out of them", async () => {
  const [{ add_hold: hold } = {}] = await log.db.query(
    "select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u0')",
  )
  expect(await redact(log.db, [["id", "u0"]])).toMatchObject({ held: "8" })
  expect(await messages()).toEqual([])
  const hide = "update pgtrail.hold set expires_at = '2001-01-01'"
  await log.tamper(hide)
  const { seq } = await redact(log.db, [["id", "u0"]])
  await log.tamper("update pgtrail.hold set expires_at = null")
  expect(await messages()).toEqual([
    `control_altered -: the hold of act ${hold} was cleared of names by act ${seq} in pgtrail.hold, and has its names by the acts`,
    `unauthorized_redaction ${seq}: the redaction of act ${seq} saw other legal holds than those that were in force by the acts: somebody had changed them`,
  ])
  await log.db.query("select pgtrail.release_hold('C1', 'settled')")
  await log.tamper("delete from pgtrail.hold")
})

test("an auditor verifies a log with redactions, and a reader is shown what they left", async () => {
  const as = async (right: "auditor" | "reader") => {
    const role = await log.db.role()
    await log.trail.grant({ right, role: role.name })
    return log.db.trail({ url: role.url })
  }
  const report = await (await as("auditor")).verify({ jobs: 1, record: false })
  expect(report).toMatchObject({ verdict: "intact", findings: [] })
  const shown = await (await as("reader")).show({ organization: "acme", lane: "0", seq: "2" })
  expect(shown).toMatchObject({
    verifies: true,
    redactions: [
      { group: "identity", times: 2 },
      { group: "content", times: 2 },
    ],
  })
})
