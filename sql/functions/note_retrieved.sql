-- Counts that a file in the database was read; no evidence.
create or replace function pgtrail.note_retrieved(id text) returns void
language sql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    update pgtrail.archive_storage s set retrieved_count = s.retrieved_count + 1, last_retrieved_at = clock_timestamp()
    where s.id = note_retrieved.id
$$;
comment on function pgtrail.note_retrieved(text) is 'Counts that a stored file was read';
revoke all on function pgtrail.note_retrieved(text) from public;
