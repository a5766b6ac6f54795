// Seed 003: error_log, and error_aggregation, which a trigger keeps: an application that writes errors has them counted.
import type { Companion } from "./shape.js"

const errorAggregation: Companion = {
  name: "error_aggregation",
  kind: "table",
  sql: ({ schema }) => `create table if not exists ${schema}.error_aggregation (
    aggregation_key varchar primary key,
    category varchar,
    severity varchar,
    count integer not null default 0,
    error_rate varchar,
    trend varchar,
    first_occurrence timestamptz,
    last_occurrence timestamptz,
    affected_components jsonb not null default '[]',
    affected_users jsonb not null default '[]',
    samples jsonb not null default '[]',
    updated_at timestamptz not null default now()
);`,
}

const aggregate: Companion = {
  name: "pgtrail_error_log_aggregate",
  kind: "function",
  signature: "()",
  isPrivate: true,
  // One statement of many rows takes its keys in one order: two such statements do not wait for each other. The rate is of a minute between
  // the first and the last occurrence; the trend compares the time since the occurrence before with the mean. Lists end at 1000 names.
  sql: ({ schema }) => `create or replace function ${schema}.pgtrail_error_log_aggregate() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $errors$
declare
    error record;
    kept ${schema}.error_aggregation;
    gap numeric;
    mean numeric;
begin
    for error in select a.* from added a where a.aggregation_key is not null order by a.aggregation_key, a.timestamp, a.id loop
        insert into ${schema}.error_aggregation (aggregation_key, first_occurrence, last_occurrence, trend)
        values (error.aggregation_key, error.timestamp, error.timestamp, 'stable')
        on conflict (aggregation_key) do nothing;
        select * into kept from ${schema}.error_aggregation g where g.aggregation_key = error.aggregation_key for update;
        if kept.count > 1 and error.timestamp >= kept.last_occurrence then
            gap := extract(epoch from error.timestamp - kept.last_occurrence);
            mean := extract(epoch from kept.last_occurrence - kept.first_occurrence) / (kept.count - 1);
            kept.trend := case when gap * 2 < mean then 'increasing' when gap > mean * 2 then 'decreasing' else 'stable' end;
        end if;
        if kept.count = 0 or error.timestamp >= kept.last_occurrence then
            kept.category := error.category;
            kept.severity := error.severity;
        end if;
        kept.count := kept.count + 1;
        kept.first_occurrence := least(kept.first_occurrence, error.timestamp);
        kept.last_occurrence := greatest(kept.last_occurrence, error.timestamp);
        kept.error_rate := round(kept.count / greatest(1, extract(epoch from kept.last_occurrence - kept.first_occurrence) / 60), 2);
        if error.component is not null and not kept.affected_components ? error.component and jsonb_array_length(kept.affected_components) < 1000 then
            kept.affected_components := kept.affected_components || to_jsonb(error.component);
        end if;
        if error.user_id is not null and not kept.affected_users ? error.user_id and jsonb_array_length(kept.affected_users) < 1000 then
            kept.affected_users := kept.affected_users || to_jsonb(error.user_id);
        end if;
        -- The newest ten.
        kept.samples := kept.samples || jsonb_build_array(jsonb_build_object('id', error.id, 'timestamp', error.timestamp,
            'code', error.code, 'message', error.message, 'component', error.component, 'operation', error.operation));
        if jsonb_array_length(kept.samples) > 10 then
            kept.samples := kept.samples - 0;
        end if;
        update ${schema}.error_aggregation g
        set category = kept.category, severity = kept.severity, count = kept.count, error_rate = kept.error_rate, trend = kept.trend,
            first_occurrence = kept.first_occurrence, last_occurrence = kept.last_occurrence, affected_components = kept.affected_components,
            affected_users = kept.affected_users, samples = kept.samples, updated_at = clock_timestamp()
        where g.aggregation_key = error.aggregation_key;
    end loop;
    return null;
end
$errors$;
revoke all on function ${schema}.pgtrail_error_log_aggregate() from public;`,
}

const errorLog: Companion = {
  name: "error_log",
  kind: "table",
  rights: ["insert", "update", "delete"],
  sql: ({ schema }) => `create table if not exists ${schema}.error_log (
    id varchar primary key,
    category varchar,
    severity varchar,
    code varchar,
    message text,
    component varchar,
    operation varchar,
    correlation_id varchar,
    user_id varchar,
    session_id varchar,
    request_id varchar,
    retryable varchar,
    aggregation_key varchar,
    context jsonb,
    troubleshooting jsonb,
    timestamp timestamptz not null default now(),
    created_at timestamptz not null default now()
);
create index if not exists error_log_aggregation on ${schema}.error_log (aggregation_key, timestamp desc);
create or replace trigger pgtrail_aggregate after insert on ${schema}.error_log
referencing new table as added for each statement execute function ${schema}.pgtrail_error_log_aggregate();`,
}

export const errorCompanions: readonly Companion[] = [errorAggregation, aggregate, errorLog]
