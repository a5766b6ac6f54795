-- Writes the head of seq 0 of a new lane, which is never pruned, and returns its hash, the genesis hash.
create or replace function pgtrail.open_lane(organization text, lane smallint) returns bytea
language sql volatile parallel unsafe
as $$
    insert into pgtrail.chain_head
    select organization, lane, 0, sha256(record_send(row('pgtrail genesis'::text, l.log_id, organization, lane)))
    from pgtrail.log l
    returning hash
$$;
comment on function pgtrail.open_lane(text, smallint) is 'Genesis head of a new lane';
revoke all on function pgtrail.open_lane(text, smallint) from public;
