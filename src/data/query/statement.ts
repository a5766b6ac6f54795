// The statement that reads events of a segment, or of several that touch: all that pages, samples and plans have in common.
import { fillPlaceholders, type SQL, sql } from "drizzle-orm"
import { QueryBuilder } from "drizzle-orm/pg-core"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { kindOf } from "./columns.js"
import type { EventFilter } from "./criteria.js"
import { conditions, during, type EventTable, every, isFixed, tableOf } from "./filter.js"
import { after, type Order, orderBy, type Position, positionColumns } from "./order.js"
import { quotedEnd } from "./segments.js"
import { type Source, wholeLog } from "./source.js"
import { isRare } from "./stretch.js"
import type { Period } from "./time.js"

/** Text and parameters of one statement, apart, so that no parameter ever stands in an error. */
export interface Statement {
  readonly sql: string
  readonly params: unknown[]
  /** Whether the server should keep it: it has the ends of its segments in its text, which are few. */
  readonly kept: boolean
}

interface Asked {
  readonly columns?: readonly EventColumn[] | undefined
  readonly order?: Order | undefined
}

/** Statements of filters that never change, by what differs between them but values: to build one takes as long as to plan it. */
const built = new WeakMap<EventFilter, Map<string, Built>>()
type Built = Omit<Statement, "kept">

/** A page of a segment, or of several that touch, after a position. `isSettled`: as a segment is. */
export function segmentQuery(
  query: EventFilter & Asked,
  segment: Period & { readonly isSettled?: boolean | undefined },
  limit: number,
  position?: Position,
  source: Source = wholeLog,
): Statement {
  // Behind the barrier the plan hangs on what the session is told for it.
  const kept = segment.isSettled === true && !source.isBound && isRare(query)
  const shape = [segment.since, segment.until, position, kept || undefined]
    .map((part) => (part === undefined ? "" : "x"))
    .join()
    .concat(source.events)
  let known = built.get(query)
  if (known === undefined) {
    known = new Map()
    if (isFixed(query)) built.set(query, known)
  }
  let statement = known.get(shape)
  if (statement === undefined) {
    statement = build(query, segment, position, source, kept)
    known.set(shape, statement)
  }
  // The names of a position's columns are those of the placeholders.
  const values = { since: segment.since, until: segment.until, limit, ...position }
  return {
    sql: kept ? withEnds(statement.sql, segment) : statement.sql,
    params: fillPlaceholders(statement.params, values),
    kept,
  }
}

const markOf = (name: "since" | "until"): string => `'the segment, ${name}'`

function withEnds(text: string, { since = "", until = "" }: Period): string {
  return text
    .replace(markOf("since"), () => quotedEnd(since))
    .replace(markOf("until"), () => quotedEnd(until))
}

function build(
  query: EventFilter & Asked,
  { since, until }: Period,
  position: Position | undefined,
  source: Source,
  kept: boolean,
): Built {
  const event = tableOf(source)
  const rest = position === undefined ? [] : [after(event, query.order ?? "newest")]
  const end = (name: "since" | "until", value: string | undefined) => {
    if (value === undefined) return undefined
    return kept ? sql.raw(markOf(name)) : sql.placeholder(name)
  }
  const period = during({ since: end("since", since), until: end("until", until) }, event)
  return reading(query, source, [...conditions(query, source), ...period, ...rest])
    .limit(sql.placeholder("limit"))
    .toSQL()
}

/** Events of a segment by their places. */
export function placesQuery(
  asked: Asked,
  segment: Period,
  places: readonly Position[],
  source: Source,
): Built {
  const event = tableOf(source)
  const list = (column: (typeof positionColumns)[number]): SQL =>
    sql`${sql.param(places.map((place) => place[column]))}`
  const among = sql`(${event.occurred_at}, ${event.organization_id}, ${event.lane}, ${event.seq}) in
    (select * from unnest(${list("occurred_at")}::timestamptz[], ${list("organization_id")}::text[],
      ${list("lane")}::smallint[], ${list("seq")}::bigint[]))`
  return reading(asked, source, [...during(segment, event), among]).toSQL()
}

/** In their order in the statements: those that were asked for, and what tells the place of an event. */
export const columnsRead = (columns: readonly EventColumn[] = eventColumns): EventColumn[] => [
  ...new Set([...columns, ...positionColumns]),
]

function reading({ columns, order = "newest" }: Asked, source: Source, where: readonly SQL[]) {
  const event = tableOf(source)
  return new QueryBuilder()
    .select(Object.fromEntries(columnsRead(columns).map((column) => [column, selected(event, column)])))
    .from(event)
    .where(every(where))
    .orderBy(...orderBy(event, order))
}

function selected(event: EventTable, column: EventColumn): SQL.Aliased | EventTable[EventColumn] {
  // Postgres writes {a,"b c"}; a JSON array needs no second parser. Null stays null.
  return kindOf(column) === "array" ? sql`to_json(${event[column]})`.as(column) : event[column]
}
