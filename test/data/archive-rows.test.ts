// What is read of COPY text without a database is what PostgreSQL hashed, for any event; and the records of a purge are those of its act.
import fc from "fast-check"
import type { Client } from "pg"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { CopyRows } from "../../src/data/archive/copy-rows.js"
import { Records } from "../../src/data/archive/records.js"
import type { HashedRow } from "../../src/data/archive/row-hash.js"
import { timeText } from "../../src/data/archive/time-text.js"
import { contentFields, frameFields, identityFields, recompute } from "../../src/data/canonical.js"
import { writeTime } from "../../src/data/query/columns.js"
import { chainKey } from "../../src/data/verify/row.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { asCopy, copied } from "./archive-files-fixture.js"
import { event, hold, type Values } from "./properties-values.js"

let db: TestDatabase
let client: Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.client()
})
afterEach(() => client.query("rollback"))
afterAll(() => db.drop())

const own = ["recorded_at", "id"]
const others = [...identityFields, ...contentFields, ...frameFields].filter(
  ([column]) => !own.includes(column),
)
const columns = [["organization_id", "text"] as const, ...others]

async function insert(rows: readonly Values[]): Promise<void> {
  const given = columns.filter(([column]) => Object.hasOwn(rows[0] ?? {}, column))
  const names = given.map(([column]) => column).join(", ")
  const values = given.map(([column, type]) => `(r ->> '${column}')::${type}`).join(", ")
  await client.query(
    `insert into pgtrail.event (${names}) select ${values} from json_array_elements(($1::text)::json) r`,
    [JSON.stringify(rows)],
  )
}

function read(
  bytes: Buffer,
  size = bytes.length,
): { rows: HashedRow[]; bad: [number, string][]; isOpen: boolean } {
  const rows: HashedRow[] = []
  const bad: [number, string][] = []
  const reader = new CopyRows({
    row: (row) => rows.push({ ...row }),
    bad: (line, why) => bad.push([line, why]),
  })
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
  return { rows, bad, isOpen: reader.isOpen }
}

const expected = (row: TextRow): Record<string, unknown> => ({
  chain: chainKey(row.organization_id ?? "", row.lane ?? ""),
  seq: Number(row.seq),
  version: 1,
  previous: row.previous_hash?.slice(2),
  hash: row.hash?.slice(2),
  computed: recompute(row).hash,
  redactions: (["identity", "content"] as const).flatMap((group) => {
    const stored = row[`${group}_digest`]
    const present = recompute({ ...row, identity_digest: null, content_digest: null })[group]
    return stored == null ? [] : [{ group, stored: stored.slice(2), present }]
  }),
  occurred: writeTime(row.occurred_at ?? null),
  recorded: writeTime(row.recorded_at ?? null),
})

const found = (row: HashedRow): Record<string, unknown> => {
  const { occurredHigh, occurredLow, recordedHigh, recordedLow, record: _, ...rest } = row
  return {
    ...rest,
    occurred: timeText(occurredHigh, occurredLow),
    recorded: timeText(recordedHigh, recordedLow),
  }
}

test("any event, however the stream is cut, has the hash that PostgreSQL and canonical.ts gave it", async () => {
  const many = fc.array(event, { minLength: 60, maxLength: 80, size: "max" })
  await hold(4, [many, fc.integer({ min: 1, max: 5000 })], async (events, size) => {
    await client.query("begin")
    await insert(events)
    const bytes = await copied(client, "order by e.organization_id, e.lane, e.seq")
    const stored = await client.query<TextRow>(
      "select * from pgtrail.event order by organization_id, lane, seq",
    )
    const { rows, bad, isOpen } = read(bytes, size)
    expect({ bad, isOpen }).toEqual({ bad: [], isOpen: false })
    expect(rows.map(found)).toEqual(stored.rows.map(expected))
    for (const row of rows) expect(row.computed).toBe(row.hash)
    await client.query("rollback")
  })
})

