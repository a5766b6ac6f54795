// An incremental backup takes over the files of partitions that are what they were, and reads all others.
import { readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { writeResult } from "../../src/data/backup/results.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { openFolder } from "../../src/data/store/folder.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"
import { failureOf } from "./failure.js"

let log: BackupLog
let first: string
/** The newest whole one of all, not encrypted. */
let newest: string | null
beforeAll(async () => {
  log = await backupLog()
  await log.append(40, { policy: "standard" })
  await log.append(30, { at: "2020-02-02" })
  await log.append(20, { at: "2020-03-02", org: "other" })
  first = (await log.create()).name ?? ""
})
afterAll(() => log.remove())

/** Makes the next one, which must close, and tells the partitions with events that it read. */
async function readAnew(options: Parameters<BackupLog["create"]>[0] = {}): Promise<string[]> {
  const made = await log.create({ incremental: true, ...options })
  await log.closes(made.name)
  newest = made.name
  const { tables } = await log.manifest(made.name)
  return tables
    .filter(({ kind, rows, taken_over }) => kind !== "table" && rows !== "0" && taken_over === null)
    .map(({ name }) => name)
}

const months = ["event_2020_01", "event_2020_02", "event_2020_03"]

test("without a change all partitions are taken over, by links, and say from where", async () => {
  const made = await log.create({ incremental: true })
  const { tables } = await log.manifest(made.name)
  const before = await log.manifest(first)
  const taken = tables.filter(({ taken_over }) => taken_over !== null)
  expect(taken.length).toBe(Number(made.taken_over))
  expect(taken.map(({ name }) => name)).toEqual(expect.arrayContaining(months))
  for (const { taken_over } of taken) expect(taken_over).toEqual({ backup: first, act: before.act?.seq })
  expect(await log.closes(made.name)).toBe(90)
  const inode = async (name: string | null) =>
    (await stat(join(log.folder, name ?? "", "event_2020_01.copy.gz"))).ino
  expect(await inode(made.name)).toBe(await inode(first))
  // Of what was taken over twice, it is still told when it was read.
  const third = await log.create({ incremental: true })
  const again = (await log.manifest(third.name)).tables.find(({ name }) => name === "event_2020_01")
  expect(again?.taken_over).toEqual({ backup: made.name, act: before.act?.seq })
  newest = third.name
})

test("the DEFAULT partition is read each time, for no act tells what was moved out of it", async () => {
  const { tables } = await log.manifest(newest)
  const taken = tables.flatMap(({ name, taken_over }) => (taken_over === null ? [] : name))
  expect(taken).toContain("event_2020_01")
  expect(taken).not.toContain("event_default")
  expect(tables.map(({ name }) => name)).toContain("event_default")
})

test("each is whole by itself: one that others have taken over from can go", async () => {
  for (const name of await log.names())
    if (name !== newest) await rm(join(log.folder, name), { recursive: true })
  expect(await log.closes(newest)).toBe(90)
})

test("what was appended, redacted, purged and brought back is read again, and nothing else", async () => {
  await log.append(2, { at: "2020-02-20", org: "other" })
  await log.append(10, { at: "2020-01-03", policy: "short" })
  await log.append(10, { at: "2020-01-05", policy: "standard" })
  expect((await readAnew()).sort()).toEqual(["event_2020_01", "event_2020_02"])
  await log.trail.eraseSubject([{ kind: "id", value: "u3" }], {
    reason: "why",
    requestedBy: "who",
    organizations: ["other"],
    confirm: "u3",
  })
  expect(await readAnew()).toEqual(["event_2020_03"])
  // Half of January goes by its policy, between events that stay.
  expect((await log.run()).events).not.toBe("0")
  expect(await readAnew()).toContain("event_2020_01")
  expect(await readAnew()).toEqual([])
})

test("files of other recipients, of another scope and of a damaged backup are not taken over", async () => {
  const recipients = [await identityToRecipient(await generateIdentity())]
  const encrypted = await log.create({ incremental: true, recipients })
  expect(encrypted.taken_over).toBe("0")
  const again = await log.create({ incremental: true, recipients })
  expect(again.taken_over).not.toBe("0")
  expect((await log.create({ incremental: true, organization: "other" })).taken_over).toBe("0")
  await writeFile(join(log.folder, newest ?? "", "event_2020_03.copy.gz"), "short")
  const { tables } = await log.manifest((await log.create({ incremental: true })).name)
  const march = tables.find(({ name }) => name === "event_2020_03")
  expect(march).toBeDefined()
  expect(march?.taken_over?.backup).not.toBe(newest)
})

const march = "event_2020_03"
const altered = (bytes: Buffer): Buffer => {
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 4
  return bytes
}
const takenFrom = async (name: string | null) =>
  (await log.manifest(name)).tables.find((table) => table.name === march)?.taken_over?.backup ?? null

test("a file that was altered at its size is read from the log again, and a warning names it", async () => {
  const source = (await log.create()).name
  const path = join(log.folder, source ?? "", `${march}.copy.gz`)
  await writeFile(path, altered(await readFile(path)))
  const made = await log.create({ incremental: true })
  newest = made.name
  await log.closes(newest)
  expect(await takenFrom(made.name)).toBeNull()
  expect(made.warnings).toEqual([
    expect.stringMatching(
      `^event_2020_03\\.copy\\.gz of ${source} is not what its manifest says, and was read`,
    ),
  ])
  expect(await takenFrom((await log.create({ incremental: true })).name)).toBe(made.name)
})

test("nothing is taken over from a backup whose list of runs was altered", async () => {
  const { name } = await log.create()
  const path = join(log.folder, name ?? "", "runs.copy.gz")
  await writeFile(path, altered(await readFile(path)))
  const made = await log.create({ incremental: true })
  expect(made.taken_over).toBe("0")
  newest = made.name
  await log.closes(newest)
})

test("nothing is taken over from a backup whose manifest is not the one that the log recorded, nor from one that a verification found bad", async () => {
  const sound = await log.create()
  const { name } = await log.create({ incremental: true })
  const path = join(log.folder, name ?? "", "manifest.json")
  const text = await readFile(path)
  const manifest: BackupManifest = JSON.parse(text.toString("utf8"))
  // Whoever alters a file can seal a manifest that vouches for it.
  await writeFile(path, writeManifest(sealed({ ...manifest, tool_version: "9.9.9" })))
  expect(await takenFrom((await log.create({ incremental: true })).name)).toBe(sound.name)
  await writeFile(path, text)
  const later = await log.create({ incremental: true })
  const result = { level: "full", verdict: "tampered", damaged: false, findings: "1" } as const
  await writeResult(openFolder(log.to), later.name ?? "", {
    ...result,
    name: later.name ?? "",
    manifest: later.manifest ?? "",
    at: "2026-11-22T01:30:00.000000Z",
    tool_version: "0",
    by: "auditor",
  })
  const made = await log.create({ incremental: true })
  expect(await takenFrom(made.name)).not.toBe(later.name)
  newest = made.name
  await log.closes(newest)
})

test("of another history of the log, which has other events at the same places, nothing is taken over", async () => {
  await log.append(2, { at: "2020-03-20", org: "other" })
  await log.create()
  await log.tamper(
    `delete from pgtrail.event where organization_id = 'other' and seq = (select max(seq) from pgtrail.event where organization_id = 'other' and lane = 0) and lane = 0;
     delete from pgtrail.chain_head where organization_id = 'other' and lane = 0 and seq = (select max(seq) from pgtrail.chain_head where organization_id = 'other' and lane = 0)`,
  )
  const [head] = await log.db.query(
    "select max(seq) as seq from pgtrail.chain_head where organization_id = 'other' and lane = 0",
  )
  await log.db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy) values ('other', '2020-03-20T12:00Z', 'another', $1)",
    [
      (
        await log.db.query(
          "select retention_policy as p from pgtrail.event where organization_id = 'other' and lane = 0 order by seq desc limit 1",
        )
      )[0]?.p,
    ],
  )
  const [after] = await log.db.query(
    "select max(seq) as seq from pgtrail.chain_head where organization_id = 'other' and lane = 0",
  )
  expect(Number(after?.seq)).toBe(Number(head?.seq) + 1)
  expect(await readAnew()).toContain("event_2020_03")
})

