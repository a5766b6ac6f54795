// What is told of the backups of a place, whatever lies there, and which one a place means.
import { execFileSync } from "node:child_process"
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { findAllBackups, findBackup, isGood } from "../../src/data/backup/list.js"
import { doubtOf, locateBackup } from "../../src/data/backup/locate.js"
import { planPrune } from "../../src/data/backup/prune-plan.js"
import {
  badResult,
  knownResult,
  readResults,
  resultName,
  writeResult,
} from "../../src/data/backup/results.js"
import { fileError } from "../../src/data/checkpoint/files.js"
import { TrailError } from "../../src/data/errors.js"
import { isModest } from "../../src/data/manifest-form.js"
import type { Store } from "../../src/data/store/store.js"
import { otherLog, type Place, place } from "./backup-place-fixture.js"
import { failureOf, keys } from "./store-fixture.js"

let here: Place
beforeEach(() => {
  here?.close()
  here = place()
})
afterAll(() => here?.close())
const told = async () =>
  (await findAllBackups(here.store)).map(({ name, state, problem }) => [name, state, problem])
const edit = (name: string, change: (text: string) => string): void => {
  const file = join(here.path, name, "manifest.json")
  writeFileSync(file, change(readFileSync(file, "utf8")))
}

describe("a list", () => {
  test("has the newest first, by when they began, and nothing that is no backup", async () => {
    const young = here.lay("2026-11-21T01:00:00Z")
    const old = here.lay("2026-11-20T01:00:00Z")
    mkdirSync(join(here.path, "backup-of-mine"))
    writeFileSync(join(here.path, "backup-of-mine", "manifest.json"), "{}")
    writeFileSync(join(here.path, "notes.txt"), "x")
    symlinkSync(join(here.path, old), join(here.path, "backup-20261122T010000Z-abcdef"))
    expect(await told()).toEqual([
      [young, "finished", null],
      [old, "finished", null],
    ])
    rmSync(join(here.path, young), { recursive: true })
    rmSync(join(here.path, old), { recursive: true })
    expect(await told()).toEqual([])
  })

  test("tells what is missing, cut off, spoiled, from elsewhere, of a later pgtrail, and not finished", async () => {
    const [lacking, cut, spoiled, moved, later, begun, timeless, swapped] = Array.from(
      { length: 8 },
      (_, day) => here.lay(`2026-11-0${day + 1}T01:00:00Z`),
    ) as [string, string, string, string, string, string, string, string]
    rmSync(join(here.path, lacking, "runs.copy.gz"))
    truncateSync(join(here.path, cut, "act.copy.gz"), 3)
    edit(spoiled, (text) => text.replace('"events": "1"', '"events": 1'))
    edit(moved, (text) => text.replace(moved, lacking))
    edit(later, (text) => text.replace("pgtrail.backup/1", "pgtrail.backup/2"))
    rmSync(join(here.path, begun, "manifest.json"))
    edit(timeless, (text) => text.replace(/"started_at": "[^"]*"/, '"started_at": "yesterday"'))
    // What is no file of its own is none.
    rmSync(join(here.path, swapped, "act.copy.gz"))
    symlinkSync(join(here.path, cut, "heads.copy.gz"), join(here.path, swapped, "act.copy.gz"))
    const found = new Map((await told()).map(([name, ...rest]) => [name, rest]))
    expect(found.get(lacking)).toEqual(["damaged", "1 of its 4 files are missing, as runs.copy.gz"])
    expect(found.get(cut)).toEqual([
      "damaged",
      expect.stringMatching(/^act.copy.gz has 3 bytes, and its manifest says \d+$/),
    ])
    expect(found.get(spoiled)).toEqual(["damaged", `the manifest of ${spoiled} is none of a backup`])
    expect(found.get(moved)).toEqual(["damaged", expect.stringContaining(`it is the manifest of ${lacking}`)])
    expect(found.get(later)).toEqual(["unread", `the manifest of ${later} was written by a later pgtrail`])
    expect(found.get(begun)).toEqual(["unfinished", expect.stringContaining("no manifest")])
    expect(found.get(timeless)).toEqual(["damaged", "its manifest does not say when it began"])
    expect(found.get(swapped)).toEqual(["damaged", "1 of its 4 files are missing, as act.copy.gz"])
  })

  test("goes on where one manifest may not be read", async () => {
    const [closed, open] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
    // The tests may run as root, who may read everything.
    const store: Store = {
      ...here.store,
      get: async (key, options) => {
        if (!key.startsWith(closed)) return await here.store.get(key, options)
        throw fileError(Object.assign(new Error(), { code: "EACCES" }), "read", key)
      },
    }
    expect((await findAllBackups(store)).map(({ state, problem }) => [state, problem])).toEqual([
      ["finished", null],
      ["unread", `cannot read ${closed}/manifest.json: permission denied`],
    ])
    expect(open).toBeDefined()
  })

  test("takes a pipe, a link or a folder in the place of a manifest for damage, and not for one that was begun", async () => {
    const names = ["2026-11-18", "2026-11-19", "2026-11-20"].map((day) => here.lay(`${day}T01:00:00Z`))
    const [pipe = "", link = "", folder = ""] = names.map((name) => join(here.path, name, "manifest.json"))
    for (const manifest of [pipe, link, folder]) renameSync(manifest, `${manifest}.old`)
    execFileSync("mkfifo", [pipe])
    symlinkSync(`${link}.old`, link)
    mkdirSync(folder)
    const found = await findAllBackups(here.store)
    expect(found.map(({ state, problem }) => [state, problem])).toEqual(
      [folder, link, pipe].map((path) => ["damaged", `${path} is no file, and links are not followed there`]),
    )
    // Nobody can tell of what it is: it is not taken away as one that nobody goes on with.
    const fates = await planPrune(found, { last: 1 }, Date.parse("2027-11-20T01:00:00Z"), async () => false)
    expect(fates.map(({ goes }) => goes)).toEqual([false, false, false])
  })

  test("tells of a folder that may not be read, and goes on", async () => {
    const closed = "backup-20261122T010000Z-abcdef"
    const open = here.lay("2026-11-21T01:00:00Z")
    const list: Store["list"] = async function* (prefix, options) {
      options?.closed?.(closed, new TrailError("file", `cannot read ${closed}: permission denied`))
      yield* here.store.list(prefix, options)
    }
    expect(await findAllBackups({ ...here.store, list })).toMatchObject([
      {
        name: closed,
        state: "unread",
        problem: `cannot read ${closed}: permission denied`,
        about: undefined,
      },
      { name: open, state: "finished" },
    ])
  })

  test("does not read a manifest that is larger than any is", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    truncateSync(join(here.path, name, "manifest.json"), 200_000_000)
    expect(await told()).toEqual([[name, "damaged", `the manifest of ${name} is none of a backup`]])
  })

  test("does not parse a manifest that is nothing but brackets, or has more in it than any has", () => {
    const most = { depth: 3, members: 4, strings: 4 }
    expect(isModest('{"a":["[[[[\\"[",{}],"b":1,"c":[]}', most)).toBe(true)
    expect(isModest("[[[[", most)).toBe(false)
    expect(isModest("[[],[],[],[]]", most)).toBe(false)
    expect(isModest('["","","","",""]', most)).toBe(false)
    expect(isModest('["', most)).toBe(true)
  })
})

