// Servers of a test's own, started from the npm binaries: a primary, its standbys, copies of data folders, crashes and restarts.
import { appendFile, chmod, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { env, kill, pid } from "node:process"
import { setTimeout as pause } from "node:timers/promises"
import pg from "pg"
import { inject } from "vitest"
import { findBinaries } from "../../src/data/embedded/binaries.js"
import { startEmbedded } from "../../src/data/embedded/index.js"
import { invoker, serverOwner } from "../../src/data/embedded/owner.js"
import { open, type Trail } from "../../src/data/index.js"
import { serverFolder, serverSettings } from "../server-folder.js"
import { backUp, copyStopped, writeOwned } from "./cluster-copy.js"

const nativeDir = env.PGTRAIL_TEST_BINARIES
const asText = { getTypeParser: () => (value: string) => value }

/** False where the npm binaries are not installed: these tests cannot borrow the server of PGTRAIL_TEST_URL. */
export const canStart = await findBinaries(invoker(), serverOwner(invoker(), undefined), { nativeDir }).then(
  () => true,
  () => false,
)

type Settings = Readonly<Record<string, string>>

export interface Server {
  readonly pgdata: string
  /** Database `pgtrail` as superuser, over a Unix socket. Stays the same over a restart. */
  readonly url: string
  /** As superuser in a session of its own; every value is the text that Postgres sent. */
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, string | null>[]>
  /** A session; ended with the cluster if the test did not end it. */
  client(): Promise<pg.Client>
  trail(): Promise<Trail>
  start(): Promise<void>
  /** `fast` cuts the sessions off, `immediate` is a crash: the next start recovers from the WAL. `kill` is SIGKILL to every process. */
  stop(mode: "fast" | "immediate" | "kill"): Promise<void>
  /** A copy of the data folder of this server, running or not, as a backup makes it: not started. */
  copy(settings?: Settings): Promise<Server>
  /** A streaming hot standby, started and caught up. */
  standby(settings?: Settings): Promise<Server>
  /** Takes the place of the primary, on a timeline of its own. */
  promote(): Promise<void>
  /** Waits until this standby has replayed all that `primary` has written. */
  caughtUp(primary: Server): Promise<void>
  /** Puts the data of another, stopped server in place of this one's, which is stopped too. */
  takeDataOf(other: Server): Promise<void>
}

export interface Cluster {
  readonly primary: Server
  /** Ends every server and session, and removes every folder. Call it in afterAll, whatever failed. */
  remove(): Promise<void>
}

export interface ClusterOptions {
  readonly settings?: Settings
  /** False keeps fsync on. */
  readonly fast?: boolean
  /** Where its programs are, instead of those of the tests: a folder with bin/. */
  readonly programs?: string
  /** Without the log, and so without its roles. */
  readonly empty?: boolean
}

/** A primary with the log installed. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const closers: (() => Promise<unknown>)[] = []
  const remove = async () => {
    const failures: unknown[] = []
    for (const close of closers.reverse()) await close().catch((error) => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, "a server of this test was not removed")
  }
  try {
    const primary = await newServer(
      { closers, fast: options.fast ?? true, programs: options.programs },
      { ...small, ...options.settings },
    )
    await primary.start()
    await primary.query("select pg_reload_conf()")
    if (options.empty !== true) await (await primary.trail()).install()
    return { primary, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

const small = {
  ...serverSettings,
  shared_buffers: "16MB",
  max_connections: "60",
  max_wal_senders: "4",
  wal_receiver_status_interval: "1s",
  autovacuum: "off",
  log_min_messages: "fatal",
  // A folder that is soon copied.
  min_wal_size: "32MB",
  max_wal_size: "64MB",
}

interface Common {
  readonly closers: (() => Promise<unknown>)[]
  readonly fast: boolean
  readonly programs: string | undefined
}

async function newServer(common: Common, settings: Settings): Promise<Server> {
  // The name says whose it is: the next run's setup removes what a killed run has left behind.
  const dataDir = await mkdtemp(`${serverFolder}/pgtrail-test-${pid}-`)
  if (invoker().isRoot) await chmod(dataDir, 0o711)
  const pgdata = join(dataDir, "pgdata")
  const sessions = new Set<pg.Client>()
  let running: number | undefined

  const signals = { fast: "SIGINT", immediate: "SIGQUIT", kill: "SIGKILL" } as const
  const stop = async (mode: "fast" | "immediate" | "kill") => {
    if (running === undefined) return
    const postmaster = running
    const children = mode === "kill" ? await server.query("select pid from pg_stat_activity") : []
    // A test may have killed it by itself.
    if (isAlive(postmaster)) kill(postmaster, signals[mode])
    for (const { pid: child } of children) if (isAlive(Number(child))) kill(Number(child), "SIGKILL")
    await until(`the server ${postmaster} ends`, async () => !isAlive(postmaster))
    running = undefined
  }
  common.closers.push(async () => {
    await Promise.all([...sessions].map((session) => session.end().catch(() => undefined)))
    await stop("immediate")
    await rm(dataDir, { recursive: true, force: true })
  })

  const url = `postgresql://postgres@/pgtrail?host=${encodeURIComponent(join(dataDir, "socket"))}&port=5432`
  async function connected(): Promise<pg.Client> {
    const session = new pg.Client({ connectionString: url, types: asText, application_name: "test" })
    session.on("error", () => undefined)
    await session.connect()
    sessions.add(session)
    session.once("end", () => sessions.delete(session))
    return session
  }

  const server: Server = {
    pgdata,
    url,
    client: connected,
    async query(sql, params = []) {
      const session = await connected()
      try {
        return (await session.query<Record<string, string | null>>(sql, [...params])).rows
      } finally {
        await session.end()
      }
    },
    async trail() {
      const trail = await open({ connectionString: url, applicationName: "test" })
      common.closers.push(() => trail.close())
      return trail
    },
    async start() {
      const isNew = (await readdir(dataDir)).length === 0
      const seed = common.programs === undefined ? inject("newCluster") : ""
      if (isNew && seed !== "") await copyStopped(seed, pgdata)
      const programs = { nativeDir: common.programs ?? nativeDir }
      running = (await startEmbedded({ dataDir, ...programs, fast: common.fast, settings })).pid
      // A standby is another operating system user than the one who started the tests as root.
      if (isNew) await appendFile(join(pgdata, "pg_hba.conf"), "local replication all trust\n")
    },
    stop,
    async copy(more = {}) {
      const target = await newServer(common, { ...settings, ...more })
      if (running === undefined) await copyStopped(pgdata, target.pgdata)
      else await backUp(await connected(), pgdata, target.pgdata)
      return target
    },
    async standby(more = {}) {
      const conninfo = `host=${join(dataDir, "socket")} port=5432 user=postgres`
      const target = await server.copy({ primary_conninfo: conninfo, hot_standby: "on", ...more })
      await writeOwned(target.pgdata, "standby.signal", "")
      await target.start()
      await target.caughtUp(server)
      return target
    },
    async promote() {
      await server.query("select pg_promote()")
    },
    async caughtUp(primary) {
      // A commit that is flushed: one of synchronous_commit = off may stay in memory, where no standby sees it.
      await primary.query("set synchronous_commit = local; select pg_logical_emit_message(true, 'test', '')")
      const [written] = await primary.query("select pg_current_wal_flush_lsn() as lsn")
      await until(`the standby replays up to ${written?.lsn}`, async () => {
        const [row] = await server.query("select pg_last_wal_replay_lsn() >= $1::pg_lsn as done", [
          written?.lsn,
        ])
        return row?.done === "t"
      })
    },
    async takeDataOf(other) {
      await rm(pgdata, { recursive: true, force: true })
      await rename(other.pgdata, pgdata)
    },
  }
  return server
}

/** Looks again and again; fails with what was waited for. */
export async function until(what: string, condition: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await pause(10)
  }
}

function isAlive(server: number): boolean {
  try {
    return kill(server, 0)
  } catch {
    return false
  }
}
