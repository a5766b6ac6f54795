// Makes the loaded partitions those of the table: before the log appears, so that nobody waits for it.
import type { Client } from "pg"
import { retried } from "../migrate/lock.js"
import type { BackupToRestore } from "./restore-files.js"
import { room } from "./restore-room.js"

const portion = 25

/** DEFAULT last: it is read once, whether it has events of the others. What was detached stays a table of its own. */
export async function attachPartitions(
  client: Client,
  { tables }: BackupToRestore,
  { roles, lockTimeoutMs }: { readonly roles: boolean; readonly lockTimeoutMs: number },
): Promise<void> {
  const partitions = tables.filter(({ kind }) => kind === "partition")
  const { rows } = await client.query<{ sql: string }>(
    `select format('alter table ${room}.event attach partition ${room}.%I %s', p.name, case when p.since is null then 'default'
         else format('for values from (%s) to (%s)', coalesce(nullif(quote_literal(p.since), '''-infinity'''), 'minvalue'),
           coalesce(nullif(quote_literal(p.until), '''infinity'''), 'maxvalue')) end)
       || case when p.since is null then '' else format('; alter table ${room}.%I drop constraint pgtrail_bounds', p.name) end as sql
     from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) p (name, since, until)
     order by p.since nulls last`,
    [
      partitions.map(({ name }) => name),
      partitions.map(({ since }) => since),
      partitions.map(({ until }) => until),
    ],
  )
  for (let at = 0; at < rows.length; at += portion) {
    const some = rows.slice(at, at + portion)
    await retried(client, lockTimeoutMs, async (ms) => {
      await client.query(`set local lock_timeout = ${ms}${roles ? "; set local role pgtrail_owner" : ""}`)
      for (const { sql } of some) await client.query(sql)
    })
  }
}
