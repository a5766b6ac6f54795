// The schema that a restore works in until the log appears: made, filled, and taken away again where that fails.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { retried } from "../migrate/lock.js"
import { INSTALL_LOCK, LOCK_SPACE } from "../migrate/script.js"
import { migrations, readSql } from "../sql-files.js"
import { type BackupToRestore, broken } from "./restore-files.js"
import { nothingRestored } from "./restore-options.js"

/** Until the end everything stands in `room`; a log that is replaced stands in `replaced` until it is dropped. */
export const room = "pgtrail_restore"
export const replacedRoom = "pgtrail_replaced"
/** How their comments begin: by them a schema that was left is known to be a restore's. */
export const mark = "pgtrail backup restore"

export const RESTORE_LOCK = -9

/** Throws `busy` where another restore is at work in this database. */
export async function withRestoreLock<T>(client: Client, work: () => Promise<T>): Promise<T> {
  // The connection waits while others load.
  const { rows } = await client.query<{ got: string }>(
    `select set_config('idle_session_timeout', '0', false), pg_try_advisory_lock(${LOCK_SPACE}, ${RESTORE_LOCK}) as got`,
  )
  if (rows[0]?.got !== "t") {
    throw new TrailError("busy", "another restore is at work in this database", {
      hint: `${nothingRestored}; the session of one that was killed soon ends: run it again then`,
    })
  }
  try {
    return await work()
  } finally {
    await client
      .query(`select pg_advisory_unlock(${LOCK_SPACE}, ${RESTORE_LOCK}); reset idle_session_timeout`)
      .catch(() => undefined)
  }
}

export interface RoomOptions {
  /** Whether pgtrail_owner is to own it. */
  readonly roles: boolean
  readonly lockTimeoutMs: number
}

const portion = 25

/** Of an earlier restore that was killed; of this one, where it failed. A schema of anybody else is refused. */
export async function dropRoom(client: Client, name: string, lockTimeoutMs: number): Promise<boolean> {
  const { rows } = await client.query<{ comment: string | null }>(
    "select obj_description(n.oid, 'pg_namespace') as comment from pg_namespace n where n.nspname = $1",
    [name],
  )
  const [found] = rows
  if (found === undefined) return false
  if (found.comment?.startsWith(mark) !== true) {
    throw new TrailError("exists", `there is a schema ${name} that no restore has left`, {
      hint: `${nothingRestored}; see whose it is, and rename or drop it`,
    })
  }
  // Each table and index is a lock to the end of the transaction: they go in portions. First the children, and of them the largest.
  let most = portion
  for (;;) {
    const { rows: some } = await client.query<{ name: string }>(
      `select format('%I.%I', $1::text, c.relname) as name from pg_class c
       where c.relnamespace = (select n.oid from pg_namespace n where n.nspname = $1) and c.relkind in ('r', 'p')
       order by c.relispartition desc, c.relkind desc, pg_table_size(c.oid) desc, c.relname limit ${most}`,
      [name],
    )
    if (some.length === 0) break
    try {
      await retried(client, lockTimeoutMs, (ms) =>
        client.query(
          `set local lock_timeout = ${ms}; set local client_min_messages = warning; drop table ${some.map((one) => one.name).join(", ")} cascade`,
        ),
      )
    } catch (error) {
      // The catalog grows a little before it gives anything back: on a full disk there is room for that of one table, and then for the rest.
      if (!(error instanceof TrailError) || error.code !== "disk-full" || most === 1) throw error
      most = 1
    }
  }
  await retried(client, lockTimeoutMs, (ms) =>
    client.query(
      `set local lock_timeout = ${ms}; set local client_min_messages = warning; drop schema ${name} cascade`,
    ),
  )
  return true
}

/**
 * Makes the tables of the backup's level and a plain table for each partition, in one transaction. The migrations name the schema pgtrail: a
 * log that is there has another name until the end of the transaction, which nobody else sees.
 */
