-- When an event `e` came into the log, as text for statements that read many: `joins` stands behind its table. What a restore brought back
-- came by that, where it is not older than `since`: it was wanted, and does not go again at once.
create or replace function pgtrail.entered_condition(since timestamptz, out joins text, out entered text)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
begin
    joins := '';
    entered := 'e.recorded_at';
    if exists (
        select from pgtrail.purge q
        join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = q.restored_seq and a.recorded_at >= since)
    then
        joins := format('left join (select q.organization_id, q.lane, range_agg(g) as ranges, max(a.recorded_at) as at '
            'from pgtrail.purge q join pgtrail.act a on a.organization_id = ''pgtrail'' and a.seq = q.restored_seq and a.recorded_at >= %L, '
            'unnest(q.ranges) g group by 1, 2) restored on restored.organization_id = e.organization_id and restored.lane = e.lane', since);
        entered := 'greatest(e.recorded_at, case when restored.ranges @> e.seq then restored.at end)';
    end if;
end
$$;
comment on function pgtrail.entered_condition(timestamptz) is 'When an event came into the log, as SQL';
revoke all on function pgtrail.entered_condition(timestamptz) from public;
