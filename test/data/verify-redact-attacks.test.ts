// Whatever was done to redacted events, or to the entries of redactions, is found and named. Over 250 lines because each attack is a case.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { pseudonym, type RedactedLog, redactedLog } from "./verify-redact-fixture.js"

/** Event 1 is of u1, 2 of u2, 6 of u1; 3 and 4 were never redacted. ORG is the organization of the case. */
const at = (seq: number) => `organization_id = 'ORG' and seq = ${seq}`
const digest = (name: string, columns: string) =>
  `sha256(record_send(row('pgtrail ${name}'::text, ${name}_salt, ${columns})))`
const identity = digest(
  "identity",
  "actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id",
)
const content = digest(
  "content",
  `resource_id, resource_name, namespace, description, error_message, request_path, request_id, correlation_id, request_params,
   before_state, after_state, details, tags, signature`,
)
/** What entries would have to be after an event was changed by hand. */
const refit = (seq: number, group: "identity" | "content") =>
  `update pgtrail.redaction_entry r set new_digest = (select ${group === "identity" ? identity : content} from pgtrail.event where ${at(seq)})
   where ${at(seq)} and group_name = '${group}' and number = (select max(number) from pgtrail.redaction_entry x where ${at(seq)} and group_name = '${group}')`
const blocks = `update pgtrail.redaction b set (entries, digest) = (
    select count(*), sha256(string_agg(record_send(row('pgtrail redaction entry'::text, organization_id, lane, seq, group_name, number, fields,
      old_digest, new_digest)), ''::bytea order by seq, group_name, number))
    from pgtrail.redaction_entry r where r.organization_id = b.organization_id and r.lane = b.lane) where organization_id = 'ORG'`

const ofLog = "control_altered -/-/- object"
const block = "control_altered ORG/0/1 object"

