-- The whole files in the database whose id begins so, in their order.
create or replace function pgtrail.stored_files(prefix text)
returns table (id text, bytes bigint, created_at timestamptz, retrieved_count int, last_retrieved_at timestamptz)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select s.id, (s.metadata ->> 'bytes')::bigint, s.created_at, s.retrieved_count, s.last_retrieved_at
    from pgtrail.archive_storage s
    where s.id >= prefix collate "C" and starts_with(s.id, prefix) and s.metadata ? 'bytes'
    order by s.id
$$;
comment on function pgtrail.stored_files(text) is 'Which files are in the database';
revoke all on function pgtrail.stored_files(text) from public;
