// A backup compared with the log: equal, what acts and time explain, and the first event of each lane that nothing explains.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { gunzipSync, gzipSync } from "node:zlib"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { BackupComparison, CompareOptions } from "../../src/data/index.js"
import { testDatabase } from "../database.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"
import { olderLog } from "./migrate-fixture.js"
import { redact } from "./redact-fixture.js"
import { until } from "./retention-fixture.js"

const odd = "ü\tb\\"

let log: BackupLog
let name: string
beforeAll(async () => {
  log = await backupLog()
  await log.append(100)
  await log.append(60, { org: odd, at: "2020-02-02" })
  // More than are compared as one block.
  await log.append(4300, { org: "long", at: "2026-01-02", policy: "standard" })
  await log.db.query("select pgtrail.detach_partition('event_2020_03', 'seldom read')")
  name = (await log.create({ level: 1 })).name ?? ""
  // Physical order is not that of the backup any more.
  await log.tamper(
    "create table public.kept as select * from pgtrail.event; delete from pgtrail.event where organization_id <> 'long'; insert into pgtrail.event select * from public.kept where organization_id <> 'long' order by random()",
  )
})
afterAll(() => log.remove())

const compare = (options: CompareOptions = {}, of = name): Promise<BackupComparison> =>
  log.trail.compareBackup(`${log.to}/${of}`, options)
const places = ({ differences }: BackupComparison) =>
  differences.map((one) => `${one.state} ${one.organization_id}/${one.lane}/${one.seq} of ${one.events}`)
/** Tampers with rows `where`, compares, and puts back what stood there. */
async function tampered(where: string, sql: string, put = "pgtrail.event"): Promise<BackupComparison> {
  await log.tamper(`begin; create table public.before as select * from ${put} where ${where}; commit`)
  await log.tamper(sql)
  try {
    return await compare()
  } finally {
    await log.tamper(
      `begin; delete from ${put} where ${where}; insert into ${put} select * from public.before; drop table public.before; commit`,
    )
  }
}
const ends = "organization_id = 'long' and seq > 4090"

test("a backup of the log as it is is equal, in whatever order and partition its rows stand", async () => {
  expect(await compare({ jobs: 3 })).toMatchObject({
    name,
    verdict: "equal",
    events: { backup: "4460", log: "4460", appended: "0", differ: "0" },
    lanes: { explained: "0", differ: "0" },
    differences: [],
    warnings: [],
  })
})

test("the newest good backup of a place is meant where none is named", async () => {
  expect(await log.trail.compareBackup(log.to)).toMatchObject({ name, verdict: "equal" })
})

test("an altered event is named, with the columns that differ, and that the backup has the right bytes, and where", async () => {
  const report = await tampered(
    ends,
    "update pgtrail.event set actor_id = 'mallory', description = 'x', event_type = 'y.z' where organization_id = 'long' and seq in (4097, 4250)",
  )
  expect(report).toMatchObject({ verdict: "differs", events: { differ: "2" }, lanes: { differ: "1" } })
  expect(places(report)).toEqual(["altered long/0/4097 of 2"])
  const [first] = report.differences
  expect(first).toMatchObject({
    right: "backup",
    fields: [
      { column: "event_type", group: "frame", backup: "data.read", log: "y.z" },
      { column: "actor_id", group: "identity" },
      { column: "description", group: "content" },
    ],
  })
  // No value of a person, or of what was done, is in it.
  expect(JSON.stringify(report)).not.toMatch(/mallory|"u\d"/)
  const text = gunzipSync(await readFile(join(log.folder, name, first?.file ?? ""))).toString("utf8")
  const line = text.split("\n")[Number(first?.line) - 1]?.split("\t") ?? []
  expect([line[4], line.at(-8)]).toEqual(["long", "4097"])
})

