// Real backups: status tells how old the last one of the whole log is, by its act and by the job, and what prune leaves verifies.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { listBackups, pruneBackups } from "../../src/data/backup/at-place.js"
import { isWhole } from "../../src/data/backup/manifest.js"
import { type BackupResult, writeResult } from "../../src/data/backup/results.js"
import { verifyBackup } from "../../src/data/backup/verify.js"
import type { BackupRun, LogStatus, Trail } from "../../src/data/index.js"
import { backupCheck } from "../../src/data/status/backup.js"
import { prometheus } from "../../src/data/status/prometheus.js"
import { openFolder } from "../../src/data/store/folder.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let path: string
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  path = mkdtempSync(join(tmpdir(), "pgtrail-status-"))
})
afterAll(async () => {
  await db.drop()
  rmSync(path, { recursive: true, force: true })
})
const status = (): Promise<LogStatus> => trail.status({ drift: false })
const age = ({ checks }: LogStatus) => checks.find(({ name }) => name === "backup-age")

test("a log that never had one is told how, and warned when the job was run and none came of it", async () => {
  const never = "never: pgtrail backup create --to PLACE"
  expect(age(await status())).toMatchObject({
    state: "ok",
    value: null,
    message: never,
    warning: "26h",
    critical: "8d",
  })
  const job = { job: "backup" } as const
  const found = { reads: true, backup: null, jobs: [job as never] }
  expect(backupCheck(found, 3600, {})).toMatchObject({ state: "ok", message: "never, installed 1h ago" })
  expect(backupCheck(found, 27 * 3600, {})).toMatchObject({ state: "warning", value: "97200" })
  expect(backupCheck({ ...found, jobs: [] }, 27 * 3600, {}).state).toBe("ok")
  expect(backupCheck({ ...found, reads: false }, 0, {})).toMatchObject({ state: "unknown", value: null })
})

test("its age counts from the act of the last whole one, which is also the job's last success", async () => {
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'a.b' from generate_series(1, 20)",
  )
  const made = await trail.createBackup({ to: pathToFileURL(path).href })
  const [lying] = await listBackups(pathToFileURL(path).href)
  expect(lying).toMatchObject({ name: made.name, state: "finished" })
  await trail.createBackup({ to: pathToFileURL(path).href, organization: "acme" })
  const told = await status()
  expect(told.log?.backup).toMatchObject({ name: made.name, seq: made.act, events: "20", bytes: made.bytes })
  expect(age(told)).toMatchObject({
    state: "ok",
    message: expect.stringContaining(`act ${made.act}: ${made.name}, 20 events, `),
  })
  expect(told.log?.jobs.find(({ name }) => name === "backup")).toMatchObject({
    last_success: told.log?.backup?.recorded_at,
  })
  const metrics = prometheus(told, new Date())
  expect(metrics).toMatch(/^pgtrail_last_backup_timestamp_seconds \d{10}$/m)
  expect(metrics).toContain("\npgtrail_last_backup_events 20\n")
  expect(metrics).toMatch(/^pgtrail_job_last_success_timestamp_seconds\{job="backup"\} \d{10}$/m)
  const old = { ...told.log?.backup, age_seconds: String(9 * 86_400) } as never
  expect(backupCheck({ reads: true, backup: old, jobs: [] }, 0, {})).toMatchObject({ state: "critical" })
  const ahead = { ...told.log?.backup, age_seconds: "-86400" } as never
  expect(backupCheck({ reads: true, backup: ahead, jobs: [] }, 0, {})).toMatchObject({
    state: "warning",
    value: "0",
  })
})

test("a backup that took over files from one that was pruned is still whole", async () => {
  const to = pathToFileURL(path).href
  const second = await trail.createBackup({ to, incremental: true })
  expect(Number(second.taken_over)).toBeGreaterThan(0)
  const whole = async () =>
    (await listBackups(to)).filter(({ about }) => about !== undefined && isWhole(about))
  expect(await whole()).toHaveLength(2)
  await pruneBackups(to, { rules: { last: 1 }, confirmed: true })
  expect((await whole()).map(({ name, state }) => [name, state])).toEqual([[second.name, "finished"]])
  const { verdict, findings } = await verifyBackup(openFolder(to), second.name ?? "")
  expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
})

