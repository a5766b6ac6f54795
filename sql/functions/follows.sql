-- Whether an event follows what stands before it in its lane: the beginning of the lane, or an event of whatever partition.
create or replace function pgtrail.follows(organization text, lane smallint, seq bigint, previous_hash bytea) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return exists (
        select from pgtrail.chain_head h
        where seq = 1 and h.organization_id = organization and h.lane = follows.lane and h.seq = 0 and h.hash = previous_hash
    ) or pgtrail.stands(organization, lane, seq - 1, previous_hash, null);
end
$$;
comment on function pgtrail.follows(text, smallint, bigint, bytea) is 'Whether an event fits what is before it in the lane';
revoke all on function pgtrail.follows(text, smallint, bigint, bytea) from public;
