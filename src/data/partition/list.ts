// The partitions of a log: their ranges, sizes and guards. What events they hold is asked of each by itself, so that none of it opens all.
import type { Client } from "pg"
import { writeTime } from "../query/columns.js"

export interface PartitionListOptions {
  /** Counts the rows, partition by partition, where the estimate of the last analyze is not enough. */
  readonly exact?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PartitionRow {
  readonly name: string
  /** Null: without an end. The DEFAULT partition has neither. */
  readonly since: string | null
  readonly until: string | null
  readonly state: "attached" | "detached" | "default"
  /** Null where it was never analyzed, or may not be counted by this role. */
  readonly rows: string | null
  /** Whether somebody counted, or the statistics say so. */
  readonly exact: boolean
  /** When the oldest and the newest event occurred; null where there is none, or this role may not read them. */
  readonly oldest: string | null
  readonly newest: string | null
  /** Of the table with what it keeps aside, without its indexes. */
  readonly bytes: string
  readonly index_bytes: string
  /** `ok`, or what is not there and enabled: `no pgtrail_guard, pgtrail_seal disabled`. */
  readonly guards: string
  /** Null: that of the database. */
  readonly tablespace: string | null
  /** By hand or by autovacuum; null: never, or not since the server's statistics began. */
  readonly analyzed_at: string | null
}

type Row = Record<
  "name" | "is_default" | "attached" | "bytes" | "index_bytes" | "guards" | "is_used" | "readable" | "label",
  string
> &
  Record<"since" | "until" | "rows" | "tablespace" | "analyzed_at", string | null>

const listed = `
select p.name, nullif(p.since, '-infinity') as since, nullif(p.until, 'infinity') as until, p.is_default, p.attached,
  format('pgtrail.%I', p.name) as label, pg_relation_size(p.oid) > 0 as is_used,
  case when pg_relation_size(p.oid) = 0 then 0 else nullif(c.reltuples, -1)::bigint end as rows,
  pg_table_size(p.oid) as bytes, pg_indexes_size(p.oid) as index_bytes, t.spcname as tablespace,
  greatest(pg_stat_get_last_analyze_time(p.oid), pg_stat_get_last_autoanalyze_time(p.oid)) as analyzed_at,
  has_column_privilege(p.oid, 'occurred_at', 'select') as readable,
  coalesce((
    select string_agg(case when g.tgname is null then 'no ' || w.trigger else w.trigger || ' disabled' end, ', ' order by w.trigger)
    from (values ('pgtrail_guard', 'pgtrail.guard()', true), ('pgtrail_seal', 'pgtrail.seal_event()', p.attached),
      ('pgtrail_closed', 'pgtrail.guard()', not p.attached)) w (trigger, does, wanted)
    left join pg_trigger g on g.tgrelid = p.oid and g.tgname = w.trigger and g.tgfoid = to_regprocedure(w.does)
    where w.wanted and (g.tgname is null or g.tgenabled not in ('O', 'A'))
  ), 'ok') as guards
from pgtrail.partitions() p
join pg_class c on c.oid = p.oid
left join pg_tablespace t on t.oid = c.reltablespace
order by p.is_default, p.since, p.name`

/** Oldest first, DEFAULT last. */
export async function listPartitions(
  client: Client,
  { exact = false, signal }: PartitionListOptions = {},
): Promise<PartitionRow[]> {
  const { rows } = await client.query<Row>(listed)
  const found: PartitionRow[] = []
  for (const row of rows) {
    signal?.throwIfAborted()
    const isUsed = row.is_used === "t"
    const edges = isUsed && row.readable === "t" ? await edgesOf(client, row.label) : nothing
    const counted = exact && isUsed ? await count(client, row.label) : exact ? "0" : row.rows
    found.push({
      name: row.name,
      since: writeTime(row.since),
      until: writeTime(row.until),
      state: row.is_default === "t" ? "default" : row.attached === "t" ? "attached" : "detached",
      rows: counted,
      exact: exact || !isUsed,
      oldest: writeTime(edges.oldest),
      newest: writeTime(edges.newest),
      bytes: row.bytes,
      index_bytes: row.index_bytes,
      guards: row.guards,
      tablespace: row.tablespace,
      analyzed_at: writeTime(row.analyzed_at),
    })
  }
  return found
}

interface Edges {
  readonly oldest: string | null
  readonly newest: string | null
}

const nothing: Edges = { oldest: null, newest: null }

/** Two lookups in the index on time. */
async function edgesOf(client: Client, label: string): Promise<Edges> {
  const { rows } = await client.query<Edges>(
    `select min(e.occurred_at) as oldest, max(e.occurred_at) as newest from only ${label} e`,
  )
  return rows[0] ?? nothing
}

async function count(client: Client, label: string): Promise<string> {
  const { rows } = await client.query<{ rows: string }>(`select count(*) as rows from only ${label}`)
  return rows[0]?.rows ?? "0"
}
