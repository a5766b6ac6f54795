-- A staged record as an event in JSON: what it is in ndjson, what cloudtrail_event makes of it otherwise. An organization given to
-- an import is that of the ndjson events that name none, and stands instead of the account of cloudtrail records.
create or replace function pgtrail.staged_event(record jsonb, format text, organization text) returns jsonb
language sql stable parallel unsafe
as $$
    select case format
        when 'cloudtrail' then pgtrail.cloudtrail_event(record, organization)
        when 'ndjson' then case when organization is null or record ? 'organization_id' then record
            else record || jsonb_build_object('organization_id', organization) end
    end
$$;
comment on function pgtrail.staged_event(jsonb, text, text) is 'A staged record as an event in JSON';
revoke all on function pgtrail.staged_event(jsonb, text, text) from public;
