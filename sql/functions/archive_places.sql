-- Which places would leave a partition into an archive: those that purge_partition would take by the same parameters, if all of their events
-- verify. It reads neither hash nor link, and tells nothing of an event but where it stands.
create or replace function pgtrail.archive_places(
    partition_name text, organization text default null, since timestamptz default null, until timestamptz default null,
    due boolean default false, at timestamptz default now()
) returns table (organization_id text, lane smallint, ranges int8multirange, events bigint)
language plpgsql stable security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    partition regclass;
    condition record;
begin
    select p.oid into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    select c.* into condition
    from pgtrail.purge_condition(partition, organization, false, jsonb_build_object('due', due, 'since', since, 'until', until), at,
        at - coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours') c;
    return query execute format($q$
        select r.organization_id, r.lane, range_agg(int8range(r.first, r.last, '[]')), sum(r.events)::bigint
        from (
            select g.organization_id, g.lane, min(g.seq) as first, max(g.seq) as last, count(*) as events
            from (
                select e.organization_id, e.lane, e.seq, e.seq - row_number() over (partition by e.organization_id, e.lane order by e.seq) as run
                from only %s e
                %s
                where %s and %s and not (%s) and e.seq between 1 and 9007199254740991
            ) g
            group by 1, 2, g.run
        ) r
        group by 1, 2
        order by 1, 2 $q$, partition, condition.joins, condition.over, condition.settled, pgtrail.hold_condition());
end
$$;
comment on function pgtrail.archive_places(text, text, timestamptz, timestamptz, boolean, timestamptz) is 'Which places would leave into an archive';
revoke all on function pgtrail.archive_places(text, text, timestamptz, timestamptz, boolean, timestamptz) from public;
