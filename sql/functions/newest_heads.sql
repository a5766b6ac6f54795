-- The newest head of each lane: from lane to lane in the index, because each has up to 128 heads.
create or replace function pgtrail.newest_heads() returns table (organization_id text, lane smallint, seq bigint)
language sql stable parallel safe
as $$
    with recursive place as (
        (select h.organization_id, h.lane from pgtrail.chain_head h order by h.organization_id, h.lane limit 1)
        union all
        select n.organization_id, n.lane
        from place p, lateral (
            select h.organization_id, h.lane from pgtrail.chain_head h
            where (h.organization_id, h.lane) > (p.organization_id, p.lane)
            order by h.organization_id, h.lane limit 1
        ) n
    )
    select p.organization_id, p.lane,
        (select max(h.seq) from pgtrail.chain_head h where h.organization_id = p.organization_id and h.lane = p.lane)
    from place p
$$;
comment on function pgtrail.newest_heads() is 'The newest head of each lane';
revoke all on function pgtrail.newest_heads() from public;
