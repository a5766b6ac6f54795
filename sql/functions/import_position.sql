-- How many records of a source are done (0 for a new one), and the sha256 of the last, by which the same source is known again.
create or replace function pgtrail.import_position(source text, out record_position bigint, out last_record bytea)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select coalesce(max(i.position), 0), (array_agg(i.last_record))[1]
    from pgtrail.import_source i
    where i.source = import_position.source
$$;
comment on function pgtrail.import_position(text) is 'Records of a source that are done';
revoke all on function pgtrail.import_position(text) from public;
