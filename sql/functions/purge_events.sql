-- Removes events of an organization, in each lane the places from `firsts` to `lasts` that are left, and records it: by one act, whose
-- digest is over the rows that it leaves in pgtrail.purge. The act's lock comes first: what verify and other acts say is settled then.
-- What goes must be what was verified: every place in between, once; the first event chained to what is known to be before it, the
-- beginning of the lane or an earlier purge; the last with the hash given (null: any). `override`, ids of findings, does without.
-- `partitions`: where the events are (null: anywhere). One that is left out shows itself as missing places, and nothing goes.
create or replace function pgtrail.purge_events(
    organization text, lanes smallint[], firsts bigint[], lasts bigint[], hashes bytea[], partitions oid[],
    reason text, requested_by text default null, override text[] default null, verification bigint default null
) returns table (seq bigint, events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    windows constant int := cardinality(lanes);
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    windows_form constant text := 'with windows as (select * from '
        'unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::int8multirange[]) with ordinality w (lane, first, last, purged, at)) ';
    -- Nobody can prepare rows whose places add up to those of others.
    seed constant bigint := hashtextextended(gen_random_uuid()::text, 0);
    -- By position in `lanes`: the places that are purged already.
    purged int8multirange[] := '{}';
    -- Of one lane: the first and the last place of each of its ranges, one after the other, and what is there.
    bounds bigint[];
    befores bytea[];
    ends bytea[];
    at int;
    found record;
    made pgtrail.purge;
    records pgtrail.purge[] := '{}';
    -- Position in `lanes` and partition of what is to be deleted.
    parts int[] := '{}';
    homes oid[] := '{}';
    counted bigint := 0;
    deleted bigint := 0;
    started timestamptz;
    n bigint;
    event_rows text;
    odd text;
begin
    if coalesce(btrim(purge_events.reason, E' \t\r\n'), '') = '' or length(purge_events.reason) > 2000 then
        odd := 'a purge takes a reason, of 2000 characters at most';
    elsif length(purge_events.requested_by) > 200 then
        odd := 'who asked for a purge is told in 200 characters at most';
    elsif exists (select from unnest(override) o where (o ~ '^[0-9a-f]{16}$') is not true) or cardinality(override) not between 1 and 1000 then
        odd := 'findings are named by their ids, 1000 at most';
    elsif verification is not null
        and not exists (select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = verification and a.kind = 'verify')
    then
        odd := format('act %s is no verification', verification);
    elsif organization is null or (windows > 0 and cardinality(firsts) = windows and cardinality(lasts) = windows
            and cardinality(hashes) = windows and windows = (select count(distinct l) from unnest(lanes) l)) is not true
        or exists (select from unnest(firsts, lasts) w (first, last)
            where (w.first >= 1 and w.last >= w.first and w.last < 9007199254740991) is not true)
    then
        odd := 'a purge takes an organization and, of each lane once, its first and last place';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was purged.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    started := clock_timestamp();
    if exists (select from pgtrail.hold h where h.released_seq is null and coalesce(h.organization_id = organization, true)) then
        perform pgtrail.refuse_held(p.oid::regclass, format('e.organization_id = %L and exists (select from '
            'unnest(%L::smallint[], %L::bigint[], %L::bigint[]) w (lane, first, last) where w.lane = e.lane and e.seq between w.first and w.last)',
            organization, lanes, firsts, lasts))
        from pgtrail.partitions() p
        where partitions is null or p.oid = any (partitions);
    end if;

    for i in 1 .. windows loop
        if not exists (select from pgtrail.chain_head h
            where h.organization_id = organization and h.lane = lanes[i] and h.seq >= lasts[i])
        then
            raise exception using errcode = 'TR013', message = format('lane %s does not reach the place that was verified', lanes[i]),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        purged := purged || coalesce((select range_agg(int8range(b.first, b.last, '[]'))
            from pgtrail.purge_bounds(organization, lanes[i]) b), '{}'::int8multirange);
    end loop;
    -- The events of all windows, from the partitions that matter: in each of them a lookup by its primary key for each lane.
    select concat('select w.at, null::oid as home, null::bigint as seq, null::bytea as previous_hash, null::bytea as hash, '
        'null::timestamptz as occurred_at, null::timestamptz as recorded_at from windows w where false', string_agg(format(
        ' union all select w.at, e.* from windows w cross join lateral (select e.tableoid, e.seq, e.previous_hash, e.hash, e.occurred_at, '
        'e.recorded_at from only %I.%I e where e.organization_id = $1 and e.lane = w.lane and e.seq between w.first and w.last '
        'and not w.purged @> e.seq offset 0) e', s.nspname, c.relname), ''))
    into event_rows
    from pgtrail.partitions() p
    join pg_class c on c.oid = p.oid
    join pg_namespace s on s.oid = c.relnamespace
    where partitions is null or p.oid = any (partitions);
    for found in execute windows_form || format($q$
        select p.at::int, sum(p.events) as events, sum(p.places) as places, array_agg(p.home) as homes,
            min(p.oldest_occurred) as oldest_occurred, max(p.newest_occurred) as newest_occurred,
            min(p.oldest_recorded) as oldest_recorded, max(p.newest_recorded) as newest_recorded
        from (
            select e.at, e.home, count(*) as events, sum(hashint8extended(e.seq, $6)) as places,
                min(e.occurred_at) as oldest_occurred, max(e.occurred_at) as newest_occurred,
                min(e.recorded_at) as oldest_recorded, max(e.recorded_at) as newest_recorded
            from (%s) e
            group by e.at, e.home
        ) p
        group by p.at
        order by p.at $q$, event_rows)
    using organization, lanes, firsts, lasts, purged, seed
    loop
        at := found.at;
        made.organization_id := organization;
        made.lane := lanes[at];
        made.events := found.events;
        made.oldest_occurred_at := found.oldest_occurred;
        made.newest_occurred_at := found.newest_occurred;
        made.oldest_recorded_at := found.oldest_recorded;
        made.newest_recorded_at := found.newest_recorded;
        odd := null;
        if override is null then
            made.ranges := int8multirange(int8range(firsts[at], lasts[at], '[]')) - purged[at];
            select 'has not each event once' into odd
            from unnest(made.ranges) r, generate_series(lower(r), upper(r) - 1) g
            having (count(*), sum(hashint8extended(g, seed))) is distinct from (found.events::bigint, found.places::numeric);
        else
            execute windows_form || format('select range_agg(int8range(e.seq, e.seq, ''[]'')) from (%s) e', event_rows)
            into made.ranges
            using organization, lanes[at:at], firsts[at:at], lasts[at:at], purged[at:at];
        end if;
        if odd is null then
            select array_agg(b.seq order by r.n, b.side) into bounds
            from unnest(made.ranges) with ordinality r (range, n),
                lateral (values (1, lower(r.range)), (2, upper(r.range) - 1)) b (side, seq);
            execute windows_form || format('select array_agg(o.previous_hash order by o.at), array_agg(o.hash order by o.at) '
                'from (select distinct on (e.at) e.* from (%s) e order by e.at, e.occurred_at) o', event_rows)
            into befores, ends
            using organization, array_fill(lanes[at], array[cardinality(bounds)]), bounds, bounds,
                array_fill('{}'::int8multirange, array[cardinality(bounds)]);
            -- A hash of another width was put there by somebody: it cannot be kept, and the finding says so.
            select string_agg(case when octet_length(h.hash) = 32 then h.hash else sha256(h.hash) end, ''::bytea order by b.n)
            into made.hashes
            from unnest(befores, ends) with ordinality b (before, hash, n),
                lateral (select case when b.n % 2 = 1 then b.before else b.hash end as hash) h;
        end if;
        if override is null and odd is null then
            odd := case
                when bounds[cardinality(bounds)] = lasts[at] and ends[cardinality(ends)] <> hashes[at]
                    then 'has another newest event than the one that was verified'
                when exists (
                    select from unnest(bounds, befores) with ordinality f (first, before, n)
                    left join pgtrail.purge_bounds(organization, lanes[at]) b on b.last + 1 = f.first
                    left join pgtrail.chain_head h
                        on h.organization_id = organization and h.lane = lanes[at] and h.seq = 0 and f.first = 1
                    where f.n % 2 = 1 and coalesce(b.hash, h.hash) is distinct from f.before
                ) then 'does not follow what was before it'
                when exists (
                    select from unnest(bounds, ends) with ordinality l (last, hash, n)
                    join pgtrail.purge_bounds(organization, lanes[at]) b on b.first = l.last + 1
                    where l.n % 2 = 0 and b.before <> l.hash
                ) then 'does not lead to what was purged after it'
            end;
        end if;
        if odd is not null then
            raise exception using errcode = 'TR013', message = format('lane %s %s', lanes[at], odd),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        records := records || made;
        parts := parts || array_fill(at, array[cardinality(found.homes)]);
        homes := homes || found.homes;
        counted := counted + made.events;
    end loop;
    if cardinality(records) = 0 or cardinality(records) < windows and override is null then
        raise exception using errcode = 'TR013', message = 'a lane has no event left at these places',
            hint = 'Nothing was purged; another run may have done it already.';
    end if;

    -- The guards let go what an act of this transaction says.
    select sha256(string_agg(record_send(row('pgtrail purge'::text, r.organization_id, r.lane, r.ranges::text, r.hashes, r.events,
        r.oldest_occurred_at, r.newest_occurred_at, r.oldest_recorded_at, r.newest_recorded_at)), ''::bytea order by r.lane)) as digest,
        to_char(min(r.oldest_occurred_at) at time zone 'UTC', time_form) as oldest,
        to_char(max(r.newest_occurred_at) at time zone 'UTC', time_form) as newest
    into found
    from unnest(records) r;
    made.act_seq := pgtrail.record_act('purge', jsonb_build_object('organization', organization, 'reason', purge_events.reason,
        'lanes', cardinality(records), 'events', counted, 'oldest', found.oldest, 'newest', found.newest,
        'requested_by', purge_events.requested_by, 'override', to_jsonb(override), 'verification', verification,
        'holds', encode(pgtrail.holds_in_force(started), 'hex'), 'at', to_char(started at time zone 'UTC', time_form)), found.digest);
    insert into pgtrail.purge
    select made.act_seq, r.organization_id, r.lane, r.ranges, r.hashes, r.events, r.oldest_occurred_at, r.newest_occurred_at,
        r.oldest_recorded_at, r.newest_recorded_at
    from unnest(records) r;
    for i in 1 .. cardinality(parts) loop
        at := parts[i];
        execute format('delete from only %s e where e.organization_id = $1 and e.lane = $2 and e.seq between $3 and $4 '
            'and not $5 @> e.seq', homes[i]::regclass)
        using organization, lanes[at], firsts[at], lasts[at], purged[at];
        get diagnostics n = row_count;
        deleted := deleted + n;
    end loop;
    if deleted <> counted then
        raise exception using errcode = 'TR013', message = 'events changed while they were purged',
            hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
    end if;
    perform pgtrail.forget_summary(organization, min(r.oldest_occurred_at), max(r.newest_occurred_at)) from unnest(records) r;
    return query select made.act_seq, counted;
end
$$;
comment on function pgtrail.purge_events(text, smallint[], bigint[], bigint[], bytea[], oid[], text, text, text[], bigint) is
    'Removes events of an organization, and records it';
revoke all on function pgtrail.purge_events(text, smallint[], bigint[], bigint[], bytea[], oid[], text, text, text[], bigint) from public;
