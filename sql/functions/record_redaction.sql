-- Records what redact_partition replaced in this transaction, by one act whose digest is over all redactions of the log: of each block of
-- 65536 places the digest of its entries. So the newest act vouches for all entries, and none tells which act an entry is of: that would
-- tie together for ever the events of one subject. Begins again where something was decided since redact_begin.
-- `archive`: what was replaced are the rows of an archive, of which this is the new one: {archive, name, location, manifest, bytes}.
-- It is where the old one was, has redacted rows, or events that came back and were redacted in the log since, and in `table:` its manifest is
-- looked at. What lies elsewhere the server cannot read: whether the files are there and are these, verify --archive and archive verify tell.
create or replace function pgtrail.record_redaction(
    strategy text, reason text, requested_by text default null, request text default null, in_text boolean default false,
    since timestamptz default null, until timestamptz default null, archive jsonb default null, patience interval default '30 seconds',
    cleared bigint[] default null,
    out seq bigint, out events bigint, out identity bigint, out content bigint, out held bigint, out unsound bigint, out kept bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    begun pgtrail.redacting;
    started timestamptz;
    counts record;
    blocks pgtrail.redaction[];
    fits boolean;
    digest bytea;
    old pgtrail.archive;
    staged record;
    cleared_holds pgtrail.hold[];
begin
    perform pgtrail.check_subject_stage();
    if coalesce(btrim(record_redaction.reason, E' \t\r\n'), '') = '' or length(record_redaction.reason) > 2000
        or length(record_redaction.requested_by) > 200 or length(record_redaction.request) > 200
        or (record_redaction.strategy in ('erase', 'hash', 'token', 'encrypt', 'reapply')) is not true
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = 'a redaction takes its strategy, a reason, of 2000 characters at most, and who asked for it and by which request in 200 each';
    end if;
    delete from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned() returning r.* into begun;
    if not found then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'no redaction was begun in this transaction',
            hint = 'Nothing was changed.';
    end if;
    perform pgtrail.await_lock(-1, patience);
    perform pgtrail.check_request(record_redaction.request);
    if begun.newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (pgtrail.deciding_kinds()))
    then
        raise exception using errcode = 'serialization_failure', message = 'something was decided while the events were read',
            hint = 'Nothing was changed. Run it again.';
    end if;
    started := clock_timestamp();
    -- Whoever redacts by a register has no names, but what was cleared before.
    if archive is null then
        select array_agg(jsonb_populate_record(h, jsonb_build_object('salt', null,
            'actor_id', case when h.actor_id is not null then '[erased]' end,
            'resource_id', case when h.resource_id is not null then '[erased]' end,
            'correlation_id', case when h.correlation_id is not null then '[erased]' end)) order by h.act_seq)
        into cleared_holds
        from pgtrail.hold h
        where (h.released_seq is not null or h.expires_at <= started) and h.cleared_seq is null
            and h.act_seq = any (case when record_redaction.strategy = 'reapply' then record_redaction.cleared else pgtrail.named_holds() end);
    end if;
    select count(*) filter (where p.done) as events, count(*) filter (where p.done and p.identity_fields <> '{}') as identity,
        count(*) filter (where p.done and p.content_fields <> '{}') as content, count(*) filter (where p.held) as held,
        count(*) filter (where not p.sound and not p.held) as unsound, count(*) filter (where p.done and p.law is not null) as kept,
        count(distinct p.organization_id) filter (where p.done) as organizations, count(distinct p.partition_name) filter (where p.done) as partitions,
        count(distinct p.archive) filter (where p.done) as archives
    into counts
    from pg_temp.pgtrail_plan p;
    if archive is not null then
        select a.* into old from pgtrail.archive a where a.name = record_redaction.archive->>'archive' and a.removed_seq is null for update;
        if not found then
            raise exception using errcode = 'undefined_object', message = format('there is no archive %s', record_redaction.archive->>'archive'),
                hint = 'Nothing was changed; pgtrail archive list tells all.';
        elsif (archive->>'manifest' ~ '^[0-9a-f]{64}$' and archive->>'bytes' ~ '^[0-9]{1,18}$'
            and archive->>'name' ~ '^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$' and starts_with(archive->>'name', old.partition_name || '-')
            and archive->>'location' = old.location) is not true
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'an archive that takes the place of another has a name of the same partition, its location, a manifest and a number of bytes';
        elsif exists (select from pgtrail.archive a where a.name = record_redaction.archive->>'name') then
            raise exception using errcode = 'TR011', message = format('there is an archive %s already', record_redaction.archive->>'name'),
                hint = 'Nothing was changed.';
        elsif old.location = 'table:' and (archive->>'manifest', (archive->>'bytes')::bigint) is distinct from ((
            select encode(sha256(string_agg(p.data, ''::bytea order by p.part)), 'hex')
            from pgtrail.archive_storage_part p where p.id = (record_redaction.archive->>'name') || '/manifest.json'
        ), (select sum((s.metadata->>'bytes')::bigint)::bigint from pgtrail.archive_storage s where starts_with(s.id, (record_redaction.archive->>'name') || '/')))
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('the database has no archive %s with this manifest and of this size', record_redaction.archive->>'name');
        end if;
    end if;
    -- Events that came back into the log are redacted there; their archive follows, and nothing is replaced in it by itself.
    if counts.identity + counts.content <> begun.entries or begun.strategy <> record_redaction.strategy then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'the plan of this redaction is not the one by which values were replaced';
    end if;
    if counts.archives > 0 and (archive is null or counts.partitions > 0 or old.restored_seq is not null
            or exists (select from pg_temp.pgtrail_plan p where p.done and p.archive <> old.name))
        or counts.archives = 0 and archive is not null and old.restored_seq is null
    then
        raise exception using errcode = 'TR009', message = 'the rows of an archive are redacted by themselves, and recorded with it', hint = 'Nothing was changed.';
    end if;

    -- What was carried out no statistics know yet: each entry would be looked for in the whole plan.
    analyze pg_temp.pgtrail_plan (organization_id, lane, seq, done);
    -- The entries of the blocks that were touched, and what the others have. Those that were there before must be the ones that the block tells.
    with touched as (
        select distinct p.organization_id, p.lane, p.seq >> 16 as block from pg_temp.pgtrail_plan p where p.done
    ), entry as (
        select t.block, r.*, record_send(row('pgtrail redaction entry'::text, r.organization_id, r.lane, r.seq, r.group_name, r.number,
                r.fields, r.old_digest, r.new_digest)) as record,
            p.place is not null and (lead(r.seq) over following, lead(r.group_name) over following) is distinct from (r.seq, r.group_name) as is_new
        from touched t
        join pgtrail.redaction_entry r on r.organization_id = t.organization_id and r.lane = t.lane
            and r.seq >= t.block << 16 and r.seq < (t.block + 1) << 16
        left join pg_temp.pgtrail_plan p on p.done and p.organization_id = r.organization_id and p.lane = r.lane and p.seq = r.seq
            and cardinality(case r.group_name when 'identity' then p.identity_fields else p.content_fields end) > 0
        -- In the order in which the digests are made, so that it is sorted once.
        window following as (partition by t.organization_id, t.lane, t.block order by r.seq, r.group_name, r.number)
    ), block as (
        select e.organization_id, e.lane, e.block, count(*) as entries,
            sha256(string_agg(e.record, ''::bytea order by e.seq, e.group_name, e.number)) as digest,
            count(*) filter (where not e.is_new) as entries_before,
            sha256(string_agg(e.record, ''::bytea order by e.seq, e.group_name, e.number) filter (where not e.is_new)) as digest_before
        from entry e
        group by 1, 2, 3
    )
    select array_agg(row(b.organization_id, b.lane, b.block, b.entries, b.digest)::pgtrail.redaction),
        bool_and(coalesce(b.entries_before = r.entries and b.digest_before = r.digest, b.entries_before = 0 and r.entries is null))
    into blocks, fits
    from block b
    left join pgtrail.redaction r on r.organization_id = b.organization_id and r.lane = b.lane and r.block = b.block;
    if not fits then
        raise exception using errcode = 'TR013', message = 'pgtrail.redaction_entry is not what pgtrail.redaction says: it was altered',
            hint = 'Nothing was changed; pgtrail verify tells what is wrong.';
    end if;
    select sha256(coalesce(string_agg(record_send(row('pgtrail redaction'::text, b.organization_id, b.lane, b.block, b.entries, b.digest)), ''::bytea
        order by b.organization_id collate "C", b.lane, b.block), ''::bytea)) into digest
    from (
        select b.* from unnest(blocks) b
        union all
        select r.* from pgtrail.redaction r
        where (r.organization_id, r.lane, r.block) not in (select b.organization_id, b.lane, b.block from unnest(blocks) b)
    ) b;

    if archive is not null then
        -- Else entries could be made of what never was in the log.
        perform pgtrail.subject_relation('archive ' || old.name);
        select r.* into staged from pgtrail.staged_records() r;
        if (staged.sound and staged.vouched and staged.digest = (
            select a.digest from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = old.act_seq and a.kind = 'purge')) is not true
        then
            raise exception using errcode = 'TR017', hint = 'Nothing was changed; pgtrail archive verify tells what is wrong with the archive.',
                message = format('these events are not the ones that act %s took out of the log into %s', old.act_seq, old.name);
        elsif counts.archives = 0 and not (
            exists (select from only pg_temp.pgtrail_restored e
                join pgtrail.redaction_entry r on r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq)
            and exists (select from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.seq > greatest(old.act_seq, (
                select max(m.seq) from pgtrail.act m
                where m.organization_id = 'pgtrail' and m.kind = 'redact' and m.parameters #>> '{archive,name}' = old.name))))
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('no event of %s was redacted since it was written: it stays as it is', old.name);
        end if;
    end if;

    seq := pgtrail.record_act('redact', jsonb_build_object('strategy', record_redaction.strategy, 'events', counts.events, 'identity', counts.identity,
        'content', counts.content, 'fields', (
            select coalesce(jsonb_object_agg(f.name, f.n order by f.name), '{}')
            from (
                select f.name, sum(g.n) as n
                from (
                    select p.identity_fields || p.content_fields as fields, count(*) as n from pg_temp.pgtrail_plan p where p.done group by 1
                ) g, lateral (select distinct split_part(f, '.', 1) as name from unnest(g.fields) f) f
                group by 1
            ) f),
        'kept', (select coalesce(jsonb_object_agg(k.law, k.n order by k.law), '{}') from (
            select p.law, count(*) as n from pg_temp.pgtrail_plan p where p.done and p.law is not null group by 1) k),
        'held', counts.held, 'unsound', counts.unsound, 'organizations', counts.organizations, 'partitions', counts.partitions,
        'reason', record_redaction.reason, 'requested_by', record_redaction.requested_by, 'request', record_redaction.request, 'text', in_text,
        'since', to_char(record_redaction.since, time_form), 'until', to_char(record_redaction.until, time_form), 'at', to_char(started, time_form),
        'holds', encode(pgtrail.holds_in_force(started), 'hex'), 'cleared_holds', (
            select jsonb_agg(jsonb_build_object('hold', c.act_seq, 'digest', encode(pgtrail.hold_digest(c), 'hex')) order by c.act_seq)
            from unnest(cleared_holds) c),
        'archive', case when archive is not null then jsonb_build_object('archive', old.name, 'purge', old.act_seq, 'name', archive->>'name',
            'location', archive->>'location', 'manifest', archive->>'manifest', 'bytes', (archive->>'bytes')::bigint) end), digest);
    update pgtrail.hold h
    set actor_id = c.actor_id, resource_id = c.resource_id, correlation_id = c.correlation_id, salt = null, cleared_seq = record_redaction.seq
    from unnest(cleared_holds) c
    where h.act_seq = c.act_seq;
    insert into pgtrail.redaction
    select b.* from unnest(blocks) b
    on conflict (organization_id, lane, block) do update set entries = excluded.entries, digest = excluded.digest;
    if archive is not null then
        update pgtrail.archive a
        set name = record_redaction.archive->>'name', location = record_redaction.archive->>'location',
            manifest = decode(record_redaction.archive->>'manifest', 'hex'), bytes = (record_redaction.archive->>'bytes')::bigint
        where a.act_seq = old.act_seq;
    end if;
    -- A batch's digest is one of what its events said, without a salt. Another one: a retry is told that it is another batch.
    update pgtrail.append_batch b set digest = sha256(decode(replace(gen_random_uuid()::text, '-', ''), 'hex'))
    where b.batch_id in (
        select b.batch_id
        from pgtrail.append_batch b, unnest(b.organizations, b.lanes, b.seqs) n (organization_id, lane, seq)
        join pg_temp.pgtrail_plan p on p.done and p.organization_id = n.organization_id and p.lane = n.lane and p.seq = n.seq
        where b.digest is not null);
    -- Whoever makes the summaries is waited for, and then those days alone are forgotten that they have.
    perform pg_advisory_xact_lock(1885828210, -5);
    perform pgtrail.forget_summary(d.organization_id, d.oldest, d.newest)
    from (
        select p.organization_id, (p.occurred_at at time zone 'UTC')::date as day, min(p.occurred_at) as oldest, max(p.occurred_at) as newest
        from pg_temp.pgtrail_plan p
        where p.done and p.partition_name is not null and p.identity_fields <> '{}'
        group by 1, 2
    ) d
    where exists (select from pgtrail.summary_actor s where s.organization_id = d.organization_id and s.day = d.day)
        or exists (select from pgtrail.summary s where s.organization_id = d.organization_id and s.day = d.day);
    events := counts.events;
    identity := counts.identity;
    content := counts.content;
    held := counts.held;
    unsound := counts.unsound;
    kept := counts.kept;
end
$$;
comment on function pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval, bigint[]) is 'Records a redaction';
revoke all on function pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval, bigint[]) from public;
