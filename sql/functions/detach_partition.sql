-- Detaches a partition: its events stay in the chains and in the sight of verify, and no query finds them. Recorded by an act. Whoever
-- appends an event of its time appends it to DEFAULT. Refused while a hold is on any of its events. `events`: how many left the queries;
-- the summaries forget them.
create or replace function pgtrail.detach_partition(partition_name text, reason text, patience interval default '30 seconds',
    out act bigint, out events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    deciding constant text[] := array['hold', 'detach', 'attach', 'purge', 'restore'];
    newest_act bigint;
    partition record;
    seen record;
    late record;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009', message = 'to detach takes a reason, of 2000 characters at most', hint = 'Nothing was detached.';
    end if;
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was detached; pgtrail partition list tells all.';
    elsif not partition.attached then
        raise exception using errcode = 'TR011', message = format('%s is detached already', partition_name), hint = 'Nothing was changed.';
    elsif partition.is_default or not isfinite(partition.since) or not isfinite(partition.until) then
        raise exception using errcode = 'TR009', message = format('%s has no bounds of its own: it stays', partition_name),
            hint = 'Nothing was detached.';
    end if;
    -- In one statement with the heads: each event is either counted here or late.
    execute format($q$
        select h.*, o.*
        from (select array_agg(n.organization_id) as lane_organizations, array_agg(n.lane) as lanes, array_agg(n.seq) as seqs
              from pgtrail.newest_heads() n) h,
            (select array_agg(g.organization_id) as organizations, array_agg(g.oldest) as oldest, array_agg(g.newest) as newest,
                coalesce(sum(g.events), 0)::bigint as events
             from (
                select e.organization_id, min(e.occurred_at) as oldest, max(e.occurred_at) as newest, count(*) as events
                from only %s e group by e.organization_id
             ) g) o $q$, partition.relation)
    into seen;
    events := seen.events;
    perform pgtrail.refuse_held(partition.relation);
    perform pgtrail.lock_partitions(array(
        select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and p.attached), patience, true);
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure',
            message = format('something was decided while %s was looked at', partition_name), hint = 'Nothing was detached. Run it again.';
    end if;
    -- What came meanwhile could be held too.
    perform pgtrail.refuse_held(partition.relation, format('e.ctid in (select l.place from pgtrail.late_events(%L, %L, %L, %L) l)',
        partition.relation, seen.lane_organizations, seen.lanes, seen.seqs));
    act := pgtrail.record_act('detach', jsonb_build_object('partition', partition_name, 'reason', reason,
        'since', to_char(partition.since, time_form), 'until', to_char(partition.until, time_form)));
    execute format('alter table pgtrail.event detach partition %s', partition.relation);
    -- The seal went with its parent: nothing may come into it.
    execute format('create trigger pgtrail_closed before insert on %s for each statement execute function pgtrail.guard(''INSERT attach'')',
        partition.relation);
    execute format('alter table %s add constraint pgtrail_bounds check (occurred_at is not null and occurred_at >= %L::timestamptz '
        'and occurred_at < %L::timestamptz) not valid', partition.relation, partition.since, partition.until);
    insert into pgtrail.detached_partition values (partition_name, partition.since, partition.until, act);
    -- The rows of the summaries that say something of them. Where nothing was ever counted there are none.
    perform pgtrail.forget_summary(s.organization_id, s.oldest, s.newest)
    from unnest(seen.organizations, seen.oldest, seen.newest) s (organization_id, oldest, newest)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id);
    for late in
        execute format('select e.organization_id, min(e.occurred_at) as oldest, max(e.occurred_at) as newest, count(*) as events '
            'from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place group by e.organization_id', partition.relation)
        using partition.relation, seen.lane_organizations, seen.lanes, seen.seqs
    loop
        events := events + late.events;
        perform pgtrail.forget_summary(late.organization_id, late.oldest, late.newest);
    end loop;
end
$$;
comment on function pgtrail.detach_partition(text, text, interval) is 'Detaches a partition';
revoke all on function pgtrail.detach_partition(text, text, interval) from public;
