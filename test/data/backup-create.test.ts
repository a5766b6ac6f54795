// A backup: all of a log as files, on one snapshot, with a manifest that says what they are.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { generateHybridIdentity, generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import { CopyRows } from "../../src/data/archive/copy-rows.js"
import { backupText } from "../../src/data/backup/open.js"
import { refuseFull } from "../../src/data/backup/space.js"
import { openFolder } from "../../src/data/store/folder.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"
import { failureOf } from "./failure.js"

const odd = "ü\tb\\"

let log: BackupLog
beforeAll(async () => {
  log = await backupLog()
  await log.append(100)
  await log.append(60, { org: odd, at: "2020-02-02" })
  await log.append(40, { at: "2020-03-02" })
})
afterAll(() => log.remove())

test("a backup has every table and partition as COPY text, and closes from each genesis to its head", async () => {
  const made = await log.create()
  expect(made).toMatchObject({ events: "200", taken_over: "0", not_recorded: null, warnings: [] })
  const manifest = await log.manifest(made.name)
  const tables = await log.db.query(
    "select relname as name from pg_class where relnamespace = 'pgtrail'::regnamespace and relkind = 'r' order by relname collate \"C\"",
  )
  expect(manifest.tables.map(({ name }) => name)).toEqual(tables.map(({ name }) => name))
  expect(await log.closes(made.name)).toBe(200)
  expect(manifest.tables.find(({ name }) => name === "event_2020_02")).toMatchObject({
    kind: "partition",
    since: "2020-02-01 00:00:00+00",
    until: "2020-03-01 00:00:00+00",
    rows: "60",
    taken_over: null,
  })
  // Control tables stand in the order of their keys, and each line of an event is hashed to what is stored in it.
  const acts = (await log.text(made.name, "act")).split("\n").map((line) => line.split("\t")[1])
  expect(acts.slice(0, -1)).toEqual(acts.slice(0, -1).map((_, at) => String(at + 1)))
  const hashes: boolean[] = []
  const rows = new CopyRows({
    row: ({ computed, hash }) => hashes.push(computed === hash),
    bad: (line, why) => expect.fail(`${line}: ${why}`),
  })
  rows.push(Buffer.from(await log.text(made.name, "event_2020_02")))
  expect(hashes).toEqual(Array.from({ length: 60 }, () => true))
})

test("it is recorded as an act that says what and where it is, and names the newest act that is in it", async () => {
  const made = await log.create({ level: 9 })
  const [act] = await log.db.query(
    "select a.kind, a.parameters, a.digest from pgtrail.act a where a.seq = $1",
    [made.act],
  )
  const manifest = await log.manifest(made.name)
  expect(act).toMatchObject({ kind: "backup", digest: null })
  expect(JSON.parse(act?.parameters ?? "")).toMatchObject({
    name: made.name,
    location: log.to,
    manifest: made.manifest,
    events: 200,
    tables: manifest.tables.length,
    bytes: Number(made.bytes),
    taken_over: 0,
    partition: null,
    organization: null,
    encrypted: false,
    act: Number(manifest.act?.seq),
  })
  expect(BigInt(made.act ?? "0")).toBeGreaterThan(BigInt(manifest.act?.seq ?? "0"))
  expect((await log.trail.verify({ jobs: 1, record: false })).verdict).toBe("intact")
})

test("no act is made of what cannot be a backup", async () => {
  const right = {
    name: "'backup-20261122T013000Z-a1b2c3'",
    location: "'file:///x'",
    manifest: "sha256('x')",
    at: "now()",
    tables: "3",
    events: "2",
    bytes: "1",
    taken_over: "1",
    partition: "null",
    organization: "null",
    encrypted: "false",
    act: "1",
    tool_version: "'0.1.0'",
  }
  const record = (wrong: Partial<typeof right>): Promise<unknown> =>
    log.db.query(`select pgtrail.record_backup(${Object.values({ ...right, ...wrong }).join(", ")})`)
  const wrongs: Partial<typeof right>[] = [
    { name: "'x'" },
    { name: "null" },
    { location: "'table:'" },
    { location: "E'file:///x\\n'" },
    { manifest: "'\\x00'" },
    { at: "'infinity'" },
    { at: "now() + interval '1 hour'" },
    { taken_over: "4" },
    { events: "-1" },
    { organization: "''" },
    { encrypted: "null" },
    { act: "1000000" },
    { tool_version: "'a b'" },
  ]
  const before = await log.db.query("select count(*) as n from pgtrail.act")
  for (const wrong of wrongs) await expect(record(wrong)).rejects.toMatchObject({ code: "TR009" })
  expect(await log.db.query("select count(*) as n from pgtrail.act")).toEqual(before)
  await record({})
})

test("one partition, and all tables", async () => {
  const made = await log.create({ partition: "event_2020_02" })
  const { tables, partition } = await log.manifest(made.name)
  expect(partition).toBe("event_2020_02")
  expect(tables.flatMap(({ name, kind }) => (kind === "table" ? [] : [name]))).toEqual(["event_2020_02"])
  expect(made).toMatchObject({ events: "60", partitions: "1" })
})

test("one organization: its rows, and tables that say nothing of organizations", async () => {
  const made = await log.create({ organization: odd })
  expect(made.events).toBe("60")
  expect((await log.manifest(made.name)).heads.events).toBe("60")
  expect(await log.closes(made.name)).toBe(60)
  expect(await log.text(made.name, "summary_cursor")).not.toContain("acme")
  expect(await log.text(made.name, "chain_head")).not.toContain("acme")
  expect((await log.text(made.name, "act")).split("\n").length).toBeGreaterThan(5)
})

