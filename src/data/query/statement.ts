// The statement that reads events of one segment: all that pages, samples and plans have in common.
import { type SQL, sql } from "drizzle-orm"
import { QueryBuilder } from "drizzle-orm/pg-core"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { kindOf } from "./columns.js"
import type { EventFilter } from "./criteria.js"
import { conditions, during, type EventTable, every, tableOf } from "./filter.js"
import { after, type Order, orderBy, type Position, positionColumns } from "./order.js"
import { type Source, wholeLog } from "./source.js"
import type { Period } from "./time.js"

/** Text and parameters of one statement, apart, so that no parameter ever stands in an error. */
export interface Statement {
  readonly sql: string
  readonly params: unknown[]
}

interface Asked {
  readonly columns?: readonly EventColumn[] | undefined
  readonly order?: Order | undefined
}

/** A page of a segment, after a position. */
export function segmentQuery(
  query: EventFilter & Asked,
  segment: Period,
  limit: number,
  position?: Position,
  source: Source = wholeLog,
): Statement {
  const event = tableOf(source)
  const rest = position === undefined ? [] : [after(event, query.order ?? "newest", position)]
  return reading(query, source, [...conditions(query, source), ...during(segment, event), ...rest])
    .limit(limit)
    .toSQL()
}

/** Events of a segment by their places. */
export function placesQuery(
  asked: Asked,
  segment: Period,
  places: readonly Position[],
  source: Source,
): Statement {
  const event = tableOf(source)
  const list = (column: (typeof positionColumns)[number]): SQL =>
    sql`${sql.param(places.map((place) => place[column]))}`
  const among = sql`(${event.occurred_at}, ${event.organization_id}, ${event.lane}, ${event.seq}) in
    (select * from unnest(${list("occurred_at")}::timestamptz[], ${list("organization_id")}::text[],
      ${list("lane")}::smallint[], ${list("seq")}::bigint[]))`
  return reading(asked, source, [...during(segment, event), among]).toSQL()
}

function reading({ columns, order = "newest" }: Asked, source: Source, where: readonly SQL[]) {
  const event = tableOf(source)
  const wanted = new Set([...(columns ?? eventColumns), ...positionColumns])
  return new QueryBuilder()
    .select(Object.fromEntries([...wanted].map((column) => [column, selected(event, column)])))
    .from(event)
    .where(every(where))
    .orderBy(...orderBy(event, order))
}

function selected(event: EventTable, column: EventColumn): SQL.Aliased | EventTable[EventColumn] {
  // Postgres writes {a,"b c"}; a JSON array needs no second parser. Null stays null.
  return kindOf(column) === "array" ? sql`to_json(${event[column]})`.as(column) : event[column]
}
