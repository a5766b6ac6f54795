// Purges into an archive by the SQL function alone, with the records as whoever wrote the files would have computed them.
import type { TextRow } from "../database.js"
import type { RetentionLog } from "./retention-fixture.js"

export interface ArchiveQuestion {
  readonly partition?: string
  readonly org?: string
  readonly due?: boolean
  readonly since?: string
  readonly until?: string
  /** Null: what would go is asked for. */
  readonly records?: string | null
  /** Further members of `archive`, or others. */
  readonly with?: Readonly<Record<string, unknown>>
  /** Further arguments of the function, as SQL. */
  readonly and?: string
}

export const manifest = "ab".repeat(32)
let names = 0

/** A name that no other archive has. */
export function archiveName(partition: string): string {
  names += 1
  return `${partition}-20261121T190000Z-${names.toString(16).padStart(6, "0")}`
}

export const now = async ({ db }: RetentionLog): Promise<string> => {
  const [row] = await db.query(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`,
  )
  return row?.now ?? ""
}

/** One call of the function. */
export async function purgeInto(
  log: RetentionLog,
  name: string,
  { partition = "event_2020_01", due = false, records = null, ...options }: ArchiveQuestion = {},
): Promise<TextRow> {
  const archive = {
    name,
    location: "file:///srv/archives",
    manifest: records === null ? null : manifest,
    bytes: 1234,
    records,
    at: await now(log),
    due,
    since: options.since ?? null,
    until: options.until ?? null,
    ...options.with,
  }
  const and = options.and === undefined ? "" : `, ${options.and}`
  // This session is older than the setting of the fixture.
  await log.db.query("set pgtrail.rewrite_from = 0")
  const [row] = await log.db.query(
    `select * from pgtrail.purge_partition($1, 'cold', organization => $2, archive => $3::jsonb${and})`,
    [partition, options.org ?? null, JSON.stringify(archive)],
  )
  if (row === undefined) throw new Error("the function returned nothing")
  return row
}

/** The digest over the records of a purge of these places, of the events as they stand there; from FORMAT.md and not from the function. */
export async function recordsOf({ db }: RetentionLog, places: string | null | undefined): Promise<string> {
  const [row] = await db.query(
    `select encode(sha256(coalesce(string_agg(record_send(row('pgtrail purge'::text, p.organization_id, p.lane, p.ranges::text, h.hashes,
       e.events, e.oldest, e.newest, e.first, e.last)), ''::bytea order by p.organization_id collate "C", p.lane), ''::bytea)), 'hex') as records
     from jsonb_to_recordset($1) p (organization_id text, lane smallint, ranges int8multirange),
       lateral (select count(*) as events, min(e.occurred_at) as oldest, max(e.occurred_at) as newest, min(e.recorded_at) as first,
         max(e.recorded_at) as last
         from pgtrail.event e where e.organization_id = p.organization_id and e.lane = p.lane and p.ranges @> e.seq) e,
       lateral (select string_agg(f.previous_hash || l.hash, ''::bytea order by f.seq) as hashes
         from unnest(p.ranges) r
         join pgtrail.event f on f.organization_id = p.organization_id and f.lane = p.lane and f.seq = lower(r)
         join pgtrail.event l on l.organization_id = p.organization_id and l.lane = p.lane and l.seq = upper(r) - 1) h`,
    [places],
  )
  return row?.records ?? ""
}

/** Asks what would go, and purges just that. */
export async function archived(
  log: RetentionLog,
  question: ArchiveQuestion = {},
  name = archiveName(question.partition ?? "event_2020_01"),
): Promise<TextRow> {
  const { places } = await purgeInto(log, name, question)
  return purgeInto(log, name, { ...question, records: await recordsOf(log, places) })
}

/** Brings the events of an archive back, from a table that has them. */
export async function restore({ db }: RetentionLog, name: string, from: string): Promise<void> {
  const session = await db.client()
  try {
    await session.query("begin")
    await session.query("select pgtrail.restore_stage()")
    await session.query(
      `insert into pg_temp.pgtrail_restored select e.* from ${from} e join pgtrail.purge p on p.organization_id = e.organization_id
         and p.lane = e.lane and p.ranges @> e.seq join pgtrail.archive a on a.act_seq = p.act_seq and a.name = '${name}'`,
    )
    await session.query("select pgtrail.restore_archive($1, 'needed again')", [name])
    await session.query("commit")
  } finally {
    await session.end()
  }
}
