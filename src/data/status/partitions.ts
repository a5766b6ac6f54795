// The partitions of the log: sizes, estimates, how far ahead they reach, and what lies in none of them.
import type { ClientBase } from "pg"
import type { Sources } from "../organization/sources.js"
import { writeTime } from "../query/columns.js"
import { segments, within } from "../query/segments.js"
import { ageWords, type Check, measured, type Thresholds } from "./checks.js"
import { dueStatus } from "./due.js"

export interface PartitionStatus {
  readonly name: string
  /** Null: unbounded. The DEFAULT partition has neither. */
  readonly since: string | null
  readonly until: string | null
  readonly is_default: boolean
  /** From the last analyze; null where there was none. */
  readonly rows_estimate: string | null
  readonly dead_rows: string
  readonly analyzed_at: string | null
  /** Table and indexes together. */
  readonly bytes: string
  /** As of the last vacuum or analyze: to ask for the size of ten indexes of each partition would take longer than all the rest. */
  readonly index_bytes: string
}

export interface PartitionsStatus {
  readonly partitions: readonly PartitionStatus[]
  /** Seconds from now to the end of what is covered without a gap; null: without end. */
  readonly ahead_seconds: string | null
  /** Counted up to 10,000; null where the role may not look. */
  readonly rows_in_default: string | null
  /** Those that `maintain` would make for today, the next two, or events in DEFAULT; null where the role may not look. */
  readonly partitions_due: readonly string[] | null
  /** Why events are in DEFAULT: `due`, `older`, `beyond`, `detached`, `overlap`; null where the role may not look. */
  readonly default_reasons: readonly string[] | null
  /** How many are detached; null where the role may not look. */
  readonly detached_partitions: string | null
  /** Schema-qualified names of indexes that are not used, as a failed build leaves them. */
  readonly invalid_indexes: readonly string[]
}

const listed = `
with partition as (
  select c.oid, c.relname as name, nullif(c.reltuples, -1)::bigint as rows_estimate,
    pg_stat_get_dead_tuples(c.oid) as dead_rows,
    greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) as analyzed_at,
    pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) as table_bytes,
    case when c.reltuples < 0 then pg_indexes_size(c.oid) else (
      select coalesce(sum(x.relpages), 0) * current_setting('block_size')::bigint
      from pg_index j join pg_class x on x.oid = j.indexrelid where j.indrelid = c.oid) end as index_bytes,
    regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \\((.*)\\) TO \\((.*)\\)$') as bound
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent = to_regclass('pgtrail.event')
), ranged as (
  select p.*, nullif(btrim(p.bound[1], ''''), 'MINVALUE')::timestamptz as since,
    nullif(btrim(p.bound[2], ''''), 'MAXVALUE')::timestamptz as until
  from partition p
)
select r.name, r.since, r.until, r.bound is null as is_default, r.rows_estimate, r.dead_rows, r.analyzed_at,
  r.table_bytes + r.index_bytes as bytes, r.index_bytes, r.table_bytes > 0 as is_used,
  (select greatest(0, extract(epoch from upper(x.range) - now())) from (
     select unnest(range_agg(tstzrange(s.since, s.until))) as range from ranged s where s.bound is not null) x
   where x.range @> now()) as ahead_seconds,
  exists (select from ranged s where s.bound is not null and s.until is null) as is_endless
from ranged r
order by r.bound is null, r.since nulls first`

