-- Takes back the note that a partition could not be archived: it could, or nobody wants it any more. Whether there was one.
create or replace function pgtrail.forget_archive_failure(partition_name text, location text) returns boolean
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
begin
    delete from pgtrail.archive_failure f
    where f.partition_name = forget_archive_failure.partition_name and f.location = forget_archive_failure.location;
    return found;
end
$$;
comment on function pgtrail.forget_archive_failure(text, text) is 'Forgets that something could not be archived';
revoke all on function pgtrail.forget_archive_failure(text, text) from public;
