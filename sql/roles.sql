-- The seven roles, one set for all databases of the server. Left out with --no-roles. Runs before every way up: makes what is missing,
-- which takes CREATEROLE, and lets whoever runs it act as the owner. Where it may not, it says what a superuser has to run.
do $$
declare
    own constant text[] := array['pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_organization_reader', 'pgtrail_auditor',
        'pgtrail_operator', 'pgtrail_privacy'];
    is_16 constant boolean := current_setting('server_version_num')::int >= 160000;
    without_roles constant text := case when to_regnamespace('pgtrail') is null then '; or install with --no-roles' else '' end;
    name text;
    odd text;
begin
    select string_agg(r.rolname, ', ' order by r.rolname), string_agg(format(
        'alter role %I nologin nosuperuser nocreaterole nocreatedb noreplication nobypassrls;', r.rolname), ' ' order by r.rolname)
    into name, odd
    from pg_roles r
    where r.rolname = any (own)
        and (r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls);
    if odd is not null then
        raise exception using errcode = 'TR014',
            message = format('there is a role %s that may log in, or more: a role of pgtrail may nothing by itself', name),
            hint = format('Nothing was changed; ask a superuser to run: %s', odd);
    end if;
    foreach name in array own loop
        if to_regrole(name) is null then
            begin
                execute format('create role %I nologin', name);
            exception
                when duplicate_object or unique_violation then
                    null; -- another installation on this server made it just now
                when insufficient_privilege then
                    select string_agg(format('create role %I nologin;', n), ' ') into odd from unnest(own) n where to_regrole(n) is null;
                    raise exception using errcode = 'TR014',
                        message = format('the role %s is missing, and %I may not create roles', name, current_user),
                        hint = format('Nothing was changed; connect as a role with CREATEROLE; or ask a superuser to run: %s%s',
                            odd, without_roles);
            end;
        end if;
    end loop;
    if not (
        -- From 16 on, whoever creates a role may administer it but not yet act as it.
        case when is_16
            then pg_has_role(current_user, 'pgtrail_owner', 'SET') and pg_has_role(current_user, 'pgtrail_owner', 'USAGE')
            else pg_has_role(current_user, 'pgtrail_owner', 'MEMBER') end
    ) then
        odd := format('grant pgtrail_owner to %I%s', current_user, case when is_16 then ' with set true, inherit true' else '' end);
        begin
            execute odd;
        exception when insufficient_privilege then
            raise exception using errcode = 'TR014',
                message = format('%I may not act as pgtrail_owner, who owns the logs of this server', current_user),
                hint = format('Nothing was changed; ask a superuser to run: %s%s', odd, coalesce(nullif(without_roles, ''), ';'));
        end;
    end if;
    if not has_database_privilege('pgtrail_owner', current_database(), 'temporary') then
        execute format('grant temporary on database %I to pgtrail_owner', current_database());
    end if;
end
$$;
