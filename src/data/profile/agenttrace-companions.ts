// What AgentTrace has beside its events: the chain with its order, and the daily summary.
import { type Companion, readOf, type ViewColumn } from "./shape.js"
import { isVisible } from "./visible.js"

/** Neither the time nor the id says in which order events were chained: lane and seq do. Whom a restriction hides is hidden here as in audit_events. */
export const chainView = (columns: readonly ViewColumn[]): Companion => ({
  name: "audit_events_chain",
  kind: "view",
  sql: ({ schema }) => `create or replace view ${schema}.audit_events_chain with (security_barrier = true) as
select
${columns.map((column) => `    (${readOf(column, { schema })})::${column.type} as "${column.name}",`).join("\n")}
    e.lane,
    e.seq
from pgtrail.event e
where e.source = 'agenttrace'
    and ${isVisible({ name: "agenttrace" }, { schema })};`,
})

/** Always exact, so there is nothing to refresh; and an erased actor is not kept in a copy. The day is that of the session's zone, as in the system. */
export const summaryView: Companion = {
  name: "audit_daily_summary",
  kind: "view",
  sql: ({ schema }) => `create or replace view ${schema}.audit_daily_summary with (security_barrier = true) as
select
    a.organization_id,
    date(a."timestamp") as date,
    a.event_category,
    count(*) as event_count,
    count(distinct a.actor_id) as unique_actors
from ${schema}.audit_events a
group by a.organization_id, date(a."timestamp"), a.event_category;`,
}
