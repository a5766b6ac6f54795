-- Refuses JSON that is no event: not an object, or with a key that pgtrail.event does not have. A misspelt key must not be lost
-- silently. The message names the key, which the application chose, and no value.
create or replace function pgtrail.check_event_keys(event jsonb, keys text[]) returns void
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(event) is distinct from 'object' then
        raise exception using errcode = 'TR003', message = 'an event must be a JSON object';
    elsif event - keys <> '{}' then
        raise exception using errcode = 'TR003',
            message = format('an event has no key %s', (select to_json(left(min(k), 100)) from jsonb_object_keys(event - keys) k)),
            hint = 'Put what has no column of its own into details.';
    end if;
end
$$;
comment on function pgtrail.check_event_keys(jsonb, text[]) is 'Refuses JSON that is no event';
revoke all on function pgtrail.check_event_keys(jsonb, text[]) from public;
