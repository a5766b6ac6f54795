-- Records an import as an act, when its source has been read to the end.
create or replace function pgtrail.import_finish(source text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    parameters_now jsonb;
begin
    select jsonb_build_object('source', i.source, 'format', i.format, 'position', i.position, 'events', i.events,
        'rejected', i.rejected)
    into parameters_now
    from pgtrail.import_source i
    where i.source = import_finish.source;
    if not found or exists (select from pgtrail.act a where a.kind = 'import' and a.parameters = parameters_now) then
        return null;
    end if;
    return pgtrail.record_act('import', parameters_now);
end
$$;
comment on function pgtrail.import_finish(text) is 'Records a finished import';
revoke all on function pgtrail.import_finish(text) from public;
