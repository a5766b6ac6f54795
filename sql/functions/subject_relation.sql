-- The table that a name of the plan means: a partition, or the rows of an archive in the stage of a restore.
create or replace function pgtrail.subject_relation(partition_name text) returns regclass
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    relation regclass;
begin
    if starts_with(partition_name, 'archive ') then
        select c.oid::regclass into relation
        from pg_class c
        where c.oid = to_regclass('pg_temp.pgtrail_restored') and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user);
        if not found then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
                message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
        end if;
    else
        -- Without the bounds that pgtrail.partitions() reads of all: each partition is asked for more than once.
        select c.oid::regclass into relation
        from pg_class c
        where c.relname = partition_name
            and (exists (select from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass and i.inhrelid = c.oid)
                or c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
                    and exists (select from pgtrail.detached_partition d where d.name = partition_name));
        if not found then
            raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
                hint = 'Nothing was changed; pgtrail partition list tells all.';
        end if;
    end if;
    return relation;
end
$$;
comment on function pgtrail.subject_relation(text) is 'The table that a name of the plan means';
revoke all on function pgtrail.subject_relation(text) from public;
