-- The digests of the present values of an event `e`, as text for statements that read many: the same lists stand in hash_condition.sql.
create or replace function pgtrail.group_digests() returns table (name text, digest text)
language sql immutable parallel safe
as $$
    values ('identity', 'sha256(record_send(row(''pgtrail identity''::text, e.identity_salt, e.actor_id, e.actor_name, e.actor_email, '
            'e.ip_address, e.user_agent, e.session_id, e.device_id)))'),
        ('content', 'sha256(record_send(row(''pgtrail content''::text, e.content_salt, e.resource_id, e.resource_name, e.namespace, '
            'e.description, e.error_message, e.request_path, e.request_id, e.correlation_id, e.request_params, e.before_state, '
            'e.after_state, e.details, e.tags, e.signature)))')
$$;
comment on function pgtrail.group_digests() is 'The digests of the present values of an event, as SQL';
revoke all on function pgtrail.group_digests() from public;
