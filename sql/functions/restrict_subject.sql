-- Restricts what is done with the events of a subject (Article 18), whom pg_temp.pgtrail_subject names: from now on only pgtrail_privacy is
-- shown them. The act has the digest of its rows, because they name a person and an act does not:
-- each with a salt, without which a guess is no proof once they are gone. Null where the same is in force already,
-- which answers the request too.
create or replace function pgtrail.restrict_subject(
    organization text, reason text, requested_by text, request text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    made pgtrail.subject_restriction[];
    whole bytea := ''::bytea;
    m pgtrail.subject_restriction;
    act bigint;
    odd text;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'a restriction takes a reason, of 2000 characters at most';
    elsif coalesce(btrim(requested_by, E' \t\r\n'), '') = '' or length(requested_by) > 200 then
        odd := 'a restriction takes who asked for it, in 200 characters at most';
    elsif length(organization) not between 1 and 128 then
        odd := 'an organization has a name of 1 to 128 characters';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was restricted.';
    end if;
    perform pgtrail.check_subject_stage();
    perform pgtrail.subject_forms();
    if exists (select from pg_temp.pgtrail_subject s where s.kind = 'text') then
        raise exception using errcode = 'TR009', hint = 'Nothing was restricted. Leave it out.',
            message = 'a restriction looks for no text: what is hidden is what the subject did and what was done to him';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(request);
    select array_agg(row(null, restrict_subject.organization, d.kind, d.value, d.number, gen_random_uuid())::pgtrail.subject_restriction order by d.number)
    into made
    from (
        select f.kind, f.value, row_number() over (order by f.kind, f.value) as number
        from (
            -- In both Unicode forms, as events may have them.
            select distinct s.kind collate "C", v.value collate "C"
            from pg_temp.pgtrail_subject s,
                lateral (values (case s.kind when 'ip' then s.value::inet::text when 'email' then pgtrail.fold_text(s.value) else s.value end)) w (value),
                lateral (values (normalize(w.value)), (normalize(w.value, nfd))) v (value)
        ) f (kind, value)
    ) d;
    select r.act_seq into act from pgtrail.subject_restriction r group by r.act_seq
    having array_agg(row(r.organization_id, r.kind, r.value) order by r.number)
        = (select array_agg(row(n.organization_id, n.kind, n.value) order by n.number) from unnest(made) n)
    order by r.act_seq desc
    limit 1;
    if found then
        perform pgtrail.note_request_act(request, act);
        return null;
    end if;
    foreach m in array made loop
        whole := whole || record_send(row('pgtrail restriction'::text, m.salt, m.organization_id, m.kind, m.value));
    end loop;
    act := pgtrail.record_act('restrict', jsonb_build_object('organization', organization, 'identifiers',
        (select count(distinct (n.kind, normalize(n.value))) from unnest(made) n), 'reason', reason,
        'requested_by', requested_by, 'request', request), sha256(whole));
    insert into pgtrail.subject_restriction
    select act, n.organization_id, n.kind, n.value, n.number, n.salt from unnest(made) n;
    perform pgtrail.note_request_act(request, act);
    return act;
end
$$;
comment on function pgtrail.restrict_subject(text, text, text, text) is 'Restricts what is done with the events of a subject';
revoke all on function pgtrail.restrict_subject(text, text, text, text) from public;
