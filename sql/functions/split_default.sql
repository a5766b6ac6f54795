-- Makes partitions of a log at work, and takes along what DEFAULT holds of their time. Where DEFAULT has nothing of it and is small, they are
-- attached, for which PostgreSQL reads DEFAULT under a lock; else DEFAULT is built anew without those rows before anybody has to wait.
-- Never by a check on DEFAULT itself, which would refuse events of that time until the partition is there. What arrives while it is built is
-- copied after, again and again, until little is left for the moment under the lock. Tells what was taken along.
create or replace function pgtrail.split_default(
    names text[], sinces timestamptz[], untils timestamptz[], patience interval default '30 seconds', out moved bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    range_form constant text := '((occurred_at >= %L::timestamptz) and (occurred_at < %L::timestamptz))';
    fallback record;
    wanted record;
    built record;
    rest record;
    head record;
    any_of text;
    others text;
    rebuilt boolean;
    rest_name constant text := 'event_default_rebuilt';
    -- What takes, brings back or changes events of DEFAULT, or gives their time to another partition.
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    newest_act bigint;
    -- The partition that this transaction attaches again, and has recorded so.
    attached constant text := (select a.parameters->>'partition' from pgtrail.act a
        where a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now() and a.kind = 'attach' order by a.seq desc limit 1);
    tail text;
    late tid[];
    rounds int := 0;
    locked boolean := false;
    n bigint;
begin
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    if cardinality(names) is distinct from cardinality(sinces) or cardinality(names) is distinct from cardinality(untils)
        or coalesce(cardinality(names), 0) = 0 or exists (
            select from unnest(names, sinces, untils) w (name, since, until)
            where (w.name ~ '^event_[a-z0-9_]{1,40}$' and w.name !~ '_(rebuilt|rewritten)$' and isfinite(w.since) and isfinite(w.until) and w.since < w.until) is not true)
        or exists (
            select from unnest(names, sinces, untils) with ordinality w (name, since, until, n)
            join (
                select p.name, p.since, p.until, 0 as n from pgtrail.partitions() p where not p.is_default
                union all
                select o.* from unnest(names, sinces, untils) with ordinality o (name, since, until, n)
            ) p on p.n < w.n and (p.since < w.until and w.since < p.until or p.name = w.name))
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was made; pgtrail partition list tells what is there.',
            message = 'a partition has a name that begins with event_, and a range of time that no other partition has, attached or not';
    end if;
    moved := 0;
    select p.*, p.oid::regclass as relation into fallback from pgtrail.partitions() p where p.is_default;
    if not found then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'pgtrail.event has no DEFAULT partition',
            hint = 'Nothing was made; pgtrail verify tells what is missing.';
    end if;
    select string_agg(format(range_form, w.since, w.until), ' or ') into any_of from unnest(names, sinces, untils) w (name, since, until);
    execute format('select exists (select from only %s where %s)', fallback.relation, any_of) into rebuilt;
    rebuilt := rebuilt or pg_relation_size(fallback.oid) > 16777216;

    -- All reading and copying first. The heads are those of the first: what came since is looked at again under the lock.
    for wanted in select * from unnest(names, sinces, untils) w (name, since, until) loop
        tail := case when rebuilt then 'where ' || format(range_form, wanted.since, wanted.until) else 'where false' end;
        if wanted.name = attached then
            -- It is there, and no query sees it: it takes what came of its time since.
            execute format('with copied as (insert into pgtrail.%I select e.* from only %s e %s returning 1) '
                'select (select count(*) from copied) as added, array_agg(h.organization_id order by h.organization_id, h.lane) as organizations, '
                'array_agg(h.lane order by h.organization_id, h.lane) as lanes, array_agg(h.seq order by h.organization_id, h.lane) as seqs '
                'from pgtrail.newest_heads() h', wanted.name, fallback.relation, tail) into rest;
        else
            select b.* into rest from pgtrail.build_partition(wanted.name, fallback.relation, tail,
                'occurred_at is not null and ' || format(range_form, wanted.since, wanted.until)) b;
        end if;
        moved := moved + rest.added;
        if built is null then
            built := rest;
        end if;
    end loop;
    if rebuilt then
        -- As PostgreSQL itself writes the bounds of DEFAULT, or it would read the table once more.
        select string_agg(format(range_form, p.since, p.until), ' or ' order by p.since) into others
        from (
            select a.since, a.until from pgtrail.partitions() a where a.attached and not a.is_default
            union all
            select * from unnest(sinces, untils)
        ) p;
        perform pgtrail.build_partition(rest_name, fallback.relation, format('where (%s) is not true', any_of),
            format('not (occurred_at is not null and (%s))', others));
    end if;

    loop
        -- The heads before the events: what comes in between is copied twice, and kept once.
        select array_agg(h.organization_id order by h.organization_id, h.lane) as organizations,
            array_agg(h.lane order by h.organization_id, h.lane) as lanes, array_agg(h.seq order by h.organization_id, h.lane) as seqs
        into head from pgtrail.newest_heads() h;
        select coalesce(array_agg(l.place), '{}') into late
        from pgtrail.late_events(fallback.relation, built.organizations, built.lanes, built.seqs) l;
        for wanted in
            select w.name, format(range_form, w.since, w.until) as condition from unnest(names, sinces, untils) w (name, since, until)
            union all
            select rest_name, format('(%s) is not true', any_of) where rebuilt
        loop
            exit when cardinality(late) = 0;
            execute format('insert into pgtrail.%I select e.* from unnest($1) l (place) join only %s e on e.ctid = l.place '
                'where %s on conflict do nothing', wanted.name, fallback.relation, wanted.condition)
            using late;
            get diagnostics n = row_count;
            if n > 0 and not rebuilt then
                raise exception using errcode = 'serialization_failure', message = format('events of %s arrived meanwhile', wanted.name),
                    hint = 'Nothing was made. Run it again.';
            elsif wanted.name <> rest_name then
                moved := moved + n;
            end if;
        end loop;
        exit when locked;
        built.organizations := head.organizations;
        built.lanes := head.lanes;
        built.seqs := head.seqs;
        rounds := rounds + 1;
        continue when cardinality(late) > 200 and rounds < 20;
        perform pgtrail.lock_partitions(array_remove(array[fallback.relation,
            case when attached is not null then to_regclass(format('pgtrail.%I', attached)) end], null), patience,
            attached is not null);
        if newest_act is distinct from (
            select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
        then
            raise exception using errcode = 'serialization_failure', message = 'events or partitions were removed meanwhile',
                hint = 'Nothing was made. Run it again.';
        end if;
        locked := true;
    end loop;
    if rebuilt then
        execute format('drop table %s', fallback.relation);
    end if;
    for wanted in select * from unnest(names, sinces, untils) w (name, since, until) loop
        if wanted.name = attached then
            execute format('drop trigger pgtrail_closed on pgtrail.%I', wanted.name);
        end if;
        perform pgtrail.join_partition(wanted.name, wanted.name, format('for values from (%L) to (%L)', wanted.since, wanted.until));
    end loop;
    if rebuilt then
        perform pgtrail.join_partition(rest_name, fallback.name, 'default');
    end if;
end
$$;
comment on function pgtrail.split_default(text[], timestamptz[], timestamptz[], interval) is 'Makes partitions of a log at work';
revoke all on function pgtrail.split_default(text[], timestamptz[], timestamptz[], interval) from public;