const cases: readonly (readonly [what: string, sql: string, found: readonly string[]])[] = [
  [
    "a redacted value that was altered",
    `update pgtrail.event set actor_name = 'Eve' where ${at(1)}`,
    ["altered ORG/0/1 identity"],
  ],
  [
    "a value in a redacted group that no redaction replaced",
    `update pgtrail.event set namespace = 'other' where ${at(1)}`,
    ["altered ORG/0/1 content"],
  ],
  [
    "the salt of a redacted group",
    `update pgtrail.event set content_salt = gen_random_uuid() where ${at(6)}`,
    ["altered ORG/0/6 content"],
  ],
  [
    "a group that was redacted by hand",
    `update pgtrail.event set identity_digest = ${identity}, actor_id = null where ${at(3)}`,
    ["unauthorized_redaction ORG/0/3 identity"],
  ],
  [
    "one with an entry that somebody forged",
    `with e as (update pgtrail.event set identity_digest = ${identity}, actor_id = null where ${at(3)} returning *)
     insert into pgtrail.redaction_entry select organization_id, lane, seq, 'identity', 1, '{actor_id}', identity_digest, ${identity} from e`,
    [block],
  ],
  [
    "one with a forged entry, and the block made to fit",
    `with e as (update pgtrail.event set identity_digest = ${identity}, actor_id = null where ${at(3)} returning *)
     insert into pgtrail.redaction_entry select organization_id, lane, seq, 'identity', 1, '{actor_id}', identity_digest, ${identity} from e;
     ${blocks}`,
    [ofLog],
  ],
  [
    "digests that were swapped between two events",
    `update pgtrail.event e set identity_digest = o.identity_digest from pgtrail.event o
     where e.organization_id = 'ORG' and o.organization_id = 'ORG' and (e.seq, o.seq) in ((1, 6), (6, 1))`,
    [
      "altered ORG/0/1 -",
      "altered ORG/0/6 -",
      "unauthorized_redaction ORG/0/1 identity",
      "unauthorized_redaction ORG/0/6 identity",
    ],
  ],
  [
    "entries that were swapped between two events",
    `create temp table s as select * from pgtrail.redaction_entry where organization_id = 'ORG' and seq in (1, 6);
     delete from pgtrail.redaction_entry where organization_id = 'ORG' and seq in (1, 6);
     insert into pgtrail.redaction_entry select organization_id, lane, 7 - seq, group_name, number, fields, old_digest, new_digest from s;
     drop table s`,
    [
      block,
      "unauthorized_redaction ORG/0/1 content",
      "unauthorized_redaction ORG/0/1 identity",
      "unauthorized_redaction ORG/0/6 content",
      "unauthorized_redaction ORG/0/6 identity",
    ],
  ],
  [
    "an entry that was used for another event",
    `insert into pgtrail.redaction_entry select organization_id, lane, 3, group_name, number, fields, old_digest, new_digest
       from pgtrail.redaction_entry where ${at(1)} and group_name = 'identity';
     update pgtrail.event set identity_digest = ${identity}, actor_id = null where ${at(3)}`,
    [block, "unauthorized_redaction ORG/0/3 identity"],
  ],
  [
    "values that were brought back",
    `update pgtrail.event set identity_digest = null where ${at(1)}`,
    ["altered ORG/0/1 -", "unauthorized_redaction ORG/0/1 identity"],
  ],
  [
    "an entry that is gone",
    `delete from pgtrail.redaction_entry where ${at(1)} and group_name = 'identity'`,
    [block, "unauthorized_redaction ORG/0/1 identity"],
  ],
  [
    "the first of two entries that is gone",
    `delete from pgtrail.redaction_entry where ${at(2)} and group_name = 'identity' and number = 1`,
    [block, "unauthorized_redaction ORG/0/2 identity"],
  ],
  [
    "entries of which one does not follow the other",
    `update pgtrail.redaction_entry set old_digest = sha256('x') where ${at(2)} and group_name = 'identity' and number = 2`,
    [block, "unauthorized_redaction ORG/0/2 identity"],
  ],
  [
    "an entry of a group that there is not",
    `insert into pgtrail.redaction_entry values ('ORG', 0, 3, 'frame', 1, '{actor_id}', sha256('x'), sha256('y'))`,
    [block],
  ],
  [
    "an entry of an event that there is not",
    `insert into pgtrail.redaction_entry values ('ORG', 0, 4000, 'identity', 1, '{actor_id}', sha256('x'), sha256('y'))`,
    [block],
  ],
  [
    "a column with a value that no redaction leaves",
    `update pgtrail.event set actor_name = 'Eve' where ${at(1)}; ${refit(1, "identity")}; ${blocks}`,
    [ofLog, "unauthorized_redaction ORG/0/1 identity"],
  ],
  [
    "an address in the place of none",
    `update pgtrail.event set ip_address = '10.0.0.2' where ${at(1)}; ${refit(1, "identity")}`,
    [block, "unauthorized_redaction ORG/0/1 identity"],
  ],
  [
    "a value within a document that no redaction leaves",
    `update pgtrail.event set details = jsonb_set(details, '{10,1,who}', '"Eve"') where ${at(1)}; ${refit(1, "content")}`,
    [block, "unauthorized_redaction ORG/0/1 content"],
  ],
  [
    "a document that no redaction leaves",
    `update pgtrail.event set after_state = '{"a": 1}' where ${at(1)}; ${refit(1, "content")}`,
    [block, "unauthorized_redaction ORG/0/1 content"],
  ],
  [
    "tags that no redaction leaves",
    `update pgtrail.event set tags = '{x,Eve}' where ${at(1)}; ${refit(1, "content")}`,
    [block, "unauthorized_redaction ORG/0/1 content"],
  ],
  [
    "a field that is no column",
    `update pgtrail.redaction_entry set fields = '{"nothing"}' where ${at(1)} and group_name = 'identity'`,
    [block, "unauthorized_redaction ORG/0/1 identity"],
  ],
  [
    "a block that was altered",
    "update pgtrail.redaction set digest = sha256('x') where organization_id = 'ORG'",
    [ofLog, block],
  ],
  ["a block that is gone", "delete from pgtrail.redaction where organization_id = 'ORG'", [ofLog, block]],
  [
    "a block without entries",
    "insert into pgtrail.redaction values ('ORG', 0, 3, 1, sha256('x'))",
    [ofLog, "control_altered ORG/0/196608 object"],
  ],
  [
    "all entries that are gone with their blocks",
    "delete from pgtrail.redaction_entry where organization_id = 'ORG'; delete from pgtrail.redaction where organization_id = 'ORG'",
    [
      ofLog,
      ...[1, 6, 2, 7].flatMap((seq) =>
        ["content", "identity"].map((group) => `unauthorized_redaction ORG/0/${seq} ${group}`),
      ),
    ],
  ],
]