test("a dry run says what would be done, and writes nothing", async () => {
  const before = await log.names()
  const told = await log.create({ dryRun: true })
  expect(told).toMatchObject({ dry_run: true, name: null, events: null, act: null, taken_over: "0" })
  expect(await log.names()).toEqual(before)
})

test("what cannot be is refused before anything is written", async () => {
  const before = await log.names()
  const refusals = [
    [{ to: "table:" }, "usage"],
    [{ partition: "event_2020_02", organization: odd }, "usage"],
    [{ jobs: 0 }, "usage"],
    [{ level: 10 }, "usage"],
    [{ recipients: ["age1none"] }, "usage"],
    [{ partition: "event_1999_01" }, "not-found"],
    [{ organization: "nobody" }, "not-found"],
    [{ to: `${log.to}/none` }, "file"],
  ] as const
  for (const [options, code] of refusals) {
    expect(await failureOf(log.create(options))).toMatchObject({
      code,
      hint: expect.stringMatching(/^nothing was /),
    })
  }
  expect(await log.names()).toEqual(before)
})

test("a role that may not read all is told which tables and what to grant; one that reads all needs no more", async () => {
  const role = await log.db.role({ memberOf: ["pgtrail_reader"] })
  const stranger = await log.db.role()
  const none = await log.db.trail({ url: stranger.url })
  expect(await failureOf(none.createBackup({ to: log.to }))).toMatchObject({
    code: "privilege",
    hint: `nothing was backed up; as a superuser: grant pg_read_all_data to ${stranger.name}`,
  })
  const [name] = await log.names()
  expect(await failureOf(none.compareBackup(`${log.to}/${name}`))).toMatchObject({
    code: "privilege",
    hint: `nothing was compared; as a superuser: grant pg_read_all_data to ${stranger.name}`,
  })
  await none.close()
  const trail = await log.db.trail({ url: role.url })
  expect(await failureOf(trail.createBackup({ to: log.to }))).toMatchObject({
    code: "privilege",
    message: expect.stringMatching(/^this role may not read \d+ tables of the log: act, .*, and \d+ more$/),
    hint: `nothing was backed up; as a superuser: grant pg_read_all_data to ${role.name}`,
  })
  await log.db.query(`grant pg_read_all_data to "${role.name}"`)
  const silent = await trail.createBackup({ to: log.to })
  expect(silent).toMatchObject({
    events: "200",
    act: null,
    not_recorded: "this role may not record one: pgtrail grant operator ROLE",
  })
  await log.db.query(`grant pgtrail_auditor to "${role.name}"`)
  expect(await trail.createBackup({ to: log.to })).toMatchObject({ not_recorded: null })
})

test("encrypted to several recipients, each of them opens it, and nobody else", async () => {
  const identities = [await generateIdentity(), await generateHybridIdentity()]
  const recipients = await Promise.all(identities.map(identityToRecipient))
  const made = await log.create({ recipients, partition: "event_2020_02" })
  const { tables } = await log.manifest(made.name)
  const file = tables.find(({ name }) => name === "event_2020_02")?.file
  if (file === undefined) throw new Error("it has no file of the partition")
  expect(file).toMatchObject({ name: "event_2020_02.copy.gz.age", age: { recipients } })
  const store = openFolder(log.to)
  const readBy = async (identity: string): Promise<string> => {
    const parts: Buffer[] = []
    for await (const chunk of backupText(store, made.name ?? "", file, { identities: [identity] }))
      parts.push(chunk)
    return Buffer.concat(parts).toString("utf8")
  }
  for (const identity of identities) expect((await readBy(identity)).split("\n")).toHaveLength(61)
  expect(await failureOf(readBy(await generateIdentity()))).toMatchObject({ code: "config" })
})

test("a table of somebody else's is left out, and told; a partition of any name is in it", async () => {
  await log.db.query("create table pgtrail.stranger (a int)")
  await log.db.query(
    `create table pgtrail."heads" partition of pgtrail.event for values from ('1999-01-01Z') to ('1999-02-01Z');
     create table pgtrail."Odd/Name" partition of pgtrail.event for values from ('1999-02-01Z') to ('1999-03-01Z')`,
  )
  await log.append(3, { at: "1999-02-02", org: "old" })
  try {
    const made = await log.create()
    expect(made.warnings).toEqual([
      "the table pgtrail.stranger is none of pgtrail's: it is not in the backup",
    ])
    const { tables } = await log.manifest(made.name)
    expect(tables.find(({ name }) => name === "Odd/Name")?.file.name).toMatch(/^table-\d\.copy\.gz$/)
    expect(await log.closes(made.name)).toBe(203)
  } finally {
    await log.db.query(`drop table pgtrail.stranger, pgtrail."heads"`)
  }
})

test("a place without room is refused with both figures", async () => {
  expect(await failureOf(refuseFull({ location: log.to }, 10n ** 18n))).toMatchObject({
    code: "disk-full",
    message: expect.stringMatching(/ has [\d.]+ [MGT]B free, and the backup will need about 888\.\d PB$/),
    hint: expect.stringMatching(/^nothing was written; /),
  })
})

test("what it has written is never written over, and a manifest of it that was altered is none", async () => {
  const made = await log.create({ partition: "event_2020_02" })
  const path = join(log.folder, made.name ?? "", "manifest.json")
  const text = await readFile(path, "utf8")
  const store = openFolder(pathToFileURL(log.folder).href)
  const put = store.put(
    `${made.name}/manifest.json`,
    (async function* () {
      yield Buffer.from("{}")
    })(),
  )
  expect(await failureOf(put)).toMatchObject({ code: "exists" })
  await writeFile(path, text.replace('"events": "60"', '"events": "61"'))
  await expect(log.manifest(made.name)).rejects.toThrow()
})
