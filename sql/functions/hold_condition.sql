-- The condition that an event `e` is held, as text for statements that read events: written once, and run for many events at a time.
create or replace function pgtrail.hold_condition() returns text
language sql immutable parallel safe
as $$
    select 'exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and '
        || pgtrail.hold_fits() || ')'
$$;
comment on function pgtrail.hold_condition() is 'The condition that an event is held, as SQL';
revoke all on function pgtrail.hold_condition() from public;
