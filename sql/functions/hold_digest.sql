-- What the act that placed a hold has as digest, made of its row anew; of a hold without a salt as pgtrail made it before it had any.
create or replace function pgtrail.hold_digest(h pgtrail.hold) returns bytea
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select sha256(case
        when h.salt is null then record_send(row('pgtrail hold'::text, h.case_id, h.organization_id, h.actor_id, h.resource_type, h.resource_id,
            h.correlation_id, h.event_type, h.since, h.until, h.expires_at))
        else record_send(row('pgtrail salted hold'::text, h.salt, h.case_id, h.organization_id, h.actor_id, h.resource_type, h.resource_id,
            h.correlation_id, h.event_type, h.since, h.until, h.expires_at)) end)
$$;
comment on function pgtrail.hold_digest(pgtrail.hold) is 'The digest of the act that placed a hold';
revoke all on function pgtrail.hold_digest(pgtrail.hold) from public;
