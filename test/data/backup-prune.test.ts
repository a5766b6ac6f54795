// Which backups go and which stay: what counts as good, what is never removed, and what a removal that is stopped leaves.
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterAll, beforeEach, describe, expect, test } from "vitest"
import { keepIn } from "../../src/data/backup/keep.js"
import { findAllBackups } from "../../src/data/backup/list.js"
import { pruneIn } from "../../src/data/backup/prune.js"
import type { KeepRules } from "../../src/data/backup/prune-rules.js"
import { TrailError } from "../../src/data/errors.js"
import type { Store } from "../../src/data/store/store.js"
import { otherLog, type Place, place } from "./backup-place-fixture.js"
import { failureOf } from "./store-fixture.js"

let here: Place
beforeEach(() => {
  here?.close()
  here = place()
})
afterAll(() => here?.close())
const now = Date.parse("2026-11-22T12:00:00Z")
const prune = (rules: KeepRules, confirmed = true, store: Store = here.store) =>
  pruneIn(store, { rules, confirmed, now })
const lying = (): string[] => readdirSync(here.path).sort()

describe("prune", () => {
  test("removes nothing without the confirmation, and says what would go and why the others stay", async () => {
    const [old, young] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
    const plan = await prune({ last: 1 }, false)
    expect(plan.map(({ backup, outcome, reason }) => [backup.name, outcome, reason])).toEqual([
      [young, "stays", "last, newest good one"],
      [old, "goes", "no rule keeps it"],
    ])
    expect(lying()).toEqual([old, young])
    expect((await prune({ last: 1 })).map(({ outcome }) => outcome)).toEqual(["stays", "removed"])
    expect(lying()).toEqual([young])
  })

  test("without a rule is refused", async () => {
    const name = here.lay("2020-01-01T01:00:00Z")
    expect(await failureOf(prune({}))).toMatchObject({ code: "usage" })
    expect(await failureOf(prune({ last: 0 }))).toMatchObject({ code: "usage" })
    expect(lying()).toEqual([name])
  })

  test("judges each log, and each part of one, for itself", async () => {
    const alone = [
      here.lay("2024-01-01T01:00:00Z", { log_id: otherLog, log_ids: [otherLog] }),
      here.lay("2024-01-02T01:00:00Z", { partition: "event_2026_07" }),
      here.lay("2024-01-03T01:00:00Z", { organization: "acme" }),
      here.lay("2024-01-04T01:00:00Z", { organization: "globex" }),
    ]
    const old = here.lay("2026-11-20T01:00:00Z")
    const newest = here.lay("2026-11-21T01:00:00Z")
    await prune({ last: 1 })
    expect(lying()).toEqual([...alone, newest].sort())
    expect(existsSync(join(here.path, old))).toBe(false)
  })

  test("counts no backup that is damaged or was found tampered with, and never lets one push out a good one", async () => {
    const good = here.lay("2026-11-17T01:00:00Z")
    const older = here.lay("2026-11-16T01:00:00Z")
    const olderBad = here.lay("2026-11-15T01:00:00Z")
    const bad = here.lay("2026-11-18T01:00:00Z")
    const cut = here.lay("2026-11-19T01:00:00Z")
    const lacking = here.lay("2026-11-20T01:00:00Z")
    await here.verified(bad, "2026-11-18T02:00:00.000000Z", "tampered")
    // A look at the sizes alone is no answer to that.
    await here.verified(bad, "2026-11-19T02:00:00.000000Z", "whole", "quick")
    await here.verified(olderBad, "2026-11-15T02:00:00.000000Z", "tampered")
    truncateSync(join(here.path, cut, "act.copy.gz"), 5)
    rmSync(join(here.path, lacking, "event_2026_07.copy.gz"))
    const plan = await prune({ last: 1 })
    expect(plan.map(({ backup, outcome }) => [backup.name, outcome])).toEqual([
      [lacking, "stays"],
      [cut, "stays"],
      [bad, "stays"],
      [good, "stays"],
      [older, "removed"],
      [olderBad, "removed"],
    ])
    expect(plan[0]?.reason).toBe(
      "damaged: 1 of its 4 files are missing, as event_2026_07.copy.gz; it is newer than every good one: look at it",
    )
    expect(plan[2]?.reason).toMatch(/^found damaged at 2026-11-18.*look at it$/)
  })

  test("removes none of a log of which no backup is good", async () => {
    for (const day of ["19", "20", "21"]) {
      await here.verified(here.lay(`2026-11-${day}T01:00:00Z`), `2026-11-${day}T02:00:00.000000Z`, "tampered")
    }
    expect((await prune({ last: 1 })).map(({ reason }) => reason)).toEqual(
      Array(3).fill("there is no good backup of this log"),
    )
  })

  test("keeps the newest that was found intact, whatever newer ones nobody looked at", async () => {
    const [proven, second, third] = [19, 20, 21].map((day) => here.lay(`2026-11-${day}T01:00:00Z`))
    await here.verified(proven ?? "", "2026-11-19T02:00:00.000000Z", "intact")
    await prune({ last: 1 })
    expect(lying()).toEqual([proven, third])
    expect(second).toBeDefined()
    await here.verified(third ?? "", "2026-11-21T02:00:00.000000Z", "intact", "restore-test")
    await prune({ last: 1 })
    expect(lying()).toEqual([third])
  })

  test("keeps, of a log that was found tampered with, the first that shows it and the newest before that, whoever looked at it", async () => {
    const [proven, lost, before, first, later, newest] = [15, 16, 17, 18, 19, 20].map((day) =>
      here.lay(`2026-11-${day}T01:00:00Z`),
    )
    await here.verified(proven ?? "", "2026-11-15T02:00:00.000000Z", "intact")
    for (const name of [first, later, newest])
      await here.verified(name ?? "", "2026-11-21T02:00:00.000000Z", "tampered", "full", false)
    const plan = await prune({ last: 1 })
    expect(plan.find(({ backup }) => backup.name === before)?.reason).toBe(
      "newest before the log was found tampered with",
    )
    expect(lying()).toEqual([proven, before, first, newest])
    expect(lost).toBeDefined()
  })

  test("never removes one that is kept, not even one whose manifest or whose keep.json is gone or spoiled", async () => {
    const kept = [14, 15, 16].map((day) => here.lay(`2026-01-${day}T01:00:00Z`))
    const newest = here.lay("2026-11-21T01:00:00Z")
    const [first = "", second = "", third = ""] = kept
    await keepIn(here.store, first, {
      reason: "before the migration",
      by: "dba",
      at: "2026-01-14T02:00:00Z",
    })
    writeFileSync(join(here.path, second, "keep.json"), "{")
    await keepIn(here.store, third, { reason: "for the auditor", by: "dba", at: "2026-01-14T02:00:00Z" })
    rmSync(join(here.path, third, "manifest.json"))
    for (const file of readdirSync(join(here.path, third))) utimesSync(join(here.path, third, file), 1, 1)
    const plan = await prune({ last: 1 })
    expect(plan.map(({ backup, reason }) => [backup.name, reason])).toEqual([
      [newest, "last, newest good one"],
      [third, "kept: for the auditor"],
      [second, "kept: keep.json cannot be read"],
      [first, "kept: before the migration"],
    ])
    expect(lying()).toEqual([...kept, newest].sort())
  })

  test("removes what was never finished after 7 days, by the newest of its files", async () => {
    const begun = (name: string, written: string): void => {
      mkdirSync(join(here.path, name))
      for (const [file, time] of [
        ["act.copy.gz", "2026-10-01T00:00:00Z"],
        ["heads.copy.gz", written],
      ] as const) {
        writeFileSync(join(here.path, name, file), "x")
        utimesSync(join(here.path, name, file), new Date(time), new Date(time))
      }
      // What a process that was killed was writing.
      const partial = join(here.path, name, "runs.copy.gz.partial-0123456789ab")
      writeFileSync(partial, "x")
      utimesSync(partial, new Date("2026-10-01T00:00:00Z"), new Date("2026-10-01T00:00:00Z"))
    }
    begun("backup-20261001T010000Z-aaaaaa", "2026-11-15T11:59:59Z")
    begun("backup-20261001T010000Z-bbbbbb", "2026-11-15T12:00:01Z")
    begun("backup-20261122T010000Z-cccccc", "2026-10-01T00:00:00Z")
    const good = here.lay("2026-11-21T01:00:00Z")
    await prune({ last: 1 })
    expect(lying()).toEqual(["backup-20261001T010000Z-bbbbbb", good, "backup-20261122T010000Z-cccccc"].sort())
  })

  test("leaves alone what is of a later pgtrail, what cannot be read, and what is no backup", async () => {
    const later = here.lay("2026-01-01T01:00:00Z")
    const spoiled = here.lay("2026-01-02T01:00:00Z")
    writeFileSync(join(here.path, later, "manifest.json"), '{"schema":"pgtrail.backup/2"}')
    writeFileSync(join(here.path, spoiled, "manifest.json"), "{}")
    mkdirSync(join(here.path, "event_2026_01-20260201T000000Z-0a1b2c"))
    const good = here.lay("2026-11-21T01:00:00Z")
    const future = here.lay("2026-12-24T01:00:00Z")
    const plan = await prune({ last: 1 })
    expect(plan.map(({ backup, outcome }) => [backup.name, outcome])).toEqual([
      [future, "stays"],
      [good, "stays"],
      [spoiled, "stays"],
      [later, "stays"],
    ])
    expect(plan[0]?.reason).toContain("in the future")
    expect(plan[1]?.reason).toContain("last")
  })

  test("takes away no byte of another backup that shares a file with one that goes", async () => {
    const [old, young] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
    const file = (name: string) => join(here.path, name, "event_2026_07.copy.gz")
    rmSync(file(young))
    linkSync(file(old), file(young))
    await prune({ last: 1 })
    expect((await findAllBackups(here.store)).map(({ name, state }) => [name, state])).toEqual([
      [young, "finished"],
    ])
  })

  test("that is stopped leaves what counts as unfinished, never a backup that lacks files; the next one removes the rest", async () => {
    // Its manifest and four files.
    for (let most = 0; most < 5; most += 1) {
      here.close()
      here = place()
      const [old, young] = [here.lay("2026-11-10T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
      let removed = 0
      const store: Store = {
        ...here.store,
        remove: async (key) => {
          if (removed === most) throw new TrailError("unreachable", "the server cannot be reached")
          removed += 1
          await here.store.remove(key)
        },
      }
      expect(await failureOf(prune({ last: 1 }, true, store))).toMatchObject({
        code: "unreachable",
        message: `${old} could not be removed: the server cannot be reached`,
      })
      const states = (await findAllBackups(here.store)).map(({ state }) => state)
      expect(states).toEqual(["finished", most === 0 ? "finished" : "unfinished"])
      for (const file of readdirSync(join(here.path, old))) utimesSync(join(here.path, old, file), 1, 1)
      await prune({ last: 1 })
      expect(lying()).toEqual([young])
    }
  })

  test("twice at once removes each, and neither says that one is still there", async () => {
    for (let day = 1; day <= 20; day += 1) here.lay(`2026-11-${String(day).padStart(2, "0")}T01:00:00Z`)
    const young = here.lay("2026-11-21T01:00:00Z")
    const both = await Promise.all([prune({ last: 1 }), prune({ last: 1 }), prune({ last: 1 })])
    expect(both.flat().filter(({ outcome }) => outcome === "left")).toEqual([])
    expect(lying()).toEqual([young])
  })

  test("leaves what others put into the folder of a backup, and says so", async () => {
    const [old] = [here.lay("2026-11-20T01:00:00Z"), here.lay("2026-11-21T01:00:00Z")]
    mkdirSync(join(here.path, old, "extra"))
    writeFileSync(join(here.path, old, "extra", "x.bin"), "")
    writeFileSync(join(here.path, old, "act.copy.gz.partial-0123456789ab"), "")
    const pruned = await prune({ last: 1 })
    expect(pruned.map(({ outcome, problem }) => [outcome, problem])).toEqual([
      ["stays", null],
      ["removed", "its folder stays, with what is no file of pgtrail's: extra/x.bin"],
    ])
    expect(readdirSync(join(here.path, old))).toEqual(["extra"])
  })

  test("that somebody stops says how many were removed, and what counts as unfinished", async () => {
    const days = [17, 18, 19, 20, 21].map((day) => here.lay(`2026-11-${day}T01:00:00Z`))
    const stop = new AbortController()
    let begun = 0
    const progress = (): void => {
      begun += 1
      if (begun === 3) stop.abort("SIGINT")
    }
    const stopped = pruneIn(here.store, {
      rules: { last: 1 },
      confirmed: true,
      now,
      signal: stop.signal,
      progress,
    })
    expect(await failureOf(stopped)).toMatchObject({
      code: "cancelled",
      message: "stopped before the end",
      hint: "2 were removed before it; what is half removed counts as unfinished; run it again",
    })
    const left = (await findAllBackups(here.store)).map(({ name, state }) => [name, state])
    expect(left).toEqual([
      [days[4], "finished"],
      [days[1], "unfinished"],
      [days[0], "finished"],
    ])
  })

  test("says what a store that never deletes refused, and goes on with the others", async () => {
    const [first, second, young] = [19, 20, 21].map((day) => here.lay(`2026-11-${day}T01:00:00Z`))
    const store: Store = {
      ...here.store,
      remove: async (key) => {
        if (key.startsWith(`${second}/`))
          throw new TrailError("privilege", `cannot remove ${key}: access denied`)
        await here.store.remove(key)
      },
    }
    const pruned = await prune({ last: 1 }, true, store)
    expect(pruned.map(({ outcome, problem }) => [outcome, problem])).toEqual([
      ["stays", null],
      ["left", `cannot remove ${second}/manifest.json: access denied`],
      ["removed", null],
    ])
    expect(lying()).toEqual([second, young])
    expect(first).toBeDefined()
  })
})
