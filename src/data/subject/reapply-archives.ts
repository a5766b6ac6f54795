// After a restore: the archives whose files still have what the register lists. Told by places, which needs no file.
import type { ClientBase } from "pg"

export interface ReapplyArchive {
  readonly archive: string
  readonly location: string
  /** Of those that the register lists. */
  readonly events: string
  /** Its events came back into the log, and lie in its files too. */
  readonly restored: boolean
}

/** In the transaction that planned it: what the list has and no entry says, where an archive took it out of the log. */
export async function archivesWithListed(client: ClientBase): Promise<readonly ReapplyArchive[]> {
  const { rows } = await client.query<{ name: string; location: string; events: string; restored: string }>(
    `with listed as materialized (
       select l.organization_id, l.lane, l.seq, max(l.recorded_until) as recorded_until, exists (
         select from pg_temp.pgtrail_plan p where p.organization_id = l.organization_id and p.lane = l.lane and p.seq = l.seq) as live
       from pg_temp.pgtrail_listed l group by 1, 2, 3
     )
     select a.name, a.location, count(*) as events, a.restored_seq is not null as restored
     from pgtrail.archive a
     join pgtrail.purge p on p.act_seq = a.act_seq
     join listed l on l.organization_id = p.organization_id and l.lane = p.lane and l.seq <@ p.ranges
       -- After a restore others have the places of what was erased.
       and (l.recorded_until is null or p.oldest_recorded_at <= l.recorded_until)
     where a.removed_seq is null and (a.restored_seq is not null or not l.live)
     group by 1, 2, 4 order by 1`,
  )
  return rows.map(({ name, restored, ...row }) => ({ archive: name, ...row, restored: restored === "t" }))
}
