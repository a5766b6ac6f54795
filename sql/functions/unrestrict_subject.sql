-- Lifts a restriction, by an act; its rows, which name a person, go. Null where none of that number is in force.
create or replace function pgtrail.unrestrict_subject(
    restriction bigint, reason text, requested_by text, request text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act bigint;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000
        or coalesce(btrim(requested_by, E' \t\r\n'), '') = '' or length(requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was lifted.',
            message = 'to lift a restriction takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(request);
    perform from pgtrail.subject_restriction r where r.act_seq = restriction for update;
    if not found then
        -- A restriction that was placed since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was lifted. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no such restriction';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('unrestrict', jsonb_build_object('restriction', restriction, 'reason', reason, 'requested_by', requested_by,
        'request', request));
    delete from pgtrail.subject_restriction r where r.act_seq = restriction;
    perform pgtrail.note_request_act(request, act);
    return act;
end
$$;
comment on function pgtrail.unrestrict_subject(bigint, text, text, text) is 'Lifts a restriction';
revoke all on function pgtrail.unrestrict_subject(bigint, text, text, text) from public;
