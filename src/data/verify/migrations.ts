// Which version of the schema a log has: whether this pgtrail can verify it, and whether its migrations are those that it ships.
import type { Client, ClientBase } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { fullName, notInstalled, schemaState } from "../migrate/state.js"
import type { Findings } from "./finding.js"

/** What verify reads is there from this migration on; what came later it reads where it is. */
const oldestVerified = 2

/** The migration that is pending, where a log can be verified without it. */
export async function checkMigrations(client: Client, findings: Findings): Promise<string | null> {
  const schema = await schemaState(client)
  if (!schema.installed) throw notInstalled()
  // One before the newest is not pending but missing: comparing the catalog finds it.
  const pending = schema.migrations.find(
    ({ number, state }) => state === "pending" && Number(number) > schema.level,
  )
  if (pending !== undefined && Number(pending.number) <= oldestVerified) {
    throw new TrailError(
      "pending-migration",
      `migration ${pending.number}_${pending.name} is pending: nothing was checked`,
      { hint: "pgtrail migrate up" },
    )
  }
  for (const { number, name, state } of schema.migrations) {
    if (state !== "changed") continue
    const message = `pgtrail.migration: ${number}_${name} has another checksum than the migration of this pgtrail`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
  }
  return pending === undefined ? null : fullName(pending)
}

/** seq of the act of the newest migration. */
export async function newestMigration(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ seq: string | null }>(
    "select max(seq) as seq from pgtrail.act where kind = 'migrate'",
  )
  return rows[0]?.seq ?? null
}

/**
 * Throws `retry` where a migration was committed after the snapshot of `client`: a snapshot does not hold the catalog still, so that
 * what was found may be the migration's work.
 */
export async function refuseMigrated(client: ClientBase, target: ConnectionTarget): Promise<void> {
  const before = await newestMigration(client)
  const now = await withClient(target, newestMigration)
  if (before === now) return
  throw new TrailError("retry", "the log was migrated while it was read", {
    hint: "nothing was changed by this run; run it again",
  })
}
