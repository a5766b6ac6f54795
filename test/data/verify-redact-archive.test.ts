// A verification with archives of which values were redacted: before they were archived, or in the archive, or while it is read.
import { cp, mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { redactArchives } from "../../src/data/subject/archives.js"
import type { Identifier } from "../../src/data/subject/identifiers.js"
import type { ArchivedPurge } from "../../src/data/verify/archives.js"
import { checkArchives } from "../../src/data/verify/check-archives.js"
import { Findings } from "../../src/data/verify/finding.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { redact } from "./redact-fixture.js"

let log: ArchiveLog
beforeEach(async () => {
  log = await archiveLog()
  await log.append(30)
  await log.append(30, { org: "globex" })
})
afterEach(() => log.remove())

const create = async (): Promise<string> =>
  (await log.create({ partition: "event_2020_01" })).partitions[0]?.archive ?? ""

async function rewrite(id: string): Promise<string> {
  const subject: readonly Identifier[] = [{ kind: "id", value: id }]
  const done: (string | null)[] = []
  const redaction = { strategy: "erase", reason: "asked for it" } as const
  for await (const { new_name } of redactArchives({ connectionString: log.db.url }, subject, redaction))
    done.push(new_name)
  return done[0] ?? ""
}

const verify = (options = {}) =>
  log.trail.verify({ jobs: 1, record: false, archives: ["recorded"], ...options })
const kinds = async () => {
  const { findings, archives } = await verify()
  return { found: findings.map(({ kind, seq }) => `${kind} ${seq}`), read: archives.read }
}

test("an archive of redacted events, and one that was written anew twice, are what the entries say", async () => {
  await redact(log.db, [["id", "u3"]])
  await create()
  expect(await kinds()).toEqual({ found: [], read: "1" })
  await rewrite("u1")
  await rewrite("u2")
  expect(await kinds()).toEqual({ found: [], read: "1" })
  const [entries] = await log.db.query("select count(*) as n from pgtrail.redaction_entry")
  expect(entries?.n).toBe("18")
  expect(await verify({ jobs: 2 })).toMatchObject({
    verdict: "intact",
    covered: { archived: "60", redacted: "0" },
  })
})

test("an archive of which the entries say something else is altered, and so is the one before in its place", async () => {
  const name = await create()
  const kept = join(log.folder, "..", `${name}-kept`)
  await cp(join(log.folder, name), kept, { recursive: true })
  const { act_seq } = (await log.db.query("select act_seq from pgtrail.archive"))[0] ?? {}
  const now = await rewrite("u1")
  await log.db.query("create table public.kept as select * from pgtrail.redaction_entry")
  const one = "ctid = (select ctid from pgtrail.redaction_entry order by organization_id, lane, seq limit 1)"
  for (const sql of [
    `update pgtrail.redaction_entry set new_digest = sha256('x') where ${one}`,
    `update pgtrail.redaction_entry set old_digest = sha256('x') where ${one}`,
    `delete from pgtrail.redaction_entry where ${one}`,
    "insert into pgtrail.redaction_entry select organization_id, lane, seq + 1, group_name, number, fields, old_digest, new_digest from public.kept",
  ]) {
    await log.tamper(sql)
    const { found } = await kinds()
    expect(found).toContain(`archive_altered ${act_seq}`)
    expect(found.filter((one) => !one.startsWith("control_altered"))).toHaveLength(1)
    await log.tamper(
      "delete from pgtrail.redaction_entry; insert into pgtrail.redaction_entry select * from public.kept",
    )
  }
  expect((await kinds()).found).toEqual([])
  await rm(join(log.folder, now), { recursive: true })
  await mkdir(join(log.folder, now))
  await cp(kept, join(log.folder, now), { recursive: true })
  await rm(kept, { recursive: true })
  expect((await kinds()).found).toEqual([`archive_altered ${act_seq}`])
})

test("an archive that is written anew while it is looked for is read in its new place", async () => {
  const name = await create()
  const [row] = await log.db.query(
    `select a.act_seq, a.location, a.partition_name, a.events, a.bytes, encode(a.manifest, 'hex') as manifest, encode(t.digest, 'hex') as digest,
       t.parameters #>> '{archive,kinds}' as kinds
     from pgtrail.archive a join pgtrail.act t on t.seq = a.act_seq`,
  )
  const archive: ArchivedPurge = {
    act: row?.act_seq ?? "",
    name,
    location: row?.location ?? "",
    partition: row?.partition_name ?? "",
    bounds: undefined,
    events: row?.events ?? "",
    bytes: row?.bytes ?? "",
    manifest: row?.manifest ?? "",
    kinds: row?.kinds ?? "",
    digest: row?.digest ?? "",
    restored: null,
    removed: null,
  }
  await rewrite("u1")
  await rewrite("u2")
  const findings = new Findings()
  const logs = await log.db.query("select log_id from pgtrail.log")
  const report = await checkArchives(
    {
      target: { connectionString: log.db.url },
      options: { archives: ["recorded"], jobs: 1 },
      events: 0,
      archives: [archive],
      logIds: logs.map(({ log_id }) => log_id ?? ""),
      purges: { chains: new Map() },
      watched: new Map(),
      key: new Uint8Array(32),
    },
    findings,
  )
  expect(findings.list).toEqual([])
  expect(report).toMatchObject({ in_force: "1", read: "1", read_events: "60", missing: [] })
})

test("an act that puts an archive in the place of none, or of another purge, changes none and is found", async () => {
  await create()
  await rewrite("u1")
  await log.tamper(
    `update pgtrail.act set parameters = jsonb_set(parameters, '{archive,purge}', '1') where kind = 'redact'`,
  )
  const { findings } = await log.trail.verify({ jobs: 1, record: false })
  expect(findings.map(({ message }) => message)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^act \d+ redacts what no archive has: it changes no archive$/),
      expect.stringMatching(/^pgtrail.archive has .* which no act has archived$/),
    ]),
  )
})
