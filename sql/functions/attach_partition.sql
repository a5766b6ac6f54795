-- Attaches a partition that was detached, and takes along what DEFAULT holds of its time since. Recorded by an act. `events`: how many are in
-- the queries again; `moved`: how many came along. The summaries count its days anew.
create or replace function pgtrail.attach_partition(partition_name text, patience interval default '30 seconds',
    out act bigint, out events bigint, out moved bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    partition record;
    seen record;
begin
    perform pgtrail.await_lock(-8, patience);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name and not p.attached;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no detached partition %s', partition_name),
            hint = 'Nothing was attached; pgtrail partition list tells all.';
    end if;
    -- Its check of the bounds, which detaching has left, is made good while others may read it: nothing is read under the locks.
    execute format('alter table %s validate constraint pgtrail_bounds', partition.relation);
    execute format($q$
        select array_agg(g.organization_id) as organizations, array_agg(g.day) as days, coalesce(sum(g.events), 0)::bigint as events
        from (
            select e.organization_id, (e.occurred_at at time zone 'UTC')::date as day, count(*) as events from only %s e group by 1, 2
        ) g $q$, partition.relation)
    into seen;
    events := seen.events;
    act := pgtrail.record_act('attach', jsonb_build_object('partition', partition_name,
        'since', to_char(partition.since, time_form), 'until', to_char(partition.until, time_form)));
    -- It is no longer detached: DEFAULT is split for its time, as for a new partition.
    delete from pgtrail.detached_partition d where d.name = partition_name;
    moved := pgtrail.split_default(array[partition_name], array[partition.since], array[partition.until], patience);
    perform pgtrail.forget_summary(s.organization_id, min(s.day)::timestamp at time zone 'UTC', max(s.day)::timestamp at time zone 'UTC')
    from unnest(seen.organizations, seen.days) s (organization_id, day)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id)
    group by s.organization_id;
    -- Days of which nothing was left have no rows to be forgotten, and are counted all the same.
    insert into pgtrail.summary_recount
    select s.organization_id, s.day, false
    from unnest(seen.organizations, seen.days) s (organization_id, day)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id)
    on conflict (organization_id, day) do update set compares = false;
end
$$;
comment on function pgtrail.attach_partition(text, interval) is 'Attaches a partition that was detached';
revoke all on function pgtrail.attach_partition(text, interval) from public;
