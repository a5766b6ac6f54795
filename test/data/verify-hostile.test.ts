// What an owner or a role without rights does to keep verify from looking, or from telling: it tells what it found all the same.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type Log, places, sampleLog } from "./verify-fixture.js"

let log: Log
beforeAll(async () => {
  log = await sampleLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const alter = "update pgtrail.event set actor_id = 'mallory' where organization_id = 'globex' and seq = 7"

test("a seq that is no place of a chain is found, and is no error", async () => {
  const odd = ["9223372036854775807", "-9223372036854775808", "9007199254740993", "0", "-1"]
  for (const [index, seq] of odd.entries())
    await log.tamper(
      `update pgtrail.event set seq = ${seq} where organization_id = 'globex' and seq = ${7 + 2 * index}`,
    )
  const report = await log.verify()
  expect(report.verdict).toBe("tampered")
  const gone = odd.map((_, index) => `missing globex/0/${7 + 2 * index}`)
  expect(places(report.findings)).toEqual(expect.arrayContaining(gone))
  expect(report.findings.length).toBeGreaterThan(gone.length)
})

test.each([
  [
    "a column that was renamed",
    "alter table pgtrail.event rename actor_name to x",
    "alter table pgtrail.event rename x to actor_name",
  ],
  [
    "a table of pgtrail that was renamed",
    "alter table pgtrail.verified_head rename to gone",
    "alter table pgtrail.gone rename to verified_head",
  ],
  [
    "a ledger of migrations that was changed",
    "update pgtrail.migration set checksum = 'x' || checksum",
    "update pgtrail.migration set checksum = substr(checksum, 2)",
  ],
])("%s is tampering, not a reason to stop", async (_, make, undo) => {
  await log.tamper(make)
  expect((await log.verify()).verdict).toBe("tampered")
  await log.tamper(undo)
  expect((await log.verify()).verdict).toBe("intact")
})

test("an identity that was deleted, or that got a second row, is tampering", async () => {
  await expect(log.db.query("insert into pgtrail.log default values")).rejects.toMatchObject({
    code: "23505",
  })
  await log.tamper("delete from pgtrail.log")
  expect((await log.verify()).verdict).toBe("tampered")
})

test("a column that cannot be read does not hide what the other parts found", async () => {
  await log.trail.verify({ jobs: 1 })
  await log.tamper("update pgtrail.act set kind = 'x' where seq = 1")
  await log.tamper("alter table pgtrail.event rename actor_name to x")
  const report = await log.verify()
  expect(places(report.findings)).toContain("act_altered -/-/1")
  expect(report.unread.join()).toContain("the events")
  await log.tamper("alter table pgtrail.event rename x to actor_name")
})

describe("the verdict does not depend on whether it can be recorded", () => {
  test("a database that is read only by default", async () => {
    await log.tamper(alter)
    await log.db.query(`alter database "${log.db.name}" set default_transaction_read_only = on`)
    const report = await (await log.db.trail()).verify({ jobs: 1 })
    await log.db.query("set default_transaction_read_only = off")
    await log.db.query(`alter database "${log.db.name}" reset default_transaction_read_only`)
    expect(report).toMatchObject({ verdict: "tampered", act: null })
    expect(report.not_recorded).toMatch(/read-only/)
  })

  test("a role without any right holds the lock of the act chain: it waits ten seconds and says so", async () => {
    const stranger = await log.db.role()
    const client = await stranger.client()
    await client.query("select pg_advisory_lock(1885828210, -1)")
    const report = await log.trail.verify({ jobs: 1 })
    expect(report).toMatchObject({ verdict: "intact", act: null })
    expect(report.not_recorded).toMatch(/another session holds the lock/)
    await client.end()
  })

  test("a role that may not record", async () => {
    const auditor = await log.db.role({ memberOf: ["pgtrail_auditor"] })
    await log.db.query(
      "revoke execute on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) from pgtrail_auditor",
    )
    const report = await (await log.db.trail({ url: auditor.url })).verify({ jobs: 1 })
    expect(report).toMatchObject({
      verdict: "tampered",
      act: null,
      not_recorded: "this role may not record one",
    })
    await log.db.query(
      "grant execute on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) to pgtrail_auditor",
    )
  })
})

describe("an auditor is not believed blindly", () => {
  test("he cannot make verify forget a lane, nor remember one that never was", async () => {
    await log.trail.verify({ jobs: 1 })
    const auditor = await log.db.role({ memberOf: ["pgtrail_auditor"] })
    const client = await auditor.client()
    await expect(
      client.query(
        "select pgtrail.record_verification('{}', null, '{ghost}', '{0}', '{7}', array[sha256('x')])",
      ),
    ).rejects.toMatchObject({ code: "55000" })
    const remembered = () => log.db.query("select * from pgtrail.verified_head order by 1, 2")
    const before = await remembered()
    await client.query("select pgtrail.record_verification('{}', null, '{}', '{}', '{}', '{}')")
    expect(await remembered()).toEqual(before)
    await client.end()
    expect((await log.verify()).verdict).toBe("intact")
  })

  test("an older verification that is recorded later takes no head back", async () => {
    const before = await log.db.query(
      "select organization_id, lane, max(seq) as seq from pgtrail.chain_head group by 1, 2 order by 1, 2",
    )
    await log.db.query("insert into pgtrail.event (organization_id, event_type) values ('globex', 'later')")
    await log.trail.verify({ jobs: 1 })
    const list = (column: string) => before.map((row) => row[column])
    await log.db.query(
      `select pgtrail.record_verification('{}', null, $1, $2, $3, (select array_agg(h.hash order by h.organization_id, h.lane)
         from unnest($1::text[], $2::smallint[], $3::bigint[]) g (o, l, s) join pgtrail.chain_head h on (h.organization_id, h.lane, h.seq) = (g.o, g.l, g.s)))`,
      [list("organization_id"), list("lane"), list("seq")],
    )
    const [head] = await log.db.query(
      "select seq from pgtrail.verified_head where organization_id = 'globex'",
    )
    expect(head?.seq).toBe("61")
    expect((await log.verify()).verdict).toBe("intact")
  })
})

test("a time range whose events were replaced by copies of others is not intact", async () => {
  const [row] = await log.db.query(
    "select max(occurred_at) filter (where seq = 20) as since, max(occurred_at) filter (where seq = 30) as until from pgtrail.event where organization_id = 'globex'",
  )
  await log.tamper(
    "create temp table one as select * from pgtrail.event where organization_id = 'globex' and seq = 1",
  )
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq between 20 and 29")
  for (let i = 1; i <= 10; i++) {
    await log.tamper(
      `update one set occurred_at = occurred_at - interval '1 second'; insert into pgtrail.event select * from one`,
    )
  }
  const report = await log.trail.verify({ since: row?.since ?? "", until: row?.until ?? "", record: false })
  expect(report.verdict).toBe("tampered")
  expect(places(report.findings)).toContain("missing globex/0/20")
})

test("a partition with an infinite bound is read like any other", async () => {
  await log.db.query("select pgtrail.create_partition('event_before', '-infinity', '1990-01-01')")
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('globex', 'old', '1980-01-01')",
  )
  expect((await log.verify()).findings).toEqual([])
})
