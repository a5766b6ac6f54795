// Restores a backup for a trial: into a server of its own that is thrown away, or an empty database that is empty again afterwards.
import { randomBytes } from "node:crypto"
import { lstat, readdir, rm } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { lockTimeout } from "../migrate/up.js"
import type { Store, StoreContext } from "../store/store.js"
import type { VerifyReport } from "../verify/report.js"
import { verify } from "../verify/verify.js"
import { version } from "../version.js"
import { readBackupManifest } from "./open.js"
import { restoreFrom } from "./restore.js"
import { dropRoom, mark, room, withRestoreLock } from "./restore-room.js"
import { type BackupResult, writeResult } from "./results.js"

export interface RestoreTestOptions {
  /** An empty database to try it in; without it an embedded server, where the package is installed. */
  readonly target?: ConnectionTarget | undefined
  readonly identities?: readonly string[] | undefined
  readonly publicKeys?: readonly string[] | undefined
  readonly jobs?: number | undefined
  readonly strict?: boolean | undefined
  readonly stores?: StoreContext | undefined
  /** Without it what killed trials left stays. */
  readonly starter?: TrialStarter | undefined
  /** Keeps the result beside the backup: who ran it, and when. */
  readonly keep?: { readonly by: string; readonly at: string } | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface RestoreTest {
  readonly name: string
  readonly location: string
  /** `embedded`, or the name of the database. */
  readonly server: string
  readonly server_version: string
  readonly events: string
  readonly restore_seconds: string
  readonly seconds: string
  readonly report: VerifyReport
  /** Why the result does not lie beside the backup; null where it does, or was not to be kept. */
  readonly not_kept: string | null
}

/** Throws what a restore throws, and `embedded-missing` where there is no server to try it in. */
export async function restoreTest(
  store: Store,
  name: string,
  options: RestoreTestOptions = {},
): Promise<RestoreTest> {
  const { target } = options
  // By it the schema is known to be of this trial, and of no other restore or installation.
  const trial = `${mark}: a trial, ${randomBytes(12).toString("hex")}`
  const work = (into: ConnectionTarget) => tryIn(into, store, name, trial, options)
  try {
    const tried =
      target === undefined
        ? await inThrownAway(options.starter, work)
        : await inEmpty(target, trial, () => work(target))
    const { verdict, findings_total: findings } = tried.report
    const notKept = await keepResult(store, name, { verdict, findings, damaged: false }, options)
    return { ...tried, server: target === undefined ? "embedded" : tried.server, not_kept: notKept ?? null }
  } catch (error) {
    // A file that is not what its manifest says is what a trial is to find.
    const isDamaged = error instanceof TrailError && error.code === "broken"
    if (isDamaged) {
      // Of a manifest that is none nothing can be kept: a result names it by its sha256.
      await keepResult(store, name, { verdict: "tampered", findings: "1", damaged: true }, options).catch(
        () => undefined,
      )
    }
    throw error
  }
}

async function keepResult(
  store: Store,
  name: string,
  found: Pick<BackupResult, "verdict" | "findings" | "damaged">,
  { keep, signal }: RestoreTestOptions,
): Promise<string | undefined> {
  if (keep === undefined) return undefined
  const { sha256 } = await readBackupManifest(store, name, { signal })
  const result = {
    name,
    manifest: sha256,
    level: "restore-test",
    tool_version: version,
    ...found,
    ...keep,
  } as const
  return await writeResult(store, name, result)
}

async function tryIn(
  target: ConnectionTarget,
  store: Store,
  name: string,
  trial: string,
  options: RestoreTestOptions,
): Promise<Omit<RestoreTest, "not_kept">> {
  const started = performance.now()
  const { identities, publicKeys, jobs, strict, stores, signal, progress } = options
  const done = await restoreFrom(target, store, name, {
    identities,
    jobs,
    stores,
    signal,
    progress,
    // The roles are the server's, and it is not this trial's.
    ...(options.target === undefined ? {} : { roles: false }),
    trial,
    verify: false,
  })
  progress?.("verifying the restored log")
  const report = await verify(target, {
    record: false,
    ...(publicKeys === undefined ? {} : { publicKeys }),
    ...(strict === undefined ? {} : { strict }),
    ...(signal === undefined ? {} : { signal }),
    progress: (events) => progress?.(`${events} events of the restored log verified`),
  })
  const [server] = await withClient(target, async (client) => {
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version') as version",
    )
    return rows
  })
  return {
    name,
    location: store.location,
    server: done.database,
    server_version: server?.version ?? "",
    events: done.events,
    restore_seconds: done.seconds,
    seconds: ((performance.now() - started) / 1000).toFixed(1),
    report,
  }
}

