// The last step of a restore: the log appears, with its code, triggers, roles and rights, in one transaction.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { retried } from "../migrate/lock.js"
import { INSTALL_LOCK, LOCK_SPACE, literal, recordMigrate, settings } from "../migrate/script.js"
import { storeCatalogSql } from "../migrate/store-catalog.js"
import { presentVersion } from "../sql-files.js"
import type { BackupToRestore } from "./restore-files.js"
import { type Opened, type Opening, openRestored } from "./restore-incarnation.js"
import { nothingRestored } from "./restore-options.js"
import { type Heads, type Standing, whatStands } from "./restore-replaced.js"
import { replacedRoom, room } from "./restore-room.js"

export interface Appearance {
  readonly backup: BackupToRestore
  readonly roles: boolean
  readonly lockTimeoutMs: number
  /** A log that was there when it was looked at, and may go. */
  readonly replaces: boolean
  readonly heads: Heads
  /** Null: no incarnation is opened. */
  readonly opening: Omit<Opening, "after"> | null
  /** Of the schema; undefined: that of every log. */
  readonly comment: string | undefined
}

export interface Appeared {
  readonly standing: Standing | null
  readonly opened: Opened | null
}

export function appear(client: Client, appearance: Appearance): Promise<Appeared> {
  const { backup, roles, lockTimeoutMs, heads, opening } = appearance
  return retried(client, lockTimeoutMs, async (ms) => {
    await client.query(
      `set local search_path = pg_catalog, pg_temp; set local check_function_bodies = off;
       set local client_min_messages = warning; set local synchronous_commit = on; set local lock_timeout = ${ms}`,
    )
    await client.query(`select pg_advisory_xact_lock(${LOCK_SPACE}, ${INSTALL_LOCK})`)
    await refuseLater(client, backup)
    const standing = await moveAway(client, appearance, heads)
    await client.query(`alter schema ${room} rename to pgtrail`)
    if (roles) await client.query("set local role pgtrail_owner")
    const comment = appearance.comment ?? "Tamper-evident audit trail"
    await client.query(`comment on schema pgtrail is ${literal(comment)}`)
    const after = standing?.incarnation ?? 0
    // The server counts on from here, and before the code is there nothing guards the row.
    if (opening?.checkpoint !== undefined) {
      await client.query("update pgtrail.log set incarnation = greatest(incarnation, $1)", [after])
    }
    await client.query(backup.version.code)
    if (roles) await client.query(backup.version.grants)
    await dress(client, backup, roles)
    if (await isOther(client, appearance)) {
      for (const sql of settings(backup.version, roles)) await client.query(sql)
      await client.query(storeCatalogSql(backup.version.catalog))
      await client.query(recordMigrate(backup.version, roles, { migrations: [] }))
    }
    const opened = opening === null ? null : await openRestored(client, backup, { ...opening, after })
    await client.query("reset role")
    return { standing, opened }
  })
}

/** The guards of an earlier level know an act of their own transaction by its time. */
async function refuseLater(client: Client, { name, version }: BackupToRestore): Promise<void> {
  if (version.number >= presentVersion().number) return
  const { rows } = await client.query<{ recorded: string; now: string }>(
    `select to_char(a.recorded_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as recorded, to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as now
     from ${room}.act a where a.recorded_at > clock_timestamp() order by a.recorded_at desc limit 1`,
  )
  const [later] = rows
  if (later === undefined) return
  throw new TrailError(
    "config",
    `${name} has an act of ${later.recorded}, and the clock of this server says ${later.now}: its guards would take old acts for new ones`,
    { hint: `${nothingRestored}; set the clock of this server, or wait until then` },
  )
}

/** The log that was there gets another name; it is dropped when the restored one is there. */
async function moveAway(
  client: Client,
  { backup, replaces }: Appearance,
  heads: Heads,
): Promise<Standing | null> {
  const { rows } = await client.query<{ there: string }>(
    "select to_regnamespace('pgtrail') is not null as there",
  )
  const isThere = rows[0]?.there === "t"
  if (isThere !== replaces) {
    const message = isThere ? "a log was installed meanwhile" : "the log was taken away meanwhile"
    throw new TrailError("retry", `${message}, in the database that the backup was to be restored into`, {
      hint: `${nothingRestored}; run it again`,
    })
  }
  if (!isThere) return null
  // Nobody appends from now on what would be lost untold.
  await client.query(`select pg_advisory_xact_lock(${LOCK_SPACE}, -1)`)
  await client.query("lock table pgtrail.event, pgtrail.act in access exclusive mode")
  const standing = await whatStands(client, backup, heads)
  await client.query(`alter schema pgtrail rename to ${replacedRoom}`)
  await client.query(
    `comment on schema ${replacedRoom} is 'pgtrail backup restore: the log that was replaced, to be dropped'`,
  )
  return standing
}

/** What statements of the code do not reach: rights on partitions, and the guards of what was detached. */
async function dress(client: Client, { tables }: BackupToRestore, roles: boolean): Promise<void> {
  const { rows } = await client.query<{ sql: string }>(
    `select concat_ws('; ',
       case when $3 then format('grant select on pgtrail.%I to pgtrail_reader, pgtrail_auditor', p.name) end,
       case when p.kind = 'detached' then format('%s; create trigger pgtrail_closed before insert on pgtrail.%I for each statement '
         'execute function pgtrail.guard(''INSERT attach'')', replace(g.definition, ' ON pgtrail.event FOR ', format(' ON pgtrail.%I FOR ', p.name)),
         p.name) end) as sql
     from unnest($1::text[], $2::text[]) p (name, kind),
       (select pg_get_triggerdef(t.oid) as definition from pg_trigger t
        where t.tgrelid = 'pgtrail.event'::regclass and t.tgname = 'pgtrail_guard') g`,
    [
      tables.flatMap(({ kind, name }) => (kind === "table" ? [] : [name])),
      tables.flatMap(({ kind }) => (kind === "table" ? [] : [kind])),
      roles,
    ],
  )
  const sql = rows.map((row) => row.sql).filter((one) => one !== "")
  if (sql.length > 0) await client.query(sql.join(";\n"))
}

/** Whether the code, the roles or the owner are not those that the backup's description of the catalog tells of. */
async function isOther(client: Client, { backup, roles }: Appearance): Promise<boolean> {
  const { version, settings: had } = backup
  if (had.get("code-checksum") !== version.codeChecksum) return true
  if (had.get("catalog-checksum") !== version.catalogChecksum) return true
  if ((had.get("roles") === "on") !== roles) return true
  const { rows } = await client.query<{ same: string }>(
    `select exists (select from pgtrail.catalog_object c
       where c.object = 'schema pgtrail' and split_part(c.definition, E'\\n', 1) = 'owner ' || r.rolname) as same
     from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = 'pgtrail'`,
  )
  return rows[0]?.same !== "t"
}
