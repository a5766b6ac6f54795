// After the partitions were built anew, no file of the data directory but those of WAL has what was erased.
import { readdir, readFile, stat } from "node:fs/promises"
import { join, relative } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest"
import { connect } from "../../src/data/connection.js"
import { cluster } from "../../src/data/embedded/folder.js"
import { open, type Trail } from "../../src/data/index.js"
import { eraseBytes } from "../../src/data/subject/physical.js"
import { redactSubject } from "../../src/data/subject/redact.js"
import { freshPlace } from "../embedded/fixture.js"
import { urlOfDatabase } from "../url.js"

const place = freshPlace({ once: true })
/** The server, and the log of a test in it. */
let server = ""
let url = ""
let owner: Awaited<ReturnType<typeof connect>>
let trail: Trail
let client: Awaited<ReturnType<typeof connect>>

beforeAll(async () => {
  await place.make()
  server = (await place.start({ settings: { autovacuum: "off" } })).url
  owner = await connect({ connectionString: server })
  await owner.query("create database installed")
  const connectionString = urlOfDatabase(server, "installed")
  const first = await open({ connectionString })
  await first.install()
  await first.close()
  // Of months ahead: each costs every test time.
  const at = await connect({ connectionString })
  const { rows } = await at.query<{ name: string }>(
    "select name from pgtrail.partitions() where not is_default and since > now() + interval '1 month'",
  )
  await at.query(`drop table ${rows.map(({ name }) => `pgtrail.${name}`).join(", ")}`)
  await at.end()
})
beforeEach(async () => {
  await owner.query(`create database log template installed ${inject("strategy")}`)
  url = urlOfDatabase(server, "log")
  trail = await open({ connectionString: url })
  client = await connect({ connectionString: url })
})
afterEach(async () => {
  await client.end()
  await trail.close()
  await owner.query("drop database log with (force)")
})
afterAll(() => owner.end())

const email = "Zacharias.Quux@example.org"
const person = "Zacharias Quux-Wibble"
const address = "203.0.113.77"
const longer = "zq-device-4711"
/** As text, as inet, and within a large value that is stored outside of the row, uncompressed. */
const needles = {
  email: Buffer.from(email),
  lower: Buffer.from(email.toLowerCase()),
  name: Buffer.from(person),
  id: Buffer.from("subject-4711"),
  device: Buffer.from(longer),
  address: Buffer.from(address),
  inet: Buffer.from([2, 32, 203, 0, 113, 77]),
}

/** Files in which nothing was, as they were then: most are never written again. */
const searched = new Map<string, string>()

/** What of the subject lies in which file. */
async function remains(): Promise<string[]> {
  await client.query("checkpoint")
  const folder = cluster(place.dataDir)
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    if (!entry.isFile() || name.startsWith("pg_wal")) continue
    const seen = await stat(path, { bigint: true }).catch(() => undefined)
    const as = `${seen?.ino} ${seen?.size} ${seen?.mtimeNs}`
    if (searched.get(name) === as) continue
    const bytes = await readFile(path).catch(() => Buffer.alloc(0))
    const inside = Object.entries(needles).filter(([, needle]) => bytes.includes(needle))
    for (const [what] of inside) found.push(`${name}: ${what}`)
    // What was written just now may be written again at what is the same time to the file system.
    if (inside.length === 0 && Date.now() - Number(seen?.mtimeMs) > 1000) searched.set(name, as)
  }
  return found
}

