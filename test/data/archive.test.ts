// What archive create takes, what it leaves, and what it says of it.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { failureOf as failure } from "./failure.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const january = { partition: "event_2020_01" }

test.each(["the folder", "table:"])(
  "what leaves the table for %s comes back with the same bytes",
  async (where) => {
    const to = where === "table:" ? where : log.to
    await log.append(20)
    await log.db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, ip_address, details, compliance_tags, description)
       values ('acme', '2020-01-05 12:00:00.123456Z', 'a.b', E'tab\\t back\\\\slash \\n newline', '2001:db8::1', '{"n": 1.10}', '{"a b","c\\"d"}', '\\N')`,
    )
    const before = await log.events()
    const run = await log.create({ ...january, to })
    expect(run).toMatchObject({
      archives: "1",
      events: "21",
      held: "0",
      unsound: "0",
      failed: [],
      outcome: "done",
    })
    expect(run.partitions).toMatchObject([
      { partition: "event_2020_01", method: "drop", act: run.acts[0], location: to },
    ])
    expect(await log.whole()).toEqual({ live: 0, archived: 21, purged: 0 })
    expect(await log.partitions()).not.toContain("event_2020_01")
    const name = run.partitions[0]?.archive ?? ""
    const restored = await log.trail.restoreArchive(name, { reason: "why" })
    expect(restored).toMatchObject({
      events: "21",
      partitions: ["event_2020_01"],
      schema_name: null,
      location: to,
    })
    expect(await log.events()).toEqual(before)
    expect(await log.whole()).toEqual({ live: 21, archived: 0, purged: 0 })
    expect(await log.trail.archives()).toMatchObject([
      { name, state: "restored", restored_act: restored.act },
    ])
  },
)

test("--due takes what policies let leave the table, oldest first, by an act each, and another run finds nothing", async () => {
  await log.append(4, { at: "2020-02-02", policy: "cold" })
  await log.append(4, { policy: "cold" })
  await log.append(3, { policy: "standard" })
  await log.append(2, { policy: "short" })
  const run = await log.create({ due: true })
  expect(run.partitions.map(({ partition, events }) => [partition, events])).toEqual([
    ["event_2020_01", "4"],
    ["event_2020_02", "4"],
  ])
  expect(run.partitions[0]?.policies).toMatchObject([
    { policy: "cold", archive_after_days: "50", events: "4" },
  ])
  expect(new Set(run.acts).size).toBe(2)
  expect(await log.whole()).toEqual({ live: 5, archived: 8, purged: 0 })
  const again = await log.create({ due: true })
  expect(again).toMatchObject({ archives: "0", events: "0", acts: [], partitions: [], failed: [] })
  expect(await log.files()).toHaveLength(2)
})

test("a time and an organization are what is asked for, and the partition of today stays", async () => {
  await log.append(6, { at: "2020-01-31" })
  await log.append(6, { at: "2020-01-31", org: "globex" })
  await log.append(6, { at: "2020-02-01" })
  const run = await log.create({
    since: "2020-01-31T03:00:00.000000Z",
    until: "2020-02-01T02:00:00.000000Z",
    organization: "acme",
  })
  expect(run.partitions.map(({ partition, events }) => [partition, events])).toEqual([
    ["event_2020_01", "3"],
    ["event_2020_02", "2"],
  ])
  expect(await log.count("organization_id = 'globex'")).toBe(6)
  const [current] = await log.db.query(
    "select name from pgtrail.partitions() where since <= now() and now() < until and not is_default",
  )
  const name = current?.name ?? ""
  expect(await failure(log.create({ partition: name }))).toMatchObject({
    code: "usage",
    message: `${name} is the partition of today: it stays`,
  })
  const [now] = await log.db.query(
    `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as t`,
  )
  const refused = await failure(log.create({ since: "2020-01-01T00:00:00.000000Z", until: now?.t ?? "" }))
  expect(refused).toMatchObject({ code: "usage", hint: expect.stringContaining("--until") })
  // Without an end it goes up to that partition.
  await log.append(2, { at: new Date().toISOString().slice(0, 10) })
  await log.create({ since: "2020-01-01T00:00:00.000000Z" })
  expect(await log.whole()).toEqual({ live: 2, archived: 18, purged: 0 })
})

test("a dry run tells what a run does, and changes nothing", async () => {
  await log.append(8, { policy: "cold" })
  await log.append(1, { policy: "cold", org: "held" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'held')")
  const acts = await log.db.query("select count(*) from pgtrail.act")
  const dry = await log.create({ due: true, dryRun: true })
  expect(dry).toMatchObject({ dry_run: true, archives: "0", events: "8", held: "1", cases: ["C1"], acts: [] })
  expect(await log.files()).toEqual([])
  expect(await log.db.query("select count(*) from pgtrail.act")).toEqual(acts)
  const run = await log.create({ due: true })
  expect(run).toMatchObject({ archives: "1", events: "8", held: "1", cases: ["C1"] })
  expect(run.partitions.map(({ method }) => method)).toEqual(dry.partitions.map(({ method }) => method))
  expect(await log.count()).toBe(1)
})

test("where there is nothing to archive nothing is done, and that is well", async () => {
  for (const asked of [
    { due: true },
    january,
    { since: "2019-01-01T00:00:00.000000Z", until: "2020-03-01T00:00:00.000000Z" },
  ]) {
    expect(await log.create(asked)).toMatchObject({ archives: "0", events: "0", failed: [], outcome: "done" })
  }
  expect(await log.files()).toEqual([])
})

test("where nothing was archived it says why, if it is asked", async () => {
  const why = async (options: Parameters<ArchiveLog["create"]>[0]) =>
    (await log.create({ explain: true, ...options })).nothing_because
  const since = "2020-02-01T00:00:00.000000Z"
  expect(await why({ due: true, explain: false })).toBe(null)
  expect(await why({ due: true })).toBe("nothing that is in the table is due for an archive yet")
  expect(await why(january)).toBe("event_2020_01 is empty")
  await log.append(4, { policy: "short" })
  expect(await why({ ...january, dryRun: true })).toBe(null)
  expect(await why({ since })).toBe("no event that is in the table occurred in that time")
  await log.append(1, { org: "globex", at: "2020-02-02" })
  expect(await why({ ...january, organization: "globex" })).toBe("event_2020_01 has no event of globex")
  await log.db.query("select pgtrail.set_retention('policy', 'cold', 3650, confirmed => true)")
  expect(await why({ due: true })).toBe("no policy has --archive-after: pgtrail retention policy set")
  expect(await log.count()).toBe(5)
})

test("a run stops at its limit, and the next one goes on", async () => {
  await log.append(4, { policy: "cold" })
  await log.append(4, { at: "2020-02-02", policy: "cold" })
  const first = await log.create({ due: true, maxPartitions: 1 })
  expect(first).toMatchObject({ archives: "1", outcome: "limit" })
  expect(Number(first.partitions_left)).toBeGreaterThan(0)
  expect(await log.create({ due: true })).toMatchObject({ archives: "1", outcome: "done" })
  expect(await log.whole()).toEqual({ live: 0, archived: 8, purged: 0 })
})

test("an event that does not verify stays, is told and noted, and what does goes", async () => {
  await log.append(10, { policy: "cold" })
  await log.tamper("update pgtrail.event set actor_id = 'another' where seq = 5")
  const run = await log.create({ due: true })
  expect(run).toMatchObject({ archives: "1", unsound: expect.stringMatching(/^[1-9]/) })
  expect(Number(run.events) + Number(run.unsound)).toBe(10)
  expect(await log.count("seq = 5")).toBe(1)
  expect(await log.trail.archiveFailures()).toMatchObject([
    {
      partition: "event_2020_01",
      location: log.to,
      reason: expect.stringContaining("verify"),
      failures: "1",
    },
  ])
  await log.tamper("update pgtrail.event set actor_id = 'u5' where seq = 5")
  expect(await log.create({ due: true })).toMatchObject({ archives: "1", unsound: "0" })
  expect(await log.trail.archiveFailures()).toEqual([])
  expect(await log.whole()).toEqual({ live: 0, archived: 10, purged: 0 })
})

test("files that are encrypted come back with the private key alone", async () => {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption")
  const identity = await generateX25519Identity()
  await log.append(10)
  const before = await log.events()
  const run = await log.create({ ...january, recipients: [await identityToRecipient(identity)] })
  const name = run.partitions[0]?.archive ?? ""
  expect((await log.trail.archive(name)).files).toMatchObject([
    { name: "events.copy.gz.age", recipients: [await identityToRecipient(identity)] },
  ])
  const other = await generateX25519Identity()
  for (const identities of [[], [other]]) {
    expect(await failure(log.trail.restoreArchive(name, { reason: "why", identities }))).toMatchObject({
      code: "config",
      hint: expect.stringMatching(/^nothing was restored; /),
    })
  }
  expect(await log.count()).toBe(0)
  await log.trail.restoreArchive(name, { reason: "why", identities: [identity] })
  expect(await log.events()).toEqual(before)
  expect(await failure(log.create({ ...january, recipients: ["age1no"] }))).toMatchObject({ code: "usage" })
})

test("what contradicts itself, names nobody, or must not be done is refused before anything is read", async () => {
  const codes = async (options: Parameters<ArchiveLog["create"]>[0]) => {
    const { code, message } = await failure(log.create(options))
    return `${code}: ${message}`
  }
  expect(await codes({})).toBe("usage: what is to be archived is not named")
  expect(await codes({ due: true, ...january })).toMatch(/^usage: --due, --partition and a time/)
  expect(await codes({ due: true, maxPartitions: 0 })).toBe("usage: a limit is at least 1")
  expect(await codes({ due: true, level: 10 })).toBe("usage: the level of gzip is a number from 1 to 9")
  expect(await codes({ partition: "event_2019_01" })).toMatch(/^not-found: there is no partition/)
  expect(await codes({ due: true, organization: "nobody" })).toBe(
    "not-found: there is no organization nobody",
  )
  const holder = await log.db.client()
  await holder.query("select pg_advisory_lock(1885828210, -3)")
  expect(await codes({ due: true })).toBe("busy: another run is purging or archiving in this log")
  await holder.end()
  await log.db.query("select pgtrail.set_setting('require-signed-acts', 'on')")
  expect(await codes({ due: true })).toBe("config: this log takes signed acts only, and no key was given")
})

test("it takes an operator who may read all events", async () => {
  await log.append(4)
  const operator = await log.db.role({ memberOf: ["pgtrail_operator"] })
  const reader = await log.db.role({ memberOf: ["pgtrail_reader"] })
  const both = await log.db.role({ memberOf: ["pgtrail_operator", "pgtrail_reader"] })
  for (const { url } of [operator, reader]) {
    const trail = await log.db.trail({ url })
    expect(await failure(trail.createArchives({ to: log.to, ...january }))).toMatchObject({
      code: "privilege",
    })
  }
  const trail = await log.db.trail({ url: both.url })
  for (const to of [log.to, "table:"]) {
    const run = await trail.createArchives({ to, ...january })
    expect(run).toMatchObject({ events: "4", failed: [] })
    const name = run.partitions[0]?.archive ?? ""
    expect((await trail.archive(name)).files).toHaveLength(1)
    await trail.restoreArchive(name, { reason: "why" })
    await trail.removeArchive(name, { reason: "why", confirm: name })
  }
  expect(await log.whole()).toEqual({ live: 4, archived: 0, purged: 0 })
})
