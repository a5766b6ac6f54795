// kill -9 of a restore, and the end of its sessions, at every step: the log is there whole or not at all, and the same again completes it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Client } from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, type Empty, leftovers } from "./backup-restore-fixture.js"
import { until } from "./cluster.js"
import { failureOf } from "./failure.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

/** A statement that an event trigger holds, where the condition is true; and what a kill there leaves. */
const steps = {
  "makes its tables": ["CREATE SCHEMA", "true", []],
  "indexes a partition": [
    "CREATE INDEX",
    "to_regnamespace('pgtrail_restore') is not null",
    ["pgtrail_restore"],
  ],
  "attaches a partition": [
    "ALTER TABLE",
    "exists (select from pg_inherits i where i.inhparent = to_regclass('pgtrail_restore.event'))",
    ["pgtrail_restore"],
  ],
  "makes the log appear": ["CREATE FUNCTION", "true", ["pgtrail_restore"]],
  "drops the log that was replaced": [
    "DROP TABLE",
    "to_regnamespace('pgtrail_replaced') is not null",
    ["pgtrail", "pgtrail_replaced"],
  ],
} as const
type Step = keyof typeof steps
const replaces: Step = "drops the log that was replaced"

let log: TestDatabase
let place: Backups
let backup: string
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  await log.query(
    "insert into pgtrail.event (organization_id, event_type) select 'o' || i % 3, 'x' from generate_series(1, 30) i",
  )
  backup = await place.of(await log.trail())
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

/** Holds what `start` begins at its step; tells the holder, and the session that waits for it. */
async function hold(
  { db }: Empty,
  step: Step,
  start: () => void,
): Promise<{ holder: Client; waiting: string }> {
  const [tag, condition] = steps[step]
  await db.query(
    `create function public.stop() returns event_trigger language plpgsql as $$
     begin if ${condition} then perform pg_advisory_xact_lock_shared(42, 7); end if; end $$;
     create event trigger stop on ddl_command_end when tag in ('${tag}') execute function public.stop()`,
  )
  const holder = await db.client()
  await holder.query("select pg_advisory_lock(42, 7)")
  start()
  let waiting = ""
  await until(`it ${step}`, async () => {
    const [found] = await db.query(
      "select pid from pg_locks where locktype = 'advisory' and classid = 42 and not granted and database = (select oid from pg_database where datname = current_database())",
    )
    waiting = found?.pid ?? ""
    return waiting !== ""
  })
  return { holder, waiting }
}

const gone = ({ db }: Empty) =>
  until("its sessions are gone", async () => {
    const left = await db.query(
      "select from pg_stat_activity where datname = current_database() and application_name like 'pgtrail%'",
    )
    return left.length === 0
  })

const forget = ({ db }: Empty) => db.query("drop event trigger stop; drop function public.stop()")

