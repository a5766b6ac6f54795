// Backups at a place that is configured and whose name has blanks, quotes and letters beyond ASCII; and what the log itself knows of them.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { type BackupLog, backupLog } from "../data/backup-fixture.js"
import { type Backups, backups } from "../data/backup-restore-fixture.js"
import { runInProcess } from "./io.js"

let log: BackupLog
let databases: Backups
let place: string
let env: Record<string, string>
beforeAll(async () => {
  log = await backupLog()
  databases = await backups()
  await log.append(30)
  place = join(log.folder, "Zürich's Sicherungen – 日本")
  await mkdir(place)
  env = { PGTRAIL_URL: log.db.url, PGTRAIL_BACKUP_CREATE_TO: place }
})
afterAll(async () => {
  await databases.remove()
  await log.remove()
})

const pgtrail = (words: readonly string[], around: Record<string, string> = env) =>
  runInProcess(words, { env: around })
const nameIn = (text: string): string => /backup-\d{8}T\d{6}Z-[0-9a-f]{6}/.exec(text)?.[0] ?? ""
const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`

test("where no place is typed the configured one is meant by each command, and a hint has it as a shell reads it", async () => {
  const made = await pgtrail(["backup", "create"])
  expect(made).toMatchObject({ exit: 0 })
  expect(made.stderr).toContain(`next: pgtrail backup verify ${quoted(place)}\n`)
  const name = nameIn(made.stdout)
  for (const verb of ["list", "show", "verify", "compare"]) {
    const said = await pgtrail(["backup", verb, ...(verb === "verify" ? ["--no-record"] : [])])
    expect({ verb, exit: said.exit, said: said.both }).toMatchObject({
      exit: 0,
      said: expect.stringContaining(name),
    })
  }
  const kept = await pgtrail(["backup", "keep", join(place, name), "--reason", "first"])
  expect(kept).toMatchObject({ exit: 0 })
  await pgtrail(["backup", "create", "--incremental"])
  await pgtrail(["backup", "keep", join(place, name), "--release"])
  const plan = await pgtrail(["backup", "prune", "--keep-last", "1"])
  expect(plan.stderr).toContain(`--confirm ${quoted(place)}\n`)
  expect(await pgtrail(["backup", "prune", "--keep-last", "1", "--confirm", place])).toMatchObject({
    exit: 0,
    stderr: expect.stringMatching(/1 backup removed, 1 stays/),
  })
  const { db } = await databases.empty()
  const restored = await pgtrail(["backup", "restore", "--json"], { ...env, PGTRAIL_URL: db.url })
  expect(restored).toMatchObject({ exit: 0 })
  expect(await db.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "30" }])
})

test("a backup of one organization, or of one partition, is restored beside a log, and not as one", async () => {
  await log.append(4, { org: "globex" })
  const [partition] = await log.db.query(
    "select tableoid::regclass::text as name from pgtrail.event where organization_id = 'globex' limit 1",
  )
  const table = partition?.name?.replace(/^pgtrail\./, "") ?? ""
  const [held] = await log.db.query(`select count(*) as n from only pgtrail."${table}"`)
  const { db } = await databases.empty()
  const into = { ...env, PGTRAIL_URL: db.url }
  for (const [schema, option, value, events] of [
    ["of_one", "--org", "globex", "4"],
    ["of_table", "--partition", table, held?.n],
  ] as const) {
    const made = await pgtrail(["backup", "create", option, value])
    const backup = join(place, nameIn(made.stdout))
    expect(made.stderr).toContain(`next: pgtrail backup verify ${quoted(backup)}\n`)
    const alone = await pgtrail(["backup", "restore", backup], into)
    expect({ exit: alone.exit, hint: alone.stderr }).toMatchObject({
      exit: 2,
      hint: expect.stringContaining("--schema"),
    })
    expect(await pgtrail(["backup", "restore", backup, "--schema", schema], into)).toMatchObject({ exit: 0 })
    expect(await db.query(`select count(*) as n from ${schema}.event`)).toEqual([{ n: events }])
  }
})

test("a manifest that somebody wrote anew is told where the line names the log, and prune takes it for none and leaves it", async () => {
  const old = nameIn((await pgtrail(["backup", "create"])).stdout)
  const name = nameIn((await pgtrail(["backup", "create"])).stdout)
  const path = join(place, name, "manifest.json")
  const manifest = JSON.parse(await readFile(path, "utf8")) as BackupManifest
  await writeFile(path, writeManifest(sealed({ ...manifest, tool_version: "9.9.9" })))
  const named = ["--url", log.db.url]
  expect(await pgtrail(["backup", "list"])).toMatchObject({ exit: 0 })
  expect(await pgtrail(["backup", "list", ...named])).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining(`${name}: its manifest is not the one that the log recorded`),
  })
  expect(await pgtrail(["backup", "verify", "--quick", "--no-record"])).toMatchObject({ exit: 0 })
  expect(await pgtrail(["backup", "verify", "--quick", "--no-record", ...named])).toMatchObject({
    exit: 1,
    stdout: expect.stringContaining("is not the one that the log recorded"),
  })
  const rows = async (...more: string[]): Promise<Record<string, string>> => {
    const said = await pgtrail(["backup", "prune", "--keep-last", "1", "--json", ...more])
    const { backups: pruned } = JSON.parse(said.stdout) as { backups: Record<string, string>[] }
    return Object.fromEntries(
      pruned
        .filter((one) => one.name === name || one.name === old)
        .map((one) => [one.name, `${one.outcome}: ${one.reason}`]),
    )
  }
  expect(await rows()).toEqual({
    [name]: expect.stringMatching(/^stays: last, newest good one/),
    [old]: "goes: no rule keeps it",
  })
  expect(await rows(...named)).toEqual({
    [name]: "stays: its manifest is not the one that the log recorded: it was written anew; look at it",
    [old]: expect.stringMatching(/^stays: last, newest good one/),
  })
  // Another log knows none of them, and nobody is to think that they were compared.
  const { db } = await databases.empty()
  await (await db.trail()).install()
  const elsewhere = ["--url", db.url]
  expect(await pgtrail(["backup", "list", ...elsewhere])).toMatchObject({
    exit: 0,
    stderr: expect.stringMatching(/^ *\d+ backups of these the log that was named has not recorded$/m),
  })
  expect(await pgtrail(["backup", "verify", "--quick", "--no-record", ...elsewhere])).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining("the log that was named has not recorded this backup"),
  })
  expect((await pgtrail(["backup", "prune", "--keep-last", "9", ...elsewhere])).stderr).toContain(
    "has not recorded",
  )
})
