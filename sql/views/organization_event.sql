-- What a reader of one organization reads in the place of pgtrail.event: the events of the organizations that the present role, or a
-- role whose rights it has, is bound to (pgtrail.organization_reader). A role that was dropped lost its membership: one that is made
-- anew under its name does not have its bindings. A barrier: no function of the reader's sees another row.
-- The columns *_prefix are what the indexes of pgtrail.event hold of long text: left(actor_id, 300) written by the reader may not
-- pass the barrier, the column may. What a restriction hides (open_event.sql) is hidden here too. Ordered within, because a barrier keeps the reader's own ORDER BY from the indexes.
create or replace view pgtrail.organization_event with (security_barrier) as
select
    e.id, e.external_id, e.external_number, e.source, e.organization_id, e.project_id, e.occurred_at, e.recorded_at,
    e.event_type, e.category, e.action, e.severity, e.outcome, e.status_code, e.actor_type, e.actor_role, e.resource_type,
    e.request_method, e.data_classification, e.data_size_bytes, e.retention_policy, e.compliance_tags, e.event_version,
    e.processing_latency_ms, e.actor_id, e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id,
    e.resource_id, e.resource_name, e.namespace, e.description, e.error_message, e.request_path, e.request_id, e.correlation_id,
    e.request_params, e.before_state, e.after_state, e.details, e.tags, e.signature, e.lane, e.seq, e.identity_salt,
    e.content_salt, e.previous_hash, e.hash, e.hash_version, e.identity_digest, e.content_digest,
    pg_catalog.left(e.actor_id, 300) as actor_id_prefix, pg_catalog.left(e.resource_type, 100) as resource_type_prefix,
    pg_catalog.left(e.resource_id, 300) as resource_id_prefix, pg_catalog.left(e.event_type, 300) as event_type_prefix,
    pg_catalog.left(e.request_id, 300) as request_id_prefix, pg_catalog.left(e.correlation_id, 300) as correlation_id_prefix,
    pg_catalog.left(e.session_id, 300) as session_id_prefix
from pgtrail.event e,
    (
        select array(
            select b.organization_id
            from pgtrail.organization_reader b
            join pg_catalog.pg_roles r on r.rolname = b.role_name
            join pg_catalog.pg_auth_members m on m.member = r.oid
            join pg_catalog.pg_roles g on g.oid = m.roleid
            where g.rolname = 'pgtrail_organization_reader' and pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')
        ) as organizations
    ) bound,
    (
        select exists (select from pgtrail.subject_restriction) as any_at_all,
            exists (select from pgtrail.subject_rule u where u.kind = 'path' and u.ended_seq is null) as any_path,
            exists (select from pgtrail.subject_rule u where u.kind = 'path' and u.ended_seq is null and '*' = any (u.path)) as any_star
    ) restricted
where e.organization_id = any (bound.organizations)
and (
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
        where cardinality(s.rest) = 0 and jsonb_typeof(s.value) in ('string', 'number')))
