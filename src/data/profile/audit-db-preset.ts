// Seed 003: audit_preset, what an organization's events of an action must have, and the functions that apply it to a row of audit_log.
import type { Companion } from "./shape.js"

/** Applications write the names of their own code: organizationId is organization_id. */
const snake = (name: string): string => `lower(regexp_replace(${name}, '([A-Z])', '_\\1', 'g'))`

const apply: Companion = {
  name: "pgtrail_audit_preset_apply",
  kind: "function",
  signature: "(jsonb, jsonb)",
  isPrivate: true,
  // A name that no column has is one of details, with or without "details." before it. What a view's own default filled in, a preset's
  // default takes the place of: nobody said it.
  sql: ({
    schema,
  }) => `create or replace function ${schema}.pgtrail_audit_preset_apply(preset jsonb, event jsonb) returns jsonb
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $preset$
declare
    given constant jsonb := '{"hash_algorithm": "SHA-256", "event_version": "1.0", "retention_policy": "standard"}';
    changes jsonb := '{}';
    entry record;
    place text[];
    broken text;
    field text;
begin
    for entry in
        select ${snake("d.key")} as name, d.key, d.value
        from jsonb_each(case jsonb_typeof(preset -> 'default_values') when 'object' then preset -> 'default_values' else '{}' end) d
        union all
        select 'data_classification', 'data_classification', preset -> 'data_classification'
        where preset ->> 'data_classification' is not null
    loop
        if event ? entry.name then
            if entry.name <> 'id' and (event ->> entry.name is null or event ->> entry.name = given ->> entry.name) then
                changes := changes || jsonb_build_object(entry.name, entry.value);
            end if;
        else
            place := array['details'] || string_to_array(regexp_replace(entry.key, '^details[.]', ''), '.');
            if event ->> 'details' is null then
                event := event || '{"details": {}}';
            end if;
            -- What is between is made; where something else stands there, it stays.
            for depth in 2 .. cardinality(place) - 1 loop
                exit when jsonb_typeof(event #> place[:depth - 1]) <> 'object';
                if event #>> place[:depth] is null then
                    event := jsonb_set(event, place[:depth], '{}');
                end if;
            end loop;
            if jsonb_typeof(event #> place[:cardinality(place) - 1]) = 'object' and event #>> place is null then
                event := jsonb_set(event, place, entry.value);
                changes := changes || jsonb_build_object('details', event -> 'details');
            end if;
        end if;
        event := event || changes;
    end loop;

    if upper(preset ->> 'data_classification') <> upper(event ->> 'data_classification') then
        broken := 'data_classification';
        field := 'data_classification';
    end if;
    for entry in
        select ${snake("r.key")} as name, r.key, null::jsonb as rule
        from jsonb_array_elements_text(case jsonb_typeof(preset -> 'required_fields') when 'array' then preset -> 'required_fields' else '[]' end) r (key)
        union all
        select ${snake("v.key")}, v.key, v.value
        from jsonb_each(case jsonb_typeof(preset -> 'validation') when 'object' then preset -> 'validation' else '{}' end) v
    loop
        exit when broken is not null;
        place := case when event ? entry.name then array[entry.name]
            else array['details'] || string_to_array(regexp_replace(entry.key, '^details[.]', ''), '.') end;
        field := case when event ? entry.name then entry.name else 'details' end;
        if event #>> place is null then
            broken := case when entry.rule is null then 'required_fields' end;
        elsif event #>> place !~ (entry.rule ->> 'pattern') then
            broken := 'pattern';
        elsif jsonb_typeof(entry.rule -> 'enum') = 'array' and not entry.rule -> 'enum' @> jsonb_build_array(event #> place) then
            broken := 'enum';
        elsif length(event #>> place) > coalesce(entry.rule ->> 'max_length', entry.rule ->> 'maxLength')::numeric then
            broken := 'max_length';
        end if;
    end loop;
    if broken is not null then
        raise exception using errcode = 'check_violation', column = field, table = 'audit_log', constraint = 'audit_preset_' || broken,
            message = format('column %I of new row for relation "audit_log" violates %s of audit preset %I%s', field, broken, preset ->> 'name',
                case when field = 'details' then format(' (%s)', array_to_string(place[2:], '.')) else '' end);
    end if;
    return changes;
end
$preset$;
revoke all on function ${schema}.pgtrail_audit_preset_apply(jsonb, jsonb) from public;`,
}

