// The one statement that counts events of any origin by several dimensions in one reading.
import type { EventColumn } from "../event-columns.js"
import type { Parameter } from "../query/fragment.js"
import type { Dimension } from "./options.js"

/** Outcomes of operations that failed: a list of SQL. */
export const failedOutcomes = "('failure', 'denied', 'error')"

/** Of an event's column: the expression by which the origin names it. */
type Named = (column: EventColumn) => string

const expressions: Readonly<Record<Dimension, (named: Named) => string>> = {
  actor: (named) => named("actor_id"),
  resource: (named) =>
    `case when ${named("resource_id")} is null then ${named("resource_type")}
       else concat(${named("resource_type")}, '/', ${named("resource_id")}) end`,
  type: (named) => named("event_type"),
  outcome: (named) => named("outcome"),
  severity: (named) => named("severity"),
  category: (named) => named("category"),
  // The session's time zone is UTC.
  hour: (named) => `date_trunc('hour', ${named("occurred_at")})`,
  day: (named) => `(${named("occurred_at")} at time zone 'UTC')::date`,
}

export interface Origin {
  /** `from` and `where`, without these words' parameters. */
  readonly text: string
  readonly params: readonly Parameter[]
  readonly named: Named
}

/** Rows of `CountRow`. By type and by actor it always counts: the totals and the different actors come from there. */
export function countStatement(
  { text, params, named }: Origin,
  by: readonly Dimension[],
): { text: string; params: readonly Parameter[] } {
  const all: Dimension[] = [...new Set<Dimension>(["type", "actor", ...by])]
  const shown = all.filter((one) => one === "type" || by.includes(one))
  const pick = (write: (dimension: Dimension) => string): string =>
    all.map((dimension) => `when grouping(p."${dimension}") = 0 then ${write(dimension)}`).join(" ")
  return {
    text: `with picked as (
  select ${all.map((dimension) => `${expressions[dimension](named)} as "${dimension}"`).join(", ")},
    ${named("outcome")} in ${failedOutcomes} as is_failed, ${named("data_size_bytes")} as data_size_bytes
  ${text}
), counted as materialized (
  select case ${pick((dimension) => `'${dimension}'`)} end as dimension,
    case ${pick((dimension) => `p."${dimension}"::text`)} end as value,
    count(*) as events, count(*) filter (where p.is_failed) as failed, coalesce(sum(p.data_size_bytes), 0) as bytes
  from picked p group by grouping sets (${all.map((dimension) => `(p."${dimension}")`).join(", ")})
)
select c.dimension, c.value, c.events, c.failed, c.bytes from counted c
where c.dimension in (${shown.map((dimension) => `'${dimension}'`).join(", ")})
union all
select 'keys', string_agg(encode(substr(sha256(convert_to(c.value, 'UTF8')), 1, 16), 'hex'), ''), 0, 0, 0
from counted c where c.dimension = 'actor' and c.value is not null`,
    params,
  }
}
