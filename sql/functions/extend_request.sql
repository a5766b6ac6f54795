-- Extends the time of a request by two months, once, with the reason that the subject is told (Article 12): the end of the
-- day three calendar months after it was received. The act says whether that was decided after it was due, which is too late.
create or replace function pgtrail.extend_request(request text, reason text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    r pgtrail.subject_request;
    until timestamptz;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009', message = 'an extension takes a reason, of 2000 characters at most', hint = 'Nothing was extended.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(coalesce(request, ''));
    select * into strict r from pgtrail.subject_request s where s.request_id = request for update;
    if r.extended_at is not null then
        raise exception using errcode = 'TR011', message = format('the request "%s" was extended already, and can be once', request),
            hint = 'Nothing was extended. pgtrail gdpr request show ' || request;
    end if;
    until := pgtrail.request_due(r.received_at, 3);
    update pgtrail.subject_request s set due_at = until, extended_at = clock_timestamp(), extension_reason = reason
    where s.request_id = request;
    return pgtrail.record_act('request', jsonb_build_object('request', request, 'step', 'extend', 'reason', reason,
        'due', to_char(until, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'late', clock_timestamp() > r.due_at));
end
$$;
comment on function pgtrail.extend_request(text, text) is 'Extends the time of a request';
revoke all on function pgtrail.extend_request(text, text) from public;
