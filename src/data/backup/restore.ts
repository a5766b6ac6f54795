// Restores a backup as a log, which appears whole or not at all; or into a schema of its own, beside whatever log there is.
import type { Client } from "pg"
import { type Checkpoint, openCheckpoint } from "../checkpoint/anchor.js"
import { readKeyFiles } from "../checkpoint/keys.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { whileWatched } from "../connection/watch.js"
import { type ConnectionTarget, fixedTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { lockTimeout } from "../migrate/up.js"
import type { Store } from "../store/store.js"
import { locateBackup } from "./locate.js"
import { appear } from "./restore-appear.js"
import { attachPartitions } from "./restore-attach.js"
import { type Database, readDatabase } from "./restore-database.js"
import { type BackupToRestore, openBackup } from "./restore-files.js"
import { detachedBeside, follow, grantedRoles, nextSteps } from "./restore-follow.js"
import type { Opened } from "./restore-incarnation.js"
import { keepingReplaced, type Settled, settleReplaced } from "./restore-kept.js"
import { type Loaded, loadTables } from "./restore-load.js"
import {
  type GrantedRole,
  leaving,
  nothingRestored,
  type ReplacedLog,
  type RestoreBackupOptions,
  type RestoredBackup,
  saying,
  silenceOf,
  stoppedOr,
} from "./restore-options.js"
import { backupHeads, type Heads } from "./restore-replaced.js"
import { dropRoom, makeRoom, replacedRoom, room, withRestoreLock } from "./restore-room.js"
import { refuseUnfit } from "./restore-unfit.js"

export type { RestoreBackupOptions, RestoredBackup } from "./restore-options.js"

interface Job {
  readonly target: ConnectionTarget
  readonly backup: BackupToRestore
  readonly heads: Heads
  readonly options: RestoreBackupOptions
  readonly roles: boolean
  readonly lockTimeoutMs: number
  readonly key: SigningKey | undefined
  readonly checkpoint: { readonly read: Checkpoint; readonly path: string } | undefined
}

interface Done {
  readonly database: string
  readonly replaced: ReplacedLog | null
  readonly opened: Opened | null
  readonly grants: readonly GrantedRole[]
  readonly events: bigint
  readonly bytes: bigint
  readonly loadSeconds: number
  readonly warnings: readonly string[]
}

/** `location` as readLocation gives it: of a place the newest good backup there. */
export async function restoreBackup(
  target: ConnectionTarget,
  location: string,
  options: RestoreBackupOptions = {},
): Promise<RestoredBackup> {
  const { store, name } = await locateBackup(location, options.stores ?? {}, { nothing: nothingRestored })
  try {
    return await restoreFrom(target, store, name, options)
  } finally {
    await store.close()
  }
}

/**
 * `name` as locateBackup tells it. Throws `broken` where a file is not what its manifest says, `usage` where a log is there and that it goes is
 * not confirmed, `busy`, `privilege`, `config`, `newer-schema`, `disk-full`: nothing is restored then.
 */
export async function restoreFrom(
  target: ConnectionTarget,
  store: Store,
  name: string,
  options: RestoreBackupOptions = {},
): Promise<RestoredBackup> {
  const started = performance.now()
  const ended = (error: unknown): never => saying(stoppedOr(error, options.signal))
  const job = await prepare(target, store, name, options).catch(ended)
  const done = await withClient(target, (client) =>
    whileWatched(client, target, silenceOf(options), () =>
      options.dryRun === true ? tell(client, job) : withRestoreLock(client, () => restore(client, job)),
    ),
  ).catch(ended)
  const { manifest } = job.backup
  const isLog = options.schema === undefined && options.dryRun !== true
  const watched = { ...fixedTarget(target), silenceMs: silenceOf(options) }
  const replacing = isLog && done.replaced !== null
  const settle = (isGood: boolean | undefined): Promise<Settled> | undefined =>
    replacing ? settleReplaced(watched, isGood, job.lockTimeoutMs) : undefined
  const { reapplied, verification } = isLog
    ? await follow(watched, manifest.level, options).catch(async (error: unknown) => {
        throw keepingReplaced(error, await settle(options.signal?.aborted === true ? undefined : false))
      })
    : { reapplied: null, verification: null }
  // What nobody has verified may be worth less than what was there.
  const settled = await settle(verification === null ? undefined : verification.verdict === "intact")
  const { tables } = job.backup
  const report = {
    name,
    location: store.location,
    database: done.database,
    dry_run: options.dryRun === true,
    log_id: manifest.log_id,
    backup_of: manifest.started_at.replace(/\+00:00$/, "Z"),
    level: manifest.level,
    roles: job.roles,
    schema_name: options.schema ?? null,
    tables: String(tables.filter(({ kind }) => kind === "table").length),
    partitions: String(tables.filter(({ kind }) => kind !== "table").length),
    events: String(done.events),
    bytes: String(done.bytes),
    load_seconds: done.loadSeconds.toFixed(1),
    seconds: ((performance.now() - started) / 1000).toFixed(1),
    replaced: done.replaced && { ...done.replaced, kept_as: settled?.keptAs ?? null },
    incarnation: done.opened,
    grants: done.grants,
    beside: options.schema === undefined ? (manifest.beside ?? null) : null,
    reapplied,
    verification,
  }
  return { ...report, ...nextSteps(report, [...done.warnings, ...(settled?.warnings ?? [])], options) }
}

async function prepare(
  target: ConnectionTarget,
  store: Store,
  name: string,
  options: RestoreBackupOptions,
): Promise<Job> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  const backup = await openBackup(store, name, options)
  const isLog = options.schema === undefined
  if (
    isLog &&
    options.trial === undefined &&
    key === undefined &&
    backup.settings.get("require-signed-acts") === "on"
  ) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: `${nothingRestored}; run it again with --key file:PATH`,
    })
  }
  const heads = await backupHeads(backup, options)
  await refuseUnfit(backup, heads, options)
  const checkpoint = await readCheckpoint(backup, options)
  const roles = isLog && backup.manifest.has_roles && options.roles !== false
  return { target, backup, heads, options, roles, lockTimeoutMs: lockTimeout(options), key, checkpoint }
}

