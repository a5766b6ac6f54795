-- The events that no restriction hides (Article 18): what all but pgtrail_privacy are shown in the place of pgtrail.event as soon as there is a
-- restriction. Hidden is what the subject did and what was done to him: identity columns, resources and paths that rules name. No barrier: who
-- reads this may read the table. Whether there is any is asked once, so without one nothing is compared.
create or replace view pgtrail.open_event as
select
    e.id, e.external_id, e.external_number, e.source, e.organization_id, e.project_id, e.occurred_at, e.recorded_at,
    e.event_type, e.category, e.action, e.severity, e.outcome, e.status_code, e.actor_type, e.actor_role, e.resource_type,
    e.request_method, e.data_classification, e.data_size_bytes, e.retention_policy, e.compliance_tags, e.event_version,
    e.processing_latency_ms, e.actor_id, e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id,
    e.resource_id, e.resource_name, e.namespace, e.description, e.error_message, e.request_path, e.request_id, e.correlation_id,
    e.request_params, e.before_state, e.after_state, e.details, e.tags, e.signature, e.lane, e.seq, e.identity_salt,
    e.content_salt, e.previous_hash, e.hash, e.hash_version, e.identity_digest, e.content_digest
from pgtrail.event e,
    (
        select exists (select from pgtrail.subject_restriction) as any_at_all,
            exists (select from pgtrail.subject_rule u where u.kind = 'path' and u.ended_seq is null) as any_path,
            exists (select from pgtrail.subject_rule u where u.kind = 'path' and u.ended_seq is null and '*' = any (u.path)) as any_star
    ) restricted
where (
    not restricted.any_at_all
    -- Whether any of its values is among them at all is looked up; only then it matters in which organization.
    or not (
        coalesce(e.actor_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'id')
        or coalesce(e.resource_id, '') in (
            select case r.kind when 'id' then r.value else substr(r.value, strpos(r.value, '/') + 1) end
            from pgtrail.subject_restriction r where r.kind in ('id', 'resource'))
        or coalesce(pgtrail.fold_text(e.actor_email), '') in (select pgtrail.fold_text(r.value) from pgtrail.subject_restriction r where r.kind = 'email')
        -- Others have the same name, address or device: those count only where nothing says that somebody else did it, as find_subject has it.
        or e.actor_id is null and e.actor_email is null and (
            coalesce(e.actor_name, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'name')
            or coalesce(e.ip_address, '::') in (select r.value::inet from pgtrail.subject_restriction r where r.kind = 'ip')
            or coalesce(e.device_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'device')
            or coalesce(e.session_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'session')))
    or not exists (
        select from pgtrail.subject_restriction r
        where (r.organization_id is null or r.organization_id = e.organization_id) and case r.kind
            when 'id' then r.value = e.actor_id or r.value = e.resource_id and e.resource_type in (
                select u.resource_type from pgtrail.subject_rule u where u.kind = 'resource' and u.ended_seq is null)
            when 'email' then pgtrail.fold_text(r.value) = pgtrail.fold_text(e.actor_email)
            when 'name' then e.actor_id is null and e.actor_email is null and r.value = e.actor_name
            when 'ip' then e.actor_id is null and e.actor_email is null and r.value::inet = e.ip_address
            when 'device' then e.actor_id is null and e.actor_email is null and r.value = e.device_id
            when 'session' then e.actor_id is null and e.actor_email is null and r.value = e.session_id
            when 'resource' then r.value = e.resource_type || '/' || e.resource_id
            else false end))
and (
    not restricted.any_at_all
    or not restricted.any_path
    -- At a path an address is one in any case of its letters, an id in its own alone.
    or not exists (
        select from pgtrail.subject_rule u,
            lateral (select case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                when 'after_state' then e.after_state else e.request_params end #>> u.path[2:] as value) d
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.'))
            and (d.value in (select case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) when 'ip' then host(r.value::inet) else r.value end from pgtrail.subject_restriction r)
                or pgtrail.fold_text(d.value) in (select pgtrail.fold_text(r.value) from pgtrail.subject_restriction r where strpos(r.value, '@') > 0)))
    or not exists (
        select from pgtrail.subject_rule u,
            lateral (select case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                when 'after_state' then e.after_state else e.request_params end #>> u.path[2:] as value) d
        join pgtrail.subject_restriction r on d.value = case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) when 'ip' then host(r.value::inet) else r.value end
            or strpos(r.value, '@') > 0 and pgtrail.fold_text(d.value) = pgtrail.fold_text(r.value)
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.'))
            and (r.organization_id is null or r.organization_id = e.organization_id)))
