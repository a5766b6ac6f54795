-- Records that an archive is removed; whoever calls it deletes the files before he commits, so that no act tells of a removal that did not
-- happen. Refused while a hold is that may be on one of its events: what they say stands in the files, so only organization, type
-- and time can be compared, and whoever or whatever a hold names counts as being among them. The act
-- says which holds it saw, as that of a purge does. `expired`: only when no rule of retention
-- keeps any of its events any longer; else it needs a reason, and whoever asks must know what he does.
create or replace function pgtrail.remove_archive(name text, reason text, requested_by text default null, expired boolean default false)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    started timestamptz;
    archive pgtrail.archive;
    cases text;
    kept timestamptz;
    policies jsonb;
    act bigint;
begin
    if coalesce(btrim(remove_archive.reason, E' \t\r\n'), '') = '' or length(remove_archive.reason) > 2000
        or length(remove_archive.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was removed.',
            message = 'the removal of an archive takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    -- Two at once would wait for each other's locks, one of them where PostgreSQL does not see it.
    begin
        select a.* into archive from pgtrail.archive a where a.name = remove_archive.name for update nowait;
    exception when lock_not_available then
        raise exception using errcode = 'lock_not_available', message = format('another run restores or removes %s', remove_archive.name),
            hint = 'Nothing was removed; wait until it is over: pgtrail archive list.';
    end;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', remove_archive.name),
            hint = 'Nothing was removed; pgtrail archive list tells all.';
    elsif archive.removed_seq is not null then
        raise exception using errcode = 'TR011', message = format('%s was removed by act %s', archive.name, archive.removed_seq),
            hint = 'Nothing was changed.';
    end if;
    -- A hold that comes later finds nothing; one that is there is seen.
    perform pg_advisory_xact_lock(1885828210, -1);
    started := clock_timestamp();
    -- Also where its events came back: they may have been purged again since, and this be the last copy of them.
    select string_agg(distinct h.case_id, ', ' order by h.case_id) into cases
    from pgtrail.hold h
    join pgtrail.archive_kind k on k.act_seq = archive.act_seq
        and (h.organization_id is null or h.organization_id = k.organization_id)
        and (h.event_type is null or k.event_type = h.event_type or starts_with(k.event_type, h.event_type || '.'))
        and (h.since is null or k.newest_occurred_at >= h.since) and (h.until is null or k.oldest_occurred_at < h.until)
    where h.released_seq is null and (h.expires_at is null or h.expires_at > started);
    if cases is not null then
        raise exception using errcode = 'TR016', message = format('%s may have events under a legal hold: case %s', archive.name, cases),
            hint = 'Nothing was removed. It can be when the hold is released: pgtrail hold list.';
    end if;
    if expired then
        kept := pgtrail.archive_until(archive.act_seq, started);
        if (kept < started) is not true then
            raise exception using errcode = 'TR013', message = format('%s is kept %s', archive.name,
                case when isfinite(kept) then 'until ' || to_char(kept, time_form) else 'for ever' end),
                hint = 'Nothing was removed; pgtrail archive show tells by which rules.';
        end if;
        select jsonb_agg(jsonb_build_object('policy', p.policy, 'rule', p.rule_seq, 'floor', p.floor, 'keep', p.keep_days, 'cutoff',
            to_char(started - p.keep_days * interval '24 hours', time_form), 'events', p.events) order by p.policy, p.keep_days, p.floor, p.rule_seq)
        into policies
        from (
            select r.policy, r.rule_seq, r.floor, r.keep_days, sum(k.events)::bigint as events
            from pgtrail.archive_kind k,
                lateral pgtrail.retention_of(k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, started) r
            where k.act_seq = archive.act_seq
            group by 1, 2, 3, 4
        ) p;
    end if;
    act := pgtrail.record_act('remove_archive', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq,
        'reason', remove_archive.reason, 'requested_by', remove_archive.requested_by, 'expired', expired, 'policies', policies,
        'grace', coalesce((select s.value from pgtrail.setting s where s.name = 'retention-grace'), '7d'), 'at', to_char(started, time_form),
        'holds', encode(pgtrail.holds_in_force(started), 'hex')));
    update pgtrail.archive a set removed_seq = act where a.act_seq = archive.act_seq;
    return act;
end
$$;
comment on function pgtrail.remove_archive(text, text, text, boolean) is 'Records that an archive is removed';
revoke all on function pgtrail.remove_archive(text, text, text, boolean) from public;
