-- Over 250 lines because it is one transaction, read from its beginning to its end.
-- Removes events of one partition and records it, by one act whose digest is over the rows that it leaves in pgtrail.purge: those whose
-- time is over by the rules of retention, or with `everything` all. Of them stays what a hold keeps, and what does not verify: a hash,
-- a link or a bound that does not fit, which is evidence (`override`, ids of findings, lets that go too). `everything` leaves nothing:
-- where something must stay, it refuses.
-- `archive`: not what retention lets go of, but what is due for an archive, or occurred within its time, and only if the records come to
-- the digest of those that the archive has, whose file is written before. Else nothing is purged, and `places` says what would be.
-- Where all goes the partition is dropped. Where a part goes it is built anew without that part, if `rewrite`, or rows are deleted,
-- `portion` at most; with `rewrite` null as fits: anew where a quarter goes of more than a megabyte (or of what `pgtrail.rewrite_from` says,
-- in bytes: a new table takes some pages itself). `most` limits each way. `dry_run` tells, and does nothing; the bytes are an estimate then.
-- `fresh` are those whose time is over, and that are not yet in the log for the grace: the last of them is at `fresh_until`.
-- All in one transaction: it is done and recorded, or nothing of it is. All reading comes before the locks. What matters then is that
-- nothing was decided meanwhile (no act of the kinds below), and that events which arrived late are seen: those beyond the heads of before.
create or replace function pgtrail.purge_partition(
    partition_name text, reason text, organization text default null, everything boolean default false, rewrite boolean default null,
    most bigint default null, patience interval default '30 seconds', requested_by text default null, override text[] default null,
    portion bigint default 100000, dry_run boolean default false, archive jsonb default null,
    out seq bigint, out events bigint, out method text, out held bigint, out unsound bigint, out remaining bigint, out bytes_freed bigint,
    out fresh bigint, out fresh_until timestamptz, out policies jsonb, out places jsonb
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set hash_mem_multiplier = 16
set parallel_tuple_cost = 0
set jit = off
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    deciding constant text[] := array['hold', 'release', 'retention', 'setting', 'purge', 'restore', 'redact', 'detach', 'attach',
        'incarnation'];
    -- Before anything is read that such an act changes.
    newest_act constant bigint := (select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding));
    started constant timestamptz := coalesce(pgtrail.check_archive(archive, partition_name), clock_timestamp());
    grace constant text := coalesce((select s.value from pgtrail.setting s where s.name = 'retention-grace'), '7d');
    grace_began constant timestamptz := started - rtrim(grace, 'd')::int * interval '24 hours';
    partition record;
    bounds text;
    hold text := 'false';
    sound text;
    -- The kinds of events that there are, and how long each is kept.
    kinds record;
    over text;
    lanes record;
    -- Whether each lane has all places from its first to its last here, as events that arrive in the order of their time have: then what
    -- is beside these two is all that must be known. Where something turns out to be wrong with what shall go, it is told anew without.
    whole boolean;
    total record;
    -- Of the events whose time is over, in the order of places, those that are looked at; all where `look` is null.
    look bigint;
    passed bigint := 0;
    -- Nothing is wrong with what shall go, until it shows: then where ranges end is told from what their neighbours turned out to be.
    all_go boolean := true;
    seen record;
    temporary text;
    built record;
    records pgtrail.purge[];
    digest bytea;
    archived pgtrail.archive_kind[];
    late bigint;
    n bigint;
