-- Appends the events of pg_temp.pgtrail_stage in one statement, sorted by time, and moves the source's position with them.
-- Seals them here, set-wise: a lane's lock and head are taken once a batch, not once an event. READ COMMITTED only.
create or replace function pgtrail.import_batch(
    source text, format text, from_position bigint, to_position bigint, rejected bigint default 0,
    organization text default null, last_record bytea default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
set work_mem = '64MB'
set jit = off
set enable_mergejoin = off
as $$
declare
    keys constant text[] := pgtrail.event_keys() || array['append_batch'];
    base constant pgtrail.event := pgtrail.default_event(organization);
    position_now bigint;
    format_now text;
    importer text;
    added bigint := 0;
    staged record;
    organizations text[];
    lanes smallint[];
    seqs bigint[];
    hashes bytea[];
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported',
            message = 'an import runs at the isolation level read committed';
    end if;
    if not pgtrail.owns_stage() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'pg_temp.pgtrail_stage is not the table that pgtrail.import_stage() makes';
    end if;

    if length(import_batch.source) not between 1 and 200 or import_batch.format not in ('ndjson', 'cloudtrail') then
        raise exception using errcode = 'invalid_parameter_value',
            message = 'the name of a source has 1 to 200 characters, and its format is ndjson or cloudtrail';
    end if;

    insert into pgtrail.import_source (source, format) values (import_batch.source, import_batch.format)
    on conflict do nothing;
    select i.position, i.format, i.imported_by into position_now, format_now, importer
    from pgtrail.import_source i
    where i.source = import_batch.source
    for update;
    if format_now <> import_batch.format then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = pg_catalog.format('the source was imported as %s', format_now),
            hint = 'Give it another name with --source to import it as something else.';
    elsif importer <> session_user then
        -- Else any writer could move the position with empty batches, and somebody's records would be skipped.
        raise exception using errcode = 'TR008',
            message = 'another role began the import of this source, and it alone may go on',
            hint = 'Nothing was changed. Import it as that role, or under another name with --source.';
    elsif position_now <> from_position then
        raise exception using errcode = 'TR005',
            message = pg_catalog.format('the source is at record %s, not at %s: another import of it is at work', position_now,
                from_position);
    end if;

    -- The position counts records, and an act tells it. A position of its own for each: they are joined by it below.
    select count(*) as records, count(distinct s.position) as places, min(s.position) as first, max(s.position) as last
    into staged
    from pg_temp.pgtrail_stage s;
    if (to_position - from_position = staged.records + import_batch.rejected and import_batch.rejected >= 0
        and staged.places = staged.records
        and (staged.records = 0 or staged.first > from_position and staged.last <= to_position)) is not true
    then
        raise exception using errcode = 'invalid_parameter_value',
            message = pg_catalog.format('%s staged and %s rejected records do not lead from record %s to record %s',
                staged.records, import_batch.rejected, from_position, to_position);
    end if;

    -- A spool file says of a batch whose fate its writer does not know which one it was. Claiming it waits for a call of
    -- pgtrail.append that is still at work, and finds one that has committed. The writer puts it first in the line.
    -- Only what append itself has committed is left out: another import that claimed the batch may have brought a part of it, and
    -- an event that comes twice is better than one that is lost.
    insert into pgtrail.append_batch (batch_id, source)
    select distinct (s.event::jsonb ->> 'append_batch')::uuid as batch_id, import_batch.source
    from pg_temp.pgtrail_stage s
    where format = 'ndjson' and starts_with(s.event, '{"append_batch"') and s.event::jsonb ->> 'append_batch' is not null
    order by batch_id
    on conflict do nothing;

    insert into pgtrail.sealing values (pg_current_xact_id());
    -- Whole events are copied twice: sorted, and kept. All else carries a few columns of them and is joined again by position.
    with parsed as materialized (
        select s.position, e.*
        from (select t.position, t.event::jsonb as record from pg_temp.pgtrail_stage t offset 0) s,
            lateral jsonb_populate_record(base, pgtrail.staged_event(s.record, format, organization)) e
        where case
            when format <> 'ndjson' then true
            when jsonb_typeof(s.record) <> 'object' or s.record - keys <> '{}'
                then pgtrail.check_event_keys(s.record, keys) is null
            when s.record ->> 'append_batch' is not null then (s.record ->> 'append_batch')::uuid is not null and not exists (
                select from pgtrail.append_batch b
                where b.batch_id = (s.record ->> 'append_batch')::uuid and b.source is null)
            else true
            end
        order by e.occurred_at, s.position
    ), classes as materialized (
        -- one lane for each retention class of each organization; two classes may meet in one lane
        select c.organization_id, c.retention_class, p.lane, p.seq, p.previous_hash
        from (
            select distinct d.organization_id, pgtrail.retention_class(d.retention_policy) as retention_class
            from parsed d
        ) c, lateral pgtrail.take_place(c.organization_id, c.retention_class) p
    ), placed as (
        select d.position, d.id, c.lane, c.previous_hash as first_hash,
            c.seq - 1 + row_number() over (partition by d.organization_id, c.lane order by d.occurred_at, d.position) as seq
        from parsed d
        join classes c on c.organization_id = d.organization_id
            and c.retention_class = pgtrail.retention_class(d.retention_policy)
    ), salted as materialized (
        select p.position, coalesce(p.id, pgtrail.generate_id()) as id, p.lane, p.seq, p.first_hash,
            gen_random_uuid() as identity_salt, gen_random_uuid() as content_salt, clock_timestamp() as recorded_at
        from placed p
    ), framed as (
        -- The canonical bytes of FORMAT.md, with zeros where the hash before will stand. The same lists stand in seal_event.sql.
        select d.position, d.organization_id, s.lane, s.seq, s.first_hash, s.recorded_at, s.id,
            s.identity_salt, s.content_salt, length(i.bytes) + length(c.bytes) as body_length,
            record_send(row(
                'pgtrail event'::text, 1::smallint, d.organization_id, s.lane, s.seq,
                '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea,
                sha256(i.bytes), sha256(c.bytes),
                d.occurred_at, s.recorded_at, s.id, d.external_id, d.external_number, d.source, d.project_id,
                d.event_type, d.category, d.action, d.severity, d.outcome, d.status_code, d.actor_type,
                d.actor_role, d.resource_type, d.request_method, d.data_classification, d.data_size_bytes,
                d.retention_policy, d.compliance_tags, d.event_version, d.processing_latency_ms)) as frame,
            -- 4 bytes of field count, 8 before each field: tag 13, version 2, organization, lane 2, seq 8
            4 + 8 + 13 + 8 + 2 + 8 + octet_length(d.organization_id) + 8 + 2 + 8 + 8 + 8 + 1 as place
        from parsed d
        join salted s using (position),
            lateral (select record_send(row(
                'pgtrail identity'::text, s.identity_salt, d.actor_id, d.actor_name, d.actor_email, d.ip_address,
                d.user_agent, d.session_id, d.device_id)) as bytes offset 0) i,
            lateral (select record_send(row(
                'pgtrail content'::text, s.content_salt, d.resource_id, d.resource_name, d.namespace, d.description,
                d.error_message, d.request_path, d.request_id, d.correlation_id, d.request_params,
                d.before_state, d.after_state, d.details, d.tags, d.signature)) as bytes offset 0) c
    ), chained as (
        select f.position, f.organization_id, f.lane, f.seq, f.first_hash, f.recorded_at, f.id, f.identity_salt, f.content_salt,
            pgtrail.chain(f.frame, f.place, f.first_hash) over (
                partition by f.organization_id, f.lane order by f.seq rows unbounded preceding) as hash
        from framed f
        where case when f.body_length + length(f.frame) > 65536
            then pgtrail.check_event_size(f.body_length + length(f.frame)) is not null else true end
    ), linked as (
        select c.*, lag(c.hash, 1, c.first_hash) over (partition by c.organization_id, c.lane order by c.seq) as previous_hash
        from chained c
    ), inserted as (
        insert into pgtrail.event (
            id, external_id, external_number, source, organization_id, project_id, occurred_at, recorded_at, event_type,
            category, action, severity, outcome, status_code, actor_type, actor_role, resource_type, request_method,
            data_classification, data_size_bytes, retention_policy, compliance_tags, event_version, processing_latency_ms,
            actor_id, actor_name, actor_email, ip_address, user_agent, session_id, device_id,
            resource_id, resource_name, namespace, description, error_message, request_path, request_id, correlation_id,
            request_params, before_state, after_state, details, tags, signature,
            lane, seq, identity_salt, content_salt, previous_hash, hash, hash_version)
        select
            l.id, d.external_id, d.external_number, d.source, d.organization_id, d.project_id, d.occurred_at,
            l.recorded_at, d.event_type,
            d.category, d.action, d.severity, d.outcome, d.status_code, d.actor_type, d.actor_role, d.resource_type,
            d.request_method,
            d.data_classification, d.data_size_bytes, d.retention_policy, d.compliance_tags, d.event_version,
            d.processing_latency_ms,
            d.actor_id, d.actor_name, d.actor_email, d.ip_address, d.user_agent, d.session_id, d.device_id,
            d.resource_id, d.resource_name, d.namespace, d.description, d.error_message, d.request_path, d.request_id,
            d.correlation_id,
            d.request_params, d.before_state, d.after_state, d.details, d.tags, d.signature,
            l.lane, l.seq, l.identity_salt, l.content_salt, l.previous_hash, l.hash, 1
        from parsed d
        join linked l using (position)
        returning organization_id, lane, seq, hash
    )
    select sum(h.n), array_agg(h.organization_id), array_agg(h.lane), array_agg(h.seq), array_agg(h.hash)
    into added, organizations, lanes, seqs, hashes
    from (
        select distinct on (i.organization_id, i.lane) i.*, count(*) over (partition by i.organization_id, i.lane) as n
        from inserted i
        order by i.organization_id, i.lane, i.seq desc
    ) h;
    delete from pgtrail.sealing s where s.transaction_id = pg_current_xact_id();
    -- All heads behind the new one go (never seq 0), so that an old snapshot meets a deleted row.
    delete from pgtrail.chain_head h
    using unnest(organizations, lanes, seqs) n (organization_id, lane, seq)
    where h.organization_id = n.organization_id and h.lane = n.lane and h.seq > 0 and h.seq < n.seq;
    insert into pgtrail.chain_head select * from unnest(organizations, lanes, seqs, hashes);

    update pgtrail.import_source i
    set position = to_position, events = i.events + coalesce(added, 0), rejected = i.rejected + import_batch.rejected,
        last_record = case when to_position > from_position then import_batch.last_record else i.last_record end,
        last_at = clock_timestamp()
    where i.source = import_batch.source;
    return coalesce(added, 0);
end
$$;
comment on function pgtrail.import_batch(text, text, bigint, bigint, bigint, text, bytea) is 'Appends a staged batch of an import';
revoke all on function pgtrail.import_batch(text, text, bigint, bigint, bigint, text, bytea) from public;
