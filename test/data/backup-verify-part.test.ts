// Backups that have a part of a log, what an auditor's checkpoint makes of a backup, random logs, and a bucket's worth of threads.

import { createHash } from "node:crypto"
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { type Looks, looks } from "./backup-verify-fixture.js"

let log: AnchoredLog
let look: Looks
beforeAll(async () => {
  log = await anchoredLog()
  look = await looks(log.trail)
})
afterAll(async () => {
  await log.drop()
  await look.remove()
})

/** Another text for the file of a table, and a manifest that vouches for it. */
async function replace(name: string, relation: string, change: (text: string) => string): Promise<void> {
  const folder = join(look.folder, name)
  const manifest: BackupManifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"))
  const sum = (bytes: Buffer) => ({
    bytes: String(bytes.length),
    sha256: createHash("sha256").update(bytes).digest("hex"),
  })
  const tables = await Promise.all(
    manifest.tables.map(async (table) => {
      if (table.name !== relation) return table
      const path = join(folder, table.file.name)
      const text = Buffer.from(change(gunzipSync(await readFile(path)).toString("utf8")))
      const gzip = gzipSync(text)
      await writeFile(path, gzip)
      return { ...table, file: { ...table.file, text: sum(text), gzip: { ...sum(gzip), level: 6 } } }
    }),
  )
  await writeFile(join(folder, "manifest.json"), writeManifest(sealed({ ...manifest, tables })))
}

test("one organization: its chains are verified, the rest is told as not looked at; an altered event is found", async () => {
  const name = await look.backUp({ organization: "acme" })
  const report = await look.verify(name)
  expect(report).toMatchObject({
    verdict: "intact",
    findings: [],
    organization: "acme",
    covered: { chains: "2", events: "60" },
  })
  expect(report.not_covered.length).toBeGreaterThan(1)
  expect(await look.verify(name, { quick: true })).toMatchObject({ verdict: "whole", findings: [] })
  const manifest: BackupManifest = JSON.parse(
    await readFile(join(look.folder, name, "manifest.json"), "utf8"),
  )
  const { name: relation = "" } =
    manifest.tables.find(({ kind, rows }) => kind !== "table" && rows !== "0") ?? {}
  await replace(name, relation, (text) => text.replace("Ada ", "Eva "))
  expect((await look.verify(name)).findings).toMatchObject([
    { kind: "altered", organization_id: "acme", line: "1" },
  ])
  await rm(join(look.folder, name), { recursive: true })
})

test("one partition: its events are verified one by one, all tables whole; that nobody can follow its lanes makes it incomplete", async () => {
  const [row] = await log.db.query(
    "select tableoid::regclass::text as relation, count(*) as n from pgtrail.event group by 1 order by 2 desc limit 1",
  )
  const relation = row?.relation?.replace("pgtrail.", "") ?? ""
  const name = await look.backUp({ partition: relation })
  const report = await look.verify(name)
  expect(report).toMatchObject({
    verdict: "incomplete",
    findings: [],
    partition: relation,
    covered: { events: row?.n },
  })
  expect(report.not_covered.join()).toMatch(/one partition alone/)
  await replace(name, relation, (text) => text.replace("Ada ", "Eva "))
  expect((await look.verify(name)).findings).toMatchObject([
    { kind: "altered", line: "1", message: expect.stringMatching(/^event \d+ was altered/) },
  ])
  await rm(join(look.folder, name), { recursive: true })
})

test("a checkpoint judges a backup: a log that was rewritten from end to end, and one that is younger", async () => {
  const before = await log.checkpoint("before.checkpoint")
  const name = await look.backUp()
  const publicKeys = [log.publicKey]
  const sound = await look.verify(name, { checkpoints: [before], publicKeys })
  expect(sound).toMatchObject({ verdict: "intact", compared: [{ name: "checkpoint before.checkpoint" }] })
  await log.append("acme")
  const after = await log.checkpoint("after.checkpoint")
  const older = await look.verify(name, { checkpoints: [after], publicKeys })
  expect(older).toMatchObject({ verdict: "incomplete", findings: [], compared: [] })
  expect(older.not_covered[0]).toBe("checkpoint after.checkpoint: it is younger than the backup")
  // One that says something of it is enough.
  const both = await look.verify(name, { checkpoints: [after, before], publicKeys })
  expect(both).toMatchObject({ verdict: "intact", compared: [{ name: "checkpoint before.checkpoint" }] })
  expect(both.not_covered[0]).toBe("checkpoint after.checkpoint: it is younger than the backup")
  await log.keep()
  try {
    // The lane ends earlier, and its heads with it: nothing within the log tells of that.
    await log.tamper(
      "delete from pgtrail.event where organization_id = 'globex' and seq > 30; delete from pgtrail.chain_head where organization_id = 'globex' and seq > 30",
    )
    const cut = await look.backUp()
    expect((await look.verify(cut)).verdict).toBe("intact")
    expect(await look.verify(cut, { checkpoints: [after], publicKeys })).toMatchObject({
      verdict: "tampered",
      findings: [{ kind: "truncated", organization_id: "globex", seq: "31" }],
    })
  } finally {
    await log.restore()
  }
})

