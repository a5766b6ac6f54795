// pgtrail backup list, show, keep and prune, word by word: a place in which to each backup something else was done.
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { userInfo } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { keepIn } from "../../src/data/backup/keep.js"
import { type Place, place } from "../data/backup-place-fixture.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let here: Place
let base: string
const names: string[] = []
const hour = 3_600_000
/** Each a day older than the one before it, and an hour, so that the words for its age stay the same. */
const ago = (days: number): string => new Date(Date.now() - (days * 24 + 1) * hour).toISOString()
const second = (days: number): string => ago(days).replace(/\.\d+Z$/, "Z")
const micro = (days: number): string => ago(days).replace(/Z$/, "000Z")

beforeAll(async () => {
  here = place()
  base = join(here.path, "..")
  const file = (name: string, of: string): string => join(here.path, name, of)
  const lay = (days: number, facts = {}): string => {
    const name = here.lay(second(days), facts)
    names.push(name)
    return name
  }
  await here.verified(lay(1), micro(0), "intact")
  await here.verified(lay(2), micro(1), "tampered", "restore-test")
  await keepIn(here.store, lay(30), { reason: "before the migration", by: "dba", at: micro(30) })
  lay(3, { organization: "acme" })
  truncateSync(file(lay(4), "act.copy.gz"), 3)
  rmSync(file(lay(1), "manifest.json"))
  writeFileSync(file(lay(6), "manifest.json"), '{"schema":"pgtrail.backup/2"}')
  lay(7)
  lay(8)
})
afterAll(() => here?.close())

test("backup-list.txt", async () => {
  const good = place()
  good.lay(second(1))
  const empty = join(here.path, "empty")
  mkdirSync(empty)
  try {
    const file = join(import.meta.dirname, "backup-list.txt")
    const real = (text: string): string =>
      names.reduce((all, name) => all.replaceAll(`backup-00000000T000000Z-${name.slice(-6)}`, name), text)
    const words = real(readFileSync(file, "utf8"))
      .replace(/^(\$ .*?)\bplace\b(?=[ /]|$)/gm, `$1${here.path}`)
      .replace(/(--confirm )place\b/g, `$1${here.path}`)
      .replace(/^(\$ .*?) good$/gm, `$1 ${good.path}`)
      .replace(/^(\$ .*?) empty$/gm, `$1 ${empty}`)
      .replace(/^(\$ .*?) missing$/gm, `$1 ${join(here.path, "missing")}`)
    const said = await replay(words, { cwd: base, env: { PGTRAIL_BACKUP_CREATE_TO: here.path } })
    const plain = said
      .replaceAll(pathToFileURL(here.path).href, "file:///place")
      .replaceAll(pathToFileURL(good.path).href, "file:///good")
      .replaceAll(here.path, "place")
      .replaceAll(good.path, "good")
      .replaceAll("place/empty", "empty")
      .replaceAll("place/missing", "missing")
      .replace(/backup-\d{8}T\d{6}Z-/g, "backup-00000000T000000Z-")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z/g, (time) => time.replace(/\d/g, "0"))
      .replace(/^(backup\S+,\w+,)\d{5,}/gm, "$1N")
      .replaceAll(`by ${userInfo().username}`, "by somebody")
      .replace(/[0-9a-f]{64}/g, "HASH")
      .replace(/(last written +)\d[\dms ]* ago/g, "$1N ago")
    await expect(plain).toMatchFileSnapshot(file)
  } finally {
    good.close()
  }
})

test("without a place that is typed or configured nothing is looked at", async () => {
  for (const words of [["list"], ["prune", "--keep-last", "1"]]) {
    const { exit, stderr } = await runInProcess(["backup", ...words])
    expect([exit, stderr]).toEqual([2, expect.stringContaining("no place of backups is named")])
    expect(stderr).toContain('{"backup":{"create":{"to":"/srv/backup"}}}')
  }
})

test("--json has all of a backup, and of what was pruned", async () => {
  const other = place()
  try {
    const at = second(1)
    const name = other.lay(at, { started_at: at.replace("Z", ".123456+00:00") })
    const shown = JSON.parse(
      (await runInProcess(["backup", "show", join(other.path, name), "--json"])).stdout,
    )
    expect(shown).toMatchObject({
      schema: "pgtrail.backup_show/1",
      name,
      state: "finished",
      manifest: { schema: "pgtrail.backup/1", tables: [{ name: "act" }, { name: "event_2026_07" }] },
      results: [],
    })
    const pruned = JSON.parse(
      (await runInProcess(["backup", "prune", other.path, "--keep-last", "1", "--json"])).stdout,
    )
    expect(pruned).toMatchObject({
      schema: "pgtrail.pruned_backups/1",
      backups: [
        { name, outcome: "stays", reason: "last, newest good one", started_at: at.replace("Z", ".123456Z") },
      ],
      removed: "0",
      left: "0",
    })
  } finally {
    other.close()
  }
})
