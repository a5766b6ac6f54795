// What no restore does: load a file that is not what its manifest says, touch what is not its own, or leave half a log behind.
import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, contents, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"

let log: TestDatabase
let place: Backups
let empty: Empty
let backup: string
let encrypted: string
const identities: string[] = []
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  empty = await place.empty()
  const trail = await log.trail()
  await log.query(
    "insert into pgtrail.event (organization_id, event_type, description) select 'acme', 'x', md5(i::text) from generate_series(1, 300) i",
  )
  backup = await place.of(trail)
  for (let n = 0; n < 2; n++) identities.push(await generateX25519Identity())
  const recipients = [await identityToRecipient(identities[0] ?? "")]
  encrypted = await place.of(trail, { recipients })
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

/** A copy of the backup, changed. */
async function changed(
  change: (folder: string, manifest: BackupManifest) => Promise<unknown>,
): Promise<string> {
  const name = `backup-20200101T000000Z-${Math.floor(Math.random() * 0xffffff)
    .toString(16)
    .padStart(6, "0")}`
  const folder = join(place.folder, name)
  await cp(fileURLToPath(backup), folder, { recursive: true })
  const path = join(folder, "manifest.json")
  const manifest = { ...(JSON.parse(await readFile(path, "utf8")) as BackupManifest), name }
  const said = await change(folder, manifest)
  // Whoever alters a manifest can seal it again.
  const { digest: _, ...others } = (said as BackupManifest | undefined) ?? manifest
  await writeFile(path, writeManifest(sealed(others)))
  return `${place.to}/${name}`
}

const eventFile = ({ tables }: BackupManifest): string =>
  tables.find(({ kind, rows }) => kind === "partition" && rows !== "0")?.file.name ?? ""
const changedTable = (manifest: BackupManifest, name: string, change: object): BackupManifest => ({
  ...manifest,
  tables: manifest.tables.map((table) => (table.name === name ? { ...table, ...change } : table)),
})
const partitionOf = ({ tables }: BackupManifest) =>
  tables.find(({ kind, since }) => kind === "partition" && since !== null)?.name ?? ""

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

const other = "11111111-1111-4111-8111-111111111111"

const attacks: readonly [string, string, RegExp, Parameters<typeof changed>[0]][] = [
  [
    "the name of another log",
    "broken",
    /of another log than its files/,
    async (_, m) => ({ ...m, log_id: other, log_ids: [other] }),
  ],
  ["a flipped bit", "broken", /was altered or cut off/, (folder, m) => flip(join(folder, eventFile(m)))],
  [
    "a file that was cut off",
    "broken",
    /was altered or cut off/,
    (folder, m) => truncate(join(folder, eventFile(m)), 99),
  ],
  ["a file that is missing", "broken", /is missing/, (folder, m) => rm(join(folder, eventFile(m)))],
  [
    "a table that no log has",
    "broken",
    /which no log of its level has/,
    async (_, m) => changedTable(m, "hold", { name: "evil" }),
  ],
  [
    "a table that is not there",
    "broken",
    /lacks the table hold/,
    async (_, m) => ({ ...m, tables: m.tables.filter(({ name }) => name !== "hold") }),
  ],
  [
    "other columns",
    "broken",
    /other columns of hold/,
    async (_, m) => changedTable(m, "hold", { columns: ["act_seq"] }),
  ],
  [
    "a partition with the name of a table",
    "broken",
    /has other columns|calls a partition|names a table twice|contradicts/,
    async (_, m) => changedTable(m, partitionOf(m), { name: "event_id" }),
  ],
  [
    "bounds that its events are not in",
    "broken",
    /a row that PostgreSQL refuses/,
    async (_, m) =>
      changedTable(m, partitionOf(m), { since: "1999-01-01 00:00:00+00", until: "1999-02-01 00:00:00+00" }),
  ],
  [
    "a bound that is no time",
    "broken",
    /are no times/,
    async (_, m) => changedTable(m, partitionOf(m), { since: "'); drop table x; --" }),
  ],
  [
    "a row that would open a guard",
    "broken",
    /redacting/,
    async (_, m) => changedTable(m, "redacting", { rows: "1" }),
  ],
  [
    "another number of rows",
    "broken",
    /rows, and 77 by its manifest|contradicts/,
    async (_, m) => changedTable(m, "setting", { rows: "77" }),
  ],
  [
    "a path out of the folder",
    "broken",
    /is none of a backup/,
    async (_, m) => {
      const hold = m.tables.find(({ name }) => name === "hold")
      return changedTable(m, "hold", { file: { ...hold?.file, name: "../../../etc/passwd" } })
    },
  ],
  [
    "a gzip bomb",
    "broken",
    /was altered or cut off/,
    (folder, m) =>
      writeFile(join(folder, eventFile(m)), gzipSync(Buffer.alloc(100_000_000, "x"), { level: 1 })),
  ],
  ["a later level", "incomplete", /knows 1 to/, async (_, m) => ({ ...m, level: 999 })],
  ["part of a log", "usage", /no log can be made of it/, async (_, m) => ({ ...m, organization: "acme" })],
]

