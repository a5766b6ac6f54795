// The records of purges: as they stand in pgtrail.purge, and as the digest of their act has them.
import type { ClientBase } from "pg"
import { record, sha256 } from "../canonical.js"
import { streamRows } from "../row-stream.js"

/** Text as Postgres sent it. */
export interface PurgeRecord {
  readonly act_seq: string
  readonly organization_id: string
  readonly lane: string
  /** `{[1,8),[12,13)}`: the end is not part of a range. */
  readonly ranges: string
  /** `\x` hex: of each range the hash before its first event, and that of its last. */
  readonly hashes: string
  readonly events: string
  readonly oldest_occurred_at: string
  readonly newest_occurred_at: string
  readonly oldest_recorded_at: string
  readonly newest_recorded_at: string
  /** The act that brought its events back from an archive; not among the bytes of the record. */
  readonly restored_seq: string | null
}

/** The bytes of FORMAT.md: those of all records of an act, one after another in the order of lanes, make the digest of the act. */
export function purgeRecord(row: PurgeRecord): Buffer {
  return record("pgtrail purge", [
    ["text", row.organization_id],
    ["smallint", row.lane],
    ["text", row.ranges],
    ["bytea", row.hashes],
    ["bigint", row.events],
    ["timestamptz", row.oldest_occurred_at],
    ["timestamptz", row.newest_occurred_at],
    ["timestamptz", row.oldest_recorded_at],
    ["timestamptz", row.newest_recorded_at],
  ])
}

/** Hex: tells one record from any other. */
export const digestOfPurge = (row: PurgeRecord): string => sha256(purgeRecord(row)).toString("hex")

/** A log that an older pgtrail installed has no such table. */
export async function keepsPurges(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ keeps: string }>(
    "select to_regclass('pgtrail.purge') is not null as keeps",
  )
  return rows[0]?.keeps === "t"
}

/** In a log of a level that restores nothing the name restored_seq is that of `older`. */
const select = (where: string): string =>
  `select p.* from (select null::bigint as restored_seq) older, lateral (
     select p.act_seq, p.organization_id, p.lane, p.ranges, p.hashes, p.events, p.oldest_occurred_at, p.newest_occurred_at,
       p.oldest_recorded_at, p.newest_recorded_at, restored_seq
     from pgtrail.purge p where ${where}) p
   order by p.organization_id collate "C", p.lane, p.act_seq`

/** In the order of organization (bytes), lane and act; `where` follows `where`. A few at a time: one may have megabytes. */
export function purgeRecords(
  client: ClientBase,
  where = "true",
  values: readonly unknown[] = [],
): AsyncIterable<PurgeRecord> {
  return streamRows(client, select(where), values, 10)
}

/** Those of one lane, in the order of acts. */
export async function laneRecords(
  client: ClientBase,
  organization: string,
  lane: string,
): Promise<PurgeRecord[]> {
  const where = "p.organization_id = $1 and p.lane = $2::int"
  return (await client.query<PurgeRecord>(select(where), [organization, lane])).rows
}