async function append(count: number, at: string, org = "acme"): Promise<void> {
  await client.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at, actor_id, actor_name, actor_email, ip_address, device_id, details)
     select $1, 'data.read', $2::timestamptz + i * interval '1 minute',
       case when i % 3 = 0 then 'subject-4711' else 'other-' || i end, case when i % 3 = 0 then $3 end, case when i % 3 = 0 then $4 end,
       case when i % 3 = 0 then $5::inet end, case when i % 3 = 0 then $6 end,
       case when i % 9 = 0 then jsonb_build_object('mail', $4::text, 'filler', (select string_agg(md5(random()::text), '') from generate_series(1, 200))) end
     from generate_series(1, $7::int) i`,
    [org, at, person, email, address, longer, count],
  )
}

const erase = () =>
  redactSubject(
    client,
    [
      { kind: "id", value: "subject-4711" },
      { kind: "email", value: email },
    ],
    { strategy: "erase", reason: "asked for it" },
  )

test("nothing of the subject is in any file: rows, indexes, large values, summaries, statistics, a detached partition and DEFAULT", async () => {
  // Not the next hour: at the end of a month it would be in two partitions.
  const now = `${new Date().toISOString().slice(0, 7)}-01Z`
  await append(60, now)
  await append(30, "1999-01-01Z")
  await client.query("select pgtrail.create_partition('event_2020_01', '2020-01-01Z', '2020-02-01Z')")
  await append(30, "2020-01-03Z", "globex")
  await trail.refreshSummary()
  await client.query("select pgtrail.detach_partition('event_2020_01', 'to be put away')")
  await client.query("analyze")
  await client.query("create index event_mail on pgtrail.event (actor_email)")
  const indexes = await client.query("select count(*) as n from pg_indexes where schemaname = 'pgtrail'")
  const there = new Set((await remains()).map((one) => one.replace(/.*: /, "")))
  expect([...there].sort()).toEqual(expect.arrayContaining(["device", "email", "id", "inet", "name"]))

  expect(await erase()).toMatchObject({ events: "40" })
  const report = await eraseBytes({ connectionString: url }, {})
  expect(report).toMatchObject({ summaries: true, statistics: true, left: [] })
  expect(report.partitions.map(({ name, method }) => [name.replace(/\d{4}_\d{2}$/, ""), method])).toEqual([
    ["event_", "rewritten"],
    ["event_", "rewritten"],
    ["event_default", "rewritten"],
  ])
  expect(await remains()).toEqual([])

  const { verdict, findings, covered } = await trail.verify({ jobs: 1, record: false })
  expect({ verdict, findings, events: covered.events }).toEqual({
    verdict: "intact",
    findings: [],
    events: "120",
  })
  const after = await client.query("select count(*) as n from pg_indexes where schemaname = 'pgtrail'")
  expect(after.rows).toEqual(indexes.rows)
  // Nothing is left to be done, and a second run does not do it again.
  expect((await eraseBytes({ connectionString: url }, {})).partitions).toEqual([])
  // The log is at work as before: writers, a detached partition that comes back, the next erasure.
  await append(30, now)
  await client.query("select pgtrail.attach_partition('event_2020_01')")
  await trail.refreshSummary()
  expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
})

test("whom a pseudonym of the erased person stood for is in no file either: neither the lookup nor the sealed identifiers", async () => {
  await append(30, "2020-01-03Z")
  const keys = { ids: ["k1"], read: async () => Buffer.alloc(32, 7).toString("base64") }
  await trail.addPrivacyKey({ id: "k1", keys })
  const named = [{ kind: "id", value: "subject-4711" }] as const
  const why = { reason: "asked", requestedBy: "w", keys }
  await trail.pseudonymize([{ kind: "id", value: "other-1" }], { ...why, strategy: "hash" })
  const own =
    "select pseudonym, encode(lookup, 'hex') as lookup, encode(original, 'hex') as original from pgtrail.pseudonym"
  const before = await client.query(own)
  await trail.pseudonymize(named, { ...why, strategy: "token" })
  const { rows } = await client.query(`${own} where strategy = 'token'`)
  const [{ pseudonym, lookup, original }] = rows
  await client.query("analyze pgtrail.pseudonym")
  const sought = {
    pseudonym: Buffer.from(pseudonym),
    lookup: Buffer.from(lookup, "hex"),
    original: Buffer.from(original, "hex").subarray(-24),
  }
  Object.assign(needles, sought)
  try {
    searched.clear()
    const there = new Set((await remains()).map((one) => one.replace(/.*: /, "")))
    expect([...there]).toEqual(expect.arrayContaining(Object.keys(sought)))
    const erased = await trail.eraseSubject(named, { ...why, confirm: "subject-4711", physical: true })
    expect(erased).toMatchObject({ complete: true, pseudonyms: 1, receipt: { method: "physical" } })
    expect(await remains()).toEqual([])
    expect((await client.query(own)).rows).toEqual(before.rows)
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
  } finally {
    for (const name of Object.keys(sought)) Reflect.deleteProperty(needles, name)
  }
})

test("what another erasure left, or a run that was stopped, is found and done by the next", async () => {
  await append(60, "2020-01-03Z")
  await append(60, "2026-06-03Z")
  await erase()
  const { rows } = await client.query("select name from pgtrail.redacted_partitions() name")
  const names = rows.map(({ name }) => name)
  expect(names.length).toBeGreaterThan(0)
  // Stopped after the first.
  await client.query("select pgtrail.rewrite_partition($1)", [names[0]])
  const done = await eraseBytes({ connectionString: url }, {})
  expect(done.partitions.map(({ name }) => name)).toEqual(names.slice(1))
  expect(await remains()).toEqual([])
})

test("while another transaction is open who must run what is said, and done when it is over", async () => {
  await append(60, "2020-01-03Z")
  await client.query("analyze")
  const reader = await connect({ connectionString: url })
  await reader.query("begin isolation level repeatable read; select 1 from pg_class limit 1")
  await erase()
  const { left, statistics } = await eraseBytes({ connectionString: url }, { patienceMs: 300 })
  expect(statistics).toBe(false)
  expect(left).toEqual([expect.stringMatching(/process \d+ .*vacuum full pg_catalog\.pg_statistic/)])
  await reader.query("commit")
  await reader.end()
  expect(await eraseBytes({ connectionString: url }, {})).toMatchObject({ statistics: true, left: [] })
  expect(await remains()).toEqual([])
})

test("a transaction that writes in another database keeps old statistics: that is said, with the command, until it is over", async () => {
  await append(60, "2020-01-03Z")
  await client.query("analyze")
  await client.query("create database neighbour")
  const writer = await connect({ connectionString: urlOfDatabase(url, "neighbour") })
  await writer.query("begin; select pg_current_xact_id()")
  await erase()
  const held = await eraseBytes({ connectionString: url }, { patienceMs: 300 })
  expect(held.statistics).toBe(false)
  expect(held.left).toEqual([
    expect.stringMatching(/process \d+ .*in database neighbour.*vacuum full pg_catalog\.pg_statistic/),
  ])
  expect(await remains()).not.toEqual([])
  // One that only reads there keeps nothing.
  await writer.query("rollback; begin isolation level repeatable read; select 1 from pg_class limit 1")
  expect(await eraseBytes({ connectionString: url }, { patienceMs: 300 })).toMatchObject({
    statistics: true,
    left: [],
  })
  await writer.end()
  await client.query("drop database neighbour")
  expect(await remains()).toEqual([])
})

test("what was taken away from restrictions, and stays in their file, is said too", async () => {
  await append(60, "2020-01-03Z")
  await client.query("analyze")
  const reader = await connect({ connectionString: url })
  await reader.query("begin isolation level repeatable read; select 1 from pg_class limit 1")
  await client.query("begin; select pgtrail.subject_stage()")
  await client.query("insert into pg_temp.pgtrail_subject values ('id', 'subject-4711')")
  const { rows } = await client.query("select pgtrail.restrict_subject(null, 'r', 'w', null) as act")
  await client.query("commit")
  await client.query("select pgtrail.unrestrict_subject($1, 'r', 'w', null)", [rows[0].act])
  const { left } = await eraseBytes({ connectionString: url }, { patienceMs: 300 })
  expect(left).toEqual([
    expect.stringMatching(/restrictions.* process \d+ .*--physical/),
    expect.stringMatching(/vacuum full pg_catalog\.pg_statistic/),
  ])
  await reader.query("commit")
  await reader.end()
  expect(await eraseBytes({ connectionString: url }, {})).toMatchObject({ statistics: true, left: [] })
})