order by e.occurred_at desc;
comment on view pgtrail.organization_event is 'Events of the organizations that the present role is bound to';
comment on column pgtrail.organization_event.id is 'The application''s id (uuid version 7 if it sends none); not unique';
comment on column pgtrail.organization_event.external_id is 'Its id in the system that it came from, if that is text';
comment on column pgtrail.organization_event.external_number is 'Its id in the system that it came from, if that is a number';
comment on column pgtrail.organization_event.source is 'The profile or import that it came through';
comment on column pgtrail.organization_event.organization_id is 'The tenant; at most 128 characters';
comment on column pgtrail.organization_event.project_id is 'Project within the organization';
comment on column pgtrail.organization_event.occurred_at is 'When it happened, by the application''s clock';
comment on column pgtrail.organization_event.recorded_at is 'When it was recorded, always by the server''s clock';
comment on column pgtrail.organization_event.event_type is 'What happened, dotted: auth.login.failed';
comment on column pgtrail.organization_event.category is 'Group of event types: auth, data, config, admin';
comment on column pgtrail.organization_event.action is 'Verb: create, read, update, delete, export';
comment on column pgtrail.organization_event.severity is 'debug, info, warning, error or critical';
comment on column pgtrail.organization_event.outcome is 'attempt, success, failure, denied or error';
comment on column pgtrail.organization_event.status_code is 'Status code of the request, such as HTTP 403';
comment on column pgtrail.organization_event.actor_type is 'Kind of actor: user, service, system';
comment on column pgtrail.organization_event.actor_role is 'Role of the actor at that time';
comment on column pgtrail.organization_event.resource_type is 'Kind of thing that was acted on';
comment on column pgtrail.organization_event.request_method is 'Method of the request, such as POST';
comment on column pgtrail.organization_event.data_classification is 'PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
comment on column pgtrail.organization_event.data_size_bytes is 'Size of the data moved, in bytes';
comment on column pgtrail.organization_event.retention_policy is 'Retention class; decided at insert';
comment on column pgtrail.organization_event.compliance_tags is 'Frameworks it matters to: PCI, HIPAA';
comment on column pgtrail.organization_event.event_version is 'Version of the application''s event format';
comment on column pgtrail.organization_event.processing_latency_ms is 'Milliseconds the application took';
comment on column pgtrail.organization_event.actor_id is 'Who did it: id';
comment on column pgtrail.organization_event.actor_name is 'Who did it: name';
comment on column pgtrail.organization_event.actor_email is 'Who did it: e-mail address';
comment on column pgtrail.organization_event.ip_address is 'Address the request came from';
comment on column pgtrail.organization_event.user_agent is 'User agent of the request';
comment on column pgtrail.organization_event.session_id is 'Session of the actor';
comment on column pgtrail.organization_event.device_id is 'Device of the actor';
comment on column pgtrail.organization_event.resource_id is 'Which thing was acted on: id';
comment on column pgtrail.organization_event.resource_name is 'Which thing was acted on: name';
comment on column pgtrail.organization_event.namespace is 'Namespace of the resource';
comment on column pgtrail.organization_event.description is 'What happened and why, for people';
comment on column pgtrail.organization_event.error_message is 'Error the application reported';
comment on column pgtrail.organization_event.request_path is 'Path of the request';
comment on column pgtrail.organization_event.request_id is 'Id of the request';
comment on column pgtrail.organization_event.correlation_id is 'Id that ties events of several systems together';
comment on column pgtrail.organization_event.request_params is 'Parameters of the request';
comment on column pgtrail.organization_event.before_state is 'The resource before';
comment on column pgtrail.organization_event.after_state is 'The resource after';
comment on column pgtrail.organization_event.details is 'Anything else';
comment on column pgtrail.organization_event.tags is 'Free tags';
comment on column pgtrail.organization_event.signature is 'The application''s own signature; carried, not checked';
comment on column pgtrail.organization_event.lane is 'Which of the organization''s parallel chains';
comment on column pgtrail.organization_event.seq is 'Place in the lane, from 1 without gaps';
comment on column pgtrail.organization_event.identity_salt is 'Random; makes identity_digest a commitment';
comment on column pgtrail.organization_event.content_salt is 'Random; makes content_digest a commitment';
comment on column pgtrail.organization_event.previous_hash is 'Hash of the event before it in the lane';
comment on column pgtrail.organization_event.hash is 'sha256 over the event and previous_hash (FORMAT.md)';
comment on column pgtrail.organization_event.hash_version is 'Version of the canonical bytes';
comment on column pgtrail.organization_event.identity_digest is 'Digest of the identity columns before they were redacted; else null';
comment on column pgtrail.organization_event.content_digest is 'Digest of the content columns before they were redacted; else null';
comment on column pgtrail.organization_event.actor_id_prefix is 'The first 300 characters of actor_id: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.resource_type_prefix is 'The first 100 characters of resource_type: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.resource_id_prefix is 'The first 300 characters of resource_id: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.event_type_prefix is 'The first 300 characters of event_type: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.request_id_prefix is 'The first 300 characters of request_id: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.correlation_id_prefix is 'The first 300 characters of correlation_id: ask this too, with =, and an index is used';
comment on column pgtrail.organization_event.session_id_prefix is 'The first 300 characters of session_id: ask this too, with =, and an index is used';
