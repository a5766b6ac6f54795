// Gives every test run its server: PGTRAIL_TEST_URL, or a private embedded cluster that is removed at the end.
import { existsSync } from "node:fs"
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { env, kill, pid } from "node:process"
import pg from "pg"
import type { TestProject } from "vitest/node"
import { findBinaries } from "../src/data/embedded/binaries.js"
import { cluster, initialise } from "../src/data/embedded/folder.js"
import { startEmbedded, stopEmbedded } from "../src/data/embedded/index.js"
import { invoker, serverOwner } from "../src/data/embedded/owner.js"
import { copyStopped } from "./data/cluster-copy.js"
import { serverFolder, serverFolders, serverSettings } from "./server-folder.js"
import { urlOfDatabase } from "./url.js"

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the test server. */
    url: string
    /** The database with the schema installed, as the installer leaves it. */
    template: string
    /** The same with three partitions, of this month, of the next, and DEFAULT: most tests need no more, and each costs every session time. */
    lean: string
    /** How a database is copied, as an option of CREATE DATABASE; empty where the server's way is best. */
    strategy: string
    /** The data folder of a new cluster that was never started: a copy costs a tenth of initdb. Empty where there is none. */
    newCluster: string
    /** Begins the name of every database and login role of this run. */
    prefix: string
  }
}

/** PostgreSQL 18 from npm, or the programs of another major in this folder (scripts/matrix.mjs). */
const nativeDir = env.PGTRAIL_TEST_BINARIES
const privateDir = /^pgtrail-test-(\d+)-/
/** Names of a run's databases and roles carry the number whose advisory lock the run holds while it lasts. */
const runLock = 0x70677472
const settings = {
  ...serverSettings,
  max_connections: "200",
  max_prepared_transactions: "32",
  max_wal_senders: "4",
  shared_buffers: "128MB",
  log_min_messages: "fatal",
  autovacuum: "off",
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = env.PGTRAIL_TEST_URL === undefined ? await privateServer() : undefined
  const url = server?.url ?? env.PGTRAIL_TEST_URL ?? ""
  const client = new pg.Client({ connectionString: url, application_name: "pgtrail test run" })
  try {
    await client.connect()
  } catch (cause) {
    throw new Error("PGTRAIL_TEST_URL names a server that cannot be reached", { cause })
  }
  const run = await claimRun(client)
  const prefix = `pgtrail_test_${run}_`
  const template = `${prefix}template`
  const lean = `${prefix}lean`
  let strategy = ""
  const end = async () => {
    if (server === undefined) await removeRun(client, run)
    await client.end()
    await server?.remove()
  }
  try {
    await removeOrphans(client)
    await makeTemplate(client, url, template)
    // Half the processor time of the default, which writes every page into the WAL; without fsync a checkpoint costs little.
    const { rows } = await client.query(
      "select current_setting('server_version_num')::int >= 150000 and current_setting('fsync') = 'off' as pays",
    )
    if (rows[0].pays) strategy = "strategy file_copy"
    await makeLean(client, url, template, lean, strategy)
  } catch (error) {
    // A log that cannot be installed must not leave its server behind.
    await end()
    throw error
  }
  project.provide("url", url)
  project.provide("template", template)
  project.provide("lean", lean)
  project.provide("strategy", strategy)
  project.provide("newCluster", server?.newCluster ?? "")
  project.provide("prefix", prefix)
  return end
}

interface PrivateServer {
  readonly url: string
  readonly newCluster: string
  remove(): Promise<void>
}

async function privateServer(): Promise<PrivateServer> {
  await removeDeadServers()
  const [seed, dataDir] = [await serverDir(), await serverDir()]
  const who = invoker()
  const owner = serverOwner(who, undefined)
  const binaries = await findBinaries(who, owner, { nativeDir })
  await initialise({ dataDir: seed, binaries, who, owner, sync: false })
  await copyStopped(cluster(seed), cluster(dataDir))
  const { url } = await startEmbedded({ dataDir, nativeDir, fast: true, settings })
  return {
    url,
    newCluster: cluster(seed),
    async remove() {
      await rm(seed, { recursive: true, force: true })
      // A developer who wants to look at what a failed test left keeps it until the next run.
      if (env.PGTRAIL_TEST_KEEP === undefined) await removeServer(dataDir)
    },
  }
}

