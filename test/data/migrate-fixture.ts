// Logs as earlier versions of pgtrail installed them: by the very SQL that they printed (test/schema), with data in them.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Trail } from "../../src/data/index.js"
import { fullName } from "../../src/data/migrate/state.js"
import { migrations, versions } from "../../src/data/sql-files.js"
import { type TestDatabase, testDatabase } from "../database.js"

export type Level = 1 | 2 | 3 | 4 | 5 | 6 | 7

export interface OlderLog {
  readonly db: TestDatabase
  readonly trail: Trail
}

/** The migrations after `level`, as they are applied, the oldest first. */
export const migrationsAfter = (level: number): string[] =>
  migrations()
    .filter((one) => one.number > level)
    .map(fullName)

/** The number of the newest migration. */
export const newestLevel = (): number => migrations().at(-1)?.number ?? 0

/** What the pgtrail of `level` printed. */
export const schema = (level: Level): Promise<string> =>
  readFile(join(import.meta.dirname, `../schema/000${level}.sql`), "utf8")

/** As the same pgtrail printed it with --no-roles; compared with its output when it was written. */
function withoutRoles(sql: string, level: Level): string {
  const grants = versions().find((one) => one.number === level)?.grants ?? ""
  const end = "\nset local role pgtrail_owner;\n"
  const start = sql.search(/-- The \w+ roles, one set/)
  const without =
    `${sql.slice(0, start)}create schema pgtrail;\n${sql.slice(sql.indexOf(end) + end.length)}`.replace(
      `${grants}\n\n`,
      "",
    )
  return without
    .replace("values ('roles', 'on')", "values ('roles', 'off')")
    .replace("'roles', 'on', 'code_checksum'", "'roles', 'off', 'code_checksum'")
}

/** Installed by the pgtrail of `level`; with events of two organizations and months, an import, a verification, a setting. */
export async function olderLog(
  level: Level,
  options: { roles?: boolean; data?: boolean } = {},
): Promise<OlderLog> {
  const db = await testDatabase({ empty: true })
  const sql = await schema(level)
  const client = await db.client()
  await client.query(`begin; ${options.roles === false ? withoutRoles(sql, level) : sql}; commit`)
  await client.end()
  const trail = await db.trail()
  if (options.data !== false) await fill(db, level)
  return { db, trail }
}

async function fill(db: TestDatabase, level: Level): Promise<void> {
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_id, occurred_at, retention_policy)
     select case when i % 2 = 0 then 'acme' else 'globex' end, 'a', 'u' || i, now() + i * interval '1 day',
       case when i % 3 = 0 then 'short' else 'standard' end from generate_series(1, 40) i`,
  )
  await db.query('select pgtrail.append(\'[{"event_type":"b"}]\', gen_random_uuid())')
  const heads = `select coalesce(array_agg(h.organization_id), '{}') as o, array_agg(h.lane) as l, array_agg(h.seq) as s, array_agg(h.hash) as h from (
      select distinct on (organization_id, lane) * from pgtrail.chain_head where seq > 0 order by organization_id, lane, seq desc) h`
  const seen = level === 1 ? "" : "null::bytea, "
  await db.query(
    `select pgtrail.record_verification('{"verdict": "intact", "findings": []}', ${seen}o, l, s, h) from (${heads}) x`,
  )
  await db.query("insert into pgtrail.event (event_type) values ('after the verification')")
  if (level > 1) await db.query("select pgtrail.set_setting('event-size-limit', '70000')")
}

/** Every row of what is evidence, byte for byte, as digests: all but what the organization `later` appended, and later acts. */
export async function evidence(db: TestDatabase, acts: number): Promise<unknown> {
  return db.query(
    `select (select md5(string_agg(e::text, ';' order by organization_id, lane, seq)) from pgtrail.event e
         where e.organization_id <> 'later') as events,
       (select md5(string_agg(h::text, ';' order by organization_id, lane, seq)) from pgtrail.chain_head h
         where h.organization_id <> 'later') as heads,
       (select md5(string_agg(a::text, ';' order by seq)) from pgtrail.act a where seq <= ${acts}) as acts,
       (select l::text from pgtrail.log l) as log`,
  )
}

export const catalog = (db: TestDatabase) =>
  db.query('select object, definition from pgtrail.catalog_object order by object collate "C"')

export const newestAct = async (db: TestDatabase): Promise<number> =>
  Number((await db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq)

/** Remembers every row of the log; what it gives brings them back. For logs whose tables stay as they are: a new one for each test takes longer. */
export async function rowsKept(db: TestDatabase): Promise<() => Promise<void>> {
  // A partition's rows come and go with it; what must be in the catalog is no row that a test changes.
  const tables = await db.query(
    `select relname as name from pg_class where relnamespace = 'pgtrail'::regnamespace and relkind = 'r' and relname <> 'catalog_object'`,
  )
  const all = tables.map(({ name }) => name)
  await db.query(
    all.map((name) => `create table public.kept_${name} as table only pgtrail.${name}`).join("; "),
  )
  const back = all.map(
    (name) =>
      `delete from only pgtrail.${name}; insert into pgtrail.${name} overriding system value table public.kept_${name}`,
  )
  return async () => {
    await db.query(
      `set session_replication_role = replica; ${back.join("; ")}; set session_replication_role = origin`,
    )
  }
}