describe("a restore", () => {
  // What one leaves is what the next begins with; the one before the last step has to come to its end.
  let empty: Empty
  beforeAll(async () => {
    empty = await place.empty()
  })
  const complete = async (isThere: boolean): Promise<void> => {
    const done = await empty.restore(backup, isThere ? { confirm: empty.db.name } : {})
    expect(done.verification).toMatchObject({ verdict: "intact", findings: [] })
    expect(await leftovers(empty.db)).toEqual([{ schema: "pgtrail" }])
  }

  describe.each(Object.keys(steps) as Step[])("while it %s", (step) => {
    test.skipIf(!isBuilt)("whose program is killed leaves a whole log or none", async () => {
      let child: ReturnType<typeof spawn> | undefined
      const { holder } = await hold(empty, step, () => {
        const confirm = step === replaces ? ["--confirm", empty.db.name] : []
        child = spawn(
          process.execPath,
          [join(root, "bin/pgtrail.js"), "backup", "restore", new URL(backup).pathname, ...confirm],
          {
            env: { PATH: process.env.PATH, PGTRAIL_URL: empty.db.url },
            stdio: "ignore",
          },
        )
      })
      const ended = new Promise((resolve) => child?.on("close", (_, signal) => resolve(signal)))
      child?.kill("SIGKILL")
      expect(await ended).toBe("SIGKILL")
      await holder.end()
      await gone(empty)
      const left = await leftovers(empty.db)
      // What waits in the transaction that makes the log appear is not committed for nobody.
      expect(left.map(({ schema }) => schema)).toEqual([...steps[step][2]])
      await forget(empty)
      // The next one would drop it before it comes to its own.
      if (step === replaces) await empty.db.query("drop schema pgtrail_replaced cascade")
    })

    test("whose session is ended says so, and leaves nothing where it still can", async () => {
      let running: Promise<unknown> | undefined
      const { holder, waiting } = await hold(empty, step, () => {
        running =
          step === replaces
            ? empty.restore(backup, { confirm: empty.db.name })
            : failureOf(empty.restore(backup))
      })
      await empty.db.query("select pg_terminate_backend($1)", [waiting])
      await until(
        "it is gone",
        async () =>
          (await empty.db.query("select from pg_stat_activity where pid = $1", [waiting])).length === 0,
      )
      await holder.end()
      if (step === replaces)
        expect(await running).toMatchObject({
          warnings: expect.arrayContaining([expect.stringContaining("pgtrail_replaced"), expect.anything()]),
        })
      else expect(await running).toMatchObject({ code: "connection-lost" })
      // A loader's end leaves the connection that takes everything away.
      if (step === "indexes a partition") expect(await leftovers(empty.db)).toEqual([])
      await forget(empty)
    })

    const isLast = step === replaces || step === "makes the log appear"
    if (isLast) test("and the same again completes it", () => complete(step === replaces))
  })
})

test("a restore that is stopped ends its loaders, and takes away what it has made", async () => {
  const empty = await place.empty()
  const stop = new AbortController()
  let running: Promise<unknown> | undefined
  const { holder } = await hold(empty, "indexes a partition", () => {
    running = empty.restore(backup, { signal: stop.signal }).catch((error: unknown) => error)
  })
  stop.abort()
  await holder.end()
  expect(await running).toMatchObject({
    code: "cancelled",
    message: "stopped before the end",
    hint: "nothing was restored",
  })
  expect(await leftovers(empty.db)).toEqual([])
})

test("one that is stopped when the log is there says so, what to run, and where the log that it replaced is", async () => {
  const empty = await place.empty()
  await empty.restore(backup)
  const stop = new AbortController()
  const stopped = empty.restore(backup, {
    confirm: empty.db.name,
    signal: stop.signal,
    progress: (doing) => {
      if (doing === "verifying the restored log") stop.abort()
    },
  })
  expect(await failureOf(stopped)).toMatchObject({
    code: "cancelled",
    message: "the log is restored; then: stopped before the end",
    hint: expect.stringMatching(
      /^run it by itself: pgtrail verify; the restored log was not verified: the log that was replaced is kept, whole, in schema pgtrail_replaced_\d/,
    ),
  })
  expect(await empty.trail.verify({ record: false })).toMatchObject({ verdict: "intact" })
})

test("a restore that fails and cannot take away what it has made says where that stands, and the next one drops it", async () => {
  const empty = await place.empty()
  await empty.db.query(
    `create function public.stop() returns event_trigger language plpgsql as $$
     begin if to_regnamespace('pgtrail_restore') is not null then raise exception 'not now'; end if; end $$;
     create event trigger stop on ddl_command_end when tag in ('CREATE INDEX', 'DROP TABLE') execute function public.stop()`,
  )
  expect(await failureOf(empty.restore(backup))).toMatchObject({
    message: "not now",
    hint: "nothing was restored; what was loaded still stands in schema pgtrail_restore, which the next restore drops first",
  })
  expect(await leftovers(empty.db)).toEqual([{ schema: "pgtrail_restore" }])
  await forget(empty)
  expect(await empty.restore(backup)).toMatchObject({ verification: { verdict: "intact" } })
  expect(await leftovers(empty.db)).toEqual([{ schema: "pgtrail" }])
})
