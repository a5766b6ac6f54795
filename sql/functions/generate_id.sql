-- A uuid of version 7 (RFC 9562): 48 bits of milliseconds, then random bits. PostgreSQL 18 has its own; 14 to 17 have not.
-- Called by the seal trigger and by imports.
create or replace function pgtrail.generate_id() returns uuid
language sql volatile parallel safe
as $$
    -- a random version 4 uuid with the time put over its first six bytes; two bits turn version 4 into 7
    select encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
comment on function pgtrail.generate_id() is 'A uuid of version 7';
revoke all on function pgtrail.generate_id() from public;
