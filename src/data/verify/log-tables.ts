// Where a verification reads the log's tables from: a database on its snapshot, or the files of a backup. What is judged is the same.
import type { ClientBase } from "pg"
import type { TextRow } from "../canonical.js"
import { laneRecords, type PurgeRecord, purgeRecords } from "../purge/records.js"
import type { Entry } from "../redaction/entry.js"
import { streamRows } from "../row-stream.js"
import { isRestored, recordedPurge } from "./later-acts.js"

/** The newest head of a lane, and that of its beginning; hex. */
export interface HeadRow {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  readonly hash: string
  /** Null where it is missing. */
  readonly first: string | null
}

/** An archive, with whether its times are those of the records of its purge. */
export type ArchiveRow = Readonly<
  Record<
    | "act_seq"
    | "name"
    | "location"
    | "partition_name"
    | "since"
    | "until"
    | "events"
    | "bytes"
    | "manifest"
    | "oldest_occurred_at"
    | "newest_occurred_at"
    | "has_times",
    string
  > &
    Record<"restored_seq" | "removed_seq", string | null>
>

/** A detached partition, with what is there of it; booleans as `t` and `f`. */
export type DetachedRow = Readonly<
  Record<"name" | "since" | "until" | "act_seq" | "is_there" | "is_attached", string>
>

/** A signature, with what it is of; null where there is no such act. */
export interface SignatureRow {
  readonly organization_id: string
  readonly seq: string
  readonly signature: string
  readonly kind: string | null
  /** Hex. */
  readonly hash: string | null
  readonly recorded_at: string | null
}

export type EntryRow = Entry & { readonly organization: string; readonly lane: string; readonly seq: string }

/** Every value is text as PostgreSQL writes it. Rows come in the order of the primary key, text by its bytes. */
export interface LogTables {
  /** A log of an earlier level has not all of them. */
  has(table: string): Promise<boolean>
  /** Of a table that has few rows in any log. */
  all<T = TextRow>(table: Ordered, columns: readonly string[]): Promise<T[]>
  /** A few at a time; nothing else can be asked before the end. */
  rows<T = TextRow>(table: Ordered, columns: readonly string[]): AsyncIterable<T>
  heads(): Promise<readonly HeadRow[]>
  acts(): AsyncIterable<TextRow>
  signatures(): Promise<readonly SignatureRow[]>
  detached(): Promise<readonly DetachedRow[]>
  archives(): Promise<readonly ArchiveRow[]>
  /** Between two of them other questions may be asked. */
  entries(): AsyncIterable<EntryRow>
  purges(organization?: string | undefined): AsyncIterable<PurgeRecord>
  purgesOf(organization: string, lane: string): Promise<readonly PurgeRecord[]>
  /** What a sound act that came after those that were replayed has purged; undefined where there is none. */
  laterPurge(act: string): Promise<{ readonly isArchived: boolean } | undefined>
  /** Whether such an act brought back what a record says is gone. */
  isBack(record: PurgeRecord): Promise<boolean>
  /** When they were read, by the server's clock. */
  now(): Promise<string>
}

const orders = {
  log: "created_at",
  incarnation: "number",
  loss: `incarnation, organization_id collate "C", lane`,
  setting: `name collate "C"`,
  verified_head: `organization_id collate "C", lane`,
  organization_reader: "role_name, organization_id",
  retention_rule: "act_seq",
  hold: "act_seq",
  archive_kind: "act_seq, kind",
  redaction: `organization_id collate "C", lane, block`,
  subject_rule: "act_seq",
  subject_restriction: "act_seq, number",
} as const

export type Ordered = keyof typeof orders

const select = (table: Ordered, columns: readonly string[]): string =>
  `select ${columns.length === 0 ? "*" : columns.join(", ")} from pgtrail.${table} order by ${orders[table]}`

