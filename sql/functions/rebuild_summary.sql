-- Puts every day of an organization on the list of those to be counted anew, with what the summaries say of it now, so that
-- pgtrail.recount_summary can compare. Returns how many. A cursor beyond the head of its lane, which a restored table may leave, comes back.
create or replace function pgtrail.rebuild_summary(organization text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
declare
    home record;
begin
    perform pgtrail.lock_summary();
    update pgtrail.summary_cursor c set seq = h.seq
    from pgtrail.summary_cursor o, lateral (
        select coalesce(max(h.seq), 0) as seq from pgtrail.chain_head h
        where h.organization_id = o.organization_id and h.lane = o.lane) h
    where o.organization_id = organization and c.organization_id = o.organization_id and c.lane = o.lane and c.seq > h.seq;

    insert into pgtrail.summary_recount
    select organization, s.day, true
    from (
        select s.day from pgtrail.summary s where s.organization_id = organization
        union
        select a.day from pgtrail.summary_actor a where a.organization_id = organization
    ) s
    on conflict do nothing;
    -- In each partition from day to day in the index.
    for home in
        select s.nspname, c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace s on s.oid = c.relnamespace
        where i.inhparent = 'pgtrail.event'::regclass
    loop
        execute format($q$
            with recursive known as (
                (
                    select (e.occurred_at at time zone 'UTC')::date as day from only %1$I.%2$I e
                    where e.organization_id = $1 order by e.organization_id, e.occurred_at limit 1
                )
                union all
                select n.day
                from known k, lateral (
                    select (e.occurred_at at time zone 'UTC')::date as day from only %1$I.%2$I e
                    where e.organization_id = $1
                        and e.occurred_at > (k.day::timestamp + interval '23:59:59.999999') at time zone 'UTC'
                    order by e.organization_id, e.occurred_at limit 1
                ) n
            )
            insert into pgtrail.summary_recount select $1, k.day, true from known k
            on conflict do nothing $q$, home.nspname, home.relname)
        using organization;
    end loop;
    return (select count(*) from pgtrail.summary_recount r where r.organization_id = organization);
end
$$;
comment on function pgtrail.rebuild_summary(text) is 'Has all summaries of an organization counted anew';
revoke all on function pgtrail.rebuild_summary(text) from public;
