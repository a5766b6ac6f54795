// A purge into an archive: what goes, what is recorded, and when nothing goes.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { archived, archiveName, manifest, now, purgeInto, recordsOf } from "./archive-purge-fixture.js"
import { type RetentionLog, retentionLog, whileActsWait } from "./retention-fixture.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.db.drop())

const acts = async () =>
  (await log.db.query("select count(*) as n from pgtrail.act where kind = 'purge'"))[0]?.n

test("the act has the archive, its kinds by their digest, and the digest of the records that the file had", async () => {
  await log.append(20)
  await log.append(3, { org: "globex", policy: "standard", at: "2020-01-20" })
  const name = archiveName("event_2020_01")
  const asked = await purgeInto(log, name)
  expect(asked).toMatchObject({ seq: null, events: "23", policies: null, bytes_freed: "0" })
  expect(JSON.parse(asked.places ?? "")).toEqual([
    { organization_id: "acme", lane: expect.any(Number), ranges: "{[1,11)}", events: 10 },
    { organization_id: "acme", lane: expect.any(Number), ranges: "{[1,11)}", events: 10 },
    { organization_id: "globex", lane: 0, ranges: "{[1,4)}", events: 3 },
  ])
  const records = await recordsOf(log, asked.places)
  const at = await now(log)
  const done = await purgeInto(log, name, { records, with: { at }, and: "requested_by => 'DPO-3'" })
  expect(done).toMatchObject({ events: "23", method: "drop", places: null, held: "0", unsound: "0" })
  const [act] = await log.db.query("select parameters, digest from pgtrail.act where seq = $1", [done.seq])
  expect(act?.digest).toBe(`\\x${records}`)
  const [kinds] = await log.db.query(
    `select encode(sha256(string_agg(record_send(row('pgtrail archive kind'::text, organization_id::text, data_classification::text, event_type::text,
       retention_policy::text, compliance_tags::text[], events::bigint, oldest_occurred_at, newest_occurred_at)), ''::bytea order by kind)), 'hex') as digest
     from pgtrail.archive_kind where act_seq = $1`,
    [done.seq],
  )
  expect(JSON.parse(act?.parameters ?? "")).toEqual({
    organization: null,
    partition: "event_2020_01",
    method: "drop",
    reason: "cold",
    requested_by: "DPO-3",
    override: null,
    lanes: 3,
    events: 23,
    oldest: "2020-01-02T00:00:00.000000Z",
    newest: "2020-01-20T02:00:00.000000Z",
    policies: null,
    holds: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    grace: "0d",
    at,
    archive: {
      name,
      location: "file:///srv/archives",
      manifest,
      bytes: 1234,
      kinds: kinds?.digest,
      bounds: ["2020-01-01T00:00:00.000000Z", "2020-02-01T00:00:00.000000Z"],
      due: false,
      since: null,
      until: null,
      by: null,
    },
  })
  const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI') as ${column}`
  expect(
    await log.db.query(
      `select name, location, partition_name, ${utc("since")}, ${utc("until")}, events, bytes, encode(manifest, 'hex') as manifest,
         ${utc("oldest_occurred_at")}, ${utc("newest_occurred_at")}, restored_seq, removed_seq from pgtrail.archive where act_seq = $1`,
      [done.seq],
    ),
  ).toEqual([
    {
      name,
      location: "file:///srv/archives",
      partition_name: "event_2020_01",
      since: "2020-01-01T00:00",
      until: "2020-02-01T00:00",
      events: "23",
      bytes: "1234",
      manifest,
      oldest_occurred_at: "2020-01-02T00:00",
      newest_occurred_at: "2020-01-20T02:00",
      restored_seq: null,
      removed_seq: null,
    },
  ])
  expect(
    await log.db.query(
      `select kind, organization_id, data_classification, event_type, retention_policy, compliance_tags, events, ${utc("oldest_occurred_at")}
       from pgtrail.archive_kind where act_seq = $1 order by kind`,
      [done.seq],
    ),
  ).toMatchObject([
    { kind: "1", organization_id: "acme", retention_policy: "short", events: "10", compliance_tags: null },
    {
      kind: "2",
      organization_id: "acme",
      retention_policy: "standard",
      events: "10",
      data_classification: null,
    },
    { kind: "3", organization_id: "globex", event_type: "data.read", oldest_occurred_at: "2020-01-20T00:00" },
  ])
  expect(await log.count()).toBe(0)
  expect(await log.findings()).toEqual([])
})

