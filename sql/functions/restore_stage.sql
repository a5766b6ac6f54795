-- Makes the temporary table that a restore fills by COPY: gone at the end of the transaction. It belongs to the owner of pgtrail, so that
-- the restoring role can add rows, read what it added, and nothing else.
create or replace function pgtrail.restore_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if to_regclass('pg_temp.pgtrail_restored') is null then
        create temporary table pgtrail_restored (like pgtrail.event) on commit drop;
        grant select, insert on pg_temp.pgtrail_restored to public;
    end if;
end
$$;
comment on function pgtrail.restore_stage() is 'Temporary table for the events of an archive';
revoke all on function pgtrail.restore_stage() from public;
