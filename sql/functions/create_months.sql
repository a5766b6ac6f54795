-- Makes the monthly partitions from the month of one time to the month of another, both included. Boundaries are UTC.
create or replace function pgtrail.create_months(since timestamptz, until timestamptz) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    month timestamptz;
begin
    for month in select generate_series(date_trunc('month', since), date_trunc('month', until), interval '1 month') loop
        perform pgtrail.create_partition('event_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month');
    end loop;
end
$$;
comment on function pgtrail.create_months(timestamptz, timestamptz) is 'Makes monthly partitions';
revoke all on function pgtrail.create_months(timestamptz, timestamptz) from public;