test("of an event of which a group was redacted, the digests that are stored stand in its hash", async () => {
  await client.query("begin")
  await insert([{ organization_id: "acme", event_type: "a", actor_id: "someone", description: "a\tb\\c\nd" }])
  await client.query("set local session_replication_role = replica")
  const [before] = (await client.query<TextRow>("select * from pgtrail.event")).rows
  const { identity, content } = recompute(before ?? {})
  for (const [column, digest] of [
    ["identity_digest", identity],
    ["content_digest", content],
  ]) {
    await client.query(`update pgtrail.event set ${column} = decode($1, 'hex'), actor_id = null`, [digest])
    const [now] = (await client.query<TextRow>("select * from pgtrail.event")).rows
    const [row] = read(await copied(client)).rows
    expect(row).toMatchObject({ computed: recompute(before ?? {}).hash })
    expect(row?.redactions).toEqual(expected(now ?? {}).redactions)
    expect(row?.redactions.at(-1)?.present === digest).toBe(column === "content_digest")
  }
})

test("a line that COPY did not write of an event is named with its number, whatever stands in it", async () => {
  await client.query("begin")
  await insert([
    { organization_id: "acme", event_type: "a", tags: '{a,"b c",NULL}', ip_address: "10.0.0.1" },
    { organization_id: "acme", event_type: "b", details: '{"a": 1}' },
  ])
  const text = (await copied(client, "order by e.seq")).toString()
  await client.query("rollback")
  const [first = "", second = ""] = text.split("\n")
  const edited = (from: string | RegExp, to: string) => `${first.replace(from, to)}\n${second}\n`
  const hostile: [string, string][] = [
    [edited("\t", ""), "columns"],
    [edited("\t", "\t\t"), "columns"],
    [`${first}\n\\.\n${second}\n`, "columns"],
    [edited(/^[^\t]+/, "\\N"), ""],
    [edited(/^./, "G"), "uuid"],
    [edited(/\t0\t1\t/, "\t0\tx\t"), "number"],
    [edited(/\t0\t1\t/, "\t99999\t1\t"), "number"],
    [edited(/\t0\t1\t/, "\t0\t\\N\t"), "seq is null"],
    [edited("acme", "\\N"), "organization_id is null"],
    [edited("acme", "ac\\qme"), "backslash"],
    [edited(/\d\d:\d\d:\d\d/, "25:00:00"), "time"],
    [edited(/\d{4}-\d\d-\d\d /, "2026-02-30 "), "time"],
    [edited(/\{a,.*?\}/, '{a,"b'), "text[]"],
    [edited(/\{a,.*?\}/, "{a,"), "text[]"],
    [edited(/\{a,.*?\}/, "nonsense"), "text[]"],
    [edited(/\\\\x[0-9a-f]{10}/, "\\\\x00"), "hash"],
    [edited("10.0.0.1", "1:2:3:4:5:6:7:8:9:10"), "inet"],
  ]
  for (const [given, why] of hostile) {
    const { rows, bad } = read(Buffer.from(given), 100)
    // A value that is null where it may be is an event, and its hash does not fit.
    if (why === "") expect(rows[0]?.computed).not.toBe(rows[0]?.hash)
    else
      expect(
        bad.map(([line]) => line),
        given,
      ).toEqual([given.startsWith(first) ? 2 : 1])
    for (const [, message] of bad) expect(message).toContain(why)
    expect(rows.at(-1)?.computed).toBe(rows.at(-1)?.hash)
  }
  expect(read(Buffer.from(text.slice(0, -20))).isOpen).toBe(true)
})

