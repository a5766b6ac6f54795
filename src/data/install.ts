// Installs and migrates the schema: builds one SQL script, and runs it or hands it out, so that psql gets the same database.
import type { ClientBase } from "pg"
import { TrailError } from "./errors.js"
import { code, type Migration, migrations, readSql } from "./sql-files.js"
import { catalogChecksum, refuseTampered, storeCatalogSql } from "./verify/catalog.js"
import { version } from "./version.js"

/** First key of every advisory lock of pgtrail: the bytes "pgtr". sql/functions use the same number. */
export const LOCK_SPACE = 1885828210
const INSTALL_LOCK = -2

export interface InstallOptions {
  /**
   * False makes the connected role own everything, for servers that give no CREATEROLE: the application must then connect as just
   * that role, and a grant to another is a finding of verify. Default true.
   */
  readonly roles?: boolean | undefined
  /** How long to wait for another installation and for locks. Default 10 seconds. */
  readonly lockTimeoutMs?: number | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
  /** Refuses to install where there is nothing to migrate. */
  readonly onlyInstalled?: boolean | undefined
}

export interface InstallResult {
  /** Migrations, as `0001_log`. */
  readonly applied: readonly string[]
  /** False: nothing was pending. */
  readonly changed: boolean
  /** True: the log is new. */
  readonly installed: boolean
  readonly database: string
  /** Who owns the log with `roles: false`. */
  readonly user: string
}

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
  readonly migrations: readonly MigrationStatus[]
  /** Whether the functions and triggers are those of this version of the tool. */
  readonly codeCurrent: boolean
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
  if (found.rows[0]?.oid == null) {
    const pending = known.map((m) => status(m, undefined))
    return { installed: false, roles: false, codeCurrent: false, migrations: pending }
  }
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
  return {
    installed: true,
    roles: setting.get("roles") === "on",
    codeCurrent:
      setting.get("code-checksum") === code().checksum &&
      setting.get("catalog-checksum") === catalogChecksum(),
    migrations: known.map((m) => status(m, applied.get(m.number))),
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

/** Whether `install` or `migrate up` would change anything. */
export function isPending(state: SchemaState): boolean {
  return !state.codeCurrent || state.migrations.some((m) => m.state === "pending")
}

/** Throws where a migration was applied from another text: nobody knows what this log's tables are like then. */
function refuseChanged(state: SchemaState): void {
  const changed = state.migrations.find((m) => m.state === "changed")
  if (changed === undefined) return
  throw new TrailError(
    "config",
    `migration ${changed.number}_${changed.name} was applied from another text than this pgtrail ${version} has`,
    {
      hint: "nothing was changed; use the pgtrail that installed the log: pgtrail migrate status tells its version",
    },
  )
}

/**
 * The SQL that brings a log in `state` to this version: no placeholders, no backslash commands, one transaction to be put around it.
 * Running it twice fails at once and changes nothing.
 */
export function installScript(state: SchemaState, options: InstallOptions = {}): string {
  refuseChanged(state)
  const roles = state.installed ? state.roles : (options.roles ?? true)
  const pending = migrations().filter((m) =>
    state.migrations.some((s) => s.state === "pending" && Number(s.number) === m.number),
  )
  const present = code()
  const names = pending.map((m) => literal(fileName(m.number, m.name)))
  const parts = [
    `-- pgtrail ${version}: run in one transaction, as psql -X -1 -v ON_ERROR_STOP=1 does`,
    "set local search_path = pg_catalog, pg_temp;",
    "set local check_function_bodies = off;",
    "set local client_min_messages = warning;",
    `set local lock_timeout = ${lockTimeout(options)};`,
    readSql("preflight.sql"),
    `select pg_advisory_xact_lock(${LOCK_SPACE}, ${INSTALL_LOCK});`,
    roles && !state.installed ? readSql("roles.sql") : "",
    state.installed
      ? ""
      : roles
        ? "create schema pgtrail authorization pgtrail_owner;"
        : "create schema pgtrail;",
    roles ? "set local role pgtrail_owner;" : "",
    state.installed ? "" : "comment on schema pgtrail is 'Tamper-evident audit trail';",
    ...pending.flatMap((m) => [START, m.sql, recordMigration(m)]),
    setting("roles", roles ? "on" : "off"),
    setting("code-checksum", present.checksum),
    setting("catalog-checksum", catalogChecksum()),
    present.sql,
    roles ? readSql("grants.sql") : "",
    state.installed ? "" : readSql("partitions.sql"),
    storeCatalogSql(),
    `select pgtrail.record_act('migrate',
    jsonb_build_object('tool_version', ${literal(version)}, 'roles', ${literal(roles ? "on" : "off")}, 'code_checksum', ${literal(present.checksum)},
        'catalog_checksum', ${literal(catalogChecksum())}, 'migrations', jsonb_build_array(${names.join(", ")})),
    (select sha256(convert_to(string_agg(object || E'\\n' || definition || E'\\n', '' order by object), 'UTF8'))
        from pgtrail.catalog_object));`,
  ]
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const fileName = (number: number, name: string): string => `${String(number).padStart(4, "0")}_${name}`
const lockTimeout = (options: InstallOptions): number =>
  Math.max(1, Math.trunc(options.lockTimeoutMs ?? 10_000))

/** psql runs each statement by itself and node-postgres the whole script at once: only a clock read here measures both. */
const START =
  "do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;"

function recordMigration(m: Migration): string {
  return `insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (${m.number}, ${literal(m.name)}, ${literal(m.checksum)},
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    ${literal(version)});`
}

function setting(name: string, value: string): string {
  return `insert into pgtrail.setting values (${literal(name)}, ${literal(value)})
on conflict (name) do update set value = excluded.value;`
}

/** What the connected log needs: the script, after the same checks that `install` makes. Empty where nothing is pending. */
export async function pendingScript(client: ClientBase, options: InstallOptions = {}): Promise<string> {
  await client.query("begin read only")
  try {
    const state = await readState(client, options)
    return isPending(state) ? installScript(state, options) : ""
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

/** The state of a log that may be installed or migrated: throws where it may not. In a transaction. */
async function readState(client: ClientBase, options: InstallOptions): Promise<SchemaState> {
  await client.query(readSql("preflight.sql"))
  const state = await schemaState(client)
  refuseChanged(state)
  if (options.onlyInstalled === true && !state.installed) throw notInstalled()
  if (!state.installed || !isPending(state)) return state
  // The owner reads what the installing role perhaps may not.
  if (state.roles) await client.query("set local role pgtrail_owner")
  await refuseTampered(client)
  if (state.roles) await client.query("reset role")
  return state
}

/** Installs or migrates; says which migrations it applied. Safe when several run at once: the others wait, and find nothing to do. */
export async function install(client: ClientBase, options: InstallOptions = {}): Promise<InstallResult> {
  // Whoever waited for the lock must see what the other installed, whatever the server's default isolation is.
  await client.query("begin isolation level read committed")
  try {
    await client.query(`set local lock_timeout = ${lockTimeout(options)}`)
    await client.query("select pg_advisory_xact_lock($1, $2)", [LOCK_SPACE, INSTALL_LOCK])
    const state = await readState(client, options)
    const changed = isPending(state)
    if (changed) await client.query(installScript(state, options))
    await client.query(options.dryRun === true ? "rollback" : "commit")
    const applied = state.migrations.filter((m) => m.state === "pending").map((m) => `${m.number}_${m.name}`)
    const where = await client.query<{ database: string; user: string }>(
      "select current_database() as database, session_user as user",
    )
    return { applied, changed, installed: !state.installed, database: "", user: "", ...where.rows[0] }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

export function notInstalled(): TrailError {
  return new TrailError("not-installed", "pgtrail is not installed in this database", {
    hint: "pgtrail install",
  })
}
