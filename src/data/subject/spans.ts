// In which time a subject's events stood in the log, of which organizations: whatever was taken of the log then has them too.
import type { Client, ClientBase } from "pg"
import { writeTime } from "../query/columns.js"

export interface Span {
  /** Null: any. */
  readonly organizations: readonly string[] | null
  /** Partitions that they stood in; null: any. */
  readonly partitions: readonly string[] | null
  /** When the first of them was recorded; null: from the beginning of the log. */
  readonly since: string | null
  /** When they left; null: until now. */
  readonly until: string | null
  /** When the oldest and the newest of them occurred; null: at any time. */
  readonly oldest: string | null
  readonly newest: string | null
}

/** Of a time of which nobody knows more any more. */
export const wholeSpan = (until: string | null): Span => ({
  ...{ organizations: null, partitions: null, since: null, until, oldest: null, newest: null },
})

type Row = Record<"organizations" | "partitions", string> &
  Record<"since" | "oldest" | "newest", string | null>

/** In the transaction that replaced them: of the plan, or, with `staged`, of the rows of an archive. Undefined where nothing was replaced. */
async function spanOf(client: Client, staged: boolean): Promise<Span | undefined> {
  // A lane is recorded in its order, so the first of each is enough; a detached partition tells when its events occurred.
  const recorded = staged
    ? "select r.recorded_at from only pg_temp.pgtrail_restored r where r.organization_id = f.organization_id and r.lane = f.lane and r.seq = f.seq"
    : `select e.recorded_at from pgtrail.event e
       where e.organization_id = f.organization_id and e.lane = f.lane and e.seq = f.seq and e.occurred_at = f.occurred_at`
  const { rows } = await client.query<Row>(
    `with done as materialized (
       select p.organization_id, p.lane, p.partition_name, min(p.seq) as seq, min(p.occurred_at) as oldest, max(p.occurred_at) as newest
       from pg_temp.pgtrail_plan p where p.done group by 1, 2, 3
     ), first as (
       select f.organization_id, f.lane, f.seq, p.occurred_at
       from (select d.organization_id, d.lane, min(d.seq) as seq from done d group by 1, 2) f
       join pg_temp.pgtrail_plan p on p.done and p.organization_id = f.organization_id and p.lane = f.lane and p.seq = f.seq
     )
     select (select json_agg(distinct d.organization_id) from done d) as organizations,
       (select coalesce(json_agg(distinct d.partition_name) filter (where d.partition_name is not null), '[]') from done d) as partitions,
       (select min(d.oldest) from done d) as oldest, (select max(d.newest) from done d) as newest,
       (select min(coalesce(r.recorded_at, f.occurred_at)) from first f left join lateral (${recorded} limit 1) r on true) as since`,
  )
  const [row] = rows
  if (row === undefined || row.organizations === null) return undefined
  return {
    organizations: JSON.parse(row.organizations),
    partitions: JSON.parse(row.partitions),
    since: writeTime(row.since),
    until: null,
    oldest: writeTime(row.oldest),
    newest: writeTime(row.newest),
  }
}

export const liveSpan = (client: Client): Promise<Span | undefined> => spanOf(client, false)
export const stagedSpan = (client: Client): Promise<Span | undefined> => spanOf(client, true)

/** Until its purge; what an archive in the database itself has, the database has had ever since. */
export async function untilArchived(client: ClientBase, span: Span, archive: string): Promise<Span> {
  const { rows } = await client.query<{ partition: string; until: string | null }>(
    `select x.partition_name as partition, case when x.location <> 'table:' then a.recorded_at end as until
     from pgtrail.archive x join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = x.act_seq where x.name = $1`,
    [archive],
  )
  const [row] = rows
  if (row === undefined) return span
  // One in the database is in whatever backup has its tables, and those have no partition.
  return { ...span, partitions: [row.partition], until: writeTime(row.until) }
}
