-- Takes back the salts of holds.
do $$
begin
    if exists (select from pgtrail.hold h where h.salt is not null or h.cleared_seq is not null) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'holds were placed or cleared whose acts an older pgtrail cannot compare with them',
            hint = 'Nothing was lost. A log that has such holds stays at this version, or a later one.';
    end if;
end
$$;
-- Functions that take or give rows of the table would keep its columns.
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
        where coalesce(m.typrelid, t.typrelid) = 'pgtrail.hold'::regclass);
    if names is not null then
        execute 'drop routine ' || names;
    end if;
end
$$;
alter table pgtrail.hold drop column salt, drop column cleared_seq;
