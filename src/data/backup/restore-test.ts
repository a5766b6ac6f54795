// Restores a backup for a trial: into a server of its own that is thrown away, or an empty database that is empty again afterwards.
import { randomBytes } from "node:crypto"
import { lstat, readdir, rm } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { type ConnectionTarget, fixedTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Store, StoreContext } from "../store/store.js"
import type { VerifyReport } from "../verify/report.js"
import { verify } from "../verify/verify.js"
import { version } from "../version.js"
import { readBackupManifest } from "./open.js"
import { restoreFrom } from "./restore.js"
import { inEmpty } from "./restore-emptied.js"
import { silenceOf } from "./restore-options.js"
import { mark } from "./restore-room.js"
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
  /** As of a restore. */
  readonly silenceMs?: number | undefined
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
        : await inEmpty({ ...target, silenceMs: silenceOf(options) }, trial, () => work(target))
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
  into: ConnectionTarget,
  store: Store,
  name: string,
  trial: string,
  options: RestoreTestOptions,
): Promise<Omit<RestoreTest, "not_kept">> {
  const started = performance.now()
  const { identities, publicKeys, jobs, strict, stores, silenceMs, signal, progress } = options
  const done = await restoreFrom(into, store, name, {
    identities,
    jobs,
    stores,
    silenceMs,
    signal,
    progress,
    // The roles are the server's, and it is not this trial's.
    ...(options.target === undefined ? {} : { roles: false }),
    trial,
    verify: false,
  })
  const target = { ...fixedTarget(into), silenceMs: silenceOf(options) }
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