test.each([
  ["drop", "event_2020_01", "2020-01-02", null, 20],
  ["rewrite", "event_2020_01", "2020-01-02", "2020-01-02T10:00:00Z", 10],
  ["delete", "event_2020_01", "2020-01-02", "2020-01-02T03:00:00Z", 3],
  ["delete", "event_default", "2015-05-02", "2015-05-02T03:00:00Z", 3],
  ["rewrite", "event_default", "2015-05-02", null, 20],
])(
  "%s of %s: the events are gone, the rest stays, and verify finds nothing",
  async (method, partition, at, until, goes) => {
    await log.append(20, { at })
    const done = await archived(log, { partition, ...(until === null ? {} : { until }) })
    expect(done).toMatchObject({ method, events: String(goes), remaining: "0", places: null })
    expect(await log.count()).toBe(20 - goes)
    expect(await log.findings()).toEqual([])
    expect(await log.db.query("select events from pgtrail.archive")).toEqual([{ events: String(goes) }])
    // What came back from nowhere is not purged again, and the next archive of the same partition has a name of its own.
    if (goes < 20) expect(await archived(log, { partition })).toMatchObject({ events: String(20 - goes) })
    expect(await log.findings()).toEqual([])
  },
)

test("of an organization and a time alone those go", async () => {
  await log.append(10, { org: "acme" })
  await log.append(10, { org: "globex" })
  const question = { org: "globex", since: "2020-01-02T02:00:00Z", until: "2020-01-02T05:00:00.000000Z" }
  expect(await archived(log, question)).toMatchObject({ events: "3" })
  expect(
    await log.count(
      "organization_id = 'globex' and occurred_at >= '2020-01-02 02:00Z' and occurred_at < '2020-01-02 05:00Z'",
    ),
  ).toBe(0)
  expect(await log.count()).toBe(17)
  expect(await log.findings()).toEqual([])
})

test("where the file has other records nothing goes, and the places that would are told", async () => {
  await log.append(20)
  const name = archiveName("event_2020_01")
  const before = await acts()
  const refused = await purgeInto(log, name, { records: "0".repeat(64), until: "2020-01-02T10:00:00Z" })
  expect(refused).toMatchObject({ seq: null, events: "10", bytes_freed: "0" })
  const cheap = await log.db.query(
    "select organization_id, lane, ranges, events from pgtrail.archive_places('event_2020_01', until => '2020-01-02 10:00Z')",
  )
  expect(JSON.parse(refused.places ?? "")).toEqual(
    cheap.map((place) => ({ ...place, lane: Number(place.lane), events: Number(place.events) })),
  )
  expect(await acts()).toBe(before)
  expect(await log.count()).toBe(20)
  expect(await log.db.query("select from pgtrail.archive")).toEqual([])
  // A dry run tells the same and purges nothing, whatever the file has.
  const records = await recordsOf(log, refused.places)
  const dry = await purgeInto(log, name, { records, until: "2020-01-02T10:00:00Z", and: "dry_run => true" })
  expect(dry).toMatchObject({ seq: null, places: refused.places, method: "rewrite" })
  expect(await log.count()).toBe(20)
})

test("of nothing there is no archive", async () => {
  await log.append(4, { org: "acme" })
  const name = archiveName("event_2020_01")
  for (const question of [
    { org: "globex" },
    { since: "2020-01-30T00:00:00Z" },
    { due: true },
    { partition: "event_2020_02" },
  ]) {
    const of = "partition" in question ? archiveName(question.partition) : name
    expect(await purgeInto(log, of, question)).toMatchObject({
      seq: null,
      events: "0",
      method: "none",
      places: "[]",
    })
  }
})

