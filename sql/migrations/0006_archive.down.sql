-- Takes back the memory of archives and of the nightly work.
do $$
declare
    lost text;
begin
    select concat_ws(', ',
        (select 'archives: ' || count(*) from pgtrail.archive a where a.removed_seq is null having count(*) > 0),
        (select 'files of archives in the database: ' || count(*) from pgtrail.archive_storage having count(*) > 0),
        (select 'what could not be archived: ' || count(*) from pgtrail.archive_failure having count(*) > 0))
    into lost;
    if exists (select from pgtrail.purge p where p.restored_seq is not null) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'events were restored from an archive, of which an older pgtrail knows nothing: it would take them for inserted',
            hint = 'Nothing was lost. A log that has such events stays at this version, or a later one.';
    elsif lost <> '' and current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('what migration 0006_archive holds would be lost (%s): an older pgtrail restores nothing, nor does this one '
                'after another migrate up', lost),
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
        where coalesce(m.typrelid, t.typrelid) = any (array['pgtrail.archive', 'pgtrail.archive_kind', 'pgtrail.archive_storage',
            'pgtrail.archive_storage_part', 'pgtrail.archive_failure', 'pgtrail.job_run']::regclass[]::oid[]));
    if names is not null then
        execute 'drop routine ' || names;
    end if;
end
$$;
drop table pgtrail.archive, pgtrail.archive_kind, pgtrail.archive_storage, pgtrail.archive_storage_part, pgtrail.archive_failure, pgtrail.job_run;
alter table pgtrail.purge drop column restored_seq;