test("what is in the parameters of an act harms no status", async () => {
  await db.query(
    `select pgtrail.record_act('backup', '{"events": "many", "bytes": {"a": 1}, "name": "\\u001b[2J"}')`,
  )
  const told = await status()
  expect(told.log?.backup).toMatchObject({ events: null, bytes: null })
  expect(age(told)?.message).toContain("\\x1b[2J")
})

test("the job makes one after the other, and says what it lacks", async () => {
  const program = ["/bin/sh", "-c", ":"]
  const env = { PGTRAIL_URL: db.url }
  const lacking = await runInProcess(["job", "run", "backup"], { env, program })
  expect([lacking.exit, lacking.stderr]).toEqual([
    2,
    expect.stringContaining("is not configured: backup.create.to"),
  ])
  expect(lacking.stderr).toContain('{"backup":{"create":{"to":"/srv/backup"}}}')
  const ran = await runInProcess(["job", "run", "backup", "--json"], {
    env: { ...env, PGTRAIL_BACKUP_CREATE_TO: path },
    program,
  })
  expect(JSON.parse(ran.stdout).rows).toMatchObject([{ job: "backup", outcome: "done" }])
})

describe("what verifications came to", () => {
  const told = async () => {
    const { checks, log } = await status()
    const { state, message } = checks.find(({ name }) => name === "backup-verification") ?? {}
    return { state, message, verified: log?.backup?.verified }
  }
  let first: BackupRun
  let second: BackupRun
  let place: string
  const result = (
    { name, manifest }: BackupRun,
    at: string,
    level: BackupResult["level"],
    verdict: BackupResult["verdict"],
  ) =>
    writeResult(openFolder(pathToFileURL(place).href), name ?? "", {
      name: name ?? "",
      manifest: manifest ?? "",
      level,
      verdict,
      damaged: verdict === "tampered",
      findings: verdict === "tampered" ? "2" : "0",
      at,
      tool_version: "0.1.0",
      by: "somebody",
    })
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "pgtrail-status-"))
    first = await trail.createBackup({ to: pathToFileURL(place).href })
    second = await trail.createBackup({ to: pathToFileURL(place).href, incremental: true })
  })
  afterAll(() => rmSync(place, { recursive: true, force: true }))

  test("is told of the newest backup that has any, and that none has", async () => {
    const to = pathToFileURL(place).href
    expect(await told()).toEqual({
      state: "ok",
      message: `never verified: pgtrail backup verify ${to}`,
      verified: [],
    })
    await verifyBackup(openFolder(to), first.name ?? "", {
      keep: { by: "somebody", at: "2026-01-01T00:00:00.000000Z" },
    })
    expect(await told()).toMatchObject({
      state: "ok",
      message: expect.stringMatching(new RegExp(`^intact, full, \\d+d( \\d+h)? ago \\(${first.name}\\)$`)),
      verified: [{ name: first.name, location: to, verdict: "intact", level: "full" }],
    })
    await result(second, "2026-01-02T00:00:00.000000Z", "quick", "whole")
    expect((await told()).message).toMatch(
      new RegExp(`^whole, quick, \\d+d( \\d+h)? ago; intact, full, \\d+d( \\d+h)? ago \\(${first.name}\\)$`),
    )
  })

  test("is critical where one was found bad, until as close a look finds none", async () => {
    await result(first, "2026-01-03T00:00:00.000000Z", "full", "tampered")
    const bad = await told()
    expect(bad).toMatchObject({ state: "critical", verified: [{ name: first.name, findings: "2" }] })
    expect(bad.message).toMatch(/^tampered, 2 findings, full, .*: pgtrail backup show file:.*\/backup-/)
    const all = await status()
    expect(all.state).toBe("critical")
    const metrics = prometheus(all, new Date())
    expect(metrics).toMatch(/^pgtrail_last_backup_verification_timestamp_seconds 176739\d{4}$/m)
    expect(metrics).toContain("\npgtrail_last_backup_verification_intact 0\n")
    await result(second, "2026-01-04T00:00:00.000000Z", "quick", "whole")
    expect((await told()).state).toBe("critical")
    await result(second, "2026-01-05T00:00:00.000000Z", "full", "intact")
    expect(await told()).toMatchObject({
      state: "ok",
      message: expect.stringMatching(/^intact, full, [^;]*ago$/),
    })
  })

  test("is not known where the place cannot be looked at, and that is no problem of the log", async () => {
    rmSync(place, { recursive: true })
    expect(await told()).toMatchObject({
      state: "ok",
      message: expect.stringMatching(/^not known here: cannot read .*: no such/),
      verified: [],
    })
  })
})
