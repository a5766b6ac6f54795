-- Refuses to look through a partition twice: the plan would have each event twice, and the act count it so.
-- By its index: nothing has counted yet what is in the plan, and it is asked for each partition.
create or replace function pgtrail.refuse_found(partition_name text) returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
begin
    if exists (
        select from pg_temp.pgtrail_plan p where coalesce(p.partition_name, 'archive ' || p.archive) = refuse_found.partition_name)
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = format('%s was looked through in this transaction already', partition_name);
    end if;
end
$$;
comment on function pgtrail.refuse_found(text) is 'Refuses to look through a partition twice';
revoke all on function pgtrail.refuse_found(text) from public;
