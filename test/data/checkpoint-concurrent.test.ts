// Checkpoints while others act, write or take the file's name: each is made anew until it is whole, or says what is left.
import { readFileSync, writeFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"
import { here, until } from "./retention-fixture.js"

const { path, remove } = folder()
const pair = keyPair()
const keys = [pair.verifier]
const key = pair.secret
let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(async () => {
  await db.drop()
  remove()
})

const append = (organization: string, count = 1) =>
  db.query(
    "insert into pgtrail.event (organization_id, event_type) select $1, 'a' from generate_series(1, $2)",
    [organization, count],
  )
const actsOfCheckpoints = async () =>
  Number((await db.query("select count(*) as n from pgtrail.act where kind = 'checkpoint'"))[0]?.n)

test("files that cannot be written after the commit leave an act that says so, and the next run works", async () => {
  const before = await actsOfCheckpoints()
  await mkdir(path("late"))
  // Somebody makes the note between the check and the commit.
  await db.query(`create function public.meanwhile() returns trigger language plpgsql security definer as $$
    begin if new.kind = 'checkpoint' then perform pg_advisory_xact_lock(77); end if; return new; end $$`)
  await db.query(
    "create trigger meanwhile before insert on pgtrail.act for each row execute function public.meanwhile()",
  )
  await db.query("select pg_advisory_lock(77)")
  const making = failureOf(trail.createCheckpoint({ key, out: path("late/note") }))
  await waiting()
  writeFileSync(path("late/note"), "theirs")
  await db.query("select pg_advisory_unlock(77)")
  const error = await making
  await db.query("drop trigger meanwhile on pgtrail.act; drop function public.meanwhile()")
  expect(error).toMatchObject({ code: "usage" })
  expect(error.message).toMatch(/^act \d+ records the checkpoint, but it has no file: .*is there already/)
  expect(error.hint).toContain("nothing is lost")
  expect(await actsOfCheckpoints()).toBe(before + 1)
  expect(readFileSync(path("late/note"), "utf8")).toBe("theirs")
  await trail.createCheckpoint({ key, out: path("late/again") })
})

/** Until a session waits for an advisory lock: the checkpoint has read the heads and is about to record its act. */
const waiting = (): Promise<void> =>
  until(db, `exists (select from pg_locks where locktype = 'advisory' and not granted and ${here})`)

test("another act since the snapshot is no failure: it is made anew", async () => {
  await db.query("begin")
  await db.query("select pgtrail.record_act('import', '{}')")
  const making = trail.createCheckpoint({ key, out: path("retried") })
  await waiting()
  await append("acme")
  await db.query("commit")
  const made = await making
  const opened = await openCheckpoint(path("retried"), keys)
  expect(opened.act).toEqual(made.act)
  expect(opened.events).toBe("1")
})

test("many at once, while others write, all open and have acts of their own", async () => {
  const writers = Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = await db.client()
      for (let turn = 0; turn < 20; turn += 1) {
        await client.query("insert into pgtrail.event (organization_id, event_type) values ('busy', 'a')")
      }
      await client.end()
    }),
  )
  const made = await Promise.all(
    Array.from({ length: 5 }, (_, at) => trail.createCheckpoint({ key, out: path(`many-${at}`) })),
  )
  await writers
  expect(new Set(made.map(({ act }) => act.seq)).size).toBe(5)
  for (const { files } of made) await openCheckpoint(files[0], keys)
  expect((await trail.verify({ record: false })).findings).toEqual([])
})
