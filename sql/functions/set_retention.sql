-- Sets a rule of retention, a policy or a floor, in the place of the one of that name; with `keep_days` null it removes it. What the
-- rules kept before is kept for the setting retention-grace more, unless `confirmed` says that this counts at once: then every earlier
-- version of the rule counts no more, also one whose grace has begun already. Null where nothing changes.
create or replace function pgtrail.set_retention(
    kind text, name text, keep_days int, organization text default null, classification text default null, event_type text default null,
    compliance_tag text default null, archive_after_days int default null, confirmed boolean default false
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    least_days constant int := (select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'organization-keep-least' and s.value <> 'none');
    most_days constant int := (select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'organization-keep-most' and s.value <> 'none');
    made pgtrail.retention_rule;
    grace constant interval := coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7)
        * interval '24 hours';
    before pgtrail.retention_rule;
    waiting boolean;
    odd text;
begin
    if (kind in ('policy', 'floor')) is not true or (name ~ '^\S(.{0,98}\S)?$' and name !~ '[[:cntrl:]]') is not true then
        odd := 'a rule of retention is a policy or a floor, and has a name of 1 to 100 characters';
    elsif length(organization) > 1000 or length(event_type) > 1000 or length(compliance_tag) > 1000 then
        odd := 'what a rule names has 1000 characters at most';
    elsif keep_days is null and num_nonnulls(organization, classification, event_type, compliance_tag, archive_after_days) > 0 then
        odd := 'a rule that is removed is named, and nothing more';
    elsif keep_days not between 1 and 36500 or archive_after_days not between 1 and 36500 then
        odd := 'a period is 1 to 36500 days';
    elsif archive_after_days >= keep_days then
        odd := 'what is archived is archived before its time is over';
    elsif kind = 'floor' and keep_days is not null and (coalesce(compliance_tag, '') = ''
            or num_nonnulls(organization, classification, event_type, archive_after_days) > 0) then
        odd := 'a floor names a tag and a period';
    elsif kind = 'policy' and compliance_tag is not null or '' in (organization, classification, event_type) then
        odd := 'a policy names an organization, a classification and a type, each or none, and none of them empty';
    elsif classification not in ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED', 'PHI') then
        odd := 'a classification is PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
    elsif event_type like '%.' or event_type like '%*%' then
        odd := 'the type of a policy is the beginning of types, without a dot or a star at its end';
    elsif kind = 'policy' and name = 'standard' and (keep_days is null or num_nonnulls(organization, classification, event_type) > 0) then
        odd := 'the policy standard is for every event that no other names: its period can be changed, and it stays';
    elsif organization is not null and (keep_days < least_days or keep_days > most_days) then
        odd := format('the period of an organization is %s to %s days (settings organization-keep-least and organization-keep-most)',
            coalesce(least_days, 1), coalesce(most_days, 36500));
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    select * into before from pgtrail.retention_rule r where r.kind = set_retention.kind and r.name = set_retention.name
        and r.ended_seq is null for update;
    -- Versions that the grace still counts: to confirm what waits is a change too.
    waiting := coalesce(confirmed, false) and exists (select from pgtrail.retention_rule r
        where r.kind = set_retention.kind and r.name = set_retention.name and (r.ended_seq is not null and r.counts_until > clock_timestamp() - grace
            or r.ended_seq is null and r.counts_from > clock_timestamp() - grace));
    if keep_days is null and before is null and not waiting then
        -- A rule that was set since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was changed. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no rule of that name';
        end if;
        return null;
    end if;
    made := row(null, kind, name, organization, classification, event_type, compliance_tag, keep_days, archive_after_days, null, 'infinity', null);
    if not waiting and row(made.organization_id, made.data_classification, made.event_type, made.compliance_tag, made.keep_days, made.archive_after_days)
        is not distinct from row(before.organization_id, before.data_classification, before.event_type, before.compliance_tag,
            before.keep_days, before.archive_after_days)
    then
        return null;
    end if;
    made.act_seq := pgtrail.record_act('retention', jsonb_build_object('rule', kind, 'name', name, 'organization', organization,
        'classification', classification, 'type', event_type, 'tag', compliance_tag, 'keep', keep_days, 'archive_after', archive_after_days,
        'before', before.keep_days, 'confirmed', coalesce(confirmed, false)));
    select case when confirmed then '-infinity' else a.recorded_at end into made.counts_from
    from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = made.act_seq;
    update pgtrail.retention_rule r set counts_until = made.counts_from, ended_seq = coalesce(r.ended_seq, made.act_seq)
    where r.kind = set_retention.kind and r.name = set_retention.name and (r.ended_seq is null or confirmed);
    if keep_days is not null then
        insert into pgtrail.retention_rule select made.*;
    end if;
    return made.act_seq;
end
$$;
comment on function pgtrail.set_retention(text, text, int, text, text, text, text, int, boolean) is 'Sets or removes a rule of retention';
revoke all on function pgtrail.set_retention(text, text, int, text, text, text, text, int, boolean) from public;
