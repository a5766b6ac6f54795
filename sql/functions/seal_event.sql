-- BEFORE INSERT, each row: checks the event, gives it a place in a lane, and chains it. Fires for everybody.
-- Appends a row to pgtrail.chain_head and prunes heads behind it. Messages carry no value of the event (they end up in server logs).
create or replace function pgtrail.seal_event() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    place record;
    class int;
    first_lane int;
    reserved boolean := false;
    identity bytea;
    content bytea;
    frame bytea;
begin
    -- One condition for all: each one more costs a commit about a microsecond. What is wrong is looked for only where something is.
    if new.organization_id is null or new.organization_id = '' or length(new.organization_id) > 128
        or new.event_type is null or new.event_type = ''
        or new.severity is null or new.severity not in ('info', 'warning', 'error', 'critical', 'debug')
        or new.outcome is null or new.outcome not in ('success', 'failure', 'denied', 'attempt', 'error')
        or new.data_classification not in ('INTERNAL', 'PUBLIC', 'CONFIDENTIAL', 'RESTRICTED', 'PHI')
        or new.occurred_at is null or new.retention_policy is null
    then
        if new.organization_id is null or new.organization_id = '' or length(new.organization_id) > 128 then
            raise exception using errcode = 'TR003', message = 'organization_id must have 1 to 128 characters';
        elsif new.event_type is null or new.event_type = '' then
            raise exception using errcode = 'TR003', message = 'event_type is missing';
        elsif new.severity is null or new.severity not in ('info', 'warning', 'error', 'critical', 'debug') then
            raise exception using errcode = 'TR003',
                message = 'severity must be debug, info, warning, error or critical';
        elsif new.outcome is null or new.outcome not in ('success', 'failure', 'denied', 'attempt', 'error') then
            raise exception using errcode = 'TR003',
                message = 'outcome must be attempt, success, failure, denied or error';
        elsif new.data_classification not in ('INTERNAL', 'PUBLIC', 'CONFIDENTIAL', 'RESTRICTED', 'PHI') then
            raise exception using errcode = 'TR003',
                message = 'data_classification must be PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
        elsif new.occurred_at is null or new.retention_policy is null then
            raise exception using errcode = 'TR003', message = 'occurred_at and retention_policy must not be null';
        end if;
    end if;

    if num_nonnulls(new.hash, new.seq, new.lane, new.previous_hash, new.identity_salt, new.content_salt, new.hash_version,
        new.identity_digest, new.content_digest) > 0
    then
        -- pgtrail.import_batch seals its rows itself, and says so for the length of one statement.
        if exists (select from pgtrail.sealing s where s.transaction_id = pg_current_xact_id()) then
            return new;
        end if;
        raise exception using
            errcode = 'TR001',
            message = 'the chain columns of pgtrail.event are set by the database alone',
            hint = 'Leave out lane, seq, salts, hashes and digests. To bring a whole log back, restore it into an empty database.';
    end if;

    -- The lane where a transaction starts, taken here where it is free and open: nearly always, and half the price of the call.
    class := pgtrail.retention_class(new.retention_policy);
    first_lane := coalesce(nullif(current_setting('pgtrail.lane_' || class, true), '')::int, class * 16);
    if first_lane between 0 and 999 and current_setting('transaction_isolation') not in ('repeatable read', 'serializable')
        and pg_try_advisory_xact_lock(1885828210, (first_lane << 8) | (hashtext(new.organization_id) & 255))
    then
        select h.lane, h.seq + 1, h.hash
        into new.lane, new.seq, new.previous_hash
        from pgtrail.chain_head h
        where h.organization_id = new.organization_id and h.lane = first_lane
        order by h.seq desc
        limit 1;
    end if;
    if new.seq is null then
        place := pgtrail.take_place(new.organization_id, class);
        new.lane := place.lane;
        new.seq := place.seq;
        new.previous_hash := place.previous_hash;
        reserved := place.reserved;
    end if;
    new.id := coalesce(new.id, pgtrail.generate_id());
    new.recorded_at := clock_timestamp();
    new.hash_version := 1;
    new.identity_salt := gen_random_uuid();
    new.content_salt := gen_random_uuid();
    -- The canonical bytes of FORMAT.md. The same lists stand in import_batch.sql.
    identity := record_send(row(
        'pgtrail identity'::text, new.identity_salt, new.actor_id, new.actor_name, new.actor_email, new.ip_address,
        new.user_agent, new.session_id, new.device_id));
    content := record_send(row(
        'pgtrail content'::text, new.content_salt, new.resource_id, new.resource_name, new.namespace, new.description,
        new.error_message, new.request_path, new.request_id, new.correlation_id, new.request_params,
        new.before_state, new.after_state, new.details, new.tags, new.signature));
    frame := record_send(row(
        'pgtrail event'::text, new.hash_version, new.organization_id, new.lane, new.seq, new.previous_hash,
        sha256(identity), sha256(content),
        new.occurred_at, new.recorded_at, new.id, new.external_id, new.external_number, new.source, new.project_id,
        new.event_type, new.category, new.action, new.severity, new.outcome, new.status_code, new.actor_type,
        new.actor_role, new.resource_type, new.request_method, new.data_classification, new.data_size_bytes,
        new.retention_policy, new.compliance_tags, new.event_version, new.processing_latency_ms));
    new.hash := sha256(frame);

    -- The limit is a setting of at least 64 KiB: only a large event has to look it up.
    if length(identity) + length(content) + length(frame) > 65536 then
        perform pgtrail.check_event_size(length(identity) + length(content) + length(frame));
    end if;

    if reserved then
        update pgtrail.chain_head h set hash = new.hash
        where h.organization_id = new.organization_id and h.lane = new.lane and h.seq = new.seq;
    else
        insert into pgtrail.chain_head values (new.organization_id, new.lane, new.seq, new.hash);
    end if;
    -- Pruned upwards in bounded ranges without holes; never the newest 64, never seq 0.
    if new.seq & 63 = 0 then
        delete from pgtrail.chain_head h
        where h.organization_id = new.organization_id and h.lane = new.lane
            and h.seq > greatest(0, new.seq - 128) and h.seq <= new.seq - 64;
    end if;
    return new;
end
$$;
comment on function pgtrail.seal_event() is 'Gives each inserted event its place in a chain and its hash';
revoke all on function pgtrail.seal_event() from public;