test("when a backup was begun its name tells as well: nobody makes it older than a checkpoint that it should have", async () => {
  const name = await look.backUp()
  await log.append("acme")
  const checkpoints = [await log.checkpoint("cut.checkpoint")]
  const publicKeys = [log.publicKey]
  expect(await look.verify(name, { checkpoints, publicKeys })).toMatchObject({ verdict: "incomplete" })
  // What somebody makes of a later backup who takes out of it all that came since, and says that it was begun before.
  const named = async (later: number, change: Partial<BackupManifest> = {}): Promise<string> => {
    const time = new Date(Date.now() + later).toISOString().replace(/[-:]|\.\d+/g, "")
    const other = `backup-${time}-${name.slice(-6)}`
    await cp(join(look.folder, name), join(look.folder, other), { recursive: true })
    const path = join(look.folder, other, "manifest.json")
    const manifest: BackupManifest = { ...JSON.parse(await readFile(path, "utf8")), ...change, name: other }
    await writeFile(path, writeManifest(sealed(manifest)))
    return other
  }
  const soon = await named(30_000)
  expect(await look.verify(soon, { checkpoints, publicKeys })).toMatchObject({
    verdict: "rolled_back",
    compared: [{ name: "checkpoint cut.checkpoint" }],
    findings: expect.arrayContaining([expect.objectContaining({ kind: "rolled_back" })]),
  })
  for (const [other, words] of [
    [await named(3_600_000), /it was begun before the time in its name/],
    // A second on: within the same one it would have the backup's own name.
    [await named(1_000, { finished_at: "2020-01-01T00:00:00Z" }), /it was finished before it was begun/],
  ] as const) {
    const { verdict, findings } = await look.verify(other)
    expect({ verdict, message: findings[0]?.message }).toEqual({
      verdict: "tampered",
      message: expect.stringMatching(words),
    })
    await rm(join(look.folder, other), { recursive: true })
  }
  await rm(join(look.folder, soon), { recursive: true })
})

test("a quick look refuses a checkpoint, which it would not compare", async () => {
  const name = await look.backUp()
  const checkpoints = [await log.checkpoint("quick.checkpoint")]
  await expect(
    look.verify(name, { checkpoints, publicKeys: [log.publicKey], quick: true }),
  ).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringMatching(/leave out --quick, or --checkpoint/),
  })
})

test("two threads come to what one comes to, and a signal ends both ways at once", async () => {
  const name = await look.backUp()
  const [one, two] = [await look.verify(name, { jobs: 1 }), await look.verify(name, { jobs: 2 })]
  expect(two).toEqual(one)
  for (const jobs of [1, 2]) {
    const signal = AbortSignal.abort(new Error("enough"))
    await expect(look.verify(name, { jobs, signal })).rejects.toThrow("enough")
  }
})

test("a backup whose folder was renamed is that of another name", async () => {
  const name = await look.backUp()
  const other = name.replace(/[0-9a-f]{6}$/, "aaaaaa")
  await rename(join(look.folder, name), join(look.folder, other))
  const { verdict, findings } = await look.verify(other)
  expect({ verdict, message: findings[0]?.message }).toEqual({
    verdict: "tampered",
    message: `manifest.json contradicts itself: it is the manifest of ${name}: it lies in the folder of another backup`,
  })
})

/** mulberry32: small, seeded. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const changes = [
  "actor_name = 'Eve'",
  "occurred_at = occurred_at + interval '1 microsecond'",
  "previous_hash = sha256('x')",
  "hash = sha256('x')",
  "hash = null",
  "lane = lane + 1",
  "seq = seq + 1000",
  "organization_id = 'umbrella'",
  "identity_digest = sha256('x')",
  "hash_version = 2",
]

test("random changes to a log: the findings of verify, with their ids", async () => {
  const pick = generator(1)
  await log.db.query("alter table pgtrail.event alter hash drop not null")
  try {
    for (let step = 0; step < 12; step++) {
      const organization = ["acme", "globex", "initech"][pick(3)]
      const where = `where organization_id = '${organization}' and seq = ${1 + pick(40)}`
      await log.tamper(
        pick(4) === 0
          ? `delete from pgtrail.event ${where}`
          : `update pgtrail.event set ${changes[pick(changes.length)]} ${where}`,
      )
    }
    expect(await look.same({ windowBytes: 10_000 * (1 + pick(5)) })).toBeGreaterThan(0)
  } finally {
    await log.restore()
    await log.db.query("alter table pgtrail.event alter hash set not null")
  }
})
