// The events of an archive come back as they were, once, while others write, and are counted again.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import {
  append,
  archiveLog,
  everything,
  type MadeArchive,
  makeArchive,
  restore,
} from "./archive-sql-fixture.js"
import { bringBack, keepLog } from "./kept-log.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await archiveLog()
  trail = await db.trail()
  await keepLog(db)
})
afterEach(() => bringBack(db))
afterAll(() => db.drop())

const rows = (of: string) =>
  db.query(
    `select md5(string_agg(md5(e::text), '' order by organization_id, lane, seq)) as digest, count(*) from ${of} e`,
  )
const january = "pgtrail.event e where e.occurred_at < '2020-02-01Z'"

describe.each([
  ["a whole partition, which is dropped", {}],
  ["an organization", { organization: "acme" }],
  ["a time", { since: "2020-01-03T00:00:00Z", until: "2020-01-03T12:00:00Z" }],
])("an archive of %s", (_, choice) => {
  test("comes back with the same bytes, the act of it, and records that count no more", async () => {
    const before = await rows(`(select e.* from ${january})`)
    const archive = await makeArchive(db, "event_2020_01", choice)
    expect(archive.events).toBeGreaterThan(0)
    expect(await rows(`(select e.* from ${january})`)).not.toEqual(before)
    await restore(await db.client(), archive)
    expect(await rows(`(select e.* from ${january})`)).toEqual(before)
    const [act] = await db.query("select seq, kind, parameters from pgtrail.act order by seq desc limit 1")
    expect(act).toMatchObject({ kind: "restore" })
    expect(JSON.parse(act?.parameters ?? "")).toEqual({
      archive: archive.name,
      purge: Number(archive.act),
      events: archive.events,
      schema: null,
      reason: "asked for",
      requested_by: null,
    })
    expect(
      await db.query(
        `select distinct p.restored_seq, a.restored_seq as archive, (select count(*) from pgtrail.purge_bounds('acme', p.lane)) as bounds
         from pgtrail.purge p join pgtrail.archive a using (act_seq)`,
      ),
    ).toEqual([{ restored_seq: act?.seq, archive: act?.seq, bounds: "0" }])
    // What was restored goes like everything else, and its places are told by the later record alone.
    await db.query("select pgtrail.purge_partition('event_2020_02', 'again', everything => true)")
    await expect(restore(await db.client(), archive)).rejects.toMatchObject({ code: "TR011" })
  })
})

test("of two restores at once one brings them back, and the other is told so", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const clients = [await db.client(), await db.client()]
  const outcomes = await Promise.allSettled(clients.map((client) => restore(client, archive)))
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  // Too late, or at the same time: then it does not wait, because who has the archive waits for locks that it has itself.
  expect(outcomes.find((one) => one.status === "rejected")).toMatchObject({
    reason: { code: expect.stringMatching(/^(TR011|55P03)$/) },
  })
  expect(await db.query("select count(*) from pgtrail.act where kind = 'restore'")).toEqual([{ count: "1" }])
  expect((await trail.verify({ jobs: 1 })).findings).toEqual([])
})

test("many events come back into the partition of their time, empty or not, while others are appended", async () => {
  await append(db, 1500, "2020-01-05Z")
  const before = await rows("(select e.* from only pgtrail.event_2020_01 e)")
  const again = async (isEmpty: boolean): Promise<MadeArchive> => {
    const archive = await makeArchive(db, "event_2020_01", { until: "2020-02-01T00:00:00Z" })
    await db.query("select pgtrail.split_default('{event_2020_01}', '{2020-01-01Z}', '{2020-02-01Z}')")
    if (!isEmpty) await append(db, 1, "2020-01-01Z")
    return archive
  }
  for (const isEmpty of [true, false]) {
    const archive = await again(isEmpty)
    const writer = await db.client()
    let done = false
    const appending = (async () => {
      let count = 0
      for (; !done || count < 5; count++) {
        await writer.query(
          "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('initech', 'x', '2020-01-20Z')",
        )
      }
      return count
    })()
    const indexes =
      "select count(*) from pg_index where indrelid = 'pgtrail.event_2020_01'::regclass and indisvalid"
    const indexed = await db.query(indexes)
    try {
      await restore(await db.client(), archive)
    } finally {
      done = true
    }
    const count = await appending
    expect(await db.query(indexes)).toEqual(indexed)
    expect(
      await rows(
        "(select e.* from only pgtrail.event_2020_01 e where organization_id <> 'initech' and occurred_at > '2020-01-01T02:00Z')",
      ),
    ).toEqual(before)
    expect(
      await db.query("select count(*) from only pgtrail.event_2020_01 where organization_id = 'initech'"),
    ).toEqual([{ count: String(count) }])
    expect(await trail.verify({ jobs: 1 })).toMatchObject({ findings: [] })
    expect((await trail.validate()).differences).toEqual([])
    // For the second time round.
    await trail.purgeOrganization("initech", { reason: "test", confirm: "initech" })
  }
})

test("the summaries count restored events on their days, also on days of which nothing was left", async () => {
  const counted = () =>
    db.query(
      "select organization_id, day, sum(events) as events from pgtrail.summary group by 1, 2 order by 1, 2",
    )
  await trail.refreshSummary()
  const before = await counted()
  const archive = await makeArchive(db, "event_2020_01")
  await trail.refreshSummary()
  expect((await counted()).length).toBeLessThan(before.length)
  await restore(await db.client(), archive)
  await trail.refreshSummary()
  expect(await counted()).toEqual(before)
})

test("an archive that was never counted by the summaries is counted once after it came back", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  await restore(await db.client(), archive)
  await trail.refreshSummary()
  expect(await db.query("select sum(events) as events from pgtrail.summary")).toEqual([{ events: "80" }])
})

test("an event that stands at one of its places keeps it from coming back, and stays for verify to tell", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const client = await db.client()
  await client.query("set session_replication_role = replica")
  await client.query(
    `insert into pgtrail.event select * from ${archive.table} where seq = 3 and organization_id = 'acme'`,
  )
  await client.query("reset session_replication_role")
  const before = await everything(db)
  await expect(restore(client, archive)).rejects.toMatchObject({
    code: "TR017",
    message: `events stand in the table at places of ${archive.name}, which were purged`,
  })
  expect(await everything(db)).toEqual(before)
})

test("what was loaded beside the log is told by an act, from which nothing follows", async () => {
  const archive = await makeArchive(db, "event_2020_01")
  const call = (name: string, schema: string | null, events: number, reason = "why") =>
    db.query("select pgtrail.record_restore($1, $2, $3, $4, 'who') as seq", [name, schema, events, reason])
  for (const [name, schema, events, reason] of [
    [archive.name, "pgtrail", 60, "why"],
    [archive.name, "", 60, "why"],
    [archive.name, null, 60, "why"],
    [archive.name, "side", 59, "why"],
    [archive.name, "side", 60, " "],
  ] as const) {
    await expect(call(name, schema, events, reason)).rejects.toMatchObject({ code: "TR009" })
  }
  await expect(call("none", "side", 60)).rejects.toMatchObject({ code: "42704" })
  const before = await db.query(
    "select p::text from pgtrail.purge p union all select a::text from pgtrail.archive a",
  )
  const [act] = await call(archive.name, "side", 60)
  expect(
    await db.query(
      "select parameters ->> 'schema' as schema from pgtrail.act where kind = 'restore' and seq = $1",
      [act?.seq],
    ),
  ).toEqual([{ schema: "side" }])
  expect(
    await db.query("select p::text from pgtrail.purge p union all select a::text from pgtrail.archive a"),
  ).toEqual(before)
})
