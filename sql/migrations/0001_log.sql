-- The log: events, their chains, the acts of pgtrail itself, and what the tool must remember. Over 250 lines because each table is read with its comments.
-- Creates tables and indexes only; functions, triggers and grants are in the other folders and are re-applied whole.

create table pgtrail.migration (
    number smallint primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user,
    duration_ms bigint not null,
    tool_version text not null
);
comment on table pgtrail.migration is 'Migrations applied to this log, one row each';
comment on column pgtrail.migration.number is 'Number at the start of the file name';
comment on column pgtrail.migration.name is 'File name without number and ending';
comment on column pgtrail.migration.checksum is 'sha256 of the file with LF line ends, as hex';
comment on column pgtrail.migration.applied_at is 'When it was applied (server clock)';
comment on column pgtrail.migration.applied_by is 'session_user who applied it';
comment on column pgtrail.migration.duration_ms is 'Milliseconds it took';
comment on column pgtrail.migration.tool_version is 'Version of pgtrail that applied it';

create table pgtrail.catalog_object (
    object text collate "C" primary key,
    definition text not null
);
comment on table pgtrail.catalog_object is
    'What the catalog must look like: written by the last migration, compared by verify (sql/catalog.sql)';
comment on column pgtrail.catalog_object.object is 'Kind and name, as sql/catalog.sql prints them';
comment on column pgtrail.catalog_object.definition is 'Definition, as sql/catalog.sql prints it';

create table pgtrail.log (
    log_id uuid primary key default gen_random_uuid(),
    incarnation int not null default 1,
    created_at timestamptz not null default clock_timestamp()
);
-- One row: a second would leave every chain without a genesis.
create unique index log_one_row on pgtrail.log ((true));
comment on table pgtrail.log is 'The identity of this log: exactly one row';
comment on column pgtrail.log.log_id is 'Part of the genesis hash of every lane';
comment on column pgtrail.log.incarnation is 'Counts restores, recoveries and copies of this log';
comment on column pgtrail.log.created_at is 'When the log was installed (server clock)';

create table pgtrail.setting (
    name text collate "C" primary key,
    value text not null
);
comment on table pgtrail.setting is 'Settings that belong to the log, not to a client';
comment on column pgtrail.setting.name is 'Name, lower case with hyphens';
comment on column pgtrail.setting.value is 'Value as text';
insert into pgtrail.setting values ('event-size-limit', '1048576');

create table pgtrail.event (
    -- frame: never redacted
    id uuid not null,
    external_id text collate "C",
    external_number bigint,
    source text collate "C",
    organization_id text collate "C" not null default 'default',
    project_id text collate "C",
    occurred_at timestamptz not null default now(),
    recorded_at timestamptz not null,
    event_type text collate "C" not null,
    category text collate "C",
    action text collate "C",
    severity text collate "C" not null default 'info',
    outcome text collate "C" not null default 'success',
    status_code int,
    actor_type text collate "C",
    actor_role text collate "C",
    resource_type text collate "C",
    request_method text collate "C",
    data_classification text collate "C",
    data_size_bytes bigint,
    retention_policy text collate "C" not null default 'standard',
    compliance_tags text[] collate "C",
    event_version text collate "C",
    processing_latency_ms int,
    -- identity: personal
    actor_id text collate "C",
    actor_name text collate "C",
    actor_email text collate "C",
    ip_address inet,
    user_agent text collate "C",
    session_id text collate "C",
    device_id text collate "C",
    -- content: may be personal
    resource_id text collate "C",
    resource_name text collate "C",
    namespace text collate "C",
    description text collate "C",
    error_message text collate "C",
    request_path text collate "C",
    request_id text collate "C",
    correlation_id text collate "C",
    request_params jsonb,
    before_state jsonb,
    after_state jsonb,
    details jsonb,
    tags text[] collate "C",
    signature text collate "C",
    -- chain: set by the database alone
    lane smallint not null,
    seq bigint not null,
    identity_salt uuid not null,
    content_salt uuid not null,
    previous_hash bytea not null,
    hash bytea not null,
    hash_version smallint not null,
    identity_digest bytea,
    content_digest bytea,
    primary key (organization_id, lane, seq, occurred_at)
) partition by range (occurred_at);

