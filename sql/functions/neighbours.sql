-- What stands at places of the chains, in whatever partition, attached or not: the hash of each event there, or with `after` the one
-- that it has before it. Beside the ends of a lane stand its genesis, and its newest head. All places in one statement: of few it looks each
-- up, and of many it reads the partitions once; which, the planner decides, who knows how many they are. Stable: it sees what whoever
-- calls it sees. `l` numbers the lanes as the caller does.
create or replace function pgtrail.neighbours(organizations text[], lanes smallint[], seqs bigint[], afters boolean[], ls bigint[])
returns table (l bigint, seq bigint, after boolean, hash bytea)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set random_page_cost = 1.1
as $$
begin
    return query execute format($q$
        with edge as (
            select w.* from unnest($1, $2, $3, $4, $5) w (organization_id, lane, seq, after, l)
        )
        select w.l, w.seq, w.after, h.hash
        from edge w
        join pgtrail.chain_head h on h.organization_id = w.organization_id and h.lane = w.lane and h.seq = case when w.after then w.seq - 1 else 0 end
        where case when w.after then not exists (
                select from pgtrail.chain_head n where n.organization_id = h.organization_id and n.lane = h.lane and n.seq > h.seq)
            else w.seq = 0 end
        union all
        select w.l, w.seq, w.after, case when w.after then e.previous_hash else e.hash end
        from edge w
        join (select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash from pgtrail.event e%s) e
            on e.organization_id = w.organization_id and e.lane = w.lane and e.seq = w.seq $q$,
        (select string_agg(format(' union all select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash from only pgtrail.%I e', d.name), '')
            from pgtrail.detached_partition d))
    using organizations, lanes, seqs, afters, ls;
end
$$;
comment on function pgtrail.neighbours(text[], smallint[], bigint[], boolean[], bigint[]) is 'What stands at places of the chains';
revoke all on function pgtrail.neighbours(text[], smallint[], bigint[], boolean[], bigint[]) from public;