describe("what happened since the file was written", () => {
  const asking = async (name: string) => {
    await log.append(20)
    const { places } = await purgeInto(log, name)
    return recordsOf(log, places)
  }

  test("a late event: nothing goes, and the places have it", async () => {
    const name = archiveName("event_2020_01")
    const records = await asking(name)
    await log.append(1, { at: "2020-01-09", type: "late", policy: "short" })
    const answer = await purgeInto(log, name, { records })
    expect(answer).toMatchObject({ seq: null, events: "21" })
    expect(answer.places).toContain("{[1,12)}")
    expect(await purgeInto(log, name, { records: await recordsOf(log, answer.places) })).toMatchObject({
      events: "21",
    })
    expect(await log.findings()).toEqual([])
  })

  test("a hold: what it is on stays", async () => {
    const name = archiveName("event_2020_01")
    const records = await asking(name)
    await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u7')")
    const answer = await purgeInto(log, name, { records })
    expect(answer).toMatchObject({ seq: null, events: "18", held: "2" })
    expect(
      await log.db.query("select sum(events) as events from pgtrail.archive_places('event_2020_01')"),
    ).toEqual([{ events: "18" }])
    expect(await purgeInto(log, name, { records: await recordsOf(log, answer.places) })).toMatchObject({
      events: "18",
    })
    expect(await log.count("actor_id = 'u7'")).toBe(2)
    expect(await log.findings()).toEqual([])
  })

  test.each([
    ["a hold", "select pgtrail.add_hold('C1', 'a claim', 'acme')", "something was decided"],
    [
      "a late event",
      "insert into pgtrail.event (organization_id, occurred_at, event_type) values ('acme', '2020-01-09Z', 'late')",
      "1 event arrived in event_2020_01 while it was read",
    ],
  ])("%s between the reading and the locks: it is to be run again", async (_, sql, message) => {
    const name = archiveName("event_2020_01")
    const records = await asking(name)
    const run = whileActsWait(
      log.db,
      () => purgeAlone(name, records),
      async (holder) => void (await holder.query(sql)),
    )
    await expect(run).rejects.toMatchObject({ code: "40001", message: expect.stringContaining(message) })
    expect(await log.db.query("select from pgtrail.archive")).toEqual([])
  })

  /** In a session of its own: the file's other questions go on. */
  async function purgeAlone(name: string, records: string) {
    const at = await now(log)
    const session = await log.db.client()
    try {
      return await session.query(
        "select * from pgtrail.purge_partition('event_2020_01', 'cold', archive => $1::jsonb)",
        [
          JSON.stringify({
            name,
            location: "s3://b/p",
            manifest,
            bytes: 1,
            records,
            at,
            due: false,
            since: null,
            until: null,
          }),
        ],
      )
    } finally {
      await session.end()
    }
  }
})

test.each([
  ["was altered", "update pgtrail.event set actor_id = 'eve' where seq = 5"],
  [
    "has a digest in the place of its values, though its hash fits",
    `update pgtrail.event e set identity_digest = sha256(record_send(row('pgtrail identity'::text, e.identity_salt, e.actor_id, e.actor_name,
       e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id))) where seq = 5`,
  ],
])("an event that %s stays, and the rest goes into the archive", async (_, sql) => {
  await log.append(20, { policy: "short" })
  await log.tamper(sql)
  expect(await log.run({ dryRun: true })).toMatchObject({ events: "19", unsound: "1" })
  expect(await archived(log)).toMatchObject({ events: "19", unsound: "1", method: "rewrite" })
  expect(await log.db.query("select seq from pgtrail.event")).toEqual([{ seq: "5" }])
  await expect(
    log.db.query("select pgtrail.purge_partition('event_2020_01', 'r', everything => true)"),
  ).rejects.toThrow("1 event of event_2020_01 does not verify: it is evidence, and stays")
})
