-- Whether an event stands at a place, in whatever partition, attached or not, that has this hash, or this hash before it.
create or replace function pgtrail.stands(organization text, lane smallint, seq bigint, hash bytea, previous_hash bytea) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    name text;
    there boolean;
begin
    there := exists (
        select from pgtrail.event e
        where e.organization_id = organization and e.lane = stands.lane and e.seq = stands.seq
            and (e.hash = stands.hash or e.previous_hash = stands.previous_hash));
    for name in select d.name from pgtrail.detached_partition d where not there loop
        execute format('select exists (select from pgtrail.%I e where e.organization_id = $1 and e.lane = $2 and e.seq = $3 '
            'and (e.hash = $4 or e.previous_hash = $5))', name)
        into there using organization, lane, seq, hash, previous_hash;
        exit when there;
    end loop;
    return there;
end
$$;
comment on function pgtrail.stands(text, smallint, bigint, bytea, bytea) is 'Whether such an event stands at a place';
revoke all on function pgtrail.stands(text, smallint, bigint, bytea, bytea) from public;
