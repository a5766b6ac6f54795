-- Records an import as an act, when its source has been read to the end: once for each position, and nothing for an empty source.
-- Only for the role that imports it. The name of a source may be a person's; the act, which stays for ever, has its sha256.
create or replace function pgtrail.import_finish(source text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    found_source pgtrail.import_source;
begin
    -- The lock lets a second call see what the first has recorded.
    select i.* into found_source
    from pgtrail.import_source i
    where i.source = import_finish.source and i.imported_by = session_user
    for update;
    if not found or found_source.position <= found_source.recorded_position then
        return null;
    end if;
    update pgtrail.import_source i
    set recorded_position = found_source.position
    where i.source = found_source.source;
    return pgtrail.record_act('import', jsonb_build_object(
        'source', case when found_source.source ~ '^[0-9a-f]{64}$' then found_source.source
            else encode(sha256(convert_to(found_source.source, 'UTF8')), 'hex') end,
        'format', found_source.format, 'position', found_source.position, 'events', found_source.events,
        'rejected', found_source.rejected));
end
$$;
comment on function pgtrail.import_finish(text) is 'Records a finished import';
revoke all on function pgtrail.import_finish(text) from public;
