-- How many events DEFAULT holds, by the partition that they would have; null for times that none has: infinity, and those that are too
-- far off to be written as a year.
create or replace function pgtrail.default_times()
returns table (name text, since timestamptz, until timestamptz, events bigint, oldest timestamptz, newest timestamptz)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    fallback regclass;
begin
    select p.oid::regclass into fallback from pgtrail.partitions() p where p.is_default;
    if fallback is null then
        return;
    end if;
    return query execute format($q$
        with day as materialized (
            select date_trunc('day', e.occurred_at, 'UTC') as day, count(*) as events, min(e.occurred_at) as oldest, max(e.occurred_at) as newest
            from only %s e group by 1
        )
        select r.name, r.since, r.until, sum(d.events)::bigint, min(d.oldest), max(d.newest)
        from day d
        left join lateral pgtrail.partition_range(case when d.day >= timestamptz '1900-01-01 00:00+00' and d.day < timestamptz '9999-01-01 00:00+00'
            then d.day end) r on true
        group by 1, 2, 3
        order by 2 nulls last $q$, fallback);
end
$$;
comment on function pgtrail.default_times() is 'What times the events of DEFAULT have';
revoke all on function pgtrail.default_times() from public;
