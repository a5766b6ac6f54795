-- Takes back what the rights of people need.
do $$
declare
    lost text;
begin
    select concat_ws(', ',
        (select 'rules of subjects: ' || count(*) from pgtrail.subject_rule r where r.ended_seq is null having count(*) > 0),
        (select 'restrictions: ' || count(distinct r.act_seq) from pgtrail.subject_restriction r having count(*) > 0),
        (select 'pseudonyms: ' || count(*) from pgtrail.pseudonym having count(*) > 0),
        (select 'requests: ' || count(*) from pgtrail.subject_request having count(*) > 0))
    into lost;
    if exists (select from pgtrail.redaction_entry) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'events were redacted, which an older pgtrail would take for tampering',
            hint = 'Nothing was lost. A log that has such events stays at this version, or a later one.';
    elsif lost <> '' and current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('what migration 0007_people holds would be lost (%s)', lost),
            hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
    end if;
end
$$;
-- Functions that take or give rows of these tables would keep them.
do $$
declare
    names text;
begin
    select string_agg(p.oid::regprocedure::text, ', ') into names
    from pg_proc p
    where p.pronamespace = 'pgtrail'::regnamespace and exists (
        select from unnest(p.proargtypes::oid[] || p.proallargtypes || p.prorettype) a (type)
        join pg_type t on t.oid = a.type
        left join pg_type m on m.oid = t.typelem and t.typcategory = 'A'
        where coalesce(m.typrelid, t.typrelid) = any (array['pgtrail.redaction_entry', 'pgtrail.redaction', 'pgtrail.redacting',
            'pgtrail.subject_rule', 'pgtrail.subject_restriction', 'pgtrail.privacy_key', 'pgtrail.pseudonym',
            'pgtrail.subject_request']::regclass[]::oid[]));
    if names is not null then
        execute 'drop routine ' || names;
    end if;
end
$$;
-- The older code makes its own anew.
drop view if exists pgtrail.open_event, pgtrail.organization_event;
drop table pgtrail.redaction_entry, pgtrail.redaction, pgtrail.redacting, pgtrail.subject_rule, pgtrail.subject_restriction,
    pgtrail.privacy_key, pgtrail.pseudonym, pgtrail.subject_request;
