-- Opens the next incarnation of the log, after a restore, a point-in-time recovery, a failover or a copy, and records what was lost:
-- the lanes of a checkpoint (organizations, lanes, lost_seqs, hashes) that the log no longer has. The act has their digest, and the
-- checkpoint's note with its signatures: whether they are good the database cannot tell, verify does with the public keys.
create or replace function pgtrail.open_incarnation(
    reason text, checkpoint text, organizations text[], lanes smallint[], lost_seqs bigint[], hashes bytea[],
    checkpoint_time timestamptz
) returns table (number int, log_id uuid, seq bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    lanes_lost constant int := cardinality(organizations);
    hash_form constant text := '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=';
    -- The text of the note, line by line: origin, events, digest, lanes, act, time.
    lines constant text[] := string_to_array(checkpoint, E'\n');
    opened pgtrail.incarnation;
    lost pgtrail.loss[];
    digest bytea;
    origin uuid;
    odd text;
begin
    if open_incarnation.reason is null or open_incarnation.reason not in ('restore', 'pitr', 'failover', 'copy') then
        odd := 'an incarnation is opened for restore, pitr, failover or copy';
    elsif octet_length(open_incarnation.checkpoint) > 65536 or (open_incarnation.checkpoint ~ concat(
        '^pgtrail/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[1-9][0-9]{0,8}\n(?:0|[1-9][0-9]{0,38})\n', hash_form,
        '\nlanes (?:0|[1-9][0-9]{0,38})\nact [1-9][0-9]{0,17} ', hash_form,
        '\ntime [0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\n\n(?:\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$'
    )) is not true then
        odd := 'an incarnation needs the signed note of a checkpoint';
    elsif isfinite(checkpoint_time) is not true then
        odd := 'an incarnation needs the time of the checkpoint';
    elsif checkpoint_time < timestamptz '0001-01-01 00:00:00+00'
        or lines[6] <> to_char(checkpoint_time at time zone 'UTC', '"time "YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    then
        odd := 'the time is not that of the checkpoint';
    elsif lanes_lost is null or cardinality(lanes) is distinct from lanes_lost
        or cardinality(lost_seqs) is distinct from lanes_lost or cardinality(hashes) is distinct from lanes_lost
    then
        odd := 'the four lists of what was lost differ in length';
    elsif exists (
        select from unnest(organizations, lanes, lost_seqs, hashes) g (organization_id, lane, lost_seq, hash)
        where g.organization_id is null or g.lane is null or not coalesce(g.lost_seq between 1 and 9007199254740992, false)
            or octet_length(g.hash) is distinct from 32
    ) or exists (
        select from unnest(organizations, lanes) g (organization_id, lane)
        group by g.organization_id, g.lane having count(*) > 1
    ) then
        odd := 'what was lost is not a list of heads: a lane stands twice, or a value is missing';
    elsif lanes_lost > substr(lines[4], 7)::numeric
        or (select sum(g.lost_seq) from unnest(lost_seqs) g (lost_seq)) > lines[2]::numeric
    then
        odd := 'more is lost than the checkpoint has';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    origin := split_part(lines[1], '/', 2)::uuid;
    if not exists (select from pgtrail.incarnation i where i.log_id = origin) then
        odd := format('the checkpoint is of another log, %s', origin);
    elsif split_part(lines[1], '/', 3)::int > (select l.incarnation from pgtrail.log l) + 1000 then
        odd := 'the incarnation of the checkpoint is far beyond that of the log';
    -- The act came after all that the checkpoint has: a log that was set back to before a part of it has lost the act first.
    elsif lanes_lost > 0 and exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = split_part(lines[5], ' ', 2)::bigint
            and a.hash = decode(split_part(lines[5], ' ', 3), 'base64')
    ) then
        odd := 'the act of that checkpoint is still there: the log was not set back';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd,
            hint = 'Nothing was changed; pgtrail verify --checkpoint tells what is missing.';
    end if;
    -- After the checkpoint's as well: an incarnation that was lost itself, with its act, must not share its number with another.
    select greatest(l.incarnation, split_part(lines[1], '/', 3)::int) + 1,
        case when open_incarnation.reason = 'copy' then gen_random_uuid() else l.log_id end
    into opened.number, opened.log_id
    from pgtrail.log l;
    -- Events of partitions that were detached are there, though no query of pgtrail.event finds them.
    execute format($q$
        select array_agg(row($1, g.organization_id, g.lane, greatest(k.seq, p.seq, 0), g.lost_seq, g.hash)::pgtrail.loss
            order by g.organization_id collate "C", g.lane)
        from unnest($2, $3, $4, $5) g (organization_id, lane, lost_seq, hash)
            left join lateral (
                select e.seq
                from (select e.organization_id, e.lane, e.seq, e.recorded_at from pgtrail.event e%s) e
                where e.organization_id = g.organization_id and e.lane = g.lane and e.recorded_at <= $6
                order by e.seq desc
                limit 1
            ) k on true
            -- What was purged was not lost.
            left join lateral (
                select max(b.last) as seq from pgtrail.purge_bounds(g.organization_id, g.lane) b where b.last < g.lost_seq
            ) p on true $q$,
        (select string_agg(format(' union all select e.organization_id, e.lane, e.seq, e.recorded_at from only pgtrail.%I e', d.name), '')
            from pgtrail.partitions() d where not d.attached))
    into lost
    using opened.number, organizations, lanes, lost_seqs, hashes, checkpoint_time;
    -- Of a lane that goes on after the checkpoint's event with events of that time nothing was lost: it is whole, or was rewritten.
    select format('%s/%s', left(to_json(t.organization_id)::text, 200), t.lane) into odd
    from unnest(lost) t
    where t.kept_seq >= t.lost_seq
    limit 1;
    if odd is not null then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail verify --checkpoint tells more.',
            message = format('lane %s has lost nothing: it has events of the time of the checkpoint up to the one that would be lost',
                odd);
    end if;
    select sha256(coalesce(string_agg(
        record_send(row('pgtrail loss'::text, t.organization_id, t.lane, t.kept_seq, t.lost_seq, t.hash)), ''::bytea
        order by t.organization_id collate "C", t.lane), ''::bytea))
    into digest
    from unnest(lost) t;
    opened.reason := open_incarnation.reason;
    opened.checkpoint := open_incarnation.checkpoint;
    opened.act_seq := pgtrail.record_act('incarnation', jsonb_build_object('number', opened.number, 'reason', opened.reason,
        'log_id', opened.log_id, 'checkpoint', opened.checkpoint, 'lanes', lanes_lost), digest);
    select a.recorded_at into opened.opened_at from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = opened.act_seq;
    update pgtrail.log set incarnation = opened.number, log_id = opened.log_id;
    insert into pgtrail.incarnation select opened.*;
    insert into pgtrail.loss select t.* from unnest(lost) t;
    return query select opened.number, opened.log_id, opened.act_seq;
end
$$;
comment on function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz) is
    'Opens the next incarnation of the log';
revoke all on function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz) from public;
