// Events removed, added, moved, copied, swapped: each is found with its kind and its place.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
beforeAll(async () => {
  log = await sampleLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const found = async () => {
  const report = await log.verify()
  expect(report.verdict).toBe("tampered")
  return places(report.findings)
}

/** The hash that fits a row of pgtrail.event as it stands: what an attacker who knows the format computes. */
const fittingHash = `sha256(record_send(row('pgtrail event'::text, hash_version, organization_id, lane, seq, previous_hash,
  sha256(record_send(row('pgtrail identity'::text, identity_salt, actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id))),
  sha256(record_send(row('pgtrail content'::text, content_salt, resource_id, resource_name, namespace, description, error_message, request_path,
    request_id, correlation_id, request_params, before_state, after_state, details, tags, signature))),
  occurred_at, recorded_at, id, external_id, external_number, source, project_id, event_type, category, action, severity, outcome, status_code,
  actor_type, actor_role, resource_type, request_method, data_classification, data_size_bytes, retention_policy, compliance_tags, event_version,
  processing_latency_ms)))`

test("all findings are reported, not the first: three holes, two alterations", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq in (5, 6, 20, 40)")
  await log.tamper(
    "update pgtrail.event set actor_id = 'x' where organization_id = 'initech' and seq in (3, 9)",
  )
  expect(await found()).toEqual([
    "altered initech/0/3",
    "altered initech/0/9",
    "missing globex/0/20",
    "missing globex/0/40",
    "missing globex/0/5",
  ])
})

test("the tail cut off together with its heads: truncated, by what the last verification saw", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq > 50")
  await log.tamper("delete from pgtrail.chain_head where organization_id = 'globex' and seq > 50")
  expect(await found()).toEqual(["truncated globex/0/51"])
})

test("the tail cut off and grown again after a verification: rewritten", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq > 50")
  await log.tamper("delete from pgtrail.chain_head where organization_id = 'globex' and seq > 50")
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'globex', 'again' from generate_series(1, 20)",
  )
  expect(await found()).toEqual(["altered globex/0/60"])
})

test("a whole lane deleted: vanished", async () => {
  const [row] = await log.db.query(
    "select max(lane) as lane from pgtrail.event where organization_id = 'acme'",
  )
  await log.tamper(`delete from pgtrail.event where organization_id = 'acme' and lane = ${row?.lane}`)
  expect(await found()).toEqual([`vanished acme/${row?.lane}/-`])
})

test("every event deleted: every organization vanished", async () => {
  await log.tamper("truncate pgtrail.event")
  expect(await found()).toEqual(["vanished acme/-/-", "vanished globex/0/-", "vanished initech/0/-"])
})

test("a whole organization deleted: vanished, once", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'acme'")
  expect(await found()).toEqual(["vanished acme/-/-"])
})

test("a whole organization deleted with its heads: vanished, by what the last verification saw", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.tamper(
    "delete from pgtrail.event where organization_id = 'acme'; delete from pgtrail.chain_head where organization_id = 'acme'",
  )
  expect(await found()).toEqual(["vanished acme/-/-"])
})

