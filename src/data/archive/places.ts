// Which events of a partition an archive takes, by their places, and the rows of these.
import type { Client } from "pg"
import { to as copyTo } from "pg-copy-streams"
import { destroy } from "../connection.js"
import { eventColumns } from "../event-columns.js"
import type { ArchiveJob } from "./job.js"

/** What of a lane goes: `ranges` as text of an int8multirange. */
export interface LanePlaces {
  readonly organization_id: string
  readonly lane: string
  readonly ranges: string
  readonly events: string
}

/** What would go, as far as it can be told without looking at each event. */
export async function askPlaces(client: Client, job: ArchiveJob, at: string): Promise<LanePlaces[]> {
  const { rows } = await client.query<Record<keyof LanePlaces, string>>(
    `select p.organization_id, p.lane, p.ranges, p.events
     from pgtrail.archive_places($1, $2, $3::timestamptz, $4::timestamptz, $5, $6::timestamptz) p`,
    [job.partition, job.organization, job.since, job.until, job.due, at],
  )
  return rows
}

/** `places` of purge_partition: what it would have let go. The numbers in it are counts and lanes. */
export function readPlaces(json: string | null): LanePlaces[] {
  const found: { organization_id: string; lane: number; ranges: string; events: number }[] =
    json === null ? [] : JSON.parse(json)
  return found.map(({ organization_id, lane, ranges, events }) => ({
    organization_id,
    lane: String(lane),
    ranges,
    events: String(events),
  }))
}

export const eventsOf = (places: readonly LanePlaces[]): bigint =>
  places.reduce((sum, { events }) => sum + BigInt(events), 0n)

/** Rows of COPY, as the server sends them. Whoever stops reading before the end loses the connection: that is how COPY is left. */
export async function* copyRows(
  client: Client,
  partition: string,
  places: readonly LanePlaces[],
): AsyncGenerator<Buffer> {
  const { rows } = await client.query<{ sql: string }>(
    `select format('copy (select ${eventColumns.map((name) => `e.${name}`).join(", ")} from only pgtrail.%I e
       join unnest(%L::text[], %L::smallint[], %L::int8multirange[]) p (organization_id, lane, ranges)
         on p.organization_id = e.organization_id and p.lane = e.lane and p.ranges @> e.seq) to stdout',
       $1::text, $2::text[], $3::smallint[], $4::int8multirange[]) as sql`,
    [
      partition,
      places.map(({ organization_id }) => organization_id),
      places.map(({ lane }) => lane),
      places.map(({ ranges }) => ranges),
    ],
  )
  let isDone = false
  try {
    for await (const chunk of client.query(copyTo(rows[0]?.sql ?? ""))) yield chunk as Buffer
    isDone = true
  } finally {
    if (!isDone) destroy(client)
  }
}
