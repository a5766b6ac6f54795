-- Makes one partition of pgtrail.event with its guards and grants; does nothing where it is there. Takes ACCESS EXCLUSIVE on
-- pgtrail.event for a moment and scans the DEFAULT partition under it: for a log without much in DEFAULT.
create or replace function pgtrail.create_partition(partition_name text, since timestamptz default null, until timestamptz default null)
returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass(format('pgtrail.%I', partition_name)) is not null then
        return;
    end if;
    if since is null then
        execute format('create table pgtrail.%I partition of pgtrail.event default', partition_name);
    else
        execute format(
            'create table pgtrail.%I partition of pgtrail.event for values from (%L) to (%L)',
            partition_name, since, until);
    end if;
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
comment on function pgtrail.create_partition(text, timestamptz, timestamptz) is 'Makes a partition of pgtrail.event';
revoke all on function pgtrail.create_partition(text, timestamptz, timestamptz) from public;
