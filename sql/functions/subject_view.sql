-- Makes pg_temp.pgtrail_found: the events of a partition that are in the plan, oldest first, for whoever gives them out. A partition is readable
-- to readers and auditors; this shows nothing but what was found, until the transaction ends. 'archive NAME': those in pg_temp.pgtrail_restored.
create or replace function pgtrail.subject_view(partition_name text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set client_min_messages = 'warning'
as $$
declare
    relation regclass := pgtrail.subject_relation(partition_name);
begin
    perform pgtrail.check_subject_stage();
    if to_regclass('pg_temp.pgtrail_found') is not null then
        drop view pg_temp.pgtrail_found;
    end if;
    -- The places are sorted, and not the events: these are fetched one after the other, as long as they are joined by a nested loop.
    execute format(
        'create temporary view pgtrail_found as '
        'select p.as_actor, p.as_subject, p.mentioned, e.* '
        'from (select * from pg_temp.pgtrail_plan p where %s order by p.occurred_at, p.organization_id, p.lane, p.seq) p '
        'join only %s e on e.ctid = p.place',
        case when starts_with(partition_name, 'archive ') then format('p.archive = %L', substr(partition_name, 9))
            else format('p.partition_name = %L', partition_name) end,
        relation);
    grant select on pg_temp.pgtrail_found to public;
end
$$;
comment on function pgtrail.subject_view(text) is 'Temporary view of the events of a partition that were found';
revoke all on function pgtrail.subject_view(text) from public;
