// Walks the log from its newest event, or from its oldest, a few partitions a statement, until the limit is full.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type EventRow, rowWriter } from "./columns.js"
import { readCursor, writeCursor } from "./cursor.js"
import { fixed } from "./filter.js"
import { type Order, type Position, positionColumns } from "./order.js"
import { type Answer, type Cells, readRows, rowMaker } from "./rows.js"
import type { Source } from "./source.js"
import { columnsRead, segmentQuery } from "./statement.js"
import { firstMost, nextMost, type Stretch, stretchAt } from "./stretch.js"
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
/** Bytes that one portion should have: an event may have a megabyte or fifty. */
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
        // As the statement has them, each once.
        const columns = [...new Set(query.columns ?? eventColumns)]
        const write = rowWriter(columns)
        const make = rowMaker(columns)
        const positionOf = positionReader(columns)
        let left = query.limit ?? Number.POSITIVE_INFINITY
        let last = start
        // Where something was found, all that follows lies behind the position.
        let position = start
        let most = firstMost(filter)
        for (let at = 0; ; ) {
          const stretch = stretchAt(segments, at, most)
          if (stretch === undefined) return
          query.progress?.(at, segments.length)
          let rows = 0
          for await (const cells of readStretch(client, source, wanted, stretch, left + 1, position)) {
            if (left === 0) {
              found.more = true
              found.next = last === undefined ? null : writeCursor({ order, position: last, asked }, query)
              return
            }
            left -= 1
            rows += 1
            if (left === 0) last = positionOf(cells)
            yield write(make(cells))
          }
          if (rows > 0) position = undefined
          at += stretch.segments
          // What fills portions gains nothing by larger statements.
          most = rows >= PAGE ? 1 : nextMost(stretch, rows, left + 1)
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

/**
 * Portion by portion, each a statement of its own: between two of them no lock is held. A cursor would hold one on pgtrail.event
 * for as long as somebody looks at the first page in a pager, and the next new partition would wait, and all writers behind it.
 */
async function* readStretch(
  client: Client,
  source: Source,
  query: EventQuery,
  stretch: Stretch,
  limit: number,
  start: Position | undefined,
): AsyncGenerator<Cells> {
  let left = limit
  let portion = Math.min(limit, PAGE)
  const columns = columnsRead(query.columns)
  const positionOf = positionReader(query.columns)
  const timeAt = columns.indexOf("occurred_at")
  const fetch = (position?: Position): Promise<Answer> => {
    const { sql: text, params, kept } = segmentQuery(query, stretch, portion, position, source)
    const answer = readRows(client, text, params, columns.length, { kept })
    // Its failure is reported where it is awaited; nobody waits for it when the reader leaves before.
    answer.catch(() => undefined)
    return answer
  }
  let coming: Promise<Answer> | undefined = fetch(start)
  while (coming !== undefined) {
    const answer: Answer = await coming
    const { rows, bytes } = answer
    left -= rows.length
    const isLast = rows.length < portion || left === 0
    const last = rows.at(-1)
    const isOneMoment = rows[0]?.[timeAt] === last?.[timeAt]
    portion = Math.min(left, nextPortion(rows.length, bytes, isOneMoment))
    // The server looks for the next portion while this one is being written.
    coming = isLast || last === undefined ? undefined : fetch(positionOf(last))
    yield* rows
  }
}

function positionReader(columns: readonly EventColumn[] | undefined): (cells: Cells) => Position {
  const read = columnsRead(columns)
  const places = positionColumns.map((column) => [column, read.indexOf(column)] as const)
  // None of them is ever null.
  return (cells) => Object.fromEntries(places.map(([column, at]) => [column, cells[at] ?? ""])) as Position
}

/** Events of one moment are sorted anew for each portion, so that many of them are better read in larger ones. */
function nextPortion(rows: number, bytes: number, isOneMoment: boolean): number {
  const aim = isOneMoment ? 10 * PORTION : PORTION
  return Math.min(isOneMoment ? 20_000 : 2000, Math.max(10, Math.trunc((aim * rows) / (bytes + 1))))
}
