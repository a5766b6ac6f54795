// A log as it was before an erasure: as a restore of a backup brings it back.
import type { SubjectLog } from "./subject-fixture.js"

const tables = [
  ...["event", "redaction_entry", "redaction", "act", "act_signature", "subject_rule"],
  ...["purge", "archive", "archive_kind", "chain_head"],
]
const each = (sql: (table: string) => string): string => tables.map(sql).join("; ")

/** What it returns puts the rows back. */
export async function backup({ db }: SubjectLog): Promise<() => Promise<void>> {
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