/** Those of a database, as the client's transaction sees them. */
export function liveTables(client: ClientBase): LogTables {
  const stream = <T>(text: string): AsyncIterable<T> => streamRows(client, text, [], 500)
  return {
    async has(table) {
      const { rows } = await client.query<{ has: string }>(
        "select to_regclass(format('pgtrail.%I', $1::text)) is not null as has",
        [table],
      )
      return rows[0]?.has === "t"
    },
    async all<T>(table: Ordered, columns: readonly string[]) {
      return (await client.query(select(table, columns))).rows as T[]
    },
    rows: (table, columns) => stream(select(table, columns)),
    heads: async () => (await client.query<HeadRow>(heads)).rows,
    acts: () => stream("select * from pgtrail.act order by seq"),
    signatures: async () => (await client.query<SignatureRow>(signatures)).rows,
    detached: async () => (await client.query<DetachedRow>(detached)).rows,
    archives: async () => (await client.query<ArchiveRow>(archives)).rows,
    entries: () => entriesOf(client),
    purges: (organization) =>
      organization === undefined
        ? purgeRecords(client)
        : purgeRecords(client, "p.organization_id = $1", [organization]),
    purgesOf: (organization, lane) => laneRecords(client, organization, lane),
    laterPurge: (act) => recordedPurge(client, act),
    isBack: (record) => isRestored(client, record),
    async now() {
      const { rows } = await client.query<{ now: string }>("select clock_timestamp() as now")
      return rows[0]?.now ?? ""
    },
  }
}

const heads = `select distinct on (h.organization_id, h.lane) h.organization_id, h.lane, h.seq, encode(h.hash, 'hex') as hash,
    (select encode(g.hash, 'hex') from pgtrail.chain_head g
     where g.organization_id = h.organization_id and g.lane = h.lane and g.seq = 0) as first
  from pgtrail.chain_head h
  order by h.organization_id, h.lane, h.seq desc`

const signatures = `select s.organization_id, s.seq, s.signature, a.kind, encode(a.hash, 'hex') as hash, a.recorded_at
  from pgtrail.act_signature s
  left join pgtrail.act a on a.organization_id = s.organization_id and a.seq = s.seq
  order by s.organization_id collate "C", s.seq`

const detached = `select d.name, d.since, d.until, d.act_seq, c.oid is not null as is_there,
    exists (select from pg_inherits i where i.inhrelid = c.oid) as is_attached
  from pgtrail.detached_partition d
  left join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
  order by d.name`

const archives = `select a.act_seq, a.name, a.location, a.partition_name, a.since, a.until, a.events, a.bytes,
    encode(a.manifest, 'hex') as manifest, a.oldest_occurred_at, a.newest_occurred_at, a.restored_seq, a.removed_seq,
    row(a.oldest_occurred_at, a.newest_occurred_at) is not distinct from row(p.oldest, p.newest) as has_times
  from pgtrail.archive a
  left join (select act_seq, min(oldest_occurred_at) as oldest, max(newest_occurred_at) as newest from pgtrail.purge group by 1) p
    on p.act_seq = a.act_seq
  order by a.act_seq`

/** Rows in the order of organization (bytes), lane, seq, group (bytes) and number: that of the digests. */
async function* entriesOf(client: ClientBase): AsyncIterable<EntryRow> {
  // A cursor by name, because other questions are asked between its pages.
  await client.query(
    `declare pgtrail_entry no scroll cursor for
     select organization_id as organization, lane, seq, group_name as group, number, fields, encode(old_digest, 'hex') as "oldDigest",
       encode(new_digest, 'hex') as "newDigest"
     from pgtrail.redaction_entry order by organization_id collate "C", lane, seq, group_name collate "C", number`,
  )
  while (true) {
    const { rows } = await client.query<Omit<EntryRow, "number"> & { readonly number: string }>(
      "fetch 2000 from pgtrail_entry",
    )
    for (const row of rows) yield { ...row, number: Number(row.number) }
    if (rows.length < 2000) break
  }
  await client.query("close pgtrail_entry")
}
