// Takes the whole log away: what is lost is told before, and what can be kept of it on paper.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { migrations, readSql } from "../sql-files.js"
import { plural } from "../words.js"
import { retried, withInstallLock } from "./lock.js"
import { type LostLog, whatIsLost } from "./lost.js"
import { dropRoles, rolesLeft, type UninstalledRole } from "./roles.js"
import { notInstalled } from "./state.js"
import { lockTimeout } from "./up.js"

export type { UninstalledRole } from "./roles.js"

export interface UninstallOptions {
  /** The name of the database; needed unless `dryRun`. */
  readonly confirm?: string | undefined
  /** Says what would go, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** Leaves the roles of pgtrail on the server, also those that nothing else uses. */
  readonly keepRoles?: boolean | undefined
  /** How long to wait for an installation, and then for locks. Default 10 seconds. */
  readonly lockTimeoutMs?: number | undefined
  /** Locks that one transaction may take: of more partitions some are dropped before. Default: half of what the server has room for. */
  readonly mostLocks?: number | undefined
}

export interface UninstallResult {
  readonly database: string
  readonly lost: LostLog
  readonly roles: readonly UninstalledRole[]
}

export interface InstalledLog {
  readonly database: string
  readonly roles: boolean
}

/** Throws `usage` where `confirm` does not name the database. All or nothing, but for a log of more partitions than fit one transaction. */
export async function uninstall(
  client: ClientBase,
  options: UninstallOptions = {},
): Promise<UninstallResult> {
  const lockTimeoutMs = lockTimeout(options)
  return withInstallLock(client, lockTimeoutMs, async () => {
    const log = await installedLog(client)
    const { database } = log
    if (options.dryRun === true || options.confirm !== database) {
      const lost = await whatIsLost(client)
      if (options.dryRun !== true) throw unconfirmed(database, options.confirm, lost)
      const roles = log.roles && options.keepRoles !== true ? await rolesLeft(client) : []
      return { database, lost, roles }
    }
    const dropped = await dropFirst(client, log, options, lockTimeoutMs)
    try {
      return await retried(client, lockTimeoutMs, async (ms) => {
        await client.query(`set local lock_timeout = ${ms}`)
        const lost = await dropSchema(client, log)
        const roles = log.roles && options.keepRoles !== true ? await dropRoles(client) : []
        return { database, lost, roles }
      })
    } catch (error) {
      throw dropped === 0 ? error : halfway(error, dropped, database)
    }
  })
}

/** Reads as the connected role: everything else needs its rights too. Throws `config` while a profile is installed. */
export async function installedLog(client: ClientBase): Promise<InstalledLog> {
  await client.query(readSql("preflight.sql"))
  const { rows } = await client.query<{
    database: string
    there: string
    owner: string | null
    profile: string | null
    schema: string | null
  }>(
    `select current_database() as database, to_regclass('pgtrail.event') is not null and to_regclass('pgtrail.log') is not null as there,
       (select r.rolname from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'pgtrail') as owner,
       p.profile, p.schema
     from (values (1)) one
     left join (
       -- profile/sql.ts marks what it makes. Tables that a removed profile left are no reason to stay.
       select substr(d.description, length('pgtrail profile ') + 1) as profile, n.nspname::text as schema
       from pg_description d
       join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid and d.objsubid = 0 and c.relkind = 'v'
       join pg_namespace n on n.oid = c.relnamespace
       where d.description like 'pgtrail profile %'
       order by 1, 2 limit 1) p on true`,
  )
  const [row] = rows
  if (row?.there !== "t") throw notInstalled()
  if (row.profile !== null) {
    throw new TrailError(
      "config",
      `profile ${row.profile} is installed in schema ${row.schema}, and its application writes here`,
      {
        hint: `nothing was changed; first: pgtrail profile remove ${row.profile} --schema ${row.schema}`,
      },
    )
  }
  return { database: row.database, roles: row.owner === "pgtrail_owner" }
}

/** In a transaction. The connected role is there again after it. */
async function dropSchema(client: ClientBase, { roles, database }: InstalledLog): Promise<LostLog> {
  if (roles) await client.query("set local role pgtrail_owner")
  await client.query("select set_config('pgtrail.confirmed', $1, true)", [database])
  // What is appended from now on would be lost untold.
  await client.query("lock table pgtrail.event, pgtrail.act in access exclusive mode")
  const lost = await whatIsLost(client)
  await client.query(migrations()[0]?.down ?? "")
  if (roles) await client.query("reset role")
  return lost
}

/** Each table, index and TOAST table that goes is a lock until the transaction ends: partitions that are too many go in portions before. */
async function dropFirst(
  client: ClientBase,
  { roles }: InstalledLog,
  options: UninstallOptions,
  lockTimeoutMs: number,
): Promise<number> {
  const { rows } = await client.query<{ locks: string; room: string; partitions: string }>(
    `select (select count(*) from pg_class c where c.relnamespace = 'pgtrail'::regnamespace)
         + 2 * (select count(*) from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.reltoastrelid <> 0) as locks,
       current_setting('max_locks_per_transaction')::int
         * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) / 2 as room,
       (select count(*) from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass) as partitions`,
  )
  const { locks = "0", room = "0", partitions = "1" } = rows[0] ?? {}
  const most = options.mostLocks ?? Number(room)
  if (Number(locks) <= most) return 0
  const portion = Math.max(1, Math.floor((most * Number(partitions)) / Number(locks) / 2))
  let dropped = 0
  for (;;) {
    const names = await retried(client, lockTimeoutMs, async (ms) => {
      await client.query(`set local lock_timeout = ${ms}`)
      if (roles) await client.query("set local role pgtrail_owner")
      const some = await client.query<{ name: string }>(
        `select i.inhrelid::regclass::text as name from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass order by 1 limit ${portion}`,
      )
      if (some.rows.length > 0) {
        await client.query(`drop table ${some.rows.map((row) => row.name).join(", ")} cascade`)
      }
      return some.rows
    })
    if (names.length === 0) return dropped
    dropped += names.length
  }
}

function halfway(error: unknown, dropped: number, database: string): unknown {
  if (!(error instanceof TrailError)) return error
  return new TrailError(
    "incomplete",
    `${plural(dropped, "partition")} dropped, their events lost, the rest of the log is there; then: ${error.message}`,
    {
      hint: `to take the rest away: pgtrail uninstall --confirm ${database}`,
      sqlstate: error.sqlstate,
      cause: error,
    },
  )
}

function unconfirmed(database: string, confirm: string | undefined, lost: LostLog): TrailError {
  const amount = `${plural(lost.events, "event")} of ${plural(lost.organizations, "organization")}, and ${plural(lost.acts, "act")}`
  if (confirm !== undefined) {
    return new TrailError("usage", `--confirm names database ${confirm}, and this is ${database}`, {
      hint: `nothing was changed; the log in ${database} has ${amount}: look where the connection URL leads`,
    })
  }
  return new TrailError("usage", `this would destroy the log in database ${database}: ${amount}`, {
    hint: `nothing was changed; make a backup, then: pgtrail uninstall --confirm ${database}`,
  })
}