const values = [pseudonym, "p1:t:none:AAAAAAAAAAAAAAAA", "[erased]"]
const others = [
  "p1:x:k:AAAAAAAAAAAAAAAA",
  "p1:h:k:AAAA",
  `${pseudonym} `,
  "[Erased]",
  "",
  `p1:e:k:${"A".repeat(2200)}`,
]

/** Each case has an organization of its own, so that none hides another, and one verification finds all of them. */
const organization = (number: number) => `case-${number}`
const of = (number: number, text: string) => text.replaceAll("ORG", organization(number))
/** What was found in the organization of a case. */
const inside = (number: number, found: readonly string[]) =>
  found.filter((one) => one.includes(` ${organization(number)}/`))

let log: RedactedLog
beforeAll(async () => {
  log = await redactedLog({ further: cases.length })
})
afterAll(() => log.db.drop())

describe("found and named, whatever reads", () => {
  const read: (readonly string[])[] = []
  beforeAll(async () => {
    for (const [number, [, sql]] of cases.entries()) await log.tamper(of(number, sql))
    for (const options of [{}, { maxSeconds: 100 }, { jobs: 2 }]) read.push(await log.found(options))
  })

  test.each(cases.map(([what, , found], number) => ({ what, found, number })))(
    "$what",
    ({ found, number }) => {
      const expected = found.filter((one) => one !== ofLog).map((one) => of(number, one))
      expect(read).toHaveLength(3)
      for (const one of read) expect(inside(number, one)).toEqual(expected.sort())
    },
  )

  test("and nothing else", () => {
    const all = cases.flatMap(([, , found], number) => found.map((one) => of(number, one)))
    for (const one of read) expect(one).toEqual([...new Set(all)].sort())
  })
})

describe("found and named by itself", () => {
  beforeEach(() => log.restore())

  // What is wrong with all blocks at once is one finding, whichever of them it is.
  test.each(cases.filter(([, , found]) => found.includes(ofLog)))("%s", async (_what, sql, found) => {
    await log.tamper(of(0, sql))
    expect(await log.found()).toEqual(found.map((one) => of(0, one)).sort())
  })

  test("an act of a redaction that was altered", async () => {
    await log.tamper(
      `update pgtrail.act set parameters = parameters || '{"events": 1}' where kind = 'redact' and seq = (select max(seq) from pgtrail.act where kind = 'redact')`,
    )
    for (const options of [{}, { maxSeconds: 100 }, { jobs: 2 }])
      expect(await log.found(options)).toEqual(["act_altered -/-/4 -"])
  })

  test("no message has a value that was replaced, and none that replaces it", async () => {
    await log.tamper(of(0, `update pgtrail.event set actor_name = 'Eve', tags = '{Eve}' where ${at(1)}`))
    const { findings } = await log.verify()
    expect(findings).toHaveLength(2)
    expect(JSON.stringify(findings)).not.toMatch(/Eve|Person|u1|p1:/)
  })

  test("the same finding has the same id in each run, and another state another", async () => {
    const ids = async () => (await log.verify()).findings.map(({ id }) => id)
    await log.tamper(of(0, `update pgtrail.event set actor_name = 'Eve' where ${at(1)}`))
    const first = await ids()
    expect(await ids()).toEqual(first)
    await log.tamper(of(0, `update pgtrail.event set actor_name = 'Eva' where ${at(1)}`))
    expect(await ids()).not.toEqual(first)
  })
})

test("a pseudonym of another form is none, and one of the right form is", async () => {
  await log.restore()
  for (const [number, value] of [...values, ...others].entries()) {
    await log.tamper(
      of(number, `update pgtrail.event set actor_id = '${value}' where ${at(1)}; ${refit(1, "identity")}`),
    )
  }
  const found = await log.found()
  for (const number of [...values, ...others].keys()) {
    const expected = [block, "unauthorized_redaction ORG/0/1 identity"].slice(
      0,
      number < values.length ? 1 : 2,
    )
    expect(inside(number, found)).toEqual(expected.map((one) => of(number, one)))
  }
})
