-- What an event in JSON has where it says nothing: the defaults of pgtrail.event.
create or replace function pgtrail.default_event(organization text default null) returns pgtrail.event
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    e pgtrail.event;
begin
    e.organization_id := coalesce(organization, 'default');
    e.occurred_at := now();
    e.severity := 'info';
    e.outcome := 'success';
    e.retention_policy := 'standard';
    return e;
end
$$;
comment on function pgtrail.default_event(text) is 'An event with nothing but defaults';
revoke all on function pgtrail.default_event(text) from public;
