-- Refuses what is no list of heads. The caller is not believed: what he calls a head must be one, and each lane must stand there once.
create or replace function pgtrail.check_heads(organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant int := cardinality(organizations);
begin
    if number is null or cardinality(lanes) is distinct from number or cardinality(seqs) is distinct from number
        or cardinality(hashes) is distinct from number
    then
        raise exception using errcode = 'TR009', message = 'the four lists of heads differ in length',
            hint = 'Nothing was recorded.';
    end if;
    if exists (
        select from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
        where not exists (
            select from pgtrail.chain_head c
            where c.organization_id = g.organization_id and c.lane = g.lane and c.seq = g.seq and c.hash = g.hash
        ) and (
            -- Not as a join, which would read all events: few heads are so old.
            select true from pgtrail.event e
            where e.organization_id = g.organization_id and e.lane = g.lane and e.seq = g.seq and e.hash = g.hash
            limit 1
        ) is null and not exists (
            -- It was one when the log was read, and was archived or purged since.
            select from pgtrail.purge p, unnest(p.ranges) with ordinality r (range, n)
            where p.organization_id = g.organization_id and p.lane = g.lane and p.restored_seq is null
                and upper(r.range) - 1 = g.seq and substring(p.hashes from (r.n * 64 - 31)::int for 32) = g.hash
        )
    ) or exists (
        select from unnest(organizations, lanes) g (organization_id, lane)
        group by g.organization_id, g.lane having count(*) > 1
    ) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'these are not the heads of the log: a lane stands twice, or a head is none';
    end if;
end
$$;
comment on function pgtrail.check_heads(text[], smallint[], bigint[], bytea[]) is 'Refuses what is no list of heads';
revoke all on function pgtrail.check_heads(text[], smallint[], bigint[], bytea[]) from public;