comment on table pgtrail.event is 'The audit trail: append-only, hash-chained, partitioned by occurred_at';
comment on column pgtrail.event.id is 'The application''s id (uuid version 7 if it sends none); not unique';
comment on column pgtrail.event.external_id is 'Its id in the system that it came from, if that is text';
comment on column pgtrail.event.external_number is 'Its id in the system that it came from, if that is a number';
comment on column pgtrail.event.source is 'The profile or import that it came through';
comment on column pgtrail.event.organization_id is 'The tenant; at most 128 characters';
comment on column pgtrail.event.project_id is 'Project within the organization';
comment on column pgtrail.event.occurred_at is 'When it happened, by the application''s clock';
comment on column pgtrail.event.recorded_at is 'When it was recorded, always by the server''s clock';
comment on column pgtrail.event.event_type is 'What happened, dotted: auth.login.failed';
comment on column pgtrail.event.category is 'Group of event types: auth, data, config, admin';
comment on column pgtrail.event.action is 'Verb: create, read, update, delete, export';
comment on column pgtrail.event.severity is 'debug, info, warning, error or critical';
comment on column pgtrail.event.outcome is 'attempt, success, failure, denied or error';
comment on column pgtrail.event.status_code is 'Status code of the request, such as HTTP 403';
comment on column pgtrail.event.actor_type is 'Kind of actor: user, service, system';
comment on column pgtrail.event.actor_role is 'Role of the actor at that time';
comment on column pgtrail.event.resource_type is 'Kind of thing that was acted on';
comment on column pgtrail.event.request_method is 'Method of the request, such as POST';
comment on column pgtrail.event.data_classification is 'PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
comment on column pgtrail.event.data_size_bytes is 'Size of the data moved, in bytes';
comment on column pgtrail.event.retention_policy is 'Retention class; decided at insert';
comment on column pgtrail.event.compliance_tags is 'Frameworks it matters to: PCI, HIPAA';
comment on column pgtrail.event.event_version is 'Version of the application''s event format';
comment on column pgtrail.event.processing_latency_ms is 'Milliseconds the application took';
comment on column pgtrail.event.actor_id is 'Who did it: id';
comment on column pgtrail.event.actor_name is 'Who did it: name';
comment on column pgtrail.event.actor_email is 'Who did it: e-mail address';
comment on column pgtrail.event.ip_address is 'Address the request came from';
comment on column pgtrail.event.user_agent is 'User agent of the request';
comment on column pgtrail.event.session_id is 'Session of the actor';
comment on column pgtrail.event.device_id is 'Device of the actor';
comment on column pgtrail.event.resource_id is 'Which thing was acted on: id';
comment on column pgtrail.event.resource_name is 'Which thing was acted on: name';
comment on column pgtrail.event.namespace is 'Namespace of the resource';
comment on column pgtrail.event.description is 'What happened and why, for people';
comment on column pgtrail.event.error_message is 'Error the application reported';
comment on column pgtrail.event.request_path is 'Path of the request';
comment on column pgtrail.event.request_id is 'Id of the request';
comment on column pgtrail.event.correlation_id is 'Id that ties events of several systems together';
comment on column pgtrail.event.request_params is 'Parameters of the request';
comment on column pgtrail.event.before_state is 'The resource before';
comment on column pgtrail.event.after_state is 'The resource after';
comment on column pgtrail.event.details is 'Anything else';
comment on column pgtrail.event.tags is 'Free tags';
comment on column pgtrail.event.signature is 'The application''s own signature; carried, not checked';
comment on column pgtrail.event.lane is 'Which of the organization''s parallel chains';
comment on column pgtrail.event.seq is 'Place in the lane, from 1 without gaps';
comment on column pgtrail.event.identity_salt is 'Random; makes identity_digest a commitment';
comment on column pgtrail.event.content_salt is 'Random; makes content_digest a commitment';
comment on column pgtrail.event.previous_hash is 'Hash of the event before it in the lane';
comment on column pgtrail.event.hash is 'sha256 over the event and previous_hash (FORMAT.md)';
comment on column pgtrail.event.hash_version is 'Version of the canonical bytes';
comment on column pgtrail.event.identity_digest is 'Digest of the identity columns before they were redacted; else null';
comment on column pgtrail.event.content_digest is 'Digest of the content columns before they were redacted; else null';

