-- Deletes a file in the database; false where there is none. The files of an archive that an act tells of stay until an act tells that it is
-- removed. Whoever makes that act and this in one transaction finds it so.
create or replace function pgtrail.remove_stored(id text) returns boolean
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    archive pgtrail.archive;
begin
    -- An archive that is recorded at this moment is waited for, and an old snapshot would not see it.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'files are removed at the isolation level read committed',
            hint = 'Nothing was removed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    select a.* into archive from pgtrail.archive a
    where a.name = split_part(remove_stored.id, '/', 1) and a.location = 'table:' and a.removed_seq is null;
    if found then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('the file belongs to the archive %s, which act %s tells of', archive.name, archive.act_seq),
            hint = 'Nothing was removed; pgtrail archive remove removes an archive, and records it.';
    end if;
    -- First what says that it is there, which whoever writes the file has locked: then no part comes any more.
    delete from pgtrail.archive_storage s where s.id = remove_stored.id;
    if not found then
        return false;
    end if;
    delete from pgtrail.archive_storage_part p where p.id = remove_stored.id;
    return true;
end
$$;
comment on function pgtrail.remove_stored(text) is 'Deletes a stored file';
revoke all on function pgtrail.remove_stored(text) from public;
