// From each earlier version of pgtrail, as it was installed and with data: up to this one, back, and up again; nothing is lost, and it verifies throughout.
import { afterAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import type { TestDatabase } from "../database.js"
import {
  catalog,
  evidence,
  type Level,
  migrationsAfter,
  newestAct,
  newestLevel,
  olderLog,
} from "./migrate-fixture.js"
import { replayed } from "./replayed.js"

const all: TestDatabase[] = []
afterAll(async () => {
  for (const database of all) await database.drop()
})

/** The others' steps are among those of the first: what is between is looked at there. */
const looksBetween = (level: number) => level === 1
/** Of three steps. */
const rehearses = (level: number) => level === 5

const whole = { verdict: "intact", findings: [] }
/** What verify reads is there from the second version on. */
const paths: [level: Level, roles: boolean][] = [
  [1, true],
  [2, true],
  [3, true],
  [4, true],
  [5, true],
  [6, true],
  [6, false],
]

test.each(paths)(
  "a log of version %i (with roles: %s) goes up, down and up again, and verifies throughout",
  async (level, roles) => {
    const { db, trail } = await olderLog(level, { roles })
    all.push(db)
    const before = await catalog(db)
    const acts = await newestAct(db)
    const kept = await evidence(db, acts)
    const [next] = migrationsAfter(level)
    const isVerified = async (pending: string | null) =>
      expect(await trail.verify({ record: false })).toMatchObject({ ...whole, pending_migration: pending })

    // This pgtrail verifies it as it is.
    if (level === 1) await expect(trail.verify()).rejects.toMatchObject({ code: "pending-migration" })
    else await isVerified(next ?? "")
    if (rehearses(level)) {
      expect(await trail.install({ dryRun: true })).toMatchObject({
        applied: migrationsAfter(level),
        changed: true,
      })
      expect(await catalog(db)).toEqual(before)
    }
    expect(await trail.install({ onlyInstalled: true })).toMatchObject({
      applied: migrationsAfter(level),
      pending: [],
      installed: false,
    })
    expect(await evidence(db, acts)).toEqual(kept)
    await isVerified(null)
    expect(await trail.validate()).toMatchObject({ pending: [], differences: [] })
    const newest = await catalog(db)

    const removed = migrationsAfter(level).reverse()
    if (rehearses(level)) {
      expect(await trail.migrateDown({ to: level, dryRun: true })).toMatchObject({ removed, level })
      expect(await catalog(db)).toEqual(newest)
    }
    // One by one, each of them a whole log.
    for (const [at, name] of removed.entries()) {
      const reached = newestLevel() - at - 1
      expect(await trail.migrateDown()).toMatchObject({ removed: [name], level: reached })
      if (reached > level && !looksBetween(level)) continue
      expect(await trail.validate()).toMatchObject({ pending: migrationsAfter(reached), differences: [] })
      if (reached > level) await isVerified(name)
    }
    expect(await evidence(db, acts)).toEqual(kept)
    // What the pgtrail of that version stored, and compares.
    expect(await catalog(db)).toEqual(before)
    await trail.append([{ event_type: "a", organization_id: "later" }])
    if (level > 1)
      expect(await trail.verify()).toMatchObject({
        ...whole,
        pending_migration: next,
        act: expect.any(String),
      })

    expect(await trail.install()).toMatchObject({ applied: migrationsAfter(level) })
    expect(await catalog(db)).toEqual(newest)
    expect(await trail.verify()).toMatchObject({ ...whole, pending_migration: null })
    expect(await evidence(db, acts)).toEqual(kept)
    const limit = (await trail.settings()).find((one) => one.name === "event-size-limit")
    if (level > 1) expect(limit).toMatchObject({ value: "70000" })
    expect((await replayed(trail)).messages).toEqual([])
    expect(await findBreaks(db)).toEqual([])
  },
)

// With roles, and as printed SQL: migrate-upgrade.test.ts.
test("a log of the first version without roles goes up by each migration, each whole, and all the way down", async () => {
  const { db, trail } = await olderLog(1, { roles: false })
  all.push(db)
  const before = await catalog(db)
  const kept = await evidence(db, 2)
  expect(await trail.install({ to: 2 })).toMatchObject({
    applied: ["0002_proof"],
    pending: migrationsAfter(2),
  })
  expect(await trail.install({ to: 2 })).toMatchObject({ changed: false, pending: migrationsAfter(2) })
  expect(await trail.verify({ record: false })).toMatchObject({
    verdict: "intact",
    pending_migration: "0003_access",
  })
  const second = await catalog(db)
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(2), pending: [] })
  const newest = await catalog(db)
  // One by one: of several at once each runs twice.
  for (const name of migrationsAfter(2).reverse())
    expect(await trail.migrateDown()).toMatchObject({ removed: [name] })
  expect(await catalog(db)).toEqual(second)
  expect(await trail.migrateDown()).toMatchObject({ removed: ["0002_proof"], level: 1 })
  expect(await catalog(db)).toEqual(before)
  expect(await evidence(db, 2)).toEqual(kept)
  expect(await trail.validate()).toMatchObject({ differences: [] })
  expect(await trail.install()).toMatchObject({ applied: migrationsAfter(1) })
  expect(await catalog(db)).toEqual(newest)
  expect(await trail.verify()).toMatchObject(whole)
  expect((await replayed(trail)).messages).toEqual([])
  expect(await evidence(db, 2)).toEqual(kept)
  expect(await findBreaks(db)).toEqual([])
})