and (
    not restricted.any_at_all
    or not restricted.any_star
    or not exists (
        with recursive step as (
            select u.path[2:] as rest, case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                    when 'after_state' then e.after_state else e.request_params end as value
            from pgtrail.subject_rule u
            where u.kind = 'path' and u.ended_seq is null and '*' = any (u.path) and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.'))
            union all
            select s.rest[2:], below.value
            from step s,
                lateral (
                    select m.value from jsonb_each(case jsonb_typeof(s.value) when 'object' then s.value else '{}' end) m
                    where s.rest[1] in ('*', m.key)
                    union all
                    select m.value
                    from jsonb_array_elements(case jsonb_typeof(s.value) when 'array' then s.value else '[]' end) with ordinality m (value, n)
                    where s.rest[1] in ('*', (m.n - 1)::text)
                ) below
        )
        select from step s,
            lateral (select s.value #>> '{}' as value) d
        join pgtrail.subject_restriction r on (r.organization_id is null or r.organization_id = e.organization_id)
            and (d.value = case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) when 'ip' then host(r.value::inet) else r.value end
                or strpos(r.value, '@') > 0 and pgtrail.fold_text(d.value) = pgtrail.fold_text(r.value))
        where cardinality(s.rest) = 0 and jsonb_typeof(s.value) in ('string', 'number')));
comment on view pgtrail.open_event is 'Events that no restriction hides';
comment on column pgtrail.open_event.id is 'The application''s id (uuid version 7 if it sends none); not unique';
comment on column pgtrail.open_event.external_id is 'Its id in the system that it came from, if that is text';
comment on column pgtrail.open_event.external_number is 'Its id in the system that it came from, if that is a number';
comment on column pgtrail.open_event.source is 'The profile or import that it came through';
comment on column pgtrail.open_event.organization_id is 'The tenant; at most 128 characters';
comment on column pgtrail.open_event.project_id is 'Project within the organization';
comment on column pgtrail.open_event.occurred_at is 'When it happened, by the application''s clock';
comment on column pgtrail.open_event.recorded_at is 'When it was recorded, always by the server''s clock';
comment on column pgtrail.open_event.event_type is 'What happened, dotted: auth.login.failed';
comment on column pgtrail.open_event.category is 'Group of event types: auth, data, config, admin';
comment on column pgtrail.open_event.action is 'Verb: create, read, update, delete, export';
comment on column pgtrail.open_event.severity is 'debug, info, warning, error or critical';
comment on column pgtrail.open_event.outcome is 'attempt, success, failure, denied or error';
comment on column pgtrail.open_event.status_code is 'Status code of the request, such as HTTP 403';
comment on column pgtrail.open_event.actor_type is 'Kind of actor: user, service, system';
comment on column pgtrail.open_event.actor_role is 'Role of the actor at that time';
comment on column pgtrail.open_event.resource_type is 'Kind of thing that was acted on';
comment on column pgtrail.open_event.request_method is 'Method of the request, such as POST';
comment on column pgtrail.open_event.data_classification is 'PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
comment on column pgtrail.open_event.data_size_bytes is 'Size of the data moved, in bytes';
comment on column pgtrail.open_event.retention_policy is 'Retention class; decided at insert';
comment on column pgtrail.open_event.compliance_tags is 'Frameworks it matters to: PCI, HIPAA';
comment on column pgtrail.open_event.event_version is 'Version of the application''s event format';
comment on column pgtrail.open_event.processing_latency_ms is 'Milliseconds the application took';
comment on column pgtrail.open_event.actor_id is 'Who did it: id';
comment on column pgtrail.open_event.actor_name is 'Who did it: name';
comment on column pgtrail.open_event.actor_email is 'Who did it: e-mail address';
comment on column pgtrail.open_event.ip_address is 'Address the request came from';
comment on column pgtrail.open_event.user_agent is 'User agent of the request';
comment on column pgtrail.open_event.session_id is 'Session of the actor';
comment on column pgtrail.open_event.device_id is 'Device of the actor';
comment on column pgtrail.open_event.resource_id is 'Which thing was acted on: id';
comment on column pgtrail.open_event.resource_name is 'Which thing was acted on: name';
comment on column pgtrail.open_event.namespace is 'Namespace of the resource';
comment on column pgtrail.open_event.description is 'What happened and why, for people';
comment on column pgtrail.open_event.error_message is 'Error the application reported';
comment on column pgtrail.open_event.request_path is 'Path of the request';
comment on column pgtrail.open_event.request_id is 'Id of the request';
comment on column pgtrail.open_event.correlation_id is 'Id that ties events of several systems together';
comment on column pgtrail.open_event.request_params is 'Parameters of the request';
comment on column pgtrail.open_event.before_state is 'The resource before';
comment on column pgtrail.open_event.after_state is 'The resource after';
comment on column pgtrail.open_event.details is 'Anything else';
comment on column pgtrail.open_event.tags is 'Free tags';
comment on column pgtrail.open_event.signature is 'The application''s own signature; carried, not checked';
comment on column pgtrail.open_event.lane is 'Which of the organization''s parallel chains';
comment on column pgtrail.open_event.seq is 'Place in the lane, from 1 without gaps';
comment on column pgtrail.open_event.identity_salt is 'Random; makes identity_digest a commitment';
comment on column pgtrail.open_event.content_salt is 'Random; makes content_digest a commitment';
comment on column pgtrail.open_event.previous_hash is 'Hash of the event before it in the lane';
comment on column pgtrail.open_event.hash is 'sha256 over the event and previous_hash (FORMAT.md)';
comment on column pgtrail.open_event.hash_version is 'Version of the canonical bytes';
comment on column pgtrail.open_event.identity_digest is 'Digest of the identity columns before they were redacted; else null';
comment on column pgtrail.open_event.content_digest is 'Digest of the content columns before they were redacted; else null';