test("one that was stopped leaves what is whole, and the next goes on from there", async () => {
  // So many that their files have entries.
  await log.append(400, { at: "2020-01-10", policy: "standard" })
  await log.append(400, { at: "2020-02-01", policy: "standard" })
  const stop = new AbortController()
  const stopped = log.create({
    jobs: 1,
    signal: stop.signal,
    progress: (doing) => {
      if (/^\d.* 6 of /.test(doing)) stop.abort()
    },
  })
  expect(await failureOf(stopped)).toMatchObject({
    code: "cancelled",
    message: "stopped before the end",
    hint: expect.stringMatching(/ (is|are) whole, and it has no manifest; run it again with --incremental/),
  })
  const all = await Promise.all(
    (await log.names()).map(async (name) => ({ name, files: await log.files(name) })),
  )
  const { name: unfinished = "", files = [] } = all.find((one) => !one.files.includes("manifest.json")) ?? {}
  expect(files.filter((file) => file.includes(".partial"))).toEqual([])
  const entries = files.filter((file) => file.endsWith(".entry.json"))
  expect(entries.length).toBeGreaterThan(0)
  const made = await log.create({ incremental: true })
  expect(await log.closes(made.name)).toBeGreaterThan(0)
  const { tables } = await log.manifest(made.name)
  const from = tables.flatMap(({ taken_over }) => taken_over?.backup ?? [])
  expect(from.filter((name) => name === unfinished)).toHaveLength(
    entries.filter((file) => !file.startsWith("event_default")).length,
  )
  // What it took is its own now, and the unfinished one is as it was: another process may be at it still.
  expect(await log.files(unfinished)).toEqual(files)
})

test("of one that was stopped the file of DEFAULT is not kept: every run reads it anew", async () => {
  await log.append(1500, { at: "1999-01-10", policy: "standard" })
  const before = await log.names()
  const stop = new AbortController()
  const written: string[] = []
  const stopped = log.create({
    // Of the other partitions what is whole is kept.
    ...{ jobs: 1, partition: "event_default" },
    signal: stop.signal,
    progress: (doing) => {
      written.push(doing)
      // It is the largest, and comes first.
      if (/^\d.* 2 of /.test(doing)) stop.abort()
    },
  })
  expect(await failureOf(stopped)).toMatchObject({ code: "cancelled", hint: "nothing was backed up" })
  expect(written.some((doing) => / 2 of /.test(doing))).toBe(true)
  expect(await log.names()).toEqual(before)
})

test("two at once into one place are both whole", async () => {
  const made = await Promise.all([log.create({ incremental: true }), log.create()])
  expect(new Set(made.map(({ name }) => name)).size).toBe(2)
  const counts = await Promise.all(made.map(({ name }) => log.closes(name)))
  expect(new Set(counts).size).toBe(1)
})
