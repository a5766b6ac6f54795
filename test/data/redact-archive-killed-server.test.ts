// kill -9 of the whole server at each step at which an erasure writes an archive anew: it recovers, one of the two archives is in force and
// whole, and the same again completes it.
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"

let cluster: Cluster
let log: Server
let trail: Trail
let folder: string
beforeAll(async () => {
  // The operating system stays, and with it what was written: fsync makes no difference.
  cluster = await startCluster({ settings: { synchronous_commit: "on", full_page_writes: "on" } })
  log = cluster.primary
  trail = await log.trail()
  folder = await mkdtemp(join(tmpdir(), "pgtrail-archive-"))
  await log.query("select pgtrail.set_setting('retention-grace', '0d')")
  await log.query("select pgtrail.create_partitions('2020-01-01Z', '2020-03-01Z')")
  // A search takes each partition its time to plan.
  const [later] = await log.query(
    `select string_agg(format('drop table pgtrail.%I', p.name), '; ') as sql from pgtrail.partitions() p
     where not p.is_default and p.since > now() + interval '1 month'`,
  )
  await log.query(later?.sql ?? "")
  for (const month of ["01", "02"]) {
    await log.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id)
       select 'acme', '2020-${month}-02Z', 'a.b', 'u${month}-' || i from generate_series(1, 30) i`,
    )
  }
  await log.query(
    `create function public.stop() returns trigger language plpgsql as
       'begin perform pg_advisory_xact_lock_shared(42, 7); return null; end'`,
  )
})
afterAll(async () => {
  await cluster?.remove()
  await rm(folder, { recursive: true, force: true })
})

const recorded = { jobs: 1, record: false, archives: ["recorded"] } as const

const places = {
  "a folder": {
    partition: "event_2020_01",
    to: () => pathToFileURL(folder).href,
    names: () => readdir(folder),
  },
  "the database": {
    partition: "event_2020_02",
    to: () => "table:",
    names: async () =>
      (await log.query("select distinct split_part(id, '/', 1) as name from pgtrail.archive_storage")).map(
        ({ name }) => name ?? "",
      ),
  },
} as const
type PlaceName = keyof typeof places

/** What another session holds, so that the run waits there; whether the act is committed then. */
const holds = {
  "waits for the chain of acts, with the new files written": [
    "select pg_advisory_xact_lock(1885828210, -1)",
    false,
  ],
  "is at its commit": ["select pg_advisory_xact_lock(42, 7)", false],
  "takes the old files away": [
    "select from pgtrail.archive_storage_part p where p.id like 'NAME/%' for update",
    true,
  ],
} as const
type Held = keyof typeof holds

const steps: readonly (readonly [PlaceName, Held])[] = [
  ["a folder", "waits for the chain of acts, with the new files written"],
  ["a folder", "is at its commit"],
  ["the database", "waits for the chain of acts, with the new files written"],
  ["the database", "is at its commit"],
  ["the database", "takes the old files away"],
]

const erase = (id: string) =>
  runInProcess(["gdpr", "erase", id, "--reason", "r", "--requested-by", "w", "--confirm", id, "--json"], {
    env: { PGTRAIL_URL: log.url },
  })

async function killedWhile(at: Held, name: string, id: string): Promise<void> {
  if (at === "is at its commit") {
    await log.query(
      `create constraint trigger stop after insert or update on pgtrail.archive deferrable initially deferred
         for each row execute function public.stop()`,
    )
  }
  const holder = await log.client()
  await holder.query(`begin; ${holds[at][0].replace("NAME", name)}`)
  const { rows } = await holder.query("select pg_backend_pid() as pid")
  const running = erase(id)
  await until(`it ${at}`, async () => {
    const waiting = await log.query(
      "select from pg_stat_activity where $1::int = any (pg_blocking_pids(pid))",
      [rows[0].pid],
    )
    return waiting.length === 1
  })
  await log.stop("kill")
  await holder.end().catch(() => undefined)
  // It says that the server is gone, and never that it is done.
  const { exit, both } = await running
  expect([3, 4], both).toContain(exit)
  expect(both).not.toMatch(/"complete": true|this is a bug/)
  await log.start()
  await log.query("drop trigger if exists stop on pgtrail.archive")
}

/** How many of its events the archives in force have; all of them verify. */
async function found(id: string): Promise<number> {
  // The function that stops a commit is none of the log's.
  expect(await trail.verify(recorded)).toMatchObject({ verdict: "intact", findings: [] })
  const { archives } = await trail.findSubject([{ kind: "id", value: id }])
  return archives.reduce((sum, one) => sum + Number(one.found.events[0]?.events ?? 0), 0)
}

describe.skipIf(!canStart)("a server that is killed while an erasure writes an archive anew", () => {
  beforeAll(async () => {
    for (const { partition, to } of Object.values(places)) await trail.createArchives({ to: to(), partition })
  })

  // Each erases another, who is in the archive of its place alone.
  test.each(steps)("in %s, and %s", async (where, at) => {
    const place = places[where]
    const id = `u${place.partition.slice(-2)}-${steps.findIndex(([a, b]) => a === where && b === at) + 1}`
    const [name = ""] = await place.names()
    await killedWhile(at, name, id)
    expect(await found(id)).toBe(holds[at][1] ? 0 : 1)
    const { exit, stdout, both } = await erase(id)
    expect(exit, both).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ complete: true, failed: [] })
    expect(await found(id)).toBe(0)
    for (const one of Object.values(places)) expect(await one.names()).toHaveLength(1)
  })
})
