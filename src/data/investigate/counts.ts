// Counts events by columns: which actors, resources or values there are, the most frequent first.
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import type { EventColumn } from "../event-columns.js"
import { kindOf, writeTime } from "../query/columns.js"
import { conditionText } from "../query/filter.js"
import { type Question, withWalk } from "../query/walk.js"
import { failedOutcomes } from "../stats/statement.js"

export interface CountOptions extends Question {
  /** At most this many; without it, all. */
  readonly limit?: number | undefined
}

export interface Count {
  readonly events: string
  /** With outcome failure, denied or error: what `stats` calls failed_operations. */
  readonly failed: string
  readonly first_event: string
  readonly last_event: string
}

export interface Counted<Row> {
  readonly rows: readonly (Row & Count)[]
  /** How many there are, shown or not. */
  readonly groups: string
  /** Events that were counted. */
  readonly events: string
}

/**
 * One statement: the server alone can count millions of values in little memory of ours, so it opens the partitions of the period.
 * `by`: the columns, in their order; events without a value of the last one are left out. `also`: further expressions to be told of.
 */
export async function countBy<K extends EventColumn>(
  target: ConnectionTarget,
  by: readonly K[],
  { limit, ...asked }: CountOptions,
  also: Readonly<Record<string, string>> = {},
): Promise<Counted<Readonly<Record<K, string> & Record<string, string | null>>>> {
  const last = by.at(-1)
  const isArray = last !== undefined && kindOf(last) === "array"
  const columns = by.map((name) => (isArray && name === last ? `element.value as ${name}` : name))
  const present = isArray ? "element.value is not null" : `${last} is not null`
  const each = isArray ? `cross join lateral unnest(${last}) element (value)` : ""
  const further = Object.entries(also).map(([name, expression]) => `, ${expression} as ${name}`)
  const groups = by.map((_, at) => at + 1).join(", ")
  const rows = await withWalk(target, asked, {}, async ({ client, source, filter }) => {
    const { text, params } = conditionText(filter, asked, source, 1)
    const counted = await client.query<Record<string, string>>(
      `select ${columns.join(", ")}, count(*) as events, count(*) filter (where outcome in ${failedOutcomes}) as failed,
       min(occurred_at) as first_event, max(occurred_at) as last_event${further.join("")},
       count(*) over () as all_groups, sum(count(*)) over () as all_events
     from pgtrail.${source.events} ${each} where ${text} and ${present}
     group by ${groups} order by count(*) desc, ${groups}${limit === undefined ? "" : ` limit ${Math.max(limit, 1)}`}`,
      [...params],
    )
    return counted.rows
  })
  return {
    rows: rows.slice(0, limit).map(({ all_groups: _, all_events: __, ...row }) => {
      const { first_event: first = "", last_event: newest = "" } = row
      // The columns were asked for by name.
      return { ...row, first_event: writeTime(first), last_event: writeTime(newest) } as unknown as Count &
        Readonly<Record<K, string>>
    }),
    groups: rows[0]?.all_groups ?? "0",
    events: rows[0]?.all_events ?? "0",
  }
}

/** A name where all events of the group have the same; null where there is none, or several. */
const onlyOne = (column: EventColumn): string =>
  `case when min(${column}) = max(${column}) then min(${column}) end`

/** Actors by organization, those with the most events first. */
export const actors = (target: ConnectionTarget, options: CountOptions) =>
  countBy(target, ["organization_id", "actor_id"], options, {
    actor_name: onlyOne("actor_name"),
    actor_type: onlyOne("actor_type"),
  })

/** Resources by organization, those with the most events first. Without a type that is asked for, all of them. */
export const resources = (target: ConnectionTarget, options: CountOptions) =>
  countBy(target, ["organization_id", "resource_type", "resource_id"], options, {
    resource_name: onlyOne("resource_name"),
  })

/** Values of one column, the most frequent first; of an array, its elements. Throws `usage` for a column that has one value an event. */
export async function fieldValues(target: ConnectionTarget, column: EventColumn, options: CountOptions) {
  const kind = kindOf(column)
  if (["json", "time", "bytes"].includes(kind) || perEvent.has(column)) {
    const what = kind === "json" ? "is JSON" : "has another value in nearly every event"
    throw new TrailError("usage", `${column} ${what}: its values are not counted`, {
      hint: kind === "json" ? "pgtrail query --where PATH asks for what is in details" : "pgtrail field list",
    })
  }
  return countBy(target, [column], options)
}

const perEvent: ReadonlySet<EventColumn> = new Set(["id", "seq", "identity_salt", "content_salt"])
