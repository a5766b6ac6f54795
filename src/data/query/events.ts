// Walks the log from its newest event, or from its oldest, one statement for each partition, until the limit is full.
import type { Client, QueryResult } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type EventRow, rowWriter } from "./columns.js"
import { readCursor, writeCursor } from "./cursor.js"
import { fixed } from "./filter.js"
import { type Order, type Position, positionColumns } from "./order.js"
import type { Source } from "./source.js"
import { segmentQuery } from "./statement.js"
import type { Period } from "./time.js"
import { openWalk, type Question } from "./walk.js"

export interface EventQuery extends Question {
  /** At most this many events. Without it, all. */
  readonly limit?: number | undefined
  /** Only these columns; without it, all. */
  readonly columns?: readonly EventColumn[] | undefined
  /** Newest first unless told. */
  readonly order?: Order | undefined
  /** Goes on where a page ended: its `next`, with the same filter and order. */
  readonly after?: string | undefined
  /** When the question was first asked, to be carried by the cursor (`Cursor.asked`). */
  readonly asked?: string | undefined
}

/**
 * Events, each once, newest first unless told. What is appended meanwhile may be among them or not. Nothing is asked before the first
 * row is; every iteration asks again, on a connection of its own.
 */
export interface Events extends AsyncIterable<EventRow> {
  /** After the last row: whether the limit left events out. */
  readonly more: boolean
  /** After the last row: the cursor of the next page, where the limit left events out. What is appended meanwhile moves no other event. */
  readonly next: string | null
}

/** Events of the first portion; the next are as large as their events allow. */
const PAGE = 200
/** Characters that one portion should have: an event may have a megabyte or fifty bytes. */
const PORTION = 1_000_000

/** Throws TrailError `usage` for a cursor of another question. */
export function events(target: ConnectionTarget, query: EventQuery): Events {
  const { order = "newest", asked } = query
  const start = query.after === undefined ? undefined : readCursor(query.after, query, order).position
  const found: { more: boolean; next: string | null } & AsyncIterable<EventRow> = {
    more: false,
    next: null,
    async *[Symbol.asyncIterator]() {
      found.more = false
      found.next = null
      const walk = await openWalk(target, query, { order, from: start?.occurred_at })
      try {
        const { client, source, segments, filter } = walk
        const wanted = fixed({ ...query, ...filter, order })
        const columns = query.columns ?? eventColumns
        const write = rowWriter(columns)
        const surplus = positionColumns.filter((column) => !columns.includes(column))
        let left = query.limit ?? Number.POSITIVE_INFINITY
        let last = start
        // Only the first can have events on both sides of the position.
        let position = start
        for (const [at, segment] of segments.entries()) {
          query.progress?.(at, segments.length)
          for await (const row of readSegment(client, source, wanted, segment, left + 1, position)) {
            if (left === 0) {
              found.more = true
              found.next = last === undefined ? null : writeCursor({ order, position: last, asked }, query)
              return
            }
            left -= 1
            if (left === 0) last = positionOf(row)
            for (const column of surplus) delete row[column]
            yield write(row)
          }
          position = undefined
        }
      } catch (error) {
        throw walk.explained(error)
      } finally {
        await walk.close()
      }
    },
  }
  return found
}

type Raw = Record<string, string | null>

/**
 * Portion by portion, each a statement of its own: between two of them no lock is held. A cursor would hold one on pgtrail.event
 * for as long as somebody looks at the first page in a pager, and the next new partition would wait, and all writers behind it.
 */
async function* readSegment(
  client: Client,
  source: Source,
  query: EventQuery,
  segment: Period,
  limit: number,
  start: Position | undefined,
): AsyncGenerator<Raw> {
  let left = limit
  let portion = Math.min(limit, PAGE)
  const fetch = (position?: Position): Promise<QueryResult<Raw>> => {
    const { sql: text, params } = segmentQuery(query, segment, portion, position, source)
    const answer = client.query<Raw>(text, params)
    // Its failure is reported where it is awaited; nobody waits for it when the reader leaves before.
    answer.catch(() => undefined)
    return answer
  }
  let coming: Promise<QueryResult<Raw>> | undefined = fetch(start)
  while (coming !== undefined) {
    const rows: Raw[] = (await coming).rows
    left -= rows.length
    const isLast = rows.length < portion || left === 0
    const last = positionOf(rows.at(-1))
    portion = Math.min(left, nextPortion(rows))
    // The server looks for the next portion while this one is being written.
    coming = isLast || last === undefined ? undefined : fetch(last)
    for (const row of rows) yield row
  }
}

function positionOf(row: Raw | undefined): Position | undefined {
  const { occurred_at = null, organization_id = null, lane = null, seq = null } = row ?? {}
  if (occurred_at === null || organization_id === null || lane === null || seq === null) return undefined
  return { occurred_at, organization_id, lane, seq }
}

/** Events of one moment are sorted anew for each portion, so that many of them are better read in larger ones. */
function nextPortion(rows: readonly Raw[]): number {
  let characters = 1
  for (const row of rows) for (const column in row) characters += row[column]?.length ?? 0
  const isOneMoment = rows[0]?.occurred_at === rows.at(-1)?.occurred_at
  const aim = isOneMoment ? 10 * PORTION : PORTION
  return Math.min(isOneMoment ? 20_000 : 2000, Math.max(10, Math.trunc((aim * rows.length) / characters)))
}
