// The partitions that the events of an archive stood in, made again where they are missing: in DEFAULT each would be in the way of its own.
import type { Client } from "pg"
import { alone } from "../partition/change.js"
import type { Range } from "../partition/ranges.js"
import { split } from "../partition/split.js"
import { writeTime } from "../query/columns.js"
import type { ArchiveRow } from "./options.js"
import type { RestoreOptions } from "./restore.js"

/** More would be an archive of DEFAULT, whose events stand in DEFAULT again. */
const most = 240

/** Names of those that it made. What another partition has a part of, attached or not, stays as it is. */
export async function makePartitions(
  client: Client,
  row: ArchiveRow,
  options: RestoreOptions,
): Promise<string[]> {
  const { since, until } = row
  if (since === "-infinity" || until === "infinity") return []
  const { rows } = await client.query<Record<"name" | "since" | "until" | "events", string>>(
    `with recursive wanted as (
       select 1 as n, r.name, r.since, r.until from pgtrail.partition_range($1::timestamptz) r
       union all
       select w.n + 1, r.name, r.since, r.until from wanted w cross join lateral pgtrail.partition_range(w.until) r
       where w.until <= $2::timestamptz and w.n < ${most}
     )
     select w.name, w.since, w.until, 0 as events from wanted w
     where not exists (select from pgtrail.partitions() p where not p.is_default and (p.since < w.until and w.since < p.until or p.name = w.name))
     order by w.since`,
    [row.oldest, row.newest],
  )
  if (rows.length === 0) return []
  const ranges: Range[] = rows.map((range) => ({
    name: range.name,
    since: writeTime(range.since),
    until: writeTime(range.until),
    events: range.events,
  }))
  const made: string[] = []
  await alone(client, false, () =>
    split(client, ranges, options, (portion) => made.push(...portion.map(({ name }) => name))),
  )
  return made
}
