-- Refuses an event above the setting event-size-limit, naming both sizes. Called for large events only.
create or replace function pgtrail.check_event_size(size bigint) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size_limit constant bigint := greatest(65536,
        (select s.value::bigint from pgtrail.setting s where s.name = 'event-size-limit'));
begin
    if size > size_limit then
        raise exception using
            errcode = 'TR004',
            message = format('the event has %s bytes and the limit is %s', size, size_limit),
            hint = 'Keep large content elsewhere and log a reference, or raise the setting event-size-limit.';
    end if;
    return true;
end
$$;
comment on function pgtrail.check_event_size(bigint) is 'Refuses an event above the size limit';
revoke all on function pgtrail.check_event_size(bigint) from public;
