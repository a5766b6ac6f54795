// Conditions on columns of text that the indexes of pgtrail.event serve, of the table and behind the barrier of the view.
import type { EventColumn } from "../event-columns.js"
import { type Fragment, joined, raw, sql } from "./fragment.js"
import { cut, escapeLike, readGlob, successor } from "./glob.js"
import type { Source } from "./source.js"

/** A column by its whole name, so that it means the same in every statement. */
export const columnOf = ({ events }: Source, name: EventColumn): Fragment => raw(`pgtrail.${events}.${name}`)

/** How many characters of long text the indexes hold: sql/migrations/0001_log.sql. */
const indexed: Partial<Record<EventColumn, number>> = {
  actor_id: 300,
  resource_type: 100,
  resource_id: 300,
  event_type: 300,
  request_id: 300,
  correlation_id: 300,
  session_id: 300,
}

/**
 * Long text is indexed by its first characters alone, so both are asked: the beginning for the index, the whole for the answer. Behind the
 * barrier of a view it has a column of its own, because a function of the reader's never gets there.
 */
function prefixOf(source: Source, name: EventColumn, length: number): Fragment {
  return source.isBound
    ? raw(`pgtrail.${source.events}.${name}_prefix`)
    : sql`left(${columnOf(source, name)}, ${raw(String(length))})`
}

/** Text that is one of these, character by character. */
export function same(source: Source, name: EventColumn, values: readonly string[]): Fragment {
  const length = indexed[name]
  const whole = isOneOf(columnOf(source, name), values)
  if (length === undefined) return whole
  const beginnings = [...new Set(values.map((value) => cut(value, length)))]
  return joined([isOneOf(prefixOf(source, name, length), beginnings), whole], "and", "true")
}

function isOneOf(column: Fragment, values: readonly string[]): Fragment {
  const [only, ...others] = values
  return only !== undefined && others.length === 0
    ? sql`${column} = ${only}`
    : sql`${column} = any(${values}::text[])`
}

/** Text that one of these globs matches. */
export function like(source: Source, name: EventColumn, globs: readonly string[]): Fragment {
  const read = globs.map(readGlob)
  const literals = read.flatMap(({ literal }) => (literal === undefined ? [] : [literal]))
  const patterns = read.filter(({ literal }) => literal === undefined)
  return joined(
    [
      ...(literals.length === 0 ? [] : [same(source, name, literals)]),
      ...patterns.map(({ prefix, pattern }) =>
        joined(
          [...beginsWith(source, name, prefix), sql`${columnOf(source, name)} like ${pattern}`],
          "and",
          "true",
        ),
      ),
    ],
    "or",
    "false",
  )
}

/** For the index alone. LIKE may not pass a barrier, since it could fail and tell of a row; comparisons cannot. */
function beginsWith(source: Source, name: EventColumn, prefix: string): Fragment[] {
  const length = indexed[name]
  if (prefix === "" || length === undefined) return []
  const start = cut(prefix, length)
  const column = prefixOf(source, name, length)
  if (!source.isBound) return [sql`${column} like ${`${escapeLike(start)}%`}`]
  const end = successor(start)
  return [end === undefined ? sql`${column} >= ${start}` : sql`${column} >= ${start} and ${column} < ${end}`]
}
