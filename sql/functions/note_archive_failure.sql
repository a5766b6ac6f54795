-- Notes that a partition could not be archived, and why; how often by now. No evidence.
create or replace function pgtrail.note_archive_failure(partition_name text, location text, reason text, original jsonb) returns int
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    failed int;
begin
    if coalesce(note_archive_failure.partition_name, '') = '' or length(note_archive_failure.partition_name) > 200
        or coalesce(note_archive_failure.location, '') = '' or length(note_archive_failure.location) > 2000
        or note_archive_failure.reason is null or (jsonb_typeof(note_archive_failure.original) = 'object') is not true
        or pg_column_size(note_archive_failure.original) > 65536
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was noted.',
            message = 'what could not be archived is noted with its partition, where it was to go, why it did not, and what was asked for';
    end if;
    insert into pgtrail.archive_failure as f (partition_name, location, reason, original)
    values (note_archive_failure.partition_name, note_archive_failure.location, left(note_archive_failure.reason, 2000), note_archive_failure.original)
    on conflict on constraint archive_failure_pkey do update
    set reason = excluded.reason, original = excluded.original, failure_count = f.failure_count + 1, last_failed_at = clock_timestamp()
    returning f.failure_count into failed;
    return failed;
end
$$;
comment on function pgtrail.note_archive_failure(text, text, text, jsonb) is 'Notes what could not be archived';
revoke all on function pgtrail.note_archive_failure(text, text, text, jsonb) from public;
