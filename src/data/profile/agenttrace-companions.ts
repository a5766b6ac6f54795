// What AgentTrace has beside its events: the chain with its order, the daily summary, and the archive.
import type { Companion, ViewColumn } from "./shape.js"

/** Neither the time nor the id says in which order events were chained: lane and seq do. Whom a restriction hides is hidden here as in audit_events. */
export const chainView = (columns: readonly ViewColumn[]): Companion => ({
  name: "audit_events_chain",
  kind: "view",
  sql: ({ schema }) => `create or replace view ${schema}.audit_events_chain with (security_barrier = true) as
select
${columns.map(({ read, type, name }) => `    (${read})::${type} as "${name}",`).join("\n")}
    e.lane,
    e.seq
from pgtrail.event e
where e.source = 'agenttrace'
    and ((select not exists (select from pgtrail.subject_restriction))
        or ${schema}.pgtrail_agenttrace_visible(e.organization_id, e.lane, e.seq, e.occurred_at));`,
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

/** The same columns in the same order, for INSERT ... SELECT *. What was copied once is refused the second time: the events stay in the log. */
export const archiveTable = (columns: readonly ViewColumn[]): Companion => ({
  name: "audit_events_archive",
  kind: "table",
  sql: ({ schema }) => `create table if not exists ${schema}.audit_events_archive (
${columns.map(({ name, type, isRequired }) => `    "${name}" ${type}${isRequired === true || name === "hash" ? " not null" : ""},`).join("\n")}
    unique (hash)
);`,
  rights: ["insert"],
})
