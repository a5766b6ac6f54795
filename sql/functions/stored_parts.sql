-- How many parts a whole file in the database has, and its size; no row where there is none.
create or replace function pgtrail.stored_parts(id text) returns table (parts int, bytes bigint)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select (select count(*)::int from pgtrail.archive_storage_part p where p.id = s.id), (s.metadata ->> 'bytes')::bigint
    from pgtrail.archive_storage s
    where s.id = stored_parts.id and s.metadata ? 'bytes'
$$;
comment on function pgtrail.stored_parts(text) is 'How many parts a stored file has';
revoke all on function pgtrail.stored_parts(text) from public;
