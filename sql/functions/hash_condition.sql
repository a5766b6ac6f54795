-- The condition that an event `e` has the hash that it must have, as text for statements that read many: the canonical bytes of FORMAT.md.
-- The same lists stand in seal_event.sql and import_batch.sql. Written into a statement it is cheaper than a function of the row.
create or replace function pgtrail.hash_condition() returns text
language sql immutable parallel safe
as $$
    select 'case when e.hash_version = 1 then coalesce(e.hash = sha256(record_send(row('
        '''pgtrail event''::text, e.hash_version, e.organization_id, e.lane, e.seq, e.previous_hash, '
        'coalesce(e.identity_digest, sha256(record_send(row('
        '''pgtrail identity''::text, e.identity_salt, e.actor_id, e.actor_name, e.actor_email, e.ip_address, '
        'e.user_agent, e.session_id, e.device_id)))), '
        'coalesce(e.content_digest, sha256(record_send(row('
        '''pgtrail content''::text, e.content_salt, e.resource_id, e.resource_name, e.namespace, e.description, '
        'e.error_message, e.request_path, e.request_id, e.correlation_id, e.request_params, '
        'e.before_state, e.after_state, e.details, e.tags, e.signature)))), '
        'e.occurred_at, e.recorded_at, e.id, e.external_id, e.external_number, e.source, e.project_id, '
        'e.event_type, e.category, e.action, e.severity, e.outcome, e.status_code, e.actor_type, '
        'e.actor_role, e.resource_type, e.request_method, e.data_classification, e.data_size_bytes, '
        'e.retention_policy, e.compliance_tags, e.event_version, e.processing_latency_ms))), false) else false end'
$$;
comment on function pgtrail.hash_condition() is 'The condition that an event has the right hash, as SQL';
revoke all on function pgtrail.hash_condition() from public;