export async function partitionsStatus(client: ClientBase): Promise<PartitionsStatus> {
  const { rows } = await client.query<Record<string, string | null>>(listed)
  const invalid = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'pgtrail' and not i.indisvalid order by 1`,
  )
  const fallback = rows.find((row) => row.is_default === "t")
  const first = rows[0]
  const ahead = first?.ahead_seconds ?? (first?.is_endless === "t" ? null : "0")
  return {
    partitions: rows.map((row) => ({
      name: row.name ?? "",
      since: writeTime(row.since ?? null),
      until: writeTime(row.until ?? null),
      is_default: row.is_default === "t",
      rows_estimate: row.rows_estimate ?? null,
      dead_rows: row.dead_rows ?? "0",
      analyzed_at: writeTime(row.analyzed_at ?? null),
      bytes: row.bytes ?? "0",
      index_bytes: row.index_bytes ?? "0",
    })),
    ahead_seconds: ahead === null ? null : ahead.replace(/\..*$/, ""),
    rows_in_default: await rowsInDefault(client, fallback),
    ...(await dueStatus(client, fallback?.is_used === "t" ? (fallback.name ?? undefined) : undefined)),
    invalid_indexes: invalid.rows.map(({ name }) => name),
  }
}

async function rowsInDefault(
  client: ClientBase,
  partition: Record<string, string | null> | undefined,
): Promise<string | null> {
  // Without a page there is no row, whoever asks.
  if (partition === undefined || partition.is_used !== "t") return "0"
  const table = `pgtrail."${(partition.name ?? "").replaceAll('"', '""')}"`
  const { rows } = await client.query<{ readable: string }>(
    "select has_table_privilege($1, 'select') as readable",
    [table],
  )
  if (rows[0]?.readable !== "t") return null
  const counted = await client.query<{ rows: string }>(
    `select count(*) as rows from (select from ${table} limit 10000) d`,
  )
  return counted.rows[0]?.rows ?? null
}

export interface Edge {
  readonly occurred_at: string
  readonly age_seconds: string
}

/** When the newest event occurred that is not dated ahead; by partitions, newest first, and the index on time. */
export async function newestEvent(client: ClientBase, { events }: Sources): Promise<Edge | null> {
  if (events === null) return null
  for (const segment of await segments(client, {})) {
    const { text, values } = within(segment, 1)
    const { rows } = await client.query<Edge>(
      `select e.occurred_at, greatest(0, extract(epoch from now() - e.occurred_at)::bigint) as age_seconds
       from ${events} e where ${text} and e.occurred_at <= now() order by e.occurred_at desc limit 1`,
      values,
    )
    const found = rows[0]
    if (found !== undefined) return { ...found, occurred_at: writeTime(found.occurred_at) }
  }
  return null
}

export function partitionChecks(found: PartitionsStatus, thresholds: Thresholds): Check[] {
  const { rows_in_default: rows, ahead_seconds: ahead, invalid_indexes: invalid, partitions_due: due } = found
  const late = rows === "10000" ? "10000 or more" : rows
  return [
    measured(
      "rows-in-default",
      rows === null ? null : Number(rows),
      rows === null
        ? "this role may not read the DEFAULT partition"
        : rows === "0"
          ? "none"
          : `${late} in the DEFAULT partition${whyInDefault(found)}`,
      thresholds,
    ),
    measured(
      "partitions-ahead",
      ahead === null ? Number.MAX_SAFE_INTEGER : Number(ahead),
      ahead === null ? "without end" : ageWords(Number(ahead)),
      thresholds,
    ),
    measured(
      "partitions-due",
      due === null ? null : due.length,
      due === null
        ? "this role may not look"
        : due.length === 0
          ? "none"
          : `${due.slice(0, 3).join(", ")}${due.length > 3 ? " ..." : ""}: pgtrail partition maintain`,
      thresholds,
    ),
    measured(
      "invalid-indexes",
      invalid.length,
      invalid.length === 0 ? "none" : `${invalid.slice(0, 3).join(", ")}${invalid.length > 3 ? " ..." : ""}`,
      thresholds,
    ),
  ]
}

const reasons: Readonly<Record<string, string>> = {
  due: "no other covers their time yet: pgtrail partition maintain",
  older: "older than what retention keeps: pgtrail retention run",
  beyond: "further ahead than partitions are made: pgtrail partition create",
  detached: "the partition of their time is detached: pgtrail partition attach",
  overlap: "another has a part of their time: pgtrail partition list",
  "no-partition": "no partition is made for their time",
}

/** Such times as no partition has are not among what was looked at: where nothing else is told, it is that. */
function whyInDefault({ default_reasons: found }: PartitionsStatus): string {
  if (found === null) return ""
  const told = found.length === 0 ? ["no-partition"] : found
  return `: ${told.map((reason) => reasons[reason] ?? reason).join("; ")}`
}

export function eventCheck(newest: Edge | null, { times }: Sources, thresholds: Thresholds): Check {
  const age = newest === null ? null : Number(newest.age_seconds)
  const message = !times
    ? "this role may not read events"
    : newest === null
      ? "no event yet"
      : `the newest occurred ${ageWords(Number(newest.age_seconds))} ago`
  return measured("event-age", age, message, thresholds)
}
