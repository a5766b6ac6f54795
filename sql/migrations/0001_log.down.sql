-- Takes the whole log away, unless nobody has confirmed that for this database: pgtrail uninstall asks.
do $$
begin
    if current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('this would take away the whole log of database %I', current_database()),
            hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
    end if;
end
$$;
drop schema pgtrail cascade;