async function readCheckpoint(
  { manifest }: BackupToRestore,
  { checkpoint: path, publicKeys = [] }: RestoreBackupOptions,
): Promise<Job["checkpoint"]> {
  if (path === undefined) return undefined
  const read = await openCheckpoint(path, await readKeyFiles(publicKeys))
  if (manifest.log_ids.includes(read.logId)) return { read, path }
  throw new TrailError("other-log", `the ${read.name} is of another log, ${read.logId}`, {
    hint: `${nothingRestored}; ${manifest.name} is of log ${manifest.log_id}`,
  })
}

/** A dry run. */
async function tell(client: Client, { backup, heads, options }: Job): Promise<Done> {
  const { name, standing } = await readDatabase(client, backup, heads, options)
  const replaced = standing?.log ?? null
  return { ...none, ...sumOf(backup.tables), database: name, replaced }
}

const none = { opened: null, grants: [], loadSeconds: 0, replaced: null, warnings: [] } as const

/** What the manifest says that would be loaded; how much of it was chosen nobody knows before it is read. */
const sumOf = (tables: BackupToRestore["tables"]): Loaded => ({
  events: tables.reduce((sum, { kind, rows }) => sum + (kind === "table" ? 0n : BigInt(rows)), 0n),
  bytes: tables.reduce((sum, { file }) => sum + BigInt(file.text.bytes), 0n),
})

async function restore(client: Client, job: Job): Promise<Done> {
  const { backup, heads, options, lockTimeoutMs, roles } = job
  const database = await readDatabase(client, backup, heads, options)
  for (const left of [room, replacedRoom]) await dropRoom(client, left, lockTimeoutMs)
  let isLoading = true
  try {
    options.progress?.("making the tables")
    await makeRoom(client, backup, { roles, lockTimeoutMs })
    const started = performance.now()
    const loaded = await loadTables(job)
    const loadSeconds = (performance.now() - started) / 1000
    const done = { ...none, ...loaded, database: database.name, loadSeconds }
    options.signal?.throwIfAborted()
    options.progress?.("attaching the partitions")
    await attachPartitions(client, backup, { roles, lockTimeoutMs })
    options.signal?.throwIfAborted()
    isLoading = false
    if (options.schema !== undefined) {
      await appearBeside(client, job, options.schema)
      return { ...done, warnings: detachedBeside(backup, options.schema) }
    }
    return { ...done, ...(await appearAsLog(client, job, database)) }
  } catch (error) {
    const failed = isLoading ? stoppedOr(error, options.signal, true) : error
    await dropRoom(client, room, lockTimeoutMs).catch((why: unknown) => {
      throw leaving(failed, room, why)
    })
    throw failed
  }
}

async function appearBeside(client: Client, { backup }: Job, schema: string): Promise<void> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('alter schema ${room} rename to %1$I; comment on schema %1$I is %2$L', $1::text, $2::text) as sql`,
    [schema, `From ${backup.name}: a copy to look at, of which pgtrail knows nothing`],
  )
  await client.query(`begin; ${rows[0]?.sql ?? ""}; commit`)
}

async function appearAsLog(
  client: Client,
  { backup, heads, options, roles, lockTimeoutMs, key, checkpoint }: Job,
  database: Database,
): Promise<Pick<Done, "replaced" | "opened" | "grants" | "warnings">> {
  options.progress?.("making the log appear")
  const opening =
    options.trial !== undefined ? null : { reason: options.reason ?? "restore", checkpoint, key }
  const { standing, opened } = await appear(client, {
    backup,
    roles,
    lockTimeoutMs,
    replaces: database.standing !== null,
    heads,
    opening,
    comment: options.trial,
  })
  // From here on the log is there: what fails now undoes nothing.
  const grants = roles ? await grantedRoles(client).catch(() => []) : []
  return { replaced: standing?.log ?? null, opened, grants, warnings: [] }
}
