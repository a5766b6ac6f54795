-- Tells why a record cannot become an event, naming the field and never the value; null where it can. Tries it alone and undoes it.
-- Slow: called only for a batch that was refused. What is not the record's fault (a full disk, a lost lock) is raised as it is.
create or replace function pgtrail.explain_refusal(record text, format text, organization text) returns text
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $$
declare
    event jsonb;
    field text;
    type text;
begin
    begin
        event := record::jsonb;
    exception
        when untranslatable_character then
            return 'it has the character NUL (\u0000), which PostgreSQL cannot store';
        when numeric_value_out_of_range then
            return 'it has a number that PostgreSQL cannot store';
        when program_limit_exceeded then
            return 'its JSON is nested too deeply or too large for the server';
        when data_exception then
            return case
                when regexp_replace(record, '\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}', '', 'g') ~ '\\u[dD][89a-fA-F]'
                    then 'it has half of a surrogate pair (\ud800 to \udfff), which is no character'
                else 'it is not JSON'
                end;
    end;
    if jsonb_typeof(event) <> 'object' then
        return 'it is not a JSON object';
    end if;
    if format = 'ndjson' then
        begin
            perform (event ->> 'append_batch')::uuid;
        exception when data_exception then
            return 'append_batch must be a uuid';
        end;
    end if;
    begin
        event := pgtrail.staged_event(event - case format when 'ndjson' then 'append_batch' else '' end, format, organization);
        perform pgtrail.append(event);
        -- Not TR000, which would stand for the whole class.
        raise exception using errcode = 'TR099';
    exception
        when sqlstate 'TR099' then
            return null;
        when sqlstate 'TR003' or sqlstate 'TR004' then
            return sqlerrm;
        when data_exception or program_limit_exceeded then
            null;
    end;
    for field, type in
        select a.attname, format_type(a.atttypid, null)
        from pg_attribute a
        where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 and event ? a.attname::text
        order by a.attnum
    loop
        begin
            perform jsonb_populate_record(null::pgtrail.event, jsonb_build_object(field, event -> field));
        exception when data_exception then
            return field || case type
                when 'uuid' then ' must be a uuid'
                when 'inet' then ' must be an IP address'
                when 'timestamp with time zone' then ' must be a time such as 2026-11-21T09:30:00Z'
                when 'text[]' then ' must be an array of text'
                else ' must be a whole number that fits ' || type
                end;
        end;
    end loop;
    return 'it has a value that is too long or that PostgreSQL cannot store';
end
$$;
comment on function pgtrail.explain_refusal(text, text, text) is 'Why a record cannot become an event';
revoke all on function pgtrail.explain_refusal(text, text, text) from public;
