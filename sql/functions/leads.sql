-- Whether an event leads to what stands after it in its lane: an event of whatever partition, or nothing, where it is the head.
create or replace function pgtrail.leads(organization text, lane smallint, seq bigint, hash bytea) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return pgtrail.stands(organization, lane, seq + 1, null, hash) or leads.hash = (
        select h.hash from pgtrail.chain_head h
        where h.organization_id = organization and h.lane = leads.lane and h.seq = leads.seq
            and not exists (select from pgtrail.chain_head n
                where n.organization_id = organization and n.lane = leads.lane and n.seq > leads.seq)
    );
end
$$;
comment on function pgtrail.leads(text, smallint, bigint, bytea) is 'Whether an event fits what is after it in the lane';
revoke all on function pgtrail.leads(text, smallint, bigint, bytea) from public;