describe("results", () => {
  const at = (hour: number) => `2026-11-20T0${hour}:00:00.000000Z`

  test("are kept beside the backup, the newest first, two of one second too", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    await here.verified(name, at(2), "whole", "quick")
    await here.verified(name, at(2), "intact")
    await here.verified(name, at(1), "tampered")
    const { results, state } = await findBackup(here.store, name)
    expect(state).toBe("finished")
    expect(results.map(({ verdict, at: time }) => [verdict, time.slice(11, 13)])).toEqual([
      ["intact", "02"],
      ["whole", "02"],
      ["tampered", "01"],
    ])
    const kept = (await keys(here.store)).filter((key) => resultName.test(key.split("/")[1] ?? ""))
    expect(kept).toHaveLength(3)
  })

  test("of another backup, of another manifest, or of no form count for nothing", async () => {
    const [one, other] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-19T01:00:00Z")]
    await here.verified(other, at(2), "tampered")
    const put = (file: string, text: string): void => writeFileSync(join(here.path, one, file), text)
    put(
      "verified-20261120T020000Z.json",
      readFileSync(join(here.path, other, "verified-20261120T020000Z.json"), "utf8"),
    )
    put("verified-20261120T030000Z.json", "[]")
    put("verified-20261120T040000Z.json", "x".repeat(200_000))
    put("verified-20261120T050000Z.json", '{"schema":"pgtrail.backup_result/2"}')
    expect((await findBackup(here.store, one)).results).toEqual([])
    await here.verified(one, at(6), "tampered")
    expect((await findBackup(here.store, one)).results).toHaveLength(1)
    edit(one, (text) => text.replace('"app"', '"other"'))
    expect((await findBackup(here.store, one)).results).toEqual([])
  })

  test("say that a backup is bad until one of at least that level says otherwise", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    const isBad = async () => badResult(await readResults(here.store, name)) !== undefined
    await here.verified(name, at(1), "incomplete")
    await here.verified(name, at(1), "rolled_back")
    expect(await isBad()).toBe(false)
    await here.verified(name, at(2), "tampered", "full")
    await here.verified(name, at(3), "whole", "quick")
    await here.verified(name, at(4), "unchecked", "restore-test")
    expect(await isBad()).toBe(true)
    await here.verified(name, at(5), "intact", "restore-test")
    expect(await isBad()).toBe(false)
    await here.verified(name, at(6), "tampered", "quick")
    expect(await isBad()).toBe(true)
  })

  test("that found a backup bad are not pushed out by many that looked less closely", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    await here.verified(name, at(1), "tampered")
    for (let minute = 10; minute < 40; minute += 1) {
      await here.verified(name, `2026-11-21T01:${minute}:00.000000Z`, "whole", "quick")
    }
    expect(isGood(await findBackup(here.store, name))).toBe(false)
  })

  test("that looked more closely stand for it, and not hasty ones that came after", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    const known = async () => knownResult(await readResults(here.store, name))
    await here.verified(name, at(1), "incomplete")
    expect(await known()).toMatchObject({ verdict: "incomplete" })
    await here.verified(name, at(2), "intact")
    await here.verified(name, at(3), "intact", "restore-test")
    await here.verified(name, at(4), "incomplete")
    await here.verified(name, at(5), "whole", "quick")
    expect(await known()).toMatchObject({ level: "restore-test", at: at(3) })
    expect(await doubtOf(here.store, name)).toBe(undefined)
    await here.verified(name, at(6), "tampered", "restore-test", false)
    expect(await known()).toMatchObject({ verdict: "tampered" })
    // It is good, and still one should know before it is restored.
    expect(isGood(await findBackup(here.store, name))).toBe(true)
    expect(await doubtOf(here.store, name)).toMatch(/tampered with at .*; none of this log there was found/)
    const other = here.lay("2026-11-19T01:00:00Z")
    await here.verified(other, at(1), "intact")
    expect(await doubtOf(here.store, name)).toMatch(new RegExp(`found intact is ${other}$`))
  })

  test("that cannot be kept are no failure, and say why", async () => {
    const name = here.lay("2026-11-20T01:00:00Z")
    rmSync(here.path, { recursive: true })
    const about = {
      manifest: "ab".repeat(32),
      level: "full",
      verdict: "intact",
      damaged: false,
      at: at(1),
    } as const
    const result = { name, ...about, findings: "0", tool_version: "0.1.0", by: "auditor" }
    expect(await writeResult(here.store, name, result)).toContain("no such file or folder")
  })
})

