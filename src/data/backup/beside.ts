// What a DBA has added to a log and no file of a backup has: as the statements that make it again, for whoever restores to look at and run.
import type { Client } from "pg"
import { matches } from "../manifest-form.js"

/** One line, without what could move a terminal's cursor. */
export const isStatement = matches(/^[^\p{Cc}]{1,4000}$/u)

/** Of partitions by the thousand; a manifest is no place for more. */
const most = 2_000

/**
 * Indexes that are not the log's own, tablespaces, settings of partitions. What else may be on a log's tables is no DBA's business, and
 * verify finds it; of comments nobody can tell whose they are, and memberships in the log's roles are the server's, for all logs on it.
 */
export async function readBeside(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ statement: string | null }>(
    `select s.statement from (
       select 1 as kind, pg_get_indexdef(x.indexrelid) as statement
       from pg_index x join pg_class c on c.oid = x.indrelid
       where c.relnamespace = to_regnamespace('pgtrail') and c.oid in (
           select i.inhrelid from pg_inherits i where i.inhparent = to_regclass('pgtrail.event'))
         and x.indisvalid and not x.indisunique and not exists (select from pg_inherits h where h.inhrelid = x.indexrelid)
       union all
       select 2, format('alter %s %s set tablespace %I', case when c.relkind in ('i', 'I') then 'index' else 'table' end, c.oid::regclass, t.spcname)
       from pg_class c join pg_tablespace t on t.oid = c.reltablespace
       where c.relnamespace = to_regnamespace('pgtrail') and c.relkind in ('r', 'p', 'i', 'I')
       union all
       select 3, format('alter table %s set (%s)', c.oid::regclass,
         (select string_agg(format('%s = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') from unnest(c.reloptions) o))
       from pg_class c
       where c.relnamespace = to_regnamespace('pgtrail') and c.relispartition and c.reloptions is not null
     ) s
     where s.statement is not null order by s.kind, s.statement collate "C" limit ${most}`,
  )
  return rows.flatMap(({ statement }) => (isStatement(statement) && statement !== null ? [statement] : []))
}
