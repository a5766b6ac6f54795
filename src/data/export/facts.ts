// What the log says of itself on the snapshot of an export, as far as this role may know it.
import type { ClientBase } from "pg"
import { notInstalled } from "../migrate/state.js"
import { goneTable } from "../purge/gone.js"
import { writeTime } from "../query/columns.js"
import { isBoundSql, type Source, sourceOf } from "../query/source.js"
import type { ManifestCheckpoint, ManifestPurge, ManifestVerification } from "./manifest.js"

export interface Facts {
  readonly snapshot: string
  readonly source: Source
  readonly logId: string
  readonly logIds: readonly string[]
  readonly incarnation: string
  readonly database: string
  readonly user: string
  readonly time: string
  readonly readsActs: boolean
  readonly readsPurges: boolean
  readonly readsHeads: boolean
}

/** Begins the transaction whose snapshot everything of the export is read on. It holds no lock on events. */
export async function beginSnapshot(client: ClientBase): Promise<Facts> {
  const known = await client.query<{ installed: string; is_bound: string }>(
    `select to_regclass('pgtrail.log') is not null as installed, ${isBoundSql} as is_bound`,
  )
  if (known.rows[0]?.installed !== "t") throw notInstalled()
  const source = sourceOf(known.rows[0].is_bound)
  // Who may not read is told so of the events, and not of whatever comes first.
  await client.query(`select details from pgtrail.${source.events} where false`)
  await client.query("begin isolation level repeatable read read only")
  const { rows } = await client.query<Record<string, string>>(
    `select pg_export_snapshot() as snapshot, l.log_id, l.incarnation, current_database() as database, session_user as user,
        clock_timestamp() as time,
        has_table_privilege('pgtrail.act', 'select') as acts,
        coalesce(has_table_privilege(to_regclass('pgtrail.purge'), 'select'), false) as purges,
        has_table_privilege('pgtrail.chain_head', 'select') as heads
     from pgtrail.log l`,
  )
  const row = rows[0] ?? {}
  const ids = await client.query<{ log_id: string }>(
    "select i.log_id from pgtrail.incarnation i order by i.number desc",
  )
  return {
    snapshot: row.snapshot ?? "",
    source,
    logId: row.log_id ?? "",
    logIds: [...new Set([row.log_id ?? "", ...ids.rows.map((one) => one.log_id)])],
    incarnation: row.incarnation ?? "",
    database: row.database ?? "",
    user: row.user ?? "",
    time: writeTime(row.time ?? ""),
    readsActs: row.acts === "t",
    readsPurges: row.purges === "t",
    readsHeads: row.heads === "t",
  }
}

/** The newest verification that the acts know. */
export async function recordedVerification(client: ClientBase): Promise<ManifestVerification | null> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select a.seq, a.recorded_at, a.parameters ->> 'verdict' as verdict, a.parameters ->> 'findings_total' as findings,
        a.parameters #>> '{requested,organization}' as organization, a.parameters #>> '{requested,since}' as since,
        a.parameters #>> '{requested,until}' as until
     from pgtrail.act a
     where a.kind = 'verify' order by a.seq desc limit 1`,
  )
  const [row] = rows
  if (row === undefined) return null
  const { organization = null, since = null, until = null } = row
  return {
    act: row.seq ?? null,
    recorded_at: writeTime(row.recorded_at ?? ""),
    verdict: row.verdict ?? "",
    findings: row.findings ?? "0",
    organization,
    since,
    until,
    made_for_export: false,
  }
}

/** The newest checkpoint of the acts: what its heads are only its file says. */
export async function recordedCheckpoint(client: ClientBase): Promise<ManifestCheckpoint | null> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select a.seq, a.recorded_at, encode(a.digest, 'hex') as digest, a.parameters ->> 'key' as key
     from pgtrail.act a where a.kind = 'checkpoint' order by a.seq desc limit 1`,
  )
  const [row] = rows
  if (row === undefined) return null
  return {
    act: row.seq ?? null,
    time: writeTime(row.recorded_at ?? ""),
    digest: row.digest ?? "",
    key: row.key ?? null,
    covered_lanes: null,
  }
}

/** Purges of these organizations (all where undefined) that took away events of the period. */
export async function purgesOf(
  client: ClientBase,
  organizations: readonly string[] | undefined,
  { since, until }: { readonly since?: string | undefined; readonly until?: string | undefined },
): Promise<ManifestPurge[]> {
  const { rows } = await client.query<{ [K in keyof ManifestPurge]: string }>(
    `select p.act_seq as act, p.organization_id, sum(p.events) as events, min(p.oldest_occurred_at) as oldest_occurred_at,
        max(p.newest_occurred_at) as newest_occurred_at
     from ${goneTable} p
     where ($1::text[] is null or p.organization_id = any ($1))
       and ($2::timestamptz is null or p.newest_occurred_at >= $2) and ($3::timestamptz is null or p.oldest_occurred_at < $3)
     group by p.act_seq, p.organization_id order by p.act_seq, p.organization_id`,
    [organizations ?? null, since ?? null, until ?? null],
  )
  return rows.map((row) => ({
    ...row,
    oldest_occurred_at: writeTime(row.oldest_occurred_at),
    newest_occurred_at: writeTime(row.newest_occurred_at),
  }))
}
