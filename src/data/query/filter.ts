// What events are asked for, as conditions that the indexes of pgtrail.event serve: for the query builder, and for statements written by hand.
import { and, gte, lt, type Placeholder, type SQL, sql } from "drizzle-orm"
import { openEvent, organizationEvent, event as wholeTable } from "../schema.js"
import { criterionNames, type EventFilter, readCriterion } from "./criteria.js"
import { type Fragment, joined, numbered, type Parameter, sql as written } from "./fragment.js"
import type { Source } from "./source.js"
import { columnOf } from "./text-conditions.js"
import type { Period } from "./time.js"

export type EventTable = typeof wholeTable

const tables: Readonly<Record<Source["events"], EventTable>> = {
  event: wholeTable,
  open_event: openEvent,
  organization_event: organizationEvent,
}

export const tableOf = ({ events }: Source): EventTable => tables[events]

/** What filters that never change become, of each source. */
const made = new WeakMap<EventFilter, Map<Source["events"], readonly Fragment[]>>()

/** A copy that nobody changes: its conditions are made once for all statements of a walk, though its values may have a megabyte. */
export function fixed<F extends EventFilter>(filter: F): F {
  const copy = Object.freeze({ ...filter })
  made.set(copy, new Map())
  return copy
}

export const isFixed = (filter: EventFilter): boolean => made.has(filter)

function fragments(filter: EventFilter, source: Source): readonly Fragment[] {
  const known = made.get(filter)
  const found = known?.get(source.events) ?? make(filter, source)
  known?.set(source.events, found)
  return found
}

/** All but the period: each statement of a walk has its own. Throws TrailError `usage` for values that cannot be. */
function make(filter: EventFilter, source: Source): Fragment[] {
  return criterionNames.flatMap((name) => {
    const wanted = readCriterion(name, filter[name])?.(source)
    const unwanted = readCriterion(name, filter.not?.[name])?.(source)
    return [
      ...(wanted === undefined ? [] : [wanted]),
      ...(unwanted === undefined ? [] : [written`(${unwanted}) is not true`]),
    ]
  })
}

/** All but the period, for the query builder. Throws TrailError `usage`. */
export function conditions(filter: EventFilter, source: Source): SQL[] {
  return fragments(filter, source).map(({ parts }) => {
    const pieces = parts.map((part) => (typeof part === "string" ? sql.raw(part) : sql.param(part.value)))
    // In brackets: drizzle puts none around an "or" among its "and"s.
    return sql`(${sql.join(pieces)})`
  })
}

type End = string | Placeholder | SQL

export function during(
  { since, until }: { since?: End | undefined; until?: End | undefined },
  event: EventTable,
): SQL[] {
  const all: SQL[] = []
  if (since !== undefined) all.push(gte(event.occurred_at, since))
  if (until !== undefined) all.push(lt(event.occurred_at, until))
  return all
}

export const every = (all: readonly SQL[]): SQL | undefined => and(...all)

export interface ConditionText {
  readonly text: string
  readonly params: readonly Parameter[]
}

/**
 * The filter within a period (a segment of a walk; the filter's own is not looked at) for a statement written by hand: `from
 * pgtrail.${source.events}` without an alias. Parameters from `$first` on; `true` where nothing is asked. Throws TrailError `usage`.
 */
export function conditionText(
  filter: EventFilter,
  { since, until }: Period,
  source: Source,
  first: number,
): ConditionText {
  const time = columnOf(source, "occurred_at")
  const all = [...fragments(filter, source)]
  if (since !== undefined) all.push(written`${time} >= ${since}`)
  if (until !== undefined) all.push(written`${time} < ${until}`)
  return numbered(joined(all, "and", "true"), first)
}
