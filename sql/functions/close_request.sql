-- Closes a request, by an act: what it came to, who says so, and the sha256 of what the subject was given (a receipt or a manifest).
create or replace function pgtrail.close_request(
    request text, outcome text, closed_by text default null, receipt text default null, reason text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    due timestamptz;
    odd text;
begin
    if (outcome in ('done', 'partly', 'refused', 'withdrawn')) is not true then
        odd := 'a request is closed as done, partly, refused or withdrawn';
    elsif outcome in ('partly', 'refused') and coalesce(btrim(reason, E' \t\r\n'), '') = '' then
        odd := 'a request that is refused, or answered in part, takes the reason that the subject is told';
    elsif length(reason) > 2000 or length(closed_by) > 200 then
        odd := 'a reason has 2000 characters at most, and who closes a request 200';
    elsif receipt !~ '^[0-9a-f]{64}$' then
        odd := 'a receipt is told by its sha256, 64 hex digits';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was closed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(coalesce(request, ''));
    select r.due_at into strict due from pgtrail.subject_request r where r.request_id = request for update;
    update pgtrail.subject_request r set closed_at = clock_timestamp(), outcome = outcome, closed_by = coalesce(closed_by, session_user),
        receipt = receipt
    where r.request_id = request;
    return pgtrail.record_act('request', jsonb_build_object('request', request, 'step', 'close', 'outcome', outcome, 'reason', reason,
        'receipt', receipt, 'late', clock_timestamp() > due));
end
$$;
comment on function pgtrail.close_request(text, text, text, text, text) is 'Closes a request';
revoke all on function pgtrail.close_request(text, text, text, text, text) from public;
