-- How many records of a source are done; 0 for a new one.
create or replace function pgtrail.import_position(source text) returns bigint
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select coalesce((select i.position from pgtrail.import_source i where i.source = import_position.source), 0)
$$;
comment on function pgtrail.import_position(text) is 'Records of a source that are done';
revoke all on function pgtrail.import_position(text) from public;
