// A backup that is kept says so beside its files, until it is released.
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, expect, test } from "vitest"
import { keepIn, readKept, releaseIn } from "../../src/data/backup/keep.js"
import { findBackup } from "../../src/data/backup/list.js"
import { type Place, place } from "./backup-place-fixture.js"
import { failureOf } from "./store-fixture.js"

let here: Place
let name: string
beforeEach(() => {
  here?.close()
  here = place()
  name = here.lay("2026-11-20T01:00:00Z")
})
afterAll(() => here?.close())
const kept = { reason: "before the migration", by: "dba", at: "2026-11-20T02:00:00.000000Z" }

test("what is kept has the reason, who and when, and is as good as it was", async () => {
  expect(await readKept(here.store, name)).toBe(null)
  await keepIn(here.store, name, kept)
  expect(await readKept(here.store, name)).toEqual(kept)
  expect(await findBackup(here.store, name)).toMatchObject({ state: "finished", kept })
})

test("it is kept once: another reason takes the place of none", async () => {
  await keepIn(here.store, name, kept)
  expect(await failureOf(keepIn(here.store, name, { ...kept, reason: "other" }))).toMatchObject({
    code: "exists",
    message: `${name} is kept already`,
  })
  expect(await readKept(here.store, name)).toEqual(kept)
})

test("released it is as before, and a release of what nothing kept changes nothing", async () => {
  const manifest = readFileSync(join(here.path, name, "manifest.json"), "utf8")
  expect(await releaseIn(here.store, name)).toBe(null)
  await keepIn(here.store, name, kept)
  expect(await releaseIn(here.store, name)).toEqual(kept)
  expect(await readKept(here.store, name)).toBe(null)
  expect(readFileSync(join(here.path, name, "manifest.json"), "utf8")).toBe(manifest)
})

test("what somebody else wrote there keeps it as well", async () => {
  for (const text of ["", "{", "[]", "x".repeat(100_000), '{"schema":"pgtrail.backup_keep/2"}']) {
    writeFileSync(join(here.path, name, "keep.json"), text)
    expect(await readKept(here.store, name)).toEqual({ reason: "keep.json cannot be read", by: "", at: "" })
  }
})

test("without a reason, and of a backup that is not there or was never finished, nothing is kept", async () => {
  expect(await failureOf(keepIn(here.store, name, { ...kept, reason: " " }))).toMatchObject({
    code: "usage",
  })
  expect(await failureOf(keepIn(here.store, name, { ...kept, reason: "x".repeat(1001) }))).toMatchObject({
    code: "usage",
  })
  const missing = "backup-20260101T000000Z-ffffff"
  expect(await failureOf(keepIn(here.store, missing, kept))).toMatchObject({ code: "not-found" })
  rmSync(join(here.path, name, "manifest.json"))
  expect(await failureOf(keepIn(here.store, name, kept))).toMatchObject({ code: "not-found" })
  expect(await failureOf(releaseIn(here.store, name))).toMatchObject({ code: "not-found" })
})
