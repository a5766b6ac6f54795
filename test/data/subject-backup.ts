// A log as it was before an erasure: as a restore of a backup brings it back.
import type { TestDatabase } from "../database.js"

/** All that the log has, with its detached partitions; what is attached is read with its parent. */
const tables = `select c.relname as name from pg_class c
  where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`

/** What it returns puts the rows back. */
export async function backup({ db }: { readonly db: TestDatabase }): Promise<() => Promise<void>> {
  const names = (await db.query(tables)).map(({ name }) => name)
  const each = (sql: (table: string) => string): string => names.map((name) => sql(name ?? "")).join("; ")
  await db.query(each((table) => `create table public.saved_${table} as select * from pgtrail.${table}`))
  return async () => {
    const client = await db.client()
    try {
      await client.query("set session_replication_role = replica")
      await client.query(
        each(
          (table) =>
            `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.saved_${table}; drop table public.saved_${table}`,
        ),
      )
    } finally {
      await client.end()
    }
  }
}
