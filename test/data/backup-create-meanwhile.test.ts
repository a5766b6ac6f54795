// A log that changes while it is backed up: what the files have is one snapshot all the same.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type BackupLog, backupLog } from "./backup-fixture.js"
import { here, until } from "./retention-fixture.js"

let log: BackupLog
beforeAll(async () => {
  log = await backupLog()
  await log.append(60, { policy: "standard" })
  await log.append(40, { at: "2020-02-02", policy: "short" })
  await log.append(20, { at: "2020-03-02", policy: "standard" })
})
afterAll(() => log.remove())

let told: string[]
beforeEach(() => {
  told = []
})
const progress = (doing: string): void => {
  told.push(doing)
}
const isAgain = (): boolean => told.includes("begins again on a fresh snapshot")

/** Runs a backup which waits for a table while `meanwhile` is done; it has planned by then, and read what is smaller. */
async function whileHeld(
  table: string,
  meanwhile: () => Promise<unknown>,
): Promise<Awaited<ReturnType<BackupLog["create"]>>> {
  const holder = await log.db.client()
  try {
    await holder.query(`begin; lock table only pgtrail.${table} in access exclusive mode`)
    const made = log.create({ progress, jobs: 1 })
    made.catch(() => undefined)
    await until(
      log.db,
      `select exists (select from pg_locks where not granted and relation = 'pgtrail.${table}'::regclass and ${here})`,
    )
    await meanwhile()
    await holder.query("commit")
    return await made
  } finally {
    await holder.end()
  }
}

test("a partition that is made anew after the snapshot makes it begin again, and no event is missing", async () => {
  const made = await whileHeld("subject_request", () => log.db.query("vacuum full pgtrail.event_2020_01"))
  expect(isAgain()).toBe(true)
  expect(await log.closes(made.name)).toBe(120)
})

test("a partition that is dropped after the snapshot makes it begin again, and its purge explains it", async () => {
  const made = await whileHeld("subject_request", async () => {
    expect((await log.run()).events).toBe("40")
  })
  expect(isAgain()).toBe(true)
  expect(await log.closes(made.name)).toBe(80)
})

test("where it is made anew again and again, the last attempt lets nobody do so, and ends", async () => {
  let isOver = false
  const rewriting = (async () => {
    const client = await log.db.client()
    // An attempt takes much longer than this.
    for (; !isOver; await pause(10)) await client.query("vacuum full pgtrail.event_2020_01")
    await client.end()
  })()
  try {
    for (let round = 0; round < 2; round += 1) {
      const made = await log.create({ progress })
      expect(await log.closes(made.name)).toBe(80)
    }
  } finally {
    isOver = true
    await rewriting
  }
})

test("writers, retention and redactions go on, and each backup closes", async () => {
  let isOver = false
  let round = 0
  const writing = (async () => {
    for (; !isOver; await pause(10)) {
      await log.append(5, { at: "2020-01-10", org: `o${round % 3}`, policy: "standard" })
      await log.append(5, { at: "2020-03-10", policy: "short" })
      round += 1
    }
  })()
  const keeping = (async () => {
    for (; !isOver; await pause(10)) {
      await log.run()
      await log.trail.eraseSubject([{ kind: "id", value: "u3" }], {
        reason: "why",
        requestedBy: "who",
        organizations: ["o1"],
        confirm: "u3",
      })
    }
  })()
  try {
    for (let made = 0; made < 2; made += 1) {
      await log.closes((await log.create({ incremental: made % 2 === 1 })).name)
    }
  } finally {
    isOver = true
    await Promise.all([writing, keeping])
  }
  expect(round).toBeGreaterThan(4)
})
