// The second verifier says of a backup what `backup verify` says of it, and what is wrong with its files.
import { execFile } from "node:child_process"
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { type Looks, looks } from "../data/backup-verify-fixture.js"
import { type LifecycleLog, lifecycleLog } from "../data/lifecycle-fixture.js"
import { testKey } from "../data/signing.js"

let log: LifecycleLog
let look: Looks
beforeAll(async () => {
  log = await lifecycleLog()
  look = await looks(log.trail)
})
afterAll(async () => {
  await log.db.drop()
  await look.remove()
})

interface Said {
  readonly verdict: string
  readonly covered: { readonly events: string; readonly purged: string } | null
  readonly findings: readonly { readonly id: string; readonly kind: string; readonly message: string }[]
}

async function python(name: string, ...options: readonly string[]): Promise<Said> {
  const script = join(import.meta.dirname, "../../scripts/verify.py")
  const { stdout } = await promisify(execFile)("python3", [
    script,
    "--backup",
    join(look.folder, name),
    ...options,
  ]).catch((error: { stdout: string; stderr: string }) => {
    if (error.stdout === "") throw new Error(error.stderr)
    return error
  })
  return JSON.parse(stdout)
}

test("a sound log with holds, purges and a detached partition, and one that was tampered with", async () => {
  const sound = await look.backUp()
  const report = await look.verify(sound)
  expect(await python(sound)).toMatchObject({
    verdict: "intact",
    covered: { events: report.covered?.events, purged: report.covered?.purged },
    findings: [],
  })
  try {
    await log.tamper(
      `update pgtrail.event set actor_id = 'Eve' where organization_id = 'acme' and seq = (select max(seq) from pgtrail.event where organization_id = 'acme' and lane = 0);
       delete from pgtrail.event_2020_03 where organization_id = 'globex'`,
    )
    const name = await look.backUp()
    const { verdict, findings } = await look.verify(name)
    const said = await python(name)
    expect(findings.length).toBeGreaterThan(1)
    expect({ verdict: said.verdict, ids: said.findings.map(({ id }) => id).sort() }).toEqual({
      verdict,
      ids: findings.map(({ id }) => id).sort(),
    })
  } finally {
    await log.restore()
  }
})

test("files that are missing, altered or too many are found by their names", async () => {
  const name = await look.backUp()
  const folder = join(look.folder, name)
  await writeFile(join(folder, "more.txt"), "")
  await mkdir(join(folder, "extra", "deep"), { recursive: true })
  await writeFile(join(folder, "extra", "deep", "x.bin"), "")
  await symlink(look.folder, join(folder, "keep.json"))
  // What a NAS leaves there is passed over, as by the tool.
  await mkdir(join(folder, "@eaDir"))
  for (const left of [".DS_Store", "@eaDir/x"]) await writeFile(join(folder, left), "")
  const act = await readFile(join(folder, "act.copy.gz"))
  act[act.length >> 1] = (act[act.length >> 1] ?? 0) ^ 1
  await rm(join(folder, "act.copy.gz"))
  await writeFile(join(folder, "act.copy.gz"), act)
  await rm(join(folder, "hold.copy.gz"))
  const { verdict, findings } = await python(name)
  expect({ verdict, messages: findings.map(({ message }) => message) }).toEqual({
    verdict: "tampered",
    messages: expect.arrayContaining([
      "more.txt does not belong to the backup",
      "extra/deep/x.bin does not belong to the backup",
      "keep.json does not belong to the backup",
      "hold.copy.gz is missing",
      "act.copy.gz is not what the manifest says: it was altered or cut off",
    ]),
  })
})

test("where the file of a table is gone, the events are looked at one by one, and nothing is said of the log", async () => {
  try {
    await log.tamper(
      "update pgtrail.event set actor_id = 'Eve' where organization_id = 'acme' and seq = (select max(seq) from pgtrail.event where organization_id = 'acme' and lane = 0)",
    )
    const name = await look.backUp()
    await rm(join(look.folder, name, "chain_head.copy.gz"))
    const { verdict, findings } = await look.verify(name)
    const said = await python(name)
    const ofLog = (list: Said["findings"]) =>
      list.filter(({ kind }) => kind !== "file").map(({ id, kind }) => ({ id, kind }))
    expect(ofLog(findings)).toMatchObject([{ kind: "altered" }])
    expect({ verdict: said.verdict, findings: ofLog(said.findings) }).toEqual({
      verdict,
      findings: ofLog(findings),
    })
  } finally {
    await log.restore()
  }
})

test("a checkpoint that is younger than the backup leaves it incomplete; by its name the backup should have it, and it is compared", async () => {
  const name = await look.backUp()
  const key = testKey("test")
  const checkpoint = join(look.folder, "later.checkpoint")
  await writeFile(join(look.folder, "key.pub"), `${key.line}\n`)
  await log.trail.createCheckpoint({ key: key.text, out: checkpoint })
  const time = new Date(Date.now() + 30_000).toISOString().replace(/[-:]|\.\d+/g, "")
  const later = `backup-${time}-${name.slice(-6)}`
  await cp(join(look.folder, name), join(look.folder, later), { recursive: true })
  const path = join(look.folder, later, "manifest.json")
  await writeFile(
    path,
    writeManifest(sealed({ ...JSON.parse(await readFile(path, "utf8")), name: later } as BackupManifest)),
  )
  for (const [of, verdict] of [
    [name, "incomplete"],
    [later, "rolled_back"],
  ] as const) {
    const report = await look.verify(of, {
      checkpoints: [checkpoint],
      publicKeys: [join(look.folder, "key.pub")],
    })
    const said = await python(of, "--checkpoint", checkpoint)
    expect([report.verdict, said.verdict]).toEqual([verdict, verdict])
    expect(said.findings.map(({ id }) => id).sort()).toEqual(report.findings.map(({ id }) => id).sort())
  }
})