export async function makeRoom(
  client: Client,
  backup: BackupToRestore,
  { roles, lockTimeoutMs }: RoomOptions,
): Promise<void> {
  await retried(client, lockTimeoutMs, async (ms) => {
    await client.query(
      `set local search_path = pg_catalog, pg_temp; set local client_min_messages = warning; set local lock_timeout = ${ms}`,
    )
    await client.query(readSql("preflight.sql"))
    await client.query(`select pg_advisory_xact_lock(${LOCK_SPACE}, ${INSTALL_LOCK})`)
    if (roles) await client.query(readSql("roles.sql"))
    const { rows } = await client.query<{ there: string }>(
      "select to_regnamespace('pgtrail') is not null as there",
    )
    const isThere = rows[0]?.there === "t"
    if (isThere) await client.query(`alter schema pgtrail rename to ${replacedRoom}`)
    await client.query(roles ? "create schema pgtrail authorization pgtrail_owner" : "create schema pgtrail")
    if (roles) await client.query("set local role pgtrail_owner")
    await client.query(`comment on schema pgtrail is '${mark} of ${backup.name}, not finished'`)
    for (const migration of migrations()) {
      if (migration.number <= backup.version.number) await client.query(migration.sql)
    }
    await refuseOtherTables(client, backup)
    await makePartitions(client, backup).catch((error: unknown) => {
      const isForm = error instanceof Error && "code" in error && /^22/.test(String(error.code))
      throw isForm ? broken(`${backup.name} has bounds of a partition that are no times`) : error
    })
    await client.query(closed)
    if (roles) await client.query("reset role")
    await client.query(`alter schema pgtrail rename to ${room}`)
    if (isThere) await client.query(`alter schema ${replacedRoom} rename to pgtrail`)
  })
}

/** Default privileges of the database may have let everybody in. */
const closed = `do $$ declare opened text; begin
  for opened in
    select 'schema pgtrail' from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'pgtrail' and a.grantee = 0
    union select format('table pgtrail.%I', c.relname) from pg_class c, aclexplode(c.relacl) a
      where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p') and a.grantee = 0
    union select format('sequence pgtrail.%I', c.relname) from pg_class c, aclexplode(c.relacl) a
      where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'S' and a.grantee = 0
  loop
    execute format('revoke all on %s from public', opened);
  end loop;
end $$`

/** What the level has and nothing else, with its columns in their order. */
async function refuseOtherTables(client: Client, { manifest }: BackupToRestore): Promise<void> {
  const { rows } = await client.query<{ name: string; columns: string }>(
    `select c.relname as name, string_agg(a.attname, ',' order by a.attnum) as columns
     from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
     group by c.relname order by c.relname`,
  )
  const wanted = new Map(rows.map(({ name, columns }) => [name, columns]))
  for (const { name, kind, columns } of manifest.tables) {
    if (kind !== "table") continue
    const has = wanted.get(name)
    if (has === undefined) {
      throw broken(`${manifest.name} has a table ${JSON.stringify(name)}, which no log of its level has`)
    }
    if (has !== columns.join()) throw broken(`${manifest.name} has other columns of ${name} than its level`)
    wanted.delete(name)
  }
  const [missing] = wanted.keys()
  if (missing !== undefined) throw broken(`${manifest.name} lacks the table ${missing}`)
}

async function makePartitions(client: Client, { manifest, tables }: BackupToRestore): Promise<void> {
  const partitions = tables.filter(({ kind }) => kind !== "table")
  const { rows } = await client.query<{ taken: string }>(
    "select relname as taken from pg_class where relnamespace = 'pgtrail'::regnamespace and relname = any ($1::name[])",
    [partitions.map(({ name }) => name)],
  )
  if (rows[0] !== undefined) {
    throw broken(
      `${manifest.name} calls a partition ${JSON.stringify(rows[0].taken)}, as a table of its level`,
    )
  }
  const made = await client.query<{ sql: string }>(
    `select format('create table pgtrail.%1$I (like pgtrail.event including defaults including storage including compression); '
         'revoke usage on type pgtrail.%1$I from public; comment on table pgtrail.%1$I is %2$L', p.name, 'Partition of pgtrail.event')
       || case when p.since is null then '' else format('; alter table pgtrail.%I add constraint pgtrail_bounds check (occurred_at is not null%s%s)',
         p.name, ' and occurred_at >= ' || nullif(format('%L::timestamptz', p.since), '''-infinity''::timestamptz'),
         ' and occurred_at < ' || nullif(format('%L::timestamptz', p.until), '''infinity''::timestamptz')) end as sql
     from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) p (name, since, until)`,
    [
      partitions.map(({ name }) => name),
      partitions.map(({ since }) => since),
      partitions.map(({ until }) => until),
    ],
  )
  for (const { sql } of made.rows) await client.query(sql)
}
