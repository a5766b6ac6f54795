-- Records by an act that a role was granted a right on the log, or that it was revoked, and binds a reader to one organization or frees
-- him. Comes after the GRANT or REVOKE of the group role, in its transaction: what an act says then is true. Null where the binding
-- was as it should be already. Granted to nobody: the owner of the log calls it, and who is a member of him.
create or replace function pgtrail.record_access(kind text, role_name text, right_name text, organization text default null)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    group_role constant text := case when organization is null then 'pgtrail_' || right_name else 'pgtrail_organization_reader' end;
    wide constant text[] := array['pgtrail_owner', 'pgtrail_auditor', 'pgtrail_reader', 'pgtrail_operator', 'pgtrail_privacy', 'pgtrail_writer',
        'pg_read_all_data'];
    role record;
    odd text;
    advice text;
    act_seq bigint;
begin
    -- Before anything is looked at: who binds a role and who lets it read all must see one another.
    perform pg_advisory_xact_lock(1885828210, -1);
    select r.oid, r.rolsuper, r.rolcreaterole into role from pg_roles r where r.rolname = role_name;
    if (kind in ('grant', 'revoke') and right_name in ('writer', 'reader', 'auditor', 'operator', 'privacy')) is not true then
        odd := 'a grant or revoke is of the right of a writer, reader, auditor, operator or privacy';
    elsif role_name is null or length(role_name) > 63 then
        odd := 'a role has a name of at most 63 bytes';
    elsif organization is not null and right_name <> 'reader' then
        odd := 'only a reader can be bound to an organization';
    elsif length(organization) not between 1 and 128 then
        odd := 'an organization has a name of 1 to 128 characters';
    elsif not exists (select from pgtrail.setting s where s.name = 'roles' and s.value = 'on') then
        odd := 'this log has no roles: everything belongs to the role that installed it';
    elsif kind = 'grant' and role.oid is null then
        odd := format('there is no role %I', role_name);
    elsif kind = 'grant' and role.rolsuper then
        odd := format('%I is a superuser, who may do everything', role_name);
    elsif kind = 'grant' and (starts_with(role_name, 'pg_') or role_name = 'pgtrail_organization_reader' or role_name = any (wide)) then
        odd := format('%I is a role of pgtrail or of the server itself', role_name);
    elsif kind = 'grant' and not pg_has_role(role.oid, group_role, 'MEMBER') then
        odd := format('%I is no member of %I yet', role_name, group_role);
        advice := format('in the same transaction, before: grant %I to %I', group_role, role_name);
    elsif kind = 'grant' and organization is not null then
        select format('a member of %I', w.name) into odd
        from unnest(wide) with ordinality w (name, place)
        where pg_has_role(role.oid, w.name, 'MEMBER')
        order by w.place
        limit 1;
        -- Until 15 who may create roles may also grant himself every one of them.
        if odd is null and role.rolcreaterole and current_setting('server_version_num')::int < 160000 then
            odd := 'one who may create roles, and so grant them to himself';
        end if;
        if odd is null and (has_any_column_privilege(role.oid, 'pgtrail.event', 'select')
            or has_any_column_privilege(role.oid, 'pgtrail.chain_head', 'select') or has_table_privilege(role.oid, 'pgtrail.act', 'select'))
        then
            odd := 'granted to it by name';
        end if;
        if odd is not null then
            advice := 'take that away first: pgtrail status --grants tells who may what';
            odd := format('%I sees events of every organization already: it is %s', role_name, odd);
        end if;
    elsif kind = 'revoke' and organization is null and exists (
        select from pg_auth_members m
        where m.member = role.oid and m.roleid = (select g.oid from pg_roles g where g.rolname = group_role))
    then
        odd := format('%I is a member of %I still', role_name, group_role);
        advice := format('in the same transaction, before: revoke %I from %I', group_role, role_name);
    elsif kind = 'grant' then
        select format('%I is bound to its organizations: as %s it would see others too', b.role_name, right_name),
            format('free it first: pgtrail revoke reader %I', b.role_name)
        into odd, advice
        from pgtrail.organization_reader b
        join pg_roles r on r.rolname = b.role_name and not r.rolsuper
        where pg_has_role(r.oid, role.oid, 'MEMBER')
        order by b.role_name
        limit 1;
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed' || coalesce('; ' || advice, '') || '.';
    end if;
    if organization is not null and (kind = 'grant') = exists (
        select from pgtrail.organization_reader b
        where b.role_name = record_access.role_name and b.organization_id = organization
    ) then
        return null;
    end if;
    -- The guard lets a binding go only for an act of this transaction.
    act_seq := pgtrail.record_act(kind, jsonb_build_object('role', role_name, 'right', right_name, 'organization', organization));
    if organization is not null and kind = 'grant' then
        insert into pgtrail.organization_reader values (role_name, organization);
    elsif organization is not null then
        delete from pgtrail.organization_reader b where b.role_name = record_access.role_name and b.organization_id = organization;
    end if;
    return act_seq;
end
$$;
comment on function pgtrail.record_access(text, text, text, text) is 'Records a grant or revoke, and binds a reader to an organization';
revoke all on function pgtrail.record_access(text, text, text, text) from public;
