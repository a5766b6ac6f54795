-- Enters a request into the register, by an act. It is due one calendar month after it was received (Article 12), at the end of that day in
-- UTC (Regulation 1182/71, Article 3): that of 31 January with the last day of February. Gives its number, which is made where none is given: the year, and the next number.
create or replace function pgtrail.add_request(
    kind text, received timestamptz default null, request text default null, note text default null
) returns text
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    received_at constant timestamptz := coalesce(received, clock_timestamp());
    due_at constant timestamptz := case when isfinite(received_at) then pgtrail.request_due(received_at, 1) end;
    name text := request;
    odd text;
begin
    if (kind in ('access', 'portability', 'erasure', 'rectification', 'restriction', 'objection')) is not true then
        odd := 'a request is of access, portability, erasure, rectification, restriction or objection';
    elsif due_at is null or received_at > clock_timestamp() + interval '1 minute' or received_at < '2018-05-25' then
        odd := 'a request was received in the past, and not before 25 May 2018';
    elsif name !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' then
        odd := 'a request has a number of 1 to 64 letters, digits, dots, hyphens and underscores; it names no person';
    elsif length(note) > 2000 then
        odd := 'the note of a request has 2000 characters at most';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was entered.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if name is null then
        select to_char(clock_timestamp(), 'YYYY') || '-' || coalesce(max(substr(r.request_id, 6)::int), 0) + 1 into name
        from pgtrail.subject_request r
        where r.request_id ~ ('^' || to_char(clock_timestamp(), 'YYYY') || '-[0-9]{1,8}$');
    end if;
    insert into pgtrail.subject_request (request_id, kind, received_at, due_at, note) values (name, kind, received_at, due_at, note)
    on conflict do nothing;
    if not found then
        raise exception using errcode = 'TR011', message = format('there is a request %L already', name),
            hint = 'Nothing was entered. pgtrail gdpr request show ' || name;
    end if;
    perform pgtrail.record_act('request', jsonb_build_object('request', name, 'step', 'add', 'kind', kind,
        'received', to_char(received_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'due', to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    return name;
end
$$;
comment on function pgtrail.add_request(text, timestamptz, text, text) is 'Enters a request into the register';
revoke all on function pgtrail.add_request(text, timestamptz, text, text) from public;
