-- The last microsecond of the day, in UTC, until which a request must be answered: so many calendar months after it was received. Granted to
-- nobody: who enters and extends a request calls it.
create or replace function pgtrail.request_due(received timestamptz, months int) returns timestamptz
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
    select date_trunc('day', received + make_interval(months => months)) + interval '1 day - 1 microsecond'
$$;
comment on function pgtrail.request_due(timestamptz, int) is 'The end of the day until which a request must be answered';
revoke all on function pgtrail.request_due(timestamptz, int) from public;
