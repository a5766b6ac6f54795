// Reads the events at given places, each with where its row stands and which transaction wrote it.
import type { ClientBase } from "pg"
import type { TextRow } from "../canonical.js"
import { eventColumns } from "../event-columns.js"

export interface EventPlace {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
}

export interface StoredEvent {
  /** Every column, in PostgreSQL's text form. */
  readonly row: TextRow
  readonly partition: string
  readonly ctid: string
  readonly xmin: string
}

/** Rows of one statement: an event may have a mebibyte. */
export const batchSize = 50

export const placeKey = (place: EventPlace): string => `${place.lane}/${place.seq}/${place.organization_id}`

/** A place whose numbers the server can read; anything else names no event. */
export function isPlace<T extends { readonly [K in keyof EventPlace]: string | null }>(
  place: T,
): place is T & EventPlace {
  const { organization_id, lane, seq } = place
  return (
    organization_id !== null &&
    lane !== null &&
    seq !== null &&
    isLane(lane) &&
    /^\d{1,18}$/.test(seq) &&
    BigInt(seq) > 0n
  )
}

export const isLane = (lane: string): boolean => /^\d{1,5}$/.test(lane) && Number.parseInt(lane, 10) < 32_768

export function before(place: EventPlace, distance = 1n): EventPlace {
  return { ...place, seq: String(BigInt(place.seq) - distance) }
}

export const after = (place: EventPlace): EventPlace => before(place, -1n)

/** Names of all partitions, quoted by the server, newest first. */
export async function partitionNames(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = 'pgtrail.event'::regclass order by c.relname desc`,
  )
  return rows.map(({ name }) => name)
}

/**
 * Events by the key of their place; there may be several at one. Each partition is asked by its name: an event that stands outside of
 * the bounds of its partition is found as well.
 */
export async function eventsAt(
  client: ClientBase,
  places: readonly EventPlace[],
): Promise<Map<string, StoredEvent[]>> {
  const wanted = new Map(places.map((place) => [placeKey(place), place]))
  const list = [...wanted.values()]
  const found = new Map<string, StoredEvent[]>()
  const columns = eventColumns.map((column) => `e.${column}`).join(", ")
  const names = list.length === 0 ? [] : await partitionNames(client)
  for (let at = 0; at < list.length; at += batchSize) {
    const batch = list.slice(at, at + batchSize)
    const values = [
      batch.map((place) => place.organization_id),
      batch.map((place) => place.lane),
      batch.map((place) => place.seq),
    ]
    for (const name of names) {
      const { rows } = await client.query<Record<string, string | null>>(
        `select ${columns}, e.ctid as own_ctid, e.xmin as own_xmin
         from unnest($1::text[], $2::smallint[], $3::bigint[]) p (organization_id, lane, seq)
         join only ${name} e on e.organization_id = p.organization_id and e.lane = p.lane and e.seq = p.seq`,
        values,
      )
      for (const { own_ctid, own_xmin, ...row } of rows) {
        const key = placeKey({
          organization_id: row.organization_id ?? "",
          lane: row.lane ?? "",
          seq: row.seq ?? "",
        })
        const stored = { row, partition: name, ctid: own_ctid ?? "", xmin: own_xmin ?? "" }
        found.set(key, [...(found.get(key) ?? []), stored])
      }
    }
  }
  return found
}
