-- Puts the next part of a file into the database itself: of a new file the first. A file that is whole (pgtrail.store_done) is never written
-- over. An id is two names with a slash between: letters, digits, and `. _ -` behind the first character.
create or replace function pgtrail.store_file(id text, part int, data bytea) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    file pgtrail.archive_storage;
begin
    if (store_file.id ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$') is not true then
        raise exception using errcode = 'TR009', hint = 'Nothing was stored.',
            message = 'a file in the database is named by two names with a slash between, of letters, digits, dots, dashes and underscores';
    elsif (store_file.part > 0) is not true or (octet_length(store_file.data) between 0 and 1048576) is not true then
        raise exception using errcode = 'TR009', message = 'a part of a file has a number from 1, and a mebibyte at most', hint = 'Nothing was stored.';
    end if;
    if store_file.part = 1 then
        insert into pgtrail.archive_storage (id) values (store_file.id) on conflict do nothing;
        if not found then
            raise exception using errcode = 'duplicate_object', message = format('there is a file %s in the database already', store_file.id),
                hint = 'Nothing was stored.';
        end if;
    else
        -- Two that write the same file: the second waits, and finds its part there.
        select s.* into file from pgtrail.archive_storage s where s.id = store_file.id for update;
        if file.id is null or file.metadata ? 'bytes'
            or (select max(p.part) from pgtrail.archive_storage_part p where p.id = store_file.id) is distinct from store_file.part - 1
        then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was stored.',
                message = format('part %s is not the next of file %s in the database', store_file.part, store_file.id);
        end if;
    end if;
    insert into pgtrail.archive_storage_part values (store_file.id, store_file.part, store_file.data);
end
$$;
comment on function pgtrail.store_file(text, int, bytea) is 'Puts a part of a file into the database';
revoke all on function pgtrail.store_file(text, int, bytea) from public;
