-- Opens the next incarnation of the log, after a restore, a point-in-time recovery, a failover or a copy, and records what was lost:
-- the lanes of a checkpoint (organizations, lanes, lost_seqs, hashes) that the log no longer has. The act has their digest.
create or replace function pgtrail.open_incarnation(
    reason text, checkpoint text, organizations text[], lanes smallint[], lost_seqs bigint[], hashes bytea[],
    checkpoint_time timestamptz
) returns table (number int, log_id uuid, seq bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    lanes_lost constant int := cardinality(organizations);
    opened pgtrail.incarnation;
    lost pgtrail.loss[];
    digest bytea;
    odd text;
begin
    if open_incarnation.reason is null or open_incarnation.reason not in ('restore', 'pitr', 'failover', 'copy') then
        odd := 'an incarnation is opened for restore, pitr, failover or copy';
    elsif (open_incarnation.checkpoint ~ '^pgtrail/[0-9a-f-]{36}/[0-9]{1,9}\n') is not true
        or octet_length(open_incarnation.checkpoint) > 4096
    then
        odd := 'an incarnation needs the text of a checkpoint';
    elsif isfinite(checkpoint_time) is not true then
        odd := 'an incarnation needs the time of the checkpoint';
    elsif lanes_lost is null or cardinality(lanes) is distinct from lanes_lost
        or cardinality(lost_seqs) is distinct from lanes_lost or cardinality(hashes) is distinct from lanes_lost
    then
        odd := 'the four lists of what was lost differ in length';
    elsif exists (
        select from unnest(organizations, lanes, lost_seqs, hashes) g (organization_id, lane, lost_seq, hash)
        where g.organization_id is null or g.lane is null or not coalesce(g.lost_seq > 0, false)
            or octet_length(g.hash) is distinct from 32
    ) or exists (
        select from unnest(organizations, lanes) g (organization_id, lane)
        group by g.organization_id, g.lane having count(*) > 1
    ) then
        odd := 'what was lost is not a list of heads: a lane stands twice, or a value is missing';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    -- After the checkpoint's as well: an incarnation that was lost itself, with its act, must not share its number with another.
    select greatest(l.incarnation, substring(open_incarnation.checkpoint from '^pgtrail/[^/]+/([0-9]+)')::int) + 1,
        case when open_incarnation.reason = 'copy' then gen_random_uuid() else l.log_id end
    into opened.number, opened.log_id
    from pgtrail.log l;
    select array_agg(row(opened.number, g.organization_id, g.lane, coalesce(k.seq, 0), g.lost_seq, g.hash)::pgtrail.loss
        order by g.organization_id collate "C", g.lane)
    into lost
    from unnest(organizations, lanes, lost_seqs, hashes) g (organization_id, lane, lost_seq, hash)
        left join lateral (
            select e.seq from pgtrail.event e
            where e.organization_id = g.organization_id and e.lane = g.lane and e.recorded_at <= checkpoint_time
            order by e.seq desc
            limit 1
        ) k on true;
    -- Of a lane that goes on after the checkpoint's event with events of that time nothing was lost: it is whole, or was rewritten.
    select format('%s/%s', left(to_json(t.organization_id)::text, 200), t.lane) into odd
    from unnest(lost) t
    where t.kept_seq >= t.lost_seq
    limit 1;
    if odd is not null then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail verify with the checkpoint tells more.',
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
