-- Makes the plan from pg_temp.pgtrail_listed, which a register tells: the places of events in this partition, and what of them was redacted.
-- What the entries say already, what is gone, and events that were recorded later than `recorded_until` are left out: after a restore others
-- have the places of those that were erased. So are places that a document does not have: an entry says what was replaced.
create or replace function pgtrail.find_listed(partition_name text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
declare
    found bigint;
begin
    perform pgtrail.check_subject_stage();
    perform pgtrail.refuse_found(partition_name);
    -- Fields stand in a statement nowhere, but what is none would be recorded for ever.
    if exists (
        select from pg_temp.pgtrail_listed l
        where (l.group_name in ('identity', 'content')) is not true or coalesce(cardinality(l.fields), 0) = 0
            or l.replacement !~ '^p1:t:none:[A-Za-z0-9_-]{22}$'
            or exists (
                select from unnest(l.fields) f
                where case l.group_name when 'identity' then f in ('actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id')
                    else f in ('resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id',
                        'correlation_id', 'tags', 'signature') or f ~ '^(request_params|before_state|after_state|details)([.][0-9]{1,9}){0,64}$' end is not true))
    then
        raise exception using errcode = 'TR009', message = 'what is to be redacted again is not a list of fields', hint = 'Nothing was changed.';
    end if;
    execute format($q$
        insert into pg_temp.pgtrail_plan
        select case when $1 not like 'archive %%' then $1 end, case when $1 like 'archive %%' then substr($1, 9) end, e.organization_id, e.lane,
            e.seq, e.occurred_at, e.event_type, e.ctid, false, false, false, l.identity, array(
                select f from unnest(l.content) f
                where f !~ '[.]' or pgtrail.json_has_place(case split_part(f, '.', 1) when 'request_params' then e.request_params
                    when 'before_state' then e.before_state when 'after_state' then e.after_state else e.details end, substr(f, strpos(f, '.') + 1))), '{}', %2$s, %3$s, %4$s and %5$s, l.replacement
        from (
            select l.organization_id, l.lane, l.seq, max(l.replacement) as replacement, min(l.recorded_until) as recorded_until,
                coalesce(array_agg(distinct f) filter (where l.group_name = 'identity'), '{}') as identity,
                coalesce(array_agg(distinct f) filter (where l.group_name = 'content'), '{}') as content
            from pg_temp.pgtrail_listed l, unnest(l.fields) f
            where not exists (
                select from pgtrail.redaction_entry r
                where r.organization_id = l.organization_id and r.lane = l.lane and r.seq = l.seq and r.group_name = l.group_name
                    and f = any (r.fields))
            group by 1, 2, 3
        ) l
        join only %1$s e on e.organization_id = l.organization_id and e.lane = l.lane and e.seq = l.seq
            and (l.recorded_until is null or e.recorded_at <= l.recorded_until) $q$,
        pgtrail.subject_relation(partition_name), pgtrail.hold_condition(), pgtrail.law_condition(), pgtrail.hash_condition(),
        pgtrail.redaction_condition())
    using partition_name;
    get diagnostics found = row_count;
    return found;
end
$$;
comment on function pgtrail.find_listed(text) is 'The plan that a register tells';
revoke all on function pgtrail.find_listed(text) from public;
