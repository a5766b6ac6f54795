// pgtrail verify --archive: its words and exit codes.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type LifecycleLog, lifecycleLog } from "../data/lifecycle-fixture.js"
import { runInProcess } from "./io.js"

const base = mkdtempSync(join(tmpdir(), "pgtrail-verify-"))
let log: LifecycleLog
let name = ""
let events = ""
beforeAll(async () => {
  log = await lifecycleLog()
  const identity = await generateIdentity()
  writeFileSync(join(base, "key"), `${identity}\n`, { mode: 0o600 })
  const { partitions } = await log.trail.createArchives({
    to: pathToFileURL(base).href,
    partition: "event_2020_02",
    recipients: [await identityToRecipient(identity)],
    reason: "cold",
  })
  name = partitions[0]?.archive ?? ""
  events = partitions[0]?.events ?? ""
})
afterAll(async () => {
  await log.db.drop()
  rmSync(base, { recursive: true, force: true })
})

const verify = (...more: string[]) =>
  runInProcess(["verify", "--no-record", ...more], { env: { PGTRAIL_URL: log.db.url }, cwd: base })

test("without a place it tells how much is archived and was not read", async () => {
  const { exit, stdout } = await verify()
  expect(exit).toBe(0)
  expect(stdout).toContain(
    `\narchived: ${events} events in 1 archive, not read: give --archive PLACE, or --archive recorded`,
  )
})

test("with a place it tells what was read, or why not, by its exit code too", async () => {
  const read = await verify("--archive", ".", "--identity", "file:key")
  expect(read).toMatchObject({ exit: 0 })
  expect(read.stdout).toMatch(/^intact: /)
  expect(read.stdout).toContain(
    `\narchived: ${events} events in 1 archive; read and the same: ${events} events in 1 archive`,
  )
  const locked = await verify("--archive", "recorded")
  expect(locked).toMatchObject({ exit: 4 })
  expect(locked.stdout).toMatch(/^incomplete: 1 archive could not be read; .* nothing found$/m)
  expect(locked.stdout).toContain(
    `\n  not read: ${name} of ${pathToFileURL(base).href}: its events were not read: it is encrypted to age1`,
  )
  const nowhere = await verify("--archive", "nowhere")
  expect(nowhere).toMatchObject({ exit: 4 })
  expect(nowhere.stdout).toContain(`\n  not read: ${name} of `)
  const json = JSON.parse((await verify("--archive", ".", "--json")).stdout) as Record<string, unknown>
  expect(json).toMatchObject({
    verdict: "incomplete",
    archives: { in_force: "1", events, read: "0", missing: [{ name, events }] },
  })
})

test("one that was altered is a finding", async () => {
  const file = join(base, name, "more")
  appendFileSync(file, "x")
  const { exit, stdout } = await verify("--archive", ".", "--identity", "file:key")
  rmSync(file)
  expect(exit).toBe(1)
  expect(stdout).toMatch(/^tampered: 1 finding; /)
  expect(stdout).toMatch(
    /^ {2}[0-9a-f]{16} {2}archive_altered {2}\d+ {2}the archive event_2020_02-\S+ is not what act \d+ archived: more: /m,
  )
})

test("what contradicts itself is refused with words", async () => {
  for (const more of [
    ["--since", "2020-01-01"],
    ["--max-seconds", "5"],
  ]) {
    const { exit, stderr } = await verify("--archive", "recorded", ...more)
    expect(exit).toBe(2)
    expect(stderr).toContain("an archive is read whole: neither a time nor pieces of it can be verified")
  }
  expect(await verify("--archive", "ftp://x/y")).toMatchObject({ exit: 2 })
  expect(await verify("--archive", ".", "--identity", "file:nokey")).toMatchObject({ exit: 2 })
})

test("a place that is not there is an error also where no archive is in force, and what is there is told in words", async () => {
  const empty = await lifecycleLog()
  try {
    const line = (place: string) =>
      runInProcess(["verify", "--no-record", "--archive", place], {
        env: { PGTRAIL_URL: empty.db.url },
        cwd: base,
      })
    const nowhere = await line("nowhere")
    expect(nowhere).toMatchObject({ exit: 3, stdout: "" })
    expect(nowhere.stderr).toContain(`there is nothing at --archive ${pathToFileURL(base).href}/nowhere: `)
    expect(nowhere.stderr).toContain("hint: nothing was verified; ")
    const there = await line(".")
    expect(there.exit).toBe(0)
    expect(there.stdout).toContain("\narchived: no archive is in force")
  } finally {
    await empty.db.drop()
  }
})
