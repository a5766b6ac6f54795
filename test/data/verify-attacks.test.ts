// Attacks by somebody who owns the database and has thought about how verify works: each once made it say intact, or fail.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { places } from "./verify-fixture.js"

let log: AnchoredLog
let checkpoint: string
beforeAll(async () => {
  log = await anchoredLog()
  checkpoint = await log.checkpoint("old.checkpoint")
  await log.append("acme", 5)
  await log.trail.verify({ jobs: 1 })
  await log.keep()
})
afterAll(() => log.drop())
afterEach(() => log.restore())

const kinds = (report: { findings: readonly { kind: string }[] }) => report.findings.map(({ kind }) => kind)
const incremental = (options = {}) => log.check({ incremental: true, ...options })
const accept = async () => {
  const { findings } = await log.trail.verify({ jobs: 1 })
  for (const { id } of findings) await log.db.query("select pgtrail.accept_finding($1, 'known')", [id])
  expect((await log.check()).verdict).toBe("intact")
}
/** A copy of an event at another place, with triggers off. */
const copyTo = (
  organization: string,
  lane: number,
  seq: string,
  from = "organization_id = 'globex' and seq = 3",
) =>
  log.tamper(
    `create table public.one as select * from pgtrail.event where ${from};
     update public.one set organization_id = '${organization}', lane = ${lane}, seq = ${seq};
     insert into pgtrail.event select * from public.one; drop table public.one`,
  )
/** Chains a lane anew from one seq to another, with hashes that fit; what is behind stays. */
const rewriteBetween = (first: number, last: number) =>
  log.tamper(
    `do $$ declare e record; before bytea; begin
       select hash into before from pgtrail.event where organization_id = 'globex' and seq = ${first - 1};
       for e in select * from pgtrail.event where organization_id = 'globex' and seq between ${first} and ${last} order by seq loop
         update pgtrail.event set previous_hash = before, description = 'forged' where organization_id = 'globex' and seq = e.seq;
         update pgtrail.event v set hash = sha256(record_send(row('pgtrail event'::text, hash_version, organization_id, lane, seq, previous_hash,
           sha256(record_send(row('pgtrail identity'::text, identity_salt, actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id))),
           sha256(record_send(row('pgtrail content'::text, content_salt, resource_id, resource_name, namespace, description, error_message, request_path,
             request_id, correlation_id, request_params, before_state, after_state, details, tags, signature))),
           occurred_at, recorded_at, id, external_id, external_number, source, project_id, event_type, category, action, severity, outcome, status_code,
           actor_type, actor_role, resource_type, request_method, data_classification, data_size_bytes, retention_policy, compliance_tags, event_version,
           processing_latency_ms)))
         where organization_id = 'globex' and seq = e.seq returning hash into before;
       end loop; end $$`,
  )

test("rewriteBetween makes hashes that fit: up to the head nothing but a checkpoint shows it", async () => {
  await rewriteBetween(50, 60)
  await log.tamper(
    `update pgtrail.chain_head h set hash = e.hash from pgtrail.event e where h.organization_id = 'globex' and h.seq = 60
       and e.organization_id = 'globex' and e.seq = 60`,
  )
  expect(places((await log.check()).findings)).toEqual(["altered globex/0/60"])
  expect((await log.check()).findings[0]?.message).toContain("verification")
})

test("an incremental run from an old checkpoint also compares what a later verification remembers", async () => {
  await log.tamper(
    "delete from pgtrail.event where organization_id = 'acme' and event_type = 'more'; delete from pgtrail.chain_head where organization_id = 'acme' and lane = 0 and seq > 40",
  )
  expect(places((await incremental({ checkpoints: [checkpoint] })).findings)).toEqual(["truncated acme/0/41"])
})

