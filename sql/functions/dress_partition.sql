-- What each partition of pgtrail.event has beside its columns and indexes: owner, guard, grants.
create or replace function pgtrail.dress_partition(partition_name text) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Whoever makes it: a partition belongs to the owner of the log.
    execute format('alter table pgtrail.%I owner to %I', partition_name, (
        select r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.oid = 'pgtrail.event'::regclass));
    execute format('revoke usage on type pgtrail.%I from public', partition_name);
    execute format('comment on table pgtrail.%I is %L', partition_name, 'Partition of pgtrail.event');
    -- Row triggers come from the parent; statement triggers do not.
    execute format(
        'create trigger pgtrail_guard before update or delete or truncate on pgtrail.%I '
        'for each statement execute function pgtrail.guard(''DELETE purge'', ''UPDATE redact'')', partition_name);
    if exists (select from pgtrail.setting s where s.name = 'roles' and s.value = 'on') then
        execute format('grant select on pgtrail.%I to pgtrail_reader, pgtrail_auditor', partition_name);
    end if;
end
$$;
comment on function pgtrail.dress_partition(text) is 'Guard and grants of a partition';
revoke all on function pgtrail.dress_partition(text) from public;
