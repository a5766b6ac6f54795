// Archives as SQL makes and takes them, without files: the rows of one stand in public.archived_*, as COPY would bring them.
import type { Client } from "pg"
import { type TestDatabase, testDatabase } from "../database.js"

export interface MadeArchive {
  readonly name: string
  /** seq of the act of the purge. */
  readonly act: string
  readonly events: number
  /** Has its rows. */
  readonly table: string
}

export interface ArchiveChoice {
  readonly since?: string
  readonly until?: string
  readonly organization?: string
  readonly location?: string
}

/** acme and globex, 60 events in January 2020 and 20 in February, in partitions of these months; nothing has a grace. `log`: a new one, made so. */
export async function archiveLog(log?: TestDatabase): Promise<TestDatabase> {
  const db = log ?? (await testDatabase())
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await db.query(
    `select pgtrail.split_default('{event_2020_01,event_2020_02}', '{2020-01-01Z,2020-02-01Z}', '{2020-02-01Z,2020-03-01Z}')`,
  )
  await append(db, 60, "2020-01-02Z")
  await append(db, 20, "2020-02-02Z")
  return db
}

/** An event an hour, in turns of acme and globex, with values that are awkward as text. */
export async function append(db: TestDatabase, count: number, since: string): Promise<void> {
  await db.query(
    `insert into pgtrail.event (organization_id, event_type, occurred_at, actor_id, ip_address, description, details, tags, compliance_tags,
       data_classification, external_number, status_code)
     select case when i % 2 = 0 then 'acme' else 'globex' end, 'data.read', $2::timestamptz + i * interval '1 hour', 'u' || i % 3,
       ('10.0.0.' || i % 200)::inet, e'tab\\tand \\\\N, "quoted"\\n', '{"n": 1.50, "a": "\\u00e9"}', array['a,b', 'c"d', null],
       case when i % 5 = 0 then array['PCI'] end, case when i % 7 = 0 then 'PHI' end, 9007199254740993, 200
     from generate_series(1, $1::int) i`,
    [count, since],
  )
}

let made = 0

/** The name of the archive that makeArchive makes next: test files may share this module. */
export const nextName = (partition: string): string =>
  `${partition}-20260101T000000Z-${(made + 1).toString(16).padStart(6, "0")}`

/** Archives what is chosen of a partition (else all): as `archive create` does, without writing a file. */
export async function makeArchive(
  db: TestDatabase,
  partition: string,
  { since, until, organization, location = "file:///archives" }: ArchiveChoice = {},
): Promise<MadeArchive> {
  const name = nextName(partition)
  made += 1
  const id = made.toString(16).padStart(6, "0")
  const table = `public.archived_${id}`
  const condition =
    "($1::timestamptz is null or occurred_at >= $1) and ($2::timestamptz is null or occurred_at < $2) and ($3::text is null or organization_id = $3)"
  const values = [since ?? null, until ?? null, organization ?? null]
  await db.query(`create table ${table} (like pgtrail.event)`)
  await db.query(`insert into ${table} select * from only pgtrail.${partition} where ${condition}`, values)
  const [known] = await db.query(
    `with run as (
       select organization_id, lane, seq, previous_hash, hash, occurred_at, recorded_at,
         seq - row_number() over (partition by organization_id, lane order by seq) as run from ${table}
     ), lane as (
       select organization_id, lane, count(*) as events, range_agg(int8range(seq, seq, '[]') order by seq) as ranges,
         min(occurred_at) as oldest, max(occurred_at) as newest, min(recorded_at) as first, max(recorded_at) as last
       from run group by 1, 2
     )
     select encode(sha256(string_agg(record_send(row('pgtrail purge'::text, l.organization_id, l.lane, l.ranges::text,
         (select string_agg(b.previous_hash || e.hash, ''::bytea order by b.seq) from unnest(l.ranges) r
          join run b on b.organization_id = l.organization_id and b.lane = l.lane and b.seq = lower(r)
          join run e on e.organization_id = l.organization_id and e.lane = l.lane and e.seq = upper(r) - 1),
         l.events, l.oldest, l.newest, l.first, l.last)), ''::bytea order by l.organization_id collate "C", l.lane)), 'hex') as records
     from lane l`,
  )
  const [done] = await db.query(
    `select seq, events, places from pgtrail.purge_partition($1, 'archived', $2, archive => jsonb_build_object('name', $3::text,
       'location', $4::text, 'manifest', repeat('ab', 32), 'bytes', 1000, 'records', $5::text, 'due', false,
       'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'since', $6::text, 'until', $7::text))`,
    [partition, organization ?? null, name, location, known?.records ?? "", since ?? null, until ?? null],
  )
  if (done?.seq == null) throw new Error(`nothing was purged: ${done?.places}`)
  return { name, act: done.seq, events: Number(done.events), table }
}

/** As `archive restore` does: the rows of `query` go into the stage, and from there into the log. */
export async function restore(
  client: Pick<Client, "query">,
  { name, table }: MadeArchive,
  query = `select * from ${table}`,
): Promise<void> {
  await client.query("begin")
  try {
    await client.query("select pgtrail.restore_stage()")
    await client.query(`insert into pg_temp.pgtrail_restored ${query}`)
    await client.query("select pgtrail.restore_archive($1, 'asked for')", [name])
    await client.query("commit")
  } catch (error) {
    await client.query("rollback")
    throw error
  }
}

/** All that a restore could change, as digests. */
export const everything = (db: TestDatabase) =>
  db.query(`select (select md5(string_agg(e::text, ';' order by organization_id, lane, seq)) from pgtrail.event e) as events,
    (select md5(string_agg(a::text, ';' order by seq)) from pgtrail.act a) as acts,
    (select string_agg(p::text, ';' order by act_seq, organization_id, lane) from pgtrail.purge p) as purges,
    (select string_agg(a::text, ';' order by act_seq) from pgtrail.archive a) as archives,
    (select count(*) from pgtrail.sealing) as open`)
