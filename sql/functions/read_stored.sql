-- A part of a whole file in the database; null where there is none. On a standby too: pgtrail.note_retrieved counts, where it can. What an
-- archive has are whole events: only who may read these is given it, whatever else his role may do with archives.
create or replace function pgtrail.read_stored(id text, part int) returns bytea
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    reader constant name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    if not has_table_privilege(reader, 'pgtrail.event', 'select') then
        raise exception using errcode = 'insufficient_privilege',
            message = format('the role %s may not read what archives have: that takes one that may also read all events', reader),
            hint = format('Nothing was read; grant pgtrail_reader to it: pgtrail grant reader %s', reader);
    end if;
    return (
        select p.data
        from pgtrail.archive_storage s
        join pgtrail.archive_storage_part p on p.id = s.id
        where s.id = read_stored.id and p.part = read_stored.part and s.metadata ? 'bytes'
    );
end
$$;
comment on function pgtrail.read_stored(text, int) is 'Reads a part of a stored file';
revoke all on function pgtrail.read_stored(text, int) from public;
