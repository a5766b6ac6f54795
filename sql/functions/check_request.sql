-- Refuses a request that is not in the register, or that is closed; none is no request. Granted to nobody: who acts for a request calls it.
create or replace function pgtrail.check_request(request text) returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    closed timestamptz;
begin
    if request is null then
        return;
    end if;
    select r.closed_at into closed from pgtrail.subject_request r where r.request_id = request;
    if not found then
        raise exception using errcode = 'TR009', message = format('there is no request %s', to_json(left(request, 64))),
            hint = 'Nothing was changed. pgtrail gdpr request list';
    elsif closed is not null then
        raise exception using errcode = 'TR009', message = format('the request "%s" is closed', request),
            hint = 'Nothing was changed. Enter a new one: pgtrail gdpr request add';
    end if;
end
$$;
comment on function pgtrail.check_request(text) is 'Refuses a request that is not open';
revoke all on function pgtrail.check_request(text) from public;
