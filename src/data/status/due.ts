// Whether what `pgtrail partition maintain` does was done: looked at quickly, since status asks every minute.
import type { ClientBase } from "pg"
import { dueSql } from "../partition/ranges.js"

export interface DueStatus {
  readonly partitions_due: readonly string[] | null
  /** Why events are in DEFAULT, as far as that can be told of the first 10,000: `due`, `older`, `beyond`, `detached`, `overlap`. */
  readonly default_reasons: readonly string[] | null
  readonly detached_partitions: string | null
}

/** Ahead of today: fewer than these are a warning. */
const nextWanted = 2

const nothing =
  "select null::text as name, null::timestamptz as since, null::timestamptz as until, 0 as events, null as oldest, null as newest where false"

/** `fallback`: the name of the DEFAULT partition, where it has a page. Of its events the first 10,000 are looked at. */
export async function dueStatus(client: ClientBase, fallback: string | undefined): Promise<DueStatus> {
  const table = fallback === undefined ? undefined : `pgtrail."${fallback.replaceAll('"', '""')}"`
  const { rows: able } = await client.query<Record<"may" | "detached" | "reads", string | null>>(
    `select coalesce(to_regclass('pgtrail.event') is not null and to_regclass('pgtrail.setting') is not null
         and to_regclass('pgtrail.detached_partition') is not null and has_function_privilege(to_regprocedure('pgtrail.partitions()'), 'execute')
         and has_function_privilege(to_regprocedure('pgtrail.partition_range(timestamptz)'), 'execute')
         and has_table_privilege(to_regclass('pgtrail.retention_rule'), 'select'), false) as may,
       has_table_privilege(to_regclass('pgtrail.detached_partition'), 'select') as detached,
       $1::text is null or has_table_privilege($1::text, 'select') as reads`,
    [table ?? null],
  )
  const [may] = able
  const detached =
    may?.detached === "t"
      ? ((await client.query<{ n: string }>("select count(*) as n from pgtrail.detached_partition")).rows[0]
          ?.n ?? null)
      : null
  if (may?.may !== "t" || may.reads !== "t")
    return { partitions_due: null, default_reasons: null, detached_partitions: detached }
  const stray =
    table === undefined
      ? nothing
      : `select distinct r.name, r.since, r.until, 1 as events, null as oldest, null as newest
         from (select distinct date_trunc('day', e.occurred_at, 'UTC') as day from (select o.occurred_at from only ${table} o limit 10000) e) d
         cross join lateral pgtrail.partition_range(d.day) r
         where d.day >= timestamptz '1900-01-01 00:00+00' and d.day < timestamptz '9999-01-01 00:00+00'`
  const { rows } = await client.query<Record<"n" | "name" | "events" | "verdict", string | null>>(
    dueSql(stray),
  )
  return {
    partitions_due: rows
      .filter(
        ({ n, events, verdict }) =>
          verdict === "due" && (events !== "0" || (n !== null && Number(n) <= nextWanted)),
      )
      .map(({ name }) => name ?? ""),
    default_reasons: [
      ...new Set(rows.filter(({ events }) => events !== "0").map(({ verdict }) => verdict ?? "")),
    ].sort(),
    detached_partitions: detached,
  }
}
