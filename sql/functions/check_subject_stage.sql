-- Refuses tables of the caller's in the place of those that subject_stage makes: they would run his code as the owner.
create or replace function pgtrail.check_subject_stage() returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    name text;
begin
    foreach name in array array['subject', 'plan', 'replacement', 'listed', 'given'] loop
        if not exists (
            select from pg_class c
            where c.oid = to_regclass('pg_temp.pgtrail_' || name) and c.relkind = 'r'
                and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
        then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
                message = format('pg_temp.pgtrail_%s is not the table that pgtrail.subject_stage() makes', name);
        end if;
    end loop;
end
$$;
comment on function pgtrail.check_subject_stage() is 'Refuses other tables in the place of the stage';
revoke all on function pgtrail.check_subject_stage() from public;
