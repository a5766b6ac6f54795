-- How many events of a partition the holds name, whether they are in force or not, by organization and month; each event once. With
-- `free` only those that no hold in force holds. It counts, and tells nothing else of an event: an operator may ask too.
create or replace function pgtrail.held_events(partition_name text, holds bigint[], free boolean default false)
returns table (organization_id text, month text, events bigint)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
#variable_conflict use_column
declare
    partition record;
    named pgtrail.hold[];
    conditions text;
begin
    select p.* into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    select array_agg(h) into named from pgtrail.hold h
    -- Not of a hold that this transaction has placed: rolled back, it would have told of somebody and left no trace.
    where h.act_seq = any (holds) and not exists (select from pgtrail.act a
            where a.organization_id = 'pgtrail' and a.seq = h.act_seq and a.transaction_id = pg_current_xact_id_if_assigned())
        and (partition.is_default
        or (h.since is null or h.since < partition.until) and (h.until is null or h.until > partition.since));
    if named is null then
        return;
    end if;
    -- What a hold leaves out is left out of its condition, and left() is what the indexes are over: they find what it names.
    select string_agg(concat_ws(' and ', 'true',
        case when n.organization_id is not null then format('e.organization_id = ($1[%s]).organization_id', n.at) end,
        case when n.actor_id is not null
            then format('left(e.actor_id, 300) = left(($1[%1$s]).actor_id, 300) and e.actor_id = ($1[%1$s]).actor_id', n.at) end,
        case when n.resource_type is not null then format('left(e.resource_type, 100) = left(($1[%1$s]).resource_type, 100) '
            'and e.resource_type = ($1[%1$s]).resource_type', n.at) end,
        case when n.resource_id is not null then format('left(e.resource_id, 300) = left(($1[%1$s]).resource_id, 300) '
            'and e.resource_id = ($1[%1$s]).resource_id', n.at) end,
        case when n.correlation_id is not null then format('left(e.correlation_id, 300) = left(($1[%1$s]).correlation_id, 300) '
            'and e.correlation_id = ($1[%1$s]).correlation_id', n.at) end,
        case when n.event_type is not null then format('(e.event_type = ($1[%1$s]).event_type '
            'or starts_with(e.event_type, ($1[%1$s]).event_type || ''.''))', n.at) end,
        case when n.since is not null then format('e.occurred_at >= ($1[%s]).since', n.at) end,
        case when n.until is not null then format('e.occurred_at < ($1[%s]).until', n.at) end), ' or ' order by n.at)
    into conditions
    from unnest(named) with ordinality n (act_seq, case_id, organization_id, actor_id, resource_type, resource_id, correlation_id,
        event_type, since, until, expires_at, released_seq, salt, cleared_seq, at);
    return query execute format($q$
        select c.organization_id, case when not isfinite(c.month) then c.month::text
            else to_char(c.month at time zone 'UTC', 'YYYY-MM') || case when c.month < '0001-01-01Z' then ' BC' else '' end end, c.events
        from (
            select e.organization_id, date_trunc('month', e.occurred_at, 'UTC') as month, count(*) as events
            from only pgtrail.%I e where (%s) and %s group by 1, 2
        ) c order by c.organization_id, c.month $q$,
        partition_name, conditions, case when free then 'not ' || pgtrail.hold_condition() else 'true' end)
    using named;
end
$$;
comment on function pgtrail.held_events(text, bigint[], boolean) is 'How many events of a partition holds name';
revoke all on function pgtrail.held_events(text, bigint[], boolean) from public;
