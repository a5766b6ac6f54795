-- Where the events of a partition stand that came after these heads were read: of each lane those beyond its head. Whoever appends has
-- the lane to himself until he commits, so whatever was not to be seen then is beyond the head that was.
create or replace function pgtrail.late_events(partition regclass, organizations text[], lanes smallint[], seqs bigint[])
returns table (place tid)
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    return query execute format($q$
        select e.ctid
        from pgtrail.newest_heads() n
        left join unnest($1, $2, $3) h (organization_id, lane, seq) on h.organization_id = n.organization_id and h.lane = n.lane,
            lateral (
                select e.ctid from only %s e
                where e.organization_id = n.organization_id and e.lane = n.lane and e.seq > coalesce(h.seq, 0)
                offset 0
            ) e
        where n.seq > coalesce(h.seq, 0) $q$, partition)
    using organizations, lanes, seqs;
end
$$;
comment on function pgtrail.late_events(regclass, text[], smallint[], bigint[]) is 'Events of a partition that came after a reading';
revoke all on function pgtrail.late_events(regclass, text[], smallint[], bigint[]) from public;
