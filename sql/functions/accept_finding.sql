-- Accepts a finding of an earlier verification, by an act with the reason: it stays in every report and no longer makes the log fail.
-- What is accepted is taken from the act of that verification, not from the caller.
create or replace function pgtrail.accept_finding(finding text, reason text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    named constant jsonb := jsonb_build_object('findings', jsonb_build_array(jsonb_build_object('id', finding)));
    found_in bigint;
    accepted jsonb;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009',
            message = 'to accept a finding takes a reason, of 2000 characters at most', hint = 'Nothing was accepted.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if exists (
        select from pgtrail.act a
        where a.kind = 'accept' and a.parameters @> jsonb_build_object('finding', jsonb_build_object('id', finding))
    ) then
        raise exception using errcode = 'TR011',
            message = format('the finding %s has been accepted already', left(finding, 16)), hint = 'Nothing was changed.';
    end if;
    select a.seq, f.value into found_in, accepted
    from pgtrail.act a, jsonb_array_elements(a.parameters -> 'findings') f
    where a.seq = (
            select v.seq from pgtrail.act v where v.kind = 'verify' and v.parameters @> named order by v.seq desc limit 1)
        and f.value ->> 'id' = finding
    limit 1;
    if found_in is null then
        raise exception using errcode = 'TR010',
            message = 'no recorded verification has a finding with this id',
            hint = 'Nothing was accepted; pgtrail verification list tells the verifications, pgtrail verification show their findings.';
    end if;
    -- A verification of before record_verification asked for them, or an act that was forged.
    if jsonb_typeof(accepted -> 'kind') is distinct from 'string' or accepted ->> 'kind' = ''
        or jsonb_typeof(accepted -> 'message') is distinct from 'string' or accepted ->> 'message' = ''
    then
        raise exception using errcode = 'TR010',
            message = format('act %s does not say what the finding is: it has no kind, or no message', found_in),
            hint = 'Nothing was accepted; pgtrail verify finds and records it again, if it is there.';
    end if;
    return pgtrail.record_act('accept', jsonb_build_object(
        'finding', jsonb_build_object('id', accepted -> 'id', 'kind', accepted -> 'kind', 'organization_id', accepted -> 'organization_id',
            'lane', accepted -> 'lane', 'seq', accepted -> 'seq', 'event_id', accepted -> 'event_id', 'group', accepted -> 'group',
            'message', accepted -> 'message'),
        'verification', found_in, 'reason', reason));
end
$$;
comment on function pgtrail.accept_finding(text, text) is 'Accepts a finding of an earlier verification';
revoke all on function pgtrail.accept_finding(text, text) from public;
