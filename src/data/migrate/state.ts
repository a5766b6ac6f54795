// What is installed in a database, and what of this version is pending.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { type Migration, migrations, presentVersion } from "../sql-files.js"
import { version } from "../version.js"

export type MigrationState = "applied" | "pending" | "changed" | "newer"

export interface MigrationStatus {
  readonly number: string
  readonly name: string
  readonly state: MigrationState
  readonly applied_at: string | null
  readonly applied_by: string | null
  readonly duration_ms: string | null
  readonly tool_version: string | null
}

export interface SchemaState {
  readonly installed: boolean
  readonly roles: boolean
  /** Number of the newest migration that is applied; 0 where pgtrail is not installed. */
  readonly level: number
  readonly migrations: readonly MigrationStatus[]
  /** Whether the functions and triggers are those of this version of the tool. */
  readonly codeCurrent: boolean
  /** Of the functions, triggers and grants that are installed. */
  readonly codeChecksum: string | null
  /** Of the text that described the catalog. */
  readonly catalogChecksum: string | null
}

interface AppliedRow {
  readonly number: string
  readonly name: string
  readonly checksum: string
  readonly applied_at: string
  readonly applied_by: string
  readonly duration_ms: string
  readonly tool_version: string
}

/** What is installed and what is pending. Throws `newer-schema` for a log that a later pgtrail has migrated. */
export async function schemaState(client: ClientBase): Promise<SchemaState> {
  const known = migrations()
  const found = await client.query<{ oid: string | null }>(
    "select pg_catalog.to_regclass('pgtrail.migration') as oid",
  )
  if (found.rows[0]?.oid == null) return notThere(known)
  const { rows } = await client.query<AppliedRow>("select * from pgtrail.migration order by number")
  const applied = new Map(rows.map((row) => [Number.parseInt(row.number, 10), row]))
  const newest = Math.max(...known.map((m) => m.number))
  const newer = rows.filter((row) => Number.parseInt(row.number, 10) > newest)
  if (newer.length > 0) {
    throw new TrailError(
      "newer-schema",
      `the log has migration ${newer.at(-1)?.number} ${newer.at(-1)?.name}, and this pgtrail ${version} knows only up to ${newest}`,
      { hint: `nothing was changed; upgrade the tool to ${newer.at(-1)?.tool_version} or later` },
    )
  }
  const settings = await client.query<{ name: string; value: string }>(
    "select name, value from pgtrail.setting",
  )
  const setting = new Map(settings.rows.map((row) => [row.name, row.value]))
  const present = presentVersion()
  const codeChecksum = setting.get("code-checksum") ?? null
  const catalogChecksum = setting.get("catalog-checksum") ?? null
  return {
    installed: true,
    roles: setting.get("roles") === "on",
    level: Math.max(0, ...applied.keys()),
    codeCurrent: codeChecksum === present.codeChecksum && catalogChecksum === present.catalogChecksum,
    codeChecksum,
    catalogChecksum,
    migrations: known.map((m) => status(m, applied.get(m.number))),
  }
}

function notThere(known: readonly Migration[]): SchemaState {
  return {
    installed: false,
    roles: false,
    level: 0,
    codeCurrent: false,
    codeChecksum: null,
    catalogChecksum: null,
    migrations: known.map((m) => status(m, undefined)),
  }
}

function status(migration: Migration, row: AppliedRow | undefined): MigrationStatus {
  return {
    number: String(migration.number).padStart(4, "0"),
    name: migration.name,
    state: row === undefined ? "pending" : row.checksum === migration.checksum ? "applied" : "changed",
    applied_at: row?.applied_at ?? null,
    applied_by: row?.applied_by ?? null,
    duration_ms: row?.duration_ms ?? null,
    tool_version: row?.tool_version ?? null,
  }
}

/** As people call a migration: `0001_log`. */
export const fullName = ({ number, name }: { readonly number: number | string; readonly name: string }) =>
  `${String(number).padStart(4, "0")}_${name}`

/** Whether `install` or `migrate up` would change anything. */
export function isPending(state: SchemaState): boolean {
  return !state.codeCurrent || state.migrations.some((m) => m.state === "pending")
}

/** Throws where nobody knows what this log's tables are like: another text was applied, or one in the middle is missing. */
export function refuseChanged(state: SchemaState): void {
  const changed = state.migrations.find((m) => m.state === "changed")
  const hint =
    "nothing was changed; use the pgtrail that installed the log: pgtrail migrate status tells its version"
  if (changed !== undefined) {
    const message = `migration ${fullName(changed)} was applied from another text than this pgtrail ${version} has`
    throw new TrailError("config", message, { hint })
  }
  const skipped = state.migrations.find((m) => m.state === "pending" && Number(m.number) < state.level)
  if (skipped === undefined) return
  const newest = state.migrations.find((m) => Number(m.number) === state.level)
  const message = `migration ${fullName(skipped)} is not in pgtrail.migration, and ${newest === undefined ? "a later one" : fullName(newest)} is`
  throw new TrailError("config", message, {
    hint: "nothing was changed; find out who removed the row: pgtrail verify",
  })
}

export function notInstalled(): TrailError {
  return new TrailError("not-installed", "pgtrail is not installed in this database", {
    hint: "pgtrail install",
  })
}