test("an event whose hash was made to fit is right on both sides, and of which chain verify tells", async () => {
  const report = await tampered(
    "organization_id = 'acme'",
    `update pgtrail.event e set event_type = 'y.z', hash = sha256(record_send(row('pgtrail event'::text, e.hash_version,
      e.organization_id, e.lane, e.seq, e.previous_hash,
      sha256(record_send(row('pgtrail identity'::text, e.identity_salt, e.actor_id, e.actor_name, e.actor_email, e.ip_address,
        e.user_agent, e.session_id, e.device_id))),
      sha256(record_send(row('pgtrail content'::text, e.content_salt, e.resource_id, e.resource_name, e.namespace, e.description,
        e.error_message, e.request_path, e.request_id, e.correlation_id, e.request_params, e.before_state, e.after_state, e.details,
        e.tags, e.signature))),
      e.occurred_at, e.recorded_at, e.id, e.external_id, e.external_number, e.source, e.project_id, 'y.z'::text, e.category, e.action,
      e.severity, e.outcome, e.status_code, e.actor_type, e.actor_role, e.resource_type, e.request_method, e.data_classification,
      e.data_size_bytes, e.retention_policy, e.compliance_tags, e.event_version, e.processing_latency_ms)))
     where organization_id = 'acme' and lane = 0 and seq = 9`,
  )
  expect(report.differences).toMatchObject([{ organization_id: "acme", seq: "9", right: "both" }])
})

test("events that are missing, that were put in, and that stand twice are told apart, lane by lane", async () => {
  const report = await tampered(
    `organization_id <> 'long' or ${ends}`,
    `delete from pgtrail.event where organization_id = 'long' and seq between 4150 and 4250;
     update pgtrail.event set seq = 61 where organization_id = 'acme' and lane = 0 and seq = 50;
     insert into pgtrail.event select (json_populate_record(e, '{"occurred_at": "2020-02-05 00:00:00+00"}')).* from pgtrail.event e
       where organization_id = ${`'${odd.replace("\\", "\\\\")}'`.replace(/^/, "e")} and lane = 0 and seq = 3`,
  )
  expect(report.verdict).toBe("differs")
  expect(places(report)).toEqual([
    "not in the log acme/0/50 of 1",
    "not in the log long/0/4150 of 101",
    expect.stringMatching(/^twice .*\/0\/3 of 1$/),
  ])
  expect(report.differences.map(({ right }) => right)).toEqual(["backup", "backup", "backup"])
})

test("an event at a place that the backup's log had not yet used is appended; one below its head is not", async () => {
  const report = await tampered(
    "organization_id = 'acme'",
    "update pgtrail.chain_head set seq = seq; insert into pgtrail.event select (json_populate_record(e, '{\"seq\": 51}')).* from pgtrail.event e where organization_id = 'acme' and lane = 0 and seq = 9",
  )
  expect(report).toMatchObject({ verdict: "explained", events: { appended: "1", differ: "0" } })
})

test("a forged row of a control table is named by its key, and what acts since may have changed is explained by them", async () => {
  const forged = await tampered(
    "true",
    "update pgtrail.act set session_user_name = 'x' where seq = 2",
    "pgtrail.act",
  )
  expect(forged.verdict).toBe("differs")
  expect(forged.tables.find(({ name }) => name === "act")).toMatchObject({
    result: "differs",
    changed: "1",
    first: {
      key: "organization_id pgtrail, seq 2",
      state: "altered",
      columns: ["session_user_name"],
      line: "2",
    },
  })
  const back = await tampered("true", "delete from pgtrail.act where seq > 3", "pgtrail.act")
  expect(back).toMatchObject({
    verdict: "differs",
    warnings: [
      expect.stringMatching(/^the log does not have act \d as the backup has it: one of them is of a copy/),
    ],
  })
  const missing = await tampered(
    "true",
    "delete from pgtrail.retention_rule; update pgtrail.setting set value = '3d' where name = 'retention-grace'",
    "pgtrail.retention_rule",
  )
  await log.tamper("update pgtrail.setting set value = '0d' where name = 'retention-grace'")
  expect(missing.tables).toMatchObject([
    { name: "act" },
    { name: "retention_rule", result: "differs", act: null, first: { state: "not in the log", columns: [] } },
    { name: "setting", result: "differs", act: null },
  ])
})