describe("found for what it is, each in an organization of its own:", () => {
  /** Of event 7 with some expressions put in for columns, into the log or past the bounds of a partition. */
  const copied = (replaced: Record<string, string>) =>
    `insert into pgtrail.event select (e).* from (select jsonb_populate_record(null::pgtrail.event, to_jsonb(v) || jsonb_build_object(
       ${Object.entries(replaced)
         .map(([column, value]) => `'${column}', ${value}`)
         .join(", ")})) as e from pgtrail.event v where organization_id = 'ORG' and seq = 7) f`
  const later = "occurred_at + interval '1 second'"
  const fitted = (condition: string) =>
    `update pgtrail.event set hash = ${fittingHash} where organization_id = 'ORG' and ${condition}`
  const rewrite = (seq: number) =>
    `update pgtrail.event set actor_id = 'mallory' where organization_id = 'ORG' and seq = ${seq}; ${fitted(`seq = ${seq}`)}`
  /** Without its mark a partition takes any row. */
  const unmarked = (sql: string) =>
    `update pg_class set relispartition = false where oid = 'pgtrail.event_default'::regclass; ${sql};
     update pg_class set relispartition = true where oid = 'pgtrail.event_default'::regclass`

  const cases: readonly (readonly [what: string, sql: string, found: readonly string[], message?: string])[] =
    [
      [
        "the first events of a chain deleted: missing from 1",
        "delete from pgtrail.event where organization_id = 'ORG' and seq <= 2",
        ["missing ORG/0/1"],
        "events 1 to 2 are missing (2)",
      ],
      [
        "an event in the middle deleted: missing",
        "delete from pgtrail.event where organization_id = 'ORG' and seq = 10",
        ["missing ORG/0/10"],
        "event 10 is missing",
      ],
      [
        "the tail cut off: truncated",
        "delete from pgtrail.event where organization_id = 'ORG' and seq > 15",
        ["truncated ORG/0/16"],
        "the tail is cut off: events 16 to 20 are missing (5)",
      ],
      [
        "a forged event after the head: inserted",
        `${copied({ seq: "21", previous_hash: "(select hash from pgtrail.chain_head where organization_id = 'ORG' and seq = 20)" })}; ${fitted("seq = 21")}`,
        ["inserted ORG/0/21"],
      ],
      [
        "a forged event at a place that is taken: inserted",
        copied({ occurred_at: later, actor_id: "'mallory'" }),
        ["inserted ORG/0/7"],
      ],
      [
        "a forged event at a place that is taken, whose hash fits: forked",
        `${copied({ occurred_at: later, actor_id: "'mallory'" })}; ${fitted("actor_id = 'mallory'")}`,
        ["forked ORG/0/7"],
      ],
      [
        "a second run at places that are taken: overlapping",
        `${copied({ occurred_at: later, previous_hash: "sha256('elsewhere')" })}; ${fitted("previous_hash = sha256('elsewhere')")}`,
        ["overlapping ORG/0/7"],
      ],
      [
        "an event of an organization that has no chain: inserted",
        copied({ organization_id: "'ghost of ORG'", seq: "1" }),
        ["altered ghost of ORG/0/1", "inserted ghost of ORG/0/1"],
      ],
      [
        "two events swapped: reordered, both",
        `update pgtrail.event set seq = 1000 where organization_id = 'ORG' and seq = 7;
         update pgtrail.event set seq = 7 where organization_id = 'ORG' and seq = 8;
         update pgtrail.event set seq = 8 where organization_id = 'ORG' and seq = 1000`,
        ["reordered ORG/0/7", "reordered ORG/0/8"],
      ],
      [
        "an event copied into another partition: duplicated, and out of bounds there",
        unmarked(
          "insert into pgtrail.event_default select * from pgtrail.event where organization_id = 'ORG' and seq = 7",
        ),
        ["duplicated ORG/0/7", "out_of_bounds ORG/0/7"],
      ],
      [
        "an event moved into the wrong partition: out of bounds, though every hash fits",
        unmarked(`with moved as (delete from pgtrail.event where organization_id = 'ORG' and seq = 7 returning *)
         insert into pgtrail.event_default select * from moved`),
        ["out_of_bounds ORG/0/7"],
      ],
      [
        "an event rewritten with a hash that fits: altered, and the event after it says so",
        rewrite(7),
        ["altered ORG/0/7"],
        "event 8 was chained to another",
      ],
      [
        "the newest event rewritten with a hash that fits: altered, against the head",
        rewrite(20),
        ["altered ORG/0/20"],
        "head",
      ],
      [
        "a genesis head altered is found",
        "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'ORG' and seq = 0",
        ["altered ORG/0/0"],
      ],
      [
        "a genesis head deleted is found",
        "delete from pgtrail.chain_head where organization_id = 'ORG' and seq = 0",
        ["altered ORG/0/0"],
      ],
      [
        "heads deleted: the events after what is left stand behind the head",
        "delete from pgtrail.chain_head where organization_id = 'ORG' and seq > 10",
        ["inserted ORG/0/11"],
      ],
    ]
  const organization = (number: number) => `case-${number}-`
  const of = (number: number, text: string) => text.replaceAll("ORG", organization(number))
  let findings: readonly Finding[]
  beforeAll(async () => {
    for (const number of cases.keys())
      await log.db.query(
        `insert into pgtrail.event (organization_id, event_type, actor_id, details)
         select $1, 'document.read', 'user-' || i, jsonb_build_object('n', i) from generate_series(1, 20) i`,
        [organization(number)],
      )
    expect((await log.verify()).findings).toEqual([])
    for (const [number, [, sql]] of cases.entries()) await log.tamper(of(number, sql))
    findings = (await log.verify()).findings
    await log.restore()
  })

  test.each(cases.map(([what, , found, message = ""], number) => ({ what, found, message, number })))(
    "$what",
    ({ found, message, number }) => {
      const own = findings.filter((one) => one.organization_id?.includes(organization(number)))
      expect(places(own)).toEqual(found.map((one) => of(number, one)))
      if (message === "head") expect(own).toMatchObject([{ group: "head" }])
      else expect(own[0]?.message).toContain(message)
    },
  )

  test("and nothing else", () => {
    const all = cases.flatMap(([, , found], number) => found.map((one) => of(number, one)))
    expect(places(findings)).toEqual(all.sort())
  })
})
