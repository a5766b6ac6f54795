// Installs and migrates: each migration in a transaction of its own, or as SQL, so that psql gets the same database.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { lossOf } from "../interruption.js"
import { toTrailError } from "../server-errors.js"
import { migrations, readSql } from "../sql-files.js"
import { type PartitionInterval, refuseInterval } from "./interval.js"
import { retried, withInstallLock } from "./lock.js"
import { joinScripts, upScript } from "./script.js"
import { fullName, notInstalled, refuseChanged, type SchemaState, schemaState } from "./state.js"
import { refuseTamperedNow } from "./steady.js"
import { type StepUp, stepsUp } from "./steps.js"

export interface InstallOptions {
  /**
   * False makes the connected role own everything, for servers that give no CREATEROLE: the application must then connect as just
   * that role, and a grant to another is a finding of verify. Default true.
   */
  readonly roles?: boolean | undefined
  /** How long to wait for another installation, and then for locks. Default 10 seconds. */
  readonly lockTimeoutMs?: number | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
  /** Refuses to install where there is nothing to migrate. */
  readonly onlyInstalled?: boolean | undefined
  /** Number of the newest migration to apply. Default: all. */
  readonly to?: number | undefined
  /** How much time a partition has; chosen once, for a new log. Default: month. */
  readonly partitionInterval?: PartitionInterval | undefined
}

export interface InstallResult {
  /** Migrations, as `0001_log`. */
  readonly applied: readonly string[]
  /** Those that are left, after `to`. */
  readonly pending: readonly string[]
  /** False: nothing was pending. */
  readonly changed: boolean
  /** True: the log is new. */
  readonly installed: boolean
  readonly database: string
  /** Who owns the log with `roles: false`. */
  readonly user: string
}

export const defaultLockTimeoutMs = 10_000

/**
 * Installs or migrates; says which migrations it applied. Each migration is a transaction of its own, so that a run that is cut off
 * leaves a whole log; the next goes on. Safe when several run at once: the others wait, and find nothing to do.
 */
export async function install(client: ClientBase, options: InstallOptions = {}): Promise<InstallResult> {
  const lockTimeoutMs = lockTimeout(options)
  return withInstallLock(client, lockTimeoutMs, async () => {
    const run = options.dryRun === true ? dryRun : applyAll
    const { first, done } = await run(client, options, lockTimeoutMs)
    const applied = done.flatMap((step) => step.migrations.map(fullName))
    const pending = first.migrations.filter((m) => m.state === "pending").map(fullName)
    const where = await client.query<{ database: string; user: string }>(
      "select current_database() as database, session_user as user",
    )
    return {
      applied,
      pending: pending.filter((name) => !applied.includes(name)),
      changed: done.length > 0,
      installed: !first.installed,
      database: "",
      user: "",
      ...where.rows[0],
    }
  })
}

/** What the connected log needs: the script, after the same checks that `install` makes. Empty where nothing is pending. */
export async function pendingScript(client: ClientBase, options: InstallOptions = {}): Promise<string> {
  await client.query(
    `begin isolation level read committed read only; set local lock_timeout = ${lockTimeout(options)}`,
  )
  try {
    const state = await readState(client, options)
    const scripts = stepsUp(state, options.to).map((step, at) =>
      stepScript(step, state, at > 0, options, lockTimeout(options)),
    )
    return joinScripts(scripts)
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

interface Run {
  /** Before the first step. */
  readonly first: SchemaState
  readonly done: readonly StepUp[]
}

async function applyAll(client: ClientBase, options: InstallOptions, lockTimeoutMs: number): Promise<Run> {
  const done: StepUp[] = []
  let first: SchemaState | undefined
  try {
    for (;;) {
      const { state, step } = await retried(client, lockTimeoutMs, (ms) => applyNext(client, options, ms))
      first ??= state
      if (step === undefined) return { first, done }
      done.push(step)
    }
  } catch (error) {
    throw afterSteps(
      client,
      error,
      done.flatMap((step) => step.migrations.map(fullName)),
      "stays applied",
    )
  }
}

/** All steps in one transaction: each needs what the one before has made. */
async function dryRun(client: ClientBase, options: InstallOptions, lockTimeoutMs: number): Promise<Run> {
  return retried(
    client,
    lockTimeoutMs,
    async (ms) => {
      const done: StepUp[] = []
      let first: SchemaState | undefined
      for (;;) {
        const { state, step } = await applyNext(client, options, ms)
        first ??= state
        if (step === undefined) return { first, done }
        done.push(step)
      }
    },
    "rollback",
  )
}

/** In a transaction. Undefined where nothing is pending any more. */
async function applyNext(
  client: ClientBase,
  options: InstallOptions,
  attemptMs: number,
): Promise<{ state: SchemaState; step: StepUp | undefined }> {
  // A step before it, in a dry run, ended as the owner.
  await client.query(`reset role; set local lock_timeout = ${attemptMs}`)
  const state = await readState(client, options, true)
  const step = stepsUp(state, options.to)[0]
  if (step !== undefined) await client.query(stepScript(step, state, false, options, attemptMs))
  return { state, step }
}

function stepScript(
  step: StepUp,
  state: SchemaState,
  isLater: boolean,
  options: InstallOptions,
  lockTimeoutMs: number,
): string {
  const isNewest = step.version.number === migrations().at(-1)?.number
  const roles = state.installed ? state.roles : (options.roles ?? true)
  const { partitionInterval } = options
  return upScript(step, state.installed || isLater, isNewest, { roles, lockTimeoutMs, partitionInterval })
}

/** The state of a log that may be installed or migrated: throws where it may not. In a transaction. */
async function readState(
  client: ClientBase,
  options: InstallOptions,
  mayChange = false,
): Promise<SchemaState> {
  await client.query(readSql("preflight.sql"))
  const state = await schemaState(client)
  refuseChanged(state)
  if (options.onlyInstalled === true && !state.installed) throw notInstalled()
  await refuseInterval(client, state, options)
  if (!state.installed || stepsUp(state, options.to).length === 0) return state
  // Who may become the owner becomes it, or is told what is missing.
  if (state.roles && mayChange) await client.query(readSql("roles.sql"))
  await asOwner(client, state, () => refuseTamperedNow(client))
  return state
}

/** The owner reads what the migrating role perhaps may not. In a transaction. */
export async function asOwner<T>(client: ClientBase, state: SchemaState, work: () => Promise<T>): Promise<T> {
  if (state.roles) await client.query("set local role pgtrail_owner")
  const result = await work()
  if (state.roles) await client.query("reset role")
  return result
}

/** What a failure leaves: the steps before it are committed, so that not nothing was changed. */
export function afterSteps(
  client: ClientBase,
  cause: unknown,
  names: readonly string[],
  outcome: string,
): unknown {
  if (names.length === 0) return cause
  const known = toTrailError(cause)
  const isLost = known instanceof TrailError && known.code === "connection-lost"
  const error = isLost ? toTrailError(lossOf(client) ?? known) : known
  if (!(error instanceof TrailError)) return error
  return new TrailError("incomplete", `${names.join(", ")} ${outcome}; then: ${error.message}`, {
    hint: "the log is whole: pgtrail migrate status tells where it is; run it again to go on",
    sqlstate: error.sqlstate,
    cause: error,
  })
}

export const lockTimeout = ({ lockTimeoutMs }: { readonly lockTimeoutMs?: number | undefined }): number =>
  Math.max(1, Math.trunc(lockTimeoutMs ?? defaultLockTimeoutMs))
