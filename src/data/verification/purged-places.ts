// What was purged, with a record, at the places where findings tell of missing events, and after them.
import type { ClientBase } from "pg"
import { goneTable, purgeRecordTable } from "../purge/gone.js"
import type { EventPlace } from "./rows.js"

export interface PurgedPlace {
  /** seq of the act that purged the place itself. */
  readonly act: string | null
  /** seq of the act that brought the event of the place back from an archive, if one did. */
  readonly restored: string | null
  /** First place after it that was purged, and the hash (hex) before it. */
  readonly first: string | null
  readonly before: string | null
}

/** In the order of the places; empty where this role may not know, or the log keeps no such records. */
export async function purgedPlaces(
  client: ClientBase,
  places: readonly EventPlace[],
): Promise<readonly PurgedPlace[]> {
  if (places.length === 0) return []
  const { rows: may } = await client.query<{ reads: string | null }>(
    "select has_table_privilege(to_regclass('pgtrail.purge'), 'select') as reads",
  )
  if (may[0]?.reads !== "t") return []
  const { rows } = await client.query<PurgedPlace>(
    `select a.act, b.restored, n.first, n.before
     from unnest($1::text[], $2::smallint[], $3::bigint[]) with ordinality p (organization_id, lane, seq, position)
     left join lateral (select g.act_seq as act from ${goneTable} g
       where g.organization_id = p.organization_id and g.lane = p.lane and g.ranges @> p.seq limit 1) a on true
     left join lateral (select g.restored_seq as restored from ${purgeRecordTable} g
       where g.organization_id = p.organization_id and g.lane = p.lane and g.restored_seq is not null and g.ranges @> p.seq
       order by 1 desc limit 1) b on true
     left join lateral (select lower(r.range) as first, encode(substr(g.hashes, (r.n * 64 - 63)::int, 32), 'hex') as before
       from ${goneTable} g, unnest(g.ranges) with ordinality r (range, n)
       where g.organization_id = p.organization_id and g.lane = p.lane and lower(r.range) > p.seq order by 1 limit 1) n on true
     order by p.position`,
    [
      places.map((place) => place.organization_id),
      places.map((place) => place.lane),
      places.map((place) => place.seq),
    ],
  )
  return rows
}
