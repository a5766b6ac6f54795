// Where there is no such backup, or no backups at all: that is said of that place, with one of a like name, what lies there instead, and what to run.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, expect, test } from "vitest"
import { showBackup } from "../../src/data/backup/at-place.js"
import { type LocateOptions, locateBackup } from "../../src/data/backup/locate.js"
import { runInProcess } from "../cli/io.js"
import { type Place, place } from "./backup-place-fixture.js"
import { failureOf } from "./failure.js"
import { startS3 } from "./s3-server.js"

let here: Place
beforeEach(() => {
  here = place()
})
afterEach(() => here.close())

const at = (path: string): string => pathToFileURL(join(here.path, path)).href
const base = (): string => pathToFileURL(here.path).href
const said = async (path: string, options: LocateOptions = {}) => {
  const {
    code,
    message,
    hint = "",
  } = await failureOf(locateBackup(at(path), {}, { nothing: "nothing was restored", ...options }))
  return { code, message: message.replaceAll(base(), "PLACE"), hint: hint.replaceAll(here.path, "/place") }
}
const list = "pgtrail backup list /place"

test("a name that is not there is told of that place, with the one of a like name, or how many others are there", async () => {
  const name = here.lay("2026-11-20T01:00:00Z")
  for (const slip of [
    `${name.slice(0, -1)}f`,
    name.slice(0, -3),
    name.toUpperCase(),
    `${name.slice(0, -1)}f/manifest.json`,
  ])
    expect(await said(slip)).toEqual({
      code: "not-found",
      message: `there is no backup ${slip.split("/")[0]} at PLACE`,
      hint: `nothing was restored; of a like name is ${name}: ${list}`,
    })
  expect(await said("backup-19990101T235959Z-ffffff")).toMatchObject({
    hint: `nothing was restored; 1 other is there: ${list}`,
  })
  expect(await said("NOSUCH")).toMatchObject({
    message: "there is no backup NOSUCH at PLACE",
    hint: `nothing was restored; 1 other is there: ${list}`,
  })
})

test("a folder without backups, one of archives, a file, and what is not there at all are told apart", async () => {
  mkdirSync(join(here.path, "empty"))
  writeFileSync(join(here.path, "file"), "")
  mkdirSync(join(here.path, "archives", "event_2020_01-20200301T000000Z-cccccc"), { recursive: true })
  writeFileSync(join(here.path, "archives", "event_2020_01-20200301T000000Z-cccccc", "manifest.json"), "{}")
  expect(await said("empty")).toMatchObject({
    code: "not-found",
    message: "there is no backup at PLACE/empty",
    hint: expect.stringMatching(/^nothing was restored; name the place that pgtrail backup create wrote to/),
  })
  expect(await said("empty/backup-20261120T010000Z-000001")).toMatchObject({
    message: "there is no backup backup-20261120T010000Z-000001 at PLACE/empty",
    hint: expect.stringContaining("no backup is there at all"),
  })
  expect(await said("archives")).toMatchObject({
    hint: expect.stringContaining("archives lie there: pgtrail archive list --at /place/archives;"),
  })
  for (const path of ["file", "file/backup-20261120T010000Z-000001"])
    expect(await said(path)).toMatchObject({
      code: "file",
      message: expect.stringMatching(/\/file is no folder, or a part of it is none$/),
      hint: expect.stringMatching(/^nothing was restored; name the folder/),
    })
  for (const path of ["missing/deep", "missing/backup-20261120T010000Z-000001"])
    expect(await said(path)).toMatchObject({
      code: "file",
      message: expect.stringMatching(/^there is no folder .*\/missing/),
      hint: "nothing was restored; see that it is mounted, and name the place that pgtrail backup create wrote to",
    })
})

test("of a folder with nothing but what others put there no backup is left; one that was killed at its first file was begun", async () => {
  const [gone, begun] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
  for (const name of [gone, begun]) rmSync(join(here.path, name), { recursive: true })
  mkdirSync(join(here.path, gone, "extra"), { recursive: true })
  writeFileSync(join(here.path, gone, "extra", "x.bin"), "")
  mkdirSync(join(here.path, begun))
  writeFileSync(join(here.path, begun, "event_2026_07.copy.gz.partial-0123456789ab"), "")
  expect(await said(gone)).toMatchObject({
    code: "not-found",
    hint: `nothing was restored; of a like name is ${begun}: ${list}`,
  })
  expect(await runInProcess(["backup", "verify", join(here.path, begun)])).toMatchObject({
    exit: 4,
    stdout: expect.stringContaining("manifest.json is missing: it was never finished"),
  })
})