/** Its name tells the next run whose it was. The server's user must be able to pass through. */
async function serverDir(): Promise<string> {
  const folder = await mkdtemp(`${serverFolder}/pgtrail-test-${pid}-`)
  if (invoker().isRoot) await chmod(folder, 0o711)
  return folder
}

async function removeServer(dataDir: string): Promise<void> {
  await stopEmbedded({ dataDir, nativeDir })
  await rm(dataDir, { recursive: true, force: true })
}

/** A killed run cannot clean up; the next one does. */
async function removeDeadServers(): Promise<void> {
  for (const folder of serverFolders) {
    for (const name of await readdir(folder)) {
      const owner = privateDir.exec(name)?.[1]
      if (owner === undefined || isAlive(Number(owner))) continue
      await removeServer(join(folder, name)).catch(() => {})
    }
  }
}

function isAlive(owner: number): boolean {
  try {
    return kill(owner, 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

async function claimRun(client: pg.Client): Promise<number> {
  for (;;) {
    const run = Math.trunc(Math.random() * 1e9)
    const { rows } = await client.query("select pg_try_advisory_lock($1, $2) as mine", [runLock, run])
    if (rows[0].mine) return run
  }
}

/** Databases and roles of runs that nobody is at any more, on a server that outlives its runs. */
async function removeOrphans(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ run: string }>(
    `select distinct substring(name from '^pgtrail_test_(\\d+)_') as run
     from (select datname from pg_database union all select rolname from pg_roles) as named (name)
     where name ~ '^pgtrail_test_\\d+_'`,
  )
  for (const { run } of rows) {
    const { rows: locks } = await client.query("select pg_try_advisory_lock($1, $2) as free", [runLock, run])
    if (!locks[0].free) continue
    await removeRun(client, Number(run))
    await client.query("select pg_advisory_unlock($1, $2)", [runLock, run])
  }
}

async function removeRun(client: pg.Client, run: number): Promise<void> {
  const prefix = `pgtrail_test_${run}_`
  const named = (name: string) => name.startsWith(prefix)
  const databases = await client.query<{ datname: string }>("select datname::text from pg_database")
  for (const { datname } of databases.rows.filter((row) => named(row.datname))) {
    await client.query(`alter database "${datname}" with is_template false`)
    await client.query(`drop database if exists "${datname}" with (force)`)
  }
  const roles = await client.query<{ rolname: string }>("select rolname::text from pg_roles")
  for (const { rolname } of roles.rows.filter((row) => named(row.rolname))) {
    await client.query(`drop role if exists "${rolname}"`).catch(() => {})
  }
}

async function makeTemplate(client: pg.Client, url: string, template: string): Promise<void> {
  await client.query(
    `create database "${template}" template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`,
  )
  await installInto(urlOfDatabase(url, template))
  // Nobody may connect: `create database ... template` fails while anybody is in its source.
  await client.query(`alter database "${template}" with is_template true allow_connections false`)
}

async function makeLean(
  client: pg.Client,
  url: string,
  template: string,
  lean: string,
  strategy: string,
): Promise<void> {
  await client.query(`create database "${lean}" template "${template}" ${strategy}`)
  const inside = new pg.Client({ connectionString: urlOfDatabase(url, lean) })
  await inside.connect()
  try {
    const { rows } = await inside.query<{ later: string | null }>(
      `select string_agg(inhrelid::regclass::text, ', ') as later from pg_inherits, timezone('UTC', now()) utc
       where inhparent = to_regclass('pgtrail.event')
         and inhrelid::regclass::text not in ('pgtrail.event_default', 'pgtrail.event_' || to_char(utc, 'YYYY_MM'),
           'pgtrail.event_' || to_char(utc + interval '1 month', 'YYYY_MM'))`,
    )
    if (rows[0]?.later != null) await inside.query(`drop table ${rows[0].later}`)
  } finally {
    await inside.end()
  }
  await client.query(`alter database "${lean}" with is_template true allow_connections false`)
}

/** With the real installer, so that every test runs on what users have. */
async function installInto(connectionString: string): Promise<void> {
  const entry = new URL("../src/data/index.ts", import.meta.url)
  if (!existsSync(entry)) return
  const { open } = await import("../src/data/index.js")
  const trail = await open({ connectionString, applicationName: "pgtrail test setup" })
  try {
    await trail.install()
  } finally {
    await trail.close()
  }
}
