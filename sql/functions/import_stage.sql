-- Makes the temporary table that an import fills by COPY: once a session, emptied at each commit.
-- It belongs to the owner of pgtrail, so that the importing role can add rows and nothing else. Records are text until import_batch
-- reads them: a COPY that fails could not say which of its records is no JSON.
create or replace function pgtrail.import_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if to_regclass('pg_temp.pgtrail_stage') is null then
        create temporary table pgtrail_stage (position bigint not null, event text not null) on commit delete rows;
        grant insert on pg_temp.pgtrail_stage to public;
    end if;
end
$$;
comment on function pgtrail.import_stage() is 'Temporary table for the next batch of an import';
revoke all on function pgtrail.import_stage() from public;