test("random bytes in a line never do more than make it none", async () => {
  await client.query("begin")
  await insert([{ organization_id: "acme", event_type: "a", tags: '{a,"b c"}', ip_address: "::1" }])
  const line = await copied(client)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(line.length - 2), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (edits) => {
        const bytes = Buffer.from(line)
        for (const [at, byte] of edits) bytes[at] = byte
        if (bytes.equals(line)) return
        const { rows, bad, isOpen } = read(bytes)
        const isSame = rows.some((row) => row.computed === row.hash)
        // Uppercase or another form of the same value: hashes the same, and is another file.
        if (isSame) expect(rows).toHaveLength(1)
        expect(rows.length + bad.length + (isOpen ? 1 : 0)).toBeGreaterThan(0)
      },
    ),
    { numRuns: 3000 },
  )
})

test("the records of any events, in any order, have the digest of the act that purged them", async () => {
  await db.query("select pgtrail.create_months('2024-01-01', '2024-05-01')")
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  for (const [month, order] of [
    ["01", "e.occurred_at"],
    ["02", "md5(e.id::text)"],
    ["03", "e.lane desc, e.seq desc"],
  ]) {
    for (let turn = 0; turn < 3; turn++) {
      await db.query(
        `insert into pgtrail.event (organization_id, event_type, occurred_at, details)
         select (array['a', 'Ünï', 'b'])[1 + i % 3], 'x', ('2024-' || case when i % 7 = 0 then '04' else $1 end || '-02')::timestamptz + i * interval '1 hour',
           to_jsonb(i)
         from generate_series(1, 200) i`,
        [month],
      )
    }
    const bytes = await copied(
      client,
      `where e.tableoid = 'pgtrail.event_2024_${month}'::regclass order by ${order}`,
    )
    const records = new Records()
    const reader = new CopyRows({ row: (row, line) => records.add(row, line), bad: () => undefined })
    reader.push(bytes)
    const mine = records.finish()
    await db.query(`select pgtrail.purge_partition('event_2024_${month}', 'test', everything => true)`)
    const [act] = await db.query(
      "select encode(digest, 'hex') as digest, parameters ->> 'events' as events from pgtrail.act order by seq desc limit 1",
    )
    const lanes = await db.query(
      `select p.organization_id, p.lane, p.events, lower(p.ranges) as first, upper(p.ranges) - 1 as last,
         count(*) over () as lanes, sum((select count(*) from unnest(p.ranges))) over () > 10 as ranges
       from pgtrail.purge p where p.act_seq = (select max(seq) from pgtrail.act) order by p.organization_id collate "C", p.lane`,
    )
    expect({ digest: mine.digest, events: String(mine.events), problems: mine.problems }).toEqual({
      ...act,
      problems: [],
    })
    expect(lanes[0]?.ranges).toBe("t")
    expect(mine.lanes).toEqual(
      lanes.map(({ organization_id, lane, events, first, last }) => ({
        organization_id,
        lane,
        events,
        first,
        last,
      })),
    )
  }
})

test("a time is written as PostgreSQL's JSON writes it", async () => {
  await client.query(asCopy)
  const times = [
    "infinity",
    "-infinity",
    "0044-03-15 12:00:00+00 BC",
    "0001-01-01 00:00:00+00",
    "1999-12-31 23:59:59.999999+00",
  ]
  times.push(
    "294276-12-31 23:59:59.999999+00",
    "2024-02-29 00:00:00.5+00",
    "4714-11-24 00:00:00+00 BC",
    "1900-03-01 00:00:00+00",
  )
  const { rows } = await client.query<{ text: string; high: string; low: string }>(
    `select t::text as text, (('x' || encode(substr(b, 1, 4), 'hex'))::bit(32)::int)::text as high,
       (('x' || encode(substr(b, 5, 4), 'hex'))::bit(32)::bigint)::text as low
     from unnest($1::timestamptz[]) t, lateral timestamptz_send(t) b`,
    [times],
  )
  expect(rows.map(({ high, low }) => timeText(Number(high), Number(low)))).toEqual(
    rows.map(({ text }) => writeTime(text)),
  )
})
