// Takes migrations back, the newest first, each in a transaction of its own that leaves the log as the version before had it.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { findVersion, readSql } from "../sql-files.js"
import { version } from "../version.js"
import { retried, withInstallLock } from "./lock.js"
import { downScript, joinScripts } from "./script.js"
import { fullName, notInstalled, refuseChanged, type SchemaState, schemaState } from "./state.js"
import { refuseTamperedNow } from "./steady.js"
import { type StepDown, stepsDown } from "./steps.js"
import { afterSteps, asOwner, lockTimeout } from "./up.js"

export interface DownOptions {
  /** How many migrations to take back. Default 1. */
  readonly steps?: number | undefined
  /** Number of the migration to go down to. */
  readonly to?: number | undefined
  /** The name of the database: needed where what a migration holds would be lost. */
  readonly confirm?: string | undefined
  /** How long to wait for another migration, and then for locks. Default 10 seconds. */
  readonly lockTimeoutMs?: number | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
}

export interface DownResult {
  /** Migrations that were taken back, the newest first, as `0003_access`. */
  readonly removed: readonly string[]
  readonly database: string
  /** Number of the newest migration that is left. */
  readonly level: number
}

/** Throws `usage` where something would be lost and that is not confirmed, or where there is no way down. */
export async function migrateDown(client: ClientBase, options: DownOptions = {}): Promise<DownResult> {
  const lockTimeoutMs = lockTimeout(options)
  // Of two runs at once the second must not go one migration further: both mean the one that is there now.
  const { level } = await schemaState(client)
  return withInstallLock(client, lockTimeoutMs, async () => {
    const database = await confirmedDatabase(client, options)
    const planned = await retried(client, lockTimeoutMs, async () => {
      const state = await readState(client)
      const steps = stepsDown(state, options, level)
      if (steps.length > 0) refuseUnknown(state)
      return { state, steps }
    })
    const { state, steps } = planned
    const run = (step: StepDown, ms: number) => takeBack(client, step, state, options, ms)
    const all = async (ms: number) => {
      for (const step of steps) await run(step, ms)
    }
    const removed: string[] = []
    try {
      // Of several, the last may be refused: then the first must not be gone.
      if (options.dryRun === true || steps.length > 1) await retried(client, lockTimeoutMs, all, "rollback")
      if (options.dryRun === true) removed.push(...steps.map((step) => fullName(step.migration)))
      else {
        for (const step of steps) {
          await retried(client, lockTimeoutMs, (ms) => run(step, ms))
          removed.push(fullName(step.migration))
        }
      }
    } catch (error) {
      throw afterSteps(client, unconfirmed(error, database, steps), removed, "is taken back")
    }
    return { removed, database, level: steps.at(-1)?.version.number ?? state.level }
  })
}

/** The SQL that `migrateDown` would run now, as one transaction; empty where there is nothing to take back. */
export async function downScripts(client: ClientBase, options: DownOptions = {}): Promise<string> {
  await client.query("begin read only")
  try {
    await confirmedDatabase(client, options)
    const state = await readState(client)
    const steps = stepsDown(state, options)
    if (steps.length > 0) refuseUnknown(state)
    const settings = { roles: state.roles, lockTimeoutMs: lockTimeout(options) }
    const scripts = steps.map((step) => downScript(step, options.confirm, settings))
    return joinScripts(scripts)
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

async function takeBack(
  client: ClientBase,
  step: StepDown,
  state: SchemaState,
  { confirm }: DownOptions,
  lockTimeoutMs: number,
): Promise<void> {
  await client.query(`reset role; set local lock_timeout = ${lockTimeoutMs}`)
  // The log's own functions are called on the way down.
  const shipped = await asOwner(client, state, () => refuseTamperedNow(client))
  if (shipped === undefined) throw unknownFunctions()
  await client.query(downScript(step, confirm, { roles: state.roles, lockTimeoutMs }))
}

async function confirmedDatabase(client: ClientBase, { confirm }: DownOptions): Promise<string> {
  const { rows } = await client.query<{ database: string }>("select current_database() as database")
  const database = rows[0]?.database ?? ""
  if (confirm === undefined || confirm === database) return database
  throw new TrailError("usage", `--confirm names database ${confirm}, and this is ${database}`, {
    hint: "nothing was changed; look where the connection URL leads: pgtrail status",
  })
}

/** The state of a log from which there is a way down: throws where there is none. In a transaction. */
async function readState(client: ClientBase): Promise<SchemaState> {
  await client.query(readSql("preflight.sql"))
  const state = await schemaState(client)
  refuseChanged(state)
  if (!state.installed) throw notInstalled()
  return state
}

/** What this pgtrail never knew it cannot compare, and so not take back. */
function refuseUnknown(state: SchemaState): void {
  const known = findVersion(
    (one) => one.codeChecksum === state.codeChecksum && one.catalogChecksum === state.catalogChecksum,
  )
  if (known === undefined) throw unknownFunctions()
}

const unknownFunctions = (): TrailError =>
  new TrailError(
    "config",
    `the log has functions that this pgtrail ${version} does not know: another version migrated it`,
    {
      hint: "nothing was changed; first pgtrail migrate up, or use the version that migrated it: pgtrail act list --kind migrate",
    },
  )

/** A down script refuses with 55000 and names --confirm in its hint: how it is typed is known only here. */
function unconfirmed(error: unknown, database: string, steps: readonly StepDown[]): unknown {
  // The views of a profile, or a DBA's own, read what would go. The server's hint, CASCADE, would take them along untold.
  if (error instanceof TrailError && error.sqlstate === "2BP01") {
    return new TrailError("config", "views outside the log read what would be taken back", {
      hint: "nothing was changed; of a profile: pgtrail profile list, then pgtrail profile remove NAME; what else depends on the log: pgtrail uninstall --dry-run",
      sqlstate: error.sqlstate,
      cause: error,
    })
  }
  const isAsked =
    error instanceof TrailError && error.sqlstate === "55000" && error.hint?.includes("--confirm") === true
  if (!isAsked) return error
  const to = steps.at(-1)?.version.number
  return new TrailError("usage", error.message, {
    hint: `nothing was lost; to lose it: pgtrail migrate down --to ${to} --confirm ${database}`,
    sqlstate: error.sqlstate,
    cause: error,
  })
}
