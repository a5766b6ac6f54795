// Records a backup as an act, where the role and the server allow it.
import type { ClientBase } from "pg"
import { withTransaction } from "../connection.js"
import { toTrailError } from "../server-errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { version } from "../version.js"
import type { BackupManifest } from "./manifest.js"

export interface RecordedBackup {
  readonly act: string | null
  /** Why there is none. */
  readonly not_recorded: string | null
}

export interface BackupToRecord {
  readonly manifest: BackupManifest
  /** Of manifest.json, in hex. */
  readonly sha256: string
  readonly location: string
  /** Of all files as they lie there. */
  readonly bytes: bigint
}

/** The backup is whole; what cannot be recorded of it is told. */
export async function recordBackup(client: ClientBase, backup: BackupToRecord): Promise<RecordedBackup> {
  try {
    const { rows } = await client.query<{ standby: string; known: string; allowed: string | null }>(
      `select pg_is_in_recovery() as standby, p.oid is not null as known, has_function_privilege(p.oid, 'execute') as allowed
       from (select) one
       left join pg_proc p on p.pronamespace = to_regnamespace('pgtrail') and p.proname = 'record_backup'`,
    )
    if (rows[0]?.standby === "t") return { act: null, not_recorded: "this server is a standby" }
    if (rows[0]?.known !== "t") return { act: null, not_recorded: "the log is older: pgtrail migrate up" }
    if (rows[0].allowed !== "t")
      return { act: null, not_recorded: "this role may not record one: pgtrail grant operator ROLE" }
    return { act: await record(client, backup), not_recorded: null }
  } catch (error) {
    const known = toTrailError(error)
    return { act: null, not_recorded: known instanceof Error ? known.message : "unknown error" }
  }
}

function record(
  client: ClientBase,
  { manifest, sha256, location, bytes }: BackupToRecord,
): Promise<string | null> {
  const { name, started_at, tables, events, partition, organization, act } = manifest
  return withTransaction(
    client,
    "begin isolation level read committed; set local synchronous_commit = on",
    async () => {
      await refuseForeignFunctions(client)
      const { rows } = await client.query<{ seq: string }>(
        `select pgtrail.record_backup($1, $2, decode($3, 'hex'), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as seq`,
        [
          name,
          location,
          sha256,
          started_at,
          tables.length,
          events,
          String(bytes),
          tables.filter(({ taken_over }) => taken_over !== null).length,
          partition,
          organization,
          tables.some(({ file }) => file.age !== null),
          act?.seq ?? null,
          version,
        ],
      )
      return rows[0]?.seq ?? null
    },
  )
}
