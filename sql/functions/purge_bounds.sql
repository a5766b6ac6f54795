-- The ranges of places that purges have removed from a lane and that no restore brought back, each with the hash before its first event and
-- that of its last.
create or replace function pgtrail.purge_bounds(organization text, lane smallint)
returns table (first bigint, last bigint, before bytea, hash bytea)
language sql stable parallel safe
as $$
    select lower(r.range), upper(r.range) - 1,
        substr(p.hashes, (r.n * 64 - 63)::int, 32), substr(p.hashes, (r.n * 64 - 31)::int, 32)
    from pgtrail.purge p, unnest(p.ranges) with ordinality r (range, n)
    where p.organization_id = purge_bounds.organization and p.lane = purge_bounds.lane and p.restored_seq is null
$$;
comment on function pgtrail.purge_bounds(text, smallint) is 'What purges have removed from a lane';
revoke all on function pgtrail.purge_bounds(text, smallint) from public;
