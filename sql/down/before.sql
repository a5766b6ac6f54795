-- On the way down, before an earlier version's code is applied: drops the views, which that code makes anew where it has any, and
-- notes which functions are there.
do $$
declare
    names text;
begin
    select string_agg(c.oid::regclass::text, ', ') into names
    from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'v';
    if names is not null then
        execute 'drop view ' || names;
    end if;
    perform set_config('pgtrail.functions', coalesce((
        select string_agg(p.oid || ' ' || p.ctid, ';')
        from pg_proc p where p.pronamespace = 'pgtrail'::regnamespace), ''), true);
end
$$;
