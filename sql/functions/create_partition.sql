-- Makes one partition of pgtrail.event with its guards and grants; does nothing where it is there. Takes ACCESS EXCLUSIVE on
-- pgtrail.event for a moment and scans the DEFAULT partition under it: for the installation. A log at work has split_default.
create or replace function pgtrail.create_partition(partition_name text, since timestamptz default null, until timestamptz default null)
returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass(format('pgtrail.%I', partition_name)) is not null then
        return;
    end if;
    if since is null then
        execute format('create table pgtrail.%I partition of pgtrail.event default', partition_name);
    else
        execute format(
            'create table pgtrail.%I partition of pgtrail.event for values from (%L) to (%L)',
            partition_name, since, until);
    end if;
    perform pgtrail.dress_partition(partition_name);
end
$$;
comment on function pgtrail.create_partition(text, timestamptz, timestamptz) is 'Makes a partition of pgtrail.event';
revoke all on function pgtrail.create_partition(text, timestamptz, timestamptz) from public;
