// Purging an organization: what goes, what stays, what is recorded, and what is refused.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { describePurge } from "../../src/data/purge/describe.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { testKey } from "./signing.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

/** In lane 0 and lane 16, over some months: some in the partition of this one, on whatever day of it. */
async function append(organization: string, count: number): Promise<void> {
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at, retention_policy, actor_id)
     select $1, 'document.read', date_trunc('month', now()) + interval '20 days' - i * interval '2 days', case when i % 4 = 0 then 'short' else 'standard' end, 'ada'
     from generate_series(1, $2::int) i`,
    [organization, count],
  )
}
const count = async (organization: string) =>
  Number(
    (await db.query("select count(*) as n from pgtrail.event where organization_id = $1", [organization]))[0]
      ?.n,
  )
const acts = () => db.query("select count(*) as acts, max(seq) as newest from pgtrail.act")
const purge = (organization: string, options = {}) =>
  trail.purgeOrganization(organization, { reason: "contract ended", confirm: organization, ...options })
const verdict = async () => (await trail.verify({ jobs: 1, record: false })).verdict

/** As superuser with every trigger off. */
const tamper = (sql: string) =>
  db.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)

describe("an organization that is purged", () => {
  test("is gone, by one act that says what went, and the others stay", async () => {
    await append("acme", 40)
    await append("globex", 20)
    const purged = await purge("acme", { requestedBy: "DPO-17" })
    expect(purged).toMatchObject({ refused: false, dry_run: false, events: "40", lanes: "2", remaining: "0" })
    expect(purged.acts).toHaveLength(1)
    expect([await count("acme"), await count("globex")]).toEqual([0, 20])
    const { act } = await trail.act(purged.acts[0] ?? "")
    expect(act).toMatchObject({ kind: "purge", about: "40 events of acme: contract ended" })
    expect(JSON.parse(act.parameters ?? "")).toEqual({
      organization: "acme",
      reason: "contract ended",
      lanes: 2,
      events: 40,
      oldest: purged.oldest,
      newest: purged.newest,
      requested_by: "DPO-17",
      override: null,
      verification: Number(purged.verification?.act),
      holds: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      at: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/),
    })
    expect(
      await db.query(
        "select lane, ranges, events, octet_length(hashes) as bytes from pgtrail.purge order by lane",
      ),
    ).toEqual([
      { lane: "0", ranges: "{[1,31)}", events: "30", bytes: "64" },
      { lane: "16", ranges: "{[1,11)}", events: "10", bytes: "64" },
    ])
    expect(await verdict()).toBe("intact")
  })

  test("goes on in the same lanes, and what came since can be purged too", async () => {
    await append("acme", 8)
    expect(await verdict()).toBe("intact")
    expect(await purge("acme")).toMatchObject({ events: "8", lanes: "2" })
    expect(await purge("acme")).toMatchObject({ events: "0", acts: [], verification: null })
    expect(await db.query("select ranges from pgtrail.purge where lane = 16 order by act_seq")).toEqual([
      { ranges: "{[1,11)}" },
      { ranges: "{[11,13)}" },
    ])
    expect(await verdict()).toBe("intact")
  })

  test("goes in portions, and no further than it is told to", async () => {
    await append("batched", 40)
    const some = await purge("batched", { batchSize: 7, maxRows: 20 })
    expect(some).toMatchObject({ events: "20", remaining: "20" })
    expect(some.acts).toHaveLength(3)
    expect(await count("batched")).toBe(20)
    expect(await verdict()).toBe("intact")
    const rest = await purge("batched", { batchSize: 7 })
    expect(rest).toMatchObject({ events: "20", remaining: "0" })
    expect(
      await db.query(
        "select sum(events) as events, count(*) as records from pgtrail.purge where organization_id = 'batched'",
      ),
    ).toEqual([{ events: "40", records: "7" }])
    expect(await verdict()).toBe("intact")
  })

  test("stops between two portions when it is told to, and says what it has done", async () => {
    await append("stopped", 20)
    const stop = new AbortController()
    const progress = (doing: string) => {
      if (doing === "7 of 20 events purged") stop.abort()
    }
    await expect(purge("stopped", { batchSize: 7, signal: stop.signal, progress })).rejects.toMatchObject({
      code: "cancelled",
      message: "stopped between two portions",
      hint: expect.stringMatching(/^7 events purged before, by act \d+; run it again for the rest$/),
    })
    expect(await count("stopped")).toBe(13)
    expect(await purge("stopped")).toMatchObject({ events: "13", remaining: "0" })
  })

  test("is told by show, at its places and beside them", async () => {
    await append("shown", 12)
    const { acts: by } = await purge("shown", { maxRows: 4 })
    await expect(trail.show({ organization: "shown", lane: "0", seq: "4" })).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringMatching(
        new RegExp(`^event shown/0/4 was purged at \\d{4}-.*Z by act ${by[0]}$`),
      ),
      hint: `pgtrail act show ${by[0]}`,
    })
    await expect(trail.show({ organization: "shown", lane: "0", seq: "40" })).rejects.toMatchObject({
      message: "there is no event shown/0/40",
    })
    const after = await trail.show({ organization: "shown", lane: "0", seq: "5" })
    expect(after).toMatchObject({
      previous: null,
      purged_before: by[0],
      purged_after: null,
      verifies: true,
      problems: [],
    })
    await tamper(
      "update pgtrail.purge set hashes = sha256('x') || sha256('y') where organization_id = 'shown'",
    )
    const forged = await trail.show({ organization: "shown", lane: "0", seq: "5" })
    expect(forged).toMatchObject({
      verifies: false,
      problems: [expect.stringContaining("ended with another hash")],
    })
  })
})

describe("nothing is purged", () => {
  let organization: string
  let before: unknown
  beforeAll(async () => {
    organization = "kept"
    await tamper(
      "truncate pgtrail.event, pgtrail.chain_head, pgtrail.verified_head, pgtrail.purge; delete from pgtrail.act where kind in ('purge', 'verify')",
    )
    await append(organization, 24)
    await append("other", 4)
    before = await db.query("select organization_id, lane, seq, hash from pgtrail.event order by 1, 2, 3")
  })
  const unchanged = async () => {
    expect(
      await db.query("select organization_id, lane, seq, hash from pgtrail.event order by 1, 2, 3"),
    ).toEqual(before)
    expect(await db.query("select from pgtrail.purge")).toEqual([])
  }

  test.each([
    [{ confirm: undefined }, "usage", "this removes 24 events of kept in 2 lanes for ever"],
    [
      { confirm: "KEPT" },
      "usage",
      "--confirm names KEPT, and this removes 24 events of kept in 2 lanes for ever",
    ],
    [{ confirm: undefined, maxRows: 5 }, "usage", "this removes 5 events of kept in 2 lanes for ever"],
    [{ reason: " \n" }, "usage", "a purge takes a reason"],
    [{ reason: "x".repeat(2001) }, "usage", "a purge takes a reason, of 2000 characters at most"],
    [{ maxRows: 0 }, "usage", "the number of events to purge must be at least 1"],
  ])("with %.80j", async (options, code, message) => {
    await expect(purge(organization, options)).rejects.toMatchObject({
      code,
      message,
      hint: expect.any(String),
    })
    await unchanged()
  })

  test("of an organization that does not exist, and the name that was meant is told", async () => {
    await expect(purge("kpet")).rejects.toMatchObject({
      code: "not-found",
      message: "there is no organization kpet",
      hint: "nothing was purged; did you mean kept?",
    })
    await expect(purge("x\u001b[2J' or true --")).rejects.toMatchObject({ code: "not-found" })
    await unchanged()
  })

  test("in a dry run, which says what would go and records nothing", async () => {
    const acted = await acts()
    const dry = await purge(organization, { dryRun: true, confirm: undefined })
    expect(dry).toMatchObject({
      dry_run: true,
      refused: false,
      events: "24",
      lanes: "2",
      acts: [],
      remaining: "0",
    })
    expect(dry.partitions.reduce((sum, { events }) => sum + Number(events), 0)).toBe(24)
    expect(dry.partitions.every(({ bytes, oldest }) => Number(bytes) > 0 && oldest.endsWith("Z"))).toBe(true)
    expect(describePurge(dry)).toMatch(
      /^would purge 24 events of kept in 2 lanes, from \S+Z to \S+Z\n( {2}pgtrail\.event_\w+ {2}\d+ events?, about [\d,]+ kB\n?)+$/,
    )
    expect(await acts()).toEqual(acted)
    await unchanged()
  })

  test("while another run purges, or another act takes longer than the lock is waited for", async () => {
    const other = await db.client()
    await other.query("select pg_advisory_lock(1885828210, -3)")
    await expect(purge(organization)).rejects.toMatchObject({ code: "busy" })
    await other.query("select pg_advisory_unlock_all()")
    await other.query("select pg_advisory_lock(1885828210, -1)")
    // The verification before it cannot be recorded either, and waits its own ten seconds for that: without.
    const key = "select pgtrail.purge_events($1, '{0}', '{1}', '{18}', '{null}', null, 'x')"
    const blocked = await db.client()
    await blocked.query("set lock_timeout = '100ms'")
    await expect(blocked.query(key, [organization])).rejects.toMatchObject({ code: "55P03" })
    await other.end()
    await blocked.end()
    await unchanged()
  })

  test("without the rights of an operator and of an auditor, and neither gets more than that by them", async () => {
    for (const memberOf of [
      ["pgtrail_operator"],
      ["pgtrail_auditor"],
      ["pgtrail_writer", "pgtrail_reader"],
    ]) {
      const role = await db.role({ memberOf })
      await expect(
        (await db.trail({ url: role.url })).purgeOrganization(organization, {
          reason: "x",
          confirm: organization,
        }),
      ).rejects.toMatchObject({
        code: "privilege",
        hint: "nothing was purged; grant pgtrail_operator and pgtrail_auditor to the role of this connection",
      })
      const client = await role.client()
      for (const sql of [
        "delete from pgtrail.event",
        "delete from pgtrail.purge",
        "insert into pgtrail.purge select * from pgtrail.purge",
      ])
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" })
      await client.end()
    }
    await unchanged()
  })

  test("by a statement that no act records, and its records cannot be changed", async () => {
    await expect(db.query("delete from pgtrail.event where organization_id = 'kept'")).rejects.toMatchObject({
      code: "TR002",
    })
    for (const sql of [
      "delete from pgtrail.purge",
      "update pgtrail.purge set events = 0",
      "truncate pgtrail.purge",
    ])
      await expect(db.query(sql)).rejects.toMatchObject({ code: "TR002" })
  })

  const head =
    "(select hash from pgtrail.chain_head where organization_id = 'kept' and lane = 0 order by seq desc limit 1)"
  const call = (given: string, more = "'why'") =>
    `select pgtrail.purge_events('kept', ${given}, null, ${more})`
  test.each([
    [
      "another newest event",
      call("'{0}', '{1}', '{18}', array[sha256('x')]"),
      "TR013",
      "lane 0 has another newest event",
    ],
    ["a place beyond the head", call("'{0}', '{1}', '{19}', '{null}'"), "TR013", "lane 0 does not reach"],
    ["a lane that is not there", call("'{7}', '{1}', '{1}', '{null}'"), "TR013", "lane 7 does not reach"],
    ["a start in the middle", call("'{0}', '{2}', '{18}', '{null}'"), "TR013", "lane 0 does not follow"],
    [
      "partitions without all of the events",
      `select pgtrail.purge_events('kept', '{0}', '{1}', '{18}', '{null}', array['pgtrail.event_default'::regclass], 'why')`,
      "TR013",
      "lane 0 has not each event once",
    ],
    [
      "no partition at all",
      "select pgtrail.purge_events('kept', '{0}', '{1}', '{18}', '{null}', '{1}', 'why')",
      "TR013",
      "a lane has no event left",
    ],
    [
      "a table that is no partition",
      "select pgtrail.purge_events('kept', '{0}', '{1}', '{18}', '{null}', array['pgtrail.act'::regclass], 'why', null, '{0123456789abcdef}')",
      "TR013",
      "a lane has no event left",
    ],
    ["lanes twice", call("'{0,0}', '{1,1}', '{2,2}', '{null,null}'"), "TR009", "of each lane once"],
    [
      "lists that differ in length",
      call("'{0,16}', '{1}', '{1,1}', '{null,null}'"),
      "TR009",
      "first and last place",
    ],
    ["places in the wrong order", call("'{0}', '{5}', '{4}', '{null}'"), "TR009", "first and last place"],
    ["nothing", call("'{}', '{}', '{}', '{}'"), "TR009", "first and last place"],
    ["no reason", call("'{0}', '{1}', '{18}', '{null}'", "null"), "TR009", "takes a reason"],
    [
      "words for findings",
      call("'{0}', '{1}', '{18}', '{null}'", "'why', null, array['all']"),
      "TR009",
      "by their ids",
    ],
    [
      "an override of no findings",
      call("'{0}', '{1}', '{18}', '{null}'", "'why', null, '{}'"),
      "TR009",
      "by their ids",
    ],
    [
      "a verification that never was",
      call("'{0}', '{1}', '{18}', '{null}'", "'why', null, null, 1"),
      "TR009",
      "act 1 is no verification",
    ],
  ])("by the function with %s", async (_, sql, code, message) => {
    await expect(db.query(sql)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    await unchanged()
  })

  test.each([
    [
      "an event that is missing",
      "delete from pgtrail.event where organization_id = 'kept' and lane = 0 and seq = 9",
      "has not each event once",
    ],
    [
      "an event that is there twice",
      `create temp table double on commit drop as select * from pgtrail.event where organization_id = 'kept' and lane = 0 and seq = 9;
       update double set occurred_at = occurred_at + interval '1 us'; insert into pgtrail.event select * from double`,
      "has not each event once",
    ],
    [
      "a first event that starts elsewhere",
      "update pgtrail.event set previous_hash = sha256('x') where organization_id = 'kept' and lane = 0 and seq = 1",
      "does not follow",
    ],
  ])("by the function where it finds %s", async (_, sql, message) => {
    await db.query(
      `begin; set local session_replication_role = replica; ${sql}; set local session_replication_role = origin`,
    )
    await expect(db.query(call(`'{0}', '{1}', '{18}', array[${head}]`))).rejects.toMatchObject({
      code: "TR013",
      message: `lane 0 ${message.includes("follow") ? `${message} what was before it` : message}`,
    })
    await db.query("rollback")
    await unchanged()
  })
})

describe("evidence of tampering", () => {
  const gap = "delete from pgtrail.event where organization_id = 'tampered' and lane = 0 and seq in (5, 6)"
  beforeAll(async () => {
    await tamper("truncate pgtrail.event, pgtrail.chain_head")
    await append("tampered", 24)
    await append("other", 4)
    await tamper(`${gap}; update pgtrail.event set actor_id = 'eve' where organization_id = 'tampered' and lane = 0 and seq = 9;
      create temp table double on commit drop as select * from pgtrail.event where organization_id = 'tampered' and lane = 16 and seq = 3;
      update double set occurred_at = occurred_at + interval '1 us'; insert into pgtrail.event select * from double;
      update pgtrail.event set previous_hash = 'x' where organization_id = 'tampered' and lane = 16 and seq = 4`)
  })

  test("is not purged, in a dry run neither, and the findings are told", async () => {
    for (const options of [{}, { dryRun: true }]) {
      const refused = await purge("tampered", options)
      expect(refused).toMatchObject({ refused: true, acts: [], events: "24" })
      expect(refused.verification?.findings.map(({ kind }) => kind).sort()).toEqual([
        "altered",
        "altered",
        "inserted",
        "missing",
        "missing",
      ])
    }
    expect(await count("tampered")).toBe(23)
    expect(await purge("other")).toMatchObject({ refused: false, events: "4" })
  })

  test("that was accepted is evidence still", async () => {
    const [missing] = (await trail.verify({ jobs: 1 })).findings.filter(({ kind }) => kind === "missing")
    await trail.acceptFinding(missing?.id ?? "", { reason: "known" })
    expect(await purge("tampered", { dryRun: true })).toMatchObject({ refused: true })
  })

  test("is purged in spite of it, by acts that name the findings, and what was missing stays missing", async () => {
    const before = (await purge("tampered", { dryRun: true })).verification
    const ids = [...(before?.findings ?? []), ...(before?.accepted ?? [])].map(({ id }) => id)
    const purged = await purge("tampered", { despiteFindings: true })
    expect(purged).toMatchObject({ refused: false, events: "23", lanes: "2", remaining: "0" })
    expect(await count("tampered")).toBe(0)
    const { act } = await trail.act(purged.acts[0] ?? "")
    expect(JSON.parse(act.parameters ?? "").override.sort()).toEqual(ids.sort())
    expect(
      await db.query(
        "select lane, ranges from pgtrail.purge where organization_id = 'tampered' order by lane",
      ),
    ).toEqual([
      { lane: "0", ranges: "{[1,5),[7,19)}" },
      { lane: "16", ranges: "{[1,7)}" },
    ])
    const after = await trail.verify({ jobs: 1, record: false, strict: true })
    expect(after.findings).toEqual(before?.accepted.map(({ accepted: _, ...finding }) => finding))
    expect(await verdict()).toBe("intact")
    // What is left are places of which the events are missing.
    expect(await purge("tampered", { despiteFindings: true })).toMatchObject({
      events: "0",
      acts: [],
      remaining: "0",
    })
  })
})

test("where acts must be signed a purge needs a key, and each of its acts is signed", async () => {
  const key = testKey("operator")
  await append("signed", 12)
  await trail.setSetting("require-signed-acts", "on")
  await expect(purge("signed")).rejects.toMatchObject({
    code: "config",
    message: "this log takes signed acts only, and no key was given",
  })
  await expect(
    db.query("select pgtrail.purge_events('signed', '{0}', '{1}', '{1}', '{null}', null, 'why')"),
  ).rejects.toMatchObject({ code: "TR012" })
  const { acts: by } = await purge("signed", { key: key.text, batchSize: 5 })
  expect(by).toHaveLength(3)
  for (const seq of by)
    expect(await trail.act(seq)).toMatchObject({ signature: expect.any(String), verifies: true })
  expect(await count("signed")).toBe(0)
  expect(await verdict()).toBe("intact")
})

test("an operator who is an auditor purges, in a log without roles whoever owns it", async () => {
  const own = await testDatabase({ empty: true })
  try {
    const log = await own.trail()
    await log.install({ roles: false })
    await own.query(
      "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 5)",
    )
    expect(await log.purgeOrganization("acme", { reason: "x", confirm: "acme" })).toMatchObject({
      events: "5",
    })
    expect(await log.verify({ jobs: 1, record: false })).toMatchObject({
      verdict: "intact",
      covered: { purged: "5" },
    })
  } finally {
    await own.drop()
  }
  await append("by role", 5)
  const role = await db.role({ memberOf: ["pgtrail_operator", "pgtrail_auditor"] })
  const key = testKey("operator").text
  const by = await (await db.trail({ url: role.url })).purgeOrganization("by role", {
    reason: "x",
    confirm: "by role",
    key,
  })
  expect(by).toMatchObject({ events: "5", refused: false })
})