describe("a place", () => {
  const locate = (path: string, options = {}) =>
    locateBackup(pathToFileURL(join(here.path, path)).href, {}, options)

  test("means its newest good backup, and a folder or its manifest the one in it, good or not", async () => {
    const good = here.lay("2026-11-18T01:00:00Z")
    const bad = here.lay("2026-11-19T01:00:00Z")
    const part = here.lay("2026-11-20T01:00:00Z", { organization: "acme" })
    const cut = here.lay("2026-11-21T01:00:00Z")
    await here.verified(bad, "2026-11-20T01:00:00.000000Z", "tampered")
    truncateSync(join(here.path, cut, "act.copy.gz"), 3)
    expect(await locate("")).toMatchObject({
      name: good,
      chosen: true,
      store: { location: here.store.location },
    })
    for (const name of [bad, part, cut]) {
      expect(await locate(name)).toMatchObject({
        name,
        chosen: false,
        store: { location: here.store.location },
      })
      expect(await locate(`${name}/manifest.json`)).toMatchObject({ name, chosen: false })
    }
    expect(isGood(await findBackup(here.store, cut))).toBe(false)
    // Whoever is to find out what is wrong must not be led to another.
    expect(await locate("", { unproven: true })).toMatchObject({ name: cut, chosen: true })
    writeFileSync(join(here.path, cut, "manifest.json"), "{}")
    expect(await locate("", { unproven: true })).toMatchObject({ name: cut })
    rmSync(join(here.path, cut, "manifest.json"))
    expect(await locate("", { unproven: true })).toMatchObject({ name: bad })
  })

  test("means a part of a log where there is nothing else", async () => {
    const part = here.lay("2026-11-20T01:00:00Z", { partition: "event_2026_07" })
    expect(await locate("")).toMatchObject({ name: part })
  })

  test("of two logs, without a good one, or where one must be named, means none", async () => {
    expect(await failureOf(locate(""))).toMatchObject({
      code: "not-found",
      message: expect.stringContaining("no backup at"),
    })
    const name = here.lay("2026-11-20T01:00:00Z")
    expect(await failureOf(locate("", { newest: false }))).toMatchObject({
      code: "usage",
      hint: expect.stringContaining(name),
    })
    here.lay("2026-11-21T01:00:00Z", { log_id: otherLog, log_ids: [otherLog] })
    expect(await failureOf(locate(""))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("2 logs"),
    })
  })

  test("is no table: that would be lost with its database", async () => {
    expect(await failureOf(locateBackup("table:", {}))).toMatchObject({ code: "usage" })
  })
})
