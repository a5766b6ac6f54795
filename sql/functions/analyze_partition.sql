-- Gathers the planner's statistics of one partition: the server lets only an owner do that, and an operator keeps the log.
create or replace function pgtrail.analyze_partition(partition_name text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if not exists (select from pgtrail.partitions() p where p.name = partition_name) then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    execute format('analyze pgtrail.%I', partition_name);
end
$$;
comment on function pgtrail.analyze_partition(text) is 'Gathers the statistics of a partition';
revoke all on function pgtrail.analyze_partition(text) from public;