test("an encrypted one is compared with its key alone, one of an organization or a partition with what it has", async () => {
  const identity = await generateIdentity()
  const recipients = [await identityToRecipient(identity)]
  const sealed = (await log.create({ recipients, organization: odd })).name ?? ""
  await expect(compare({}, sealed)).rejects.toMatchObject({ code: "config" })
  const wrong = await generateIdentity()
  await expect(compare({ identities: [wrong] }, sealed)).rejects.toMatchObject({
    code: "config",
    hint: expect.stringMatching(/^nothing was compared; .*pgtrail backup show/),
  })
  expect(await compare({ identities: [identity] }, sealed)).toMatchObject({
    organization: odd,
    verdict: "equal",
    events: { backup: "60", log: "60" },
  })
  const part = (await log.create({ partition: "event_2020_01" })).name ?? ""
  expect(await compare({}, part)).toMatchObject({ verdict: "equal", events: { backup: "100", log: "100" } })
  for (const one of [sealed, part]) await rm(join(log.folder, one), { recursive: true })
})

test("a backup whose files were altered, or whose log is another, is refused", async () => {
  const other = await testDatabase()
  const trail = await other.trail()
  await other.query(
    "set session_replication_role = replica; update pgtrail.log set log_id = gen_random_uuid(); update pgtrail.incarnation i set log_id = l.log_id from pgtrail.log l",
  )
  await expect(trail.compareBackup(`${log.to}/${name}`)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("is a backup of another log"),
  })
  await other.drop()
  const place = join(log.folder, "other")
  await cp(join(log.folder, name), join(place, name), { recursive: true })
  const file = join(place, name, "event_2020_01.copy.gz")
  const text = gunzipSync(await readFile(file)).toString("latin1")
  await writeFile(file, gzipSync(Buffer.from(text.replace("data.read", "data.reaD"), "latin1")))
  await expect(log.trail.compareBackup(`${pathToFileURL(place).href}/${name}`)).rejects.toMatchObject({
    code: "broken",
    message: expect.stringContaining("event_2020_01.copy.gz"),
  })
  await rm(place, { recursive: true })
  await expect(
    log.trail.compareBackup(pathToFileURL(join(log.folder, "nothing")).href),
  ).rejects.toMatchObject({
    code: expect.stringMatching(/^(not-found|file|config)$/),
  })
})

test("whoever stops it gets no answer, and nothing of it goes on", async () => {
  const stop = new AbortController()
  const stopped = compare({
    signal: stop.signal,
    progress: (doing) => doing.includes("read") && stop.abort(new Error("enough")),
  })
  await expect(stopped).rejects.toThrow("stopped before the end")
  await until(
    log.db,
    "not exists (select from pg_stat_activity where datname = current_database() and query ~* '^copy' and state = 'active')",
  )
  await expect(compare({ jobs: 0 })).rejects.toMatchObject({ code: "usage" })
})

test("a backup of an older level is compared with the log that was migrated since", async () => {
  const { db, trail } = await olderLog(2)
  const { name: old } = await trail.createBackup({ to: log.to, level: 1 })
  await trail.install()
  const report = await trail.compareBackup(`${log.to}/${old}`)
  expect(report).toMatchObject({ verdict: "explained", differences: [], events: { differ: "0" } })
  expect(Number(report.events.backup)).toBeGreaterThan(0)
  expect(report.tables.find((one) => one.name === "migration")).toMatchObject({
    result: "explained",
    act: { kind: "migrate" },
  })
  await db.drop()
  await rm(join(log.folder, old ?? ""), { recursive: true })
})

