// What a run of retention is refused for before anything is read: an option, a right, a key, a backup.
import type { Client } from "pg"
import { wantsSignatures } from "../act/perform.js"
import { TrailError } from "../errors.js"
import { schemaState } from "../migrate/state.js"
import { unknown } from "../purge/refusals.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { plural } from "../words.js"
import type { RetentionRunOptions } from "./run-options.js"

const nothing = "nothing was purged"

export function refuseUnfit(options: RetentionRunOptions): void {
  const { maxRows, maxSeconds, maxPartitions, batchSize } = options
  for (const limit of [maxRows, maxSeconds, maxPartitions, batchSize]) {
    if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) continue
    throw new TrailError("usage", "a limit is at least 1", { hint: nothing })
  }
}

const purge =
  "pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb)"

export async function refuseUnable(client: Client, options: RetentionRunOptions): Promise<void> {
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed ? `a migration is pending: ${nothing}` : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  await refuseForeignFunctions(client)
  const { rows } = await client.query<{ standby: string; may: string }>(
    `select pg_is_in_recovery() as standby,
       has_function_privilege($1, 'execute') and has_table_privilege('pgtrail.retention_run', 'insert') as may`,
    [purge],
  )
  if (rows[0]?.may !== "t") {
    throw new TrailError("privilege", "this role may not purge", {
      hint: `${nothing}; grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE`,
    })
  }
  if (options.organization !== undefined) await refuseUnknown(client, options.organization)
  if (options.requireBackupMs !== undefined) await refuseUnsaved(client, options.requireBackupMs)
  if (options.dryRun === true) return
  if (rows[0]?.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: `${nothing}; connect to the primary`,
    })
  }
  if (options.key === undefined && (await wantsSignatures(client))) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: `${nothing}; run it again with --key file:PATH`,
    })
  }
}

const noted: readonly string[] = ["pending-migration", "config", "not-found"]

/** Whoever reads the list of runs must see that last night's was refused; a row that this role cannot write is none. */
export async function noteRefused(
  client: Client,
  { dryRun }: RetentionRunOptions,
  error: unknown,
): Promise<void> {
  if (dryRun === true || !(error instanceof TrailError) || !noted.includes(error.code)) return
  await client
    .query(
      "insert into pgtrail.retention_run (ended_at, outcome, message) values (pg_catalog.clock_timestamp(), 'failed', $1)",
      [error.message],
    )
    .catch(() => undefined)
}

async function refuseUnknown(client: Client, organization: string): Promise<void> {
  const { rowCount } = await client.query(
    "select from pgtrail.chain_head h where h.organization_id = $1 limit 1",
    [organization],
  )
  if (rowCount === 0) throw await unknown(client, organization)
}

async function refuseUnsaved(client: Client, ageMs: number): Promise<void> {
  const { rows } = await client.query<{ newest: string | null; fresh: string | null; hours: string | null }>(
    `select max(a.recorded_at) as newest, max(a.recorded_at) > now() - $1 * interval '1 millisecond' as fresh,
       floor(extract(epoch from now() - max(a.recorded_at)) / 3600) as hours
     from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'backup'
       and a.parameters->>'partition' is null and a.parameters->>'organization' is null`,
    [ageMs],
  )
  const [backup] = rows
  if (backup?.fresh === "t") return
  const message =
    backup?.newest == null
      ? "no backup of the whole log is recorded in it"
      : `the newest backup of the whole log that is recorded is ${plural(backup.hours ?? "0", "hour")} old`
  throw new TrailError("not-found", message, {
    hint: `${nothing}; pgtrail backup create --to PLACE --incremental, as a role that may record it`,
  })
}
