-- Whether pg_temp.pgtrail_stage is the table that import_stage made. A table or view of the caller would run his code as the owner.
create or replace function pgtrail.owns_stage() returns boolean
language sql stable parallel restricted
as $$
    select exists (
        select from pg_catalog.pg_class c
        where c.oid = pg_catalog.to_regclass('pg_temp.pgtrail_stage') and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user))
$$;
comment on function pgtrail.owns_stage() is 'Whether the stage is the one that import_stage made';
revoke all on function pgtrail.owns_stage() from public;