async function inThrownAway<T>(
  starter: TrialStarter | undefined,
  work: (target: ConnectionTarget) => Promise<T>,
): Promise<T> {
  const { startEmbedded, stopEmbedded } = await import("../embedded/index.js")
  if (starter !== undefined) await takeAwayDead(starter)
  // Made by whoever starts the server: where that is root, another user has to get in.
  const dataDir = join(
    tmpdir(),
    `pgtrail-restore-test-${starter?.pid ?? 0}-${randomBytes(6).toString("hex")}`,
  )
  try {
    const { url } = await startEmbedded({ dataDir, fast: true })
    return await work({ connectionString: url, applicationName: "pgtrail" })
  } finally {
    await stopEmbedded({ dataDir }).catch(() => undefined)
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** The process that tries a backup: by its number the folder of a trial tells whose it is. */
export interface TrialStarter {
  readonly pid: number
  isAlive(pid: number): boolean
}

const ofTrial = /^pgtrail-restore-test-([1-9]\d{0,9})-[0-9a-f]{12}$/

/** Servers and folders of trials that were killed: a whole log stands in them. Only folders of this user, whom others cannot feign. */
async function takeAwayDead({ isAlive }: TrialStarter): Promise<void> {
  const { stopEmbedded } = await import("../embedded/index.js")
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = ofTrial.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const dataDir = join(tmpdir(), name)
    const found = await lstat(dataDir).catch(() => undefined)
    if (found?.isDirectory() !== true || found.uid !== userInfo().uid) continue
    await stopEmbedded({ dataDir }).catch(() => undefined)
    await rm(dataDir, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Nothing but what the trial makes may be in it, and nothing but that goes again. */
async function inEmpty<T>(target: ConnectionTarget, trial: string, work: () => Promise<T>): Promise<T> {
  await withClient(target, async (client) => {
    const { rows } = await client.query<{ database: string; relations: string }>(
      `select current_database() as database, count(*) as relations from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '${room}') and n.nspname !~ '^pg_(toast_)?temp_'`,
    )
    const { database = "", relations = "0" } = rows[0] ?? {}
    if (relations === "0") return
    throw new TrailError(
      "usage",
      `database ${database} is not empty: it has ${relations} tables and indexes`,
      {
        hint: "nothing was done; a backup is tried in an empty database, or without --url in an embedded server",
      },
    )
  })
  try {
    return await work()
  } finally {
    await withClient(target, (client) => takeAway(client, trial))
  }
}

/** What this trial has made appear gets a name that nobody else has, and goes; a room that is left goes unless another restore is at work. */
async function takeAway(client: Client, trial: string): Promise<void> {
  const name = `pgtrail_trial_${randomBytes(6).toString("hex")}`
  await client.query(
    `do $$ begin
       if obj_description(to_regnamespace('pgtrail'), 'pg_namespace') = ${literal(trial)} then
         alter schema pgtrail rename to ${name};
       end if;
     end $$`,
  )
  await dropRoom(client, name, lockTimeout({}))
  await withRestoreLock(client, () => dropRoom(client, room, lockTimeout({}))).catch((error: unknown) => {
    if (!(error instanceof TrailError) || error.code !== "busy") throw error
  })
}
