-- Records that somebody took events away: an act with the sha256 of the manifest that lies with them. Whoever may read events may call
-- it, so nothing that is given becomes a parameter as it is: names of filters are names, and no value of a filter is among them.
create or replace function pgtrail.record_export(
    kind text, format text, organizations text[], since timestamptz, until timestamptz, filters text[], excluded text[],
    events bigint, manifest bytea, tool_version text
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set lock_timeout = '10s'
as $$
declare
    odd text;
begin
    if (kind in ('evidence', 'extract', 'subject')) is not true then
        odd := 'an export is evidence, an extract or what a subject is given';
    elsif (format in ('csv', 'excel', 'json', 'ndjson', 'xml')) is not true then
        odd := 'an export has the format csv, excel, json, ndjson or xml';
    elsif cardinality(organizations) > 1000 or exists (
        select from unnest(organizations) o (name) where (length(o.name) between 1 and 128) is not true
    ) then
        odd := 'an export names at most 1000 organizations, each with 1 to 128 characters';
    elsif cardinality(filters) > 100 or exists (
        select from unnest(filters) f (name) where (f.name ~ '^[A-Za-z-]{1,40}$') is not true
    ) then
        odd := 'the filters of an export are given by their names, never by their values';
    elsif (excluded <@ array['identity', 'content']) is not true then
        odd := 'an export excludes identity, content or nothing';
    elsif (events >= 0) is not true then
        odd := 'an export has a number of events';
    elsif octet_length(manifest) is distinct from 32 then
        odd := 'the digest of a manifest has 32 bytes';
    elsif (tool_version ~ '^[0-9A-Za-z.+-]{1,40}$') is not true then
        odd := 'the version of the tool is a version';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    return pgtrail.record_act('export', jsonb_build_object(
        'kind', kind, 'format', format, 'organizations', to_jsonb(organizations), 'since', since, 'until', until,
        'filters', to_jsonb(filters), 'excluded', to_jsonb(excluded), 'events', events, 'tool_version', tool_version
    ), manifest);
end
$$;
comment on function pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text) is
    'Records an export';
revoke all on function pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text)
    from public;
