-- What the rows of pg_temp.pgtrail_restored come to: the records of a purge of just these events, as their digest, and whether each has its hash
-- and follows the one before (`sound`), and has the values that redactions left (`vouched`). Callers see to it that the table is the stage.
create or replace function pgtrail.staged_records(
    out events bigint, out sound boolean, out vouched boolean, out oldest timestamptz, out newest timestamptz, out digest bytea
)
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
begin
    execute format($q$
        with hashed as (
            -- By itself: what is sorted after need not carry what the event says.
            select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash, e.occurred_at, e.recorded_at,
                %s and octet_length(e.previous_hash) = 32 as sound, %s as vouched
            from only pg_temp.pgtrail_restored e
            offset 0
        ), judged as (
            select h.*, lag(h.seq) over w as seq_before, lag(h.hash) over w as hash_before, lead(h.seq) over w as seq_after
            from hashed h
            window w as (partition by h.organization_id, h.lane order by h.seq)
        ), edge as (
            -- The first and the last place of each range, in turns.
            select j.organization_id, j.lane, j.seq, j.previous_hash, j.hash,
                j.seq_before is distinct from j.seq - 1 as first, j.seq_after is distinct from j.seq + 1 as last
            from judged j
            where j.seq_before is distinct from j.seq - 1 or j.seq_after is distinct from j.seq + 1
        ), span as (
            select e.organization_id, e.lane, e.first, e.seq, e.previous_hash,
                case when e.last then e.seq else lead(e.seq) over w end as until,
                case when e.last then e.hash else lead(e.hash) over w end as hash
            from edge e
            window w as (partition by e.organization_id, e.lane order by e.seq)
        ), ranges as (
            select s.organization_id, s.lane, range_agg(int8range(s.seq, s.until, '[]')) as ranges,
                string_agg(s.previous_hash || s.hash, ''::bytea order by s.seq) as hashes
            from span s
            where s.first
            group by 1, 2
        ), lane as (
            select j.organization_id, j.lane, count(*) as events,
                bool_and(coalesce(j.sound and j.seq is distinct from j.seq_before
                    and (j.seq_before is distinct from j.seq - 1 or j.previous_hash = j.hash_before), false)) as sound,
                bool_and(j.vouched) as vouched, min(j.occurred_at) as oldest_occurred_at, max(j.occurred_at) as newest_occurred_at,
                min(j.recorded_at) as oldest_recorded_at, max(j.recorded_at) as newest_recorded_at
            from judged j
            group by 1, 2
        )
        select sum(l.events)::bigint, bool_and(l.sound), bool_and(l.vouched), min(l.oldest_occurred_at), max(l.newest_occurred_at),
            sha256(coalesce(string_agg(record_send(row('pgtrail purge'::text, l.organization_id, l.lane, r.ranges::text, r.hashes, l.events,
                l.oldest_occurred_at, l.newest_occurred_at, l.oldest_recorded_at, l.newest_recorded_at)), ''::bytea
                order by l.organization_id collate "C", l.lane), ''::bytea))
        from lane l
        join ranges r on r.organization_id = l.organization_id and r.lane = l.lane $q$, pgtrail.hash_condition(), pgtrail.redaction_condition())
    into events, sound, vouched, oldest, newest, digest;
end
$$;
comment on function pgtrail.staged_records() is 'What the rows of an archive come to';
revoke all on function pgtrail.staged_records() from public;
