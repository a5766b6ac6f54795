-- Appends one event (a JSON object) or many (an array), all or none, and tells their places in the order given.
-- With a batch id, which is remembered for 24 hours, a repeated call appends nothing and tells the same places again, so that a
-- client that lost its connection can ask again. Keys are the columns of pgtrail.event; an unknown key is refused.
create or replace function pgtrail.append(events jsonb, batch_id uuid default null)
returns table (id uuid, organization_id text, lane smallint, seq bigint, recorded_at timestamptz, hash bytea)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    keys constant text[] := pgtrail.event_keys();
    base constant pgtrail.event := pgtrail.default_event();
    list constant jsonb := case when jsonb_typeof(events) = 'array' then events else jsonb_build_array(events) end;
    digest_now bytea;
    batch pgtrail.append_batch;
begin
    if append.batch_id is not null then
        digest_now := sha256(convert_to(list::text, 'UTF8'));
        -- An old snapshot that met a row somebody else has just removed would fail; it leaves the cleaning to others.
        if current_setting('transaction_isolation') = 'read committed' then
            delete from pgtrail.append_batch b
            where b.batch_id in (
                select o.batch_id from pgtrail.append_batch o
                where o.recorded_at < now() - interval '24 hours'
                limit 100
                for update skip locked);
        end if;
        -- Waits for a first call that is still at work, so that the two cannot both append.
        insert into pgtrail.append_batch as b (batch_id, digest) values (append.batch_id, digest_now) on conflict do nothing;
        if not found then
            select b.* into batch from pgtrail.append_batch b where b.batch_id = append.batch_id;
            if not found then
                raise exception using errcode = 'serialization_failure',
                    message = 'the batch was forgotten at this moment', hint = 'Retry the transaction.';
            elsif batch.source is null and batch.digest is distinct from digest_now then
                raise exception using errcode = 'TR003', message = 'the batch id was used for other events',
                    hint = 'Use a new batch id for each batch, and the same only to repeat the same events.';
            end if;
            return query
            select p.* from unnest(batch.ids, batch.organizations, batch.lanes, batch.seqs, batch.times, batch.hashes) p;
            return;
        end if;
    end if;
    perform pgtrail.check_event_keys(j.event, keys) from jsonb_array_elements(list) j (event);
    with appended as (
        insert into pgtrail.event as t (
            id, external_id, external_number, source, organization_id, project_id, occurred_at, event_type,
            category, action, severity, outcome, status_code, actor_type, actor_role, resource_type, request_method,
            data_classification, data_size_bytes, retention_policy, compliance_tags, event_version, processing_latency_ms,
            actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id,
            resource_id, resource_name, namespace, description, error_message, request_path, request_id, correlation_id,
            request_params, before_state, after_state, details, tags, signature)
        select
            e.id, e.external_id, e.external_number, e.source, e.organization_id, e.project_id, e.occurred_at, e.event_type,
            e.category, e.action, e.severity, e.outcome, e.status_code, e.actor_type, e.actor_role, e.resource_type,
            e.request_method,
            e.data_classification, e.data_size_bytes, e.retention_policy, e.compliance_tags, e.event_version,
            e.processing_latency_ms,
            e.actor_id, e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id,
            e.resource_id, e.resource_name, e.namespace, e.description, e.error_message, e.request_path, e.request_id,
            e.correlation_id,
            e.request_params, e.before_state, e.after_state, e.details, e.tags, e.signature
        from jsonb_array_elements(list) with ordinality j (event, n),
            lateral jsonb_populate_record(base, j.event) e
        order by j.n
        returning t.id, t.organization_id, t.lane, t.seq, t.recorded_at, t.hash
    )
    select array_agg(a.id), array_agg(a.organization_id), array_agg(a.lane), array_agg(a.seq), array_agg(a.recorded_at),
        array_agg(a.hash)
    into batch.ids, batch.organizations, batch.lanes, batch.seqs, batch.times, batch.hashes
    from appended a;
    if append.batch_id is not null then
        update pgtrail.append_batch b
        set ids = batch.ids, organizations = batch.organizations, lanes = batch.lanes, seqs = batch.seqs, times = batch.times,
            hashes = batch.hashes
        where b.batch_id = append.batch_id;
    end if;
    return query
    select p.* from unnest(batch.ids, batch.organizations, batch.lanes, batch.seqs, batch.times, batch.hashes) p;
end
$$;
comment on function pgtrail.append(jsonb, uuid) is 'Appends one event or an array of events';
revoke all on function pgtrail.append(jsonb, uuid) from public;
