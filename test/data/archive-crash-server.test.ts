// kill -9 of the whole server while events are archived, restored and removed: it recovers, nothing is lost, and the same again completes it.
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"
import { failureOf } from "./failure.js"

let cluster: Cluster
let log: Server
let trail: Trail
let folder: string
let to: string
beforeAll(async () => {
  // The operating system stays, and with it what was written: fsync makes no difference.
  cluster = await startCluster({ settings: { synchronous_commit: "on", full_page_writes: "on" } })
  log = cluster.primary
  trail = await log.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-archive-"))
  to = pathToFileURL(folder).href
  await log.query("select pgtrail.set_setting('retention-grace', '0d')")
  await log.query("select pgtrail.create_partitions('2020-01-01Z', '2020-03-01Z')")
  await log.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type) select 'acme', '2020-01-02Z', 'a.b' from generate_series(1, 30)`,
  )
  await log.query(
    `create function public.stop() returns trigger language plpgsql as
       'begin perform pg_advisory_xact_lock_shared(42, 7); return null; end'`,
  )
})
afterAll(async () => {
  await cluster?.remove()
  await rm(folder, { recursive: true, force: true })
})

/** Held by the chain of acts, with the files written; or by its commit, which the trigger keeps waiting. */
const holds = { "waits for the chain of acts": "1885828210, -1", "is at its commit": "42, 7" } as const
type Held = keyof typeof holds

async function killedWhile(at: Held, work: () => Promise<unknown>): Promise<void> {
  if (at === "is at its commit") {
    await log.query(
      `create constraint trigger stop after insert or update on pgtrail.archive deferrable initially deferred
         for each row execute function public.stop()`,
    )
  }
  const holder = await log.client()
  await holder.query(`begin; select pg_advisory_xact_lock(${holds[at]})`)
  const { rows } = await holder.query("select pg_backend_pid() as pid")
  const refused = failureOf(work())
  await until(`it ${at}`, async () => {
    const waiting = await log.query(
      "select from pg_stat_activity where $1::int = any (pg_blocking_pids(pid))",
      [rows[0].pid],
    )
    return waiting.length === 1
  })
  await log.stop("kill")
  await holder.end().catch(() => undefined)
  // It says that it is lost or cannot be reached, and never that it is done.
  expect(["connection-lost", "unreachable"]).toContain((await refused).code)
  await log.start()
  await log.query("drop trigger if exists stop on pgtrail.archive")
}

async function counts(): Promise<string> {
  const { findings, covered } = await trail.verify({ jobs: 1, record: false })
  // The function that stops a commit is none of the log's.
  expect(findings).toEqual([])
  return `${covered.events} live, ${covered.archived} archived, ${covered.purged} purged`
}

/** What no act tells of is removed by its name, and nothing else is. */
async function removeOrphans(): Promise<void> {
  for (const { name, state } of await trail.archives({ at: to })) {
    if (state === "orphan") await trail.removeArchive(name, { at: to, confirm: name })
  }
}

describe.skipIf(!canStart).each(Object.keys(holds) as Held[])(
  "a server that is killed while pgtrail %s",
  (at) => {
    let name = ""
    beforeEach(async () => {
      const archived = (await trail.archives()).find(({ state }) => state === "archived")
      name = archived?.name ?? ""
    })

    test("archive create", async () => {
      const before = await counts()
      await killedWhile(at, () => trail.createArchives({ to, partition: "event_2020_01" }))
      expect(await counts()).toBe(before)
      await removeOrphans()
      expect(await readdir(folder)).toEqual([])
      await trail.createArchives({ to, partition: "event_2020_01" })
      expect(await counts()).toBe("0 live, 30 archived, 0 purged")
    })

    test("archive restore", async () => {
      await killedWhile(at, () => trail.restoreArchive(name, { reason: "why" }))
      expect(await counts()).toBe("0 live, 30 archived, 0 purged")
      await trail.restoreArchive(name, { reason: "why" })
      expect(await counts()).toBe("30 live, 0 archived, 0 purged")
      await trail.createArchives({ to, partition: "event_2020_01" })
    })

    test("archive remove", async () => {
      await killedWhile(at, () => trail.removeArchive(name, { reason: "why", confirm: name }))
      expect(await counts()).toBe("0 live, 30 archived, 0 purged")
      await trail.restoreArchive(name, { reason: "why" }).catch(() => undefined)
      const isBack = (await counts()).startsWith("30")
      // At its commit the files are gone already: the act was not recorded, and is now.
      expect(isBack).toBe(at !== "is at its commit")
      for (const one of await trail.archives()) {
        if (one.state !== "removed") await trail.removeArchive(one.name, { reason: "why", confirm: one.name })
      }
      expect(await readdir(folder)).toEqual([])
      expect(await counts()).toBe(isBack ? "30 live, 0 archived, 0 purged" : "0 live, 0 archived, 30 purged")
    })
  },
)
