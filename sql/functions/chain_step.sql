-- One link of a chain, for the aggregate pgtrail.chain: puts the hash before it into an event's canonical bytes and hashes them.
-- previous_hash has a fixed width, so its place in the bytes is known from the bytes before it.
-- Names are qualified instead of setting search_path, which would take longer than the hash.
create or replace function pgtrail.chain_step(state bytea, frame bytea, place int, first_hash bytea) returns bytea
language plpgsql immutable parallel safe
as $$
begin
    return pg_catalog.sha256(pg_catalog.overlay(frame, coalesce(state, first_hash), place));
end
$$;
comment on function pgtrail.chain_step(bytea, bytea, int, bytea) is 'One link of a chain';
revoke all on function pgtrail.chain_step(bytea, bytea, int, bytea) from public;
