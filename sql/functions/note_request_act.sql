-- Notes in the register that an act answers a request, and who had the subject's events and must be told (Article 19): exports, archives,
-- backups, by their names. Does nothing without a request.
create or replace function pgtrail.note_request_act(request text, act bigint, recipients jsonb default '[]') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
begin
    if request is null then
        return;
    end if;
    if jsonb_typeof(recipients) is distinct from 'array' or pg_column_size(recipients) > 10000000 then
        raise exception using errcode = 'TR009', message = 'recipients are a list, of ten megabytes at most', hint = 'Nothing was changed.';
    elsif act is not null and not exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = act and a.kind in ('redact', 'export', 'restrict', 'unrestrict', 'reveal', 'privacy_key')
    ) then
        raise exception using errcode = 'TR009', message = format('act %s answers no request', act), hint = 'Nothing was changed.';
    end if;
    update pgtrail.subject_request r
    set acts = case when act is null or act = any (r.acts) then r.acts else r.acts || act end,
        recipients = r.recipients || coalesce((select jsonb_agg(n.value order by n.at)
            from jsonb_array_elements(note_request_act.recipients) with ordinality n (value, at)
            where not r.recipients @> jsonb_build_array(n.value)), '[]')
    where r.request_id = request;
    if not found then
        raise exception using errcode = 'TR009', message = format('there is no request %s', to_json(left(request, 64))),
            hint = 'Nothing was changed. pgtrail gdpr request list';
    end if;
end
$$;
comment on function pgtrail.note_request_act(text, bigint, jsonb) is 'Notes that an act answers a request';
revoke all on function pgtrail.note_request_act(text, bigint, jsonb) from public;