test("events that went into an archive since are gone from the log, those that came back are new in it", async () => {
  await log.db.query(
    "select pgtrail.set_retention('policy', 'cold', 3650, archive_after_days => 50, confirmed => true)",
  )
  await log.append(12, { org: "cold", at: "2020-01-20", policy: "cold" })
  const before = (await log.create({ organization: "cold" })).name ?? ""
  const archives = join(log.folder, "archives")
  await mkdir(archives)
  await log.trail.createArchives({ to: pathToFileURL(archives).href, due: true })
  const [{ act_seq: purge, name: archive } = {}] = await log.db.query(
    "select act_seq, name from pgtrail.archive",
  )
  expect(await compare({}, before)).toMatchObject({
    verdict: "explained",
    events: { backup: "12", log: "0", purged: "12", differ: "0" },
    acts: [{ act: purge, did: "archived", events: "12" }],
  })
  const between = (await log.create({ organization: "cold" })).name ?? ""
  await log.trail.restoreArchive(archive ?? "", { requestedBy: "counsel", reason: "a claim" })
  const [{ restored_seq: act } = {}] = await log.db.query("select restored_seq from pgtrail.archive")
  expect(await compare({}, between)).toMatchObject({
    verdict: "explained",
    events: { backup: "0", log: "12", restored: "12", differ: "0" },
    acts: [{ act, did: "restored", events: "12" }],
  })
  expect(await compare({}, before)).toMatchObject({ events: { purged: "0", restored: "0", differ: "0" } })
  for (const one of [before, between]) await rm(join(log.folder, one), { recursive: true })
})

test("what was appended, purged, redacted and held since is explained, and nothing else differs", async () => {
  await log.append(30, { at: "2020-02-10" })
  await log.append(10, { org: "new" })
  await log.db.query("select pgtrail.add_hold('C1', 'a claim', 'acme', actor => 'u4')")
  await redact(log.db, [["id", "u3"]])
  // Somebody appends, and retention builds partitions anew, while it is compared.
  let done = false
  const writer = await log.db.client()
  const writing = (async () => {
    for (; !done; await pause(5))
      await writer.query("insert into pgtrail.event (organization_id, event_type) values ('new', 'w')")
  })()
  const [early] = await Promise.all([compare(), log.run()]).finally(() => {
    done = true
  })
  await writing
  await writer.end()
  expect(early).toMatchObject({ verdict: "explained", differences: [], events: { differ: "0" } })
  const report = await compare()
  expect(report).toMatchObject({ verdict: "explained", differences: [], events: { differ: "0" } })
  expect(Number(report.events.appended)).toBeGreaterThan(0)
  expect(Number(report.events.purged)).toBeGreaterThan(0)
  expect(Number(report.events.redacted)).toBeGreaterThan(0)
  const gone = report.acts.reduce((sum, { events }) => sum + Number(events), 0)
  expect(gone).toBe(Number(report.events.purged))
  const { backup, log: now, appended, purged } = report.events
  expect(Number(backup) - Number(purged) + Number(appended)).toBe(Number(now))
  expect(report.tables.map(({ result }) => result)).not.toContain("differs")
  // The act that changed it, and not the newest that might have.
  expect(report.tables.find(({ name: table }) => table === "hold")?.act?.kind).toBe("hold")
})

test("entries of redactions are explained by the act that redacted, also where an event stands at the number of a newer act", async () => {
  // At places that acts will have as their numbers.
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type, actor_id) select 'numbers', 'w', 'n1' from generate_series(1, 90)",
  )
  const before = (await log.create({ level: 1 })).name ?? ""
  await redact(log.db, [["id", "n1"]])
  const [act] = await log.db.query("select max(seq) as seq from pgtrail.act where kind = 'redact'")
  await log.db.query("select pgtrail.add_hold('C2', 'another claim', 'acme', actor => 'u5')")
  await log.db.query("select pgtrail.release_hold('C2', 'settled')")
  const [shared] = await log.db.query(
    `select count(*) as n from pgtrail.redaction_entry r join pgtrail.act a on a.seq = r.seq where a.seq > ${act?.seq}`,
  )
  expect(Number(shared?.n)).toBeGreaterThan(0)
  const { verdict, tables } = await compare({}, before)
  expect(verdict).toBe("explained")
  expect(
    tables
      .filter(({ name: table }) => /^redaction/.test(table))
      .map(({ name: table, act: of }) => [table, of]),
  ).toEqual([
    ["redaction", { seq: act?.seq, kind: "redact" }],
    ["redaction_entry", { seq: act?.seq, kind: "redact" }],
  ])
})
