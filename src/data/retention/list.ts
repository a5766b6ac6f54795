// The runs of retention, as their rows have them.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"

export interface PastRun {
  readonly run: string
  readonly started_at: string
  /** Null of one that is at work or was killed. */
  readonly ended_at: string | null
  readonly session_user_name: string
  /** `limit`: it stopped at its own; `killed`: it began, and never said how it ended. */
  readonly outcome: "done" | "limit" | "failed" | "running" | "killed"
  readonly events: string
  readonly held: string
  readonly unsound: string
  /** Null where it did not look at all partitions. */
  readonly remaining: string | null
  readonly bytes_freed: string
  /** seq of the acts that recorded its purges. */
  readonly acts: readonly string[]
  readonly message: string | null
}

/** Newest first. Of those without an end the newest is at work, if anybody has the lock of runs that purge. */
export async function retentionRuns(
  client: ClientBase,
  { limit }: { readonly limit?: number | undefined } = {},
): Promise<PastRun[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select r.run_id as run, r.started_at, r.ended_at, r.session_user_name, r.events, r.held, r.unsound, r.remaining, r.bytes_freed,
       array_to_string(r.acts, ' ') as acts, r.message,
       coalesce(r.outcome, case when row_number() over (order by r.started_at desc) = 1 and exists (
         select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = 1885828210
           and l.objid::bigint = 4294967293 and l.database = (select d.oid from pg_database d where d.datname = current_database())
       ) then 'running' else 'killed' end) as outcome
     from pgtrail.retention_run r order by r.started_at desc limit $1::bigint`,
    [limit ?? null],
  )
  return rows.map(
    (row) =>
      ({
        ...row,
        started_at: writeTime(row.started_at ?? null),
        ended_at: writeTime(row.ended_at ?? null),
        acts: row.acts === "" || row.acts == null ? [] : row.acts.split(" "),
      }) as unknown as PastRun,
  )
}
