// Logs with archives: with their files, or without, made by SQL alone, where what the control tables and the acts say of them is all that
// a verification looks at.
import { mkdirSync } from "node:fs"
import { pathToFileURL } from "node:url"
import type { TestDatabase } from "../database.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

let made = 0

/** Archives what a partition has; the seq of the act and the name. Nothing is written to `location`. */
export async function archive(
  db: TestDatabase,
  partition: string,
  location = "file:///nowhere",
): Promise<{ readonly seq: string; readonly name: string }> {
  made += 1
  const name = `${partition}-20261121T190000Z-${made.toString(16).padStart(6, "0")}`
  const [now] = await db.query(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
  )
  const about = { name, location, manifest: "ab".repeat(32), bytes: "1000", due: false, at: now?.at }
  const purge = `select * from pgtrail.purge_partition($1, 'archived', archive => $2::jsonb)`
  const asked = await db.query(purge, [partition, JSON.stringify({ ...about, records: null })])
  const [records] = await db.query(
    `with place as (
       select e.*, e.seq - row_number() over (partition by e.organization_id, e.lane order by e.seq) as run
       from jsonb_to_recordset($1::jsonb) p (organization_id text, lane smallint, ranges text)
       join pgtrail.${partition} e on e.organization_id = p.organization_id and e.lane = p.lane and p.ranges::int8multirange @> e.seq
     ), range as (
       select organization_id, lane, min(seq) as first, max(seq) as last, (array_agg(previous_hash order by seq))[1] as before,
         (array_agg(hash order by seq desc))[1] as hash, count(*) as n, min(occurred_at) as oo, max(occurred_at) as no,
         min(recorded_at) as orr, max(recorded_at) as nr
       from place group by 1, 2, run
     ), lane as (
       select organization_id, lane, range_agg(int8range(first, last, '[]'))::text as ranges, string_agg(before || hash, '' order by first) as hashes,
         sum(n)::bigint as events, min(oo) as oo, max(no) as no, min(orr) as orr, max(nr) as nr
       from range group by 1, 2
     )
     select encode(sha256(string_agg(record_send(row('pgtrail purge'::text, organization_id, lane, ranges, hashes, events, oo, no, orr, nr)), ''
       order by organization_id collate "C", lane)), 'hex') as digest from lane`,
    [asked[0]?.places],
  )
  const [done] = await db.query(purge, [partition, JSON.stringify({ ...about, records: records?.digest })])
  if (done?.seq == null) throw new Error(`nothing was archived: ${JSON.stringify(done)}`)
  return { seq: done.seq, name }
}

/** Keeps a copy of a partition's rows, so that `restore` can bring them back. */
export const copyRows = (db: TestDatabase, partition: string) =>
  db.query(`create table public.${partition}_rows as select * from pgtrail.${partition}`)

/** Brings back the rows that `copyRows` kept, where their archive had them; the seq of the act. */
export async function restore(db: TestDatabase, name: string, partition: string): Promise<string> {
  const client = await db.client()
  try {
    await client.query("begin")
    await client.query("select pgtrail.restore_stage()")
    await client.query(
      `insert into pg_temp.pgtrail_restored select e.* from public.${partition}_rows e
       join pgtrail.archive a on a.name = $1
       join pgtrail.purge p on p.act_seq = a.act_seq and p.organization_id = e.organization_id and p.lane = e.lane and p.ranges @> e.seq`,
      [name],
    )
    const { rows } = await client.query<{ seq: string }>(
      "select seq from pgtrail.restore_archive($1, 'wanted again')",
      [name],
    )
    await client.query("commit")
    return rows[0]?.seq ?? ""
  } finally {
    await client.end()
  }
}

export interface ArchivedLog extends LifecycleLog {
  /** Of February: in force. Of January: restored. Of March, which was detached: removed. */
  readonly archives: Readonly<
    Record<"kept" | "restored" | "removed", { readonly seq: string; readonly name: string }>
  >
}

const tables = [
  "purge",
  "act",
  "archive",
  "archive_kind",
  "setting",
  "retention_rule",
  "hold",
  "detached_partition",
]

/** The log of lifecycle-fixture.ts, whose events of each month were archived. `restore` brings back what is here. */
export async function archivedLog(): Promise<ArchivedLog> {
  const log = await lifecycleLog()
  const { db } = log
  for (const month of ["01", "02", "03"]) await copyRows(db, `event_2020_${month}`)
  const kept = await archive(db, "event_2020_02")
  const restored = await archive(db, "event_2020_01")
  const removed = await archive(db, "event_2020_03")
  await restore(db, restored.name, "event_2020_01")
  await db.query("select pgtrail.remove_archive($1, 'nobody wants it')", [removed.name])
  const copies = [...tables, "event", "chain_head", "verified_head"]
  for (const table of copies) {
    await db.query(`drop table if exists public.${table}_copy`)
    await db.query(`create table public.${table}_copy as select * from pgtrail.${table}`)
  }
  return {
    ...log,
    archives: { kept, restored, removed },
    restore: () =>
      log.tamper(
        copies
          .map(
            (table) =>
              `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy;`,
          )
          .join("\n"),
      ),
  }
}

/** Archives a partition into a folder, with its files; the name of the archive. */
export async function archiveInto(
  of: LifecycleLog,
  folder: string,
  partition: string,
  recipients: readonly string[] = [],
) {
  mkdirSync(folder, { recursive: true })
  const { partitions, failed } = await of.trail.createArchives({
    to: pathToFileURL(folder).href,
    partition,
    recipients,
    reason: "cold",
  })
  const [made] = partitions
  if (made?.archive == null) throw new Error(`nothing was archived: ${JSON.stringify(failed)}`)
  return made.archive
}
