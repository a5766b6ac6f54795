-- Records that the events of an archive were loaded into a table of another schema. Nothing follows from it: they are out of the log as
-- before, and what was loaded was judged by whoever loaded it.
create or replace function pgtrail.record_restore(name text, schema_name text, events bigint, reason text, requested_by text default null)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    archive pgtrail.archive;
    odd text;
begin
    select a.* into archive from pgtrail.archive a where a.name = record_restore.name;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', record_restore.name),
            hint = 'Nothing was recorded; pgtrail archive list tells all.';
    elsif coalesce(btrim(record_restore.reason, E' \t\r\n'), '') = '' or length(record_restore.reason) > 2000
        or length(record_restore.requested_by) > 200
    then
        odd := 'a restore takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif coalesce(record_restore.schema_name, '') = '' or octet_length(record_restore.schema_name) > 63 or record_restore.schema_name = 'pgtrail' then
        odd := 'the events of an archive are loaded beside the log into a schema of its own, which is named';
    elsif record_restore.events is distinct from archive.events then
        odd := format('%s has %s events: all of them are restored, or none', archive.name, archive.events);
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    return pgtrail.record_act('restore', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq, 'events', archive.events,
        'schema', record_restore.schema_name, 'reason', record_restore.reason, 'requested_by', record_restore.requested_by));
end
$$;
comment on function pgtrail.record_restore(text, text, bigint, text, text) is 'Records that an archive was loaded beside the log';
revoke all on function pgtrail.record_restore(text, text, bigint, text, text) from public;
