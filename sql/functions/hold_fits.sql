-- The condition that a hold `h` names an event `e`, as text for statements that read events: the one place that says it. What a hold
-- leaves out fits any event; a column without a value fits nothing.
create or replace function pgtrail.hold_fits() returns text
language sql immutable parallel safe
as $$
    select '(h.organization_id is null or h.organization_id = e.organization_id) '
        'and (h.actor_id is null or h.actor_id = e.actor_id) '
        'and (h.resource_type is null or h.resource_type = e.resource_type) '
        'and (h.resource_id is null or h.resource_id = e.resource_id) '
        'and (h.correlation_id is null or h.correlation_id = e.correlation_id) '
        'and (h.event_type is null or h.event_type = e.event_type or starts_with(e.event_type, h.event_type || ''.'')) '
        'and (h.since is null or e.occurred_at >= h.since) and (h.until is null or e.occurred_at < h.until)'
$$;
comment on function pgtrail.hold_fits() is 'The condition that a hold names an event, as SQL';
revoke all on function pgtrail.hold_fits() from public;
