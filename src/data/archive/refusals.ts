// What work on archives is refused for before anything is read: an option, a right, a key.
import type { Client } from "pg"
import { wantsSignatures } from "../act/perform.js"
import { TrailError } from "../errors.js"
import { schemaState } from "../migrate/state.js"
import { unknown } from "../purge/refusals.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import type { ArchiveOptions } from "./options.js"

export function refuseUnfit(options: ArchiveOptions): void {
  const { due, partition, since, until, maxPartitions, maxSeconds, level } = options
  const isRange = since !== undefined || until !== undefined
  const ways = [due === true, partition !== undefined, isRange].filter(Boolean).length
  if (ways !== 1) {
    throw new TrailError(
      "usage",
      ways === 0
        ? "what is to be archived is not named"
        : "--due, --partition and a time from --since to --until contradict each other",
      { hint: "nothing was archived; give --due, or --partition NAME, or --since and --until" },
    )
  }
  for (const limit of [maxPartitions, maxSeconds]) {
    if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) continue
    throw new TrailError("usage", "a limit is at least 1", { hint: "nothing was archived" })
  }
  if (level !== undefined && !(Number.isInteger(level) && level >= 1 && level <= 9)) {
    throw new TrailError("usage", "the level of gzip is a number from 1 to 9", {
      hint: "nothing was archived",
    })
  }
}

export interface Wants {
  /** The function of the log that it calls. */
  readonly calls: string
  /** What was not done, in a few words. */
  readonly nothing: string
  readonly key: string | undefined
  /** Also to read events, as a role that writes them into files must. */
  readonly reads?: boolean
  /** Changes nothing. */
  readonly readOnly?: boolean
}

/** Throws `pending-migration`, `not-installed`, `privilege`, `read-only`, `config` without a key. */
export async function refuseUnable(client: Client, wants: Wants): Promise<void> {
  const { calls, nothing, key, reads = false, readOnly = false } = wants
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed ? `a migration is pending: ${nothing}` : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  await refuseForeignFunctions(client)
  const { rows } = await client.query<Record<"standby" | "may" | "reads", string | null>>(
    `select pg_is_in_recovery() as standby, has_table_privilege('pgtrail.event', 'select') as reads,
       (select bool_or(has_function_privilege(p.oid, 'execute')) from pg_proc p
        where p.pronamespace = to_regnamespace('pgtrail') and p.proname = $1) as may`,
    [calls],
  )
  const [able] = rows
  if (able?.may !== "t" || (reads && able.reads !== "t")) {
    const isOperator = able?.may === "t"
    throw new TrailError(
      "privilege",
      reads
        ? "this role may not archive: that takes an operator who may also read all events"
        : "this role may not work on archives: that takes an operator",
      {
        hint: isOperator
          ? `${nothing}; grant pgtrail_reader to the role of this connection: pgtrail grant reader ROLE`
          : `${nothing}; grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE`,
      },
    )
  }
  if (readOnly) return
  if (able.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: `${nothing}; connect to the primary`,
    })
  }
  if (key === undefined && (await wantsSignatures(client))) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: `${nothing}; run it again with --key file:PATH`,
    })
  }
}

export async function refuseUnknown(client: Client, organization: string): Promise<void> {
  const { rowCount } = await client.query(
    "select from pgtrail.chain_head h where h.organization_id = $1 limit 1",
    [organization],
  )
  if (rowCount === 0) throw await unknown(client, organization, "nothing was archived")
}
