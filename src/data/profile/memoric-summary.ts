// Memoric's audit summary table: its statistics (events by type, failed ones, unique users) of each day, out of the daily summaries.
import { failedOutcomes } from "../stats/statement.js"
import type { Companion, Place } from "./shape.js"

/** Days that wait to be counted again are left out: what their rows say is not so. */
function sql({ schema, organization }: Place): string {
  return `
create or replace view ${schema}.audit_summary with (security_barrier = true) as
select
    g.day,
    g.event_type::varchar as event_type,
    g.events::bigint as total_events,
    coalesce(g.failed, 0)::bigint as failed_operations,
    (select count(*) from pgtrail.summary_actor a where a.organization_id = ${organization} and a.day = g.day) as unique_users
from (
    select s.day, s.event_type, sum(s.events) as events, sum(s.events) filter (where s.outcome in ${failedOutcomes}) as failed
    from pgtrail.summary s
    where s.organization_id = ${organization} and not exists (
        select from pgtrail.summary_recount r where r.organization_id = s.organization_id and r.day = s.day)
    group by s.day, s.event_type
) g;
comment on column ${schema}.audit_summary.day is 'Day of UTC';
comment on column ${schema}.audit_summary.total_events is 'Events of this type, as far as pgtrail summary refresh has counted';
comment on column ${schema}.audit_summary.failed_operations is 'Of these without success';
comment on column ${schema}.audit_summary.unique_users is 'Who did anything on that day, of whatever type';`
}

export const auditSummary: Companion = { name: "audit_summary", kind: "view", sql }
