-- Makes a file that was put into the database part by part a whole one: until then nobody finds it.
create or replace function pgtrail.store_done(id text, bytes bigint) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    file pgtrail.archive_storage;
    stored bigint;
begin
    select s.* into file from pgtrail.archive_storage s where s.id = store_done.id for update;
    select sum(octet_length(p.data)) into stored from pgtrail.archive_storage_part p where p.id = store_done.id;
    if file.id is null or file.metadata ? 'bytes' or stored is distinct from store_done.bytes then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'It is not there until all of it is.',
            message = format('the file %s in the database is not the one of %s bytes that was put there', store_done.id, store_done.bytes);
    end if;
    update pgtrail.archive_storage s set metadata = s.metadata || jsonb_build_object('bytes', stored) where s.id = store_done.id;
end
$$;
comment on function pgtrail.store_done(text, bigint) is 'Makes a stored file a whole one';
revoke all on function pgtrail.store_done(text, bigint) from public;
