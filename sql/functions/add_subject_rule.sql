-- Adds a rule of what is personal, or of what a law keeps, by an act: resource (resource_id of events with this resource_type names a
-- person), path (a jsonb column has personal data there) or keep (an erasure leaves a token in these events). Null where the same rule is
-- in force already.
create or replace function pgtrail.add_subject_rule(
    kind text, event_type text default null, resource_type text default null, path text[] default null, classification text default null,
    tag text default null, note text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    made pgtrail.subject_rule;
    odd text;
begin
    if (kind in ('resource', 'path', 'keep')) is not true then
        odd := 'a rule of what is personal is of a resource, of a path, or keeps';
    elsif '' in (event_type, resource_type, classification, tag) or '' = any (path) and array_position(path, '') = 1 then
        odd := 'what a rule names is not empty';
    elsif greatest(length(event_type), length(resource_type), length(tag), length(array_to_string(path, ''))) > 1000 or cardinality(path) > 100 then
        odd := 'what a rule names has 1000 characters at most';
    elsif length(note) > 2000 then
        odd := 'the note of a rule has 2000 characters at most';
    elsif kind = 'resource' and (resource_type is null or num_nonnulls(event_type, path, classification, tag) > 0) then
        odd := 'a rule of a resource names its type, and nothing more';
    elsif kind = 'path' and (cardinality(path) > 0 and num_nonnulls(resource_type, classification, tag) = 0) is not true then
        odd := 'a rule of a path names the path, and a type of events or none';
    elsif kind = 'path' and (path[1] in ('request_params', 'before_state', 'after_state', 'details')) is not true then
        odd := 'a path begins with request_params, before_state, after_state or details';
    elsif kind = 'path' and (array_ndims(path) <> 1 or array_lower(path, 1) <> 1 or array_position(path, null) is not null) then
        odd := 'a path is a list of steps';
    elsif kind = 'keep' and (num_nonnulls(event_type, classification, tag) = 0 or num_nonnulls(resource_type, path) > 0) then
        odd := 'a rule that keeps names a classification, a tag or a type of events';
    elsif classification not in ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED', 'PHI') then
        odd := 'a classification is PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
    elsif event_type like '%.' or event_type like '%*%' then
        odd := 'the type of a rule is the beginning of types, without a dot or a star at its end';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    made := row(null, kind, event_type, resource_type, path, classification, tag, null);
    if exists (
        select from pgtrail.subject_rule r
        where r.ended_seq is null and row(r.kind, r.event_type, r.resource_type, r.path, r.data_classification, r.compliance_tag)
            is not distinct from row(made.kind, made.event_type, made.resource_type, made.path, made.data_classification, made.compliance_tag)
    ) then
        return null;
    end if;
    made.act_seq := pgtrail.record_act('subject_rule', jsonb_build_object('step', 'add', 'kind', kind, 'event_type', event_type,
        'resource_type', resource_type, 'path', to_jsonb(path), 'classification', classification, 'tag', tag, 'note', note));
    insert into pgtrail.subject_rule select made.*;
    return made.act_seq;
end
$$;
comment on function pgtrail.add_subject_rule(text, text, text, text[], text, text, text) is 'Adds a rule of what is personal';
revoke all on function pgtrail.add_subject_rule(text, text, text, text[], text, text, text) from public;