test.each(attacks)("%s is refused, and nothing of it is left", async (_, code, words, change) => {
  const failure = await failureOf(empty.restore(await changed(change)))
  expect(failure.code).toBe(code)
  expect(failure.message).toMatch(words)
  expect(failure.hint).toContain("nothing was restored")
  expect(await leftovers(empty.db)).toEqual([])
})

test("an encrypted backup is refused without its key and with another, before anything is loaded", async () => {
  expect(await failureOf(empty.restore(encrypted))).toMatchObject({ code: "config" })
  expect(await failureOf(empty.restore(encrypted, { identities: identities.slice(1) }))).toMatchObject({
    code: "config",
    message: expect.stringContaining("none of the private keys"),
  })
  expect(await leftovers(empty.db)).toEqual([])
})

test("of two restores into one database the second is refused", async () => {
  const holder = await empty.db.client()
  await holder.query("select pg_advisory_lock(1885828210, -9)")
  expect(await failureOf(empty.restore(backup))).toMatchObject({ code: "busy" })
  await holder.end()
})

test("what a killed restore has left goes with the next, and a schema of anybody else stays", async () => {
  await empty.db.query("create schema pgtrail_restore; create table pgtrail_restore.mine ()")
  expect(await failureOf(empty.restore(backup))).toMatchObject({ code: "exists" })
  expect(await leftovers(empty.db)).toEqual([{ schema: "pgtrail_restore" }])
  await empty.db.query("comment on schema pgtrail_restore is 'pgtrail backup restore of x, not finished'")
  expect((await empty.trail.status()).checks).toContainEqual(
    expect.objectContaining({ name: "restore", state: "warning" }),
  )
  await empty.restore(encrypted, { identities, verify: false })
  expect(await leftovers(empty.db)).toEqual([{ schema: "pgtrail" }])
})

test("a role that may not is told so before anything is made, and an owner without superuser restores", async () => {
  const other = await place.empty()
  const poor = await other.db.role()
  const trail = await other.db.trail({ url: poor.url })
  expect(await failureOf(trail.restoreBackup(backup))).toMatchObject({
    code: "privilege",
    hint: expect.stringContaining("grant create on database"),
  })
  await other.db.query(`grant create on database "${other.db.name}" to "${poor.name}"`)
  const done = await trail.restoreBackup(backup, { roles: false })
  expect(done.verification).toMatchObject({ verdict: "intact", findings: [] })
  const stranger = await other.db.role()
  await other.db.query(`grant create on database "${other.db.name}" to "${stranger.name}"`)
  const strange = await other.db.trail({ url: stranger.url })
  expect(await failureOf(strange.restoreBackup(backup, { confirm: other.db.name }))).toMatchObject({
    code: "privilege",
    message: expect.stringContaining(`belongs to ${poor.name}`),
  })
})

test("a member of pgtrail_owner restores a log with roles, over one of his own", async () => {
  const other = await place.empty()
  const owner = await other.db.role({ memberOf: ["pgtrail_owner"] })
  await other.db.query(`grant create on database "${other.db.name}" to "${owner.name}"`)
  const trail = await other.db.trail({ url: owner.url })
  await trail.restoreBackup(backup, { verify: false })
  const done = await trail.restoreBackup(backup, { confirm: other.db.name })
  expect(done).toMatchObject({ roles: true, verification: { verdict: "intact", findings: [] } })
})

test("a log that was replaced stays, to be taken back, where the restored one is not intact", async () => {
  // It has the log that came after what a killed restore had left.
  const other = empty
  expect(await leftovers(other.db)).toEqual([{ schema: "pgtrail" }])
  const before = await contents(other.db, "999")
  // A backup that agrees with itself, of a log that somebody has altered.
  const asReplica = (sql: string) =>
    log.query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`)
  await asReplica(
    "create table public.taken as select * from pgtrail.event where seq = 7; delete from pgtrail.event where seq = 7",
  )
  const bad = await place.of(await log.trail())
  await asReplica("insert into pgtrail.event table public.taken; drop table public.taken")
  const { verification, replaced, warnings } = await other.restore(bad, { confirm: other.db.name })
  expect(verification).toMatchObject({ verdict: "tampered" })
  const kept = replaced?.kept_as ?? ""
  expect(await leftovers(other.db)).toEqual([{ schema: "pgtrail" }, { schema: kept }])
  expect((await other.trail.status()).checks.find(({ name }) => name === "restore")?.message).toContain(kept)
  const back = /: (begin; .*; commit)$/.exec(warnings.find((one) => one.startsWith("to take it back")) ?? "")
  await other.db.query(back?.[1] ?? "")
  expect(await contents(other.db, "999")).toEqual(before)
  expect(await other.trail.verify({ jobs: 1, record: false })).toMatchObject({
    verdict: "intact",
    findings: [],
  })
})