describe("who accepts a finding accepts nothing else:", () => {
  test("not another beginning of the chain before an altered event", async () => {
    await log.tamper(
      "update pgtrail.event set description = 'x' where organization_id = 'globex' and seq = 10",
    )
    await accept()
    await rewriteBetween(2, 9)
    expect(places((await log.check({ checkpoints: [checkpoint] })).findings)).toEqual(["altered globex/0/10"])
  })

  test("not another beginning of the chain before a gap", async () => {
    await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq = 10")
    await accept()
    await rewriteBetween(2, 9)
    expect(places((await log.check({ checkpoints: [checkpoint] })).findings)).toEqual(["missing globex/0/10"])
  })

  test("not other heads where the remembered ones were changed", async () => {
    await log.tamper("delete from pgtrail.verified_head where organization_id = 'globex'")
    await accept()
    await log.tamper(
      "delete from pgtrail.verified_head; delete from pgtrail.event where organization_id = 'globex'; delete from pgtrail.chain_head where organization_id = 'globex'",
    )
    expect((await log.check()).verdict).toBe("tampered")
  })

  test("not other rows without a place", async () => {
    await copyTo("globex", 0, "1::bigint << 60")
    await accept()
    await copyTo("globex", 0, "1::bigint << 61", "organization_id = 'initech' and seq = 3")
    expect((await log.check()).verdict).toBe("tampered")
  })

  test("not another description of the catalog", async () => {
    await log.tamper(
      "update pgtrail.catalog_object set definition = definition || 'x' where object = 'schema pgtrail'",
    )
    const { findings } = await log.trail.verify({ jobs: 1 })
    for (const { id } of findings) await log.db.query("select pgtrail.accept_finding($1, 'known')", [id])
    await log.tamper(
      "update pgtrail.catalog_object set definition = definition || 'y' where object = 'table loss'",
    )
    const ids = findings.map(({ id }) => id)
    const later = (await log.check()).findings
    expect(later.some(({ message }) => message.includes("pgtrail.catalog_object"))).toBe(true)
    expect(later.every(({ id }) => !ids.includes(id))).toBe(true)
  })

  test("not another number of events after the head", async () => {
    await log.tamper("delete from pgtrail.chain_head where organization_id = 'initech' and seq > 58")
    await log.tamper("delete from pgtrail.event where organization_id = 'initech' and seq = 60")
    await accept()
    await copyTo("initech", 0, "60", "organization_id = 'initech' and seq = 3")
    expect((await log.check()).verdict).toBe("tampered")
  })
})

describe("lanes that no head tells of:", () => {
  const cases = [
    ["a lane without a head", "acme", 7, "1", ["inserted acme/7/1"]],
    ["a place that no chain has", "ghost", 3, "-7", ["inserted ghost/3/-7"]],
    ["an event after the head of a lane where nothing is new", "globex", 0, "61", ["inserted globex/0/61"]],
    // A whole run has no place for it.
    ["a place that is too large", "initech", 0, "1::bigint << 60", ["altered initech/0/-", "altered -/-/-"]],
  ] as const
  const ways = [{ incremental: true }, { maxSeconds: 100 }, { since: "2000-01-01" }, {}]
  const found: string[][] = []
  beforeAll(async () => {
    for (const [, organization, lane, seq] of cases) await copyTo(organization, lane, seq)
    for (const options of ways) found.push(places((await log.check(options)).findings))
    await log.restore()
  })

  test.each(cases)(
    "%s is found by an incremental run, one in pieces, one of a time, and a whole one",
    (_, organization, lane, seq, expected) => {
      expect(found).toHaveLength(ways.length)
      for (const [way, one] of found.entries())
        expect(
          one.filter((place) => (expected as readonly string[]).includes(place)),
          `${organization}/${lane}/${seq} ${JSON.stringify(ways[way])}`,
        ).toHaveLength(1)
    },
  )
})

test("two places whose numbers the server hashes alike are told apart in a time range", async () => {
  // hashint8 folds the halves of a number into one.
  await copyTo("globex", 0, "1::bigint << 32", "organization_id = 'globex' and seq = 1")
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq = 1")
  expect((await log.check({ since: "2000-01-01", until: "2000-01-02" })).verdict).toBe("tampered")
})

describe("going on at a place", () => {
  const from = (organization: string, lane: string, seq: string) =>
    log.check({ from: { organization, lane, seq } })

  test("where no event stands any more is a finding", async () => {
    await log.tamper(
      `delete from pgtrail.verified_head; delete from pgtrail.event where organization_id = 'globex' and seq > 20;
       delete from pgtrail.chain_head where organization_id = 'globex' and seq > 20`,
    )
    expect(places((await from("globex", "0", "30")).findings)).toContain("truncated globex/0/21")
  })

  test("in a lane that is not there is a finding", async () => {
    expect(places((await from("nope", "0", "5")).findings)).toEqual(["truncated nope/0/1"])
  })
})

test("an organization that is not there is incomplete, also incrementally", async () => {
  expect((await incremental({ organization: "typo" })).verdict).toBe("incomplete")
})

test("acts whose parameters have another shape are findings, never a crash", async () => {
  for (const parameters of ["null", "[]", '"x"', '{"remembered": "true", "findings": 3}']) {
    await log.tamper(
      `update pgtrail.act set parameters = '${parameters}' where kind in ('verify', 'checkpoint')`,
    )
    expect(kinds(await log.check())).toContain("act_altered")
  }
})

test("a log whose incarnations were taken away is tampered, also for who brings a checkpoint or a state", async () => {
  await log.tamper("delete from pgtrail.incarnation")
  expect(kinds(await log.check())).toContain("control_altered")
  expect(kinds(await log.check({ checkpoints: [checkpoint] }))).toContain("control_altered")
  await log.tamper("update pgtrail.log set log_id = gen_random_uuid()")
  expect((await log.check({ checkpoints: [checkpoint] })).verdict).toBe("tampered")
})

test("a rate or a time of nothing is refused", async () => {
  await expect(log.check({ maxRate: 0 })).rejects.toMatchObject({ code: "usage" })
  await expect(log.check({ maxSeconds: 0 })).rejects.toMatchObject({ code: "usage" })
})
