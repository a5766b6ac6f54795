-- The six roles, one set for all databases of the server. Run by a role with CREATEROLE; left out with --no-roles.
do $$
declare
    name text;
begin
    foreach name in array array['pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_auditor', 'pgtrail_operator',
        'pgtrail_privacy']
    loop
        if to_regrole(name) is null then
            begin
                execute format('create role %I nologin', name);
            exception when duplicate_object or unique_violation then
                null; -- another installation on this server made it just now
            end;
        end if;
    end loop;
    if not (select r.rolsuper from pg_roles r where r.rolname = current_user) then
        -- From 16 on, whoever creates a role may administer it but not yet act as it.
        execute format(
            case when current_setting('server_version_num')::int >= 160000
                then 'grant pgtrail_owner to %I with set true, inherit true'
                else 'grant pgtrail_owner to %I' end,
            current_user);
    end if;
    if not has_database_privilege('pgtrail_owner', current_database(), 'temporary') then
        execute format('grant temporary on database %I to pgtrail_owner', current_database());
    end if;
end
$$;
