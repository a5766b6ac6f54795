-- On the way down, after an earlier version's code was applied: drops the functions that it did not write, and so does not have.
do $$
declare
    names text;
begin
    select string_agg(p.oid::regprocedure::text, ', ') into names
    from pg_proc p
    where p.pronamespace = 'pgtrail'::regnamespace
        and p.oid || ' ' || p.ctid = any (string_to_array(current_setting('pgtrail.functions'), ';'));
    if names is not null then
        execute 'drop routine ' || names;
    end if;
end
$$;