test("a backup that was renamed is known by its manifest, and how it gets back its name is said", async () => {
  const name = here.lay("2026-11-20T01:00:00Z")
  cpSync(join(here.path, name), join(here.path, "mine"), { recursive: true })
  expect(await said("mine")).toMatchObject({
    message: `PLACE/mine is backup ${name} under another name`,
    hint: `nothing was restored; it is read under its own name alone, and that is there too: /place/${name}`,
  })
  rmSync(join(here.path, name), { recursive: true })
  expect(await said("mine")).toMatchObject({
    hint: `nothing was restored; it is read under its own name alone: mv /place/mine /place/${name}`,
  })
})

test("of backups of which none is good, or that were never finished, the list is named that tells why", async () => {
  const name = here.lay("2026-11-20T01:00:00Z")
  rmSync(join(here.path, name, "act.copy.gz"))
  expect(await said("")).toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/^there is no good backup at /),
    hint: `nothing was restored; what is wrong with the one there: ${list}`,
  })
  rmSync(join(here.path, name, "manifest.json"))
  expect(await said("", { unproven: true })).toMatchObject({
    message: expect.stringMatching(/^there is no finished backup at /),
  })
})

test("each command says what it has not done, and a bare name where it lies", async () => {
  const name = here.lay("2026-11-20T01:00:00Z")
  const wrong = join(here.path, `${name.slice(0, -1)}f`)
  for (const [words, nothing] of [
    [["restore", wrong, "--url", "postgresql://localhost/none"], "restored"],
    [["compare", wrong, "--url", "postgresql://localhost/none"], "compared"],
    [["verify", wrong], "verified"],
    [["show", wrong], "changed"],
    [["keep", wrong, "--reason", "why"], "changed"],
  ] as const) {
    const { exit, stderr } = await runInProcess(["backup", ...words])
    expect({ exit, stderr }).toEqual({
      exit: 3,
      stderr: expect.stringContaining(
        `hint: nothing was ${nothing}; of a like name is ${name}: pgtrail backup list ${here.path}\n`,
      ),
    })
  }
  const bare = (env: Record<string, string>) =>
    runInProcess(["backup", "restore", name, "--url", "postgresql://localhost/none"], { env })
  expect((await bare({ PGTRAIL_BACKUP_CREATE_TO: here.path })).stderr).toContain(
    `nothing was restored; it is at the configured place: ${join(here.path, name)}\n`,
  )
  expect((await bare({})).stderr).toContain(
    `nothing was restored; that is the name of a backup: give its folder, PLACE/${name}\n`,
  )
  for (const [verb, nothing] of [
    ["list", "changed"],
    ["prune", "removed"],
  ] as const) {
    const more = verb === "prune" ? ["--keep-last", "1"] : []
    const { exit, stderr } = await runInProcess(["backup", verb, join(here.path, "missing", "deep"), ...more])
    expect({ exit, stderr }).toEqual({
      exit: 3,
      stderr: expect.stringMatching(
        new RegExp(
          `error: there is no folder .*/missing/deep\\n.*hint: nothing was ${nothing}; see that it is mounted`,
        ),
      ),
    })
  }
})

test("in a bucket a slip in the name is told as in a folder, and a server that nobody reaches as what was not done", async () => {
  const server = await startS3()
  try {
    const name = here.lay("2026-11-20T01:00:00Z")
    const to = `s3://${server.bucket}/backups`
    const store = { s3: { ...server.settings, patience: { attempts: 1, pause: 1, silence: 2000 } } }
    const { openStore } = await import("../../src/data/store/store.js")
    const bucket = await openStore(to, store)
    for await (const { key } of here.store.list(`${name}/`)) await bucket.put(key, await here.store.get(key))
    await bucket.close()
    const hint = `nothing was done; of a like name is ${name}: pgtrail backup list ${to}`
    for (const slip of [`${name.slice(0, -1)}f`, name.slice(0, -3)])
      expect(await failureOf(showBackup(`${to}/${slip}`, { store }))).toMatchObject({
        code: "not-found",
        message: `there is no backup ${slip} at ${to}`,
        hint,
      })
    const away = { s3: { ...store.s3, endpoint: "http://127.0.0.1:9" } }
    expect(
      await failureOf(locateBackup(`${to}/${name}`, away, { nothing: "nothing was restored" })),
    ).toMatchObject({
      code: "unreachable",
      hint: expect.stringMatching(/^nothing was restored; check the network/),
    })
  } finally {
    await server.close()
  }
})
