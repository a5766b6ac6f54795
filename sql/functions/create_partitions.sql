-- Makes the partitions from that of one time to that of another, both included: for the installation. Boundaries are UTC.
create or replace function pgtrail.create_partitions(since timestamptz, until timestamptz) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    range record;
    next timestamptz := since;
begin
    loop
        range := pgtrail.partition_range(next);
        exit when range.since > until;
        perform pgtrail.create_partition(range.name, range.since, range.until);
        next := range.until;
    end loop;
end
$$;
comment on function pgtrail.create_partitions(timestamptz, timestamptz) is 'Makes partitions from one time to another';
revoke all on function pgtrail.create_partitions(timestamptz, timestamptz) from public;
