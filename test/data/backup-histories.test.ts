// Copies of one log that back up into one place, and logs that were tampered with: each history keeps what nothing else has.
import { pathToFileURL } from "node:url"
import { afterAll, beforeEach, expect, test } from "vitest"
import { findAllBackups } from "../../src/data/backup/list.js"
import { locateBackup } from "../../src/data/backup/locate.js"
import { pruneIn } from "../../src/data/backup/prune.js"
import { type Place, place } from "./backup-place-fixture.js"
import { failureOf } from "./store-fixture.js"

let here: Place
beforeEach(() => {
  here?.close()
  here = place()
})
afterAll(() => here?.close())

const act = (seq: number, branch: string) => ({ seq: String(seq), hash: branch.repeat(32) })
/** Of a day in November; the hash of its newest act is made of `branch`. `before`: acts that it has besides, as those that it was restored with. */
const lay = (
  day: number,
  database: string,
  seq: number,
  branch: string,
  incarnation = "1",
  before: readonly ReturnType<typeof act>[] = [],
): string => {
  const newest = act(seq, branch)
  return here.lay(`2026-11-${day}T01:00:00Z`, { database, incarnation, act: newest }, [...before, newest])
}
const now = Date.parse("2026-11-29T12:00:00Z")
const prune = () => pruneIn(here.store, { rules: { last: 1 }, confirmed: true, now })
const stay = async (): Promise<string[]> => {
  await prune()
  return (await findAllBackups(here.store)).map(({ name }) => name)
}
const locate = () => locateBackup(pathToFileURL(here.path).href, {})

test("a copy under another name pushes out no backup of the original, and a place means neither", async () => {
  lay(10, "app", 30, "aa")
  const original = lay(11, "app", 31, "aa")
  lay(12, "staging", 32, "bb")
  const copy = lay(13, "staging", 33, "bb")
  expect(await failureOf(locate())).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/copies of one log.*staging up to act 33.*app up to act 31/),
  })
  expect(await stay()).toEqual([copy, original])
})

test("a copy of the same name is told by its acts: the same number with another hash, or fewer than before", async () => {
  lay(10, "app", 30, "aa")
  lay(11, "app", 30, "bb")
  const original = lay(12, "app", 40, "aa")
  const copy = lay(13, "app", 31, "bb")
  expect(await failureOf(locate())).toMatchObject({ code: "usage" })
  expect(await stay()).toEqual([copy, original])
})

test("a database that was set back goes on, and what it lost keeps its newest backup", async () => {
  const lost = [lay(10, "app", 30, "aa"), lay(11, "app", 40, "aa")]
  lay(12, "app", 35, "bb")
  const newest = lay(13, "app", 36, "bb")
  expect(await locate()).toMatchObject({ name: newest })
  expect(await stay()).toEqual([newest, lost[1]])
})

test("a log that was restored, whatever its database is called, goes on with its backups", async () => {
  lay(10, "app", 30, "aa")
  lay(11, "app", 40, "aa")
  const restored = lay(12, "app_new", 42, "cc", "2", [act(30, "aa"), act(40, "aa"), act(41, "bb")])
  expect(await locate()).toMatchObject({ name: restored })
  const newest = lay(13, "app_new", 43, "cc", "2")
  expect(await locate()).toMatchObject({ name: newest })
  expect(await stay()).toEqual([newest])
})

test("a restored copy that lacks what was backed up last pushes nothing out, however many acts it has, and a place means neither", async () => {
  lay(10, "app", 30, "aa")
  const original = lay(11, "app", 40, "aa")
  // A trial of the older backup, far behind; and one that has made more acts than the log had.
  const drill = lay(12, "drill", 32, "cc", "2", [act(30, "aa"), act(31, "bb")])
  const far = lay(13, "far", 45, "dd", "2", [act(30, "aa"), act(40, "cc")])
  expect(await failureOf(locate())).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/far up to act 45.*app up to act 40/),
    hint: expect.stringMatching(/name one as PLACE\/NAME/),
  })
  expect(await stay()).toEqual([far, drill, original])
})

test("an original that backs up on beside a restored copy keeps its own", async () => {
  lay(10, "app", 30, "aa")
  lay(11, "staging", 31, "cc", "2", [act(30, "aa")])
  lay(12, "app", 32, "aa")
  const copy = lay(13, "staging", 33, "cc", "2")
  const original = lay(14, "app", 34, "aa")
  expect(await failureOf(locate())).toMatchObject({ code: "usage" })
  expect(await stay()).toEqual([original, copy])
})

test("counts true copies of a log that was tampered with, and keeps the first of them and the last that was intact", async () => {
  const names = [14, 15, 16, 17, 18].map((day) => here.lay(`2026-11-${day}T01:00:00Z`))
  const [, intact, first, , last] = names
  await here.verified(names[1] ?? "", "2026-11-15T02:00:00.000000Z", "intact")
  for (const [at, name] of names.slice(2, 4).entries()) {
    await here.verified(name, `2026-11-1${at + 6}T02:00:00.000000Z`, "tampered", "full", false)
  }
  expect((await prune()).map(({ reason }) => reason)).toEqual([
    "last, newest good one",
    "no rule keeps it",
    "first with a log that was tampered with",
    "newest that was found intact",
    "no rule keeps it",
  ])
  expect((await findAllBackups(here.store)).map(({ name }) => name)).toEqual([last, first, intact])
})
