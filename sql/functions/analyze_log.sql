-- Gathers the planner's statistics of all events together: those of the parent are its own, and autovacuum never gathers them.
create or replace function pgtrail.analyze_log() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    analyze pgtrail.event;
end
$$;
comment on function pgtrail.analyze_log() is 'Gathers the statistics of all events';
revoke all on function pgtrail.analyze_log() from public;
