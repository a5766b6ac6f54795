// Events removed, added, moved, copied, swapped: each is found with its kind and its place.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
beforeAll(async () => {
  log = await sampleLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const columns = async () =>
  (
    await log.db.query(
      `select string_agg(attname, ', ' order by attnum) as list from pg_attribute
       where attrelid = 'pgtrail.event'::regclass and attnum > 0 and not attisdropped`,
    )
  )[0]?.list ?? ""

/** A copy of event 7 of globex with some expressions put in for columns. */
async function copyEvent(replaced: Record<string, string>, into = "pgtrail.event"): Promise<string> {
  const list = await columns()
  const values = list
    .split(", ")
    .map((column) => replaced[column] ?? column)
    .join(", ")
  return `insert into ${into} (${list}) select ${values} from pgtrail.event where organization_id = 'globex' and lane = 0 and seq = 7`
}

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

test("the first events of a chain deleted: missing from 1", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq <= 2")
  const report = await log.verify()
  expect(report.findings).toMatchObject([
    { kind: "missing", seq: "1", message: "events 1 to 2 are missing (2)" },
  ])
})

test("an event in the middle deleted: missing", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq = 30")
  const report = await log.verify()
  expect(report.findings).toMatchObject([
    { kind: "missing", organization_id: "globex", lane: "0", seq: "30", message: "event 30 is missing" },
  ])
})

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

test("the tail cut off: truncated", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq > 50")
  const report = await log.verify()
  expect(report.findings).toMatchObject([
    { kind: "truncated", seq: "51", message: "the tail is cut off: events 51 to 60 are missing (10)" },
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

test("a forged event after the head: inserted", async () => {
  await log.tamper(
    await copyEvent({
      seq: "61",
      previous_hash: "(select hash from pgtrail.chain_head where organization_id = 'globex' and seq = 60)",
    }),
  )
  await log.tamper(
    `update pgtrail.event set hash = ${fittingHash} where organization_id = 'globex' and seq = 61`,
  )
  expect(await found()).toEqual(["inserted globex/0/61"])
})

test("a forged event at a place that is taken: inserted, or forked where its hash fits", async () => {
  await log.tamper(
    await copyEvent({ occurred_at: "occurred_at + interval '1 second'", actor_id: "'mallory'" }),
  )
  expect(await found()).toEqual(["inserted globex/0/7"])
  await log.tamper(
    `update pgtrail.event set hash = ${fittingHash} where organization_id = 'globex' and seq = 7 and actor_id = 'mallory'`,
  )
  expect(await found()).toEqual(["forked globex/0/7"])
})

test("a second run at places that are taken: overlapping", async () => {
  await log.tamper(
    await copyEvent({
      occurred_at: "occurred_at + interval '1 second'",
      previous_hash: "sha256('elsewhere')",
    }),
  )
  await log.tamper(
    `update pgtrail.event set hash = ${fittingHash} where organization_id = 'globex' and seq = 7 and previous_hash = sha256('elsewhere')`,
  )
  expect(await found()).toEqual(["overlapping globex/0/7"])
})

test("an event of an organization that has no chain: inserted", async () => {
  await log.tamper(await copyEvent({ organization_id: "'ghost'", seq: "1" }))
  expect(await found()).toEqual(expect.arrayContaining(["inserted ghost/0/1"]))
})

test("two events swapped: reordered, both", async () => {
  await log.tamper(`update pgtrail.event set seq = 1000 where organization_id = 'globex' and seq = 7;
    update pgtrail.event set seq = 7 where organization_id = 'globex' and seq = 8;
    update pgtrail.event set seq = 8 where organization_id = 'globex' and seq = 1000`)
  expect(await found()).toEqual(["reordered globex/0/7", "reordered globex/0/8"])
})

test("an event copied into another partition: duplicated, and out of bounds there", async () => {
  const list = await columns()
  // Without its mark a partition takes any row.
  await log.tamper(`update pg_class set relispartition = false where oid = 'pgtrail.event_default'::regclass`)
  await log.tamper(
    `insert into pgtrail.event_default (${list}) select ${list} from pgtrail.event where organization_id = 'globex' and lane = 0 and seq = 20`,
  )
  await log.tamper(`update pg_class set relispartition = true where oid = 'pgtrail.event_default'::regclass`)
  expect(await found()).toEqual(["duplicated globex/0/20", "out_of_bounds globex/0/20"])
})

test("an event moved into the wrong partition: out of bounds, though every hash fits", async () => {
  const list = await columns()
  await log.tamper(`update pg_class set relispartition = false where oid = 'pgtrail.event_default'::regclass`)
  await log.tamper(
    `with moved as (delete from pgtrail.event where organization_id = 'globex' and lane = 0 and seq = 20 returning *)
     insert into pgtrail.event_default (${list}) select ${list} from moved`,
  )
  await log.tamper(`update pg_class set relispartition = true where oid = 'pgtrail.event_default'::regclass`)
  expect(await found()).toEqual(["out_of_bounds globex/0/20"])
})

test("an event rewritten with a hash that fits: altered, and the event after it says so", async () => {
  await log.tamper(`update pgtrail.event set actor_id = 'mallory' where organization_id = 'globex' and seq = 7;
    update pgtrail.event set hash = ${fittingHash} where organization_id = 'globex' and seq = 7`)
  const report = await log.verify()
  expect(report.findings).toMatchObject([{ kind: "altered", seq: "7" }])
  expect(report.findings[0]?.message).toContain("event 8 was chained to another")
})

test("the newest event rewritten with a hash that fits: altered, against the head", async () => {
  await log.tamper(`update pgtrail.event set actor_id = 'mallory' where organization_id = 'globex' and seq = 60;
    update pgtrail.event set hash = ${fittingHash} where organization_id = 'globex' and seq = 60`)
  expect((await log.verify()).findings).toMatchObject([{ kind: "altered", seq: "60", group: "head" }])
})

test("a genesis head altered or deleted is found", async () => {
  await log.tamper(
    "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'globex' and seq = 0",
  )
  expect(await found()).toEqual(["altered globex/0/0"])
  await log.tamper("delete from pgtrail.chain_head where organization_id = 'globex' and seq = 0")
  expect(await found()).toEqual(["altered globex/0/0"])
})

test("heads deleted: the events after what is left stand behind the head", async () => {
  await log.tamper("delete from pgtrail.chain_head where organization_id = 'globex' and seq > 40")
  expect(await found()).toEqual(["inserted globex/0/41"])
})