const check: Companion = {
  name: "pgtrail_audit_preset_check",
  kind: "function",
  signature: "()",
  isPrivate: true,
  // A preset that cannot be applied would refuse every event of its action: it is refused itself.
  sql: ({ schema }) => `create or replace function ${schema}.pgtrail_audit_preset_check() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $preset$
declare
    entry record;
    odd text;
    unknown text;
begin
    if jsonb_typeof(new.required_fields) not in ('array', 'null') or new.required_fields @? '$[*] ? (@.type() <> "string")' then
        odd := 'required_fields';
    elsif jsonb_typeof(new.default_values) not in ('object', 'null') then
        odd := 'default_values';
    elsif jsonb_typeof(new.validation) not in ('object', 'null') then
        odd := 'validation';
    elsif upper(new.data_classification) not in ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED', 'PHI') then
        odd := 'data_classification';
    end if;
    if odd is null and jsonb_typeof(new.validation) = 'object' then
        for entry in select v.value as rule from jsonb_each(new.validation) v loop
            if jsonb_typeof(entry.rule) <> 'object' or coalesce(jsonb_typeof(entry.rule -> 'pattern'), 'string') <> 'string'
                or coalesce(jsonb_typeof(entry.rule -> 'enum'), 'array') <> 'array'
                or coalesce(jsonb_typeof(entry.rule -> 'max_length'), 'number') <> 'number'
                or coalesce(jsonb_typeof(entry.rule -> 'maxLength'), 'number') <> 'number'
            then
                odd := 'validation';
            else
                -- What is not known would not be asked: a slip of the pen would switch the rule off.
                select string_agg(format('"%s"', k), ', ' order by k) into unknown
                from jsonb_object_keys(entry.rule) k where k not in ('pattern', 'enum', 'max_length', 'maxLength');
                if unknown is not null then
                    odd := 'validation';
                end if;
                perform '' ~ (entry.rule ->> 'pattern');
            end if;
            exit when odd is not null;
        end loop;
    end if;
    if odd is not null then
        raise exception using errcode = 'check_violation', column = odd, table = tg_table_name, schema = tg_table_schema,
            constraint = 'audit_preset_check',
            message = format('column %I of new row for relation %I violates check constraint "audit_preset_check"%s', odd, tg_table_name,
                ': no such rule: ' || unknown),
            hint = case when unknown is not null then 'Nothing was changed. The rules of a field are pattern, enum and max_length (or maxLength).'
                when odd = 'data_classification' then 'Nothing was changed. It is PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI.'
                else 'Nothing was changed. required_fields is a list of columns, default_values an object of them, validation one of {pattern, enum, max_length}.' end;
    end if;
    perform jsonb_populate_record(null::${schema}.audit_log, ${schema}.pgtrail_audit_preset_apply(
        jsonb_build_object('default_values', new.default_values), to_jsonb(jsonb_populate_record(null::${schema}.audit_log, '{}'))));
    return new;
end
$preset$;
revoke all on function ${schema}.pgtrail_audit_preset_check() from public;`,
}

const table: Companion = {
  name: "audit_preset",
  kind: "table",
  isCounted: true,
  rights: ["insert", "update", "delete"],
  sql: ({ schema }) => `create table if not exists ${schema}.audit_preset (
    id integer generated by default as identity primary key,
    name varchar(255) not null,
    description text,
    organization_id varchar(255) not null,
    action varchar(255) not null,
    data_classification varchar(20),
    required_fields jsonb,
    default_values jsonb,
    validation jsonb,
    created_at timestamptz not null default now(),
    created_by varchar(255),
    updated_at timestamptz,
    updated_by varchar(255)
);
create index if not exists audit_preset_action on ${schema}.audit_preset (organization_id, action);
create or replace trigger pgtrail_check before insert or update on ${schema}.audit_preset
for each row execute function ${schema}.pgtrail_audit_preset_check();`,
}

export const presetCompanions: readonly Companion[] = [apply, check, table]