begin
    if coalesce(btrim(purge_partition.reason, E' \t\r\n'), '') = '' or length(purge_partition.reason) > 2000
        or length(purge_partition.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was purged.',
            message = 'a purge takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif exists (select from unnest(override) o where (o ~ '^[0-9a-f]{16}$') is not true) or cardinality(override) not between 1 and 1000 then
        raise exception using errcode = 'TR009', message = 'findings are named by their ids, 1000 at most', hint = 'Nothing was purged.';
    elsif most < 1 or portion < 1 or everything and num_nonnulls(organization, most) > 0 then
        raise exception using errcode = 'TR009', hint = 'Nothing was purged.',
            message = 'a purge of everything knows neither an organization nor a limit, and a limit is at least 1';
    elsif archive is not null and (everything or num_nonnulls(most, override) > 0) then
        raise exception using errcode = 'TR009', message = 'what goes into an archive verifies, and knows no limit', hint = 'Nothing was purged.';
    elsif current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'events are removed at the isolation level read committed',
            hint = 'Nothing was purged.';
    end if;
    -- Who changes partitions has read them before: two at once would each keep the other from locking them.
    perform pgtrail.await_lock(-8, patience);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = purge_partition.partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was purged; pgtrail partition list tells all.';
    end if;
    bounds := case when partition.attached then coalesce(pg_get_partition_constraintdef(partition.oid), 'true')
        else format('occurred_at >= %L and occurred_at < %L', partition.since, partition.until) end;
    -- What has a digest in the place of its values, and no redaction that tells of it, is evidence.
    sound := format('%s and octet_length(e.previous_hash) = 32 and %s and (%s)', pgtrail.hash_condition(), pgtrail.redaction_condition(), bounds);
    bytes_freed := pg_total_relation_size(partition.oid);

    -- What is kept how long, and of how much the time is over.
    select c.* into kinds
    from pgtrail.purge_condition(partition.relation, organization, everything, archive, started, grace_began) c;
    over := format('(%s and %s)', kinds.over, kinds.settled);
    execute format('select count(*) as events, count(*) filter (where %1$s) as over, count(*) filter (where %2$s and not %3$s) as fresh, '
            'max(%4$s) filter (where %2$s and not %3$s) as newest from only %5$s e %6$s',
        over, kinds.over, kinds.settled, kinds.entered, partition.relation, kinds.joins)
    into total;
    fresh := total.fresh;
    fresh_until := total.newest + (started - grace_began);
    events := 0;
    held := 0;
    unsound := 0;
    remaining := 0;
    method := 'none';
    if total.over = 0 and not everything then
        bytes_freed := 0;
        places := case when archive is not null then '[]'::jsonb end;
        return;
    end if;
    rewrite := coalesce(rewrite, total.over * 4 >= total.events
            and bytes_freed > coalesce(nullif(current_setting('pgtrail.rewrite_from', true), '')::bigint, 1000000)) and partition.attached and (most is null or total.over <= most)
        and (partition.is_default or not exists (
            -- To attach a partition PostgreSQL reads DEFAULT under the lock.
            select from pgtrail.partitions() p where p.is_default and pg_relation_size(p.oid) > 67108864));
    if total.over > most or not (rewrite or everything or dry_run or archive is not null or total.over = total.events and not partition.is_default) then
        look := least(most, case when not dry_run then portion end);
        if most is null and look >= total.over then
            look := null;
        end if;
    end if;
    if exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        hold := pgtrail.hold_condition();
    end if;

    -- The lanes by number: number and seq in one are sorted ten times faster than the name of an organization, a lane and a seq.
    execute format($q$
        with recursive place as (
            (select e.organization_id, e.lane from only %1$s e order by e.organization_id, e.lane limit 1)
            union all
            select f.organization_id, f.lane
            from place p, lateral (
                select e.organization_id, e.lane from only %1$s e where (e.organization_id, e.lane) > (p.organization_id, p.lane)
                order by e.organization_id, e.lane limit 1
            ) f
        ), lane as (
            select p.organization_id, p.lane,
                (select e.seq from only %1$s e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq limit 1) as first,
                (select e.seq from only %1$s e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq desc limit 1) as last
            from place p
        )
        select coalesce(array_agg(l.organization_id), '{}') as organizations, coalesce(array_agg(l.lane), '{}') as lanes,
            coalesce(array_agg(l.first), '{}') as firsts, coalesce(array_agg(l.last), '{}') as lasts,
            min(l.first) > -4398046511104 and max(l.last) < 4398046511104 and count(*) < 524288 as fits,
            sum(l.last::numeric - l.first + 1) as places
        from lane l $q$, partition.relation)
    into lanes;
    whole := lanes.fits and lanes.places = total.events;

    -- One reading of all rows, in the order of places: what each of them is by itself and beside its neighbours, and the ranges of those
    -- that go. Where some are looked at, their hashes alone are computed. Without `offset 0` what is costly would be computed twice.
    loop
        execute format($q$
            with head as materialized (
                select h.organization_id, h.lane, h.seq from pgtrail.newest_heads() h
            ), lane as materialized (
                select l.* from unnest($4, $5, $6, $7) with ordinality l (organization_id, lane, first, last, l)
            ), beyond as materialized (
                select l.l, coalesce(h.seq, 0) as newest
                from lane l
                left join head h on h.organization_id = l.organization_id and h.lane = l.lane
                where coalesce(h.seq, 0) < (select e.seq from only %1$s e where e.organization_id = l.organization_id and e.lane = l.lane
                    order by e.seq desc limit 1)
            ), purged as materialized (
                -- What was purged before, among the events that are here and beside them: of each range the ends, as neighbours tells them.
                select l.l, b.seq, b.after, b.hash
                from lane l
                join pgtrail.purge p on p.organization_id = l.organization_id and p.lane = l.lane,
                    unnest(p.ranges) with ordinality r (range, n),
                    lateral (values (lower(r.range), true, substr(p.hashes, (r.n * 64 - 63)::int, 32)),
                        (upper(r.range) - 1, false, substr(p.hashes, (r.n * 64 - 31)::int, 32))) b (seq, after, hash)
                where p.restored_seq is null and r.range && int8range(l.first - 1, l.last + 1, '[]')
            ), judged as (
                select e.ctid as place, %7$s as key, e.organization_id, e.lane, e.seq, e.previous_hash, e.hash, e.occurred_at, e.recorded_at,
                    l.l, p.n, %2$s and l.l is not null as over, case when %2$s then %3$s else false end as held,
                    case when $3 or $1 is not null then true when %2$s then %4$s else false end as sound
                from only %1$s e
                left join unnest($4, $5) with ordinality l (organization_id, lane, l) on l.organization_id = e.organization_id and l.lane = e.lane
                %5$s
                offset 0
            ), beside as (
                select j.*, lag(j.key) over w as key_before, lag(j.hash) over w as hash_before,
                    lead(j.key) over w as key_after, lead(j.previous_hash) over w as previous_after, %6$s as turn,
                    lag(j.over and not j.held and j.sound) over w as wanted_before, lead(j.over and not j.held and j.sound) over w as wanted_after
                from judged j
                window w as (order by j.key)
            ), edge as (
                %9$s
            ), neighbour as materialized (
                select p.l, p.seq, p.after, p.hash from purged p
                union all
                select n.l, n.seq, n.after, n.hash
                from (
                    select array_agg(w.organization_id) as organizations, array_agg(w.lane) as lanes, array_agg(w.seq) as seqs,
                        array_agg(w.after) as afters, array_agg(w.l) as ls
                    from edge w
                ) w, pgtrail.neighbours(w.organizations, w.lanes, w.seqs, w.afters, w.ls) n
            ), checked as (
                select b.*, b.over and not b.held and b.sound
                    and ($1 is null or b.turn > $2 and b.turn <= $2 + $1)
                    and ($3 or $1 is null or (select %4$s from only %1$s e where e.ctid = b.place))
                    and ($3 or b.key is distinct from b.key_before and b.key is distinct from b.key_after
                        and case when b.l in (select y.l from beyond y) then b.seq <= (select y.newest from beyond y where y.l = b.l) else true end
                        and case when b.key_before = b.key - 1 then b.previous_hash = b.hash_before
                            else (b.l, b.seq - 1, b.previous_hash) in (select n.l, n.seq, n.hash from neighbour n where not n.after) end
                        and case when b.key_after = b.key + 1 then b.previous_after = b.hash
                            else (b.l, b.seq + 1, b.hash) in (select n.l, n.seq, n.hash from neighbour n where n.after) end) as goes
                from beside b
                order by b.key
                offset 0
            ), run as (
                %8$s
            ), counted as materialized (
                select r.l, r.n, count(*) as total, count(*) filter (where r.over) as over,
                    count(*) filter (where r.over and r.held) as held, count(*) filter (where r.goes) as events,
                    min(r.occurred_at) filter (where r.goes) as oldest_occurred_at, max(r.occurred_at) filter (where r.goes) as newest_occurred_at,
                    min(r.recorded_at) filter (where r.goes) as oldest_recorded_at, max(r.recorded_at) filter (where r.goes) as newest_recorded_at,
                    array_agg(r.seq) filter (where r.first) as firsts, array_agg(r.seq) filter (where r.last) as lasts,
                    array_agg(case when octet_length(r.previous_hash) = 32 then r.previous_hash else sha256(r.previous_hash) end)
                        filter (where r.first) as befores,
                    array_agg(case when octet_length(r.hash) = 32 then r.hash else sha256(r.hash) end) filter (where r.last) as ends
                from run r
                group by r.l, r.n
            ), border as (
                select f.l, f.first, l.last, f.before, l.hash, lag(l.last) over w as last_before, lead(f.first) over w as first_after
                from (
                    select c.l, f.seq as first, f.hash as before, row_number() over (order by c.l, f.seq) as at
                    from counted c, unnest(c.firsts, c.befores) f (seq, hash)
                ) f
                join (
                    select c.l, f.seq as last, f.hash, row_number() over (order by c.l, f.seq) as at
                    from counted c, unnest(c.lasts, c.ends) f (seq, hash)
                ) l on l.at = f.at
                window w as (partition by f.l order by f.first)
            ), ranges as (
                -- A place that occurs twice, and of which one stays, leaves two ranges beside one another: they become one.
                select e.l, range_agg(int8range(e.first, e.last, '[]')) as ranges,
                    string_agg(case when e.first <= e.last_before + 1 then ''::bytea else e.before end
                        || case when e.first_after <= e.last + 1 then ''::bytea else e.hash end, ''::bytea order by e.first) as hashes
                from border e
                group by e.l
            ), record as (
                select row(0, l.organization_id, l.lane, r.ranges, r.hashes, c.events, c.oldest_occurred_at, c.newest_occurred_at,
                    c.oldest_recorded_at, c.newest_recorded_at, null)::pgtrail.purge as record
                from (
                    select c.l, sum(c.events)::bigint as events, min(c.oldest_occurred_at) as oldest_occurred_at,
                        max(c.newest_occurred_at) as newest_occurred_at, min(c.oldest_recorded_at) as oldest_recorded_at,
                        max(c.newest_recorded_at) as newest_recorded_at
                    from counted c
                    where c.events > 0
                    group by c.l
                ) c
                join ranges r on r.l = c.l
                join lane l on l.l = c.l
                order by l.organization_id, l.lane
            )
            select (select array_agg(r.record) from record r) as records,
                (select array_agg(h.organization_id order by h.organization_id, h.lane) from head h) as organizations,
                (select array_agg(h.lane order by h.organization_id, h.lane) from head h) as lanes,
                (select array_agg(h.seq order by h.organization_id, h.lane) from head h) as seqs,
                array_agg(c.n) as kinds, array_agg(c.events) as counts, array_agg(c.oldest_occurred_at) as oldest,
                array_agg(c.newest_occurred_at) as newest, coalesce(sum(c.total), 0)::bigint as events,
                coalesce(sum(c.over), 0)::bigint as over, coalesce(sum(c.held), 0)::bigint as held, coalesce(sum(c.events), 0)::bigint as gone
            from counted c $q$, partition.relation, over, hold, sound, kinds.joins,
            case when look is null then 'null::bigint'
                else 'count(*) filter (where j.over and not j.held) over (order by j.key rows unbounded preceding)' end,
            case when lanes.fits then 'l.l * 8796093022208 + e.seq' else 'l.l * 36893488147419103232.0 + e.seq' end,
            case when all_go and look is null then 'select c.*, c.goes and (c.wanted_before and c.key - c.key_before in (0, 1)) is not true as first, '
                    'c.goes and (c.wanted_after and c.key_after - c.key in (0, 1)) is not true as last from checked c'
                else 'select c.*, c.goes and (lag(c.goes) over w and c.key - c.key_before in (0, 1)) is not true as first, '
                    'c.goes and (lead(c.goes) over w and c.key_after - c.key in (0, 1)) is not true as last from checked c window w as (order by c.key)' end,
            case when whole then 'select l.l, l.organization_id, l.lane, b.seq, b.after from lane l, '
                    'lateral (values (l.first - 1, false), (l.last + 1, true)) b (seq, after)'
                else 'select b.l, b.organization_id, b.lane, n.seq, n.after from beside b, '
                    'lateral (values (b.seq - 1, false, b.previous_hash, b.key_before is distinct from b.key - 1), '
                    '(b.seq + 1, true, b.hash, b.key_after is distinct from b.key + 1)) n (seq, after, hash, apart) '
                    'where (b.key_before is distinct from b.key - 1 or b.key_after is distinct from b.key + 1) and n.apart '
                    'and b.over and not b.held and b.sound and ($1 is null or b.turn > $2 and b.turn <= $2 + $1) '
                    'and b.seq between 1 and 9007199254740990 '
                    'and (b.l, n.seq, n.after, n.hash) not in (select p.l, p.seq, p.after, p.hash from purged p)' end)
        into seen
        using look, passed, override is not null, lanes.organizations, lanes.lanes, lanes.firsts, lanes.lasts;
        if (whole or all_go and look is null) and seen.gone < least(seen.over - seen.held - passed, look) then
            all_go := false;
            whole := false;
            continue;
        end if;
        records := seen.records;
        events := seen.gone;
        held := seen.held;
        n := seen.over - held - passed;
        remaining := greatest(n - look, 0);
        remaining := coalesce(remaining, 0);
        unsound := passed + n - remaining - events;
        if look is null and events > portion and events < seen.events and not (rewrite or everything or dry_run or archive is not null) then
            -- Something stays, so that it is not dropped: then row by row.
            look := least(most, portion);
        elsif events = 0 and remaining > 0 then
            passed := passed + look;
        else
            exit;
        end if;
    end loop;
    if everything and held + unsound > 0 then
        if held > 0 then
            perform pgtrail.refuse_held(partition.relation);
        end if;
        raise exception using errcode = 'TR013',
            message = format(case unsound when 1 then '1 event of %2$s does not verify: it is evidence, and stays'
                else '%s events of %s do not verify: they are evidence, and stay' end, unsound, partition.name),
            hint = format('Nothing was purged; pgtrail verify tells what is wrong with %s.', case unsound when 1 then 'it' else 'them' end);
    elsif events = 0 and not (everything and seen.events = 0) then
        bytes_freed := 0;
        places := case when archive is not null then '[]'::jsonb end;
        return;
    end if;
    method := case when events = seen.events and not partition.is_default then 'drop' when rewrite then 'rewrite' else 'delete' end;
    select jsonb_agg(jsonb_build_object('policy', p.policy, 'rule', p.rule, 'cutoff', to_char(started - p.days * interval '24 hours', time_form),
        'events', p.events) || case when archive is null then jsonb_build_object('floor', p.floor, 'keep', p.days)
            else jsonb_build_object('archive_after', p.days) end order by p.policy, p.days, p.floor, p.rule)
    into policies
    from (
        select k.policy, k.rule, k.floor, k.days, sum(c.events)::bigint as events
        from unnest(seen.kinds, seen.counts) c (n, events)
        join (
            select k.n, k.policy, k.rule, case when archive is null then k.floor end as floor,
                case when archive is null then k.keep else k.after end as days
            from unnest(kinds.policies, kinds.rules, kinds.floors, kinds.keeps, kinds.archive_afters) with ordinality
                k (policy, rule, floor, keep, after, n)
        ) k on k.n = c.n
        where c.events > 0 and (archive->>'due')::boolean is not false
        group by 1, 2, 3, 4
    ) p;
    select sha256(coalesce(string_agg(record_send(row('pgtrail purge'::text, r.organization_id, r.lane, r.ranges::text, r.hashes, r.events,
        r.oldest_occurred_at, r.newest_occurred_at, r.oldest_recorded_at, r.newest_recorded_at)), ''::bytea
        order by r.organization_id collate "C", r.lane), ''::bytea)) into digest
    from unnest(records) r;
    if archive is not null and (dry_run or archive->>'records' is distinct from encode(digest, 'hex')) then
        select jsonb_agg(jsonb_build_object('organization_id', r.organization_id, 'lane', r.lane, 'ranges', r.ranges::text, 'events', r.events)
            order by r.organization_id collate "C", r.lane) into places
        from unnest(records) r;
    end if;
    if dry_run then
        -- What is built anew has its pages of each index too, however little stays.
        bytes_freed := case method when 'drop' then bytes_freed when 'rewrite' then greatest(0, (bytes_freed
            - 24576 * (select count(*) from pg_index i where i.indrelid = partition.oid))::numeric * events / seen.events)::bigint else 0 end;
        return;
    elsif places is not null then
        bytes_freed := 0;
        return;
    end if;

    -- What stays, in a table that nobody sees yet; what of it was not there when the rows were judged stays too.
    if method = 'rewrite' then
        temporary := left(partition.name, 50) || '_rewritten';
        select b.* into built from pgtrail.build_partition(temporary, partition.relation,
            'left join unnest($1) r on r.organization_id = e.organization_id and r.lane = e.lane where (r.ranges @> e.seq) is not true',
            bounds, records) b;
        if built.added + events < seen.events then
            raise exception using errcode = 'TR013', message = format('events of %s changed while they were purged', partition.name),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
    end if;

    -- From here on nothing is decided by others: a hold that came meanwhile is seen, and one that comes later finds nothing.
    if method = 'delete' then
        perform pgtrail.await_lock(-1, patience);
    else
        perform pgtrail.lock_partitions(array(
            select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and partition.attached), patience, true);
    end if;
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure',
            message = format('something was decided while the events of %s were read', partition.name),
            hint = 'Nothing of it was purged. Run it again.';
    end if;
    if method = 'drop' then
        select count(*) into late from pgtrail.late_events(partition.relation, seen.organizations, seen.lanes, seen.seqs) l;
        if late > 0 then
            raise exception using errcode = 'serialization_failure',
                message = format('%s arrived in %s while it was read', case late when 1 then '1 event' else late || ' events' end, partition.name),
                hint = 'Nothing of it was purged. Run it again.';
        end if;
    elsif method = 'rewrite' then
        execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
            'on conflict do nothing', temporary, partition.relation)
        using partition.relation, built.organizations, built.lanes, built.seqs;
    end if;

    if archive is not null then
        archived := pgtrail.archive_kinds(kinds.organizations, kinds.classifications, kinds.types, kinds.classes, kinds.tags,
            seen.kinds, seen.counts, seen.oldest, seen.newest);
        archive := pgtrail.archive_parameters(archive, archived, partition.since, partition.until, policies);
    end if;
    seq := pgtrail.record_act('purge', jsonb_build_object('organization', organization, 'partition', partition.name, 'method', method,
        'reason', purge_partition.reason, 'requested_by', purge_partition.requested_by, 'override', to_jsonb(override),
        'lanes', coalesce(cardinality(records), 0), 'events', events,
        'oldest', (select to_char(min(r.oldest_occurred_at), time_form) from unnest(records) r),
        'newest', (select to_char(max(r.newest_occurred_at), time_form) from unnest(records) r),
        'policies', case when archive is null then policies end, 'archive', archive, 'holds', encode(pgtrail.holds_in_force(started), 'hex'),
        'grace', grace, 'at', to_char(started, time_form)), digest);
    insert into pgtrail.purge
    select purge_partition.seq, r.organization_id, r.lane, r.ranges, r.hashes, r.events, r.oldest_occurred_at, r.newest_occurred_at,
        r.oldest_recorded_at, r.newest_recorded_at
    from unnest(records) r;
    if archive is not null then
        insert into pgtrail.archive
        select purge_partition.seq, archive->>'name', archive->>'location', partition.name, partition.since, partition.until, purge_partition.events,
            (archive->>'bytes')::bigint, decode(archive->>'manifest', 'hex'), min(r.oldest_occurred_at), max(r.newest_occurred_at)
        from unnest(records) r;
        insert into pgtrail.archive_kind
        select purge_partition.seq, k.kind, k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, k.events,
            k.oldest_occurred_at, k.newest_occurred_at
        from unnest(archived) k;
    end if;
    if method = 'delete' then
        execute format('delete from only %s e using unnest($1) r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.ranges @> e.seq', partition.relation) using records;
        get diagnostics n = row_count;
        if n <> events then
            raise exception using errcode = 'TR013', message = format('events of %s changed while they were purged', partition.name),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        bytes_freed := 0;
    else
        execute format('drop table %s', partition.relation);
        if not partition.attached then
            delete from pgtrail.detached_partition d where d.name = partition.name;
        elsif method = 'rewrite' then
            perform pgtrail.join_partition(temporary, partition.name, case when partition.is_default then 'default'
                else format('for values from (%s) to (%s)', coalesce(quote_literal(nullif(partition.since, '-infinity')), 'minvalue'),
                    coalesce(quote_literal(nullif(partition.until, 'infinity')), 'maxvalue')) end);
            bytes_freed := greatest(bytes_freed - pg_total_relation_size(format('pgtrail.%I', partition.name)::regclass), 0);
        end if;
    end if;
    perform pgtrail.forget_summary(r.organization_id, min(r.oldest_occurred_at), max(r.newest_occurred_at))
    from unnest(records) r group by r.organization_id;
end
$$;
comment on function pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb) is
    'Removes what retention says from a partition, and records it';
revoke all on function pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb) from public;