-- Long values must not fail an application's transaction: text that nobody bounds is indexed by its first 300 characters.
create index event_id on pgtrail.event (id);
create index event_time on pgtrail.event (occurred_at desc, id);
create index event_organization on pgtrail.event (organization_id, occurred_at desc, id);
create index event_actor on pgtrail.event (organization_id, left(actor_id, 300), occurred_at desc)
    where actor_id is not null;
create index event_resource on pgtrail.event
    (organization_id, left(resource_type, 100), left(resource_id, 300), occurred_at desc)
    where resource_type is not null;
create index event_type on pgtrail.event (organization_id, left(event_type, 300), occurred_at desc);
create index event_request on pgtrail.event (organization_id, left(request_id, 300), occurred_at desc)
    where request_id is not null;
create index event_correlation on pgtrail.event (organization_id, left(correlation_id, 300), occurred_at desc)
    where correlation_id is not null;
create index event_session on pgtrail.event (organization_id, left(session_id, 300), occurred_at desc)
    where session_id is not null;
create index event_critical on pgtrail.event (organization_id, occurred_at desc) where severity = 'critical';

create table pgtrail.chain_head (
    organization_id text collate "C" not null,
    lane smallint not null,
    seq bigint not null,
    hash bytea not null,
    transaction_id xid8 not null default pg_current_xact_id(),
    primary key (organization_id, lane, seq)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
comment on table pgtrail.chain_head is
    'The newest hashes of each lane; the row of seq 0 (genesis) stays for ever, the others are pruned behind';
comment on column pgtrail.chain_head.organization_id is 'Organization';
comment on column pgtrail.chain_head.lane is 'Lane';
comment on column pgtrail.chain_head.seq is 'Place in the lane';
comment on column pgtrail.chain_head.hash is 'Hash of that event; of seq 0 the genesis hash';
comment on column pgtrail.chain_head.transaction_id is 'Transaction that wrote it: tells an old snapshot its own heads from others''';

create table pgtrail.act (
    organization_id text collate "C" not null default 'pgtrail',
    seq bigint not null,
    kind text collate "C" not null,
    parameters jsonb not null,
    digest bytea,
    recorded_at timestamptz not null,
    session_user_name text collate "C" not null,
    client_address inet,
    transaction_id xid8 not null,
    system_identifier bigint,
    timeline int,
    previous_hash bytea not null,
    hash bytea not null,
    hash_version smallint not null,
    primary key (organization_id, seq)
);
create index act_transaction on pgtrail.act (transaction_id);
comment on table pgtrail.act is 'What pgtrail itself did, one chain; never purged, never redacted';
comment on column pgtrail.act.organization_id is 'Always pgtrail';
comment on column pgtrail.act.seq is 'Place in the chain, from 1 without gaps';
comment on column pgtrail.act.kind is 'migrate, verify, import ...';
comment on column pgtrail.act.parameters is 'What was asked for and done; no personal data';
comment on column pgtrail.act.digest is 'sha256 of the records that the act authorizes';
comment on column pgtrail.act.recorded_at is 'Server clock';
comment on column pgtrail.act.session_user_name is 'session_user of the connection';
comment on column pgtrail.act.client_address is 'Address of the client; null over a Unix socket';
comment on column pgtrail.act.transaction_id is 'Transaction that did it; the guards look for it';
comment on column pgtrail.act.system_identifier is 'Of the server, where it tells';
comment on column pgtrail.act.timeline is 'Of the server, where it tells';
comment on column pgtrail.act.previous_hash is 'Hash of the act before it';
comment on column pgtrail.act.hash is 'sha256 over the act and previous_hash (FORMAT.md)';
comment on column pgtrail.act.hash_version is 'Version of the canonical bytes';

create table pgtrail.verified_head (
    organization_id text collate "C" not null,
    lane smallint not null,
    seq bigint not null,
    hash bytea not null,
    primary key (organization_id, lane)
);
comment on table pgtrail.verified_head is
    'The heads that the last whole verification saw; their sha256 is in its act, so that a vanished lane is found';
comment on column pgtrail.verified_head.organization_id is 'Organization';
comment on column pgtrail.verified_head.lane is 'Lane';
comment on column pgtrail.verified_head.seq is 'Newest event of the lane then';
comment on column pgtrail.verified_head.hash is 'Its hash';

create table pgtrail.append_batch (
    batch_id uuid primary key,
    recorded_at timestamptz not null default clock_timestamp(),
    digest bytea,
    source text collate "C",
    ids uuid[],
    organizations text[] collate "C",
    lanes smallint[],
    seqs bigint[],
    times timestamptz[],
    hashes bytea[]
);
create index append_batch_recorded on pgtrail.append_batch (recorded_at);
comment on table pgtrail.append_batch is
    'Batches appended in the last 24 hours, and their places: a retry adds nothing and is told the same';
comment on column pgtrail.append_batch.batch_id is 'Chosen by the client';
comment on column pgtrail.append_batch.recorded_at is 'Server clock';
comment on column pgtrail.append_batch.digest is 'sha256 of its events as jsonb text; null when imported';
comment on column pgtrail.append_batch.source is
    'Null: its events are in the log. Else the first import that met it in a spool file, and keeps a late append out';
comment on column pgtrail.append_batch.ids is 'Event ids, in the order given';
comment on column pgtrail.append_batch.organizations is 'Organizations of the events';
comment on column pgtrail.append_batch.lanes is 'Lanes of the events';
comment on column pgtrail.append_batch.seqs is 'Places of the events in their lanes';
comment on column pgtrail.append_batch.times is 'When the events were recorded';
comment on column pgtrail.append_batch.hashes is 'Hashes of the events';

create table pgtrail.import_source (
    source text collate "C" primary key,
    format text not null,
    position bigint not null default 0,
    events bigint not null default 0,
    rejected bigint not null default 0,
    last_record bytea,
    recorded_position bigint not null default 0,
    imported_by text collate "C" not null default session_user,
    first_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp()
);
comment on table pgtrail.import_source is 'How far each source has been imported: a second run adds nothing';
comment on column pgtrail.import_source.source is 'sha256 of the uncompressed content, or the name given to a stream';
comment on column pgtrail.import_source.format is 'ndjson or cloudtrail';
comment on column pgtrail.import_source.position is 'Records of the source that are done';
comment on column pgtrail.import_source.events is 'Events that it added';
comment on column pgtrail.import_source.rejected is 'Records that were rejected';
comment on column pgtrail.import_source.last_record is
    'sha256 of the record at the position as it stood in the source: another there means another source under this name';
comment on column pgtrail.import_source.recorded_position is 'Position that the last act of this source tells';
comment on column pgtrail.import_source.imported_by is 'session_user of the first batch; nobody else may move the position';
comment on column pgtrail.import_source.first_at is 'First batch (server clock)';
comment on column pgtrail.import_source.last_at is 'Last batch (server clock)';

create table pgtrail.sealing (
    transaction_id xid8 primary key
);
comment on table pgtrail.sealing is
    'Holds a row only while an import inserts events that it has sealed itself; always empty to everybody else';
comment on column pgtrail.sealing.transaction_id is 'The importing transaction';

insert into pgtrail.log default values;

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
do $$
declare
    name text;
begin
    for name in select c.relname from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p') loop
        execute format('revoke usage on type pgtrail.%I from public', name);
    end loop;
end
$$;
