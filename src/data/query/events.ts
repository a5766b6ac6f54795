// Walks the log from its newest event, one statement for each partition, until the limit is full.
import { desc, type SQL, sql } from "drizzle-orm"
import { QueryBuilder } from "drizzle-orm/pg-core"
import type { Client, QueryResult } from "pg"
import { type ConnectionTarget, connect, destroy } from "../connection.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { toTrailError } from "../server-errors.js"
import { type EventRow, kindOf, rowWriter } from "./columns.js"
import { conditions, during, type EventFilter, type EventTable, every, tableOf } from "./filter.js"
import { readWalk } from "./segments.js"
import { prepareBound, type Source, wholeLog } from "./source.js"
import type { Period } from "./time.js"

export interface EventQuery extends EventFilter {
  /** At most this many events. Without it, all. */
  readonly limit?: number | undefined
  /** Only these columns; without it, all. */
  readonly columns?: readonly EventColumn[] | undefined
  /** Stops the walk and cuts its connection. */
  readonly signal?: AbortSignal | undefined
}

/** Events, newest first, each once. What is appended meanwhile may be among them or not. Nothing is asked before the first row is; every iteration asks again, on a connection of its own. */
export interface Events extends AsyncIterable<EventRow> {
  /** After the last row: whether the limit left events out. */
  readonly more: boolean
}

/** Events of the first portion; the next are as large as their events allow. */
const PAGE = 200
/** Characters that one portion should have: an event may have a megabyte or fifty bytes. */
const PORTION = 1_000_000

export function events(target: ConnectionTarget, query: EventQuery): Events {
  const found = {
    more: false,
    async *[Symbol.asyncIterator]() {
      found.more = false
      const client = await connect(target)
      const cut = () => destroy(client)
      query.signal?.addEventListener("abort", cut)
      try {
        query.signal?.throwIfAborted()
        let left = query.limit ?? Number.POSITIVE_INFINITY
        const { source, segments: periods } = await readWalk(client, query)
        const only = source.isBound ? await prepareBound(client) : undefined
        const asked = { ...query, organization: query.organization ?? only }
        for (const segment of periods) {
          for await (const row of readSegment(client, source, asked, segment, left + 1)) {
            if (left === 0) {
              found.more = true
              return
            }
            left -= 1
            yield row
          }
        }
      } catch (error) {
        // What the cut connection says is not what happened.
        query.signal?.throwIfAborted()
        throw toTrailError(error)
      } finally {
        query.signal?.removeEventListener("abort", cut)
        await client.end().catch(() => undefined)
      }
    },
  }
  return found
}

/** The last event that was read: the next statement goes on after it. */
type Position = Readonly<Record<(typeof positionColumns)[number], string>>
const positionColumns = ["occurred_at", "organization_id", "lane", "seq"] as const

/** Text and parameters of one statement, apart, so that no parameter ever stands in an error. */
export function segmentQuery(
  query: EventQuery,
  segment: Period,
  limit: number,
  position?: Position,
  source: Source = wholeLog,
): { sql: string; params: unknown[] } {
  const event = tableOf(source)
  const columns = new Set([...(query.columns ?? eventColumns), ...positionColumns])
  const rest = position === undefined ? [] : [after(event, position)]
  return new QueryBuilder()
    .select(Object.fromEntries([...columns].map((column) => [column, selected(event, column)])))
    .from(event)
    .where(every([...conditions(query, source), ...during(segment, event), ...rest]))
    .orderBy(desc(event.occurred_at), event.organization_id, event.lane, desc(event.seq))
    .limit(limit)
    .toSQL()
}

/** The first comparison is the index's, the others are for events of the same moment. */
function after(
  event: EventTable,
  { occurred_at: time, organization_id: organization, lane, seq }: Position,
): SQL {
  return sql`${event.occurred_at} <= ${time} and (${event.occurred_at} < ${time}
    or (${event.organization_id}, ${event.lane}) > (${organization}, ${lane})
    or ${event.organization_id} = ${organization} and ${event.lane} = ${lane} and ${event.seq} < ${seq})`
}

function selected(event: EventTable, column: EventColumn): SQL.Aliased | EventTable[EventColumn] {
  // Postgres writes {a,"b c"}; a JSON array needs no second parser. Null stays null.
  return kindOf(column) === "array" ? sql`to_json(${event[column]})`.as(column) : event[column]
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
): AsyncGenerator<EventRow> {
  const columns = query.columns ?? eventColumns
  const write = rowWriter(columns)
  const surplus = positionColumns.filter((column) => !columns.includes(column))
  let left = limit
  let portion = Math.min(limit, PAGE)
  const fetch = (position?: Position): Promise<QueryResult<Raw>> => {
    const { sql: text, params } = segmentQuery(query, segment, portion, position, source)
    const answer = client.query<Raw>(text, params)
    // Its failure is reported where it is awaited; nobody waits for it when the reader leaves before.
    answer.catch(() => undefined)
    return answer
  }
  let coming: Promise<QueryResult<Raw>> | undefined = fetch()
  while (coming !== undefined) {
    const rows: Raw[] = (await coming).rows
    left -= rows.length
    const isLast = rows.length < portion || left === 0
    const last = positionOf(rows.at(-1))
    portion = Math.min(left, nextPortion(rows))
    // The server looks for the next portion while this one is being written.
    coming = isLast || last === undefined ? undefined : fetch(last)
    for (const row of rows) {
      for (const column of surplus) delete row[column]
      yield write(row)
    }
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
