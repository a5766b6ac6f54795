-- Counts events that no summary has yet, at most `max_events` of them: in each lane those between pgtrail.summary_cursor and the head,
-- each once, on the day that it occurred, however late it came. Then it counts anew the days of pgtrail.summary_recount. One
-- transaction: whatever stops it, either all of it is counted and the cursor moved, or nothing.
-- `missing`: places without an event that no purge tells of, and that no detached partition has; pgtrail verify tells of them. What stands in
-- a detached partition is not counted: when it is attached, its days are counted anew. `recounted`: events of the days that were counted
-- anew. `wrong`: days of a rebuild that were not right.
create or replace function pgtrail.refresh_summary(max_events bigint)
returns table (events bigint, missing bigint, days bigint, recounted bigint, wrong bigint, behind bigint, days_left bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
set jit = off
as $$
#variable_conflict use_column
declare
    organizations text[];
    lanes smallint[];
    firsts bigint[];
    lasts bigint[];
    places bigint;
    left_behind bigint;
    expected bigint;
    counted bigint := 0;
    n bigint;
    home record;
    again record;
begin
    if (max_events between 1 and 10000000) is not true then
        raise exception using errcode = 'TR009', message = 'a run counts from 1 to 10000000 events',
            hint = 'Nothing was changed.';
    end if;
    perform pgtrail.lock_summary();

    select array_agg(w.organization_id), array_agg(w.lane), array_agg(w.first), array_agg(w.last),
        coalesce(sum(w.last - w.first + 1), 0), coalesce(max(w.whole), 0)
    into organizations, lanes, firsts, lasts, places, left_behind
    from (
        select b.organization_id, b.lane, b.first, least(b.head, b.first - 1 + max_events - b.before)::bigint as last, b.whole
        from (
            select h.organization_id, h.lane, coalesce(c.seq, 0) + 1 as first, h.seq as head,
                sum(h.seq - coalesce(c.seq, 0)) over (order by h.organization_id, h.lane) - (h.seq - coalesce(c.seq, 0)) as before,
                sum(h.seq - coalesce(c.seq, 0)) over () as whole
            from pgtrail.newest_heads() h
            left join pgtrail.summary_cursor c on c.organization_id = h.organization_id and c.lane = h.lane
            where h.seq > coalesce(c.seq, 0)
        ) b
        where b.before < max_events
    ) w;
    select places - coalesce(sum(upper(r) - lower(r)), 0) into expected
    from unnest(organizations, lanes, firsts, lasts) w (organization_id, lane, first, last)
    join pgtrail.purge p on p.organization_id = w.organization_id and p.lane = w.lane and p.restored_seq is null,
        unnest(p.ranges * int8multirange(int8range(w.first, w.last, '[]'))) r;

    -- By the primary key, in one partition after the other, until all are found: mostly they are in the newest.
    for home in
        select s.nspname, c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace s on s.oid = c.relnamespace
        where i.inhparent = 'pgtrail.event'::regclass
        order by substring(pg_get_expr(c.relpartbound, c.oid) from 'TO [(]''([^'']*)''[)]$')::timestamptz desc nulls last
    loop
        exit when counted >= expected;
        execute format($q$
            with picked as materialized (
                select w.organization_id, (e.occurred_at at time zone 'UTC')::date as day, e.category, e.event_type, e.outcome,
                    e.actor_id, e.data_size_bytes
                from unnest($1, $2, $3, $4) w (organization_id, lane, first, last)
                cross join lateral (
                    select e.occurred_at, e.category, e.event_type, e.outcome, e.actor_id, e.data_size_bytes
                    from only %I.%I e
                    where e.organization_id = w.organization_id and e.lane = w.lane and e.seq between w.first and w.last offset 0
                ) e
            ), counted as (
                insert into pgtrail.summary as s
                select p.organization_id, p.day, sha256(record_send(row(p.category, p.event_type, p.outcome))),
                    p.category, p.event_type, p.outcome, count(*), coalesce(sum(p.data_size_bytes), 0)
                from picked p
                group by p.organization_id, p.day, p.category, p.event_type, p.outcome
                on conflict (organization_id, day, key) do update
                set events = s.events + excluded.events, data_size_bytes = s.data_size_bytes + excluded.data_size_bytes
            ), acted as (
                insert into pgtrail.summary_actor as s
                select p.organization_id, p.day, substr(sha256(convert_to(p.actor_id, 'UTF8')), 1, 16), p.actor_id, count(*),
                    count(*) filter (where p.outcome in ('failure', 'denied', 'error')), coalesce(sum(p.data_size_bytes), 0)
                from picked p
                where p.actor_id is not null
                group by p.organization_id, p.day, p.actor_id
                on conflict (organization_id, day, actor_key) do update
                set events = s.events + excluded.events, failed = s.failed + excluded.failed,
                    data_size_bytes = s.data_size_bytes + excluded.data_size_bytes
            )
            select count(*) from picked $q$, home.nspname, home.relname)
        into n
        using organizations, lanes, firsts, lasts;
        counted := counted + n;
    end loop;
    if counted < expected then
        for home in
            select d.name
            from pgtrail.detached_partition d
            join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
            where not exists (select from pg_inherits i where i.inhrelid = c.oid)
        loop
            execute format($q$
                select count(*)
                from unnest($1, $2, $3, $4) w (organization_id, lane, first, last)
                cross join lateral (
                    select from only pgtrail.%I e
                    where e.organization_id = w.organization_id and e.lane = w.lane and e.seq between w.first and w.last offset 0
                ) e $q$, home.name)
            into n
            using organizations, lanes, firsts, lasts;
            expected := greatest(expected - n, counted);
        end loop;
    end if;
    insert into pgtrail.summary_cursor
    select * from unnest(organizations, lanes, lasts)
    on conflict (organization_id, lane) do update set seq = excluded.seq;

    select count(*) as days, coalesce(sum(r.events), 0)::bigint as events, count(*) filter (where r.differs) as wrong into again
    from pgtrail.recount_summary(max_events - places) r;
    return query select counted, expected - counted, again.days, again.events, again.wrong, left_behind - places,
        (select count(*) from pgtrail.summary_recount);
end
$$;
comment on function pgtrail.refresh_summary(bigint) is 'Counts what the summaries lack';
revoke all on function pgtrail.refresh_summary(bigint) from public;
