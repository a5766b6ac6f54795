-- pgtrail 0.1.0: run in one transaction, as psql -X -1 -v ON_ERROR_STOP=1 does

set local search_path = pg_catalog, pg_temp;

set local check_function_bodies = off;

set local client_min_messages = warning;

set local lock_timeout = 10000;

-- Refuses a server or a database that cannot hold the log, before anything is changed.
do $$
begin
    if current_setting('server_version_num')::int < 140000 then
        raise exception using errcode = 'TR006',
            message = format('PostgreSQL %s is too old: pgtrail needs 14 or later', current_setting('server_version')),
            hint = 'Nothing was changed; upgrade the server, or install into a newer one.';
    end if;
    if getdatabaseencoding() <> 'UTF8' then
        raise exception using errcode = 'TR007',
            message = format('database %I is encoded in %s: pgtrail needs UTF8', current_database(), getdatabaseencoding()),
            hint = format('Nothing was changed; make another one: create database %I encoding ''UTF8'' template template0;',
                current_database() || '_utf8');
    end if;
    if pg_is_in_recovery() then
        raise exception using errcode = 'read_only_sql_transaction',
            message = 'this server is a standby: a log is installed on the primary';
    end if;
end
$$;


select pg_advisory_xact_lock(1885828210, -2);

-- The seven roles, one set for all databases of the server. Left out with --no-roles. Runs before every way up: makes what is missing,
-- which takes CREATEROLE, and lets whoever runs it act as the owner. Where it may not, it says what a superuser has to run.
do $$
declare
    own constant text[] := array['pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_organization_reader', 'pgtrail_auditor',
        'pgtrail_operator', 'pgtrail_privacy'];
    is_16 constant boolean := current_setting('server_version_num')::int >= 160000;
    without_roles constant text := case when to_regnamespace('pgtrail') is null then '; or install with --no-roles' else '' end;
    name text;
    odd text;
begin
    select string_agg(r.rolname, ', ' order by r.rolname), string_agg(format(
        'alter role %I nologin nosuperuser nocreaterole nocreatedb noreplication nobypassrls;', r.rolname), ' ' order by r.rolname)
    into name, odd
    from pg_roles r
    where r.rolname = any (own)
        and (r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls);
    if odd is not null then
        raise exception using errcode = 'TR014',
            message = format('there is a role %s that may log in, or more: a role of pgtrail may nothing by itself', name),
            hint = format('Nothing was changed; ask a superuser to run: %s', odd);
    end if;
    foreach name in array own loop
        if to_regrole(name) is null then
            begin
                execute format('create role %I nologin', name);
            exception
                when duplicate_object or unique_violation then
                    null; -- another installation on this server made it just now
                when insufficient_privilege then
                    select string_agg(format('create role %I nologin;', n), ' ') into odd from unnest(own) n where to_regrole(n) is null;
                    raise exception using errcode = 'TR014',
                        message = format('the role %s is missing, and %I may not create roles', name, current_user),
                        hint = format('Nothing was changed; connect as a role with CREATEROLE; or ask a superuser to run: %s%s',
                            odd, without_roles);
            end;
        end if;
    end loop;
    if not (
        -- From 16 on, whoever creates a role may administer it but not yet act as it.
        case when is_16
            then pg_has_role(current_user, 'pgtrail_owner', 'SET') and pg_has_role(current_user, 'pgtrail_owner', 'USAGE')
            else pg_has_role(current_user, 'pgtrail_owner', 'MEMBER') end
    ) then
        odd := format('grant pgtrail_owner to %I%s', current_user, case when is_16 then ' with set true, inherit true' else '' end);
        begin
            execute odd;
        exception when insufficient_privilege then
            raise exception using errcode = 'TR014',
                message = format('%I may not act as pgtrail_owner, who owns the logs of this server', current_user),
                hint = format('Nothing was changed; ask a superuser to run: %s%s', odd, coalesce(nullif(without_roles, ''), ';'));
        end;
    end if;
    if not has_database_privilege('pgtrail_owner', current_database(), 'temporary') then
        execute format('grant temporary on database %I to pgtrail_owner', current_database());
    end if;
end
$$;


create schema pgtrail authorization pgtrail_owner;

set local role pgtrail_owner;

comment on schema pgtrail is 'Tamper-evident audit trail';

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

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


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (1, 'log', '9d49f063783c733bf24d076a548b6fe13377039f461bbafefe93070d9a1888eb',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- Proof: incarnations and what each of them lost, signatures of acts, the setting require-signed-acts. A log that has data keeps it.

create table pgtrail.incarnation (
    number int primary key,
    log_id uuid not null,
    reason text collate "C" not null,
    opened_at timestamptz not null,
    act_seq bigint,
    checkpoint text collate "C"
);
comment on table pgtrail.incarnation is 'The lives of this log: its installation, and each restore, recovery, failover or copy since';
comment on column pgtrail.incarnation.number is 'From 1, the installation';
comment on column pgtrail.incarnation.log_id is 'Identity of the log from then on: part of the genesis of the lanes that it opened; a copy has its own';
comment on column pgtrail.incarnation.reason is 'install, restore, pitr, failover or copy';
comment on column pgtrail.incarnation.opened_at is 'Server clock: of the act; of 1, when the log was installed';
comment on column pgtrail.incarnation.act_seq is 'The act that opened it; null for 1';
comment on column pgtrail.incarnation.checkpoint is 'Signed note of the checkpoint that told what was lost; null for 1';

create table pgtrail.loss (
    incarnation int not null,
    organization_id text collate "C" not null,
    lane smallint not null,
    kept_seq bigint not null,
    lost_seq bigint not null,
    hash bytea not null,
    primary key (incarnation, organization_id, lane)
);
comment on table pgtrail.loss is 'What the log lost before an incarnation, lane by lane; its sha256 is in the act that opened the incarnation';
comment on column pgtrail.loss.incarnation is 'The incarnation that began without these events';
comment on column pgtrail.loss.organization_id is 'Organization';
comment on column pgtrail.loss.lane is 'Lane';
comment on column pgtrail.loss.kept_seq is 'Newest event of the lane that is left from before the checkpoint; 0 where none is';
comment on column pgtrail.loss.lost_seq is 'Newest event of the lane at the checkpoint';
comment on column pgtrail.loss.hash is 'Its hash, from the checkpoint';

create table pgtrail.act_signature (
    organization_id text collate "C" not null default 'pgtrail',
    seq bigint not null,
    signature text collate "C" not null,
    primary key (organization_id, seq)
);
comment on table pgtrail.act_signature is 'Signatures of acts, by keys that are kept outside the database (FORMAT.md)';
comment on column pgtrail.act_signature.organization_id is 'Always pgtrail';
comment on column pgtrail.act_signature.seq is 'The act';
comment on column pgtrail.act_signature.signature is 'Signature lines of a signed note';

-- The newest act of a kind, without reading all the others.
create index act_kind on pgtrail.act (kind, seq);

insert into pgtrail.incarnation (number, log_id, reason, opened_at)
select 1, l.log_id, 'install', l.created_at from pgtrail.log l;

insert into pgtrail.setting values ('require-signed-acts', 'off')
on conflict (name) do update set value = excluded.value;

-- Until now a setting was changed without an act. From now on verify compares it with the acts: what is found is taken over by one.
do $$
declare
    found_limit text;
begin
    select s.value into found_limit from pgtrail.setting s where s.name = 'event-size-limit';
    if found_limit <> '1048576' then
        perform pgtrail.record_act('setting',
            jsonb_build_object('name', 'event-size-limit', 'value', found_limit, 'before', '1048576'));
    end if;
end
$$;

-- It has other parameters now; functions/ makes it anew.
drop function if exists pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]);

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.incarnation, pgtrail.loss, pgtrail.act_signature from public;


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (2, 'proof', '31e2ba3876b3265973a2fc87265369a8d101b2198fcacf5b1c76e084b43c7e15',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- Access and purges: which roles read one organization alone, and what left the log with a record.

create table pgtrail.organization_reader (
    role_name text collate "C" not null,
    organization_id text collate "C" not null,
    primary key (role_name, organization_id)
);
comment on table pgtrail.organization_reader is
    'Roles that read the events of some organizations alone, through the views; each row is the work of an act';
comment on column pgtrail.organization_reader.role_name is 'The role; its members read with it';
comment on column pgtrail.organization_reader.organization_id is 'An organization whose events it reads';

create table pgtrail.purge (
    act_seq bigint not null,
    organization_id text collate "C" not null,
    lane smallint not null,
    ranges int8multirange not null,
    hashes bytea not null,
    events bigint not null,
    oldest_occurred_at timestamptz not null,
    newest_occurred_at timestamptz not null,
    oldest_recorded_at timestamptz not null,
    newest_recorded_at timestamptz not null,
    primary key (organization_id, lane, act_seq)
);
-- Hashes do not compress, and one of them is read without the others.
alter table pgtrail.purge alter column hashes set storage external;
comment on table pgtrail.purge is 'What was removed from each lane by each act of purge; its sha256 is in the act';
comment on column pgtrail.purge.act_seq is 'The act that removed it';
comment on column pgtrail.purge.organization_id is 'Organization';
comment on column pgtrail.purge.lane is 'Lane';
comment on column pgtrail.purge.ranges is 'Places that were removed';
comment on column pgtrail.purge.hashes is
    'For each range in order 64 bytes: the hash before its first event, and the hash of its last';
comment on column pgtrail.purge.events is 'How many events were removed';
comment on column pgtrail.purge.oldest_occurred_at is 'Of the removed events';
comment on column pgtrail.purge.newest_occurred_at is 'Of the removed events';
comment on column pgtrail.purge.oldest_recorded_at is 'Of the removed events';
comment on column pgtrail.purge.newest_recorded_at is 'Of the removed events';

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.organization_reader, pgtrail.purge from public;


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (3, 'access', '16dcf914b14265358a38f13ef74a4854fa86ec596c99fb63df1c494814205ac8',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- What makes reading quick: daily summaries of the events. Nothing in here is evidence: no guard keeps it, no act tells of it, and
-- whoever empties it loses nothing, because pgtrail summary refresh and rebuild make it again from the events.

create table pgtrail.summary (
    organization_id text collate "C" not null,
    day date not null,
    key bytea not null,
    category text collate "C",
    event_type text collate "C" not null,
    outcome text collate "C" not null,
    events bigint not null,
    data_size_bytes numeric not null,
    primary key (organization_id, day, key)
);
comment on table pgtrail.summary is
    'How many events each organization has of each day (UTC, of occurred_at), category, type and outcome, as far as pgtrail.summary_cursor tells';
comment on column pgtrail.summary.organization_id is 'Organization';
comment on column pgtrail.summary.day is 'Day that the events occurred on, in UTC; infinity is one too';
comment on column pgtrail.summary.key is 'sha256 of category, event_type and outcome, which may be too long for an index';
comment on column pgtrail.summary.category is 'Category of the events';
comment on column pgtrail.summary.event_type is 'Type of the events';
comment on column pgtrail.summary.outcome is 'Outcome of the events';
comment on column pgtrail.summary.events is 'How many there are in the log';
comment on column pgtrail.summary.data_size_bytes is 'Sum of their data_size_bytes';

create table pgtrail.summary_actor (
    organization_id text collate "C" not null,
    day date not null,
    actor_key bytea not null,
    actor_id text collate "C" not null,
    events bigint not null,
    failed bigint not null,
    data_size_bytes numeric not null,
    primary key (organization_id, day, actor_key)
);
comment on table pgtrail.summary_actor is
    'Who did something on each day in each organization; of a day from which events were purged or redacted it forgets all';
comment on column pgtrail.summary_actor.organization_id is 'Organization';
comment on column pgtrail.summary_actor.day is 'As in pgtrail.summary';
comment on column pgtrail.summary_actor.actor_key is 'The first 16 bytes of the sha256 of actor_id, which may be too long for an index';
comment on column pgtrail.summary_actor.actor_id is 'Who did it: personal, as pgtrail.event.actor_id';
comment on column pgtrail.summary_actor.events is 'How many events of that day are theirs';
comment on column pgtrail.summary_actor.failed is 'How many of them had the outcome failure, denied or error';
comment on column pgtrail.summary_actor.data_size_bytes is 'Sum of the data_size_bytes of all of them';

create table pgtrail.summary_cursor (
    organization_id text collate "C" not null,
    lane smallint not null,
    seq bigint not null,
    primary key (organization_id, lane)
);
comment on table pgtrail.summary_cursor is 'How far the summaries reach: the events of a lane up to this one are counted, each once';
comment on column pgtrail.summary_cursor.organization_id is 'Organization';
comment on column pgtrail.summary_cursor.lane is 'Lane';
comment on column pgtrail.summary_cursor.seq is 'The last event of the lane that was counted';

create table pgtrail.summary_recount (
    organization_id text collate "C" not null,
    day date not null,
    compares boolean not null,
    primary key (organization_id, day)
);
comment on table pgtrail.summary_recount is 'Days whose rows in the summaries do not count before they are made anew';
comment on column pgtrail.summary_recount.organization_id is 'Organization';
comment on column pgtrail.summary_recount.day is 'As in pgtrail.summary';
comment on column pgtrail.summary_recount.compares is
    'True: a rebuild wants to know whether they are right. False: events were taken away, and the rows with them';

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.summary, pgtrail.summary_actor, pgtrail.summary_cursor, pgtrail.summary_recount from public;


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (4, 'read', 'c3f470cb5f0410f8aaa244e62791779fe14ce22b2d24c1a382b0ff5c3a667295',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- What leaves the log, and what must not: rules of retention, legal holds, and partitions that were detached. Each row is the work of an act.

create table pgtrail.retention_rule (
    act_seq bigint primary key,
    kind text collate "C" not null,
    name text collate "C" not null,
    organization_id text collate "C",
    data_classification text collate "C",
    event_type text collate "C",
    compliance_tag text collate "C",
    keep_days int not null,
    archive_after_days int,
    counts_from timestamptz not null,
    counts_until timestamptz not null default 'infinity',
    ended_seq bigint
);
-- Of each name one rule is in force.
create unique index retention_rule_name on pgtrail.retention_rule (kind, name) where ended_seq is null;
comment on table pgtrail.retention_rule is
    'How long events are kept: policies, and floors that no policy goes below; each version of a rule is a row, the work of an act';
comment on column pgtrail.retention_rule.act_seq is 'The act that set it; 0 of the one that pgtrail brings';
comment on column pgtrail.retention_rule.kind is 'policy or floor';
comment on column pgtrail.retention_rule.name is 'Its name; a policy without anything else to go by is for events whose retention_policy it is';
comment on column pgtrail.retention_rule.organization_id is 'Policy: for events of this organization alone';
comment on column pgtrail.retention_rule.data_classification is 'Policy: for events of this classification alone';
comment on column pgtrail.retention_rule.event_type is 'Policy: for events of this type, and of those that begin with it and a dot';
comment on column pgtrail.retention_rule.compliance_tag is 'Floor: for events that have this tag';
comment on column pgtrail.retention_rule.keep_days is 'After so many days nothing of an event is left anywhere';
comment on column pgtrail.retention_rule.archive_after_days is 'Policy: after so many days an event leaves the table and stays in an archive';
comment on column pgtrail.retention_rule.counts_from is 'When it was set; -infinity of one that was confirmed to count at once';
comment on column pgtrail.retention_rule.counts_until is 'When another took its place, or it was removed; what it kept is kept for a grace more';
comment on column pgtrail.retention_rule.ended_seq is 'The act that replaced or removed it; null while it is in force';
insert into pgtrail.retention_rule (act_seq, kind, name, keep_days, counts_from) values (0, 'policy', 'standard', 2555, '-infinity');

create table pgtrail.hold (
    act_seq bigint primary key,
    case_id text collate "C" not null,
    organization_id text collate "C",
    actor_id text collate "C",
    resource_type text collate "C",
    resource_id text collate "C",
    correlation_id text collate "C",
    event_type text collate "C",
    since timestamptz,
    until timestamptz,
    expires_at timestamptz,
    released_seq bigint
);
create index hold_in_force on pgtrail.hold (case_id) where released_seq is null;
comment on table pgtrail.hold is 'Legal holds: events that nothing may remove or redact; each row is the work of an act, which has its digest';
comment on column pgtrail.hold.act_seq is 'The act that placed it';
comment on column pgtrail.hold.case_id is 'The case that it is for; released by it';
comment on column pgtrail.hold.organization_id is 'Events of this organization alone';
comment on column pgtrail.hold.actor_id is 'Events of this actor alone: personal';
comment on column pgtrail.hold.resource_type is 'Events about resources of this type alone';
comment on column pgtrail.hold.resource_id is 'Events about this resource alone';
comment on column pgtrail.hold.correlation_id is 'Events of this correlation alone';
comment on column pgtrail.hold.event_type is 'Events of this type alone, and of those that begin with it and a dot';
comment on column pgtrail.hold.since is 'Events that occurred then or later alone';
comment on column pgtrail.hold.until is 'Events that occurred before that alone';
comment on column pgtrail.hold.expires_at is 'From then on it holds nothing more; null until it is released';
comment on column pgtrail.hold.released_seq is 'The act that released it; null while it is in force';

create table pgtrail.detached_partition (
    name text collate "C" primary key,
    since timestamptz not null,
    until timestamptz not null,
    act_seq bigint not null
);
comment on table pgtrail.detached_partition is
    'Partitions that were detached: their events are part of the chains, and of no query; each row is the work of an act';
comment on column pgtrail.detached_partition.name is 'Name of the table in the schema pgtrail';
comment on column pgtrail.detached_partition.since is 'Its events occurred then or later';
comment on column pgtrail.detached_partition.until is 'Its events occurred before that';
comment on column pgtrail.detached_partition.act_seq is 'The act that detached it';

create table pgtrail.retention_run (
    run_id uuid primary key default gen_random_uuid(),
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    session_user_name text collate "C" not null default session_user,
    outcome text collate "C",
    acts bigint[] not null default '{}',
    events bigint not null default 0,
    held bigint not null default 0,
    unsound bigint not null default 0,
    remaining bigint,
    bytes_freed bigint not null default 0,
    message text
);
create index retention_run_started on pgtrail.retention_run (started_at);
comment on table pgtrail.retention_run is 'What each run of retention did; no evidence: that are the acts that it names';
comment on column pgtrail.retention_run.run_id is 'Which run';
comment on column pgtrail.retention_run.started_at is 'Server clock';
comment on column pgtrail.retention_run.ended_at is 'Server clock; null of a run that is at work or was killed';
comment on column pgtrail.retention_run.session_user_name is 'Who ran it';
comment on column pgtrail.retention_run.outcome is 'done, limit (it stopped at its own), or failed; null while it is at work';
comment on column pgtrail.retention_run.acts is 'The purges that it recorded';
comment on column pgtrail.retention_run.events is 'Events that it purged';
comment on column pgtrail.retention_run.held is 'Expired events that a hold kept';
comment on column pgtrail.retention_run.unsound is 'Expired events that stayed because they do not verify';
comment on column pgtrail.retention_run.remaining is 'Expired events that it left for another run; null where it did not look at all partitions';
comment on column pgtrail.retention_run.bytes_freed is 'Bytes that went back to the file system';
comment on column pgtrail.retention_run.message is 'Why it ended, where it failed';

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.retention_rule, pgtrail.hold, pgtrail.detached_partition, pgtrail.retention_run from public;


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (5, 'lifecycle', '597cfc535d35db72b2faa820c6ecb3af757c16c62a6bd99e6e8ce496041ce191',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- What left the table and stands in files elsewhere, and the work that is done every night.
-- None of these tables is of one organization, so their keys begin with none: they are small, and every node of a cluster has them whole.

-- The record of a purge stays when its events come back from an archive: from then on it takes nothing out of the chain.
alter table pgtrail.purge add column restored_seq bigint;
comment on column pgtrail.purge.restored_seq is 'The act that brought its events back from an archive; null while they are gone';

create table pgtrail.archive (
    act_seq bigint primary key,
    name text collate "C" not null unique,
    location text collate "C" not null,
    partition_name text collate "C" not null,
    since timestamptz not null,
    until timestamptz not null,
    events bigint not null,
    bytes bigint not null,
    manifest bytea not null,
    oldest_occurred_at timestamptz not null,
    newest_occurred_at timestamptz not null,
    restored_seq bigint,
    removed_seq bigint
);
comment on table pgtrail.archive is 'Archives: events that were purged from the table and stand in files elsewhere; each row is the work of an act of purge';
comment on column pgtrail.archive.act_seq is 'The act of the purge; pgtrail.purge has what left each lane by it';
comment on column pgtrail.archive.name is 'Its name: the folder of its files at the location';
comment on column pgtrail.archive.location is 'Where it was put: file:///PATH, s3://BUCKET/PREFIX, or table: for pgtrail.archive_storage';
comment on column pgtrail.archive.partition_name is 'The partition that its events stood in';
comment on column pgtrail.archive.since is 'That partition''s events occurred then or later';
comment on column pgtrail.archive.until is 'That partition''s events occurred before that';
comment on column pgtrail.archive.events is 'How many events it has';
comment on column pgtrail.archive.bytes is 'Size of its files';
comment on column pgtrail.archive.manifest is 'SHA-256 of its manifest.json, which has those of its files';
comment on column pgtrail.archive.oldest_occurred_at is 'Of its events';
comment on column pgtrail.archive.newest_occurred_at is 'Of its events';
comment on column pgtrail.archive.restored_seq is 'The act that brought its events back into the table; null while they are out of it';
comment on column pgtrail.archive.removed_seq is 'The act that removed its files; null while they are there';

create table pgtrail.archive_kind (
    act_seq bigint not null,
    kind int not null,
    organization_id text collate "C" not null,
    data_classification text collate "C",
    event_type text collate "C" not null,
    retention_policy text collate "C" not null,
    compliance_tags text[] collate "C",
    events bigint not null,
    oldest_occurred_at timestamptz not null,
    newest_occurred_at timestamptz not null,
    primary key (act_seq, kind)
);
comment on table pgtrail.archive_kind is 'Which kinds of events each archive has: how long they are kept hangs on it; its sha256 is in the act of the purge';
comment on column pgtrail.archive_kind.act_seq is 'The archive';
comment on column pgtrail.archive_kind.kind is 'Number of the kind within the archive';
comment on column pgtrail.archive_kind.organization_id is 'Organization';
comment on column pgtrail.archive_kind.data_classification is 'Classification';
comment on column pgtrail.archive_kind.event_type is 'Type of the events';
comment on column pgtrail.archive_kind.retention_policy is 'Their own retention policy';
comment on column pgtrail.archive_kind.compliance_tags is 'Their tags';
comment on column pgtrail.archive_kind.events is 'How many there are';
comment on column pgtrail.archive_kind.oldest_occurred_at is 'Of them';
comment on column pgtrail.archive_kind.newest_occurred_at is 'Of them';

create table pgtrail.archive_storage (
    id text collate "C" primary key,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp(),
    retrieved_count int not null default 0,
    last_retrieved_at timestamptz
);
comment on table pgtrail.archive_storage is 'Files of archives that were put into the database itself (table:)';
comment on column pgtrail.archive_storage.id is 'Name of the archive, a slash, name of the file';
comment on column pgtrail.archive_storage.metadata is 'bytes: its size';
comment on column pgtrail.archive_storage.created_at is 'Server clock';
comment on column pgtrail.archive_storage.retrieved_count is 'How often it was read since it was put there';
comment on column pgtrail.archive_storage.last_retrieved_at is 'When it was read last';

create table pgtrail.archive_storage_part (
    id text collate "C" not null,
    part int not null,
    data bytea not null,
    primary key (id, part)
);
-- It is compressed already.
alter table pgtrail.archive_storage_part alter column data set storage external;
comment on table pgtrail.archive_storage_part is 'The bytes of these files, in parts';
comment on column pgtrail.archive_storage_part.id is 'The file';
comment on column pgtrail.archive_storage_part.part is 'Number of the part, from 1';
comment on column pgtrail.archive_storage_part.data is 'At most a mebibyte';

create table pgtrail.archive_failure (
    partition_name text collate "C" not null,
    location text collate "C" not null,
    reason text not null,
    failure_count int not null default 1,
    first_failed_at timestamptz not null default clock_timestamp(),
    last_failed_at timestamptz not null default clock_timestamp(),
    original jsonb not null default '{}',
    primary key (partition_name, location)
);
comment on table pgtrail.archive_failure is 'What could not be archived, until it could: the next run tries it again';
comment on column pgtrail.archive_failure.partition_name is 'The partition';
comment on column pgtrail.archive_failure.location is 'Where its events were to go';
comment on column pgtrail.archive_failure.reason is 'Why they did not, the last time';
comment on column pgtrail.archive_failure.failure_count is 'How often it was tried in vain';
comment on column pgtrail.archive_failure.first_failed_at is 'Server clock';
comment on column pgtrail.archive_failure.last_failed_at is 'Server clock';
comment on column pgtrail.archive_failure.original is 'What was asked for';

create table pgtrail.job_run (
    run_id uuid primary key default gen_random_uuid(),
    job text collate "C" not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    session_user_name text collate "C" not null default session_user,
    exit_code smallint,
    message text,
    due_at timestamptz
);
create index job_run_started on pgtrail.job_run (job, started_at);
comment on table pgtrail.job_run is 'What each run of a job came to; no evidence: that are the acts';
comment on column pgtrail.job_run.run_id is 'Which run';
comment on column pgtrail.job_run.job is 'Name of the job';
comment on column pgtrail.job_run.started_at is 'Server clock';
comment on column pgtrail.job_run.ended_at is 'Server clock; null of a run that is at work or was killed';
comment on column pgtrail.job_run.session_user_name is 'Who ran it';
comment on column pgtrail.job_run.exit_code is 'Of its command; null while it is at work';
comment on column pgtrail.job_run.message is 'What it said at its end';
comment on column pgtrail.job_run.due_at is 'When it was to run next, by the schedule of whoever ran it; null without one';

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.archive, pgtrail.archive_kind, pgtrail.archive_storage, pgtrail.archive_storage_part, pgtrail.archive_failure,
    pgtrail.job_run from public;

-- purge_partition and build_partition have another parameter, and the neighbours of events are asked for all at once.
drop function if exists
    pgtrail.build_partition(text, regclass, text, text, pgtrail.purge[]),
    pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean),
    pgtrail.follows(text, smallint, bigint, bytea),
    pgtrail.leads(text, smallint, bigint, bytea),
    pgtrail.stands(text, smallint, bigint, bytea, bytea);


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (6, 'archive', 'b06362b4d01bf3c6eae64d78a39854102bb73ec63876c3b1f0dda878512ce31a',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;

-- The rights of people in the log: redactions that the chain withstands, rules that say what is personal, pseudonyms, restrictions and the
-- register of requests. A subject is the person that a request is about.

-- Where values were replaced: one row each time, never of whom. Nothing here ties together the events of one subject: which act replaced
-- what is not kept, and the newest act of a redaction vouches for all rows of all.
create table pgtrail.redaction_entry (
    organization_id text collate "C" not null,
    lane smallint not null,
    seq bigint not null,
    group_name text collate "C" not null,
    number smallint not null,
    fields text[] collate "C" not null,
    old_digest bytea not null,
    new_digest bytea not null,
    primary key (organization_id, lane, seq, group_name, number)
);
comment on table pgtrail.redaction_entry is
    'Groups of columns whose values were replaced: the first old digest is the one that the event''s hash has, the last new one that of the present values';
comment on column pgtrail.redaction_entry.organization_id is 'Organization of the event';
comment on column pgtrail.redaction_entry.lane is 'Lane of the event';
comment on column pgtrail.redaction_entry.seq is 'Place of the event';
comment on column pgtrail.redaction_entry.group_name is 'identity or content';
comment on column pgtrail.redaction_entry.number is 'From 1: a group can be redacted again';
comment on column pgtrail.redaction_entry.fields is
    'What was replaced: columns, and places within a jsonb column as its members'' and elements'' numbers from 0 (details.0.3); never names, which may be personal';
comment on column pgtrail.redaction_entry.old_digest is 'Digest of the values before, with the salt that is gone';
comment on column pgtrail.redaction_entry.new_digest is 'Digest of the values after, with the new salt';

create table pgtrail.redaction (
    organization_id text collate "C" not null,
    lane smallint not null,
    block bigint not null,
    entries bigint not null,
    digest bytea not null,
    primary key (organization_id, lane, block)
);
comment on table pgtrail.redaction is 'The digest of the entries of each 65536 places of a lane; the newest act of a redaction has the digest of all rows';
comment on column pgtrail.redaction.organization_id is 'Organization';
comment on column pgtrail.redaction.lane is 'Lane';
comment on column pgtrail.redaction.block is 'seq / 65536';
comment on column pgtrail.redaction.entries is 'Rows of pgtrail.redaction_entry with these places';
comment on column pgtrail.redaction.digest is 'sha256 over them (FORMAT.md)';

create table pgtrail.redacting (
    transaction_id xid8 primary key,
    newest_act bigint,
    entries bigint not null default 0,
    strategy text collate "C"
);
comment on table pgtrail.redacting is 'Holds a row only while a transaction redacts: it opens the guard, and must be gone, with an act in its place, before the commit';
comment on column pgtrail.redacting.transaction_id is 'The redacting transaction';
comment on column pgtrail.redacting.newest_act is 'The newest act that decides something, before anything was read';
comment on column pgtrail.redacting.strategy is 'How values were replaced: the act says the same';
comment on column pgtrail.redacting.entries is 'Entries that it has written so far: all of them must be recorded';

create table pgtrail.subject_rule (
    act_seq bigint primary key,
    kind text collate "C" not null,
    event_type text collate "C",
    resource_type text collate "C",
    path text[] collate "C",
    data_classification text collate "C",
    compliance_tag text collate "C",
    ended_seq bigint
);
comment on table pgtrail.subject_rule is 'What is personal, and what a law keeps; each row is the work of an act';
comment on column pgtrail.subject_rule.act_seq is 'The act that added it';
comment on column pgtrail.subject_rule.kind is
    'resource: resource_id of this resource_type names a person. path: a jsonb column has personal data there. keep: an erasure leaves a token in these events';
comment on column pgtrail.subject_rule.event_type is 'path, keep: for events of this type alone, and of those that begin with it and a dot';
comment on column pgtrail.subject_rule.resource_type is 'resource: the type';
comment on column pgtrail.subject_rule.path is 'path: the column, then its steps: names of members, numbers of elements, * for all';
comment on column pgtrail.subject_rule.data_classification is 'keep: for events of this classification alone';
comment on column pgtrail.subject_rule.compliance_tag is 'keep: for events with this tag alone';
comment on column pgtrail.subject_rule.ended_seq is 'The act that removed it; null while it is in force';

create table pgtrail.subject_restriction (
    act_seq bigint not null,
    organization_id text collate "C",
    kind text collate "C" not null,
    value text collate "C" not null,
    number int not null,
    salt uuid not null default gen_random_uuid(),
    primary key (act_seq, number)
);
-- Statistics of a table that became empty are never cleared.
alter table pgtrail.subject_restriction alter column value set statistics 0;
comment on table pgtrail.subject_restriction is
    'People whose events only pgtrail_privacy is shown (Article 18); the rows of a restriction are the work of an act, and go when it is lifted';
comment on column pgtrail.subject_restriction.act_seq is 'The act that placed it';
comment on column pgtrail.subject_restriction.organization_id is 'In this organization alone';
comment on column pgtrail.subject_restriction.kind is 'Which identifier: id, email, name, ip, device, session, resource';
comment on column pgtrail.subject_restriction.value is 'Its value: personal';
comment on column pgtrail.subject_restriction.number is 'From 1 within the restriction';
comment on column pgtrail.subject_restriction.salt is 'Random, and goes with the row: nobody guesses from the digest of the act whom it was about';

create table pgtrail.privacy_key (
    key_id text collate "C" primary key,
    created_at timestamptz not null default clock_timestamp(),
    state text collate "C" not null default 'active',
    check_value bytea not null
);
create unique index privacy_key_active on pgtrail.privacy_key (state) where state = 'active';
comment on table pgtrail.privacy_key is 'Keys of pseudonyms, which are themselves outside of the database';
comment on column pgtrail.privacy_key.key_id is 'Its name, which pseudonyms carry';
comment on column pgtrail.privacy_key.created_at is 'Server clock';
comment on column pgtrail.privacy_key.state is 'active, retired (it still reveals) or destroyed';
comment on column pgtrail.privacy_key.check_value is 'By it a wrong key is known';

create table pgtrail.pseudonym (
    pseudonym text collate "C" primary key,
    organization_id text collate "C",
    strategy text collate "C" not null,
    key_id text collate "C" not null,
    lookup bytea not null,
    original bytea,
    created_at timestamptz not null default clock_timestamp()
);
create index pseudonym_lookup on pgtrail.pseudonym (lookup);
comment on table pgtrail.pseudonym is 'Whom pseudonyms stand for, encrypted';
comment on column pgtrail.pseudonym.pseudonym is 'As it stands in events';
comment on column pgtrail.pseudonym.organization_id is 'Where it is used; null of one that is the same in all organizations';
comment on column pgtrail.pseudonym.strategy is 'hash, token or encrypt';
comment on column pgtrail.pseudonym.key_id is 'The key that the original is encrypted with';
comment on column pgtrail.pseudonym.lookup is 'Keyed hash of the original, by which the same subject is found again';
comment on column pgtrail.pseudonym.original is 'The identifiers, AES-256-GCM; null once the mapping was destroyed';
comment on column pgtrail.pseudonym.created_at is 'Server clock';

create table pgtrail.subject_request (
    request_id text collate "C" primary key,
    kind text collate "C" not null,
    received_at timestamptz not null,
    due_at timestamptz not null,
    extended_at timestamptz,
    extension_reason text,
    closed_at timestamptz,
    outcome text collate "C",
    closed_by text collate "C",
    receipt text,
    acts bigint[] not null default '{}',
    recipients jsonb not null default '[]',
    note text,
    session_user_name text collate "C" not null default session_user
);
create index subject_request_open on pgtrail.subject_request (due_at) where closed_at is null;
comment on table pgtrail.subject_request is 'The register of requests; it names no subject. No evidence: that are the acts of each step';
comment on column pgtrail.subject_request.request_id is 'Its number';
comment on column pgtrail.subject_request.kind is 'access, portability, erasure, rectification, restriction or objection';
comment on column pgtrail.subject_request.received_at is 'When it came';
comment on column pgtrail.subject_request.due_at is 'Until when it must be answered';
comment on column pgtrail.subject_request.extended_at is 'When it was extended';
comment on column pgtrail.subject_request.extension_reason is 'Why';
comment on column pgtrail.subject_request.closed_at is 'When it was done; null while it is open';
comment on column pgtrail.subject_request.outcome is 'done, partly, refused or withdrawn';
comment on column pgtrail.subject_request.closed_by is 'Who closed it';
comment on column pgtrail.subject_request.receipt is 'sha256 of the receipt or of the export''s manifest';
comment on column pgtrail.subject_request.acts is 'The acts that answered it';
comment on column pgtrail.subject_request.recipients is 'Exports, archives and backups that had the subject''s events: whom to tell';
comment on column pgtrail.subject_request.note is 'For whoever works on it; no personal data';
comment on column pgtrail.subject_request.session_user_name is 'Who entered it';

-- A column of a row type in anybody's own table would block every later ALTER TABLE and DROP TABLE.
revoke usage on type pgtrail.redaction_entry, pgtrail.redaction, pgtrail.redacting, pgtrail.subject_rule, pgtrail.subject_restriction,
    pgtrail.privacy_key, pgtrail.pseudonym, pgtrail.subject_request from public;


insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (7, 'people', 'bba8c04af6c61dd45a1ec860a2bac2acecc4b567486ab0b54aeb9915a7c23689',
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    '0.1.0');

set constraints all immediate;
set constraints all deferred;

insert into pgtrail.setting values ('roles', 'on')
on conflict (name) do update set value = excluded.value;

insert into pgtrail.setting values ('code-checksum', '4feb3cb713381a40ee2f5433f33928e3f5535ac1092662bbec3d1b7e4583d1e6')
on conflict (name) do update set value = excluded.value;

insert into pgtrail.setting values ('catalog-checksum', 'd51d2c00351ebfa8f40683c72b8209af994a912036bc62c9e7678731d7a6ce2a')
on conflict (name) do update set value = excluded.value;

-- Accepts a finding of an earlier verification, by an act with the reason: it stays in every report and no longer makes the log fail.
-- What is accepted is taken from the act of that verification, not from the caller.
create or replace function pgtrail.accept_finding(finding text, reason text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    named constant jsonb := jsonb_build_object('findings', jsonb_build_array(jsonb_build_object('id', finding)));
    found_in bigint;
    accepted jsonb;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009',
            message = 'to accept a finding takes a reason, of 2000 characters at most', hint = 'Nothing was accepted.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if exists (
        select from pgtrail.act a
        where a.kind = 'accept' and a.parameters @> jsonb_build_object('finding', jsonb_build_object('id', finding))
    ) then
        raise exception using errcode = 'TR011',
            message = format('the finding %s has been accepted already', left(finding, 16)), hint = 'Nothing was changed.';
    end if;
    select a.seq, f.value into found_in, accepted
    from pgtrail.act a, jsonb_array_elements(a.parameters -> 'findings') f
    where a.seq = (
            select v.seq from pgtrail.act v where v.kind = 'verify' and v.parameters @> named order by v.seq desc limit 1)
        and f.value ->> 'id' = finding
    limit 1;
    if found_in is null then
        raise exception using errcode = 'TR010',
            message = 'no recorded verification has a finding with this id',
            hint = 'Nothing was accepted; pgtrail verification list tells the verifications, pgtrail verification show their findings.';
    end if;
    -- A verification of before record_verification asked for them, or an act that was forged.
    if jsonb_typeof(accepted -> 'kind') is distinct from 'string' or accepted ->> 'kind' = ''
        or jsonb_typeof(accepted -> 'message') is distinct from 'string' or accepted ->> 'message' = ''
    then
        raise exception using errcode = 'TR010',
            message = format('act %s does not say what the finding is: it has no kind, or no message', found_in),
            hint = 'Nothing was accepted; pgtrail verify finds and records it again, if it is there.';
    end if;
    return pgtrail.record_act('accept', jsonb_build_object(
        'finding', jsonb_build_object('id', accepted -> 'id', 'kind', accepted -> 'kind', 'organization_id', accepted -> 'organization_id',
            'lane', accepted -> 'lane', 'seq', accepted -> 'seq', 'event_id', accepted -> 'event_id', 'group', accepted -> 'group',
            'message', accepted -> 'message'),
        'verification', found_in, 'reason', reason));
end
$$;
comment on function pgtrail.accept_finding(text, text) is 'Accepts a finding of an earlier verification';
revoke all on function pgtrail.accept_finding(text, text) from public;

-- Places a legal hold: whatever it names is not purged, redacted, detached or dropped before it is released or expires. Its act has the
-- digest of the row, because the row may name a person and an act does not.
create or replace function pgtrail.add_hold(
    case_id text, reason text, organization text default null, actor text default null, resource_type text default null,
    resource_id text default null, correlation text default null, event_type text default null, since timestamptz default null,
    until timestamptz default null, expires_at timestamptz default null, requested_by text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    made pgtrail.hold;
    odd text;
    a record;
begin
    made.case_id := case_id;
    made.organization_id := organization;
    made.actor_id := actor;
    made.resource_type := resource_type;
    made.resource_id := resource_id;
    made.correlation_id := correlation;
    made.event_type := event_type;
    made.since := since;
    made.until := until;
    made.expires_at := expires_at;
    if coalesce(btrim(case_id, E' \t\r\n'), '') = '' or length(case_id) > 200 then
        odd := 'a hold takes a case, of 200 characters at most';
    elsif coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'a hold takes a reason, of 2000 characters at most';
    elsif length(requested_by) > 200 then
        odd := 'who asked for a hold is told in 200 characters at most';
    elsif num_nonnulls(organization, actor, resource_type, correlation, event_type, since, until) = 0 then
        odd := 'a hold names an organization, an actor, a resource, a correlation, a type or a time';
    elsif greatest(length(organization), length(actor), length(resource_type), length(resource_id), length(correlation), length(event_type)) > 10000 then
        odd := 'what a hold names has 10000 characters at most';
    elsif '' in (organization, actor, resource_type, resource_id, correlation, event_type) or resource_id is not null and resource_type is null then
        odd := 'what a hold names is not empty, and a resource has a type';
    elsif event_type like '%.' or event_type like '%*%' then
        odd := 'the type of a hold is the beginning of types, without a dot or a star at its end';
    elsif since >= until then
        odd := 'a hold begins before it ends';
    elsif expires_at <= clock_timestamp() or not isfinite(expires_at) then
        odd := 'a hold expires in the future';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was held.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    made.act_seq := pgtrail.record_act('hold', jsonb_build_object('case', case_id, 'reason', reason, 'requested_by', requested_by,
        'organization', organization, 'names', to_jsonb(array_remove(array[
            case when actor is not null then 'actor' end, case when resource_type is not null then 'resource' end,
            case when correlation is not null then 'correlation' end, case when event_type is not null then 'type' end,
            case when since is not null or until is not null then 'time' end], null)),
        'expires', case when expires_at is not null then to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end),
        sha256(record_send(row('pgtrail hold'::text, made.case_id, made.organization_id, made.actor_id, made.resource_type,
            made.resource_id, made.correlation_id, made.event_type, made.since, made.until, made.expires_at))));
    insert into pgtrail.hold select made.*;
    return made.act_seq;
end
$$;
comment on function pgtrail.add_hold(text, text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text) is
    'Places a legal hold';
revoke all on function
    pgtrail.add_hold(text, text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text) from public;

-- Makes a key of pseudonyms known to the log, by an act. The key itself never comes here: check_value is a keyed hash of a fixed text, by
-- which a wrong one is known. With `rotate` the active key is retired, which still reveals; without it there must be none.
create or replace function pgtrail.add_privacy_key(key_id text, check_value bytea, rotate boolean default false) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
    advice text;
    known text;
    act bigint;
begin
    -- A redaction that is under way makes pseudonyms with the active key: it ends first.
    perform pg_advisory_xact_lock(1885828210, -8), pg_advisory_xact_lock(1885828210, -1);
    select k.key_id into known from pgtrail.privacy_key k where k.state = 'active';
    if (key_id ~ '^[a-z0-9-]{1,32}$') is not true or key_id = 'none' then
        odd := 'a privacy key has a name of 1 to 32 small letters, digits and dashes, and none is not one';
    elsif octet_length(check_value) is distinct from 32 then
        odd := 'the check value of a privacy key has 32 bytes';
    elsif exists (select from pgtrail.privacy_key k where k.key_id = add_privacy_key.key_id) then
        odd := format('there is or was a privacy key %s already, and its name is not used again', key_id);
        advice := 'choose another name: pgtrail gdpr key list';
    elsif exists (select from pgtrail.privacy_key k where k.check_value = add_privacy_key.check_value) then
        odd := 'this very key is known already, under another name';
        advice := 'pgtrail gdpr key list';
    elsif known is not null and rotate is not true then
        odd := format('there is an active privacy key already: %s', known);
        advice := 'pgtrail gdpr key rotate makes the next and retires it';
    elsif known is null and rotate then
        odd := 'no privacy key is active that could be rotated';
        advice := 'pgtrail gdpr key create makes one';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed' || coalesce('; ' || advice, '') || '.';
    end if;
    act := pgtrail.record_act('privacy_key', jsonb_build_object('step', case when rotate then 'rotate' else 'create' end, 'key', key_id,
        'pseudonyms', 0));
    update pgtrail.privacy_key k set state = 'retired' where k.state = 'active';
    insert into pgtrail.privacy_key (key_id, check_value) values (add_privacy_key.key_id, add_privacy_key.check_value);
    return act;
end
$$;
comment on function pgtrail.add_privacy_key(text, bytea, boolean) is 'Makes a key of pseudonyms known';
revoke all on function pgtrail.add_privacy_key(text, bytea, boolean) from public;

-- Notes whom pseudonyms stand for, encrypted: one for each organization, or a single one, of the organization null, for all. Only within a
-- redaction, which brings them into events and has an act. One that is there already gets this original behind what it has: a later
-- request may know more identifiers. Says how many are new.
create or replace function pgtrail.add_pseudonym(
    pseudonyms text[], organizations text[], strategy text, key_id text, lookups bytea[], originals bytea[]
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
    added bigint;
begin
    if strategy is null or strategy not in ('hash', 'token', 'encrypt') then
        odd := 'pseudonyms are made by hash, token or encrypt';
    elsif cardinality(pseudonyms) is null or cardinality(organizations) is distinct from cardinality(pseudonyms)
        or cardinality(lookups) is distinct from cardinality(pseudonyms) or cardinality(originals) is distinct from cardinality(pseudonyms)
    then
        odd := 'the lists of pseudonyms differ in length';
    elsif exists (
        select from unnest(pseudonyms, lookups, originals) g (pseudonym, lookup, original)
        where (g.pseudonym ~ '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$' and length(g.pseudonym) <= 2100) is not true
            or split_part(g.pseudonym, ':', 2) <> left(add_pseudonym.strategy, 1)
            or split_part(g.pseudonym, ':', 3) is distinct from add_pseudonym.key_id
            or octet_length(g.lookup) is distinct from 32 or (octet_length(g.original) between 32 and 10000000) is not true
    ) then
        odd := 'a pseudonym has not the form of its strategy and key, or its lookup or original is missing';
    elsif not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        odd := 'pseudonyms are made within a redaction alone';
    elsif not exists (select from pgtrail.privacy_key k where k.key_id = add_pseudonym.key_id and k.state = 'active') then
        odd := 'pseudonyms are made with the active privacy key alone';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed; pgtrail gdpr key list.';
    end if;
    with written as (
        insert into pgtrail.pseudonym as p (pseudonym, organization_id, strategy, key_id, lookup, original)
        select g.pseudonym, g.organization_id, add_pseudonym.strategy, add_pseudonym.key_id, g.lookup, g.original
        from unnest(pseudonyms, organizations, lookups, originals) g (pseudonym, organization_id, lookup, original)
        on conflict (pseudonym) do update
            -- Years of requests of one subject must not grow without end: then the newest counts.
            set original = case when octet_length(p.original) < 65536 then p.original else '' end || excluded.original
        returning p.xmax = 0 as is_new
    )
    select count(*) filter (where w.is_new) into added from written w;
    return added;
end
$$;
comment on function pgtrail.add_pseudonym(text[], text[], text, text, bytea[], bytea[]) is 'Notes whom pseudonyms stand for, encrypted';
revoke all on function pgtrail.add_pseudonym(text[], text[], text, text, bytea[], bytea[]) from public;

-- Enters a request into the register, by an act. It is due one calendar month after it was received (Article 12), at the end of that day in
-- UTC (Regulation 1182/71, Article 3): that of 31 January with the last day of February. Gives its number, which is made where none is given: the year, and the next number.
create or replace function pgtrail.add_request(
    kind text, received timestamptz default null, request text default null, note text default null
) returns text
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    received_at constant timestamptz := coalesce(received, clock_timestamp());
    due_at constant timestamptz := case when isfinite(received_at) then pgtrail.request_due(received_at, 1) end;
    name text := request;
    odd text;
begin
    if (kind in ('access', 'portability', 'erasure', 'rectification', 'restriction', 'objection')) is not true then
        odd := 'a request is of access, portability, erasure, rectification, restriction or objection';
    elsif due_at is null or received_at > clock_timestamp() + interval '1 minute' or received_at < '2018-05-25' then
        odd := 'a request was received in the past, and not before 25 May 2018';
    elsif name !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' then
        odd := 'a request has a number of 1 to 64 letters, digits, dots, hyphens and underscores; it names no person';
    elsif length(note) > 2000 then
        odd := 'the note of a request has 2000 characters at most';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was entered.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if name is null then
        select to_char(clock_timestamp(), 'YYYY') || '-' || coalesce(max(substr(r.request_id, 6)::int), 0) + 1 into name
        from pgtrail.subject_request r
        where r.request_id ~ ('^' || to_char(clock_timestamp(), 'YYYY') || '-[0-9]{1,8}$');
    end if;
    insert into pgtrail.subject_request (request_id, kind, received_at, due_at, note) values (name, kind, received_at, due_at, note)
    on conflict do nothing;
    if not found then
        raise exception using errcode = 'TR011', message = format('there is a request %L already', name),
            hint = 'Nothing was entered. pgtrail gdpr request show ' || name;
    end if;
    perform pgtrail.record_act('request', jsonb_build_object('request', name, 'step', 'add', 'kind', kind,
        'received', to_char(received_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'due', to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    return name;
end
$$;
comment on function pgtrail.add_request(text, timestamptz, text, text) is 'Enters a request into the register';
revoke all on function pgtrail.add_request(text, timestamptz, text, text) from public;

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

-- Adds an event type to those that are known, by an act: type list reads the acts, so there is no table that could differ from them. A
-- later act of the same name counts; null where the newest says the same already. No event is refused for a type that is not known.
create or replace function pgtrail.add_type(name text, category text, severity text, description text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    added jsonb;
    odd text;
begin
    if coalesce(name, '') = '' or length(name) > 300 then
        odd := 'an event type has a name, of 300 characters at most';
    elsif category = '' or length(category) > 300 then
        odd := 'the category of an event type has 1 to 300 characters';
    elsif severity is null or severity not in ('debug', 'info', 'warning', 'error', 'critical') then
        odd := 'the severity of an event type is debug, info, warning, error or critical';
    elsif description = '' or length(description) > 2000 then
        odd := 'the description of an event type has 1 to 2000 characters';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was added.';
    end if;
    added := jsonb_build_object('name', name, 'category', category, 'severity', severity, 'description', description);
    perform pg_advisory_xact_lock(1885828210, -1);
    if added = (
        select a.parameters from pgtrail.act a
        where a.kind = 'add_type' and a.parameters ->> 'name' = add_type.name
        order by a.seq desc
        limit 1
    ) then
        return null;
    end if;
    return pgtrail.record_act('add_type', added);
end
$$;
comment on function pgtrail.add_type(text, text, text, text) is 'Adds an event type to those that are known';
revoke all on function pgtrail.add_type(text, text, text, text) from public;

-- Gathers the planner's statistics of all events together: those of the parent are its own, and autovacuum never gathers them.
create or replace function pgtrail.analyze_log() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    analyze pgtrail.event;
end
$$;
comment on function pgtrail.analyze_log() is 'Gathers the statistics of all events';
revoke all on function pgtrail.analyze_log() from public;

-- Gathers the planner's statistics of one partition: the server lets only an owner do that, and an operator keeps the log.
create or replace function pgtrail.analyze_partition(partition_name text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if not exists (select from pgtrail.partitions() p where p.name = partition_name) then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    execute format('analyze pgtrail.%I', partition_name);
end
$$;
comment on function pgtrail.analyze_partition(text) is 'Gathers the statistics of a partition';
revoke all on function pgtrail.analyze_partition(text) from public;

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

-- The kinds of events that go into an archive: of all kinds, which arrays tell, those that counts are of, numbered by what they are.
-- `kinds` are positions in these arrays; one may have several counts, each with the times of its oldest and its newest event.
create or replace function pgtrail.archive_kinds(
    organizations text[], classifications text[], types text[], classes text[], tags text[],
    kinds bigint[], counts bigint[], oldest timestamptz[], newest timestamptz[]
) returns pgtrail.archive_kind[]
language sql stable parallel unsafe
as $$
    select array_agg(row(0, k.kind, k.organization_id, nullif(k.classification, ''), k.event_type, k.class, nullif(k.tags, '')::text[], k.events,
        k.oldest, k.newest)::pgtrail.archive_kind order by k.kind)
    from (
        select k.*, c.events, c.oldest, c.newest, row_number() over (order by k.organization_id collate "C", k.classification collate "C",
            k.event_type collate "C", k.class collate "C", k.tags collate "C")::int as kind
        from (
            select c.n, sum(c.events)::bigint as events, min(c.oldest) as oldest, max(c.newest) as newest
            from unnest(archive_kinds.kinds, archive_kinds.counts, archive_kinds.oldest, archive_kinds.newest) c (n, events, oldest, newest)
            where c.events > 0
            group by c.n
        ) c
        join unnest(archive_kinds.organizations, archive_kinds.classifications, archive_kinds.types, archive_kinds.classes, archive_kinds.tags)
            with ordinality k (organization_id, classification, event_type, class, tags, n) on k.n = c.n
    ) k
$$;
comment on function pgtrail.archive_kinds(text[], text[], text[], text[], text[], bigint[], bigint[], timestamptz[], timestamptz[]) is
    'The kinds of events that go into an archive';
revoke all on function pgtrail.archive_kinds(text[], text[], text[], text[], text[], bigint[], bigint[], timestamptz[], timestamptz[]) from public;

-- What an act of purge says of the archive that has its events. `since` and `until` are the bounds of the partition, `policies` by which
-- its events were due, and the kinds of them stand there by their sha256. To be called under the lock of the act chain: no file of an
-- archive in the database itself is taken away after this.
create or replace function pgtrail.archive_parameters(
    archive jsonb, kinds pgtrail.archive_kind[], since timestamptz, until timestamptz, policies jsonb
) returns jsonb
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
begin
    if archive->>'location' = 'table:' and (archive->>'bytes')::bigint is distinct from (
        select sum((f.metadata->>'bytes')::bigint)
        from (select s.metadata from pgtrail.archive_storage s where starts_with(s.id, (archive->>'name') || '/') for key share) f)
    then
        raise exception using errcode = 'TR017', message = format('the files of %s are not in the table any more', archive->>'name'),
            hint = 'Nothing was purged. Run it again.';
    end if;
    return jsonb_build_object('name', archive->>'name', 'location', archive->>'location', 'manifest', archive->>'manifest',
        'bytes', (archive->>'bytes')::bigint, 'due', (archive->>'due')::boolean,
        'since', to_char((archive->>'since')::timestamptz, time_form), 'until', to_char((archive->>'until')::timestamptz, time_form), 'by', policies,
        'bounds', jsonb_build_array(case when isfinite(since) then to_char(since, time_form) else since::text end,
            case when isfinite(until) then to_char(until, time_form) else until::text end),
        'kinds', (
            select encode(sha256(coalesce(string_agg(record_send(row('pgtrail archive kind'::text, k.organization_id, k.data_classification,
                k.event_type, k.retention_policy, k.compliance_tags, k.events, k.oldest_occurred_at, k.newest_occurred_at)), ''::bytea
                order by k.kind), ''::bytea)), 'hex')
            from unnest(kinds) k));
end
$$;
comment on function pgtrail.archive_parameters(jsonb, pgtrail.archive_kind[], timestamptz, timestamptz, jsonb) is 'What an act says of an archive';
revoke all on function pgtrail.archive_parameters(jsonb, pgtrail.archive_kind[], timestamptz, timestamptz, jsonb) from public;

-- Which places would leave a partition into an archive: those that purge_partition would take by the same parameters, if all of their events
-- verify. It reads neither hash nor link, and tells nothing of an event but where it stands.
create or replace function pgtrail.archive_places(
    partition_name text, organization text default null, since timestamptz default null, until timestamptz default null,
    due boolean default false, at timestamptz default now()
) returns table (organization_id text, lane smallint, ranges int8multirange, events bigint)
language plpgsql stable security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    partition regclass;
    condition record;
begin
    select p.oid into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    select c.* into condition
    from pgtrail.purge_condition(partition, organization, false, jsonb_build_object('due', due, 'since', since, 'until', until), at,
        at - coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours') c;
    return query execute format($q$
        select r.organization_id, r.lane, range_agg(int8range(r.first, r.last, '[]')), sum(r.events)::bigint
        from (
            select g.organization_id, g.lane, min(g.seq) as first, max(g.seq) as last, count(*) as events
            from (
                select e.organization_id, e.lane, e.seq, e.seq - row_number() over (partition by e.organization_id, e.lane order by e.seq) as run
                from only %s e
                %s
                where %s and %s and not (%s) and e.seq between 1 and 9007199254740991
            ) g
            group by 1, 2, g.run
        ) r
        group by 1, 2
        order by 1, 2 $q$, partition, condition.joins, condition.over, condition.settled, pgtrail.hold_condition());
end
$$;
comment on function pgtrail.archive_places(text, text, timestamptz, timestamptz, boolean, timestamptz) is 'Which places would leave into an archive';
revoke all on function pgtrail.archive_places(text, text, timestamptz, timestamptz, boolean, timestamptz) from public;

-- Until when the rules of retention keep an archive: as long as they keep the newest event of any of its kinds, and until the youngest has been
-- in the log for the grace. Infinity where that is no time any more; null of an archive that is not there.
create or replace function pgtrail.archive_until(act_seq bigint, at timestamptz default now()) returns timestamptz
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select greatest(
        -- A period is a hundred years at most, and what lies beyond the last year of the server is no time.
        max(case when k.newest_occurred_at < '294000-01-01Z' then k.newest_occurred_at + r.keep_days * interval '24 hours' else 'infinity' end),
        (select max(p.newest_recorded_at) from pgtrail.purge p where p.act_seq = archive_until.act_seq)
            + coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours')
    from pgtrail.archive_kind k,
        lateral pgtrail.retention_of(k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, at) r
    where k.act_seq = archive_until.act_seq
    having count(*) > 0
$$;
comment on function pgtrail.archive_until(bigint, timestamptz) is 'Until when an archive is kept';
revoke all on function pgtrail.archive_until(bigint, timestamptz) from public;

-- Attaches a partition that was detached, and takes along what DEFAULT holds of its time since. Recorded by an act. `events`: how many are in
-- the queries again; `moved`: how many came along. The summaries count its days anew.
create or replace function pgtrail.attach_partition(partition_name text, patience interval default '30 seconds',
    out act bigint, out events bigint, out moved bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    partition record;
    seen record;
begin
    perform pgtrail.await_lock(-8, patience);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name and not p.attached;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no detached partition %s', partition_name),
            hint = 'Nothing was attached; pgtrail partition list tells all.';
    end if;
    -- Its check of the bounds, which detaching has left, is made good while others may read it: nothing is read under the locks.
    execute format('alter table %s validate constraint pgtrail_bounds', partition.relation);
    execute format($q$
        select array_agg(g.organization_id) as organizations, array_agg(g.day) as days, coalesce(sum(g.events), 0)::bigint as events
        from (
            select e.organization_id, (e.occurred_at at time zone 'UTC')::date as day, count(*) as events from only %s e group by 1, 2
        ) g $q$, partition.relation)
    into seen;
    events := seen.events;
    act := pgtrail.record_act('attach', jsonb_build_object('partition', partition_name,
        'since', to_char(partition.since, time_form), 'until', to_char(partition.until, time_form)));
    -- It is no longer detached: DEFAULT is split for its time, as for a new partition.
    delete from pgtrail.detached_partition d where d.name = partition_name;
    moved := pgtrail.split_default(array[partition_name], array[partition.since], array[partition.until], patience);
    perform pgtrail.forget_summary(s.organization_id, min(s.day)::timestamp at time zone 'UTC', max(s.day)::timestamp at time zone 'UTC')
    from unnest(seen.organizations, seen.days) s (organization_id, day)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id)
    group by s.organization_id;
    -- Days of which nothing was left have no rows to be forgotten, and are counted all the same.
    insert into pgtrail.summary_recount
    select s.organization_id, s.day, false
    from unnest(seen.organizations, seen.days) s (organization_id, day)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id)
    on conflict (organization_id, day) do update set compares = false;
end
$$;
comment on function pgtrail.attach_partition(text, interval) is 'Attaches a partition that was detached';
revoke all on function pgtrail.attach_partition(text, interval) from public;

-- Takes an advisory lock of pgtrail for the rest of the transaction, and says who has it where it does not become free within `patience`:
-- -1 is that of the act chain, -8 that of changes of partitions. Those come one after the other: two that have read the same partition
-- would each keep the other from locking it.
create or replace function pgtrail.await_lock(second_key int, patience interval) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    before constant text := current_setting('lock_timeout');
    holders text;
begin
    -- What an old snapshot does not see would be left behind.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'partitions are changed at the isolation level read committed',
            hint = 'Nothing was changed.';
    end if;
    if pg_try_advisory_xact_lock(1885828210, second_key) then
        return;
    end if;
    begin
        perform set_config('lock_timeout', ceil(greatest(extract(epoch from patience), 0.001) * 1000)::bigint::text, true);
        perform pg_advisory_xact_lock(1885828210, second_key);
        perform set_config('lock_timeout', before, true);
        return;
    exception when lock_not_available then
        null;
    end;
    select string_agg(distinct format('process %s (%s)', l.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''))), '; ')
    into holders
    from pg_locks l
    join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.pid <> pg_backend_pid() and l.objsubid = 2
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
        and l.classid = 1885828210 and l.objid::bigint = second_key + 4294967296;
    raise exception using errcode = 'lock_not_available',
        message = format('%s within %s s, held by: %s', case second_key when -8 then 'another change of partitions was not over'
            else 'the chain of acts did not become free' end, round(extract(epoch from patience)::numeric, 1), coalesce(holders, 'nobody any more')),
        hint = 'Nothing was changed. Run it again, with more --patience, or when they are done.';
end
$$;
comment on function pgtrail.await_lock(int, interval) is 'Waits for an advisory lock with patience';
revoke all on function pgtrail.await_lock(int, interval) from public;

-- Makes a table of its own with rows of `source` (as `e`, chosen by `tail`: joins with $1, and a condition), their indexes, and the bounds
-- that it shall have: to be attached without being read again. Nobody else sees it before the transaction commits, and nothing of it is
-- left when that does not. Tells the heads of the lanes at the moment when the rows were read. `beside`: all rows of that table come in too.
create or replace function pgtrail.build_partition(
    partition_name text, source regclass, tail text, bounds text, records pgtrail.purge[] default null, beside regclass default null,
    out added bigint, out organizations text[], out lanes smallint[], out seqs bigint[]
)
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set maintenance_work_mem = '128MB'
as $$
declare
    i record;
begin
    execute format('create table pgtrail.%I (like %s including defaults including storage including compression)%s', partition_name,
        source, (select format(' tablespace %I', t.spcname) from pg_class c join pg_tablespace t on t.oid = c.reltablespace where c.oid = source));
    execute format('with copied as (insert into pgtrail.%I select e.* from only %s e %s returning 1) '
        'select (select count(*) from copied), array_agg(h.organization_id order by h.organization_id, h.lane), '
        'array_agg(h.lane order by h.organization_id, h.lane), array_agg(h.seq order by h.organization_id, h.lane) '
        'from pgtrail.newest_heads() h', partition_name, source, tail)
    into added, organizations, lanes, seqs
    using records;
    if beside is not null then
        execute format('insert into pgtrail.%I select e.* from only %s e', partition_name, beside);
    end if;
    -- After the rows, and those that somebody added to the partition too.
    for i in
        select x.indisprimary, x.indisunique, pg_get_indexdef(x.indexrelid) as definition,
            format('CREATE %sINDEX %I ON %s%I.%I ', case when x.indisunique then 'UNIQUE ' end, c.relname,
                case when t.relkind = 'p' then 'ONLY ' end, n.nspname, t.relname) as head
        from pg_index x
        join pg_class c on c.oid = x.indexrelid
        join pg_class t on t.oid = x.indrelid
        join pg_namespace n on n.oid = t.relnamespace
        where x.indrelid = source and x.indisvalid
        order by x.indisprimary desc, c.relname
    loop
        if i.indisprimary then
            execute format('alter table pgtrail.%I add primary key (organization_id, lane, seq, occurred_at)', partition_name);
        elsif starts_with(i.definition, i.head) then
            execute format('create %s index on pgtrail.%I %s', case when i.indisunique then 'unique' end, partition_name,
                substr(i.definition, length(i.head) + 1));
        end if;
    end loop;
    execute format('alter table pgtrail.%I add constraint pgtrail_bounds check (%s)', partition_name, bounds);
    perform pgtrail.dress_partition(partition_name);
end
$$;
comment on function pgtrail.build_partition(text, regclass, text, text, pgtrail.purge[], regclass) is 'Makes a table to be attached';
revoke all on function pgtrail.build_partition(text, regclass, text, text, pgtrail.purge[], regclass) from public;

-- One link of a chain, for the aggregate pgtrail.chain: puts the hash before it into an event's canonical bytes and hashes them.
-- previous_hash has a fixed width, so its place in the bytes is known from the bytes before it.
-- Names are qualified instead of setting search_path, which would take longer than the hash.
create or replace function pgtrail.chain_step(state bytea, frame bytea, place int, first_hash bytea) returns bytea
language plpgsql immutable parallel safe
as $$
begin
    return pg_catalog.sha256(pg_catalog.overlay(frame, coalesce(state, first_hash), place));
end
$$;
comment on function pgtrail.chain_step(bytea, bytea, int, bytea) is 'One link of a chain';
revoke all on function pgtrail.chain_step(bytea, bytea, int, bytea) from public;

-- The time of what purge_partition is told of an archive; refuses what it cannot record as one. Its name begins with that of the partition,
-- and names a folder on any system. Null without an archive.
create or replace function pgtrail.check_archive(archive jsonb, partition_name text) returns timestamptz
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    time_form constant text := '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$';
    asks constant boolean := archive->>'records' is null;
    odd text;
begin
    if archive is null then
        return null;
    end if;
    if archive->>'name' !~ '^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$' or not starts_with(archive->>'name', partition_name || '-')
        or archive->>'name' is null
    then
        odd := 'an archive is named by its partition, a time as 20261121T190000Z, and six hexadecimal digits, with - between them';
    elsif (archive->>'location' ~ '^(file:///.|s3://.|table:$)' and length(archive->>'location') <= 2000) is not true then
        odd := 'an archive has a location, file:///PATH, s3://BUCKET or table:, of 2000 characters at most';
    elsif not asks and (archive->>'records' ~ '^[0-9a-f]{64}$' and archive->>'manifest' ~ '^[0-9a-f]{64}$' and archive->>'bytes' ~ '^[0-9]{1,18}$') is not true
    then
        odd := 'an archive has a manifest and records, each by its sha256, and a number of bytes';
    elsif coalesce(archive->>'due', '') not in ('true', 'false') or (archive->>'at' ~ time_form) is not true
        or archive->>'since' !~ time_form or archive->>'until' !~ time_form
    then
        odd := 'an archive is due or not, as of a time, and its times are written as 2026-11-21T19:00:00.000000Z';
    elsif (archive->>'at')::timestamptz > clock_timestamp() or (archive->>'since')::timestamptz >= (archive->>'until')::timestamptz
        or (archive->>'due')::boolean and num_nonnulls(archive->>'since', archive->>'until') > 0
    then
        odd := 'an archive is of a time that is not to come, it begins before it ends, and of what is due it knows neither';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was purged.';
    elsif exists (select from pgtrail.archive a where a.name = archive->>'name') then
        raise exception using errcode = 'TR011', message = format('there is an archive %s already', archive->>'name'), hint = 'Nothing was purged.';
    elsif (archive->>'due')::boolean and exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.recorded_at >= (archive->>'at')::timestamptz
            and (a.kind = 'retention' or a.kind = 'setting' and a.parameters->>'name' = 'retention-grace'))
    then
        -- What was due by the rules of then may not be by those of now.
        raise exception using errcode = 'serialization_failure', message = 'the rules of retention were changed since it was told what is due',
            hint = 'Nothing was purged. Run it again.';
    end if;
    return archive->>'at';
end
$$;
comment on function pgtrail.check_archive(jsonb, text) is 'Refuses what cannot be recorded as an archive';
revoke all on function pgtrail.check_archive(jsonb, text) from public;

-- Refuses JSON that is no event: not an object, or with a key that pgtrail.event does not have. A misspelt key must not be lost
-- silently. The message names the key, which the application chose, and no value.
create or replace function pgtrail.check_event_keys(event jsonb, keys text[]) returns void
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(event) is distinct from 'object' then
        raise exception using errcode = 'TR003', message = 'an event must be a JSON object';
    elsif event - keys <> '{}' then
        raise exception using errcode = 'TR003',
            message = format('an event has no key %s', (select to_json(left(min(k), 100)) from jsonb_object_keys(event - keys) k)),
            hint = 'Put what has no column of its own into details.';
    end if;
end
$$;
comment on function pgtrail.check_event_keys(jsonb, text[]) is 'Refuses JSON that is no event';
revoke all on function pgtrail.check_event_keys(jsonb, text[]) from public;

-- Refuses an event above the setting event-size-limit, naming both sizes. Called for large events only.
create or replace function pgtrail.check_event_size(size bigint) returns boolean
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    size_limit constant bigint := greatest(65536,
        (select s.value::bigint from pgtrail.setting s where s.name = 'event-size-limit'));
begin
    if size > size_limit then
        raise exception using
            errcode = 'TR004',
            message = format('the event has %s bytes and the limit is %s', size, size_limit),
            hint = 'Keep large content elsewhere and log a reference, or raise the setting event-size-limit.';
    end if;
    return true;
end
$$;
comment on function pgtrail.check_event_size(bigint) is 'Refuses an event above the size limit';
revoke all on function pgtrail.check_event_size(bigint) from public;

-- Tells which of an array of events pgtrail.append would refuse (the first is number 1), and why. Appends nothing.
create or replace function pgtrail.check_events(events jsonb) returns table (number bigint, reason text)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
begin
    for number, reason in
        select j.n, pgtrail.explain_refusal(j.event::text, 'ndjson', null)
        from jsonb_array_elements(case when jsonb_typeof(events) = 'array' then events else jsonb_build_array(events) end)
            with ordinality j (event, n)
        order by j.n
    loop
        if reason is not null then
            return next;
        end if;
    end loop;
end
$$;
comment on function pgtrail.check_events(jsonb) is 'Finds the events that append would refuse';
revoke all on function pgtrail.check_events(jsonb) from public;

-- Refuses what is no list of heads. The caller is not believed: what he calls a head must be one, and each lane must stand there once.
create or replace function pgtrail.check_heads(organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]) returns void
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant int := cardinality(organizations);
begin
    if number is null or cardinality(lanes) is distinct from number or cardinality(seqs) is distinct from number
        or cardinality(hashes) is distinct from number
    then
        raise exception using errcode = 'TR009', message = 'the four lists of heads differ in length',
            hint = 'Nothing was recorded.';
    end if;
    if exists (
        select from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
        where not exists (
            select from pgtrail.chain_head c
            where c.organization_id = g.organization_id and c.lane = g.lane and c.seq = g.seq and c.hash = g.hash
        ) and (
            -- Not as a join, which would read all events: few heads are so old.
            select true from pgtrail.event e
            where e.organization_id = g.organization_id and e.lane = g.lane and e.seq = g.seq and e.hash = g.hash
            limit 1
        ) is null and not exists (
            -- It was one when the log was read, and was archived or purged since.
            select from pgtrail.purge p, unnest(p.ranges) with ordinality r (range, n)
            where p.organization_id = g.organization_id and p.lane = g.lane and p.restored_seq is null
                and upper(r.range) - 1 = g.seq and substring(p.hashes from (r.n * 64 - 31)::int for 32) = g.hash
        )
    ) or exists (
        select from unnest(organizations, lanes) g (organization_id, lane)
        group by g.organization_id, g.lane having count(*) > 1
    ) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'these are not the heads of the log: a lane stands twice, or a head is none';
    end if;
end
$$;
comment on function pgtrail.check_heads(text[], smallint[], bigint[], bytea[]) is 'Refuses what is no list of heads';
revoke all on function pgtrail.check_heads(text[], smallint[], bigint[], bytea[]) from public;

-- At the commit: what was redacted was recorded.
create or replace function pgtrail.check_redacting() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if exists (select from pgtrail.redacting r where r.transaction_id = new.transaction_id) then
        raise exception using errcode = 'TR018', message = 'a redaction was begun and not recorded', hint = 'Nothing was changed.';
    end if;
    return null;
end
$$;
comment on function pgtrail.check_redacting() is 'Refuses to commit a redaction without its act';
revoke all on function pgtrail.check_redacting() from public;

-- Refuses a request that is not in the register, or that is closed; none is no request. Granted to nobody: who acts for a request calls it.
create or replace function pgtrail.check_request(request text) returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    closed timestamptz;
begin
    if request is null then
        return;
    end if;
    select r.closed_at into closed from pgtrail.subject_request r where r.request_id = request;
    if not found then
        raise exception using errcode = 'TR009', message = format('there is no request %s', to_json(left(request, 64))),
            hint = 'Nothing was changed. pgtrail gdpr request list';
    elsif closed is not null then
        raise exception using errcode = 'TR009', message = format('the request "%s" is closed', request),
            hint = 'Nothing was changed. Enter a new one: pgtrail gdpr request add';
    end if;
end
$$;
comment on function pgtrail.check_request(text) is 'Refuses a request that is not open';
revoke all on function pgtrail.check_request(text) from public;

-- When a transaction commits, for each of its acts: refuses a destructive one without a signature, where the acts before it say that
-- one is required. It asks the acts and not pgtrail.setting, which the act itself may have changed, and which has no guard.
create or replace function pgtrail.check_signature() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if not pgtrail.is_destructive(new.kind) or exists (
        select from pgtrail.act_signature s where s.organization_id = new.organization_id and s.seq = new.seq
    ) then
        return null;
    end if;
    if 'on' = (
        select a.parameters ->> 'value' from pgtrail.act a
        where a.kind = 'setting' and a.seq < new.seq and a.parameters ->> 'name' = 'require-signed-acts'
        order by a.seq desc
        limit 1
    ) then
        raise exception using errcode = 'TR012',
            message = format('an act of kind %s must be signed: the setting require-signed-acts is on', new.kind),
            hint = 'Nothing was changed; sign it with --key file:PATH.';
    end if;
    return null;
end
$$;
comment on function pgtrail.check_signature() is 'Refuses a destructive act without a required signature';
revoke all on function pgtrail.check_signature() from public;

-- Refuses tables of the caller's in the place of those that subject_stage makes: they would run his code as the owner.
create or replace function pgtrail.check_subject_stage() returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    name text;
begin
    foreach name in array array['subject', 'plan', 'replacement', 'listed'] loop
        if not exists (
            select from pg_class c
            where c.oid = to_regclass('pg_temp.pgtrail_' || name) and c.relkind = 'r'
                and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
        then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
                message = format('pg_temp.pgtrail_%s is not the table that pgtrail.subject_stage() makes', name);
        end if;
    end loop;
end
$$;
comment on function pgtrail.check_subject_stage() is 'Refuses other tables in the place of the stage';
revoke all on function pgtrail.check_subject_stage() from public;

-- Closes a request, by an act: what it came to, who says so, and the sha256 of what the subject was given (a receipt or a manifest).
create or replace function pgtrail.close_request(
    request text, outcome text, closed_by text default null, receipt text default null, reason text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    due timestamptz;
    odd text;
begin
    if (outcome in ('done', 'partly', 'refused', 'withdrawn')) is not true then
        odd := 'a request is closed as done, partly, refused or withdrawn';
    elsif outcome in ('partly', 'refused') and coalesce(btrim(reason, E' \t\r\n'), '') = '' then
        odd := 'a request that is refused, or answered in part, takes the reason that the subject is told';
    elsif length(reason) > 2000 or length(closed_by) > 200 then
        odd := 'a reason has 2000 characters at most, and who closes a request 200';
    elsif receipt !~ '^[0-9a-f]{64}$' then
        odd := 'a receipt is told by its sha256, 64 hex digits';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was closed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(coalesce(request, ''));
    select r.due_at into strict due from pgtrail.subject_request r where r.request_id = request for update;
    update pgtrail.subject_request r set closed_at = clock_timestamp(), outcome = outcome, closed_by = coalesce(closed_by, session_user),
        receipt = receipt
    where r.request_id = request;
    return pgtrail.record_act('request', jsonb_build_object('request', request, 'step', 'close', 'outcome', outcome, 'reason', reason,
        'receipt', receipt, 'late', clock_timestamp() > due));
end
$$;
comment on function pgtrail.close_request(text, text, text, text, text) is 'Closes a request';
revoke all on function pgtrail.close_request(text, text, text, text, text) from public;

-- An AWS CloudTrail record as an event in JSON. What a column holds verbatim is left out of details; all the rest stays there, so
-- that the record can be put together again: nulls, values of an unexpected type, a service name as source address.
create or replace function pgtrail.cloudtrail_event(record jsonb, organization text default null) returns jsonb
language sql stable parallel unsafe
as $$
    select jsonb_strip_nulls(jsonb_build_object(
            'external_id', record ->> 'eventID',
            'source', 'cloudtrail',
            'organization_id', coalesce(organization, record ->> 'recipientAccountId', who ->> 'accountId'),
            'project_id', record ->> 'awsRegion',
            -- Insights have neither source nor name.
            'event_type', coalesce(
                nullif(concat_ws('.', regexp_replace(record ->> 'eventSource', '\.amazonaws\.com$', ''), record ->> 'eventName'), ''),
                record ->> 'eventType'),
            'category', record ->> 'eventCategory',
            'action', case record -> 'readOnly' when 'true' then 'read' when 'false' then 'write' end,
            'severity', case
                when outcome = 'denied' then 'warning'
                when outcome in ('failure', 'error') then 'error'
                else 'info' end,
            'outcome', outcome,
            'actor_type', who ->> 'type',
            'actor_id', coalesce(who ->> 'arn', who ->> 'principalId', who ->> 'invokedBy'),
            'actor_name', coalesce(who ->> 'userName', who -> 'sessionContext' -> 'sessionIssuer' ->> 'userName'),
            'ip_address', address,
            'user_agent', record ->> 'userAgent',
            'session_id', who ->> 'accessKeyId',
            'resource_type', record -> 'resources' -> 0 ->> 'type',
            'resource_id', record -> 'resources' -> 0 ->> 'ARN',
            'namespace', record ->> 'eventSource',
            'error_message', record ->> 'errorMessage',
            'request_id', record ->> 'requestID',
            'correlation_id', record ->> 'sharedEventID',
            'event_version', record ->> 'eventVersion'
        )) || jsonb_build_object(
            -- A record without a time is refused, not dated today.
            'occurred_at', record -> 'eventTime',
            'request_params', record -> 'requestParameters',
            'after_state', record -> 'responseElements',
            -- Elements that are null remove nothing.
            'details', record - moved - array[
                case when record ->> 'eventTime' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' then 'eventTime' end,
                case when 'eventSource' = any (moved) and jsonb_typeof(record -> 'eventName') = 'string' then 'eventName' end,
                case when organization is null and jsonb_typeof(record -> 'recipientAccountId') = 'string'
                    then 'recipientAccountId' end,
                case when jsonb_typeof(record -> 'readOnly') = 'boolean' then 'readOnly' end,
                case when jsonb_typeof(record -> 'requestParameters') <> 'null' then 'requestParameters' end,
                case when jsonb_typeof(record -> 'responseElements') <> 'null' then 'responseElements' end,
                case when address is not null then 'sourceIPAddress' end]
        )
    from (select
            record -> 'userIdentity' as who,
            pgtrail.parse_address(case when jsonb_typeof(record -> 'sourceIPAddress') = 'string'
                then record ->> 'sourceIPAddress' end) as address,
            array(
                select k
                from unnest(array['eventID', 'awsRegion', 'eventCategory', 'userAgent', 'eventSource', 'errorMessage', 'requestID',
                    'sharedEventID', 'eventVersion']) k
                where jsonb_typeof(record -> k) = 'string') as moved,
            case
                when record ->> 'errorCode' is null and record ->> 'errorMessage' is null then 'success'
                when record ->> 'errorCode' ~ '(AccessDenied|Unauthorized|Forbidden|AuthFailure)' then 'denied'
                when record ->> 'errorCode' ~ '(Internal|ServiceUnavailable|Throttling|ServerException)' then 'error'
                else 'failure' end as outcome
        offset 0) r
$$;
comment on function pgtrail.cloudtrail_event(jsonb, text) is 'An AWS CloudTrail record as an event in JSON';
revoke all on function pgtrail.cloudtrail_event(jsonb, text) from public;

-- Makes the monthly partitions from the month of one time to the month of another, both included. Boundaries are UTC.
create or replace function pgtrail.create_months(since timestamptz, until timestamptz) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    month timestamptz;
begin
    for month in select generate_series(date_trunc('month', since), date_trunc('month', until), interval '1 month') loop
        perform pgtrail.create_partition('event_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month');
    end loop;
end
$$;
comment on function pgtrail.create_months(timestamptz, timestamptz) is 'Makes monthly partitions';
revoke all on function pgtrail.create_months(timestamptz, timestamptz) from public;

-- Makes one partition of pgtrail.event with its guards and grants; does nothing where it is there. Takes ACCESS EXCLUSIVE on
-- pgtrail.event for a moment and scans the DEFAULT partition under it: for the installation. A log at work has split_default.
create or replace function pgtrail.create_partition(partition_name text, since timestamptz default null, until timestamptz default null)
returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if to_regclass(format('pgtrail.%I', partition_name)) is not null then
        return;
    end if;
    if since is null then
        execute format('create table pgtrail.%I partition of pgtrail.event default', partition_name);
    else
        execute format(
            'create table pgtrail.%I partition of pgtrail.event for values from (%L) to (%L)',
            partition_name, since, until);
    end if;
    perform pgtrail.dress_partition(partition_name);
end
$$;
comment on function pgtrail.create_partition(text, timestamptz, timestamptz) is 'Makes a partition of pgtrail.event';
revoke all on function pgtrail.create_partition(text, timestamptz, timestamptz) from public;

-- Makes the partitions from that of one time to that of another, both included: for the installation. Boundaries are UTC.
create or replace function pgtrail.create_partitions(since timestamptz, until timestamptz) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    range record;
    next timestamptz := since;
begin
    loop
        range := pgtrail.partition_range(next);
        exit when range.since > until;
        perform pgtrail.create_partition(range.name, range.since, range.until);
        next := range.until;
    end loop;
end
$$;
comment on function pgtrail.create_partitions(timestamptz, timestamptz) is 'Makes partitions from one time to another';
revoke all on function pgtrail.create_partitions(timestamptz, timestamptz) from public;

-- Acts that decide what may leave or change: who has read before one of them begins again.
create or replace function pgtrail.deciding_kinds() returns text[]
language sql immutable parallel safe
as $$
    select array['hold', 'release', 'retention', 'setting', 'purge', 'restore', 'redact', 'detach', 'attach', 'incarnation', 'subject_rule']
$$;
comment on function pgtrail.deciding_kinds() is 'Acts that decide what may leave or change';
revoke all on function pgtrail.deciding_kinds() from public;

-- What an event in JSON has where it says nothing: the defaults of pgtrail.event.
create or replace function pgtrail.default_event(organization text default null) returns pgtrail.event
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    e pgtrail.event;
begin
    e.organization_id := coalesce(organization, 'default');
    e.occurred_at := now();
    e.severity := 'info';
    e.outcome := 'success';
    e.retention_policy := 'standard';
    return e;
end
$$;
comment on function pgtrail.default_event(text) is 'An event with nothing but defaults';
revoke all on function pgtrail.default_event(text) from public;

-- How many events DEFAULT holds, by the partition that they would have; null for times that none has: infinity, and those that are too
-- far off to be written as a year.
create or replace function pgtrail.default_times()
returns table (name text, since timestamptz, until timestamptz, events bigint, oldest timestamptz, newest timestamptz)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    fallback regclass;
begin
    select p.oid::regclass into fallback from pgtrail.partitions() p where p.is_default;
    if fallback is null then
        return;
    end if;
    return query execute format($q$
        with day as materialized (
            select date_trunc('day', e.occurred_at, 'UTC') as day, count(*) as events, min(e.occurred_at) as oldest, max(e.occurred_at) as newest
            from only %s e group by 1
        )
        select r.name, r.since, r.until, sum(d.events)::bigint, min(d.oldest), max(d.newest)
        from day d
        left join lateral pgtrail.partition_range(case when d.day >= timestamptz '1900-01-01 00:00+00' and d.day < timestamptz '9999-01-01 00:00+00'
            then d.day end) r on true
        group by 1, 2, 3
        order by 2 nulls last $q$, fallback);
end
$$;
comment on function pgtrail.default_times() is 'What times the events of DEFAULT have';
revoke all on function pgtrail.default_times() from public;

-- Destroys what the log has of a key of pseudonyms: the originals that are encrypted with it, by an act that counts them. The pseudonyms
-- stay in the events and lead nowhere. Null where it was destroyed before. The key itself is outside and destroyed there.
create or replace function pgtrail.destroy_privacy_key(key_id text) returns table (act bigint, pseudonyms bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    present text;
begin
    -- A redaction that is under way may make pseudonyms with it: it ends first.
    perform pg_advisory_xact_lock(1885828210, -8), pg_advisory_xact_lock(1885828210, -1);
    select k.state into present from pgtrail.privacy_key k where k.key_id = destroy_privacy_key.key_id;
    if present is null then
        raise exception using errcode = 'TR009', message = 'this log has no privacy key of that name',
            hint = 'Nothing was changed; pgtrail gdpr key list.';
    end if;
    select count(*) into pseudonyms from pgtrail.pseudonym p where p.key_id = destroy_privacy_key.key_id and p.original is not null;
    if present <> 'destroyed' then
        act := pgtrail.record_act('privacy_key', jsonb_build_object('step', 'destroy', 'key', key_id, 'pseudonyms', pseudonyms));
        update pgtrail.pseudonym p set original = null where p.key_id = destroy_privacy_key.key_id and p.original is not null;
        update pgtrail.privacy_key k set state = 'destroyed' where k.key_id = destroy_privacy_key.key_id;
    end if;
    return next;
end
$$;
comment on function pgtrail.destroy_privacy_key(text) is 'Destroys the originals that are encrypted with a key of pseudonyms';
revoke all on function pgtrail.destroy_privacy_key(text) from public;

-- Detaches a partition: its events stay in the chains and in the sight of verify, and no query finds them. Recorded by an act. Whoever
-- appends an event of its time appends it to DEFAULT. Refused while a hold is on any of its events. `events`: how many left the queries;
-- the summaries forget them.
create or replace function pgtrail.detach_partition(partition_name text, reason text, patience interval default '30 seconds',
    out act bigint, out events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    deciding constant text[] := array['hold', 'detach', 'attach', 'purge', 'restore'];
    newest_act bigint;
    partition record;
    seen record;
    late record;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009', message = 'to detach takes a reason, of 2000 characters at most', hint = 'Nothing was detached.';
    end if;
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was detached; pgtrail partition list tells all.';
    elsif not partition.attached then
        raise exception using errcode = 'TR011', message = format('%s is detached already', partition_name), hint = 'Nothing was changed.';
    elsif partition.is_default or not isfinite(partition.since) or not isfinite(partition.until) then
        raise exception using errcode = 'TR009', message = format('%s has no bounds of its own: it stays', partition_name),
            hint = 'Nothing was detached.';
    end if;
    -- In one statement with the heads: each event is either counted here or late.
    execute format($q$
        select h.*, o.*
        from (select array_agg(n.organization_id) as lane_organizations, array_agg(n.lane) as lanes, array_agg(n.seq) as seqs
              from pgtrail.newest_heads() n) h,
            (select array_agg(g.organization_id) as organizations, array_agg(g.oldest) as oldest, array_agg(g.newest) as newest,
                coalesce(sum(g.events), 0)::bigint as events
             from (
                select e.organization_id, min(e.occurred_at) as oldest, max(e.occurred_at) as newest, count(*) as events
                from only %s e group by e.organization_id
             ) g) o $q$, partition.relation)
    into seen;
    events := seen.events;
    perform pgtrail.refuse_held(partition.relation);
    perform pgtrail.lock_partitions(array(
        select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and p.attached), patience, true);
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure',
            message = format('something was decided while %s was looked at', partition_name), hint = 'Nothing was detached. Run it again.';
    end if;
    -- What came meanwhile could be held too.
    perform pgtrail.refuse_held(partition.relation, format('e.ctid in (select l.place from pgtrail.late_events(%L, %L, %L, %L) l)',
        partition.relation, seen.lane_organizations, seen.lanes, seen.seqs));
    act := pgtrail.record_act('detach', jsonb_build_object('partition', partition_name, 'reason', reason,
        'since', to_char(partition.since, time_form), 'until', to_char(partition.until, time_form)));
    execute format('alter table pgtrail.event detach partition %s', partition.relation);
    -- The seal went with its parent: nothing may come into it.
    execute format('create trigger pgtrail_closed before insert on %s for each statement execute function pgtrail.guard(''INSERT attach'')',
        partition.relation);
    execute format('alter table %s add constraint pgtrail_bounds check (occurred_at is not null and occurred_at >= %L::timestamptz '
        'and occurred_at < %L::timestamptz) not valid', partition.relation, partition.since, partition.until);
    insert into pgtrail.detached_partition values (partition_name, partition.since, partition.until, act);
    -- The rows of the summaries that say something of them. Where nothing was ever counted there are none.
    perform pgtrail.forget_summary(s.organization_id, s.oldest, s.newest)
    from unnest(seen.organizations, seen.oldest, seen.newest) s (organization_id, oldest, newest)
    where exists (select from pgtrail.summary_cursor c where c.organization_id = s.organization_id);
    for late in
        execute format('select e.organization_id, min(e.occurred_at) as oldest, max(e.occurred_at) as newest, count(*) as events '
            'from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place group by e.organization_id', partition.relation)
        using partition.relation, seen.lane_organizations, seen.lanes, seen.seqs
    loop
        events := events + late.events;
        perform pgtrail.forget_summary(late.organization_id, late.oldest, late.newest);
    end loop;
end
$$;
comment on function pgtrail.detach_partition(text, text, interval) is 'Detaches a partition';
revoke all on function pgtrail.detach_partition(text, text, interval) from public;

-- What each partition of pgtrail.event has beside its columns and indexes: owner, guard, grants.
create or replace function pgtrail.dress_partition(partition_name text) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Whoever makes it: a partition belongs to the owner of the log.
    execute format('alter table pgtrail.%I owner to %I', partition_name, (
        select r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.oid = 'pgtrail.event'::regclass));
    execute format('revoke usage on type pgtrail.%I from public', partition_name);
    execute format('comment on table pgtrail.%I is %L', partition_name, 'Partition of pgtrail.event');
    -- Row triggers come from the parent; statement triggers do not.
    execute format(
        'create trigger pgtrail_guard before update or delete or truncate on pgtrail.%I '
        'for each statement execute function pgtrail.guard(''DELETE purge'', ''UPDATE redact'')', partition_name);
    if exists (select from pgtrail.setting s where s.name = 'roles' and s.value = 'on') then
        execute format('grant select on pgtrail.%I to pgtrail_reader, pgtrail_auditor', partition_name);
    end if;
end
$$;
comment on function pgtrail.dress_partition(text) is 'Guard and grants of a partition';
revoke all on function pgtrail.dress_partition(text) from public;

-- When an event `e` came into the log, as text for statements that read many: `joins` stands behind its table. What a restore brought back
-- came by that, where it is not older than `since`: it was wanted, and does not go again at once.
create or replace function pgtrail.entered_condition(since timestamptz, out joins text, out entered text)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
begin
    joins := '';
    entered := 'e.recorded_at';
    if exists (
        select from pgtrail.purge q
        join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = q.restored_seq and a.recorded_at >= since)
    then
        joins := format('left join (select q.organization_id, q.lane, range_agg(g) as ranges, max(a.recorded_at) as at '
            'from pgtrail.purge q join pgtrail.act a on a.organization_id = ''pgtrail'' and a.seq = q.restored_seq and a.recorded_at >= %L, '
            'unnest(q.ranges) g group by 1, 2) restored on restored.organization_id = e.organization_id and restored.lane = e.lane', since);
        entered := 'greatest(e.recorded_at, case when restored.ranges @> e.seq then restored.at end)';
    end if;
end
$$;
comment on function pgtrail.entered_condition(timestamptz) is 'When an event came into the log, as SQL';
revoke all on function pgtrail.entered_condition(timestamptz) from public;

-- The columns of pgtrail.event that an application may set: all but the chain and recorded_at. The keys of an event in JSON.
create or replace function pgtrail.event_keys() returns text[]
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select array_agg(a.attname::text order by a.attnum)
    from pg_attribute a
    where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 and not a.attisdropped
        and a.attname not in ('recorded_at', 'lane', 'seq', 'identity_salt', 'content_salt', 'previous_hash', 'hash',
            'hash_version', 'identity_digest', 'content_digest')
$$;
comment on function pgtrail.event_keys() is 'Keys of an event in JSON';
revoke all on function pgtrail.event_keys() from public;

-- Tells why a record cannot become an event, naming the field and never the value; null where it can. Tries it alone and undoes it.
-- Slow: called only for a batch that was refused. What is not the record's fault (a full disk, a lost lock) is raised as it is.
create or replace function pgtrail.explain_refusal(record text, format text, organization text) returns text
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $$
declare
    event jsonb;
    field text;
    type text;
begin
    begin
        event := record::jsonb;
    exception
        when untranslatable_character then
            return 'it has the character NUL (\u0000), which PostgreSQL cannot store';
        when numeric_value_out_of_range then
            return 'it has a number that PostgreSQL cannot store';
        when program_limit_exceeded then
            return 'its JSON is nested too deeply or too large for the server';
        when data_exception then
            return case
                when regexp_replace(record, '\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}', '', 'g') ~ '\\u[dD][89a-fA-F]'
                    then 'it has half of a surrogate pair (\ud800 to \udfff), which is no character'
                else 'it is not JSON'
                end;
    end;
    if jsonb_typeof(event) <> 'object' then
        return 'it is not a JSON object';
    end if;
    if format = 'ndjson' then
        begin
            perform (event ->> 'append_batch')::uuid;
        exception when data_exception then
            return 'append_batch must be a uuid';
        end;
    end if;
    begin
        event := pgtrail.staged_event(event - case format when 'ndjson' then 'append_batch' else '' end, format, organization);
        perform pgtrail.append(event);
        -- Not TR000, which would stand for the whole class.
        raise exception using errcode = 'TR099';
    exception
        when sqlstate 'TR099' then
            return null;
        when sqlstate 'TR003' or sqlstate 'TR004' then
            return sqlerrm;
        when data_exception or program_limit_exceeded then
            null;
    end;
    for field, type in
        select a.attname, format_type(a.atttypid, null)
        from pg_attribute a
        where a.attrelid = 'pgtrail.event'::regclass and a.attnum > 0 and event ? a.attname::text
        order by a.attnum
    loop
        begin
            perform jsonb_populate_record(null::pgtrail.event, jsonb_build_object(field, event -> field));
        exception when data_exception then
            return field || case type
                when 'uuid' then ' must be a uuid'
                when 'inet' then ' must be an IP address'
                when 'timestamp with time zone' then ' must be a time such as 2026-11-21T09:30:00Z'
                when 'text[]' then ' must be an array of text'
                else ' must be a whole number that fits ' || type
                end;
        end;
    end loop;
    return 'it has a value that is too long or that PostgreSQL cannot store';
end
$$;
comment on function pgtrail.explain_refusal(text, text, text) is 'Why a record cannot become an event';
revoke all on function pgtrail.explain_refusal(text, text, text) from public;

-- Extends the time of a request by two months, once, with the reason that the subject is told (Article 12): the end of the
-- day three calendar months after it was received. The act says whether that was decided after it was due, which is too late.
create or replace function pgtrail.extend_request(request text, reason text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    r pgtrail.subject_request;
    until timestamptz;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        raise exception using errcode = 'TR009', message = 'an extension takes a reason, of 2000 characters at most', hint = 'Nothing was extended.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(coalesce(request, ''));
    select * into strict r from pgtrail.subject_request s where s.request_id = request for update;
    if r.extended_at is not null then
        raise exception using errcode = 'TR011', message = format('the request "%s" was extended already, and can be once', request),
            hint = 'Nothing was extended. pgtrail gdpr request show ' || request;
    end if;
    until := pgtrail.request_due(r.received_at, 3);
    update pgtrail.subject_request s set due_at = until, extended_at = clock_timestamp(), extension_reason = reason
    where s.request_id = request;
    return pgtrail.record_act('request', jsonb_build_object('request', request, 'step', 'extend', 'reason', reason,
        'due', to_char(until, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'late', clock_timestamp() > r.due_at));
end
$$;
comment on function pgtrail.extend_request(text, text) is 'Extends the time of a request';
revoke all on function pgtrail.extend_request(text, text) from public;

-- Makes the plan from pg_temp.pgtrail_listed, which a register tells: the places of events in this partition, and what of them was redacted.
-- What the entries say already, what is gone, and events that were recorded later than `recorded_until` are left out: after a restore others
-- have the places of those that were erased. So are places that a document does not have: an entry says what was replaced.
create or replace function pgtrail.find_listed(partition_name text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
declare
    found bigint;
begin
    perform pgtrail.check_subject_stage();
    perform pgtrail.refuse_found(partition_name);
    -- Fields stand in a statement nowhere, but what is none would be recorded for ever.
    if exists (
        select from pg_temp.pgtrail_listed l
        where (l.group_name in ('identity', 'content')) is not true or coalesce(cardinality(l.fields), 0) = 0
            or l.replacement !~ '^p1:t:none:[A-Za-z0-9_-]{22}$'
            or exists (
                select from unnest(l.fields) f
                where case l.group_name when 'identity' then f in ('actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id')
                    else f in ('resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id',
                        'correlation_id', 'tags', 'signature') or f ~ '^(request_params|before_state|after_state|details)([.][0-9]{1,9}){0,64}$' end is not true))
    then
        raise exception using errcode = 'TR009', message = 'what is to be redacted again is not a list of fields', hint = 'Nothing was changed.';
    end if;
    execute format($q$
        insert into pg_temp.pgtrail_plan
        select case when $1 not like 'archive %%' then $1 end, case when $1 like 'archive %%' then substr($1, 9) end, e.organization_id, e.lane,
            e.seq, e.occurred_at, e.event_type, e.ctid, false, false, false, l.identity, array(
                select f from unnest(l.content) f
                where f !~ '[.]' or pgtrail.json_has_place(case split_part(f, '.', 1) when 'request_params' then e.request_params
                    when 'before_state' then e.before_state when 'after_state' then e.after_state else e.details end, substr(f, strpos(f, '.') + 1))), '{}', %2$s, %3$s, %4$s and %5$s, l.replacement
        from (
            select l.organization_id, l.lane, l.seq, max(l.replacement) as replacement, min(l.recorded_until) as recorded_until,
                coalesce(array_agg(distinct f) filter (where l.group_name = 'identity'), '{}') as identity,
                coalesce(array_agg(distinct f) filter (where l.group_name = 'content'), '{}') as content
            from pg_temp.pgtrail_listed l, unnest(l.fields) f
            where not exists (
                select from pgtrail.redaction_entry r
                where r.organization_id = l.organization_id and r.lane = l.lane and r.seq = l.seq and r.group_name = l.group_name
                    and f = any (r.fields))
            group by 1, 2, 3
        ) l
        join only %1$s e on e.organization_id = l.organization_id and e.lane = l.lane and e.seq = l.seq
            and (l.recorded_until is null or e.recorded_at <= l.recorded_until) $q$,
        pgtrail.subject_relation(partition_name), pgtrail.hold_condition(), pgtrail.law_condition(), pgtrail.hash_condition(),
        pgtrail.redaction_condition())
    using partition_name;
    get diagnostics found = row_count;
    return found;
end
$$;
comment on function pgtrail.find_listed(text) is 'The plan that a register tells';
revoke all on function pgtrail.find_listed(text) from public;

-- The pseudonyms that a subject has, by keyed hashes of his main identifier; never whom they stand for: that is for reveal, which is an act.
create or replace function pgtrail.find_pseudonym(lookups bytea[])
returns table (pseudonym text, organization_id text, strategy text, key_id text, lookup bytea)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select p.pseudonym, p.organization_id, p.strategy, p.key_id, p.lookup
    from pgtrail.pseudonym p
    where p.lookup = any (lookups)
    order by p.created_at, p.pseudonym
$$;
comment on function pgtrail.find_pseudonym(bytea[]) is 'The pseudonyms that a subject has';
revoke all on function pgtrail.find_pseudonym(bytea[]) from public;

-- Adds to pg_temp.pgtrail_plan the events of a partition that have to do with the subject of pg_temp.pgtrail_subject, and tells how many.
-- By indexes: those that he did (id, session), and those about a resource that he is (rules of kind `resource`, or named). By reading the partition, if
-- there are such identifiers: e-mail address, name, address and device, unless there are indexes for them too, and paths that the rules name. With `in_text` all text
-- is looked through as well, and what only mentions him counts. `partition_name` 'archive NAME': the rows that lie in pg_temp.pgtrail_restored.
-- Of each event it tells what a redaction would replace, column by column, and why it must not: a hold, a law (a floor whose time is not
-- over, a rule of kind `keep`), or that it does not verify. What stands in the frame of an event nothing can replace. Without `told` it tells what
-- he is in the event, and no more: for whoever only reads.
create or replace function pgtrail.find_subject(
    partition_name text, organizations text[] default null, since timestamptz default null, until timestamptz default null,
    in_text boolean default false, told boolean default true
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set enable_memoize = off
set standard_conforming_strings = on
set jit = off
as $$
#variable_conflict use_column
declare
    text_columns constant text[] := array['resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path',
        'request_id', 'correlation_id'];
    json_columns constant text[] := array['request_params', 'before_state', 'after_state', 'details'];
    frame_columns constant text[] := array['id', 'external_id', 'external_number', 'source', 'organization_id', 'project_id', 'event_type', 'category',
        'action', 'actor_type', 'actor_role', 'resource_type', 'request_method', 'retention_policy', 'compliance_tags', 'event_version'];
    identity_columns constant text[] := array['actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id'];
    relation regclass;
    forms record;
    types text[];
    candidates text[];
    scans text[] := '{}';
    actor text;
    subject text;
    bounds text;
    found bigint;
begin
    perform pgtrail.check_subject_stage();
    forms := pgtrail.subject_forms();
    relation := pgtrail.subject_relation(partition_name);
    perform pgtrail.refuse_found(partition_name);
    select array_agg(distinct r.resource_type) into types
    from pgtrail.subject_rule r where r.kind = 'resource' and r.ended_seq is null;
    organizations := coalesce(organizations, array(select distinct h.organization_id from pgtrail.chain_head h where h.seq = 0));
    bounds := format('($13 is null or e.occurred_at >= $13) and ($14 is null or e.occurred_at < $14)');

    -- Who he is as an actor, and as what is acted on.
    -- Others have the same name, address or device: by those he is the actor only where nothing says that somebody else is.
    actor := concat_ws(' or ', 'false',
        case when forms.ids is not null then 'e.actor_id = any ($1)' end,
        case when forms.emails is not null then 'pgtrail.fold_text(e.actor_email) = any ($2)' end,
        '(e.actor_id is null or e.actor_id = any ($1)) and (e.actor_email is null or pgtrail.fold_text(e.actor_email) = any ($2)) and ('
            || concat_ws(' or ', 'false',
                case when forms.names is not null then 'e.actor_name = any ($3)' end,
                case when forms.addresses is not null then 'e.ip_address = any ($4)' end,
                case when forms.devices is not null then 'e.device_id = any ($5)' end,
                case when forms.sessions is not null then 'e.session_id = any ($6)' end) || ')');
    subject := concat_ws(' or ', 'false',
        case when forms.ids is not null and types is not null then 'e.resource_type = any ($15) and e.resource_id = any ($1)' end,
        case when forms.resource_types is not null
            then '(e.resource_type, e.resource_id) in (select * from unnest($7, $8))' end);

    candidates := array_remove(array[
        case when forms.ids is not null then 'select f.place from unnest($12) o, lateral (select e.ctid as place from only %1$s e '
            'where e.organization_id = o and left(e.actor_id, 300) = any (array(select left(i, 300) from unnest($1) i)) '
            'and e.actor_id = any ($1) and ' || bounds || ' offset 0) f' end,
        case when forms.sessions is not null then 'select f.place from unnest($12) o, lateral (select e.ctid as place from only %1$s e '
            'where e.organization_id = o and left(e.session_id, 300) = any (array(select left(i, 300) from unnest($6) i)) '
            'and e.session_id = any ($6) and ' || bounds || ' offset 0) f' end,
        case when forms.ids is not null and types is not null then 'select f.place from unnest($12) o, unnest($15) t, unnest($1) i, '
            'lateral (select e.ctid as place from only %1$s e where e.organization_id = o and left(e.resource_type, 100) = left(t, 100) '
            'and left(e.resource_id, 300) = left(i, 300) and e.resource_type = t and e.resource_id = i and ' || bounds || ' offset 0) f' end,
        case when forms.resource_types is not null then 'select f.place from unnest($12) o, unnest($7, $8) n (t, i), '
            'lateral (select e.ctid as place from only %1$s e where e.organization_id = o and left(e.resource_type, 100) = left(n.t, 100) '
            'and left(e.resource_id, 300) = left(n.i, 300) and e.resource_type = n.t and e.resource_id = n.i and ' || bounds || ' offset 0) f' end],
        null);
    if in_text then
        candidates := candidates || format('select e.ctid as place from only %%1$s e, lateral (select pgtrail.fold_text(w.words) as words from (select '
            'concat_ws('' '', %s, array_to_string(e.tags, '' ''), host(e.ip_address)) as words offset 0) w offset 0) w '
            'where e.organization_id = any ($12) and %s and (%s)',
            (select string_agg(format('e.%s::text', c), ', ') from unnest(identity_columns || text_columns || json_columns || frame_columns) c where c <> 'ip_address'),
            bounds, (select coalesce(string_agg(format('strpos(w.words, ($10)[%s]) > 0', n), ' or '), 'false') from generate_subscripts(forms.needles, 1) n
                where length(forms.needles[n]) >= 3));
    else
        scans := array_remove(array[
            case when forms.emails is not null then 'pgtrail.fold_text(e.actor_email) = any ($2)' end,
            case when forms.names is not null then 'e.actor_name = any ($3)' end,
            case when forms.addresses is not null then 'e.ip_address = any ($4)' end,
            case when forms.devices is not null then 'e.device_id = any ($5)' end], null);
        -- pgtrail index add subject: one index for the four. It has the addresses as lower() in collation C makes them, which knows ASCII alone.
        if scans <> '{}' and not exists (select from unnest(forms.emails) m where octet_length(m) <> length(m)) and exists (
            select from pg_index i where i.indrelid = relation and i.indisvalid and pg_get_indexdef(i.indexrelid) like '% USING gin %host(ip_address)%')
        then
            candidates := candidates || format('select e.ctid as place from only %%1$s e where e.organization_id = any ($12) and (%s) and %s '
                'and (e.actor_email is not null or e.actor_name is not null or e.ip_address is not null or e.device_id is not null) '
                'and array[lower(left(e.actor_email, 300)), left(e.actor_name, 300), host(e.ip_address), left(e.device_id, 300)] '
                '&& array(select left(k, 300) from unnest($2 || $3 || $5 || array(select host(a) from unnest($4) a)) k)',
                (select string_agg(s, ' or ') from unnest(scans) s), bounds);
            scans := '{}';
        end if;
        -- Each document is folded once, however many rules and identifiers there are.
        scans := scans || array(
            select format('e.%1$I is not null and (%2$s) and pgtrail.fold_text(e.%1$I::text) like any ($19)', r.path[1],
                string_agg(distinct case when r.event_type is null then 'true'
                    else format('e.event_type = %1$L or starts_with(e.event_type, %1$L || ''.'')', r.event_type) end, ' or '))
            from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null
            group by r.path[1]);
    end if;
    if scans <> '{}' then
        candidates := candidates || format('select e.ctid as place from only %%1$s e where e.organization_id = any ($12) and (%s) and %s',
            replace((select string_agg(format('(%s)', s), ' or ') from unnest(scans) s), '%', '%%'), bounds);
    end if;
    if candidates = '{}' then
        return 0;
    end if;

    if not told and not in_text then
        -- Only what he is in the event: without rules that name paths no document is read.
        execute format($q$
            with candidate as materialized (%2$s)
            insert into pg_temp.pgtrail_plan (partition_name, archive, organization_id, lane, seq, occurred_at, event_type, place, as_actor, as_subject, mentioned)
            select case when $16 is null then $17 end, $16, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, e.place, e.is_actor, e.is_subject, false
            from (
                select e.ctid as place, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, coalesce(%3$s, false) as is_actor,
                    coalesce(%4$s, false) or coalesce(e.event_type = 'gdpr.rectified' and pgtrail.fold_text(e.details->>'actor_id') = any ($9), false)
                        or %5$s as is_subject
                from candidate c
                join only %1$s e on e.ctid = c.place
                offset 0
            ) e
            where e.is_actor or e.is_subject $q$,
            relation,
            (select string_agg(format('(%s)', format(c, relation)), ' union ') from unnest(candidates) c),
            actor, subject,
            (select coalesce(string_agg(format('%s and coalesce((select j.hit from pgtrail.json_places(e.%I, $9, $19, $11, %L) j), false)',
                case when r.event_type is null then 'true' else format('(e.event_type = %1$L or starts_with(e.event_type, %1$L || ''.''))', r.event_type) end,
                r.path[1], jsonb_build_array(to_jsonb(r.path) - 0)), ' or '), 'false')
            from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null))
        using forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions, forms.resource_types, forms.resource_ids,
            forms.folded, forms.needles, forms.pattern, organizations, since, until, types,
            case when starts_with(partition_name, 'archive ') then substr(partition_name, 9) end, partition_name, in_text, forms.likes, array(select k from unnest(forms.folded) k where length(k) >= 3);
        get diagnostics found = row_count;
        return found;
    end if;

    execute format($q$
        with candidate as materialized (%2$s), read as (
            select e.ctid as place, e.*, coalesce(%3$s, false) as is_actor, coalesce(%4$s, false) as is_resource,
                -- What pgtrail itself wrote about him: the right values, and whose they are.
                coalesce(e.event_type = 'gdpr.rectified' and pgtrail.fold_text(e.details->>'actor_id') = any ($9), false) as is_rectified,
                -- Of others' events short identifiers say nothing: 5 is a number, and admin a role.
                case when coalesce(%3$s or %4$s, false) then $9 else $20 end as folded,
                -- What else his own events say of him is found in the rest of them too.
                o.own, coalesce(%6$s or b.blob like any (o.own), false) as says, (%19$s) as frame_says, strpos(w.words, 'hash": "') > 0 or strpos(w.words, 'checksum": "') > 0
                    or strpos(w.words, 'digest": "') > 0 or strpos(w.words, 'hmac": "') > 0 or strpos(w.words, 'signature": "') > 0 as has_sums
            from candidate c
            join only %1$s e on e.ctid = c.place,
                -- By themselves: what is folded more than once would else be put together each time.
                lateral (select concat_ws(' ', %7$s, array_to_string(e.tags, ' '), %8$s) as words, concat_ws(' ', %20$s) as frame offset 0) w,
                lateral (select pgtrail.fold_text(w.words) as blob, pgtrail.fold_text(w.frame) as frame offset 0) b,
                lateral (select case when %3$s then array_remove(array[%5$s], null) end as own offset 0) o
            offset 0
        ), ruled as (
            select e.*, %9$s
            from read e
            offset 0
        ), judged as (
            select e.*, %10$s
            from ruled e%11$s
            offset 0
        ), told as (
            select e.*, e.is_resource or e.is_rectified or e.rule_hit as is_subject,
                array_remove(array[%12$s], null) as identity,
                array_remove(array[%13$s], null) || e.json_fields as content,
                array_remove(array[%14$s], null) as frame
            from judged e
        )
        insert into pg_temp.pgtrail_plan
        select case when $16 is null then $17 end, $16, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, e.place, e.is_actor, e.is_subject,
            cardinality(e.content) > 0 or cardinality(e.identity) > 0, e.identity,
            case when e.signature is not null and cardinality(e.identity) + cardinality(e.content) > 0 then e.content || e.sums || array['signature']
                when cardinality(e.identity) + cardinality(e.content) > 0 then e.content || e.sums else e.content end,
            e.frame, %15$s, %16$s, %17$s and %18$s
        from told e
        where e.is_actor or e.is_subject or $18 and cardinality(e.identity) + cardinality(e.content) + cardinality(e.frame) > 0 $q$,
        relation,
        format((select string_agg(format('(%s)', c), ' union ') from unnest(candidates) c), relation),
        actor, subject,
        (select string_agg(format('case when length(%1$s) >= 3 then ''%%'' || regexp_replace(pgtrail.fold_text(%1$s), ''([\\%%_])'', ''\\\1'', ''g'') || ''%%'' end',
            case c when 'ip_address' then 'host(e.ip_address)' else 'e.' || c end), ', ')
        from unnest(identity_columns) c where c <> 'user_agent'),
        (select string_agg(format('strpos(b.blob, ($10)[%s]) > 0', n), ' or ') from generate_subscripts(forms.needles, 1) n),
        (select string_agg('e.' || c, ', ') from unnest(text_columns) c), (select string_agg(format('e.%s::text', c), ', ') from unnest(json_columns) c),
        (select string_agg(case when exists (select from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null and r.path[1] = c)
            then format('(select jsonb_agg(to_jsonb(r.path) - 0) from pgtrail.subject_rule r where r.kind = ''path'' and r.ended_seq is null and r.path[1] = %1$L '
                'and (r.event_type is null or r.event_type = e.event_type or starts_with(e.event_type, r.event_type || ''.''))) as paths_%1$s', c)
            else format('null::jsonb as paths_%s', c) end, ', ')
        from unnest(json_columns) c),
        -- 10: of the documents, only where there is something to be found.
        (select format('%s as json_fields, %s as sums, coalesce(%s, false) as rule_hit',
            string_agg(format('coalesce(array(select %1$L || case when p = '''' then '''' else ''.'' || p end from unnest(j_%1$s.places) p), ''{}'')', c), ' || '),
            string_agg(format('coalesce(array(select %1$L || ''.'' || p from unnest(j_%1$s.sums) p), ''{}'')', c), ' || '),
            string_agg(format('coalesce(j_%s.hit, false)', c), ' or '))
        from unnest(json_columns) c),
        (select string_agg(format(' left join lateral (select b.* from pgtrail.json_places(e.%1$s, e.folded, $19, $11, e.paths_%1$s, e.is_resource or e.is_rectified, e.own) b '
            'where e.%1$s is not null and (e.says or e.paths_%1$s is not null or e.has_sums) offset 0) j_%1$s on true', c), '')
        from unnest(json_columns) c),
        (select string_agg(case c when 'ip_address'
            then 'case when e.ip_address is not null and (e.is_actor or host(e.ip_address) = any (e.folded)) then ''ip_address'' end'
            -- Of another's event only what is an identifier as it stands: his own id may have it in it.
            else format('case when e.%1$s is not null and (e.is_actor or pgtrail.fold_text(e.%1$s) = any (e.folded)'
                || case c when 'user_agent' then ' or pgtrail.fold_text(e.user_agent) like any ($19) and pgtrail.fold_text(e.user_agent) ~ $11' else '' end || ') then %1$L end', c) end, ', ')
        from unnest(identity_columns) c),
        (select string_agg(format('case when %2$s (e.says and (pgtrail.fold_text(e.%1$s) = any (e.folded) or pgtrail.fold_text(e.%1$s) like any ($19) and pgtrail.fold_text(e.%1$s) ~ $11 or pgtrail.fold_text(e.%1$s) like any (e.own))) '
            'then %1$L end', c, case c when 'resource_id' then 'e.is_resource and e.resource_id is not null or'
                when 'resource_name' then 'e.is_resource and e.resource_name is not null and e.resource_name not in (''[erased]'') or' else '' end), ', ')
        from unnest(text_columns) c)
            || ', case when e.says and exists (select from unnest(e.tags) t where pgtrail.fold_text(t) = any (e.folded) or pgtrail.fold_text(t) like any ($19) and pgtrail.fold_text(t) ~ $11 or pgtrail.fold_text(t) like any (e.own)) then ''tags'' end',
        (select string_agg(format('case when e.frame_says and (pgtrail.fold_text(e.%1$s::text) = any (e.folded) or pgtrail.fold_text(e.%1$s::text) ~ $11) then %1$L end', c), ', ')
        from unnest(frame_columns) c),
        pgtrail.hold_condition(), pgtrail.law_condition(), pgtrail.hash_condition(), pgtrail.redaction_condition(),
        (select string_agg(format('strpos(b.frame, ($10)[%s]) > 0', n), ' or ') from generate_subscripts(forms.needles, 1) n),
        (select string_agg(format('e.%s::text', c), ', ') from unnest(frame_columns) c))
    using forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions, forms.resource_types, forms.resource_ids,
        forms.folded, forms.needles, forms.pattern, organizations, since, until, types, case when starts_with(partition_name, 'archive ') then substr(partition_name, 9) end,
        partition_name, in_text, forms.likes, array(select k from unnest(forms.folded) k where length(k) >= 3);
    get diagnostics found = row_count;
    return found;
end
$$;
comment on function pgtrail.find_subject(text, text[], timestamptz, timestamptz, boolean, boolean) is 'The events of a partition that have to do with a subject';
revoke all on function pgtrail.find_subject(text, text[], timestamptz, timestamptz, boolean, boolean) from public;

-- Text as identifiers are compared: in one Unicode normal form, in lower case, the same in every database: lower() knows what the locale of the
-- database knows, and in collation C nothing but ASCII. Latin, Greek and Cyrillic letters are folded here. Without SET and STRICT, so that it
-- becomes part of the statement: a call costs ten times as much.
create or replace function pgtrail.fold_text(value text) returns text
language sql immutable parallel safe
as $$
    -- ASCII is in every normal form already, and to find that out is much cheaper.
    select case when pg_catalog.octet_length(value) = pg_catalog.length(value) then pg_catalog.lower(value collate "C")
        else pg_catalog.translate(pg_catalog.lower(pg_catalog.normalize(value) collate "C"),
            'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽͰͲͶͿΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
            'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžͱͳͷϳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя') end
$$;
comment on function pgtrail.fold_text(text) is 'Text as identifiers are compared';
revoke all on function pgtrail.fold_text(text) from public;

-- Takes back the note that a partition could not be archived: it could, or nobody wants it any more. Whether there was one.
create or replace function pgtrail.forget_archive_failure(partition_name text, location text) returns boolean
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
begin
    delete from pgtrail.archive_failure f
    where f.partition_name = forget_archive_failure.partition_name and f.location = forget_archive_failure.location;
    return found;
end
$$;
comment on function pgtrail.forget_archive_failure(text, text) is 'Forgets that something could not be archived';
revoke all on function pgtrail.forget_archive_failure(text, text) from public;

-- Forgets whom pseudonyms stand for, with all that the log has of them: for an erasure, in its transaction and no other.
create or replace function pgtrail.forget_pseudonym(pseudonyms text[]) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    forgotten bigint;
begin
    if not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        raise exception using errcode = 'TR009', message = 'pseudonyms are forgotten within a redaction alone', hint = 'Nothing was changed.';
    end if;
    with gone as (delete from pgtrail.pseudonym p where p.pseudonym = any (pseudonyms) returning 1)
    select count(*) into forgotten from gone;
    return forgotten;
end
$$;
comment on function pgtrail.forget_pseudonym(text[]) is 'Forgets whom pseudonyms stand for';
revoke all on function pgtrail.forget_pseudonym(text[]) from public;

-- Takes away what the summaries say of an organization in these days, and has the days counted anew: called in the transaction that
-- removes or redacts events of that time. Days that have nothing in the summaries stay as they are.
create or replace function pgtrail.forget_summary(organization text, oldest timestamptz, newest timestamptz) returns void
language plpgsql volatile parallel unsafe
as $$
declare
    since constant date := (oldest at time zone 'UTC')::date;
    until constant date := (newest at time zone 'UTC')::date;
begin
    -- An old snapshot would not see what was counted since.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported',
            message = 'events are removed at the isolation level read committed', hint = 'Nothing was removed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -5);
    with gone_actors as (
        delete from pgtrail.summary_actor s
        where s.organization_id = organization and s.day between since and until
        returning s.day
    ), gone as (
        delete from pgtrail.summary s
        where s.organization_id = organization and s.day between since and until
        returning s.day
    )
    insert into pgtrail.summary_recount
    select organization, g.day, false from (select day from gone union select day from gone_actors) g
    on conflict (organization_id, day) do update set compares = false;
end
$$;
comment on function pgtrail.forget_summary(text, timestamptz, timestamptz) is 'Forgets days in the summaries';
revoke all on function pgtrail.forget_summary(text, timestamptz, timestamptz) from public;

-- A uuid of version 7 (RFC 9562): 48 bits of milliseconds, then random bits. PostgreSQL 18 has its own; 14 to 17 have not.
-- Called by the seal trigger and by imports.
create or replace function pgtrail.generate_id() returns uuid
language sql volatile parallel safe
as $$
    -- a random version 4 uuid with the time put over its first six bytes; two bits turn version 4 into 7
    select encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
        from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
comment on function pgtrail.generate_id() is 'A uuid of version 7';
revoke all on function pgtrail.generate_id() from public;

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

-- BEFORE UPDATE, DELETE or TRUNCATE, each statement, on every table that is evidence: refuses, unless this transaction already
-- holds an act that allows just this: the trigger's arguments are 'OPERATION kind'. Who asks does not matter: the owner and a
-- superuser are refused too. An act of a restored log may have the number of a transaction of this server, but not its time.
create or replace function pgtrail.guard() returns trigger
language plpgsql volatile security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if tg_nargs > 0 and exists (
        select from pgtrail.act a
        where a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now()
            and tg_op || ' ' || a.kind = any (tg_argv::text[])
    ) then
        return null;
    end if;
    -- Whoever redacts records it at the end, and cannot commit without.
    if tg_op = 'UPDATE' and 'UPDATE redact' = any (tg_argv::text[])
        and exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned())
    then
        return null;
    end if;
    raise exception using
        errcode = 'TR002',
        message = format('%I.%I is append-only: %s refused', tg_table_schema, tg_table_name, tg_op),
        hint = 'Nothing was changed. What leaves the trail leaves it by retention or erasure, which record it.';
end
$$;
comment on function pgtrail.guard() is 'Refuses to change evidence without an act';
revoke all on function pgtrail.guard() from public;

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

-- sha256 of a list of heads, in whatever order it is given: over the records of all lanes in the order of FORMAT.md.
create or replace function pgtrail.heads_digest(organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select sha256(coalesce(string_agg(
        record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash)), ''::bytea
        order by h.organization_id collate "C", h.lane), ''::bytea))
    from unnest(organizations, lanes, seqs, hashes) h (organization_id, lane, seq, hash)
$$;
comment on function pgtrail.heads_digest(text[], smallint[], bigint[], bytea[]) is 'Digest of a list of heads';
revoke all on function pgtrail.heads_digest(text[], smallint[], bigint[], bytea[]) from public;

-- How many events of a partition the holds name, whether they are in force or not, by organization and month; each event once. With
-- `free` only those that no hold in force holds. It counts, and tells nothing else of an event: an operator may ask too.
create or replace function pgtrail.held_events(partition_name text, holds bigint[], free boolean default false)
returns table (organization_id text, month text, events bigint)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
#variable_conflict use_column
declare
    partition record;
    named pgtrail.hold[];
    conditions text;
begin
    select p.* into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    select array_agg(h) into named from pgtrail.hold h
    -- Not of a hold that this transaction has placed: rolled back, it would have told of somebody and left no trace.
    where h.act_seq = any (holds) and not exists (select from pgtrail.act a
            where a.organization_id = 'pgtrail' and a.seq = h.act_seq and a.transaction_id = pg_current_xact_id_if_assigned())
        and (partition.is_default
        or (h.since is null or h.since < partition.until) and (h.until is null or h.until > partition.since));
    if named is null then
        return;
    end if;
    -- What a hold leaves out is left out of its condition, and left() is what the indexes are over: they find what it names.
    select string_agg(concat_ws(' and ', 'true',
        case when n.organization_id is not null then format('e.organization_id = ($1[%s]).organization_id', n.at) end,
        case when n.actor_id is not null
            then format('left(e.actor_id, 300) = left(($1[%1$s]).actor_id, 300) and e.actor_id = ($1[%1$s]).actor_id', n.at) end,
        case when n.resource_type is not null then format('left(e.resource_type, 100) = left(($1[%1$s]).resource_type, 100) '
            'and e.resource_type = ($1[%1$s]).resource_type', n.at) end,
        case when n.resource_id is not null then format('left(e.resource_id, 300) = left(($1[%1$s]).resource_id, 300) '
            'and e.resource_id = ($1[%1$s]).resource_id', n.at) end,
        case when n.correlation_id is not null then format('left(e.correlation_id, 300) = left(($1[%1$s]).correlation_id, 300) '
            'and e.correlation_id = ($1[%1$s]).correlation_id', n.at) end,
        case when n.event_type is not null then format('(e.event_type = ($1[%1$s]).event_type '
            'or starts_with(e.event_type, ($1[%1$s]).event_type || ''.''))', n.at) end,
        case when n.since is not null then format('e.occurred_at >= ($1[%s]).since', n.at) end,
        case when n.until is not null then format('e.occurred_at < ($1[%s]).until', n.at) end), ' or ' order by n.at)
    into conditions
    from unnest(named) with ordinality n (act_seq, case_id, organization_id, actor_id, resource_type, resource_id, correlation_id,
        event_type, since, until, expires_at, released_seq, at);
    return query execute format($q$
        select c.organization_id, case when not isfinite(c.month) then c.month::text
            else to_char(c.month at time zone 'UTC', 'YYYY-MM') || case when c.month < '0001-01-01Z' then ' BC' else '' end end, c.events
        from (
            select e.organization_id, date_trunc('month', e.occurred_at, 'UTC') as month, count(*) as events
            from only pgtrail.%I e where (%s) and %s group by 1, 2
        ) c order by c.organization_id, c.month $q$,
        partition_name, conditions, case when free then 'not ' || pgtrail.hold_condition() else 'true' end)
    using named;
end
$$;
comment on function pgtrail.held_events(text, bigint[], boolean) is 'How many events of a partition holds name';
revoke all on function pgtrail.held_events(text, bigint[], boolean) from public;

-- The condition that an event `e` is held, as text for statements that read events: written once, and run for many events at a time.
create or replace function pgtrail.hold_condition() returns text
language sql immutable parallel safe
as $$
    select 'exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and '
        || pgtrail.hold_fits() || ')'
$$;
comment on function pgtrail.hold_condition() is 'The condition that an event is held, as SQL';
revoke all on function pgtrail.hold_condition() from public;

-- The condition that a hold `h` names an event `e`, as text for statements that read events: the one place that says it. What a hold
-- leaves out fits any event; a column without a value fits nothing.
create or replace function pgtrail.hold_fits() returns text
language sql immutable parallel safe
as $$
    select '(h.organization_id is null or h.organization_id = e.organization_id) '
        'and (h.actor_id is null or h.actor_id = e.actor_id) '
        'and (h.resource_type is null or h.resource_type = e.resource_type) '
        'and (h.resource_id is null or h.resource_id = e.resource_id) '
        'and (h.correlation_id is null or h.correlation_id = e.correlation_id) '
        'and (h.event_type is null or h.event_type = e.event_type or starts_with(e.event_type, h.event_type || ''.'')) '
        'and (h.since is null or e.occurred_at >= h.since) and (h.until is null or e.occurred_at < h.until)'
$$;
comment on function pgtrail.hold_fits() is 'The condition that a hold names an event, as SQL';
revoke all on function pgtrail.hold_fits() from public;

-- SHA-256 over the holds in force at a time, for the act of a purge, which says by it what it had to keep. To be called under the lock of
-- the act chain, with the act's own `at`: then a replay of the acts before it comes to the same. Of each hold, in the order of act_seq, the
-- record ('pgtrail hold in force'::text, act_seq::bigint, digest::bytea), with the digest that the act `hold` which placed it has, made of the
-- row anew: of one that somebody altered it is another. Nothing stands between them. A hold is in force that was not released and does not expire at that time or before; without any, it is SHA-256 of no bytes.
create or replace function pgtrail.holds_in_force(at timestamptz) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select sha256(coalesce(string_agg(record_send(row('pgtrail hold in force'::text, h.act_seq, sha256(record_send(row('pgtrail hold'::text,
        h.case_id, h.organization_id, h.actor_id, h.resource_type, h.resource_id, h.correlation_id, h.event_type, h.since, h.until,
        h.expires_at))))), ''::bytea order by h.act_seq), ''::bytea))
    from pgtrail.hold h
    where h.released_seq is null and (h.expires_at is null or h.expires_at > holds_in_force.at)
$$;
comment on function pgtrail.holds_in_force(timestamptz) is 'SHA-256 over the holds in force at a time';
revoke all on function pgtrail.holds_in_force(timestamptz) from public;

-- The holds in force that hold one event, by the acts that placed them. `occurred_at` says in which partition it is.
create or replace function pgtrail.holds_on(organization text, lane int, seq bigint, occurred_at timestamptz) returns setof bigint
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    return query execute 'select h.act_seq from pgtrail.event e join pgtrail.hold h on h.released_seq is null '
        'and (h.expires_at is null or h.expires_at > now()) and ' || pgtrail.hold_fits()
        || ' where e.organization_id = $1 and e.lane = $2 and e.seq = $3 and e.occurred_at = $4 order by h.act_seq'
    using organization, lane, seq, occurred_at;
end
$$;
comment on function pgtrail.holds_on(text, int, bigint, timestamptz) is 'The holds on one event';
revoke all on function pgtrail.holds_on(text, int, bigint, timestamptz) from public;

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

-- Tells which records of pg_temp.pgtrail_stage cannot become events and why. Slow; called only when import_batch has refused the batch.
create or replace function pgtrail.import_check(format text, organization text default null)
returns table (rejected_position bigint, reason text)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
begin
    if not pgtrail.owns_stage() then
        return;
    end if;
    for rejected_position, reason in
        select s.position, pgtrail.explain_refusal(s.event, import_check.format, organization)
        from pg_temp.pgtrail_stage s
        order by s.position
    loop
        if reason is not null then
            return next;
        end if;
    end loop;
end
$$;
comment on function pgtrail.import_check(text, text) is 'Finds the staged records that cannot become events';
revoke all on function pgtrail.import_check(text, text) from public;

-- Records an import as an act, when its source has been read to the end: once for each position, and nothing for an empty source.
-- Only for the role that imports it. The name of a source may be a person's; the act, which stays for ever, has its sha256.
create or replace function pgtrail.import_finish(source text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    found_source pgtrail.import_source;
begin
    -- The lock lets a second call see what the first has recorded.
    select i.* into found_source
    from pgtrail.import_source i
    where i.source = import_finish.source and i.imported_by = session_user
    for update;
    if not found or found_source.position <= found_source.recorded_position then
        return null;
    end if;
    update pgtrail.import_source i
    set recorded_position = found_source.position
    where i.source = found_source.source;
    return pgtrail.record_act('import', jsonb_build_object(
        'source', case when found_source.source ~ '^[0-9a-f]{64}$' then found_source.source
            else encode(sha256(convert_to(found_source.source, 'UTF8')), 'hex') end,
        'format', found_source.format, 'position', found_source.position, 'events', found_source.events,
        'rejected', found_source.rejected));
end
$$;
comment on function pgtrail.import_finish(text) is 'Records a finished import';
revoke all on function pgtrail.import_finish(text) from public;

-- How many records of a source are done (0 for a new one), and the sha256 of the last, by which the same source is known again.
create or replace function pgtrail.import_position(source text, out record_position bigint, out last_record bytea)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select coalesce(max(i.position), 0), (array_agg(i.last_record))[1]
    from pgtrail.import_source i
    where i.source = import_position.source
$$;
comment on function pgtrail.import_position(text) is 'Records of a source that are done';
revoke all on function pgtrail.import_position(text) from public;

-- Makes the temporary table that an import fills by COPY: once a session, emptied at each commit.
-- It belongs to the owner of pgtrail, so that the importing role can add rows and nothing else. Records are text until import_batch
-- reads them: a COPY that fails could not say which of its records is no JSON.
create or replace function pgtrail.import_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if to_regclass('pg_temp.pgtrail_stage') is null then
        create temporary table pgtrail_stage (position bigint not null, event text not null) on commit delete rows;
        grant insert on pg_temp.pgtrail_stage to public;
    end if;
end
$$;
comment on function pgtrail.import_stage() is 'Temporary table for the next batch of an import';
revoke all on function pgtrail.import_stage() from public;

-- Acts that take something away or let it go: with the setting require-signed-acts they need a signature. The one list of them in SQL.
create or replace function pgtrail.is_destructive(kind text) returns boolean
language sql immutable parallel safe
as $$
    select kind in ('accept', 'setting', 'incarnation', 'purge', 'release', 'retention', 'remove_archive', 'redact')
$$;
comment on function pgtrail.is_destructive(text) is 'Whether acts of this kind can be required to be signed';
revoke all on function pgtrail.is_destructive(text) from public;

-- Attaches a table that build_partition has made, under the name that it and its indexes shall have; its check of the bounds spares the reading, and goes.
-- `bound` null: it takes the place of a detached partition, and keeps that check.
create or replace function pgtrail.join_partition(built text, partition_name text, bound text) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    index record;
begin
    if built <> partition_name then
        execute format('alter table pgtrail.%I rename to %I', built, partition_name);
        for index in
            select c.relname as name, partition_name || substr(c.relname, length(built) + 1) as wanted
            from pg_index x
            join pg_class c on c.oid = x.indexrelid
            where x.indrelid = format('pgtrail.%I', partition_name)::regclass and starts_with(c.relname, built || '_')
        loop
            if to_regclass(format('pgtrail.%I', index.wanted)) is null then
                execute format('alter index pgtrail.%I rename to %I', index.name, index.wanted);
            end if;
        end loop;
    end if;
    if bound is null then
        return;
    end if;
    execute format('alter table pgtrail.event attach partition pgtrail.%I %s', partition_name, bound);
    execute format('alter table pgtrail.%I drop constraint pgtrail_bounds', partition_name);
end
$$;
comment on function pgtrail.join_partition(text, text, text) is 'Attaches a table that was built';
revoke all on function pgtrail.join_partition(text, text, text) from public;

-- Whether a document has a place as json_places tells it, and nothing above it was replaced.
create or replace function pgtrail.json_has_place(document jsonb, place text) returns boolean
language plpgsql immutable parallel safe
as $$
declare
    step text;
    here jsonb := document;
begin
    foreach step in array string_to_array(place, '.') loop
        here := case jsonb_typeof(here)
            when 'object' then (select m.value from jsonb_each(here) with ordinality m (key, value, n) where m.n = step::bigint + 1)
            when 'array' then here->step::int end;
        if here is null then
            return false;
        end if;
    end loop;
    return true;
end
$$;
comment on function pgtrail.json_has_place(jsonb, text) is 'Whether a document has a place';
revoke all on function pgtrail.json_has_place(jsonb, text) from public;

-- Where a document has something of a subject: places as the numbers of members and elements from 0, apart by a dot, '' being the document
-- itself. Strings that mention an identifier; numbers that are one, where a rule says so or they are long enough to be no other; where a member's name does, the object that has it, because its name
-- would stay. `ruled`: the rest of the rules' paths; what stands at their end goes too, whatever it says, if `whole`, and `hit` tells that an
-- identifier stood there. `own`: what else of him is to be found, anywhere in a text. `sums`: strings that may be made from what goes, by the names of their members. A place may stand below another.
-- One statement without SET, so that it becomes part of the one that calls it: a call of its own for each document costs ten times as much.
create or replace function pgtrail.json_places(document jsonb, folded text[], likes text[], pattern text, ruled jsonb default null, whole boolean default false,
    own text[] default null)
returns table (places text[], sums text[], hit boolean)
language sql immutable parallel safe
as $$
    with recursive walk (parent, place, key, value, kind, ruled, depth) as (
        select ''::text, ''::text, null::text, document, jsonb_typeof(document), ruled, 0
        union all
        select w.place, case when w.place = '' then '' else w.place || '.' end || m.n, m.key, m.value, jsonb_typeof(m.value),
            case when w.ruled is not null then (
                select jsonb_agg(r.path - 0) from jsonb_array_elements(w.ruled) r (path) where r.path->>0 in ('*', coalesce(m.key, m.n::text))) end,
            w.depth + 1
        from walk w, lateral (
            select o.key, o.value, o.n - 1 as n from jsonb_each(case when w.kind = 'object' then w.value end) with ordinality o (key, value, n)
            union all
            select null, a.value, a.n - 1 from jsonb_array_elements(case when w.kind = 'array' then w.value end) with ordinality a (value, n)
        ) m
        -- Deeper it is looked at as one text.
        where w.kind in ('object', 'array') and w.depth < 64
    ), said as (
        select w.*, pgtrail.fold_text(w.key) as name, w.ruled is not null and exists (select from jsonb_array_elements(w.ruled) r (path) where r.path = '[]') as ends,
            case when w.kind in ('string', 'number') or w.depth = 64 then pgtrail.fold_text(w.value #>> '{}') end as words
        from walk w
        offset 0
    ), judged as (
        select s.*, coalesce(s.name = any (folded) or s.name like any (likes) and s.name ~ pattern or s.name like any (own), false) as is_named,
            coalesce(s.words = any (folded) and (s.kind <> 'number' or s.ends or length(s.words) >= 5)
                or s.kind <> 'number' and (s.words like any (likes) and s.words ~ pattern or s.words like any (own)), false) as is_hit
        from said s
        offset 0
    )
    select coalesce(array_agg(case when j.is_named then j.parent else j.place end)
            filter (where j.is_named or j.is_hit or j.ends and whole and j.kind <> 'null' and j.value not in ('"[erased]"', '{}', '[]')), '{}'),
        coalesce(array_agg(j.place) filter (where j.kind = 'string' and not j.is_hit and j.value <> '"[erased]"'
            and j.key in ('hash', 'previous_hash', 'checksum', 'digest', 'hmac', 'signature')), '{}'),
        coalesce(bool_or(j.is_hit and j.ends or j.is_named and j.ends), false)
    from judged j
$$;
comment on function pgtrail.json_places(jsonb, text[], text[], text, jsonb, boolean, text[]) is 'Where a document has something of a subject';
revoke all on function pgtrail.json_places(jsonb, text[], text[], text, jsonb, boolean, text[]) from public;

-- A document with other values at places as json_places tells them: a pseudonym where an identifier stood by itself, else the marker.
create or replace function pgtrail.json_replace(document jsonb, places text[], folded text[], pseudonym text) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    place text;
    step text;
    here jsonb;
    way text[];
begin
    if cardinality(places) > 4 then
        -- One walk: to set each by itself would write the document as often as it has places.
        if '' = any (places) then
            return to_jsonb(case when pseudonym is not null and jsonb_typeof(document) in ('string', 'number')
                and pgtrail.fold_text(document #>> '{}') = any (folded) then pseudonym else '[erased]' end);
        elsif jsonb_typeof(document) in ('object', 'array') then
            select case when jsonb_typeof(document) = 'object' then jsonb_object_agg(m.key, v.value) else jsonb_agg(v.value order by m.n) end into here
            from (
                select o.key, o.value, o.n from jsonb_each(case when jsonb_typeof(document) = 'object' then document end) with ordinality o (key, value, n)
                union all
                select null, a.value, a.n from jsonb_array_elements(case when jsonb_typeof(document) = 'array' then document end) with ordinality a (value, n)
            ) m
            left join (
                select split_part(p, '.', 1)::bigint + 1 as n, array_agg(substr(p, length(split_part(p, '.', 1)) + 2)) as places from unnest(places) p group by 1
            ) p on p.n = m.n,
                lateral (select case when p.places is null then m.value
                    when '' = any (p.places) then to_jsonb(case when pseudonym is not null and jsonb_typeof(m.value) in ('string', 'number')
                        and pgtrail.fold_text(m.value #>> '{}') = any (folded) then pseudonym else '[erased]' end)
                    else pgtrail.json_replace(m.value, p.places, folded, pseudonym) end as value) v;
            return here;
        end if;
        return document;
    end if;
    foreach place in array coalesce(places, '{}') loop
        here := document;
        way := '{}';
        foreach step in array string_to_array(place, '.') loop
            if jsonb_typeof(here) = 'object' then
                way := way || (select k.name from jsonb_object_keys(here) with ordinality k (name, n) where k.n = step::int + 1);
            elsif jsonb_typeof(here) = 'array' then
                way := way || step;
            else
                way := null;
            end if;
            here := here #> way[cardinality(way):];
            -- A place that is not there any more: something above it was replaced.
            exit when here is null;
        end loop;
        if here is not null then
            here := to_jsonb(case when pseudonym is not null and jsonb_typeof(here) in ('string', 'number')
                and pgtrail.fold_text(here #>> '{}') = any (folded) then pseudonym else '[erased]' end);
            document := case when way = '{}' then here else jsonb_set(document, way, here, false) end;
        end if;
    end loop;
    return document;
end
$$;
comment on function pgtrail.json_replace(jsonb, text[], text[], text) is 'A document with other values at places';
revoke all on function pgtrail.json_replace(jsonb, text[], text[], text) from public;

-- Where the events of a partition stand that came after these heads were read: of each lane those beyond its head. Whoever appends has
-- the lane to himself until he commits, so whatever was not to be seen then is beyond the head that was.
create or replace function pgtrail.late_events(partition regclass, organizations text[], lanes smallint[], seqs bigint[])
returns table (place tid)
language plpgsql volatile parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    return query execute format($q$
        select e.ctid
        from pgtrail.newest_heads() n
        left join unnest($1, $2, $3) h (organization_id, lane, seq) on h.organization_id = n.organization_id and h.lane = n.lane,
            lateral (
                select e.ctid from only %s e
                where e.organization_id = n.organization_id and e.lane = n.lane and e.seq > coalesce(h.seq, 0)
                offset 0
            ) e
        where n.seq > coalesce(h.seq, 0) $q$, partition)
    using organizations, lanes, seqs;
end
$$;
comment on function pgtrail.late_events(regclass, text[], smallint[], bigint[]) is 'Events of a partition that came after a reading';
revoke all on function pgtrail.late_events(regclass, text[], smallint[], bigint[]) from public;

-- Why a law keeps an event `e`, or null, as text for statements that read many: a floor for one of its tags whose time is not over, or a rule of
-- kind `keep`.
create or replace function pgtrail.law_condition() returns text
language plpgsql stable parallel unsafe
as $$
begin
    return format('coalesce(%s, %s)',
        case when exists (select from pgtrail.retention_rule r where r.kind = 'floor' and r.counts_until > now())
            then '(select ''floor '' || r.name from pgtrail.retention_rule r where r.kind = ''floor'' and r.counts_from <= now() and r.counts_until > now() '
                'and r.compliance_tag = any (e.compliance_tags) and e.occurred_at + r.keep_days * interval ''24 hours'' > now() '
                'order by r.keep_days desc, r.name limit 1)' else 'null::text' end,
        case when exists (select from pgtrail.subject_rule r where r.kind = 'keep' and r.ended_seq is null)
            then '(select ''rule '' || r.act_seq from pgtrail.subject_rule r where r.kind = ''keep'' and r.ended_seq is null '
                'and (r.event_type is null or r.event_type = e.event_type or starts_with(e.event_type, r.event_type || ''.'')) '
                'and (r.data_classification is null or r.data_classification = e.data_classification) '
                'and (r.compliance_tag is null or r.compliance_tag = any (e.compliance_tags)) order by r.act_seq limit 1)' else 'null::text' end);
end
$$;
comment on function pgtrail.law_condition() is 'Why a law keeps an event, as SQL';
revoke all on function pgtrail.law_condition() from public;

-- Takes the act chain's lock, and locks pgtrail.event and some of its partitions against everybody, for the rest of the transaction: waits a
-- tenth of a second for them, gives way to who writes or acts, and tries again after a while, until `patience` is over. Then it says who
-- holds them. Whoever gives way holds none of these locks while he does. `forgets`: the summaries are forgotten after: who counts them reads
-- events under their lock, so that it must be taken before the partitions are.
create or replace function pgtrail.lock_partitions(partitions regclass[], patience interval, forgets boolean default false) returns void
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    deadline constant timestamptz := clock_timestamp() + patience;
    before constant text := current_setting('lock_timeout');
    pause float8 := 0.05;
    partition regclass;
    holders text;
begin
    loop
        begin
            set local lock_timeout = '100ms';
            perform pg_advisory_xact_lock(1885828210, -1);
            if forgets then
                perform pg_advisory_xact_lock(1885828210, -5);
            end if;
            lock table only pgtrail.event in access exclusive mode;
            -- From here on none comes and none goes.
            if exists (select from unnest(partitions) p where not exists (select from pg_class c where c.oid = p)) then
                raise exception using errcode = 'serialization_failure', message = 'a partition was replaced meanwhile',
                    hint = 'Nothing was changed. Run it again.';
            end if;
            foreach partition in array partitions loop
                execute format('lock table only %s in access exclusive mode', partition);
            end loop;
            perform set_config('lock_timeout', before, true);
            return;
        exception when lock_not_available or deadlock_detected then
            null;
        end;
        -- An interrupted wait leaves no trace of who was waited for: they are asked for where they still stand in the way.
        if clock_timestamp() >= deadline then
            -- Those that have been at it for the longest come first; a prepared transaction has no process.
            select string_agg(h.holder, '; ' order by h.began) into holders
            from (
                select min(coalesce(a.xact_start, x.prepared)) as began,
                    case when l.pid is null then format('prepared transaction %s', x.gid)
                        else format('process %s (%s)', l.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''))) end as holder
                from pg_locks l
                left join pg_stat_activity a using (pid)
                left join pg_locks t on l.pid is null and t.pid is null and t.locktype = 'transactionid' and t.virtualtransaction = l.virtualtransaction
                left join pg_prepared_xacts x on x.transaction = t.transactionid
                where l.granted and l.pid is distinct from pg_backend_pid()
                    and l.database = (select d.oid from pg_database d where d.datname = current_database())
                    and (l.locktype = 'relation' and (l.relation = 'pgtrail.event'::regclass or l.relation = any (partitions))
                        -- The second keys -1 and -5, as an oid shows them.
                        or l.locktype = 'advisory' and l.classid = 1885828210 and l.objsubid = 2
                            and (l.objid = 4294967295 or forgets and l.objid = 4294967291))
                group by 2
                order by 1
                limit 5
            ) h;
            raise exception using errcode = 'lock_not_available',
                message = format('the partitions could not be locked within %s s, held by: %s', round(extract(epoch from patience)::numeric, 1),
                    coalesce(holders, 'nobody any more')),
                hint = 'Nothing was changed. Run it again, with more --patience, or when they are done.';
        end if;
        perform pg_sleep(least(pause, extract(epoch from deadline - clock_timestamp())) * (0.5 + random() / 2));
        pause := least(pause * 2, 2);
    end loop;
end
$$;
comment on function pgtrail.lock_partitions(regclass[], interval, boolean) is 'Locks partitions with patience';
revoke all on function pgtrail.lock_partitions(regclass[], interval, boolean) from public;

-- One run at a time changes the summaries; a second is told so and does not wait. The other lock is held for one transaction alone:
-- pgtrail.forget_summary waits for it, so that what a purge takes away is either counted before and forgotten, or not counted.
create or replace function pgtrail.lock_summary() returns void
language plpgsql volatile parallel unsafe
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported',
            message = 'summaries are made at the isolation level read committed', hint = 'Nothing was changed.';
    elsif not pg_try_advisory_xact_lock(1885828210, -4) then
        raise exception using errcode = 'TR015', message = 'another run makes the summaries of this log',
            hint = 'Nothing was changed; it counts what this run would have counted.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -5);
end
$$;
comment on function pgtrail.lock_summary() is 'Begins a change of the summaries';
revoke all on function pgtrail.lock_summary() from public;

-- What stands at places of the chains, in whatever partition, attached or not: the hash of each event there, or with `after` the one
-- that it has before it. Beside the ends of a lane stand its genesis, and its newest head. All places in one statement: of few it looks each
-- up, and of many it reads the partitions once; which, the planner decides, who knows how many they are. Stable: it sees what whoever
-- calls it sees. `l` numbers the lanes as the caller does.
create or replace function pgtrail.neighbours(organizations text[], lanes smallint[], seqs bigint[], afters boolean[], ls bigint[])
returns table (l bigint, seq bigint, after boolean, hash bytea)
language plpgsql stable parallel restricted
set search_path = pg_catalog, pg_temp
set random_page_cost = 1.1
as $$
begin
    return query execute format($q$
        with edge as (
            select w.* from unnest($1, $2, $3, $4, $5) w (organization_id, lane, seq, after, l)
        )
        select w.l, w.seq, w.after, h.hash
        from edge w
        join pgtrail.chain_head h on h.organization_id = w.organization_id and h.lane = w.lane and h.seq = case when w.after then w.seq - 1 else 0 end
        where case when w.after then not exists (
                select from pgtrail.chain_head n where n.organization_id = h.organization_id and n.lane = h.lane and n.seq > h.seq)
            else w.seq = 0 end
        union all
        select w.l, w.seq, w.after, case when w.after then e.previous_hash else e.hash end
        from edge w
        join (select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash from pgtrail.event e%s) e
            on e.organization_id = w.organization_id and e.lane = w.lane and e.seq = w.seq $q$,
        (select string_agg(format(' union all select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash from only pgtrail.%I e', d.name), '')
            from pgtrail.detached_partition d))
    using organizations, lanes, seqs, afters, ls;
end
$$;
comment on function pgtrail.neighbours(text[], smallint[], bigint[], boolean[], bigint[]) is 'What stands at places of the chains';
revoke all on function pgtrail.neighbours(text[], smallint[], bigint[], boolean[], bigint[]) from public;

-- The newest head of each lane: from lane to lane in the index, because each has up to 128 heads.
create or replace function pgtrail.newest_heads() returns table (organization_id text, lane smallint, seq bigint)
language sql stable parallel safe
as $$
    with recursive place as (
        (select h.organization_id, h.lane from pgtrail.chain_head h order by h.organization_id, h.lane limit 1)
        union all
        select n.organization_id, n.lane
        from place p, lateral (
            select h.organization_id, h.lane from pgtrail.chain_head h
            where (h.organization_id, h.lane) > (p.organization_id, p.lane)
            order by h.organization_id, h.lane limit 1
        ) n
    )
    select p.organization_id, p.lane,
        (select max(h.seq) from pgtrail.chain_head h where h.organization_id = p.organization_id and h.lane = p.lane)
    from place p
$$;
comment on function pgtrail.newest_heads() is 'The newest head of each lane';
revoke all on function pgtrail.newest_heads() from public;

-- Notes that a partition could not be archived, and why; how often by now. No evidence.
create or replace function pgtrail.note_archive_failure(partition_name text, location text, reason text, original jsonb) returns int
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    failed int;
begin
    if coalesce(note_archive_failure.partition_name, '') = '' or length(note_archive_failure.partition_name) > 200
        or coalesce(note_archive_failure.location, '') = '' or length(note_archive_failure.location) > 2000
        or note_archive_failure.reason is null or (jsonb_typeof(note_archive_failure.original) = 'object') is not true
        or pg_column_size(note_archive_failure.original) > 65536
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was noted.',
            message = 'what could not be archived is noted with its partition, where it was to go, why it did not, and what was asked for';
    end if;
    insert into pgtrail.archive_failure as f (partition_name, location, reason, original)
    values (note_archive_failure.partition_name, note_archive_failure.location, left(note_archive_failure.reason, 2000), note_archive_failure.original)
    on conflict on constraint archive_failure_pkey do update
    set reason = excluded.reason, original = excluded.original, failure_count = f.failure_count + 1, last_failed_at = clock_timestamp()
    returning f.failure_count into failed;
    return failed;
end
$$;
comment on function pgtrail.note_archive_failure(text, text, text, jsonb) is 'Notes what could not be archived';
revoke all on function pgtrail.note_archive_failure(text, text, text, jsonb) from public;

-- Notes in the register that an act answers a request, and who had the subject's events and must be told (Article 19): exports, archives,
-- backups, by their names. Does nothing without a request.
create or replace function pgtrail.note_request_act(request text, act bigint, recipients jsonb default '[]') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
begin
    if request is null then
        return;
    end if;
    if jsonb_typeof(recipients) is distinct from 'array' or pg_column_size(recipients) > 10000000 then
        raise exception using errcode = 'TR009', message = 'recipients are a list, of ten megabytes at most', hint = 'Nothing was changed.';
    elsif act is not null and not exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = act and a.kind in ('redact', 'export', 'restrict', 'unrestrict', 'reveal', 'privacy_key')
    ) then
        raise exception using errcode = 'TR009', message = format('act %s answers no request', act), hint = 'Nothing was changed.';
    end if;
    update pgtrail.subject_request r
    set acts = case when act is null or act = any (r.acts) then r.acts else r.acts || act end,
        recipients = r.recipients || coalesce((select jsonb_agg(n.value order by n.at)
            from jsonb_array_elements(note_request_act.recipients) with ordinality n (value, at)
            where not r.recipients @> jsonb_build_array(n.value)), '[]')
    where r.request_id = request;
    if not found then
        raise exception using errcode = 'TR009', message = format('there is no request %s', to_json(left(request, 64))),
            hint = 'Nothing was changed. pgtrail gdpr request list';
    end if;
end
$$;
comment on function pgtrail.note_request_act(text, bigint, jsonb) is 'Notes that an act answers a request';
revoke all on function pgtrail.note_request_act(text, bigint, jsonb) from public;

-- Counts that a file in the database was read; no evidence.
create or replace function pgtrail.note_retrieved(id text) returns void
language sql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    update pgtrail.archive_storage s set retrieved_count = s.retrieved_count + 1, last_retrieved_at = clock_timestamp()
    where s.id = note_retrieved.id
$$;
comment on function pgtrail.note_retrieved(text) is 'Counts that a stored file was read';
revoke all on function pgtrail.note_retrieved(text) from public;

-- Opens the next incarnation of the log, after a restore, a point-in-time recovery, a failover or a copy, and records what was lost:
-- the lanes of a checkpoint (organizations, lanes, lost_seqs, hashes) that the log no longer has. The act has their digest, and the
-- checkpoint's note with its signatures: whether they are good the database cannot tell, verify does with the public keys.
create or replace function pgtrail.open_incarnation(
    reason text, checkpoint text, organizations text[], lanes smallint[], lost_seqs bigint[], hashes bytea[],
    checkpoint_time timestamptz
) returns table (number int, log_id uuid, seq bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    lanes_lost constant int := cardinality(organizations);
    hash_form constant text := '[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=';
    -- The text of the note, line by line: origin, events, digest, lanes, act, time.
    lines constant text[] := string_to_array(checkpoint, E'\n');
    opened pgtrail.incarnation;
    lost pgtrail.loss[];
    digest bytea;
    origin uuid;
    odd text;
begin
    if open_incarnation.reason is null or open_incarnation.reason not in ('restore', 'pitr', 'failover', 'copy') then
        odd := 'an incarnation is opened for restore, pitr, failover or copy';
    elsif octet_length(open_incarnation.checkpoint) > 65536 or (open_incarnation.checkpoint ~ concat(
        '^pgtrail/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[1-9][0-9]{0,8}\n(?:0|[1-9][0-9]{0,38})\n', hash_form,
        '\nlanes (?:0|[1-9][0-9]{0,38})\nact [1-9][0-9]{0,17} ', hash_form,
        '\ntime [0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\n\n(?:\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$'
    )) is not true then
        odd := 'an incarnation needs the signed note of a checkpoint';
    elsif isfinite(checkpoint_time) is not true then
        odd := 'an incarnation needs the time of the checkpoint';
    elsif checkpoint_time < timestamptz '0001-01-01 00:00:00+00'
        or lines[6] <> to_char(checkpoint_time at time zone 'UTC', '"time "YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    then
        odd := 'the time is not that of the checkpoint';
    elsif lanes_lost is null or cardinality(lanes) is distinct from lanes_lost
        or cardinality(lost_seqs) is distinct from lanes_lost or cardinality(hashes) is distinct from lanes_lost
    then
        odd := 'the four lists of what was lost differ in length';
    elsif exists (
        select from unnest(organizations, lanes, lost_seqs, hashes) g (organization_id, lane, lost_seq, hash)
        where g.organization_id is null or g.lane is null or not coalesce(g.lost_seq between 1 and 9007199254740992, false)
            or octet_length(g.hash) is distinct from 32
    ) or exists (
        select from unnest(organizations, lanes) g (organization_id, lane)
        group by g.organization_id, g.lane having count(*) > 1
    ) then
        odd := 'what was lost is not a list of heads: a lane stands twice, or a value is missing';
    elsif lanes_lost > substr(lines[4], 7)::numeric
        or (select sum(g.lost_seq) from unnest(lost_seqs) g (lost_seq)) > lines[2]::numeric
    then
        odd := 'more is lost than the checkpoint has';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    origin := split_part(lines[1], '/', 2)::uuid;
    if not exists (select from pgtrail.incarnation i where i.log_id = origin) then
        odd := format('the checkpoint is of another log, %s', origin);
    elsif split_part(lines[1], '/', 3)::int > (select l.incarnation from pgtrail.log l) + 1000 then
        odd := 'the incarnation of the checkpoint is far beyond that of the log';
    -- The act came after all that the checkpoint has: a log that was set back to before a part of it has lost the act first.
    elsif lanes_lost > 0 and exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = split_part(lines[5], ' ', 2)::bigint
            and a.hash = decode(split_part(lines[5], ' ', 3), 'base64')
    ) then
        odd := 'the act of that checkpoint is still there: the log was not set back';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd,
            hint = 'Nothing was changed; pgtrail verify --checkpoint tells what is missing.';
    end if;
    -- After the checkpoint's as well: an incarnation that was lost itself, with its act, must not share its number with another.
    select greatest(l.incarnation, split_part(lines[1], '/', 3)::int) + 1,
        case when open_incarnation.reason = 'copy' then gen_random_uuid() else l.log_id end
    into opened.number, opened.log_id
    from pgtrail.log l;
    select array_agg(row(opened.number, g.organization_id, g.lane, greatest(k.seq, p.seq, 0), g.lost_seq, g.hash)::pgtrail.loss
        order by g.organization_id collate "C", g.lane)
    into lost
    from unnest(organizations, lanes, lost_seqs, hashes) g (organization_id, lane, lost_seq, hash)
        left join lateral (
            select e.seq from pgtrail.event e
            where e.organization_id = g.organization_id and e.lane = g.lane and e.recorded_at <= checkpoint_time
            order by e.seq desc
            limit 1
        ) k on true
        -- What was purged was not lost.
        left join lateral (
            select max(b.last) as seq from pgtrail.purge_bounds(g.organization_id, g.lane) b where b.last < g.lost_seq
        ) p on true;
    -- Of a lane that goes on after the checkpoint's event with events of that time nothing was lost: it is whole, or was rewritten.
    select format('%s/%s', left(to_json(t.organization_id)::text, 200), t.lane) into odd
    from unnest(lost) t
    where t.kept_seq >= t.lost_seq
    limit 1;
    if odd is not null then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail verify --checkpoint tells more.',
            message = format('lane %s has lost nothing: it has events of the time of the checkpoint up to the one that would be lost',
                odd);
    end if;
    select sha256(coalesce(string_agg(
        record_send(row('pgtrail loss'::text, t.organization_id, t.lane, t.kept_seq, t.lost_seq, t.hash)), ''::bytea
        order by t.organization_id collate "C", t.lane), ''::bytea))
    into digest
    from unnest(lost) t;
    opened.reason := open_incarnation.reason;
    opened.checkpoint := open_incarnation.checkpoint;
    opened.act_seq := pgtrail.record_act('incarnation', jsonb_build_object('number', opened.number, 'reason', opened.reason,
        'log_id', opened.log_id, 'checkpoint', opened.checkpoint, 'lanes', lanes_lost), digest);
    select a.recorded_at into opened.opened_at from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = opened.act_seq;
    update pgtrail.log set incarnation = opened.number, log_id = opened.log_id;
    insert into pgtrail.incarnation select opened.*;
    insert into pgtrail.loss select t.* from unnest(lost) t;
    return query select opened.number, opened.log_id, opened.act_seq;
end
$$;
comment on function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz) is
    'Opens the next incarnation of the log';
revoke all on function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz) from public;

-- Writes the head of seq 0 of a new lane, which is never pruned, and returns its hash, the genesis hash.
create or replace function pgtrail.open_lane(organization text, lane smallint) returns bytea
language sql volatile parallel unsafe
as $$
    insert into pgtrail.chain_head
    select organization, lane, 0, sha256(record_send(row('pgtrail genesis'::text, l.log_id, organization, lane)))
    from pgtrail.log l
    returning hash
$$;
comment on function pgtrail.open_lane(text, smallint) is 'Genesis head of a new lane';
revoke all on function pgtrail.open_lane(text, smallint) from public;

-- Whether pg_temp.pgtrail_stage is the table that import_stage made. A table or view of the caller would run his code as the owner.
create or replace function pgtrail.owns_stage() returns boolean
language sql stable parallel restricted
as $$
    select exists (
        select from pg_catalog.pg_class c
        where c.oid = pg_catalog.to_regclass('pg_temp.pgtrail_stage') and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user))
$$;
comment on function pgtrail.owns_stage() is 'Whether the stage is the one that import_stage made';
revoke all on function pgtrail.owns_stage() from public;

-- An address that stands in a record as text, or null where it is none or would not be written the same again (a service name, a
-- leading zero, an IPv6 address in capitals): what is moved into a column must be the same when it is read back.
create or replace function pgtrail.parse_address(address text) returns inet
language plpgsql immutable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if address !~ '^[0-9a-f.:]{2,45}$' or address !~ '[.:]' then
        return null;
    end if;
    return case when host(address::inet) = address then address::inet end;
exception when data_exception then
    return null;
end
$$;
comment on function pgtrail.parse_address(text) is 'An address, where the text is one';
revoke all on function pgtrail.parse_address(text) from public;

-- The partition that an event of this time belongs into, by the setting partition-interval (month where nobody set it). Boundaries are UTC.
create or replace function pgtrail.partition_range(at timestamptz, out name text, out since timestamptz, out until timestamptz)
language plpgsql stable strict parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    unit constant text := coalesce((select s.value from pgtrail.setting s where s.name = 'partition-interval'), 'month');
begin
    since := date_trunc(unit, at);
    until := since + case unit when 'quarter' then interval '3 months' else ('1 ' || unit)::interval end;
    name := 'event_' || to_char(since, case unit
        when 'week' then 'IYYY"_w"IW' when 'month' then 'YYYY_MM' when 'quarter' then 'YYYY"_q"Q' else 'YYYY' end);
end
$$;
comment on function pgtrail.partition_range(timestamptz) is 'The partition for a time';
revoke all on function pgtrail.partition_range(timestamptz) from public;

-- All partitions with their bounds, also those that were detached. Of DEFAULT, and where a bound is open, infinity. The bounds are written
-- without the name of the table, which would wait for whoever has locked it.
create or replace function pgtrail.partitions()
returns table (name text, oid oid, since timestamptz, until timestamptz, is_default boolean, attached boolean)
language sql stable parallel restricted
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
    select b.name, b.oid,
        coalesce(nullif(btrim(b.bound[1], ''''), 'MINVALUE'), '-infinity')::timestamptz,
        coalesce(nullif(btrim(b.bound[2], ''''), 'MAXVALUE'), 'infinity')::timestamptz,
        b.is_default, true
    from (
        select c.relname::text as name, c.oid, pg_get_expr(c.relpartbound, 0) = 'DEFAULT' as is_default,
            regexp_match(pg_get_expr(c.relpartbound, 0), '^FOR VALUES FROM [(](.*)[)] TO [(](.*)[)]$') as bound
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'pgtrail.event'::regclass
    ) b
    union all
    select d.name, c.oid, d.since, d.until, false, false
    from pgtrail.detached_partition d
    join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
$$;
comment on function pgtrail.partitions() is 'All partitions and their bounds';
revoke all on function pgtrail.partitions() from public;

-- Of what the plan says is held: the cases of the holds, and how many of these events each holds. Partition by partition, as they were found.
create or replace function pgtrail.plan_cases() returns table (case_id text, events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
declare
    partition text;
begin
    perform pgtrail.check_subject_stage();
    for partition in
        select distinct coalesce(p.partition_name, 'archive ' || p.archive) from pg_temp.pgtrail_plan p where p.held
    loop
        return query execute format('select h.case_id::text, count(distinct e.ctid) from pg_temp.pgtrail_plan p join only %s e on e.ctid = p.place '
            'join pgtrail.hold h on h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and %s '
            'where p.held and coalesce(p.partition_name, ''archive '' || p.archive) = $1 group by 1',
            pgtrail.subject_relation(partition), pgtrail.hold_fits())
        using partition;
    end loop;
end
$$;
comment on function pgtrail.plan_cases() is 'The cases that hold what a plan found';
revoke all on function pgtrail.plan_cases() from public;

-- The keys of pseudonyms, oldest first: how many pseudonyms each made, and for how many the log still has whom they stand for.
create or replace function pgtrail.privacy_keys()
returns table (key_id text, state text, created_at timestamptz, check_value bytea, pseudonyms bigint, originals bigint)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select k.key_id, k.state, k.created_at, k.check_value, coalesce(p.pseudonyms, 0), coalesce(p.originals, 0)
    from pgtrail.privacy_key k
    left join (
        select p.key_id, count(*) as pseudonyms, count(p.original) as originals from pgtrail.pseudonym p group by p.key_id
    ) p on p.key_id = k.key_id
    order by k.created_at, k.key_id
$$;
comment on function pgtrail.privacy_keys() is 'The keys of pseudonyms';
revoke all on function pgtrail.privacy_keys() from public;

-- The ranges of places that purges have removed from a lane and that no restore brought back, each with the hash before its first event and
-- that of its last.
create or replace function pgtrail.purge_bounds(organization text, lane smallint)
returns table (first bigint, last bigint, before bytea, hash bytea)
language sql stable parallel safe
as $$
    select lower(r.range), upper(r.range) - 1,
        substr(p.hashes, (r.n * 64 - 63)::int, 32), substr(p.hashes, (r.n * 64 - 31)::int, 32)
    from pgtrail.purge p, unnest(p.ranges) with ordinality r (range, n)
    where p.organization_id = purge_bounds.organization and p.lane = purge_bounds.lane and p.restored_seq is null
$$;
comment on function pgtrail.purge_bounds(text, smallint) is 'What purges have removed from a lane';
revoke all on function pgtrail.purge_bounds(text, smallint) from public;

-- Which events of a partition a purge is about, as text for statements that read them as `e`: `joins` tells of each which kind of events it is
-- (p.n, from 1, as in the arrays), and how long that is kept; `over` is the condition that its time has come, `entered` when it came
-- into the log, `settled` that this is long enough ago.
-- `archive`: what is due for an archive, by its policy, and not past what it is kept for; or what occurred from `since` and before `until`.
create or replace function pgtrail.purge_condition(
    partition regclass, organization text, everything boolean, archive jsonb, at timestamptz, grace_began timestamptz,
    out joins text, out over text, out entered text, out settled text, out organizations text[], out classifications text[],
    out types text[], out classes text[], out tags text[], out policies text[], out rules bigint[], out floors text[], out keeps int[],
    out archive_afters int[]
)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    due constant boolean := coalesce((archive->>'due')::boolean, true);
    cutoffs timestamptz[];
    archive_cutoffs timestamptz[];
begin
    over := 'true';
    entered := 'e.recorded_at';
    settled := 'true';
    joins := 'left join (select null::bigint as n) p on false';
    if everything then
        return;
    end if;
    execute format($q$
        select array_agg(k.organization_id), array_agg(k.classification), array_agg(k.event_type), array_agg(k.class),
            array_agg(coalesce(k.tags::text, '')), array_agg($1 - r.keep_days * interval '24 hours'),
            array_agg($1 - r.archive_after_days * interval '24 hours'), array_agg(r.policy), array_agg(r.rule_seq), array_agg(r.floor),
            array_agg(r.keep_days), array_agg(r.archive_after_days)
        from (
            select e.organization_id, coalesce(e.data_classification, '') as classification, e.event_type, e.retention_policy as class,
                e.compliance_tags as tags
            from only %s e
            where $2 is null or e.organization_id = $2
            group by 1, 2, 3, 4, 5
        ) k,
            lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class, k.tags, $1) r $q$, partition)
    into organizations, classifications, types, classes, tags, cutoffs, archive_cutoffs, policies, rules, floors, keeps, archive_afters
    using at, organization;
    joins := format('left join unnest(%L::text[], %L::text[], %L::text[], %L::text[], %L::text[], %L::timestamptz[], %L::timestamptz[]) '
        'with ordinality p (organization_id, classification, event_type, class, tags, cutoff, archive_cutoff, n) '
        'on p.organization_id = e.organization_id and p.event_type = e.event_type and p.class = e.retention_policy '
        'and p.classification = coalesce(e.data_classification, '''') and p.tags = coalesce(e.compliance_tags::text, '''')',
        organizations, classifications, types, classes, tags, cutoffs, archive_cutoffs);
    if not due then
        over := format('(p.n is not null and e.occurred_at >= %L and (%L is null or e.occurred_at < %2$L))',
            coalesce((archive->>'since')::timestamptz, '-infinity'), (archive->>'until')::timestamptz);
        return;
    end if;
    over := case when archive is null then 'coalesce(e.occurred_at < p.cutoff, false)'
        else 'coalesce(e.occurred_at < p.archive_cutoff and e.occurred_at >= p.cutoff, false)' end;
    select purge_condition.joins || ' ' || c.joins, c.entered into joins, entered from pgtrail.entered_condition(grace_began) c;
    settled := format('(%s < %L)', entered, grace_began);
end
$$;
comment on function pgtrail.purge_condition(regclass, text, boolean, jsonb, timestamptz, timestamptz) is 'The condition that a purge is about an event, as SQL';
revoke all on function pgtrail.purge_condition(regclass, text, boolean, jsonb, timestamptz, timestamptz) from public;

-- Removes events of an organization, in each lane the places from `firsts` to `lasts` that are left, and records it: by one act, whose
-- digest is over the rows that it leaves in pgtrail.purge. The act's lock comes first: what verify and other acts say is settled then.
-- What goes must be what was verified: every place in between, once; the first event chained to what is known to be before it, the
-- beginning of the lane or an earlier purge; the last with the hash given (null: any). `override`, ids of findings, does without.
-- `partitions`: where the events are (null: anywhere). One that is left out shows itself as missing places, and nothing goes.
create or replace function pgtrail.purge_events(
    organization text, lanes smallint[], firsts bigint[], lasts bigint[], hashes bytea[], partitions oid[],
    reason text, requested_by text default null, override text[] default null, verification bigint default null
) returns table (seq bigint, events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    windows constant int := cardinality(lanes);
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    windows_form constant text := 'with windows as (select * from '
        'unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::int8multirange[]) with ordinality w (lane, first, last, purged, at)) ';
    -- Nobody can prepare rows whose places add up to those of others.
    seed constant bigint := hashtextextended(gen_random_uuid()::text, 0);
    -- By position in `lanes`: the places that are purged already.
    purged int8multirange[] := '{}';
    -- Of one lane: the first and the last place of each of its ranges, one after the other, and what is there.
    bounds bigint[];
    befores bytea[];
    ends bytea[];
    at int;
    found record;
    made pgtrail.purge;
    records pgtrail.purge[] := '{}';
    -- Position in `lanes` and partition of what is to be deleted.
    parts int[] := '{}';
    homes oid[] := '{}';
    counted bigint := 0;
    deleted bigint := 0;
    started timestamptz;
    n bigint;
    event_rows text;
    odd text;
begin
    if coalesce(btrim(purge_events.reason, E' \t\r\n'), '') = '' or length(purge_events.reason) > 2000 then
        odd := 'a purge takes a reason, of 2000 characters at most';
    elsif length(purge_events.requested_by) > 200 then
        odd := 'who asked for a purge is told in 200 characters at most';
    elsif exists (select from unnest(override) o where (o ~ '^[0-9a-f]{16}$') is not true) or cardinality(override) not between 1 and 1000 then
        odd := 'findings are named by their ids, 1000 at most';
    elsif verification is not null
        and not exists (select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = verification and a.kind = 'verify')
    then
        odd := format('act %s is no verification', verification);
    elsif organization is null or (windows > 0 and cardinality(firsts) = windows and cardinality(lasts) = windows
            and cardinality(hashes) = windows and windows = (select count(distinct l) from unnest(lanes) l)) is not true
        or exists (select from unnest(firsts, lasts) w (first, last)
            where (w.first >= 1 and w.last >= w.first and w.last < 9007199254740991) is not true)
    then
        odd := 'a purge takes an organization and, of each lane once, its first and last place';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was purged.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    started := clock_timestamp();
    if exists (select from pgtrail.hold h where h.released_seq is null and coalesce(h.organization_id = organization, true)) then
        perform pgtrail.refuse_held(p.oid::regclass, format('e.organization_id = %L and exists (select from '
            'unnest(%L::smallint[], %L::bigint[], %L::bigint[]) w (lane, first, last) where w.lane = e.lane and e.seq between w.first and w.last)',
            organization, lanes, firsts, lasts))
        from pgtrail.partitions() p
        where partitions is null or p.oid = any (partitions);
    end if;

    for i in 1 .. windows loop
        if not exists (select from pgtrail.chain_head h
            where h.organization_id = organization and h.lane = lanes[i] and h.seq >= lasts[i])
        then
            raise exception using errcode = 'TR013', message = format('lane %s does not reach the place that was verified', lanes[i]),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        purged := purged || coalesce((select range_agg(int8range(b.first, b.last, '[]'))
            from pgtrail.purge_bounds(organization, lanes[i]) b), '{}'::int8multirange);
    end loop;
    -- The events of all windows, from the partitions that matter: in each of them a lookup by its primary key for each lane.
    select concat('select w.at, null::oid as home, null::bigint as seq, null::bytea as previous_hash, null::bytea as hash, '
        'null::timestamptz as occurred_at, null::timestamptz as recorded_at from windows w where false', string_agg(format(
        ' union all select w.at, e.* from windows w cross join lateral (select e.tableoid, e.seq, e.previous_hash, e.hash, e.occurred_at, '
        'e.recorded_at from only %I.%I e where e.organization_id = $1 and e.lane = w.lane and e.seq between w.first and w.last '
        'and not w.purged @> e.seq offset 0) e', s.nspname, c.relname), ''))
    into event_rows
    from pgtrail.partitions() p
    join pg_class c on c.oid = p.oid
    join pg_namespace s on s.oid = c.relnamespace
    where partitions is null or p.oid = any (partitions);
    for found in execute windows_form || format($q$
        select p.at::int, sum(p.events) as events, sum(p.places) as places, array_agg(p.home) as homes,
            min(p.oldest_occurred) as oldest_occurred, max(p.newest_occurred) as newest_occurred,
            min(p.oldest_recorded) as oldest_recorded, max(p.newest_recorded) as newest_recorded
        from (
            select e.at, e.home, count(*) as events, sum(hashint8extended(e.seq, $6)) as places,
                min(e.occurred_at) as oldest_occurred, max(e.occurred_at) as newest_occurred,
                min(e.recorded_at) as oldest_recorded, max(e.recorded_at) as newest_recorded
            from (%s) e
            group by e.at, e.home
        ) p
        group by p.at
        order by p.at $q$, event_rows)
    using organization, lanes, firsts, lasts, purged, seed
    loop
        at := found.at;
        made.organization_id := organization;
        made.lane := lanes[at];
        made.events := found.events;
        made.oldest_occurred_at := found.oldest_occurred;
        made.newest_occurred_at := found.newest_occurred;
        made.oldest_recorded_at := found.oldest_recorded;
        made.newest_recorded_at := found.newest_recorded;
        odd := null;
        if override is null then
            made.ranges := int8multirange(int8range(firsts[at], lasts[at], '[]')) - purged[at];
            select 'has not each event once' into odd
            from unnest(made.ranges) r, generate_series(lower(r), upper(r) - 1) g
            having (count(*), sum(hashint8extended(g, seed))) is distinct from (found.events::bigint, found.places::numeric);
        else
            execute windows_form || format('select range_agg(int8range(e.seq, e.seq, ''[]'')) from (%s) e', event_rows)
            into made.ranges
            using organization, lanes[at:at], firsts[at:at], lasts[at:at], purged[at:at];
        end if;
        if odd is null then
            select array_agg(b.seq order by r.n, b.side) into bounds
            from unnest(made.ranges) with ordinality r (range, n),
                lateral (values (1, lower(r.range)), (2, upper(r.range) - 1)) b (side, seq);
            execute windows_form || format('select array_agg(o.previous_hash order by o.at), array_agg(o.hash order by o.at) '
                'from (select distinct on (e.at) e.* from (%s) e order by e.at, e.occurred_at) o', event_rows)
            into befores, ends
            using organization, array_fill(lanes[at], array[cardinality(bounds)]), bounds, bounds,
                array_fill('{}'::int8multirange, array[cardinality(bounds)]);
            -- A hash of another width was put there by somebody: it cannot be kept, and the finding says so.
            select string_agg(case when octet_length(h.hash) = 32 then h.hash else sha256(h.hash) end, ''::bytea order by b.n)
            into made.hashes
            from unnest(befores, ends) with ordinality b (before, hash, n),
                lateral (select case when b.n % 2 = 1 then b.before else b.hash end as hash) h;
        end if;
        if override is null and odd is null then
            odd := case
                when bounds[cardinality(bounds)] = lasts[at] and ends[cardinality(ends)] <> hashes[at]
                    then 'has another newest event than the one that was verified'
                when exists (
                    select from unnest(bounds, befores) with ordinality f (first, before, n)
                    left join pgtrail.purge_bounds(organization, lanes[at]) b on b.last + 1 = f.first
                    left join pgtrail.chain_head h
                        on h.organization_id = organization and h.lane = lanes[at] and h.seq = 0 and f.first = 1
                    where f.n % 2 = 1 and coalesce(b.hash, h.hash) is distinct from f.before
                ) then 'does not follow what was before it'
                when exists (
                    select from unnest(bounds, ends) with ordinality l (last, hash, n)
                    join pgtrail.purge_bounds(organization, lanes[at]) b on b.first = l.last + 1
                    where l.n % 2 = 0 and b.before <> l.hash
                ) then 'does not lead to what was purged after it'
            end;
        end if;
        if odd is not null then
            raise exception using errcode = 'TR013', message = format('lane %s %s', lanes[at], odd),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        records := records || made;
        parts := parts || array_fill(at, array[cardinality(found.homes)]);
        homes := homes || found.homes;
        counted := counted + made.events;
    end loop;
    if cardinality(records) = 0 or cardinality(records) < windows and override is null then
        raise exception using errcode = 'TR013', message = 'a lane has no event left at these places',
            hint = 'Nothing was purged; another run may have done it already.';
    end if;

    -- The guards let go what an act of this transaction says.
    select sha256(string_agg(record_send(row('pgtrail purge'::text, r.organization_id, r.lane, r.ranges::text, r.hashes, r.events,
        r.oldest_occurred_at, r.newest_occurred_at, r.oldest_recorded_at, r.newest_recorded_at)), ''::bytea order by r.lane)) as digest,
        to_char(min(r.oldest_occurred_at) at time zone 'UTC', time_form) as oldest,
        to_char(max(r.newest_occurred_at) at time zone 'UTC', time_form) as newest
    into found
    from unnest(records) r;
    made.act_seq := pgtrail.record_act('purge', jsonb_build_object('organization', organization, 'reason', purge_events.reason,
        'lanes', cardinality(records), 'events', counted, 'oldest', found.oldest, 'newest', found.newest,
        'requested_by', purge_events.requested_by, 'override', to_jsonb(override), 'verification', verification,
        'holds', encode(pgtrail.holds_in_force(started), 'hex'), 'at', to_char(started at time zone 'UTC', time_form)), found.digest);
    insert into pgtrail.purge
    select made.act_seq, r.organization_id, r.lane, r.ranges, r.hashes, r.events, r.oldest_occurred_at, r.newest_occurred_at,
        r.oldest_recorded_at, r.newest_recorded_at
    from unnest(records) r;
    for i in 1 .. cardinality(parts) loop
        at := parts[i];
        execute format('delete from only %s e where e.organization_id = $1 and e.lane = $2 and e.seq between $3 and $4 '
            'and not $5 @> e.seq', homes[i]::regclass)
        using organization, lanes[at], firsts[at], lasts[at], purged[at];
        get diagnostics n = row_count;
        deleted := deleted + n;
    end loop;
    if deleted <> counted then
        raise exception using errcode = 'TR013', message = 'events changed while they were purged',
            hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
    end if;
    perform pgtrail.forget_summary(organization, min(r.oldest_occurred_at), max(r.newest_occurred_at)) from unnest(records) r;
    return query select made.act_seq, counted;
end
$$;
comment on function pgtrail.purge_events(text, smallint[], bigint[], bigint[], bytea[], oid[], text, text, text[], bigint) is
    'Removes events of an organization, and records it';
revoke all on function pgtrail.purge_events(text, smallint[], bigint[], bigint[], bytea[], oid[], text, text, text[], bigint) from public;

-- Over 250 lines because it is one transaction, read from its beginning to its end.
-- Removes events of one partition and records it, by one act whose digest is over the rows that it leaves in pgtrail.purge: those whose
-- time is over by the rules of retention, or with `everything` all. Of them stays what a hold keeps, and what does not verify: a hash,
-- a link or a bound that does not fit, which is evidence (`override`, ids of findings, lets that go too). `everything` leaves nothing:
-- where something must stay, it refuses.
-- `archive`: not what retention lets go of, but what is due for an archive, or occurred within its time, and only if the records come to
-- the digest of those that the archive has, whose file is written before. Else nothing is purged, and `places` says what would be.
-- Where all goes the partition is dropped. Where a part goes it is built anew without that part, if `rewrite`, or rows are deleted,
-- `portion` at most; with `rewrite` null as fits: anew where a quarter goes of more than a megabyte (or of what `pgtrail.rewrite_from` says,
-- in bytes: a new table takes some pages itself). `most` limits each way. `dry_run` tells, and does nothing; the bytes are an estimate then.
-- `fresh` are those whose time is over, and that are not yet in the log for the grace: the last of them is at `fresh_until`.
-- All in one transaction: it is done and recorded, or nothing of it is. All reading comes before the locks. What matters then is that
-- nothing was decided meanwhile (no act of the kinds below), and that events which arrived late are seen: those beyond the heads of before.
create or replace function pgtrail.purge_partition(
    partition_name text, reason text, organization text default null, everything boolean default false, rewrite boolean default null,
    most bigint default null, patience interval default '30 seconds', requested_by text default null, override text[] default null,
    portion bigint default 100000, dry_run boolean default false, archive jsonb default null,
    out seq bigint, out events bigint, out method text, out held bigint, out unsound bigint, out remaining bigint, out bytes_freed bigint,
    out fresh bigint, out fresh_until timestamptz, out policies jsonb, out places jsonb
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set hash_mem_multiplier = 16
set parallel_tuple_cost = 0
set jit = off
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    deciding constant text[] := array['hold', 'release', 'retention', 'setting', 'purge', 'restore', 'redact', 'detach', 'attach',
        'incarnation'];
    -- Before anything is read that such an act changes.
    newest_act constant bigint := (select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding));
    started constant timestamptz := coalesce(pgtrail.check_archive(archive, partition_name), clock_timestamp());
    grace constant text := coalesce((select s.value from pgtrail.setting s where s.name = 'retention-grace'), '7d');
    grace_began constant timestamptz := started - rtrim(grace, 'd')::int * interval '24 hours';
    partition record;
    bounds text;
    hold text := 'false';
    sound text;
    -- The kinds of events that there are, and how long each is kept.
    kinds record;
    over text;
    lanes record;
    -- Whether each lane has all places from its first to its last here, as events that arrive in the order of their time have: then what
    -- is beside these two is all that must be known. Where something turns out to be wrong with what shall go, it is told anew without.
    whole boolean;
    total record;
    -- Of the events whose time is over, in the order of places, those that are looked at; all where `look` is null.
    look bigint;
    passed bigint := 0;
    -- Nothing is wrong with what shall go, until it shows: then where ranges end is told from what their neighbours turned out to be.
    all_go boolean := true;
    seen record;
    temporary text;
    built record;
    records pgtrail.purge[];
    digest bytea;
    archived pgtrail.archive_kind[];
    late bigint;
    n bigint;
begin
    if coalesce(btrim(purge_partition.reason, E' \t\r\n'), '') = '' or length(purge_partition.reason) > 2000
        or length(purge_partition.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was purged.',
            message = 'a purge takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif exists (select from unnest(override) o where (o ~ '^[0-9a-f]{16}$') is not true) or cardinality(override) not between 1 and 1000 then
        raise exception using errcode = 'TR009', message = 'findings are named by their ids, 1000 at most', hint = 'Nothing was purged.';
    elsif most < 1 or portion < 1 or everything and num_nonnulls(organization, most) > 0 then
        raise exception using errcode = 'TR009', hint = 'Nothing was purged.',
            message = 'a purge of everything knows neither an organization nor a limit, and a limit is at least 1';
    elsif archive is not null and (everything or num_nonnulls(most, override) > 0) then
        raise exception using errcode = 'TR009', message = 'what goes into an archive verifies, and knows no limit', hint = 'Nothing was purged.';
    elsif current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'events are removed at the isolation level read committed',
            hint = 'Nothing was purged.';
    end if;
    -- Who changes partitions has read them before: two at once would each keep the other from locking them.
    perform pgtrail.await_lock(-8, patience);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = purge_partition.partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was purged; pgtrail partition list tells all.';
    end if;
    bounds := case when partition.attached then coalesce(pg_get_partition_constraintdef(partition.oid), 'true')
        else format('occurred_at >= %L and occurred_at < %L', partition.since, partition.until) end;
    -- What has a digest in the place of its values, and no redaction that tells of it, is evidence.
    sound := format('%s and octet_length(e.previous_hash) = 32 and %s and (%s)', pgtrail.hash_condition(), pgtrail.redaction_condition(), bounds);
    bytes_freed := pg_total_relation_size(partition.oid);

    -- What is kept how long, and of how much the time is over.
    select c.* into kinds
    from pgtrail.purge_condition(partition.relation, organization, everything, archive, started, grace_began) c;
    over := format('(%s and %s)', kinds.over, kinds.settled);
    execute format('select count(*) as events, count(*) filter (where %1$s) as over, count(*) filter (where %2$s and not %3$s) as fresh, '
            'max(%4$s) filter (where %2$s and not %3$s) as newest from only %5$s e %6$s',
        over, kinds.over, kinds.settled, kinds.entered, partition.relation, kinds.joins)
    into total;
    fresh := total.fresh;
    fresh_until := total.newest + (started - grace_began);
    events := 0;
    held := 0;
    unsound := 0;
    remaining := 0;
    method := 'none';
    if total.over = 0 and not everything then
        bytes_freed := 0;
        places := case when archive is not null then '[]'::jsonb end;
        return;
    end if;
    rewrite := coalesce(rewrite, total.over * 4 >= total.events
            and bytes_freed > coalesce(nullif(current_setting('pgtrail.rewrite_from', true), '')::bigint, 1000000)) and partition.attached and (most is null or total.over <= most)
        and (partition.is_default or not exists (
            -- To attach a partition PostgreSQL reads DEFAULT under the lock.
            select from pgtrail.partitions() p where p.is_default and pg_relation_size(p.oid) > 67108864));
    if total.over > most or not (rewrite or everything or dry_run or archive is not null or total.over = total.events and not partition.is_default) then
        look := least(most, case when not dry_run then portion end);
        if most is null and look >= total.over then
            look := null;
        end if;
    end if;
    if exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        hold := pgtrail.hold_condition();
    end if;

    -- The lanes by number: number and seq in one are sorted ten times faster than the name of an organization, a lane and a seq.
    execute format($q$
        with recursive place as (
            (select e.organization_id, e.lane from only %1$s e order by e.organization_id, e.lane limit 1)
            union all
            select f.organization_id, f.lane
            from place p, lateral (
                select e.organization_id, e.lane from only %1$s e where (e.organization_id, e.lane) > (p.organization_id, p.lane)
                order by e.organization_id, e.lane limit 1
            ) f
        ), lane as (
            select p.organization_id, p.lane,
                (select e.seq from only %1$s e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq limit 1) as first,
                (select e.seq from only %1$s e where e.organization_id = p.organization_id and e.lane = p.lane order by e.seq desc limit 1) as last
            from place p
        )
        select coalesce(array_agg(l.organization_id), '{}') as organizations, coalesce(array_agg(l.lane), '{}') as lanes,
            coalesce(array_agg(l.first), '{}') as firsts, coalesce(array_agg(l.last), '{}') as lasts,
            min(l.first) > -4398046511104 and max(l.last) < 4398046511104 and count(*) < 524288 as fits,
            sum(l.last::numeric - l.first + 1) as places
        from lane l $q$, partition.relation)
    into lanes;
    whole := lanes.fits and lanes.places = total.events;

    -- One reading of all rows, in the order of places: what each of them is by itself and beside its neighbours, and the ranges of those
    -- that go. Where some are looked at, their hashes alone are computed. Without `offset 0` what is costly would be computed twice.
    loop
        execute format($q$
            with head as materialized (
                select h.organization_id, h.lane, h.seq from pgtrail.newest_heads() h
            ), lane as materialized (
                select l.* from unnest($4, $5, $6, $7) with ordinality l (organization_id, lane, first, last, l)
            ), beyond as materialized (
                select l.l, coalesce(h.seq, 0) as newest
                from lane l
                left join head h on h.organization_id = l.organization_id and h.lane = l.lane
                where coalesce(h.seq, 0) < (select e.seq from only %1$s e where e.organization_id = l.organization_id and e.lane = l.lane
                    order by e.seq desc limit 1)
            ), purged as materialized (
                -- What was purged before, among the events that are here and beside them: of each range the ends, as neighbours tells them.
                select l.l, b.seq, b.after, b.hash
                from lane l
                join pgtrail.purge p on p.organization_id = l.organization_id and p.lane = l.lane,
                    unnest(p.ranges) with ordinality r (range, n),
                    lateral (values (lower(r.range), true, substr(p.hashes, (r.n * 64 - 63)::int, 32)),
                        (upper(r.range) - 1, false, substr(p.hashes, (r.n * 64 - 31)::int, 32))) b (seq, after, hash)
                where p.restored_seq is null and r.range && int8range(l.first - 1, l.last + 1, '[]')
            ), judged as (
                select e.ctid as place, %7$s as key, e.organization_id, e.lane, e.seq, e.previous_hash, e.hash, e.occurred_at, e.recorded_at,
                    l.l, p.n, %2$s and l.l is not null as over, case when %2$s then %3$s else false end as held,
                    case when $3 or $1 is not null then true when %2$s then %4$s else false end as sound
                from only %1$s e
                left join unnest($4, $5) with ordinality l (organization_id, lane, l) on l.organization_id = e.organization_id and l.lane = e.lane
                %5$s
                offset 0
            ), beside as (
                select j.*, lag(j.key) over w as key_before, lag(j.hash) over w as hash_before,
                    lead(j.key) over w as key_after, lead(j.previous_hash) over w as previous_after, %6$s as turn,
                    lag(j.over and not j.held and j.sound) over w as wanted_before, lead(j.over and not j.held and j.sound) over w as wanted_after
                from judged j
                window w as (order by j.key)
            ), edge as (
                %9$s
            ), neighbour as materialized (
                select p.l, p.seq, p.after, p.hash from purged p
                union all
                select n.l, n.seq, n.after, n.hash
                from (
                    select array_agg(w.organization_id) as organizations, array_agg(w.lane) as lanes, array_agg(w.seq) as seqs,
                        array_agg(w.after) as afters, array_agg(w.l) as ls
                    from edge w
                ) w, pgtrail.neighbours(w.organizations, w.lanes, w.seqs, w.afters, w.ls) n
            ), checked as (
                select b.*, b.over and not b.held and b.sound
                    and ($1 is null or b.turn > $2 and b.turn <= $2 + $1)
                    and ($3 or $1 is null or (select %4$s from only %1$s e where e.ctid = b.place))
                    and ($3 or b.key is distinct from b.key_before and b.key is distinct from b.key_after
                        and case when b.l in (select y.l from beyond y) then b.seq <= (select y.newest from beyond y where y.l = b.l) else true end
                        and case when b.key_before = b.key - 1 then b.previous_hash = b.hash_before
                            else (b.l, b.seq - 1, b.previous_hash) in (select n.l, n.seq, n.hash from neighbour n where not n.after) end
                        and case when b.key_after = b.key + 1 then b.previous_after = b.hash
                            else (b.l, b.seq + 1, b.hash) in (select n.l, n.seq, n.hash from neighbour n where n.after) end) as goes
                from beside b
                order by b.key
                offset 0
            ), run as (
                %8$s
            ), counted as materialized (
                select r.l, r.n, count(*) as total, count(*) filter (where r.over) as over,
                    count(*) filter (where r.over and r.held) as held, count(*) filter (where r.goes) as events,
                    min(r.occurred_at) filter (where r.goes) as oldest_occurred_at, max(r.occurred_at) filter (where r.goes) as newest_occurred_at,
                    min(r.recorded_at) filter (where r.goes) as oldest_recorded_at, max(r.recorded_at) filter (where r.goes) as newest_recorded_at,
                    array_agg(r.seq) filter (where r.first) as firsts, array_agg(r.seq) filter (where r.last) as lasts,
                    array_agg(case when octet_length(r.previous_hash) = 32 then r.previous_hash else sha256(r.previous_hash) end)
                        filter (where r.first) as befores,
                    array_agg(case when octet_length(r.hash) = 32 then r.hash else sha256(r.hash) end) filter (where r.last) as ends
                from run r
                group by r.l, r.n
            ), border as (
                select f.l, f.first, l.last, f.before, l.hash, lag(l.last) over w as last_before, lead(f.first) over w as first_after
                from (
                    select c.l, f.seq as first, f.hash as before, row_number() over (order by c.l, f.seq) as at
                    from counted c, unnest(c.firsts, c.befores) f (seq, hash)
                ) f
                join (
                    select c.l, f.seq as last, f.hash, row_number() over (order by c.l, f.seq) as at
                    from counted c, unnest(c.lasts, c.ends) f (seq, hash)
                ) l on l.at = f.at
                window w as (partition by f.l order by f.first)
            ), ranges as (
                -- A place that occurs twice, and of which one stays, leaves two ranges beside one another: they become one.
                select e.l, range_agg(int8range(e.first, e.last, '[]')) as ranges,
                    string_agg(case when e.first <= e.last_before + 1 then ''::bytea else e.before end
                        || case when e.first_after <= e.last + 1 then ''::bytea else e.hash end, ''::bytea order by e.first) as hashes
                from border e
                group by e.l
            ), record as (
                select row(0, l.organization_id, l.lane, r.ranges, r.hashes, c.events, c.oldest_occurred_at, c.newest_occurred_at,
                    c.oldest_recorded_at, c.newest_recorded_at, null)::pgtrail.purge as record
                from (
                    select c.l, sum(c.events)::bigint as events, min(c.oldest_occurred_at) as oldest_occurred_at,
                        max(c.newest_occurred_at) as newest_occurred_at, min(c.oldest_recorded_at) as oldest_recorded_at,
                        max(c.newest_recorded_at) as newest_recorded_at
                    from counted c
                    where c.events > 0
                    group by c.l
                ) c
                join ranges r on r.l = c.l
                join lane l on l.l = c.l
                order by l.organization_id, l.lane
            )
            select (select array_agg(r.record) from record r) as records,
                (select array_agg(h.organization_id order by h.organization_id, h.lane) from head h) as organizations,
                (select array_agg(h.lane order by h.organization_id, h.lane) from head h) as lanes,
                (select array_agg(h.seq order by h.organization_id, h.lane) from head h) as seqs,
                array_agg(c.n) as kinds, array_agg(c.events) as counts, array_agg(c.oldest_occurred_at) as oldest,
                array_agg(c.newest_occurred_at) as newest, coalesce(sum(c.total), 0)::bigint as events,
                coalesce(sum(c.over), 0)::bigint as over, coalesce(sum(c.held), 0)::bigint as held, coalesce(sum(c.events), 0)::bigint as gone
            from counted c $q$, partition.relation, over, hold, sound, kinds.joins,
            case when look is null then 'null::bigint'
                else 'count(*) filter (where j.over and not j.held) over (order by j.key rows unbounded preceding)' end,
            case when lanes.fits then 'l.l * 8796093022208 + e.seq' else 'l.l * 36893488147419103232.0 + e.seq' end,
            case when all_go and look is null then 'select c.*, c.goes and (c.wanted_before and c.key - c.key_before in (0, 1)) is not true as first, '
                    'c.goes and (c.wanted_after and c.key_after - c.key in (0, 1)) is not true as last from checked c'
                else 'select c.*, c.goes and (lag(c.goes) over w and c.key - c.key_before in (0, 1)) is not true as first, '
                    'c.goes and (lead(c.goes) over w and c.key_after - c.key in (0, 1)) is not true as last from checked c window w as (order by c.key)' end,
            case when whole then 'select l.l, l.organization_id, l.lane, b.seq, b.after from lane l, '
                    'lateral (values (l.first - 1, false), (l.last + 1, true)) b (seq, after)'
                else 'select b.l, b.organization_id, b.lane, n.seq, n.after from beside b, '
                    'lateral (values (b.seq - 1, false, b.previous_hash, b.key_before is distinct from b.key - 1), '
                    '(b.seq + 1, true, b.hash, b.key_after is distinct from b.key + 1)) n (seq, after, hash, apart) '
                    'where (b.key_before is distinct from b.key - 1 or b.key_after is distinct from b.key + 1) and n.apart '
                    'and b.over and not b.held and b.sound and ($1 is null or b.turn > $2 and b.turn <= $2 + $1) '
                    'and b.seq between 1 and 9007199254740990 '
                    'and (b.l, n.seq, n.after, n.hash) not in (select p.l, p.seq, p.after, p.hash from purged p)' end)
        into seen
        using look, passed, override is not null, lanes.organizations, lanes.lanes, lanes.firsts, lanes.lasts;
        if (whole or all_go and look is null) and seen.gone < least(seen.over - seen.held - passed, look) then
            all_go := false;
            whole := false;
            continue;
        end if;
        records := seen.records;
        events := seen.gone;
        held := seen.held;
        n := seen.over - held - passed;
        remaining := greatest(n - look, 0);
        remaining := coalesce(remaining, 0);
        unsound := passed + n - remaining - events;
        if look is null and events > portion and events < seen.events and not (rewrite or everything or dry_run or archive is not null) then
            -- Something stays, so that it is not dropped: then row by row.
            look := least(most, portion);
        elsif events = 0 and remaining > 0 then
            passed := passed + look;
        else
            exit;
        end if;
    end loop;
    if everything and held + unsound > 0 then
        if held > 0 then
            perform pgtrail.refuse_held(partition.relation);
        end if;
        raise exception using errcode = 'TR013',
            message = format(case unsound when 1 then '1 event of %2$s does not verify: it is evidence, and stays'
                else '%s events of %s do not verify: they are evidence, and stay' end, unsound, partition.name),
            hint = format('Nothing was purged; pgtrail verify tells what is wrong with %s.', case unsound when 1 then 'it' else 'them' end);
    elsif events = 0 and not (everything and seen.events = 0) then
        bytes_freed := 0;
        places := case when archive is not null then '[]'::jsonb end;
        return;
    end if;
    method := case when events = seen.events and not partition.is_default then 'drop' when rewrite then 'rewrite' else 'delete' end;
    select jsonb_agg(jsonb_build_object('policy', p.policy, 'rule', p.rule, 'cutoff', to_char(started - p.days * interval '24 hours', time_form),
        'events', p.events) || case when archive is null then jsonb_build_object('floor', p.floor, 'keep', p.days)
            else jsonb_build_object('archive_after', p.days) end order by p.policy, p.days, p.floor, p.rule)
    into policies
    from (
        select k.policy, k.rule, k.floor, k.days, sum(c.events)::bigint as events
        from unnest(seen.kinds, seen.counts) c (n, events)
        join (
            select k.n, k.policy, k.rule, case when archive is null then k.floor end as floor,
                case when archive is null then k.keep else k.after end as days
            from unnest(kinds.policies, kinds.rules, kinds.floors, kinds.keeps, kinds.archive_afters) with ordinality
                k (policy, rule, floor, keep, after, n)
        ) k on k.n = c.n
        where c.events > 0 and (archive->>'due')::boolean is not false
        group by 1, 2, 3, 4
    ) p;
    select sha256(coalesce(string_agg(record_send(row('pgtrail purge'::text, r.organization_id, r.lane, r.ranges::text, r.hashes, r.events,
        r.oldest_occurred_at, r.newest_occurred_at, r.oldest_recorded_at, r.newest_recorded_at)), ''::bytea
        order by r.organization_id collate "C", r.lane), ''::bytea)) into digest
    from unnest(records) r;
    if archive is not null and (dry_run or archive->>'records' is distinct from encode(digest, 'hex')) then
        select jsonb_agg(jsonb_build_object('organization_id', r.organization_id, 'lane', r.lane, 'ranges', r.ranges::text, 'events', r.events)
            order by r.organization_id collate "C", r.lane) into places
        from unnest(records) r;
    end if;
    if dry_run then
        -- What is built anew has its pages of each index too, however little stays.
        bytes_freed := case method when 'drop' then bytes_freed when 'rewrite' then greatest(0, (bytes_freed
            - 24576 * (select count(*) from pg_index i where i.indrelid = partition.oid))::numeric * events / seen.events)::bigint else 0 end;
        return;
    elsif places is not null then
        bytes_freed := 0;
        return;
    end if;

    -- What stays, in a table that nobody sees yet; what of it was not there when the rows were judged stays too.
    if method = 'rewrite' then
        temporary := left(partition.name, 50) || '_rewritten';
        select b.* into built from pgtrail.build_partition(temporary, partition.relation,
            'left join unnest($1) r on r.organization_id = e.organization_id and r.lane = e.lane where (r.ranges @> e.seq) is not true',
            bounds, records) b;
        if built.added + events < seen.events then
            raise exception using errcode = 'TR013', message = format('events of %s changed while they were purged', partition.name),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
    end if;

    -- From here on nothing is decided by others: a hold that came meanwhile is seen, and one that comes later finds nothing.
    if method = 'delete' then
        perform pgtrail.await_lock(-1, patience);
    else
        perform pgtrail.lock_partitions(array(
            select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and partition.attached), patience, true);
    end if;
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure',
            message = format('something was decided while the events of %s were read', partition.name),
            hint = 'Nothing of it was purged. Run it again.';
    end if;
    if method = 'drop' then
        select count(*) into late from pgtrail.late_events(partition.relation, seen.organizations, seen.lanes, seen.seqs) l;
        if late > 0 then
            raise exception using errcode = 'serialization_failure',
                message = format('%s arrived in %s while it was read', case late when 1 then '1 event' else late || ' events' end, partition.name),
                hint = 'Nothing of it was purged. Run it again.';
        end if;
    elsif method = 'rewrite' then
        execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
            'on conflict do nothing', temporary, partition.relation)
        using partition.relation, built.organizations, built.lanes, built.seqs;
    end if;

    if archive is not null then
        archived := pgtrail.archive_kinds(kinds.organizations, kinds.classifications, kinds.types, kinds.classes, kinds.tags,
            seen.kinds, seen.counts, seen.oldest, seen.newest);
        archive := pgtrail.archive_parameters(archive, archived, partition.since, partition.until, policies);
    end if;
    seq := pgtrail.record_act('purge', jsonb_build_object('organization', organization, 'partition', partition.name, 'method', method,
        'reason', purge_partition.reason, 'requested_by', purge_partition.requested_by, 'override', to_jsonb(override),
        'lanes', coalesce(cardinality(records), 0), 'events', events,
        'oldest', (select to_char(min(r.oldest_occurred_at), time_form) from unnest(records) r),
        'newest', (select to_char(max(r.newest_occurred_at), time_form) from unnest(records) r),
        'policies', case when archive is null then policies end, 'archive', archive, 'holds', encode(pgtrail.holds_in_force(started), 'hex'),
        'grace', grace, 'at', to_char(started, time_form)), digest);
    insert into pgtrail.purge
    select purge_partition.seq, r.organization_id, r.lane, r.ranges, r.hashes, r.events, r.oldest_occurred_at, r.newest_occurred_at,
        r.oldest_recorded_at, r.newest_recorded_at
    from unnest(records) r;
    if archive is not null then
        insert into pgtrail.archive
        select purge_partition.seq, archive->>'name', archive->>'location', partition.name, partition.since, partition.until, purge_partition.events,
            (archive->>'bytes')::bigint, decode(archive->>'manifest', 'hex'), min(r.oldest_occurred_at), max(r.newest_occurred_at)
        from unnest(records) r;
        insert into pgtrail.archive_kind
        select purge_partition.seq, k.kind, k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, k.events,
            k.oldest_occurred_at, k.newest_occurred_at
        from unnest(archived) k;
    end if;
    if method = 'delete' then
        execute format('delete from only %s e using unnest($1) r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.ranges @> e.seq', partition.relation) using records;
        get diagnostics n = row_count;
        if n <> events then
            raise exception using errcode = 'TR013', message = format('events of %s changed while they were purged', partition.name),
                hint = 'Nothing of it was purged; pgtrail verify tells what is there.';
        end if;
        bytes_freed := 0;
    else
        execute format('drop table %s', partition.relation);
        if not partition.attached then
            delete from pgtrail.detached_partition d where d.name = partition.name;
        elsif method = 'rewrite' then
            perform pgtrail.join_partition(temporary, partition.name, case when partition.is_default then 'default'
                else format('for values from (%s) to (%s)', coalesce(quote_literal(nullif(partition.since, '-infinity')), 'minvalue'),
                    coalesce(quote_literal(nullif(partition.until, 'infinity')), 'maxvalue')) end);
            bytes_freed := greatest(bytes_freed - pg_total_relation_size(format('pgtrail.%I', partition.name)::regclass), 0);
        end if;
    end if;
    perform pgtrail.forget_summary(r.organization_id, min(r.oldest_occurred_at), max(r.newest_occurred_at))
    from unnest(records) r group by r.organization_id;
end
$$;
comment on function pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb) is
    'Removes what retention says from a partition, and records it';
revoke all on function pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb) from public;

-- A part of a whole file in the database; null where there is none. On a standby too: pgtrail.note_retrieved counts, where it can. What an
-- archive has are whole events: only who may read these is given it, whatever else his role may do with archives.
create or replace function pgtrail.read_stored(id text, part int) returns bytea
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    reader constant name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    if not has_table_privilege(reader, 'pgtrail.event', 'select') then
        raise exception using errcode = 'insufficient_privilege',
            message = format('the role %s may not read what archives have: that takes one that may also read all events', reader),
            hint = format('Nothing was read; grant pgtrail_reader to it: pgtrail grant reader %s', reader);
    end if;
    return (
        select p.data
        from pgtrail.archive_storage s
        join pgtrail.archive_storage_part p on p.id = s.id
        where s.id = read_stored.id and p.part = read_stored.part and s.metadata ? 'bytes'
    );
end
$$;
comment on function pgtrail.read_stored(text, int) is 'Reads a part of a stored file';
revoke all on function pgtrail.read_stored(text, int) from public;

-- Puts every day of an organization on the list of those to be counted anew, with what the summaries say of it now, so that
-- pgtrail.recount_summary can compare. Returns how many. A cursor beyond the head of its lane, which a restored table may leave, comes back.
create or replace function pgtrail.rebuild_summary(organization text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
declare
    home record;
begin
    perform pgtrail.lock_summary();
    update pgtrail.summary_cursor c set seq = h.seq
    from pgtrail.summary_cursor o, lateral (
        select coalesce(max(h.seq), 0) as seq from pgtrail.chain_head h
        where h.organization_id = o.organization_id and h.lane = o.lane) h
    where o.organization_id = organization and c.organization_id = o.organization_id and c.lane = o.lane and c.seq > h.seq;

    insert into pgtrail.summary_recount
    select organization, s.day, true
    from (
        select s.day from pgtrail.summary s where s.organization_id = organization
        union
        select a.day from pgtrail.summary_actor a where a.organization_id = organization
    ) s
    on conflict do nothing;
    -- In each partition from day to day in the index.
    for home in
        select s.nspname, c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace s on s.oid = c.relnamespace
        where i.inhparent = 'pgtrail.event'::regclass
    loop
        execute format($q$
            with recursive known as (
                (
                    select (e.occurred_at at time zone 'UTC')::date as day from only %1$I.%2$I e
                    where e.organization_id = $1 order by e.organization_id, e.occurred_at limit 1
                )
                union all
                select n.day
                from known k, lateral (
                    select (e.occurred_at at time zone 'UTC')::date as day from only %1$I.%2$I e
                    where e.organization_id = $1
                        and e.occurred_at > (k.day::timestamp + interval '23:59:59.999999') at time zone 'UTC'
                    order by e.organization_id, e.occurred_at limit 1
                ) n
            )
            insert into pgtrail.summary_recount select $1, k.day, true from known k
            on conflict do nothing $q$, home.nspname, home.relname)
        using organization;
    end loop;
    return (select count(*) from pgtrail.summary_recount r where r.organization_id = organization);
end
$$;
comment on function pgtrail.rebuild_summary(text) is 'Has all summaries of an organization counted anew';
revoke all on function pgtrail.rebuild_summary(text) from public;

-- Records by an act that a role was granted a right on the log, or that it was revoked, and binds a reader to one organization or frees
-- him. Comes after the GRANT or REVOKE of the group role, in its transaction: what an act says then is true. Null where the binding
-- was as it should be already. Granted to nobody: the owner of the log calls it, and who is a member of him.
create or replace function pgtrail.record_access(kind text, role_name text, right_name text, organization text default null)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    group_role constant text := case when organization is null then 'pgtrail_' || right_name else 'pgtrail_organization_reader' end;
    wide constant text[] := array['pgtrail_owner', 'pgtrail_auditor', 'pgtrail_reader', 'pgtrail_operator', 'pgtrail_privacy', 'pgtrail_writer',
        'pg_read_all_data'];
    role record;
    odd text;
    advice text;
    act_seq bigint;
begin
    -- Before anything is looked at: who binds a role and who lets it read all must see one another.
    perform pg_advisory_xact_lock(1885828210, -1);
    select r.oid, r.rolsuper, r.rolcreaterole into role from pg_roles r where r.rolname = role_name;
    if (kind in ('grant', 'revoke') and right_name in ('writer', 'reader', 'auditor', 'operator', 'privacy')) is not true then
        odd := 'a grant or revoke is of the right of a writer, reader, auditor, operator or privacy';
    elsif role_name is null or length(role_name) > 63 then
        odd := 'a role has a name of at most 63 bytes';
    elsif organization is not null and right_name <> 'reader' then
        odd := 'only a reader can be bound to an organization';
    elsif length(organization) not between 1 and 128 then
        odd := 'an organization has a name of 1 to 128 characters';
    elsif not exists (select from pgtrail.setting s where s.name = 'roles' and s.value = 'on') then
        odd := 'this log has no roles: everything belongs to the role that installed it';
    elsif kind = 'grant' and role.oid is null then
        odd := format('there is no role %I', role_name);
    elsif kind = 'grant' and role.rolsuper then
        odd := format('%I is a superuser, who may do everything', role_name);
    elsif kind = 'grant' and (starts_with(role_name, 'pg_') or role_name = 'pgtrail_organization_reader' or role_name = any (wide)) then
        odd := format('%I is a role of pgtrail or of the server itself', role_name);
    elsif kind = 'grant' and not pg_has_role(role.oid, group_role, 'MEMBER') then
        odd := format('%I is no member of %I yet', role_name, group_role);
        advice := format('in the same transaction, before: grant %I to %I', group_role, role_name);
    elsif kind = 'grant' and organization is not null then
        select format('a member of %I', w.name) into odd
        from unnest(wide) with ordinality w (name, place)
        where pg_has_role(role.oid, w.name, 'MEMBER')
        order by w.place
        limit 1;
        -- Until 15 who may create roles may also grant himself every one of them.
        if odd is null and role.rolcreaterole and current_setting('server_version_num')::int < 160000 then
            odd := 'one who may create roles, and so grant them to himself';
        end if;
        if odd is null and (has_any_column_privilege(role.oid, 'pgtrail.event', 'select')
            or has_any_column_privilege(role.oid, 'pgtrail.chain_head', 'select') or has_table_privilege(role.oid, 'pgtrail.act', 'select'))
        then
            odd := 'granted to it by name';
        end if;
        if odd is not null then
            advice := 'take that away first: pgtrail status --grants tells who may what';
            odd := format('%I sees events of every organization already: it is %s', role_name, odd);
        end if;
    elsif kind = 'revoke' and organization is null and exists (
        select from pg_auth_members m
        where m.member = role.oid and m.roleid = (select g.oid from pg_roles g where g.rolname = group_role))
    then
        odd := format('%I is a member of %I still', role_name, group_role);
        advice := format('in the same transaction, before: revoke %I from %I', group_role, role_name);
    elsif kind = 'grant' then
        select format('%I is bound to its organizations: as %s it would see others too', b.role_name, right_name),
            format('free it first: pgtrail revoke reader %I', b.role_name)
        into odd, advice
        from pgtrail.organization_reader b
        join pg_roles r on r.rolname = b.role_name and not r.rolsuper
        where pg_has_role(r.oid, role.oid, 'MEMBER')
        order by b.role_name
        limit 1;
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed' || coalesce('; ' || advice, '') || '.';
    end if;
    if organization is not null and (kind = 'grant') = exists (
        select from pgtrail.organization_reader b
        where b.role_name = record_access.role_name and b.organization_id = organization
    ) then
        return null;
    end if;
    -- The guard lets a binding go only for an act of this transaction.
    act_seq := pgtrail.record_act(kind, jsonb_build_object('role', role_name, 'right', right_name, 'organization', organization));
    if organization is not null and kind = 'grant' then
        insert into pgtrail.organization_reader values (role_name, organization);
    elsif organization is not null then
        delete from pgtrail.organization_reader b where b.role_name = record_access.role_name and b.organization_id = organization;
    end if;
    return act_seq;
end
$$;
comment on function pgtrail.record_access(text, text, text, text) is 'Records a grant or revoke, and binds a reader to an organization';
revoke all on function pgtrail.record_access(text, text, text, text) from public;

-- Adds an act to the act chain. Granted to nobody: the functions that act call it. Takes the act chain's lock to the end of the
-- transaction, so acts have one order, and that order is the order of what they did.
create or replace function pgtrail.record_act(kind text, parameters jsonb, digest bytea default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    a pgtrail.act;
begin
    perform pg_advisory_xact_lock(1885828210, -1);
    select l.seq, l.hash into a.seq, a.previous_hash from pgtrail.act l order by l.seq desc limit 1;
    if not found then
        a.seq := 0;
        select sha256(record_send(row('pgtrail act genesis'::text, l.log_id))) into a.previous_hash from pgtrail.log l;
    end if;
    begin
        select s.system_identifier, c.timeline_id
        into a.system_identifier, a.timeline
        from pg_control_system() s, pg_control_checkpoint() c;
    exception when insufficient_privilege then
        null; -- some managed servers do not tell
    end;
    a.organization_id := 'pgtrail';
    a.seq := a.seq + 1;
    a.kind := record_act.kind;
    a.parameters := record_act.parameters;
    a.digest := record_act.digest;
    a.recorded_at := clock_timestamp();
    a.session_user_name := session_user;
    a.client_address := inet_client_addr();
    a.transaction_id := pg_current_xact_id();
    a.hash_version := 1;
    a.hash := sha256(record_send(row(
        'pgtrail act'::text, a.hash_version, a.organization_id, a.seq, a.previous_hash, a.kind, a.parameters, a.digest,
        a.recorded_at, a.session_user_name, a.client_address, a.transaction_id::text::bigint, a.system_identifier,
        a.timeline)));
    -- An old snapshot does not see the newest act: the server then says so itself (40001), and never that a key exists.
    insert into pgtrail.act select a.* on conflict do nothing;
    if not found then
        raise exception using errcode = 'serialization_failure',
            message = 'another act was recorded since this snapshot', hint = 'Retry the transaction.';
    end if;
    return a.seq;
end
$$;
comment on function pgtrail.record_act(text, jsonb, bytea) is 'Adds an act to the act chain';
revoke all on function pgtrail.record_act(text, jsonb, bytea) from public;

-- Records a checkpoint: an act with the digest of all heads, as they are given. What it returns is what the caller signs and keeps
-- outside the database. He commits with synchronous_commit = on first: a signed act must not be lost in a crash.
create or replace function pgtrail.record_checkpoint(
    parameters jsonb, organizations text[], lanes smallint[], seqs bigint[], hashes bytea[]
) returns table (seq bigint, hash bytea, digest bytea, recorded_at timestamptz)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act_seq bigint;
begin
    if jsonb_typeof(parameters) is distinct from 'object' then
        raise exception using errcode = 'TR009', message = 'the parameters of an act must be a JSON object';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_heads(organizations, lanes, seqs, hashes);
    if exists (
        select from pgtrail.verified_head v
        where not exists (
            select from unnest(organizations, lanes) g (organization_id, lane)
            where g.organization_id = v.organization_id and g.lane = v.lane
        )
    ) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'these are not the heads of the log: a lane that a whole verification has seen is missing';
    end if;
    act_seq := pgtrail.record_act('checkpoint', parameters, pgtrail.heads_digest(organizations, lanes, seqs, hashes));
    return query
        select a.seq, a.hash, a.digest, a.recorded_at
        from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = act_seq;
end
$$;
comment on function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]) is 'Records a checkpoint';
revoke all on function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]) from public;

-- Records that somebody took events away: an act with the sha256 of the manifest that lies with them. Whoever may read events may call
-- it, so nothing that is given becomes a parameter as it is: names of filters are names, and no value of a filter is among them.
create or replace function pgtrail.record_export(
    kind text, format text, organizations text[], since timestamptz, until timestamptz, filters text[], excluded text[],
    events bigint, manifest bytea, tool_version text
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set lock_timeout = '10s'
as $$
declare
    odd text;
begin
    if (kind in ('evidence', 'extract', 'subject')) is not true then
        odd := 'an export is evidence, an extract or what a subject is given';
    elsif (format in ('csv', 'excel', 'json', 'ndjson', 'xml')) is not true then
        odd := 'an export has the format csv, excel, json, ndjson or xml';
    elsif cardinality(organizations) > 1000 or exists (
        select from unnest(organizations) o (name) where (length(o.name) between 1 and 128) is not true
    ) then
        odd := 'an export names at most 1000 organizations, each with 1 to 128 characters';
    elsif cardinality(filters) > 100 or exists (
        select from unnest(filters) f (name) where (f.name ~ '^[A-Za-z-]{1,40}$') is not true
    ) then
        odd := 'the filters of an export are given by their names, never by their values';
    elsif (excluded <@ array['identity', 'content']) is not true then
        odd := 'an export excludes identity, content or nothing';
    elsif (events >= 0) is not true then
        odd := 'an export has a number of events';
    elsif octet_length(manifest) is distinct from 32 then
        odd := 'the digest of a manifest has 32 bytes';
    elsif (tool_version ~ '^[0-9A-Za-z.+-]{1,40}$') is not true then
        odd := 'the version of the tool is a version';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    return pgtrail.record_act('export', jsonb_build_object(
        'kind', kind, 'format', format, 'organizations', to_jsonb(organizations), 'since', since, 'until', until,
        'filters', to_jsonb(filters), 'excluded', to_jsonb(excluded), 'events', events, 'tool_version', tool_version
    ), manifest);
end
$$;
comment on function pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text) is
    'Records an export';
revoke all on function pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text)
    from public;

-- Records what redact_partition replaced in this transaction, by one act whose digest is over all redactions of the log: of each block of
-- 65536 places the digest of its entries. So the newest act vouches for all entries, and none tells which act an entry is of: that would
-- tie together for ever the events of one subject. Begins again where something was decided since redact_begin.
-- `archive`: what was replaced are the rows of an archive, of which this is the new one: {archive, name, location, manifest, bytes}.
-- It is where the old one was, has redacted rows, or events that came back and were redacted in the log since, and in `table:` its manifest is
-- looked at. What lies elsewhere the server cannot read: whether the files are there and are these, verify --archive and archive verify tell.
create or replace function pgtrail.record_redaction(
    strategy text, reason text, requested_by text default null, request text default null, in_text boolean default false,
    since timestamptz default null, until timestamptz default null, archive jsonb default null, patience interval default '30 seconds',
    out seq bigint, out events bigint, out identity bigint, out content bigint, out held bigint, out unsound bigint, out kept bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    begun pgtrail.redacting;
    started timestamptz;
    counts record;
    blocks pgtrail.redaction[];
    fits boolean;
    digest bytea;
    old pgtrail.archive;
    staged record;
begin
    perform pgtrail.check_subject_stage();
    if coalesce(btrim(record_redaction.reason, E' \t\r\n'), '') = '' or length(record_redaction.reason) > 2000
        or length(record_redaction.requested_by) > 200 or length(record_redaction.request) > 200
        or (record_redaction.strategy in ('erase', 'hash', 'token', 'encrypt', 'reapply')) is not true
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = 'a redaction takes its strategy, a reason, of 2000 characters at most, and who asked for it and by which request in 200 each';
    end if;
    delete from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned() returning r.* into begun;
    if not found then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'no redaction was begun in this transaction',
            hint = 'Nothing was changed.';
    end if;
    perform pgtrail.await_lock(-1, patience);
    perform pgtrail.check_request(record_redaction.request);
    if begun.newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (pgtrail.deciding_kinds()))
    then
        raise exception using errcode = 'serialization_failure', message = 'something was decided while the events were read',
            hint = 'Nothing was changed. Run it again.';
    end if;
    started := clock_timestamp();
    select count(*) filter (where p.done) as events, count(*) filter (where p.done and p.identity_fields <> '{}') as identity,
        count(*) filter (where p.done and p.content_fields <> '{}') as content, count(*) filter (where p.held) as held,
        count(*) filter (where not p.sound and not p.held) as unsound, count(*) filter (where p.done and p.law is not null) as kept,
        count(distinct p.organization_id) filter (where p.done) as organizations, count(distinct p.partition_name) filter (where p.done) as partitions,
        count(distinct p.archive) filter (where p.done) as archives
    into counts
    from pg_temp.pgtrail_plan p;
    if archive is not null then
        select a.* into old from pgtrail.archive a where a.name = record_redaction.archive->>'archive' and a.removed_seq is null for update;
        if not found then
            raise exception using errcode = 'undefined_object', message = format('there is no archive %s', record_redaction.archive->>'archive'),
                hint = 'Nothing was changed; pgtrail archive list tells all.';
        elsif (archive->>'manifest' ~ '^[0-9a-f]{64}$' and archive->>'bytes' ~ '^[0-9]{1,18}$'
            and archive->>'name' ~ '^[A-Za-z0-9_]+-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$' and starts_with(archive->>'name', old.partition_name || '-')
            and archive->>'location' = old.location) is not true
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'an archive that takes the place of another has a name of the same partition, its location, a manifest and a number of bytes';
        elsif exists (select from pgtrail.archive a where a.name = record_redaction.archive->>'name') then
            raise exception using errcode = 'TR011', message = format('there is an archive %s already', record_redaction.archive->>'name'),
                hint = 'Nothing was changed.';
        elsif old.location = 'table:' and (archive->>'manifest', (archive->>'bytes')::bigint) is distinct from ((
            select encode(sha256(string_agg(p.data, ''::bytea order by p.part)), 'hex')
            from pgtrail.archive_storage_part p where p.id = (record_redaction.archive->>'name') || '/manifest.json'
        ), (select sum((s.metadata->>'bytes')::bigint)::bigint from pgtrail.archive_storage s where starts_with(s.id, (record_redaction.archive->>'name') || '/')))
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('the database has no archive %s with this manifest and of this size', record_redaction.archive->>'name');
        end if;
    end if;
    -- Events that came back into the log are redacted there; their archive follows, and nothing is replaced in it by itself.
    if counts.identity + counts.content <> begun.entries or begun.strategy <> record_redaction.strategy then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'the plan of this redaction is not the one by which values were replaced';
    end if;
    if counts.archives > 0 and (archive is null or counts.partitions > 0 or old.restored_seq is not null
            or exists (select from pg_temp.pgtrail_plan p where p.done and p.archive <> old.name))
        or counts.archives = 0 and archive is not null and old.restored_seq is null
    then
        raise exception using errcode = 'TR009', message = 'the rows of an archive are redacted by themselves, and recorded with it', hint = 'Nothing was changed.';
    end if;

    -- What was carried out no statistics know yet: each entry would be looked for in the whole plan.
    analyze pg_temp.pgtrail_plan;
    -- The entries of the blocks that were touched, and what the others have. Those that were there before must be the ones that the block tells.
    with touched as (
        select distinct p.organization_id, p.lane, p.seq >> 16 as block from pg_temp.pgtrail_plan p where p.done
    ), entry as (
        select t.block, r.*, record_send(row('pgtrail redaction entry'::text, r.organization_id, r.lane, r.seq, r.group_name, r.number,
                r.fields, r.old_digest, r.new_digest)) as record,
            p.place is not null and r.number = max(r.number) over (partition by r.organization_id, r.lane, r.seq, r.group_name) as is_new
        from touched t
        join pgtrail.redaction_entry r on r.organization_id = t.organization_id and r.lane = t.lane
            and r.seq >= t.block << 16 and r.seq < (t.block + 1) << 16
        left join pg_temp.pgtrail_plan p on p.done and p.organization_id = r.organization_id and p.lane = r.lane and p.seq = r.seq
            and cardinality(case r.group_name when 'identity' then p.identity_fields else p.content_fields end) > 0
    ), block as (
        select e.organization_id, e.lane, e.block, count(*) as entries,
            sha256(string_agg(e.record, ''::bytea order by e.seq, e.group_name, e.number)) as digest,
            count(*) filter (where not e.is_new) as entries_before,
            sha256(string_agg(e.record, ''::bytea order by e.seq, e.group_name, e.number) filter (where not e.is_new)) as digest_before
        from entry e
        group by 1, 2, 3
    )
    select array_agg(row(b.organization_id, b.lane, b.block, b.entries, b.digest)::pgtrail.redaction),
        bool_and(coalesce(b.entries_before = r.entries and b.digest_before = r.digest, b.entries_before = 0 and r.entries is null))
    into blocks, fits
    from block b
    left join pgtrail.redaction r on r.organization_id = b.organization_id and r.lane = b.lane and r.block = b.block;
    if not fits then
        raise exception using errcode = 'TR013', message = 'pgtrail.redaction_entry is not what pgtrail.redaction says: it was altered',
            hint = 'Nothing was changed; pgtrail verify tells what is wrong.';
    end if;
    select sha256(coalesce(string_agg(record_send(row('pgtrail redaction'::text, b.organization_id, b.lane, b.block, b.entries, b.digest)), ''::bytea
        order by b.organization_id collate "C", b.lane, b.block), ''::bytea)) into digest
    from (
        select b.* from unnest(blocks) b
        union all
        select r.* from pgtrail.redaction r
        where (r.organization_id, r.lane, r.block) not in (select b.organization_id, b.lane, b.block from unnest(blocks) b)
    ) b;

    if archive is not null then
        -- Else entries could be made of what never was in the log.
        perform pgtrail.subject_relation('archive ' || old.name);
        select r.* into staged from pgtrail.staged_records() r;
        if (staged.sound and staged.vouched and staged.digest = (
            select a.digest from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = old.act_seq and a.kind = 'purge')) is not true
        then
            raise exception using errcode = 'TR017', hint = 'Nothing was changed; pgtrail archive verify tells what is wrong with the archive.',
                message = format('these events are not the ones that act %s took out of the log into %s', old.act_seq, old.name);
        elsif counts.archives = 0 and not (
            exists (select from only pg_temp.pgtrail_restored e
                join pgtrail.redaction_entry r on r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq)
            and exists (select from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.seq > greatest(old.act_seq, (
                select max(m.seq) from pgtrail.act m
                where m.organization_id = 'pgtrail' and m.kind = 'redact' and m.parameters #>> '{archive,name}' = old.name))))
        then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('no event of %s was redacted since it was written: it stays as it is', old.name);
        end if;
    end if;

    seq := pgtrail.record_act('redact', jsonb_build_object('strategy', record_redaction.strategy, 'events', counts.events, 'identity', counts.identity,
        'content', counts.content, 'fields', (
            select coalesce(jsonb_object_agg(f.name, f.n order by f.name), '{}')
            from (
                select f.name, sum(g.n) as n
                from (
                    select p.identity_fields || p.content_fields as fields, count(*) as n from pg_temp.pgtrail_plan p where p.done group by 1
                ) g, lateral (select distinct split_part(f, '.', 1) as name from unnest(g.fields) f) f
                group by 1
            ) f),
        'kept', (select coalesce(jsonb_object_agg(k.law, k.n order by k.law), '{}') from (
            select p.law, count(*) as n from pg_temp.pgtrail_plan p where p.done and p.law is not null group by 1) k),
        'held', counts.held, 'unsound', counts.unsound, 'organizations', counts.organizations, 'partitions', counts.partitions,
        'reason', record_redaction.reason, 'requested_by', record_redaction.requested_by, 'request', record_redaction.request, 'text', in_text,
        'since', to_char(record_redaction.since, time_form), 'until', to_char(record_redaction.until, time_form), 'at', to_char(started, time_form),
        'holds', encode(pgtrail.holds_in_force(started), 'hex'),
        'archive', case when archive is not null then jsonb_build_object('archive', old.name, 'purge', old.act_seq, 'name', archive->>'name',
            'location', archive->>'location', 'manifest', archive->>'manifest', 'bytes', (archive->>'bytes')::bigint) end), digest);
    insert into pgtrail.redaction
    select b.* from unnest(blocks) b
    on conflict (organization_id, lane, block) do update set entries = excluded.entries, digest = excluded.digest;
    if archive is not null then
        update pgtrail.archive a
        set name = record_redaction.archive->>'name', location = record_redaction.archive->>'location',
            manifest = decode(record_redaction.archive->>'manifest', 'hex'), bytes = (record_redaction.archive->>'bytes')::bigint
        where a.act_seq = old.act_seq;
    end if;
    -- A batch's digest is one of what its events said, without a salt. Another one: a retry is told that it is another batch.
    update pgtrail.append_batch b set digest = sha256(decode(replace(gen_random_uuid()::text, '-', ''), 'hex'))
    where b.batch_id in (
        select b.batch_id
        from pgtrail.append_batch b, unnest(b.organizations, b.lanes, b.seqs) n (organization_id, lane, seq)
        join pg_temp.pgtrail_plan p on p.done and p.organization_id = n.organization_id and p.lane = n.lane and p.seq = n.seq
        where b.digest is not null);
    perform pgtrail.forget_summary(d.organization_id, d.oldest, d.newest)
    from (
        select p.organization_id, min(p.occurred_at) as oldest, max(p.occurred_at) as newest
        from pg_temp.pgtrail_plan p
        where p.done and p.partition_name is not null and p.identity_fields <> '{}'
        group by p.organization_id, (p.occurred_at at time zone 'UTC')::date
    ) d;
    events := counts.events;
    identity := counts.identity;
    content := counts.content;
    held := counts.held;
    unsound := counts.unsound;
    kept := counts.kept;
end
$$;
comment on function pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval) is 'Records a redaction';
revoke all on function pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval) from public;

-- Records that the events of an archive were loaded into a table of another schema. Nothing follows from it: they are out of the log as
-- before, and what was loaded was judged by whoever loaded it.
create or replace function pgtrail.record_restore(name text, schema_name text, events bigint, reason text, requested_by text default null)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    archive pgtrail.archive;
    odd text;
begin
    select a.* into archive from pgtrail.archive a where a.name = record_restore.name;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', record_restore.name),
            hint = 'Nothing was recorded; pgtrail archive list tells all.';
    elsif coalesce(btrim(record_restore.reason, E' \t\r\n'), '') = '' or length(record_restore.reason) > 2000
        or length(record_restore.requested_by) > 200
    then
        odd := 'a restore takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif coalesce(record_restore.schema_name, '') = '' or octet_length(record_restore.schema_name) > 63 or record_restore.schema_name = 'pgtrail' then
        odd := 'the events of an archive are loaded beside the log into a schema of its own, which is named';
    elsif record_restore.events is distinct from archive.events then
        odd := format('%s has %s events: all of them are restored, or none', archive.name, archive.events);
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    return pgtrail.record_act('restore', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq, 'events', archive.events,
        'schema', record_restore.schema_name, 'reason', record_restore.reason, 'requested_by', record_restore.requested_by));
end
$$;
comment on function pgtrail.record_restore(text, text, bigint, text, text) is 'Records that an archive was loaded beside the log';
revoke all on function pgtrail.record_restore(text, text, bigint, text, text) from public;

-- Records that somebody verified the log. Heads are given only by a whole and intact verification: they replace
-- pgtrail.verified_head, and their digest is in the act, so that a lane that vanishes with its heads is found next time.
-- Of any other the act has the digest of all heads that it saw, where the caller tells it.
create or replace function pgtrail.record_verification(
    parameters jsonb, seen bytea default null, organizations text[] default null, lanes smallint[] default null,
    seqs bigint[] default null, hashes bytea[] default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    remembered constant boolean := organizations is not null or lanes is not null or seqs is not null or hashes is not null;
    heads_digest bytea := seen;
    act_seq bigint;
begin
    if jsonb_typeof(parameters) is distinct from 'object' then
        raise exception using errcode = 'TR009', message = 'the parameters of an act must be a JSON object';
    elsif octet_length(seen) <> 32 then
        raise exception using errcode = 'TR009', message = 'the digest of the heads must have 32 bytes';
    -- An act accepts what stands here: it must say what that is.
    elsif jsonb_typeof(parameters -> 'findings') = 'array' and exists (
        select from jsonb_array_elements(parameters -> 'findings') f
        where jsonb_typeof(f.value) <> 'object'
            or jsonb_typeof(f.value -> 'id') is distinct from 'string' or f.value ->> 'id' !~ '^[0-9a-f]{16}$'
            or jsonb_typeof(f.value -> 'kind') is distinct from 'string' or f.value ->> 'kind' = ''
            or jsonb_typeof(f.value -> 'message') is distinct from 'string' or f.value ->> 'message' = ''
    ) then
        raise exception using errcode = 'TR009',
            message = 'a finding of a verification must be an object with an id of 16 hex digits, a kind and a message',
            hint = 'Nothing was recorded.';
    end if;
    -- The lock of the act chain, before anything is read: two verifications are recorded one after the other.
    perform pg_advisory_xact_lock(1885828210, -1);
    if remembered then
        perform pgtrail.check_heads(organizations, lanes, seqs, hashes);
        -- Another verification may have recorded a later head meanwhile, or a lane that this one has not seen: heads go forward
        -- only, and no lane is forgotten.
        select array_agg(h.organization_id), array_agg(h.lane), array_agg(h.seq), array_agg(h.hash)
        into organizations, lanes, seqs, hashes
        from (
            select distinct on (u.organization_id, u.lane) u.*
            from (
                select * from unnest(organizations, lanes, seqs, hashes) g (organization_id, lane, seq, hash)
                union all
                select * from pgtrail.verified_head
            ) u
            order by u.organization_id, u.lane, u.seq desc
        ) h;
        heads_digest := pgtrail.heads_digest(organizations, lanes, seqs, hashes);
    end if;
    -- Not what the caller says of it: the heads that the next verification trusts are those of an act that has true here.
    act_seq := pgtrail.record_act('verify', jsonb_set(parameters, '{remembered}', to_jsonb(remembered)), heads_digest);
    if remembered then
        delete from pgtrail.verified_head;
        insert into pgtrail.verified_head select * from unnest(organizations, lanes, seqs, hashes);
    end if;
    return act_seq;
end
$$;
comment on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) is 'Records a verification';
revoke all on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) from public;

-- Makes the summaries of one organization and day say what the events say, up to the places that are counted. `changed`: how many rows
-- did not say so, or were missing, or there for nothing.
create or replace function pgtrail.recount_day(
    organization text, day date,
    out events bigint, out events_before bigint, out actors bigint, out actors_before bigint, out changed bigint
)
language plpgsql volatile parallel unsafe
as $$
begin
    -- The bounds belong to the day: infinity has no next one. As parameters of a statement of its own they choose one partition.
    execute $q$
        with picked as materialized (
            select e.category, e.event_type, e.outcome, e.actor_id, e.data_size_bytes
            from pgtrail.event e
            join pgtrail.summary_cursor c on c.organization_id = $1 and c.lane = e.lane
            where e.organization_id = $1 and e.occurred_at between $3 and $4 and e.seq <= c.seq
        ), counted as materialized (
            select sha256(record_send(row(p.category, p.event_type, p.outcome))) as key, p.category, p.event_type, p.outcome,
                count(*) as events, coalesce(sum(p.data_size_bytes), 0) as data_size_bytes
            from picked p
            group by p.category, p.event_type, p.outcome
        ), put as (
            insert into pgtrail.summary as s
            select $1, $2, c.key, c.category, c.event_type, c.outcome, c.events, c.data_size_bytes from counted c
            on conflict (organization_id, day, key) do update
            set category = excluded.category, event_type = excluded.event_type, outcome = excluded.outcome,
                events = excluded.events, data_size_bytes = excluded.data_size_bytes
            where (s.category, s.event_type, s.outcome, s.events, s.data_size_bytes) is distinct from
                (excluded.category, excluded.event_type, excluded.outcome, excluded.events, excluded.data_size_bytes)
            returning true
        ), gone as (
            delete from pgtrail.summary s
            where s.organization_id = $1 and s.day = $2 and not exists (select from counted c where c.key = s.key)
            returning true
        ), acted as materialized (
            select substr(sha256(convert_to(p.actor_id, 'UTF8')), 1, 16) as actor_key, p.actor_id, count(*) as events,
                count(*) filter (where p.outcome in ('failure', 'denied', 'error')) as failed,
                coalesce(sum(p.data_size_bytes), 0) as data_size_bytes
            from picked p
            where p.actor_id is not null
            group by p.actor_id
        ), put_actors as (
            insert into pgtrail.summary_actor as s
            select $1, $2, a.actor_key, a.actor_id, a.events, a.failed, a.data_size_bytes from acted a
            on conflict (organization_id, day, actor_key) do update
            set actor_id = excluded.actor_id, events = excluded.events, failed = excluded.failed,
                data_size_bytes = excluded.data_size_bytes
            where (s.actor_id, s.events, s.failed, s.data_size_bytes) is distinct from
                (excluded.actor_id, excluded.events, excluded.failed, excluded.data_size_bytes)
            returning true
        ), gone_actors as (
            delete from pgtrail.summary_actor s
            where s.organization_id = $1 and s.day = $2 and not exists (select from acted a where a.actor_key = s.actor_key)
            returning true
        )
        select (select count(*) from picked),
            (select coalesce(sum(s.events), 0)::bigint from pgtrail.summary s where s.organization_id = $1 and s.day = $2),
            (select count(*) from acted),
            (select count(*) from pgtrail.summary_actor s where s.organization_id = $1 and s.day = $2),
            (select count(*) from put) + (select count(*) from gone) + (select count(*) from put_actors)
                + (select count(*) from gone_actors) $q$
    into events, events_before, actors, actors_before, changed
    using organization, day, day::timestamp at time zone 'UTC',
        (day::timestamp + interval '23:59:59.999999') at time zone 'UTC';
end
$$;
comment on function pgtrail.recount_day(text, date) is 'Counts one organization and day anew';
revoke all on function pgtrail.recount_day(text, date) from public;

-- Counts the days of pgtrail.summary_recount anew, until about `max_events` are counted, and tells of each what its rows said before.
-- `differs`: a rebuild asked whether they were right, and they were not.
create or replace function pgtrail.recount_summary(max_events bigint)
returns table (
    organization_id text, day date, events bigint, events_before bigint, actors bigint, actors_before bigint, differs boolean
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
#variable_conflict use_column
declare
    budget bigint := max_events;
    listed record;
    made record;
begin
    perform pgtrail.lock_summary();
    for listed in select r.organization_id, r.day, r.compares from pgtrail.summary_recount r order by r.organization_id, r.day loop
        exit when (budget > 0) is not true;
        select * into made from pgtrail.recount_day(listed.organization_id, listed.day);
        return query select listed.organization_id, listed.day, made.events, made.events_before, made.actors, made.actors_before,
            listed.compares and made.changed > 0;
        delete from pgtrail.summary_recount r where r.organization_id = listed.organization_id and r.day = listed.day;
        -- A day costs something even if it has no events.
        budget := budget - greatest(made.events, 100);
    end loop;
end
$$;
comment on function pgtrail.recount_summary(bigint) is 'Counts days anew whose summaries may be wrong';
revoke all on function pgtrail.recount_summary(bigint) from public;

-- Records that an event says something wrong of a person, and what is right (Article 16): a new event, gdpr.rectified, of the same
-- organization, whose after_state has the corrected fields; the old one stays as it was recorded. The values come by
-- pg_temp.pgtrail_subject, kind being the name of the field and value its JSON. At the first time rules are added of where it has personal data.
create or replace function pgtrail.rectify_event(
    organization text, lane smallint, seq bigint, reason text, requested_by text, request text default null
) returns table (id uuid, organization_id text, lane_of smallint, seq_of bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_column
declare
    old pgtrail.event;
    made pgtrail.event := pgtrail.default_event(rectify_event.organization);
    fixed jsonb;
    odd text;
begin
    if coalesce(btrim(rectify_event.reason, E' \t\r\n'), '') = '' or length(rectify_event.reason) > 2000 then
        odd := 'a rectification takes a reason, of 2000 characters at most';
    elsif coalesce(btrim(rectify_event.requested_by, E' \t\r\n'), '') = '' or length(rectify_event.requested_by) > 200 then
        odd := 'a rectification takes who asked for it, in 200 characters at most';
    end if;
    perform pgtrail.check_subject_stage();
    perform pgtrail.check_request(rectify_event.request);
    if odd is null then
        select format('an event has no field %s that can be rectified', to_json(left(min(coalesce(s.kind, '')), 100))) into odd
        from pg_temp.pgtrail_subject s
        where (s.kind in ('actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id',
            'resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id', 'correlation_id',
            'request_params', 'before_state', 'after_state', 'details', 'tags')) is not true
        having count(*) > 0;
    end if;
    if odd is null and (select count(*) <> count(distinct s.kind) or count(*) = 0 from pg_temp.pgtrail_subject s) then
        odd := 'a rectification sets one field at least, and each once';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was recorded.';
    end if;
    select jsonb_object_agg(s.kind, s.value::jsonb) into fixed from pg_temp.pgtrail_subject s;
    select e.* into old from pgtrail.event e
    where e.organization_id = rectify_event.organization and e.lane = rectify_event.lane and e.seq = rectify_event.seq;
    if not found then
        raise exception using errcode = 'TR009', hint = 'Nothing was recorded. pgtrail show says where it is.',
            message = format('there is no event %s/%s/%s', rectify_event.organization, rectify_event.lane, rectify_event.seq);
    end if;
    perform pgtrail.add_subject_rule('path', 'gdpr.rectified', null, array['after_state', '*']);
    perform pgtrail.add_subject_rule('path', 'gdpr.rectified', null, array['details', 'actor_id']);
    made.event_type := 'gdpr.rectified';
    made.category := 'gdpr';
    made.action := 'rectify';
    made.actor_id := session_user;
    made.actor_type := 'role';
    made.resource_type := 'event';
    made.resource_id := format('%s/%s/%s', old.organization_id, old.lane, old.seq);
    made.after_state := fixed;
    -- By it the subject is found here too.
    made.details := jsonb_strip_nulls(jsonb_build_object('reason', rectify_event.reason, 'requested_by', rectify_event.requested_by,
        'request', rectify_event.request, 'actor_id', old.actor_id));
    insert into pgtrail.event as t (organization_id, project_id, occurred_at, event_type, category, action, severity, outcome, actor_id, actor_type,
        resource_type, resource_id, data_classification, retention_policy, compliance_tags, after_state, details)
    values (old.organization_id, old.project_id, clock_timestamp(), made.event_type, made.category, made.action, made.severity, made.outcome,
        made.actor_id, made.actor_type, made.resource_type, made.resource_id, old.data_classification, old.retention_policy,
        old.compliance_tags, made.after_state, made.details)
    returning t.id, t.organization_id, t.lane, t.seq into id, organization_id, lane_of, seq_of;
    perform pgtrail.note_request_act(rectify_event.request, null, jsonb_build_array(jsonb_build_object('kind', 'rectification',
        'name', format('%s/%s/%s', organization_id, lane_of, seq_of))));
    return next;
end
$$;
comment on function pgtrail.rectify_event(text, smallint, bigint, text, text, text) is 'Records what is right in the place of what an event says';
revoke all on function pgtrail.rectify_event(text, smallint, bigint, text, text, text) from public;

-- Begins a redaction: nothing else changes partitions or redacts before this transaction ends, and the guard lets it replace values. It must
-- end with record_redaction, or it does not commit.
create or replace function pgtrail.redact_begin(patience interval default '30 seconds') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    perform pgtrail.await_lock(-8, patience);
    perform pgtrail.check_subject_stage();
    if exists (select from pg_temp.pgtrail_plan) then
        -- A hold that came between would not be seen.
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'what is to be redacted is looked for after redact_begin, not before';
    end if;
    -- The act at the end vouches for all: not for what somebody wrote there without one.
    if (select sha256(coalesce(string_agg(record_send(row('pgtrail redaction'::text, r.organization_id, r.lane, r.block, r.entries, r.digest)), ''::bytea
            order by r.organization_id collate "C", r.lane, r.block), ''::bytea)) from pgtrail.redaction r)
        is distinct from coalesce((
            select a.digest from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'redact' order by a.seq desc limit 1), sha256(''))
    then
        raise exception using errcode = 'TR013', message = 'pgtrail.redaction is not what the newest act of a redaction says: it was altered',
            hint = 'Nothing was changed; pgtrail verify tells what is wrong.';
    end if;
    insert into pgtrail.redacting
    select pg_current_xact_id(), (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (pgtrail.deciding_kinds()))
    on conflict do nothing;
end
$$;
comment on function pgtrail.redact_begin(interval) is 'Begins a redaction';
revoke all on function pgtrail.redact_begin(interval) from public;

-- Over 120 lines because what is read, replaced and recorded is one statement.
-- Replaces what the plan says of a partition, and records of each group what it was and is. To be called between redact_begin and
-- record_redaction. What is held, or does not verify, stays. `strategy` erase: null, or the marker; what a law keeps gets a token of which nobody
-- keeps whom it stands for, one an organization. hash, token, encrypt: the pseudonyms that `replacements` has for the organizations.
-- reapply: what the plan says. Addresses, agents, sessions and devices are never replaced by anything but null.
create or replace function pgtrail.redact_partition(partition_name text, strategy text, replacements jsonb default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    form constant text := '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$';
    relation regclass;
    folded text[];
    pattern text;
    digests text[];
    done bigint;
    written bigint;
    marked bigint;
begin
    perform pgtrail.check_subject_stage();
    if not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'no redaction was begun in this transaction',
            hint = 'Nothing was changed.';
    elsif (strategy in ('erase', 'hash', 'token', 'encrypt', 'reapply')) is not true or (strategy in ('hash', 'token', 'encrypt')) <> (replacements is not null)
        or exists (select from jsonb_each(replacements) r where jsonb_typeof(r.value) <> 'string' or r.value #>> '{}' !~ form or length(r.value #>> '{}') > 2100)
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = 'a strategy is erase, hash, token, encrypt or reapply, and pseudonyms have their form';
    end if;
    if exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id() and r.strategy <> redact_partition.strategy) then
        raise exception using errcode = 'TR009', message = 'a redaction has one strategy', hint = 'Nothing was changed.';
    elsif exists (
        -- Else one subject could be given the pseudonym of another, or words of anybody's.
        select from jsonb_each_text(replacements) r
        where not exists (
            select from pgtrail.pseudonym p
            where p.pseudonym = r.value and p.strategy = redact_partition.strategy and coalesce(p.organization_id, r.key) = r.key))
    then
        raise exception using errcode = 'TR009', message = 'a pseudonym is not one that pgtrail made for this organization and strategy', hint = 'Nothing was changed.';
    end if;
    relation := pgtrail.subject_relation(partition_name);
    if strategy <> 'reapply' then
        select f.folded, f.pattern into folded, pattern from pgtrail.subject_forms() f;
    end if;
    if strategy = 'erase' then
        insert into pg_temp.pgtrail_replacement
        select distinct p.organization_id, 'p1:t:none:' || translate(rtrim(encode(decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 'base64'), '='), '+/', '-_')
        from pg_temp.pgtrail_plan p
        where p.law is not null
        on conflict do nothing;
    elsif replacements is not null then
        insert into pg_temp.pgtrail_replacement
        select r.key, r.value from jsonb_each_text(replacements) r
        on conflict do nothing;
    end if;
    update pg_temp.pgtrail_plan p set replacement = r.pseudonym
    from pg_temp.pgtrail_replacement r
    where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and r.organization_id = p.organization_id
        and (strategy <> 'erase' or p.law is not null);
    if replacements is not null and exists (
        select from pg_temp.pgtrail_plan p
        where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and p.replacement is null)
    then
        raise exception using errcode = 'TR009', message = 'an organization of the plan has no pseudonym', hint = 'Nothing was changed.';
    end if;
    analyze pg_temp.pgtrail_plan;
    select array_agg(g.digest order by g.name desc) into digests from pgtrail.group_digests() g;

    execute format($q$
        with source as materialized (
            select p.place, p.as_actor, p.identity_fields, p.content_fields, p.replacement, case when p.identity_fields <> '{}' then %2$s end as identity_now,
                case when p.content_fields <> '{}' then %3$s end as content_now,
                case when p.content_fields <> '{}' then array(select split_part(f, '.', 1) from unnest(p.content_fields) f) end as columns
            from pg_temp.pgtrail_plan p
            join only %1$s e on e.ctid = p.place
            where coalesce(p.partition_name, 'archive ' || p.archive) = $1 and not p.held and p.sound and not p.done
                and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0
        ), changed as (
            update only %1$s e
            set identity_digest = case when p.identity_fields <> '{}' then coalesce(e.identity_digest, p.identity_now) else e.identity_digest end,
                content_digest = case when p.content_fields <> '{}' then coalesce(e.content_digest, p.content_now) else e.content_digest end,
                identity_salt = case when p.identity_fields <> '{}' then gen_random_uuid() else e.identity_salt end,
                content_salt = case when p.content_fields <> '{}' then gen_random_uuid() else e.content_salt end,
                %4$s
            from source p
            where e.ctid = p.place
            returning e.organization_id, e.lane, e.seq, p.identity_fields, p.content_fields, p.identity_now, p.content_now,
                case when p.identity_fields <> '{}' then %2$s end as identity_then, case when p.content_fields <> '{}' then %3$s end as content_then,
                e.identity_digest <> p.identity_now as identity_again, e.content_digest <> p.content_now as content_again
        ), entry as (
            insert into pgtrail.redaction_entry
            select c.organization_id, c.lane, c.seq, g.name, 1 + case when g.again then coalesce((
                    select max(r.number) from pgtrail.redaction_entry r
                    where r.organization_id = c.organization_id and r.lane = c.lane and r.seq = c.seq and r.group_name = g.name), 0) else 0 end,
                g.fields, g.now, g.then
            from changed c,
                lateral (values ('identity', c.identity_fields, c.identity_now, c.identity_then, c.identity_again),
                    ('content', c.content_fields, c.content_now, c.content_then, c.content_again)) g (name, fields, now, "then", again)
            where g.fields <> '{}'
        )
        select count(*), sum((c.identity_fields <> '{}')::int + (c.content_fields <> '{}')::int) from changed c $q$, relation, digests[1], digests[2], (
        select string_agg(format(x.text, t.name), ', ')
        from (
            select n, 'case when %1$L = any (p.identity_fields) then case when e.%1$I is not null then p.replacement end else e.%1$I end' from unnest(array['actor_id', 'actor_name', 'actor_email']) n
            union all
            select n, 'case when %1$L = any (p.identity_fields) then null else e.%1$I end' from unnest(array['ip_address', 'user_agent', 'session_id', 'device_id']) n
            union all
            -- Nobody's text by itself: what only mentions him would tell of him by its other words.
            select n, 'case when %1$L = any (p.content_fields) then case when e.%1$I is null then null when p.replacement is not null and (pgtrail.fold_text(e.%1$I) = any ($2) '
                'or $4 and %1$L = ''resource_id'') then p.replacement else ''[erased]'' end else e.%1$I end'
            from unnest(array['resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id', 'correlation_id']) n
            union all
            select n, 'case when %1$L = any (p.columns) then pgtrail.json_replace(e.%1$I, array(select substr(f, length(%1$L) + 2) from unnest(p.content_fields) f '
                'where split_part(f, ''.'', 1) = %1$L), $2, p.replacement) else e.%1$I end'
            from unnest(array['request_params', 'before_state', 'after_state', 'details']) n
            union all
            values ('tags', 'case when ''tags'' = any (p.content_fields) and e.tags is not null then case when $4 or array_ndims(e.tags) > 1 then ''{[erased]}'' else (select array_agg('
                'case when pgtrail.fold_text(t) = any ($2) then coalesce(p.replacement, ''[erased]'') when pgtrail.fold_text(t) ~ $3 or p.as_actor and exists (select '
                'from unnest(array[e.actor_id, e.actor_name, e.actor_email, host(e.ip_address), e.session_id, e.device_id]) o '
                'where length(o) >= 3 and strpos(pgtrail.fold_text(t), pgtrail.fold_text(o)) > 0) then ''[erased]'' '
                'else t end order by n) from unnest(e.tags) with ordinality t (t, n)) end else e.tags end'),
                ('signature', 'case when ''signature'' = any (p.content_fields) then null else e.signature end')
        ) t (name, text_of), lateral (select '%1$I = ' || t.text_of as text) x)
    )
    into done, written
    using partition_name, folded, pattern, strategy = 'reapply';
    update pg_temp.pgtrail_plan p set done = true
    where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and not p.held and p.sound
        and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0 and not p.done;
    get diagnostics marked = row_count;
    if marked <> done then
        raise exception using errcode = 'serialization_failure', message = format('events of %s changed while they were redacted', partition_name),
            hint = 'Nothing was changed. Run it again.';
    end if;
    update pgtrail.redacting r set entries = r.entries + written, strategy = redact_partition.strategy
    where r.transaction_id = pg_current_xact_id() and written > 0;
    return done;
end
$$;
comment on function pgtrail.redact_partition(text, text, jsonb) is 'Replaces what the plan says of a partition';
revoke all on function pgtrail.redact_partition(text, text, jsonb) from public;

-- Partitions whose files may still have values that were redacted: a row that was redacted after its table was made left its former version
-- behind. What `rewrite_partition` has built is as old as its rows. So whoever was stopped half-way is told what is left.
create or replace function pgtrail.redacted_partitions() returns setof text
language plpgsql stable security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    partition record;
    found_any boolean;
begin
    if not exists (select from pgtrail.redaction_entry) then
        return;
    end if;
    for partition in select p.name, p.oid, p.oid::regclass as relation from pgtrail.partitions() p order by p.is_default, p.since, p.name loop
        execute format('select exists (select from only %s e where (e.identity_digest is not null or e.content_digest is not null) '
            'and age(e.xmin) < (select age(a.xmin) from pg_attribute a where a.attrelid = %L::regclass and a.attname = ''tableoid''))',
            partition.relation, partition.relation)
        into found_any;
        if found_any then
            return next partition.name;
        end if;
    end loop;
end
$$;
comment on function pgtrail.redacted_partitions() is 'Partitions whose files may still have redacted values';
revoke all on function pgtrail.redacted_partitions() from public;

-- The condition that the stored digests of an event `e` are what redactions recorded, as text for statements that read many: a group
-- without a digest has no entries; of one with a digest the first entry's old digest is it, and the last one's new digest is that of the present
-- values. Where nothing was ever redacted, that there are no digests.
create or replace function pgtrail.redaction_condition() returns text
language plpgsql stable parallel unsafe
as $$
begin
    if not exists (select from pgtrail.redaction_entry) then
        return '(e.identity_digest is null and e.content_digest is null)';
    end if;
    return (
        select '(' || string_agg(format('case when e.%1$s_digest is null then not exists (select from pgtrail.redaction_entry r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq and r.group_name = ''%1$s'') else coalesce((select r.old_digest '
            'from pgtrail.redaction_entry r where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq '
            'and r.group_name = ''%1$s'' and r.number = 1) = e.%1$s_digest and (select r.new_digest from pgtrail.redaction_entry r '
            'where r.organization_id = e.organization_id and r.lane = e.lane and r.seq = e.seq and r.group_name = ''%1$s'' '
            'order by r.number desc limit 1) = %2$s, false) end', g.name, g.digest), ' and ' order by g.name desc) || ')'
        from pgtrail.group_digests() g);
end
$$;
comment on function pgtrail.redaction_condition() is 'The condition that stored digests are what redactions recorded, as SQL';
revoke all on function pgtrail.redaction_condition() from public;

-- Counts events that no summary has yet, at most `max_events` of them: in each lane those between pgtrail.summary_cursor and the head,
-- each once, on the day that it occurred, however late it came. Then it counts anew the days of pgtrail.summary_recount. One
-- transaction: whatever stops it, either all of it is counted and the cursor moved, or nothing.
-- `missing`: places without an event that no purge tells of, and that no detached partition has; pgtrail verify tells of them. What stands in
-- a detached partition is not counted: when it is attached, its days are counted anew. `recounted`: events of the days that were counted
-- anew. `wrong`: days of a rebuild that were not right.
create or replace function pgtrail.refresh_summary(max_events bigint)
returns table (events bigint, missing bigint, days bigint, recounted bigint, wrong bigint, behind bigint, days_left bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
set jit = off
as $$
#variable_conflict use_column
declare
    organizations text[];
    lanes smallint[];
    firsts bigint[];
    lasts bigint[];
    places bigint;
    left_behind bigint;
    expected bigint;
    counted bigint := 0;
    n bigint;
    home record;
    again record;
begin
    if (max_events between 1 and 10000000) is not true then
        raise exception using errcode = 'TR009', message = 'a run counts from 1 to 10000000 events',
            hint = 'Nothing was changed.';
    end if;
    perform pgtrail.lock_summary();

    select array_agg(w.organization_id), array_agg(w.lane), array_agg(w.first), array_agg(w.last),
        coalesce(sum(w.last - w.first + 1), 0), coalesce(max(w.whole), 0)
    into organizations, lanes, firsts, lasts, places, left_behind
    from (
        select b.organization_id, b.lane, b.first, least(b.head, b.first - 1 + max_events - b.before)::bigint as last, b.whole
        from (
            select h.organization_id, h.lane, coalesce(c.seq, 0) + 1 as first, h.seq as head,
                sum(h.seq - coalesce(c.seq, 0)) over (order by h.organization_id, h.lane) - (h.seq - coalesce(c.seq, 0)) as before,
                sum(h.seq - coalesce(c.seq, 0)) over () as whole
            from pgtrail.newest_heads() h
            left join pgtrail.summary_cursor c on c.organization_id = h.organization_id and c.lane = h.lane
            where h.seq > coalesce(c.seq, 0)
        ) b
        where b.before < max_events
    ) w;
    select places - coalesce(sum(upper(r) - lower(r)), 0) into expected
    from unnest(organizations, lanes, firsts, lasts) w (organization_id, lane, first, last)
    join pgtrail.purge p on p.organization_id = w.organization_id and p.lane = w.lane and p.restored_seq is null,
        unnest(p.ranges * int8multirange(int8range(w.first, w.last, '[]'))) r;

    -- By the primary key, in one partition after the other, until all are found: mostly they are in the newest.
    for home in
        select s.nspname, c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace s on s.oid = c.relnamespace
        where i.inhparent = 'pgtrail.event'::regclass
        order by substring(pg_get_expr(c.relpartbound, c.oid) from 'TO [(]''([^'']*)''[)]$')::timestamptz desc nulls last
    loop
        exit when counted >= expected;
        execute format($q$
            with picked as materialized (
                select w.organization_id, (e.occurred_at at time zone 'UTC')::date as day, e.category, e.event_type, e.outcome,
                    e.actor_id, e.data_size_bytes
                from unnest($1, $2, $3, $4) w (organization_id, lane, first, last)
                cross join lateral (
                    select e.occurred_at, e.category, e.event_type, e.outcome, e.actor_id, e.data_size_bytes
                    from only %I.%I e
                    where e.organization_id = w.organization_id and e.lane = w.lane and e.seq between w.first and w.last offset 0
                ) e
            ), counted as (
                insert into pgtrail.summary as s
                select p.organization_id, p.day, sha256(record_send(row(p.category, p.event_type, p.outcome))),
                    p.category, p.event_type, p.outcome, count(*), coalesce(sum(p.data_size_bytes), 0)
                from picked p
                group by p.organization_id, p.day, p.category, p.event_type, p.outcome
                on conflict (organization_id, day, key) do update
                set events = s.events + excluded.events, data_size_bytes = s.data_size_bytes + excluded.data_size_bytes
            ), acted as (
                insert into pgtrail.summary_actor as s
                select p.organization_id, p.day, substr(sha256(convert_to(p.actor_id, 'UTF8')), 1, 16), p.actor_id, count(*),
                    count(*) filter (where p.outcome in ('failure', 'denied', 'error')), coalesce(sum(p.data_size_bytes), 0)
                from picked p
                where p.actor_id is not null
                group by p.organization_id, p.day, p.actor_id
                on conflict (organization_id, day, actor_key) do update
                set events = s.events + excluded.events, failed = s.failed + excluded.failed,
                    data_size_bytes = s.data_size_bytes + excluded.data_size_bytes
            )
            select count(*) from picked $q$, home.nspname, home.relname)
        into n
        using organizations, lanes, firsts, lasts;
        counted := counted + n;
    end loop;
    if counted < expected then
        for home in
            select d.name
            from pgtrail.detached_partition d
            join pg_class c on c.relname = d.name and c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
            where not exists (select from pg_inherits i where i.inhrelid = c.oid)
        loop
            execute format($q$
                select count(*)
                from unnest($1, $2, $3, $4) w (organization_id, lane, first, last)
                cross join lateral (
                    select from only pgtrail.%I e
                    where e.organization_id = w.organization_id and e.lane = w.lane and e.seq between w.first and w.last offset 0
                ) e $q$, home.name)
            into n
            using organizations, lanes, firsts, lasts;
            expected := greatest(expected - n, counted);
        end loop;
    end if;
    insert into pgtrail.summary_cursor
    select * from unnest(organizations, lanes, lasts)
    on conflict (organization_id, lane) do update set seq = excluded.seq;

    select count(*) as days, coalesce(sum(r.events), 0)::bigint as events, count(*) filter (where r.differs) as wrong into again
    from pgtrail.recount_summary(max_events - places) r;
    return query select counted, expected - counted, again.days, again.events, again.wrong, left_behind - places,
        (select count(*) from pgtrail.summary_recount);
end
$$;
comment on function pgtrail.refresh_summary(bigint) is 'Counts what the summaries lack';
revoke all on function pgtrail.refresh_summary(bigint) from public;

-- Refuses to look through a partition twice: the plan would have each event twice, and the act count it so.
create or replace function pgtrail.refuse_found(partition_name text) returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from pg_temp.pgtrail_plan p where coalesce(p.partition_name, 'archive ' || p.archive) = refuse_found.partition_name)
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = format('%s was looked through in this transaction already', partition_name);
    end if;
end
$$;
comment on function pgtrail.refuse_found(text) is 'Refuses to look through a partition twice';
revoke all on function pgtrail.refuse_found(text) from public;

-- Refuses to take away a whole partition, or what `condition` says of it, while a hold is on any of its events. To be called under the
-- lock of the act chain: no hold comes after it.
create or replace function pgtrail.refuse_held(partition regclass, condition text default 'true') returns void
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    held bigint;
    cases text;
begin
    if not exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        return;
    end if;
    execute format('select count(*) from only %s e where (%s) and %s', partition, condition, pgtrail.hold_condition()) into held;
    if held > 0 then
        -- The first that are found: to look for all would keep everybody waiting for the lock.
        execute format('select string_agg(distinct c.case_id, '', '') from (select h.case_id from only %s e join pgtrail.hold h '
            'on h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and %s where (%s) limit 1000) c',
            partition, pgtrail.hold_fits(), condition) into cases;
        raise exception using errcode = 'TR016',
            message = format('%s of %s %s under a legal hold: %s', case held when 1 then '1 event' else held || ' events' end,
                (select c.relname from pg_class c where c.oid = partition),
                case held when 1 then 'is' else 'are' end, left(cases, 200)),
            hint = 'Nothing was changed; pgtrail hold list says what is held, and pgtrail hold release ends it.';
    end if;
end
$$;
comment on function pgtrail.refuse_held(regclass, text) is 'Refuses to take away events under a hold';
revoke all on function pgtrail.refuse_held(regclass, text) from public;

-- Releases all holds of a case that are in force, by one act; null where there is none.
create or replace function pgtrail.release_hold(case_id text, reason text, requested_by text default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act bigint;
    released bigint[];
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 or length(requested_by) > 200 then
        raise exception using errcode = 'TR009', hint = 'Nothing was released.',
            message = 'a release takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    -- FOR UPDATE: an old snapshot must not release what it does not see.
    select array_agg(h.act_seq order by h.act_seq) into released
    from (select * from pgtrail.hold h where h.case_id = release_hold.case_id and h.released_seq is null for update) h;
    if released is null then
        -- A hold that was placed since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was released. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no hold of the case';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('release', jsonb_build_object('case', case_id, 'reason', reason, 'requested_by', requested_by,
        'holds', to_jsonb(released)));
    update pgtrail.hold h set released_seq = act where h.act_seq = any (released);
    return act;
end
$$;
comment on function pgtrail.release_hold(text, text, text) is 'Releases the holds of a case';
revoke all on function pgtrail.release_hold(text, text, text) from public;

-- Records that an archive is removed; whoever calls it deletes the files before he commits, so that no act tells of a removal that did not
-- happen. Refused while a hold is that may be on one of its events: what they say stands in the files, so only organization, type
-- and time can be compared, and whoever or whatever a hold names counts as being among them. The act
-- says which holds it saw, as that of a purge does. `expired`: only when no rule of retention
-- keeps any of its events any longer; else it needs a reason, and whoever asks must know what he does.
create or replace function pgtrail.remove_archive(name text, reason text, requested_by text default null, expired boolean default false)
returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
#variable_conflict use_column
declare
    time_form constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    started timestamptz;
    archive pgtrail.archive;
    cases text;
    kept timestamptz;
    policies jsonb;
    act bigint;
begin
    if coalesce(btrim(remove_archive.reason, E' \t\r\n'), '') = '' or length(remove_archive.reason) > 2000
        or length(remove_archive.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was removed.',
            message = 'the removal of an archive takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    -- Two at once would wait for each other's locks, one of them where PostgreSQL does not see it.
    begin
        select a.* into archive from pgtrail.archive a where a.name = remove_archive.name for update nowait;
    exception when lock_not_available then
        raise exception using errcode = 'lock_not_available', message = format('another run restores or removes %s', remove_archive.name),
            hint = 'Nothing was removed; wait until it is over: pgtrail archive list.';
    end;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', remove_archive.name),
            hint = 'Nothing was removed; pgtrail archive list tells all.';
    elsif archive.removed_seq is not null then
        raise exception using errcode = 'TR011', message = format('%s was removed by act %s', archive.name, archive.removed_seq),
            hint = 'Nothing was changed.';
    end if;
    -- A hold that comes later finds nothing; one that is there is seen.
    perform pg_advisory_xact_lock(1885828210, -1);
    started := clock_timestamp();
    -- Also where its events came back: they may have been purged again since, and this be the last copy of them.
    select string_agg(distinct h.case_id, ', ' order by h.case_id) into cases
    from pgtrail.hold h
    join pgtrail.archive_kind k on k.act_seq = archive.act_seq
        and (h.organization_id is null or h.organization_id = k.organization_id)
        and (h.event_type is null or k.event_type = h.event_type or starts_with(k.event_type, h.event_type || '.'))
        and (h.since is null or k.newest_occurred_at >= h.since) and (h.until is null or k.oldest_occurred_at < h.until)
    where h.released_seq is null and (h.expires_at is null or h.expires_at > started);
    if cases is not null then
        raise exception using errcode = 'TR016', message = format('%s may have events under a legal hold: case %s', archive.name, cases),
            hint = 'Nothing was removed. It can be when the hold is released: pgtrail hold list.';
    end if;
    if expired then
        kept := pgtrail.archive_until(archive.act_seq, started);
        if (kept < started) is not true then
            raise exception using errcode = 'TR013', message = format('%s is kept %s', archive.name,
                case when isfinite(kept) then 'until ' || to_char(kept, time_form) else 'for ever' end),
                hint = 'Nothing was removed; pgtrail archive show tells by which rules.';
        end if;
        select jsonb_agg(jsonb_build_object('policy', p.policy, 'rule', p.rule_seq, 'floor', p.floor, 'keep', p.keep_days, 'cutoff',
            to_char(started - p.keep_days * interval '24 hours', time_form), 'events', p.events) order by p.policy, p.keep_days, p.floor, p.rule_seq)
        into policies
        from (
            select r.policy, r.rule_seq, r.floor, r.keep_days, sum(k.events)::bigint as events
            from pgtrail.archive_kind k,
                lateral pgtrail.retention_of(k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, started) r
            where k.act_seq = archive.act_seq
            group by 1, 2, 3, 4
        ) p;
    end if;
    act := pgtrail.record_act('remove_archive', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq,
        'reason', remove_archive.reason, 'requested_by', remove_archive.requested_by, 'expired', expired, 'policies', policies,
        'grace', coalesce((select s.value from pgtrail.setting s where s.name = 'retention-grace'), '7d'), 'at', to_char(started, time_form),
        'holds', encode(pgtrail.holds_in_force(started), 'hex')));
    update pgtrail.archive a set removed_seq = act where a.act_seq = archive.act_seq;
    return act;
end
$$;
comment on function pgtrail.remove_archive(text, text, text, boolean) is 'Records that an archive is removed';
revoke all on function pgtrail.remove_archive(text, text, text, boolean) from public;

-- Deletes a file in the database; false where there is none. The files of an archive that an act tells of stay until an act tells that it is
-- removed. Whoever makes that act and this in one transaction finds it so.
create or replace function pgtrail.remove_stored(id text) returns boolean
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    archive pgtrail.archive;
begin
    -- An archive that is recorded at this moment is waited for, and an old snapshot would not see it.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'files are removed at the isolation level read committed',
            hint = 'Nothing was removed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    select a.* into archive from pgtrail.archive a
    where a.name = split_part(remove_stored.id, '/', 1) and a.location = 'table:' and a.removed_seq is null;
    if found then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('the file belongs to the archive %s, which act %s tells of', archive.name, archive.act_seq),
            hint = 'Nothing was removed; pgtrail archive remove removes an archive, and records it.';
    end if;
    -- First what says that it is there, which whoever writes the file has locked: then no part comes any more.
    delete from pgtrail.archive_storage s where s.id = remove_stored.id;
    if not found then
        return false;
    end if;
    delete from pgtrail.archive_storage_part p where p.id = remove_stored.id;
    return true;
end
$$;
comment on function pgtrail.remove_stored(text) is 'Deletes a stored file';
revoke all on function pgtrail.remove_stored(text) from public;

-- Removes a rule of what is personal, by an act; null where no such rule is in force. Its row stays: it was in force until then.
create or replace function pgtrail.remove_subject_rule(rule bigint) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    found_rule pgtrail.subject_rule;
    act bigint;
begin
    perform pg_advisory_xact_lock(1885828210, -1);
    select * into found_rule from pgtrail.subject_rule r where r.act_seq = remove_subject_rule.rule and r.ended_seq is null for update;
    if not found then
        -- A rule that was added since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was changed. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no such rule';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('subject_rule', jsonb_build_object('step', 'remove', 'rule', found_rule.act_seq, 'kind', found_rule.kind,
        'event_type', found_rule.event_type, 'resource_type', found_rule.resource_type, 'path', to_jsonb(found_rule.path),
        'classification', found_rule.data_classification, 'tag', found_rule.compliance_tag));
    update pgtrail.subject_rule r set ended_seq = act where r.act_seq = found_rule.act_seq;
    return act;
end
$$;
comment on function pgtrail.remove_subject_rule(bigint) is 'Removes a rule of what is personal';
revoke all on function pgtrail.remove_subject_rule(bigint) from public;

-- The last microsecond of the day, in UTC, until which a request must be answered: so many calendar months after it was received. Granted to
-- nobody: who enters and extends a request calls it.
create or replace function pgtrail.request_due(received timestamptz, months int) returns timestamptz
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
    select date_trunc('day', received + make_interval(months => months)) + interval '1 day - 1 microsecond'
$$;
comment on function pgtrail.request_due(timestamptz, int) is 'The end of the day until which a request must be answered';
revoke all on function pgtrail.request_due(timestamptz, int) from public;

-- Makes the rows of an archive in pg_temp.pgtrail_restored what the log has of them, before they are searched for a subject: `changed` events
-- came back into the log and were redacted there since, and stand here as they do there. `stale` are rows of which the log knows a redaction
-- that they do not have, or the other way around, and that the log itself has no more: nobody can make of them what was recorded.
create or replace function pgtrail.restage_archive(name text, out changed bigint, out stale bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    stage constant regclass := to_regclass('pg_temp.pgtrail_restored');
    condition constant text := pgtrail.redaction_condition();
    archive pgtrail.archive;
    stage_indexes constant bigint := (select count(*) from pg_index i where i.indrelid = stage);
    home record;
    n bigint;
begin
    if not exists (
        select from pg_class c
        where c.oid = stage and c.relkind = 'r' and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
    then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
            message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
    end if;
    select a.* into archive from pgtrail.archive a where a.name = restage_archive.name;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', restage_archive.name),
            hint = 'Nothing was changed; pgtrail archive list tells all.';
    end if;
    changed := 0;
    if archive.restored_seq is not null then
        for home in
            select p.oid::regclass as relation from pgtrail.partitions() p
            where p.is_default or p.since <= archive.newest_occurred_at and p.until > archive.oldest_occurred_at
        loop
            execute format($q$
                with gone as (
                    delete from only pg_temp.pgtrail_restored s
                    using only %1$s e
                    where e.organization_id = s.organization_id and e.lane = s.lane and e.seq = s.seq and e.hash = s.hash
                        and (e.identity_digest, e.content_digest, e.identity_salt, e.content_salt)
                            is distinct from (s.identity_digest, s.content_digest, s.identity_salt, s.content_salt)
                        and %2$s and %3$s
                    returning e.*
                )
                insert into pg_temp.pgtrail_restored select g.* from gone g $q$, home.relation, pgtrail.hash_condition(), condition);
            get diagnostics n = row_count;
            changed := changed + n;
        end loop;
    end if;
    execute format('select count(*) from only pg_temp.pgtrail_restored e where (%s) is not true', condition) into stale;
    -- As those of a partition: it is searched in one organization of the log after the other, most of which it has nothing of.
    if stage_indexes = 0 then
        create index on pg_temp.pgtrail_restored (organization_id, left(actor_id, 300));
        create index on pg_temp.pgtrail_restored (organization_id, left(session_id, 300)) where session_id is not null;
        create index on pg_temp.pgtrail_restored (organization_id, left(resource_type, 100), left(resource_id, 300)) where resource_id is not null;
        analyze pg_temp.pgtrail_restored;
    end if;
end
$$;
comment on function pgtrail.restage_archive(text) is 'Makes the rows of an archive what the log has of them';
revoke all on function pgtrail.restage_archive(text) from public;

-- Brings the events of an archive back into the table, from pg_temp.pgtrail_restored, and records it. They are judged by nothing but
-- themselves: the hash of each, the links between them, and that the records of a purge, made of them anew, have the digest that the act of
-- the purge has. So no other event, and none that was altered, comes in, whoever brings it, and what was redacted never comes back. The
-- record of the purge stays, and from now on takes nothing out of the chain. READ COMMITTED only.
-- Where their partition is there and has no events, as after an archive of a whole one, it is built anew with them and takes the place of the
-- empty one: an index of many rows is built several times faster than it grows. `patience`: how long to wait for the moment of that.
create or replace function pgtrail.restore_archive(
    name text, reason text, requested_by text default null, patience interval default '30 seconds', out seq bigint, out events bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    stage constant regclass := to_regclass('pg_temp.pgtrail_restored');
    archive pgtrail.archive;
    staged record;
    newest_act bigint;
    home record;
    empty boolean;
    temporary text;
    built record;
begin
    if coalesce(btrim(restore_archive.reason, E' \t\r\n'), '') = '' or length(restore_archive.reason) > 2000
        or length(restore_archive.requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was restored.',
            message = 'a restore takes a reason, of 2000 characters at most, and who asked for it in 200';
    elsif current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'feature_not_supported', message = 'an archive is restored at the isolation level read committed',
            hint = 'Nothing was restored.';
    elsif not exists (
        select from pg_class c
        where c.oid = stage and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user))
    then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was restored.',
            message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
    end if;
    -- Two at once would wait for each other's locks, one of them where PostgreSQL does not see it.
    begin
        select a.* into archive from pgtrail.archive a where a.name = restore_archive.name for update nowait;
    exception when lock_not_available then
        raise exception using errcode = 'lock_not_available', message = format('another run restores or removes %s', restore_archive.name),
            hint = 'Nothing was restored; wait until it is over: pgtrail archive list.';
    end;
    if not found then
        raise exception using errcode = 'undefined_object', message = format('there is no archive %s', restore_archive.name),
            hint = 'Nothing was restored; pgtrail archive list tells all.';
    elsif archive.restored_seq is not null then
        raise exception using errcode = 'TR011', hint = 'Nothing was changed.',
            message = format('act %s brought the events of %s back into the table', archive.restored_seq, archive.name);
    end if;

    select r.* into staged from pgtrail.staged_records() r;
    events := staged.events;
    if (staged.sound and staged.digest = (select a.digest from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = archive.act_seq and a.kind = 'purge')) is not true
    then
        raise exception using errcode = 'TR017',
            message = format('these events are not the ones that act %s took out of the log into %s', archive.act_seq, archive.name),
            hint = 'Nothing was restored; pgtrail archive verify tells what is wrong with the archive.';
    elsif staged.vouched is not true then
        raise exception using errcode = 'TR017',
            message = format('values that stand in %s are not those that redactions of its events left', archive.name),
            hint = format('Nothing was restored: what was erased does not come back. pgtrail verify --archive %s tells where; pgtrail archive remove %s removes it.',
                archive.location, archive.name);
    end if;

    begin
        if events >= 1000 then
            -- Before the partitions are read: whoever changes them comes before or after.
            perform pgtrail.await_lock(-8, patience);
            select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
            select p.*, p.oid::regclass as relation into home from pgtrail.partitions() p
            where p.attached and not p.is_default and p.since <= staged.oldest and p.until > staged.newest
                -- To attach a partition PostgreSQL reads DEFAULT under the lock.
                and not exists (select from pgtrail.partitions() d where d.is_default and pg_relation_size(d.oid) > 67108864);
            if home.relation is not null then
                execute format('select not exists (select from only %s)', home.relation) into empty;
            end if;
        end if;
        if empty then
            temporary := left(home.name, 50) || '_rewritten';
            select b.* into built from pgtrail.build_partition(temporary, home.relation, '', pg_get_partition_constraintdef(home.oid),
                beside => stage) b;
            perform pgtrail.lock_partitions(array(
                select p.oid::regclass from pgtrail.partitions() p where p.oid = home.oid or p.is_default and p.attached), patience, true);
            if newest_act is distinct from (
                select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
            then
                raise exception using errcode = 'serialization_failure', hint = 'Nothing was restored. Run it again.',
                    message = format('something was decided while %s was built', home.name);
            end if;
            execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
                'on conflict do nothing', temporary, home.relation)
            using home.relation, built.organizations, built.lanes, built.seqs;
        else
            insert into pgtrail.sealing values (pg_current_xact_id());
            insert into pgtrail.event select e.* from only pg_temp.pgtrail_restored e;
            delete from pgtrail.sealing s where s.transaction_id = pg_current_xact_id();
        end if;
    exception when unique_violation then
        raise exception using errcode = 'TR017', hint = 'Nothing was restored; pgtrail verify tells what is there.',
            message = format('events stand in the table at places of %s, which were purged', archive.name);
    end;
    seq := pgtrail.record_act('restore', jsonb_build_object('archive', archive.name, 'purge', archive.act_seq, 'events', events,
        'schema', null, 'reason', restore_archive.reason, 'requested_by', restore_archive.requested_by));
    update pgtrail.purge p set restored_seq = restore_archive.seq where p.act_seq = archive.act_seq;
    update pgtrail.archive a set restored_seq = restore_archive.seq where a.act_seq = archive.act_seq;
    if temporary is not null then
        execute format('drop table %s', home.relation);
        perform pgtrail.join_partition(temporary, home.name, format('for values from (%s) to (%s)',
            coalesce(quote_literal(nullif(home.since, '-infinity')), 'minvalue'), coalesce(quote_literal(nullif(home.until, 'infinity')), 'maxvalue')));
    end if;
    -- Of days that the purge left nothing of, the summaries have no rows; they are counted all the same.
    if exists (select from pgtrail.summary_cursor) then
        perform pg_advisory_xact_lock(1885828210, -5);
        insert into pgtrail.summary_recount
        select d.organization_id, d.day, false
        from (select distinct e.organization_id, (e.occurred_at at time zone 'UTC')::date as day from only pg_temp.pgtrail_restored e) d
        where exists (select from pgtrail.summary_cursor c where c.organization_id = d.organization_id)
        on conflict (organization_id, day) do update set compares = false;
        perform pgtrail.forget_summary(p.organization_id, min(p.oldest_occurred_at), max(p.newest_occurred_at))
        from pgtrail.purge p where p.act_seq = archive.act_seq group by p.organization_id;
    end if;
end
$$;
comment on function pgtrail.restore_archive(text, text, text, interval) is 'Brings the events of an archive back';
revoke all on function pgtrail.restore_archive(text, text, text, interval) from public;

-- Makes the temporary table that a restore fills by COPY: gone at the end of the transaction. It belongs to the owner of pgtrail, so that
-- the restoring role can add rows, read what it added, and nothing else.
create or replace function pgtrail.restore_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    if to_regclass('pg_temp.pgtrail_restored') is null then
        create temporary table pgtrail_restored (like pgtrail.event) on commit drop;
        grant select, insert on pg_temp.pgtrail_restored to public;
    end if;
end
$$;
comment on function pgtrail.restore_stage() is 'Temporary table for the events of an archive';
revoke all on function pgtrail.restore_stage() from public;

-- Restricts what is done with the events of a subject (Article 18), whom pg_temp.pgtrail_subject names: from now on only pgtrail_privacy is
-- shown them. The act has the digest of its rows, because they name a person and an act does not:
-- each with a salt, without which a guess is no proof once they are gone. Null where the same is in force already,
-- which answers the request too.
create or replace function pgtrail.restrict_subject(
    organization text, reason text, requested_by text, request text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    made pgtrail.subject_restriction[];
    whole bytea := ''::bytea;
    m pgtrail.subject_restriction;
    act bigint;
    odd text;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'a restriction takes a reason, of 2000 characters at most';
    elsif coalesce(btrim(requested_by, E' \t\r\n'), '') = '' or length(requested_by) > 200 then
        odd := 'a restriction takes who asked for it, in 200 characters at most';
    elsif length(organization) not between 1 and 128 then
        odd := 'an organization has a name of 1 to 128 characters';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was restricted.';
    end if;
    perform pgtrail.check_subject_stage();
    perform pgtrail.subject_forms();
    if exists (select from pg_temp.pgtrail_subject s where s.kind = 'text') then
        raise exception using errcode = 'TR009', hint = 'Nothing was restricted. Leave it out.',
            message = 'a restriction looks for no text: what is hidden is what the subject did and what was done to him';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(request);
    select array_agg(row(null, restrict_subject.organization, d.kind, d.value, d.number, gen_random_uuid())::pgtrail.subject_restriction order by d.number)
    into made
    from (
        select f.kind, f.value, row_number() over (order by f.kind, f.value) as number
        from (
            -- In both Unicode forms, as events may have them.
            select distinct s.kind collate "C", v.value collate "C"
            from pg_temp.pgtrail_subject s,
                lateral (values (case s.kind when 'ip' then s.value::inet::text when 'email' then lower(s.value collate "default") else s.value end)) w (value),
                lateral (values (normalize(w.value)), (normalize(w.value, nfd))) v (value)
        ) f (kind, value)
    ) d;
    select r.act_seq into act from pgtrail.subject_restriction r group by r.act_seq
    having array_agg(row(r.organization_id, r.kind, r.value) order by r.number)
        = (select array_agg(row(n.organization_id, n.kind, n.value) order by n.number) from unnest(made) n)
    order by r.act_seq desc
    limit 1;
    if found then
        perform pgtrail.note_request_act(request, act);
        return null;
    end if;
    foreach m in array made loop
        whole := whole || record_send(row('pgtrail restriction'::text, m.salt, m.organization_id, m.kind, m.value));
    end loop;
    act := pgtrail.record_act('restrict', jsonb_build_object('organization', organization, 'identifiers',
        (select count(distinct (n.kind, normalize(n.value))) from unnest(made) n), 'reason', reason,
        'requested_by', requested_by, 'request', request), sha256(whole));
    insert into pgtrail.subject_restriction
    select act, n.organization_id, n.kind, n.value, n.number, n.salt from unnest(made) n;
    perform pgtrail.note_request_act(request, act);
    return act;
end
$$;
comment on function pgtrail.restrict_subject(text, text, text, text) is 'Restricts what is done with the events of a subject';
revoke all on function pgtrail.restrict_subject(text, text, text, text) from public;

-- Events of one retention class tend to one lane: same fate, same lane, so that purge records stay short. 0 is the standard class.
create or replace function pgtrail.retention_class(retention_policy text) returns int
language sql immutable parallel safe
as $$
    select case when retention_policy = 'standard' then 0 else 1 + (hashtext(retention_policy) & 7) end
$$;
comment on function pgtrail.retention_class(text) is 'Number of a retention class, 0 to 8';
revoke all on function pgtrail.retention_class(text) from public;

-- How long events of this kind are kept at a time, and why. Of the policies that fit, one that names the organization goes before one
-- that does not, then the longer type, then one that names the classification, then the one of the event's own retention_policy, then
-- standard; of equal ones the longer period. No floor is gone below. What the rules kept at any time within the grace is still kept.
create or replace function pgtrail.retention_of(
    organization text, classification text, event_type text, retention_policy text, compliance_tags text[], at timestamptz,
    out policy text, out keep_days int, out floor text, out archive_after_days int, out rule_seq bigint, out later_days int, out equals text[]
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with grace as (
        select at - coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours' as since
    ), moment as (
        select g.since as t from grace g
        union
        select c.t from pgtrail.retention_rule r, grace g, lateral (values (r.counts_from), (r.counts_until)) c (t)
        where c.t > g.since and c.t <= at
        union
        select at
    ), fitting as (
        select m.t, r.*,
            rank() over (partition by m.t order by r.organization_id is null, length(coalesce(r.event_type, '')) desc, r.data_classification is null,
                case when num_nonnulls(r.organization_id, r.event_type, r.data_classification) > 0 then 0
                    when r.name = retention_of.retention_policy then 1 else 2 end) as place
        from moment m
        join pgtrail.retention_rule r on r.kind = 'policy' and r.counts_from <= m.t and m.t < r.counts_until
        where (r.organization_id is null or r.organization_id = organization)
            and (r.data_classification is null or r.data_classification = classification)
            and (r.event_type is null or r.event_type = retention_of.event_type
                or starts_with(retention_of.event_type, r.event_type || '.'))
            and (num_nonnulls(r.organization_id, r.event_type, r.data_classification) > 0
                or r.name in (retention_of.retention_policy, 'standard'))
    ), chosen as (
        select distinct on (f.t) f.t, f.name, f.keep_days, f.archive_after_days, f.act_seq,
            (select array_agg(o.name order by o.name) from fitting o where o.t = f.t and o.place = 1 and o.name <> f.name) as equals
        from fitting f
        where f.place = 1
        order by f.t, f.keep_days desc, f.name
    ), period as (
        select c.*, l.name as floor, greatest(c.keep_days, l.keep_days) as days
        from chosen c
        left join lateral (
            select r.name, r.keep_days from pgtrail.retention_rule r
            where r.kind = 'floor' and r.counts_from <= c.t and c.t < r.counts_until and r.compliance_tag = any (compliance_tags)
                and r.keep_days > c.keep_days
            order by r.keep_days desc, r.name limit 1
        ) l on true
    )
    select p.name, w.days, p.floor, p.archive_after_days, p.act_seq, case when p.days < w.days then p.days end, p.equals
    from period p, (select max(w.days) as days from period w) w
    where p.t = at
$$;
comment on function pgtrail.retention_of(text, text, text, text, text[], timestamptz) is 'How long events are kept, and why';
revoke all on function pgtrail.retention_of(text, text, text, text, text[], timestamptz) from public;

-- What retention would have taken from a partition by a time, by organization and policy; reads all of its events, tells none. Of the
-- `events` of each, `expired` would go, `expired_now` of them at `asked_at` already; the first of them are due at `first_at` and the last at
-- `last_at`. Of those whose time is over then, `held` are under a hold (the `cases`), and `fresh` kept back by the grace, if only for a while.
-- `archivable` are due for an archive and would go into one at `asked_at`: what a hold or the grace keeps back of them is among those.
create or replace function pgtrail.retention_plan(
    partition_name text, at timestamptz default now(), organization text default null, asked_at timestamptz default now()
)
returns table (organization_id text, policy text, keep_days int, floor text, events bigint, expired bigint, expired_now bigint, held bigint, fresh bigint,
    archivable bigint, oldest timestamptz, newest timestamptz, first_at timestamptz, last_at timestamptz, cases text[])
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
declare
    grace constant interval
        := coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) * interval '24 hours';
    hold text := 'null::text[]';
    condition record;
begin
    if not exists (select from pgtrail.partitions() p where p.name = partition_name) then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'pgtrail partition list tells all.';
    end if;
    if exists (select from pgtrail.hold h where h.released_seq is null and (h.expires_at is null or h.expires_at > now())) then
        hold := '(select array_agg(distinct h.case_id) from pgtrail.hold h where h.released_seq is null '
            'and (h.expires_at is null or h.expires_at > now()) and ' || pgtrail.hold_fits() || ')';
    end if;
    select c.* into condition from pgtrail.entered_condition(least(at, asked_at) - grace) c;
    return query execute format($q$
        with period as materialized (
            select k.*, r.policy, r.keep_days, r.floor, r.keep_days * interval '24 hours' as keep,
                $1 - r.keep_days * interval '24 hours' as cutoff, $4 - r.archive_after_days * interval '24 hours' as archive_cutoff,
                $4 - o.keep_days * interval '24 hours' as cutoff_now
            from (
                select e.organization_id, coalesce(e.data_classification, '') as classification, e.event_type, e.retention_policy as class,
                    coalesce(e.compliance_tags::text, '') as tags
                from only pgtrail.%1$I e
                where $3 is null or e.organization_id = $3
                group by 1, 2, 3, 4, 5
            ) k,
                lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class,
                    nullif(k.tags, '')::text[], $1) r,
                lateral pgtrail.retention_of(k.organization_id, nullif(k.classification, ''), k.event_type, k.class,
                    nullif(k.tags, '')::text[], $4) o
        ), judged as (
            select e.organization_id, p.policy, p.keep_days, p.floor, e.occurred_at, e.occurred_at < p.cutoff as over,
                e.occurred_at < p.cutoff and %3$s < $1 - $2 as goes,
                e.occurred_at < p.cutoff and e.occurred_at < p.cutoff_now and %3$s < $4 - $2 as goes_now,
                case when e.occurred_at < p.cutoff then %3$s + $2 > greatest($4, e.occurred_at + p.keep)
                    when e.occurred_at < p.archive_cutoff then %3$s + $2 > $4 else false end as fresh,
                -- Where a longer period is still kept to, not before that ends.
                case when e.occurred_at < p.cutoff then
                    greatest(e.occurred_at + p.keep, %3$s + $2, case when e.occurred_at >= p.cutoff_now then $4 end) end as due_at,
                coalesce(e.occurred_at >= p.cutoff and e.occurred_at < p.archive_cutoff, false) as archivable,
                case when e.occurred_at < greatest(p.cutoff, p.archive_cutoff) then %2$s end as cases
            from only pgtrail.%1$I e
            join period p on p.organization_id = e.organization_id and p.event_type = e.event_type and p.class = e.retention_policy
                and p.classification = coalesce(e.data_classification, '') and p.tags = coalesce(e.compliance_tags::text, '')
            %4$s
            offset 0
        ), counted as (
            select j.organization_id, j.policy, j.keep_days, j.floor, j.cases, count(*) as events,
                count(*) filter (where j.goes and j.cases is null) as expired,
                count(*) filter (where j.goes_now and j.cases is null) as expired_now,
                count(*) filter (where (j.over or j.archivable) and j.cases is not null) as held,
                count(*) filter (where j.fresh and j.cases is null) as fresh, count(*) filter (where j.archivable and not j.fresh and j.cases is null) as archivable,
                min(j.occurred_at) filter (where j.over) as oldest, max(j.occurred_at) filter (where j.over) as newest,
                min(j.due_at) filter (where j.goes and j.cases is null) as first_at,
                max(j.due_at) filter (where j.goes and j.cases is null) as last_at
            from judged j
            group by 1, 2, 3, 4, 5
        )
        select c.organization_id, c.policy, c.keep_days, c.floor, sum(c.events)::bigint, sum(c.expired)::bigint, sum(c.expired_now)::bigint, sum(c.held)::bigint,
            sum(c.fresh)::bigint, sum(c.archivable)::bigint, min(c.oldest), max(c.newest), min(c.first_at), max(c.last_at),
            (select array_agg(distinct n.name order by n.name) from counted o, unnest(o.cases) n (name)
                where (o.organization_id, o.policy, o.keep_days) = (c.organization_id, c.policy, c.keep_days)
                    and o.floor is not distinct from c.floor)
        from counted c
        group by 1, 2, 3, 4
        order by 1, 2, 3, 4 $q$, partition_name, hold, condition.entered, condition.joins)
    using at, grace, organization, asked_at;
end
$$;
comment on function pgtrail.retention_plan(text, timestamptz, text, timestamptz) is 'What retention would take from a partition';
revoke all on function pgtrail.retention_plan(text, timestamptz, text, timestamptz) from public;

-- Records by an act that somebody is about to learn whom a pseudonym stands for. It tells nothing: `revealed` does, once the act is
-- committed, so that nobody can look and then take the act back. Null where the log has no such pseudonym, or does not know any more whom
-- it stands for; one that has its original encrypted in itself needs no mapping.
create or replace function pgtrail.reveal(pseudonym text, reason text, requested_by text default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    odd text;
begin
    if (pseudonym ~ '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$' and length(pseudonym) <= 2100) is not true then
        odd := 'this is no pseudonym: one begins with p1:h:, p1:t: or p1:e:';
    elsif coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000 then
        odd := 'to reveal takes a reason, of 2000 characters at most';
    elsif length(requested_by) > 200 then
        odd := 'who asked for it is told in 200 characters at most';
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was revealed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    if not exists (select from pgtrail.pseudonym p where p.pseudonym = reveal.pseudonym and p.original is not null)
        and (pseudonym not like 'p1:e:%' or not exists (
            select from pgtrail.privacy_key k where k.key_id = split_part(reveal.pseudonym, ':', 3) and k.state <> 'destroyed'))
    then
        return null;
    end if;
    return pgtrail.record_act('reveal', jsonb_build_object('pseudonym', pseudonym, 'reason', reason, 'requested_by', requested_by));
end
$$;
comment on function pgtrail.reveal(text, text, text) is 'Records that somebody is about to learn whom a pseudonym stands for';
revoke all on function pgtrail.reveal(text, text, text) from public;

-- What the log has of a pseudonym, still encrypted, for an act of `reveal` that is committed: to whom made it, for ten minutes.
create or replace function pgtrail.revealed(act bigint)
returns table (pseudonym text, organization_id text, strategy text, key_id text, original bytea)
language sql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select a.parameters ->> 'pseudonym', p.organization_id, p.strategy, p.key_id, p.original
    from pgtrail.act a
    left join pgtrail.pseudonym p on p.pseudonym = a.parameters ->> 'pseudonym'
    where a.organization_id = 'pgtrail' and a.seq = revealed.act and a.kind = 'reveal' and a.session_user_name = session_user
        and a.recorded_at > clock_timestamp() - interval '10 minutes'
        -- One that this transaction made itself could still be taken back.
        and a.transaction_id is distinct from pg_current_xact_id_if_assigned()
$$;
comment on function pgtrail.revealed(bigint) is 'What the log has of a pseudonym, for an act that is committed';
revoke all on function pgtrail.revealed(bigint) from public;

-- Builds a partition anew with all of its rows, and drops the old one: what was replaced in it is then in none of its files, nor in those of
-- its indexes and of its large values. No event changes, so there is no act. As purge_partition does it: nobody has to wait until
-- the new table takes the place of the old one, and what arrived meanwhile comes along. Detached ones too, and DEFAULT.
create or replace function pgtrail.rewrite_partition(partition_name text, patience interval default '30 seconds') returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    newest_act bigint;
    partition record;
    temporary text;
    built record;
    late bigint := 0;
begin
    -- Who changes partitions has read them before: two at once would each keep the other from locking them.
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    select p.*, p.oid::regclass as relation into partition from pgtrail.partitions() p where p.name = partition_name;
    if not found then
        raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
            hint = 'Nothing was changed; pgtrail partition list tells all.';
    end if;
    temporary := left(partition.name, 50) || '_rewritten';
    select b.* into built from pgtrail.build_partition(temporary, partition.relation, '',
        case when partition.attached then coalesce(pg_get_partition_constraintdef(partition.oid), 'true')
        else format('occurred_at is not null and occurred_at >= %L::timestamptz and occurred_at < %L::timestamptz', partition.since, partition.until)
        end) b;
    perform pgtrail.lock_partitions(array(
        select p.oid::regclass from pgtrail.partitions() p where p.oid = partition.oid or p.is_default and partition.attached), patience);
    if newest_act is distinct from (
        select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
    then
        raise exception using errcode = 'serialization_failure', message = format('something was decided while %s was built', partition.name),
            hint = 'Nothing was changed. Run it again.';
    end if;
    if partition.attached then
        execute format('insert into pgtrail.%I select e.* from pgtrail.late_events($1, $2, $3, $4) l join only %s e on e.ctid = l.place '
            'on conflict do nothing', temporary, partition.relation)
        using partition.relation, built.organizations, built.lanes, built.seqs;
        get diagnostics late = row_count;
    end if;
    execute format('drop table %s', partition.relation);
    perform pgtrail.join_partition(temporary, partition.name, case when not partition.attached then null
        when partition.is_default then 'default'
        else format('for values from (%s) to (%s)', coalesce(quote_literal(nullif(partition.since, '-infinity')), 'minvalue'),
            coalesce(quote_literal(nullif(partition.until, 'infinity')), 'maxvalue')) end);
    if not partition.attached then
        -- As detach_partition leaves it: nothing may come into it.
        execute format('create trigger pgtrail_closed before insert on pgtrail.%I for each statement execute function '
            'pgtrail.guard(''INSERT attach'')', partition.name);
    end if;
    return built.added + late;
end
$$;
comment on function pgtrail.rewrite_partition(text, interval) is 'Builds a partition anew, so that its old files go';
revoke all on function pgtrail.rewrite_partition(text, interval) from public;

-- What an erasure leaves outside of the partitions: rows that were taken away from the summaries of actors, from the batches of the last day
-- (a digest of values), from restrictions, and, where `storage`, from archives in the database itself, are in files until something writes
-- over them. Writes these tables anew, and gathers statistics anew, of which a column's most common values are a part: those
-- of an empty table stay as they were, so they are dropped. The old rows of statistics are in the file of pg_statistic itself: VACUUM FULL.
create or replace function pgtrail.rewrite_summary(storage boolean default false, patience interval default '30 seconds') returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
declare
    deadline constant timestamptz := clock_timestamp() + patience;
    before constant text := current_setting('lock_timeout');
begin
    perform pgtrail.lock_summary();
    loop
        begin
            -- Whoever appends gets his turn: nobody waits in a queue behind this lock for longer than that.
            set local lock_timeout = '100ms';
            lock table pgtrail.append_batch, pgtrail.summary_actor, pgtrail.subject_restriction in access exclusive mode;
            if storage then
                lock table pgtrail.archive_storage, pgtrail.archive_storage_part in access exclusive mode;
            end if;
            exit;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() >= deadline then
                raise exception using errcode = 'lock_not_available',
                    message = format('the summaries and batches could not be locked within %s s', round(extract(epoch from patience)::numeric, 1)),
                    hint = 'Nothing was changed. Run it again, with more --patience.';
            end if;
        end;
        perform pg_sleep(0.2);
    end loop;
    perform set_config('lock_timeout', before, true);
    create temporary table pgtrail_kept_actor on commit drop as select * from pgtrail.summary_actor;
    truncate pgtrail.summary_actor;
    insert into pgtrail.summary_actor select * from pg_temp.pgtrail_kept_actor;
    drop table pg_temp.pgtrail_kept_actor;
    create temporary table pgtrail_kept_batch on commit drop as select * from pgtrail.append_batch;
    truncate pgtrail.append_batch;
    insert into pgtrail.append_batch select * from pg_temp.pgtrail_kept_batch;
    drop table pg_temp.pgtrail_kept_batch;
    -- A guard keeps this one, and what it has is evidence: its rows are moved, not touched.
    -- Verbose: the caller is told how many dead rows it had to keep, because a transaction of before may want to see them.
    cluster verbose pgtrail.subject_restriction using subject_restriction_pkey;
    alter table pgtrail.subject_restriction set without cluster;
    if storage then
        cluster verbose pgtrail.archive_storage using archive_storage_pkey;
        alter table pgtrail.archive_storage set without cluster;
        cluster verbose pgtrail.archive_storage_part using archive_storage_part_pkey;
        alter table pgtrail.archive_storage_part set without cluster;
    end if;
    alter table pgtrail.summary_actor alter column actor_id type text collate "C";
    analyze pgtrail.summary_actor;
end
$$;
comment on function pgtrail.rewrite_summary(boolean, interval) is 'Writes the summaries of actors anew, so that their old files go';
revoke all on function pgtrail.rewrite_summary(boolean, interval) from public;


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

-- Sets a rule of retention, a policy or a floor, in the place of the one of that name; with `keep_days` null it removes it. What the
-- rules kept before is kept for the setting retention-grace more, unless `confirmed` says that this counts at once: then every earlier
-- version of the rule counts no more, also one whose grace has begun already. Null where nothing changes.
create or replace function pgtrail.set_retention(
    kind text, name text, keep_days int, organization text default null, classification text default null, event_type text default null,
    compliance_tag text default null, archive_after_days int default null, confirmed boolean default false
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    least_days constant int := (select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'organization-keep-least' and s.value <> 'none');
    most_days constant int := (select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'organization-keep-most' and s.value <> 'none');
    made pgtrail.retention_rule;
    grace constant interval := coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7)
        * interval '24 hours';
    before pgtrail.retention_rule;
    waiting boolean;
    odd text;
begin
    if (kind in ('policy', 'floor')) is not true or (name ~ '^\S(.{0,98}\S)?$' and name !~ '[[:cntrl:]]') is not true then
        odd := 'a rule of retention is a policy or a floor, and has a name of 1 to 100 characters';
    elsif length(organization) > 1000 or length(event_type) > 1000 or length(compliance_tag) > 1000 then
        odd := 'what a rule names has 1000 characters at most';
    elsif keep_days is null and num_nonnulls(organization, classification, event_type, compliance_tag, archive_after_days) > 0 then
        odd := 'a rule that is removed is named, and nothing more';
    elsif keep_days not between 1 and 36500 or archive_after_days not between 1 and 36500 then
        odd := 'a period is 1 to 36500 days';
    elsif archive_after_days >= keep_days then
        odd := 'what is archived is archived before its time is over';
    elsif kind = 'floor' and keep_days is not null and (coalesce(compliance_tag, '') = ''
            or num_nonnulls(organization, classification, event_type, archive_after_days) > 0) then
        odd := 'a floor names a tag and a period';
    elsif kind = 'policy' and compliance_tag is not null or '' in (organization, classification, event_type) then
        odd := 'a policy names an organization, a classification and a type, each or none, and none of them empty';
    elsif classification not in ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED', 'PHI') then
        odd := 'a classification is PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED or PHI';
    elsif event_type like '%.' or event_type like '%*%' then
        odd := 'the type of a policy is the beginning of types, without a dot or a star at its end';
    elsif kind = 'policy' and name = 'standard' and (keep_days is null or num_nonnulls(organization, classification, event_type) > 0) then
        odd := 'the policy standard is for every event that no other names: its period can be changed, and it stays';
    elsif organization is not null and (keep_days < least_days or keep_days > most_days) then
        odd := format('the period of an organization is %s to %s days (settings organization-keep-least and organization-keep-most)',
            coalesce(least_days, 1), coalesce(most_days, 36500));
    end if;
    if odd is not null then
        raise exception using errcode = 'TR009', message = odd, hint = 'Nothing was changed.';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    select * into before from pgtrail.retention_rule r where r.kind = set_retention.kind and r.name = set_retention.name
        and r.ended_seq is null for update;
    -- Versions that the grace still counts: to confirm what waits is a change too.
    waiting := coalesce(confirmed, false) and exists (select from pgtrail.retention_rule r
        where r.kind = set_retention.kind and r.name = set_retention.name and (r.ended_seq is not null and r.counts_until > clock_timestamp() - grace
            or r.ended_seq is null and r.counts_from > clock_timestamp() - grace));
    if keep_days is null and before is null and not waiting then
        -- A rule that was set since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was changed. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no rule of that name';
        end if;
        return null;
    end if;
    made := row(null, kind, name, organization, classification, event_type, compliance_tag, keep_days, archive_after_days, null, 'infinity', null);
    if not waiting and row(made.organization_id, made.data_classification, made.event_type, made.compliance_tag, made.keep_days, made.archive_after_days)
        is not distinct from row(before.organization_id, before.data_classification, before.event_type, before.compliance_tag,
            before.keep_days, before.archive_after_days)
    then
        return null;
    end if;
    made.act_seq := pgtrail.record_act('retention', jsonb_build_object('rule', kind, 'name', name, 'organization', organization,
        'classification', classification, 'type', event_type, 'tag', compliance_tag, 'keep', keep_days, 'archive_after', archive_after_days,
        'before', before.keep_days, 'confirmed', coalesce(confirmed, false)));
    select case when confirmed then '-infinity' else a.recorded_at end into made.counts_from
    from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = made.act_seq;
    update pgtrail.retention_rule r set counts_until = made.counts_from, ended_seq = coalesce(r.ended_seq, made.act_seq)
    where r.kind = set_retention.kind and r.name = set_retention.name and (r.ended_seq is null or confirmed);
    if keep_days is not null then
        insert into pgtrail.retention_rule select made.*;
    end if;
    return made.act_seq;
end
$$;
comment on function pgtrail.set_retention(text, text, int, text, text, text, text, int, boolean) is 'Sets or removes a rule of retention';
revoke all on function pgtrail.set_retention(text, text, int, text, text, text, text, int, boolean) from public;

-- Changes a setting of the log, by an act that has its old and its new value; null where it has that value already. The settings
-- that people may change, and what values they take, stand here.
create or replace function pgtrail.set_setting(name text, value text) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    wanted text := value;
    before text;
begin
    if name = 'event-size-limit' then
        if value ~ '^[0-9]{1,10}$' and value::bigint between 65536 and 1073741824 then
            wanted := value::bigint::text;
        else
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'event-size-limit takes a number of bytes from 65536 to 1073741824';
        end if;
    elsif name = 'require-signed-acts' then
        if value is null or value not in ('on', 'off') then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'require-signed-acts takes on or off';
        end if;
    elsif name = 'retention-grace' then
        if (value ~ '^[0-9]{1,4}d$') is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'retention-grace takes a number of days, from 0d to 9999d';
        end if;
        wanted := rtrim(value, 'd')::int || 'd';
    elsif name in ('organization-keep-least', 'organization-keep-most') then
        if (value = 'none' or value ~ '^[1-9][0-9]{0,4}d$' and rtrim(value, 'd')::int <= 36500) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = format('%s takes a number of days, from 1d to 36500d, or none', name);
        end if;
    elsif name = 'partitions-ahead' then
        if (value ~ '^[0-9]{1,3}$' and value::int <= 120) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partitions-ahead takes a number from 0 to 120';
        end if;
        wanted := value::int::text;
    elsif name = 'partition-interval' then
        if (value in ('week', 'month', 'quarter', 'year')) is not true then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partition-interval takes week, month, quarter or year';
        elsif exists (select from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass) then
            raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
                message = 'partition-interval is chosen when the log is installed: pgtrail install --partition-interval';
        end if;
    elsif name in ('roles', 'code-checksum', 'catalog-checksum') then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail migrate up sets it.',
            message = format('the setting %s is not changed by hand', name);
    else
        raise exception using errcode = 'TR009', hint = 'Nothing was changed; pgtrail setting list tells all.',
            message = 'there is no such setting: event-size-limit, require-signed-acts, retention-grace, partitions-ahead, '
                'organization-keep-least and organization-keep-most can be changed';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    -- FOR UPDATE: an old snapshot must not take the value before another's change for the present one.
    select s.value into before from pgtrail.setting s where s.name = set_setting.name for update;
    if before = wanted then
        return null;
    end if;
    if before is null then
        insert into pgtrail.setting select set_setting.name, wanted;
    else
        update pgtrail.setting s set value = wanted where s.name = set_setting.name;
    end if;
    return pgtrail.record_act('setting', jsonb_build_object('name', name, 'value', wanted, 'before', before));
end
$$;
comment on function pgtrail.set_setting(text, text) is 'Changes a setting of the log';
revoke all on function pgtrail.set_setting(text, text) from public;

-- Puts a signature beside an act of this very transaction, once. Whether it is good the database cannot tell: verify does, with the
-- public keys that whoever verifies has.
create or replace function pgtrail.sign_act(seq bigint, signature text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set client_encoding = 'UTF8'
as $$
begin
    if signature is null or length(signature) > 10000 or signature !~ '^(\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$' then
        raise exception using errcode = 'TR009',
            message = 'the signature does not consist of signature lines of a signed note', hint = 'Nothing was signed.';
    end if;
    -- An act of a restored log may have the number of a transaction of this server, but not its time.
    if not exists (
        select from pgtrail.act a
        where a.organization_id = 'pgtrail' and a.seq = sign_act.seq
            and a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now()
    ) then
        raise exception using errcode = 'TR009',
            message = format('act %s is not one of this transaction: an act is signed when it is recorded', seq),
            hint = 'Nothing was signed.';
    end if;
    insert into pgtrail.act_signature select 'pgtrail', sign_act.seq, sign_act.signature on conflict do nothing;
    if not found then
        raise exception using errcode = 'TR011',
            message = format('act %s has been signed already', seq), hint = 'Nothing was changed.';
    end if;
end
$$;
comment on function pgtrail.sign_act(bigint, text) is 'Signs an act of this transaction';
revoke all on function pgtrail.sign_act(bigint, text) from public;

-- Makes partitions of a log at work, and takes along what DEFAULT holds of their time. Where DEFAULT has nothing of it and is small, they are
-- attached, for which PostgreSQL reads DEFAULT under a lock; else DEFAULT is built anew without those rows before anybody has to wait.
-- Never by a check on DEFAULT itself, which would refuse events of that time until the partition is there. What arrives while it is built is
-- copied after, again and again, until little is left for the moment under the lock. Tells what was taken along.
create or replace function pgtrail.split_default(
    names text[], sinces timestamptz[], untils timestamptz[], patience interval default '30 seconds', out moved bigint
)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    range_form constant text := '((occurred_at >= %L::timestamptz) and (occurred_at < %L::timestamptz))';
    fallback record;
    wanted record;
    built record;
    rest record;
    head record;
    any_of text;
    others text;
    rebuilt boolean;
    rest_name constant text := 'event_default_rebuilt';
    -- What takes, brings back or changes events of DEFAULT, or gives their time to another partition.
    deciding constant text[] := array['purge', 'restore', 'redact', 'detach', 'attach'];
    newest_act bigint;
    -- The partition that this transaction attaches again, and has recorded so.
    attached constant text := (select a.parameters->>'partition' from pgtrail.act a
        where a.transaction_id = pg_current_xact_id_if_assigned() and a.recorded_at >= now() and a.kind = 'attach' order by a.seq desc limit 1);
    tail text;
    late tid[];
    rounds int := 0;
    locked boolean := false;
    n bigint;
begin
    perform pgtrail.await_lock(-8, patience);
    select max(a.seq) into newest_act from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding);
    if cardinality(names) is distinct from cardinality(sinces) or cardinality(names) is distinct from cardinality(untils)
        or coalesce(cardinality(names), 0) = 0 or exists (
            select from unnest(names, sinces, untils) w (name, since, until)
            where (w.name ~ '^event_[a-z0-9_]{1,40}$' and w.name !~ '_(rebuilt|rewritten)$' and isfinite(w.since) and isfinite(w.until) and w.since < w.until) is not true)
        or exists (
            select from unnest(names, sinces, untils) with ordinality w (name, since, until, n)
            join (
                select p.name, p.since, p.until, 0 as n from pgtrail.partitions() p where not p.is_default
                union all
                select o.* from unnest(names, sinces, untils) with ordinality o (name, since, until, n)
            ) p on p.n < w.n and (p.since < w.until and w.since < p.until or p.name = w.name))
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was made; pgtrail partition list tells what is there.',
            message = 'a partition has a name that begins with event_, and a range of time that no other partition has, attached or not';
    end if;
    moved := 0;
    select p.*, p.oid::regclass as relation into fallback from pgtrail.partitions() p where p.is_default;
    if not found then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'pgtrail.event has no DEFAULT partition',
            hint = 'Nothing was made; pgtrail verify tells what is missing.';
    end if;
    select string_agg(format(range_form, w.since, w.until), ' or ') into any_of from unnest(names, sinces, untils) w (name, since, until);
    execute format('select exists (select from only %s where %s)', fallback.relation, any_of) into rebuilt;
    rebuilt := rebuilt or pg_relation_size(fallback.oid) > 16777216;

    -- All reading and copying first. The heads are those of the first: what came since is looked at again under the lock.
    for wanted in select * from unnest(names, sinces, untils) w (name, since, until) loop
        tail := case when rebuilt then 'where ' || format(range_form, wanted.since, wanted.until) else 'where false' end;
        if wanted.name = attached then
            -- It is there, and no query sees it: it takes what came of its time since.
            execute format('with copied as (insert into pgtrail.%I select e.* from only %s e %s returning 1) '
                'select (select count(*) from copied) as added, array_agg(h.organization_id order by h.organization_id, h.lane) as organizations, '
                'array_agg(h.lane order by h.organization_id, h.lane) as lanes, array_agg(h.seq order by h.organization_id, h.lane) as seqs '
                'from pgtrail.newest_heads() h', wanted.name, fallback.relation, tail) into rest;
        else
            select b.* into rest from pgtrail.build_partition(wanted.name, fallback.relation, tail,
                'occurred_at is not null and ' || format(range_form, wanted.since, wanted.until)) b;
        end if;
        moved := moved + rest.added;
        if built is null then
            built := rest;
        end if;
    end loop;
    if rebuilt then
        -- As PostgreSQL itself writes the bounds of DEFAULT, or it would read the table once more.
        select string_agg(format(range_form, p.since, p.until), ' or ' order by p.since) into others
        from (
            select a.since, a.until from pgtrail.partitions() a where a.attached and not a.is_default
            union all
            select * from unnest(sinces, untils)
        ) p;
        perform pgtrail.build_partition(rest_name, fallback.relation, format('where (%s) is not true', any_of),
            format('not (occurred_at is not null and (%s))', others));
    end if;

    loop
        -- The heads before the events: what comes in between is copied twice, and kept once.
        select array_agg(h.organization_id order by h.organization_id, h.lane) as organizations,
            array_agg(h.lane order by h.organization_id, h.lane) as lanes, array_agg(h.seq order by h.organization_id, h.lane) as seqs
        into head from pgtrail.newest_heads() h;
        select coalesce(array_agg(l.place), '{}') into late
        from pgtrail.late_events(fallback.relation, built.organizations, built.lanes, built.seqs) l;
        for wanted in
            select w.name, format(range_form, w.since, w.until) as condition from unnest(names, sinces, untils) w (name, since, until)
            union all
            select rest_name, format('(%s) is not true', any_of) where rebuilt
        loop
            exit when cardinality(late) = 0;
            execute format('insert into pgtrail.%I select e.* from unnest($1) l (place) join only %s e on e.ctid = l.place '
                'where %s on conflict do nothing', wanted.name, fallback.relation, wanted.condition)
            using late;
            get diagnostics n = row_count;
            if n > 0 and not rebuilt then
                raise exception using errcode = 'serialization_failure', message = format('events of %s arrived meanwhile', wanted.name),
                    hint = 'Nothing was made. Run it again.';
            elsif wanted.name <> rest_name then
                moved := moved + n;
            end if;
        end loop;
        exit when locked;
        built.organizations := head.organizations;
        built.lanes := head.lanes;
        built.seqs := head.seqs;
        rounds := rounds + 1;
        continue when cardinality(late) > 200 and rounds < 20;
        perform pgtrail.lock_partitions(array_remove(array[fallback.relation,
            case when attached is not null then to_regclass(format('pgtrail.%I', attached)) end], null), patience,
            attached is not null);
        if newest_act is distinct from (
            select max(a.seq) from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = any (deciding))
        then
            raise exception using errcode = 'serialization_failure', message = 'events or partitions were removed meanwhile',
                hint = 'Nothing was made. Run it again.';
        end if;
        locked := true;
    end loop;
    if rebuilt then
        execute format('drop table %s', fallback.relation);
    end if;
    for wanted in select * from unnest(names, sinces, untils) w (name, since, until) loop
        if wanted.name = attached then
            execute format('drop trigger pgtrail_closed on pgtrail.%I', wanted.name);
        end if;
        perform pgtrail.join_partition(wanted.name, wanted.name, format('for values from (%L) to (%L)', wanted.since, wanted.until));
    end loop;
    if rebuilt then
        perform pgtrail.join_partition(rest_name, fallback.name, 'default');
    end if;
end
$$;
comment on function pgtrail.split_default(text[], timestamptz[], timestamptz[], interval) is 'Makes partitions of a log at work';
revoke all on function pgtrail.split_default(text[], timestamptz[], timestamptz[], interval) from public;

-- A staged record as an event in JSON: what it is in ndjson, what cloudtrail_event makes of it otherwise. An organization given to
-- an import is that of the ndjson events that name none, and stands instead of the account of cloudtrail records.
create or replace function pgtrail.staged_event(record jsonb, format text, organization text) returns jsonb
language sql stable parallel unsafe
as $$
    select case format
        when 'cloudtrail' then pgtrail.cloudtrail_event(record, organization)
        when 'ndjson' then case when organization is null or record ? 'organization_id' then record
            else record || jsonb_build_object('organization_id', organization) end
    end
$$;
comment on function pgtrail.staged_event(jsonb, text, text) is 'A staged record as an event in JSON';
revoke all on function pgtrail.staged_event(jsonb, text, text) from public;

-- What the rows of pg_temp.pgtrail_restored come to: the records of a purge of just these events, as their digest, and whether each has its hash
-- and follows the one before (`sound`), and has the values that redactions left (`vouched`). Callers see to it that the table is the stage.
create or replace function pgtrail.staged_records(
    out events bigint, out sound boolean, out vouched boolean, out oldest timestamptz, out newest timestamptz, out digest bytea
)
language plpgsql volatile security invoker parallel unsafe
set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
begin
    execute format($q$
        with hashed as (
            -- By itself: what is sorted after need not carry what the event says.
            select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash, e.occurred_at, e.recorded_at,
                %s and octet_length(e.previous_hash) = 32 as sound, %s as vouched
            from only pg_temp.pgtrail_restored e
            offset 0
        ), judged as (
            select h.*, lag(h.seq) over w as seq_before, lag(h.hash) over w as hash_before, lead(h.seq) over w as seq_after
            from hashed h
            window w as (partition by h.organization_id, h.lane order by h.seq)
        ), edge as (
            -- The first and the last place of each range, in turns.
            select j.organization_id, j.lane, j.seq, j.previous_hash, j.hash,
                j.seq_before is distinct from j.seq - 1 as first, j.seq_after is distinct from j.seq + 1 as last
            from judged j
            where j.seq_before is distinct from j.seq - 1 or j.seq_after is distinct from j.seq + 1
        ), span as (
            select e.organization_id, e.lane, e.first, e.seq, e.previous_hash,
                case when e.last then e.seq else lead(e.seq) over w end as until,
                case when e.last then e.hash else lead(e.hash) over w end as hash
            from edge e
            window w as (partition by e.organization_id, e.lane order by e.seq)
        ), ranges as (
            select s.organization_id, s.lane, range_agg(int8range(s.seq, s.until, '[]')) as ranges,
                string_agg(s.previous_hash || s.hash, ''::bytea order by s.seq) as hashes
            from span s
            where s.first
            group by 1, 2
        ), lane as (
            select j.organization_id, j.lane, count(*) as events,
                bool_and(coalesce(j.sound and j.seq is distinct from j.seq_before
                    and (j.seq_before is distinct from j.seq - 1 or j.previous_hash = j.hash_before), false)) as sound,
                bool_and(j.vouched) as vouched, min(j.occurred_at) as oldest_occurred_at, max(j.occurred_at) as newest_occurred_at,
                min(j.recorded_at) as oldest_recorded_at, max(j.recorded_at) as newest_recorded_at
            from judged j
            group by 1, 2
        )
        select sum(l.events)::bigint, bool_and(l.sound), bool_and(l.vouched), min(l.oldest_occurred_at), max(l.newest_occurred_at),
            sha256(coalesce(string_agg(record_send(row('pgtrail purge'::text, l.organization_id, l.lane, r.ranges::text, r.hashes, l.events,
                l.oldest_occurred_at, l.newest_occurred_at, l.oldest_recorded_at, l.newest_recorded_at)), ''::bytea
                order by l.organization_id collate "C", l.lane), ''::bytea))
        from lane l
        join ranges r on r.organization_id = l.organization_id and r.lane = l.lane $q$, pgtrail.hash_condition(), pgtrail.redaction_condition())
    into events, sound, vouched, oldest, newest, digest;
end
$$;
comment on function pgtrail.staged_records() is 'What the rows of an archive come to';
revoke all on function pgtrail.staged_records() from public;

-- Makes a file that was put into the database part by part a whole one: until then nobody finds it.
create or replace function pgtrail.store_done(id text, bytes bigint) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    file pgtrail.archive_storage;
    stored bigint;
begin
    select s.* into file from pgtrail.archive_storage s where s.id = store_done.id for update;
    select sum(octet_length(p.data)) into stored from pgtrail.archive_storage_part p where p.id = store_done.id;
    if file.id is null or file.metadata ? 'bytes' or stored is distinct from store_done.bytes then
        raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'It is not there until all of it is.',
            message = format('the file %s in the database is not the one of %s bytes that was put there', store_done.id, store_done.bytes);
    end if;
    update pgtrail.archive_storage s set metadata = s.metadata || jsonb_build_object('bytes', stored) where s.id = store_done.id;
end
$$;
comment on function pgtrail.store_done(text, bigint) is 'Makes a stored file a whole one';
revoke all on function pgtrail.store_done(text, bigint) from public;

-- Puts the next part of a file into the database itself: of a new file the first. A file that is whole (pgtrail.store_done) is never written
-- over. An id is two names with a slash between: letters, digits, and `. _ -` behind the first character.
create or replace function pgtrail.store_file(id text, part int, data bytea) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
#variable_conflict use_column
declare
    file pgtrail.archive_storage;
begin
    if (store_file.id ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$') is not true then
        raise exception using errcode = 'TR009', hint = 'Nothing was stored.',
            message = 'a file in the database is named by two names with a slash between, of letters, digits, dots, dashes and underscores';
    elsif (store_file.part > 0) is not true or (octet_length(store_file.data) between 0 and 1048576) is not true then
        raise exception using errcode = 'TR009', message = 'a part of a file has a number from 1, and a mebibyte at most', hint = 'Nothing was stored.';
    end if;
    if store_file.part = 1 then
        insert into pgtrail.archive_storage (id) values (store_file.id) on conflict do nothing;
        if not found then
            raise exception using errcode = 'duplicate_object', message = format('there is a file %s in the database already', store_file.id),
                hint = 'Nothing was stored.';
        end if;
    else
        -- Two that write the same file: the second waits, and finds its part there.
        select s.* into file from pgtrail.archive_storage s where s.id = store_file.id for update;
        if file.id is null or file.metadata ? 'bytes'
            or (select max(p.part) from pgtrail.archive_storage_part p where p.id = store_file.id) is distinct from store_file.part - 1
        then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was stored.',
                message = format('part %s is not the next of file %s in the database', store_file.part, store_file.id);
        end if;
    end if;
    insert into pgtrail.archive_storage_part values (store_file.id, store_file.part, store_file.data);
end
$$;
comment on function pgtrail.store_file(text, int, bytea) is 'Puts a part of a file into the database';
revoke all on function pgtrail.store_file(text, int, bytea) from public;

-- The whole files in the database whose id begins so, in their order.
create or replace function pgtrail.stored_files(prefix text)
returns table (id text, bytes bigint, created_at timestamptz, retrieved_count int, last_retrieved_at timestamptz)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select s.id, (s.metadata ->> 'bytes')::bigint, s.created_at, s.retrieved_count, s.last_retrieved_at
    from pgtrail.archive_storage s
    where s.id >= prefix collate "C" and starts_with(s.id, prefix) and s.metadata ? 'bytes'
    order by s.id
$$;
comment on function pgtrail.stored_files(text) is 'Which files are in the database';
revoke all on function pgtrail.stored_files(text) from public;

-- How many parts a whole file in the database has, and its size; no row where there is none.
create or replace function pgtrail.stored_parts(id text) returns table (parts int, bytes bigint)
language sql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
    select (select count(*)::int from pgtrail.archive_storage_part p where p.id = s.id), (s.metadata ->> 'bytes')::bigint
    from pgtrail.archive_storage s
    where s.id = stored_parts.id and s.metadata ? 'bytes'
$$;
comment on function pgtrail.stored_parts(text) is 'How many parts a stored file has';
revoke all on function pgtrail.stored_parts(text) from public;

-- The identifiers of pg_temp.pgtrail_subject as events are compared with them: those of each kind in both Unicode normal forms; all of them
-- folded; what text that mentions one contains (`needles`, also as JSON and an URL write it, `likes` the same for LIKE), and a pattern that tells a mention from a part of another word: of
-- one that is shorter than three characters only the whole value counts. Messages name no value.
create or replace function pgtrail.subject_forms(
    out ids text[], out emails text[], out names text[], out addresses inet[], out devices text[], out sessions text[],
    out resource_types text[], out resource_ids text[], out folded text[], out needles text[], out likes text[], out pattern text
)
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set standard_conforming_strings = on
as $$
declare
    -- What a word is made of: ASCII, Latin, Greek and Cyrillic letters. Other scripts write without blanks.
    word constant text := '[:alnum:]_' || chr(192) || '-' || chr(591) || chr(880) || '-' || chr(1327);
    odd text;
begin
    select string_agg(distinct coalesce(s.kind, 'null'), ', ') into odd
    from pg_temp.pgtrail_subject s
    where (s.kind in ('id', 'email', 'name', 'ip', 'device', 'session', 'resource', 'text')) is not true
        or coalesce(btrim(s.value, E' \t\r\n'), '') = '' or length(s.value) > 1000
        or s.kind = 'resource' and s.value !~ '^[^/]+/.';
    if odd is not null or not exists (select from pg_temp.pgtrail_subject) or (select count(*) from pg_temp.pgtrail_subject) > 1000 then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = coalesce('an identifier of a subject is not valid: ' || left(odd, 100), 'a subject has 1 to 1000 identifiers');
    end if;
    begin
        select array_agg(s.value::inet) into addresses from pg_temp.pgtrail_subject s where s.kind = 'ip';
    exception when invalid_text_representation then
        raise exception using errcode = 'TR009', message = 'an identifier of a subject is not valid: ip', hint = 'Nothing was changed.';
    end;
    select array_agg(distinct f.value) filter (where f.kind = 'id'), array_agg(distinct pgtrail.fold_text(f.value)) filter (where f.kind = 'email'),
        array_agg(distinct f.value) filter (where f.kind = 'name'), array_agg(distinct f.value) filter (where f.kind = 'device'),
        array_agg(distinct f.value) filter (where f.kind = 'session'),
        array_agg(split_part(f.value, '/', 1)) filter (where f.kind = 'resource'),
        array_agg(substr(f.value, strpos(f.value, '/') + 1)) filter (where f.kind = 'resource')
    into ids, emails, names, devices, sessions, resource_types, resource_ids
    from (
        select s.kind, f.value
        from pg_temp.pgtrail_subject s, lateral (values (s.value), (normalize(s.value)), (normalize(s.value, nfd))) f (value)
        group by 1, 2
    ) f;
    select array_agg(distinct f.value) into folded
    from (
        select pgtrail.fold_text(case when s.kind = 'resource' then substr(s.value, strpos(s.value, '/') + 1) else s.value end) as value
        from pg_temp.pgtrail_subject s
        union all
        -- As PostgreSQL writes it, however it was typed.
        select host(a) from unnest(addresses) a
    ) f;
    -- As text says it, as JSON does within a string, and as an URL does.
    select array_agg(distinct n.value), array_agg(distinct '%' || regexp_replace(n.value, '([\\%_])', '\\\1', 'g') || '%'),
        -- An id is no part of a longer one, nor an address: ann is not in ann-marie, ann.smith@x or joann; a full stop at the end of a sentence is none of its.
        '(?<![' || word || ']|[' || word || '][.@+-])(' || string_agg(distinct
            regexp_replace(n.value, '([^[:alnum:][:space:]_])', '\\\1', 'g'), '|') filter (where length(f.value) >= 3)
            || ')(?![' || word || ']|[.@+-][' || word || '])'
    into needles, likes, pattern
    from unnest(folded) f (value), lateral (values (f.value), (substr(to_jsonb(f.value)::text, 2, length(to_jsonb(f.value)::text) - 2)), ((
        select string_agg(case when chr(get_byte(b.bytes, i)) ~ '[A-Za-z0-9._~-]' and get_byte(b.bytes, i) < 128 then chr(get_byte(b.bytes, i))
            else '%' || lpad(to_hex(get_byte(b.bytes, i)), 2, '0') end, '' order by i)
        from (select convert_to(f.value, 'UTF8') as bytes) b, generate_series(0, octet_length(b.bytes) - 1) i))) n (value);
end
$$;
comment on function pgtrail.subject_forms() is 'The identifiers of a subject as events are compared with them';
revoke all on function pgtrail.subject_forms() from public;

-- The table that a name of the plan means: a partition, or the rows of an archive in the stage of a restore.
create or replace function pgtrail.subject_relation(partition_name text) returns regclass
language plpgsql stable parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    relation regclass;
begin
    if starts_with(partition_name, 'archive ') then
        select c.oid::regclass into relation
        from pg_class c
        where c.oid = to_regclass('pg_temp.pgtrail_restored') and c.relkind = 'r'
            and c.relowner = (select r.oid from pg_roles r where r.rolname = current_user);
        if not found then
            raise exception using errcode = 'object_not_in_prerequisite_state', hint = 'Nothing was changed.',
                message = 'pg_temp.pgtrail_restored is not the table that pgtrail.restore_stage() makes';
        end if;
    else
        select p.oid::regclass into relation from pgtrail.partitions() p where p.name = partition_name;
        if not found then
            raise exception using errcode = 'undefined_table', message = format('there is no partition %s', partition_name),
                hint = 'Nothing was changed; pgtrail partition list tells all.';
        end if;
    end if;
    return relation;
end
$$;
comment on function pgtrail.subject_relation(text) is 'The table that a name of the plan means';
revoke all on function pgtrail.subject_relation(text) from public;

-- Makes the temporary tables of a request, gone at the end of the transaction: who the subject is (filled by COPY, whose data no log has), what
-- was found, what is put in the place of values, and what a register lists. They belong to the owner of pgtrail, so that the caller can fill
-- the first and the last, read the second, and nothing else.
create or replace function pgtrail.subject_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    -- Nothing else of the server's writes down the parameters of statements within functions.
    if current_setting('auto_explain.log_nested_statements', true) = 'on' and current_setting('auto_explain.log_min_duration', true) <> '-1' then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'auto_explain.log_nested_statements is on: the server would write the identifiers of the subject into its log',
            hint = format('Nothing was changed. A superuser turns it off for this role: alter role %I set auto_explain.log_nested_statements = off', session_user);
    end if;
    if to_regclass('pg_temp.pgtrail_subject') is null then
        create temporary table pgtrail_subject (kind text collate "C", value text collate "C") on commit drop;
        grant insert on pg_temp.pgtrail_subject to public;
        create temporary table pgtrail_plan (
            partition_name text collate "C", archive text collate "C", organization_id text collate "C", lane smallint, seq bigint,
            occurred_at timestamptz, event_type text collate "C", place tid, as_actor boolean, as_subject boolean, mentioned boolean,
            identity_fields text[] collate "C", content_fields text[] collate "C", frame_fields text[] collate "C", held boolean,
            law text collate "C", sound boolean, replacement text collate "C", done boolean not null default false
        -- Room for `done`, which is set later.
        ) with (fillfactor = 45) on commit drop;
        grant select on pg_temp.pgtrail_plan to public;
        create temporary table pgtrail_replacement (
            organization_id text collate "C" primary key, pseudonym text collate "C"
        ) on commit drop;
        create temporary table pgtrail_listed (
            organization_id text collate "C", lane smallint, seq bigint, group_name text collate "C", fields text[] collate "C",
            replacement text collate "C", recorded_until timestamptz
        ) on commit drop;
        grant insert, select on pg_temp.pgtrail_listed to public;
    end if;
    perform pgtrail.check_subject_stage();
end
$$;
comment on function pgtrail.subject_stage() is 'Temporary tables of a request of a subject';
revoke all on function pgtrail.subject_stage() from public;

-- Makes pg_temp.pgtrail_found: the events of a partition that are in the plan, oldest first, for whoever gives them out. A partition is readable
-- to readers and auditors; this shows nothing but what was found, until the transaction ends. 'archive NAME': those in pg_temp.pgtrail_restored.
create or replace function pgtrail.subject_view(partition_name text) returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set client_min_messages = 'warning'
as $$
declare
    relation regclass := pgtrail.subject_relation(partition_name);
begin
    perform pgtrail.check_subject_stage();
    if to_regclass('pg_temp.pgtrail_found') is not null then
        drop view pg_temp.pgtrail_found;
    end if;
    -- The places are sorted, and not the events: these are fetched one after the other, as long as they are joined by a nested loop.
    execute format(
        'create temporary view pgtrail_found as '
        'select p.as_actor, p.as_subject, p.mentioned, e.* '
        'from (select * from pg_temp.pgtrail_plan p where %s order by p.occurred_at, p.organization_id, p.lane, p.seq) p '
        'join only %s e on e.ctid = p.place',
        case when starts_with(partition_name, 'archive ') then format('p.archive = %L', substr(partition_name, 9))
            else format('p.partition_name = %L', partition_name) end,
        relation);
    grant select on pg_temp.pgtrail_found to public;
end
$$;
comment on function pgtrail.subject_view(text) is 'Temporary view of the events of a partition that were found';
revoke all on function pgtrail.subject_view(text) from public;

-- Gives the next event of an organization its place: lane, seq and the hash before it. Called by import_batch, and by seal_event where its own first lane is taken or new.
-- Takes the first free lane by a try-lock held to the end of the transaction, so it never waits and cannot deadlock.
-- The lane this transaction took last is kept in a local setting as a hint: whoever forges it harms nobody.
create or replace function pgtrail.take_place(
    organization text, class int, out lane smallint, out seq bigint, out previous_hash bytea, out reserved boolean
)
language plpgsql volatile parallel unsafe
as $$
declare
    setting constant text := 'pgtrail.lane_' || class;
    hint constant text := current_setting(setting, true);
    key constant int := hashtext(organization) & 255;
    old_snapshot constant boolean := current_setting('transaction_isolation') in ('repeatable read', 'serializable');
    hinted int;
    first_lane int;
    own_lane constant int := 144 + class * 95 + pg_backend_pid() % 95;
    lanes int;
    own boolean;
begin
    reserved := false;
    if hint <> '' then
        hinted := hint::int;
    end if;

    if not old_snapshot then
        first_lane := case when hinted between 0 and 999 then hinted else class * 16 end;
        lane := first_lane;
        for i in 1 .. 17000 loop
            exit when pg_try_advisory_xact_lock(1885828210, (lane::int << 8) | key);
            if i = 17000 then
                raise exception using errcode = 'serialization_failure',
                    message = 'every lane of the organization is taken', hint = 'Retry the transaction.';
            end if;
            -- Where the first is taken every backend goes on at a place of its own: one of many writers at once seldom meets a
            -- second taken one. 1000 lanes, and beyond them those above the band of the old snapshots.
            lane := case when i <= 1000 then (own_lane + i - 1) % 1000 else 15000 + i end;
        end loop;
        if lane <> first_lane then
            perform set_config(setting, lane::text, true);
        end if;
        select h.seq, h.hash
        into seq, previous_hash
        from pgtrail.chain_head h
        where h.organization_id = organization and h.lane = take_place.lane
        order by h.seq desc
        limit 1;
        if not found then
            seq := 0;
            previous_hash := pgtrail.open_lane(organization, lane);
        end if;
        seq := seq + 1;
        return;
    end if;

    -- Above READ COMMITTED: lanes of their own from 1000 on. An old snapshot cannot see who has moved a lane since, but it always
    -- meets a deleted head (40001) or an existing key (23505), and both mean: the next lane.
    lanes := least(14000, greatest(64, current_setting('max_connections')::int));
    if hinted between 1000 and 14999 then
        first_lane := hinted - 1000;
        -- If the newest head is our own row nobody can have moved the lane since: no subtransaction is needed. Its age alone
        -- does not tell: LOCK TABLE gives a transaction its id before its snapshot, and others' committed rows look younger.
        -- Its id alone does not either: a restored head has that of another server.
        select h.seq, h.hash, h.transaction_id = pg_current_xact_id() and age(h.xmin) <= 0
        into seq, previous_hash, own
        from pgtrail.chain_head h
        where h.organization_id = organization and h.lane = hinted
        order by h.seq desc
        limit 1;
        if own then
            lane := hinted;
            seq := seq + 1;
            return;
        end if;
    else
        first_lane := floor(random() * lanes);
    end if;
    for i in 0 .. lanes - 1 loop
        lane := 1000 + (first_lane + i) % lanes;
        begin
            if pg_try_advisory_xact_lock(1885828210, (lane::int << 8) | key) then
                select h.seq, h.hash
                into seq, previous_hash
                from pgtrail.chain_head h
                where h.organization_id = organization and h.lane = take_place.lane
                order by h.seq desc
                limit 1
                for update;
                if not found then
                    seq := 0;
                    previous_hash := pgtrail.open_lane(organization, lane);
                end if;
                seq := seq + 1;
                -- The key of the new head is what an old snapshot runs into; the caller puts the hash in.
                insert into pgtrail.chain_head values (organization, lane, seq, previous_hash);
                reserved := true;
                perform set_config(setting, lane::text, true);
                return;
            end if;
        exception when serialization_failure or unique_violation then
            null;
        end;
    end loop;
    raise exception using errcode = 'serialization_failure',
        message = 'no lane of the organization is free to this old snapshot', hint = 'Retry the transaction.';
end
$$;
comment on function pgtrail.take_place(text, int) is 'Next place in a lane of an organization';
revoke all on function pgtrail.take_place(text, int) from public;

-- Lifts a restriction, by an act; its rows, which name a person, go. Null where none of that number is in force.
create or replace function pgtrail.unrestrict_subject(
    restriction bigint, reason text, requested_by text, request text default null
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set lock_timeout = '10s'
as $$
declare
    act bigint;
begin
    if coalesce(btrim(reason, E' \t\r\n'), '') = '' or length(reason) > 2000
        or coalesce(btrim(requested_by, E' \t\r\n'), '') = '' or length(requested_by) > 200
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was lifted.',
            message = 'to lift a restriction takes a reason, of 2000 characters at most, and who asked for it in 200';
    end if;
    perform pg_advisory_xact_lock(1885828210, -1);
    perform pgtrail.check_request(request);
    perform from pgtrail.subject_restriction r where r.act_seq = restriction for update;
    if not found then
        -- A restriction that was placed since would be overlooked.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'serialization_failure', hint = 'Nothing was lifted. Run it again at the isolation level read committed.',
                message = 'this snapshot sees no such restriction';
        end if;
        return null;
    end if;
    act := pgtrail.record_act('unrestrict', jsonb_build_object('restriction', restriction, 'reason', reason, 'requested_by', requested_by,
        'request', request));
    delete from pgtrail.subject_restriction r where r.act_seq = restriction;
    perform pgtrail.note_request_act(request, act);
    return act;
end
$$;
comment on function pgtrail.unrestrict_subject(bigint, text, text, text) is 'Lifts a restriction';
revoke all on function pgtrail.unrestrict_subject(bigint, text, text, text) from public;

-- chain(frame, place, first_hash) over (partition by lane order by seq): the hash of each event of a run, set-wise.
create or replace aggregate pgtrail.chain(bytea, int, bytea) (sfunc = pgtrail.chain_step, stype = bytea);
comment on aggregate pgtrail.chain(bytea, int, bytea) is 'Hashes of a run of events';
revoke all on function pgtrail.chain(bytea, int, bytea) from public;

-- Triggers of the tables that are evidence. Re-applied whole; a new partition gets its own from create_partition.
create or replace trigger pgtrail_seal before insert on pgtrail.event
    for each row execute function pgtrail.seal_event();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.event
    for each statement execute function pgtrail.guard('DELETE purge', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.act
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.log
    for each statement execute function pgtrail.guard('UPDATE incarnation');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.incarnation
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.loss
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.act_signature
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.organization_reader
    for each statement execute function pgtrail.guard('DELETE revoke');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.purge
    for each statement execute function pgtrail.guard('UPDATE restore');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.archive
    for each statement execute function pgtrail.guard('UPDATE restore', 'UPDATE remove_archive', 'UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.archive_kind
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.retention_rule
    for each statement execute function pgtrail.guard('UPDATE retention');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.hold
    for each statement execute function pgtrail.guard('UPDATE release');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.detached_partition
    for each statement execute function pgtrail.guard('DELETE attach', 'DELETE purge');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.redaction_entry
    for each statement execute function pgtrail.guard();
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.redaction
    for each statement execute function pgtrail.guard('UPDATE redact');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.subject_rule
    for each statement execute function pgtrail.guard('UPDATE subject_rule');
create or replace trigger pgtrail_guard before update or delete or truncate on pgtrail.subject_restriction
    for each statement execute function pgtrail.guard('DELETE unrestrict');

-- A constraint trigger cannot be replaced, and to drop it would wait for every verification that reads the acts: made where it is not as here.
do $$
begin
    if not exists (
        select from pg_trigger g
        where g.tgrelid = 'pgtrail.act'::regclass and g.tgname = 'pgtrail_signature' and g.tgtype = 5 and g.tgenabled = 'O'
            and g.tgdeferrable and g.tginitdeferred and g.tgqual is null and g.tgnargs = 0
            and g.tgfoid = 'pgtrail.check_signature()'::regprocedure
    ) then
        drop trigger if exists pgtrail_signature on pgtrail.act;
        create constraint trigger pgtrail_signature after insert on pgtrail.act deferrable initially deferred
            for each row execute function pgtrail.check_signature();
    end if;
end
$$;

do $$
begin
    if not exists (
        select from pg_trigger g
        where g.tgrelid = 'pgtrail.redacting'::regclass and g.tgname = 'pgtrail_recorded' and g.tgtype = 5 and g.tgenabled = 'O'
            and g.tgdeferrable and g.tginitdeferred and g.tgqual is null and g.tgnargs = 0
            and g.tgfoid = 'pgtrail.check_redacting()'::regprocedure
    ) then
        drop trigger if exists pgtrail_recorded on pgtrail.redacting;
        create constraint trigger pgtrail_recorded after insert on pgtrail.redacting deferrable initially deferred
            for each row execute function pgtrail.check_redacting();
    end if;
end
$$;

-- A statement trigger of the parent says nothing about its partitions.
do $$
declare
    child regclass;
begin
    for child in select i.inhrelid from pg_inherits i where i.inhparent = 'pgtrail.event'::regclass loop
        execute format(
            'create or replace trigger pgtrail_guard before update or delete or truncate on %s '
            'for each statement execute function pgtrail.guard(''DELETE purge'', ''UPDATE redact'')', child);
    end loop;
end
$$;

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
        or coalesce(lower(e.actor_email collate "default"), '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'email')
        or coalesce(e.actor_name, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'name')
        or coalesce(e.ip_address, '::') in (select r.value::inet from pgtrail.subject_restriction r where r.kind = 'ip')
        or coalesce(e.device_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'device')
        or coalesce(e.session_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'session'))
    or not exists (
        select from pgtrail.subject_restriction r
        where (r.organization_id is null or r.organization_id = e.organization_id) and case r.kind
            when 'id' then r.value = e.actor_id or r.value = e.resource_id and e.resource_type in (
                select u.resource_type from pgtrail.subject_rule u where u.kind = 'resource' and u.ended_seq is null)
            when 'email' then r.value = lower(e.actor_email collate "default")
            when 'name' then r.value = e.actor_name
            when 'ip' then r.value::inet = e.ip_address
            when 'device' then r.value = e.device_id
            when 'session' then r.value = e.session_id
            when 'resource' then r.value = e.resource_type || '/' || e.resource_id
            else false end))
and (
    not restricted.any_at_all
    or not restricted.any_path
    or not exists (
        select from pgtrail.subject_rule u
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.')) and lower((case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                    when 'after_state' then e.after_state else e.request_params end #>> u.path[2:]) collate "default") in (
            select lower(case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
            from pgtrail.subject_restriction r))
    or not exists (
        select from pgtrail.subject_rule u
        join pgtrail.subject_restriction r on lower((case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                    when 'after_state' then e.after_state else e.request_params end #>> u.path[2:]) collate "default") = lower(
            case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.')) and (r.organization_id is null or r.organization_id = e.organization_id)))
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
        select from step s
        join pgtrail.subject_restriction r on (r.organization_id is null or r.organization_id = e.organization_id)
            and lower((s.value #>> '{}') collate "default") = lower(
                case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
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
        or coalesce(lower(e.actor_email collate "default"), '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'email')
        or coalesce(e.actor_name, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'name')
        or coalesce(e.ip_address, '::') in (select r.value::inet from pgtrail.subject_restriction r where r.kind = 'ip')
        or coalesce(e.device_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'device')
        or coalesce(e.session_id, '') in (select r.value from pgtrail.subject_restriction r where r.kind = 'session'))
    or not exists (
        select from pgtrail.subject_restriction r
        where (r.organization_id is null or r.organization_id = e.organization_id) and case r.kind
            when 'id' then r.value = e.actor_id or r.value = e.resource_id and e.resource_type in (
                select u.resource_type from pgtrail.subject_rule u where u.kind = 'resource' and u.ended_seq is null)
            when 'email' then r.value = lower(e.actor_email collate "default")
            when 'name' then r.value = e.actor_name
            when 'ip' then r.value::inet = e.ip_address
            when 'device' then r.value = e.device_id
            when 'session' then r.value = e.session_id
            when 'resource' then r.value = e.resource_type || '/' || e.resource_id
            else false end))
and (
    not restricted.any_at_all
    or not restricted.any_path
    or not exists (
        select from pgtrail.subject_rule u
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.')) and lower((case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                    when 'after_state' then e.after_state else e.request_params end #>> u.path[2:]) collate "default") in (
            select lower(case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
            from pgtrail.subject_restriction r))
    or not exists (
        select from pgtrail.subject_rule u
        join pgtrail.subject_restriction r on lower((case u.path[1] when 'details' then e.details when 'before_state' then e.before_state
                    when 'after_state' then e.after_state else e.request_params end #>> u.path[2:]) collate "default") = lower(
            case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
        where u.kind = 'path' and u.ended_seq is null and (u.event_type is null or u.event_type = e.event_type or starts_with(e.event_type, u.event_type || '.')) and (r.organization_id is null or r.organization_id = e.organization_id)))
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
        select from step s
        join pgtrail.subject_restriction r on (r.organization_id is null or r.organization_id = e.organization_id)
            and lower((s.value #>> '{}') collate "default") = lower(
                case r.kind when 'resource' then substr(r.value, strpos(r.value, '/') + 1) else r.value end collate "default")
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

-- What a reader of one organization reads in the place of pgtrail.chain_head: as pgtrail.organization_event.
create or replace view pgtrail.organization_head with (security_barrier) as
select h.organization_id, h.lane, h.seq, h.hash, h.transaction_id
from pgtrail.chain_head h,
    (
        select array(
            select b.organization_id
            from pgtrail.organization_reader b
            join pg_catalog.pg_roles r on r.rolname = b.role_name
            join pg_catalog.pg_auth_members m on m.member = r.oid
            join pg_catalog.pg_roles g on g.oid = m.roleid
            where g.rolname = 'pgtrail_organization_reader' and pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')
        ) as organizations
    ) bound
where h.organization_id = any (bound.organizations);
comment on view pgtrail.organization_head is 'Newest hashes of the lanes of the organizations that the present role is bound to';
comment on column pgtrail.organization_head.organization_id is 'Organization';
comment on column pgtrail.organization_head.lane is 'Lane';
comment on column pgtrail.organization_head.seq is 'Place in the lane';
comment on column pgtrail.organization_head.hash is 'Hash of that event; of seq 0 the genesis hash';
comment on column pgtrail.organization_head.transaction_id is 'Transaction that wrote it';


-- What each role may do. Left out with --no-roles, where everything belongs to the role that installed it.
grant usage on schema pgtrail to pgtrail_writer, pgtrail_reader, pgtrail_auditor, pgtrail_operator, pgtrail_privacy;
grant select on pgtrail.log, pgtrail.migration, pgtrail.setting
    to pgtrail_writer, pgtrail_reader, pgtrail_auditor, pgtrail_operator, pgtrail_privacy;

-- A writer adds events and learns their places (INSERT ... RETURNING), and reads nothing else.
grant insert on pgtrail.event to pgtrail_writer;
grant select (id, organization_id, lane, seq, recorded_at, hash) on pgtrail.event to pgtrail_writer;
grant execute on function pgtrail.append(jsonb, uuid) to pgtrail_writer;
grant execute on function pgtrail.check_events(jsonb) to pgtrail_writer;
grant execute on function pgtrail.import_stage() to pgtrail_writer;
grant execute on function pgtrail.import_position(text) to pgtrail_writer;
grant execute on function pgtrail.import_batch(text, text, bigint, bigint, bigint, text, bytea) to pgtrail_writer;
grant execute on function pgtrail.import_check(text, text) to pgtrail_writer;
grant execute on function pgtrail.import_finish(text) to pgtrail_writer;

grant select on pgtrail.event, pgtrail.chain_head, pgtrail.incarnation to pgtrail_reader;

-- A reader of some organizations alone (pgtrail grant reader ROLE --org ORG) reads views, and nothing that tells of others.
grant usage on schema pgtrail to pgtrail_organization_reader;
grant select on pgtrail.log, pgtrail.migration, pgtrail.setting, pgtrail.organization_event, pgtrail.organization_head
    to pgtrail_organization_reader;
grant select (number, log_id) on pgtrail.incarnation to pgtrail_organization_reader;
-- Whose events a detached partition has it does not say.
grant select (name, since, until) on pgtrail.detached_partition to pgtrail_organization_reader;
grant select on pgtrail.organization_reader to pgtrail_reader, pgtrail_auditor, pgtrail_operator;

-- An auditor reads all that verify compares, and records that he verified.
grant select on pgtrail.event, pgtrail.chain_head, pgtrail.act, pgtrail.verified_head, pgtrail.catalog_object,
    pgtrail.import_source, pgtrail.incarnation, pgtrail.loss, pgtrail.act_signature to pgtrail_auditor;
grant execute on function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]) to pgtrail_auditor;

-- An operator keeps the log: settings, checkpoints, incarnations, accepted findings. Of events he sees their places alone.
grant select on pgtrail.act, pgtrail.chain_head, pgtrail.import_source, pgtrail.catalog_object, pgtrail.incarnation, pgtrail.loss,
    pgtrail.act_signature to pgtrail_operator;
grant select (organization_id, lane, seq, recorded_at, hash) on pgtrail.event to pgtrail_operator;
grant execute on function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]) to pgtrail_operator;
grant execute on function pgtrail.accept_finding(text, text) to pgtrail_operator;
grant execute on function pgtrail.set_setting(text, text) to pgtrail_operator;
grant execute on function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz) to pgtrail_operator;
grant execute on function pgtrail.sign_act(bigint, text) to pgtrail_operator;
grant execute on function pgtrail.add_type(text, text, text, text) to pgtrail_operator;

-- What was purged: who reads events or verifies is told that it was; an operator does it.
grant select on pgtrail.purge to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant execute on function
    pgtrail.purge_events(text, smallint[], bigint[], bigint[], bytea[], oid[], text, text, text[], bigint) to pgtrail_operator;

-- The summaries tell who did what on a day: whoever reads events reads them. An operator makes them, and sees how far they reach.
grant select on pgtrail.summary, pgtrail.summary_actor, pgtrail.summary_cursor, pgtrail.summary_recount
    to pgtrail_reader, pgtrail_auditor;
grant select on pgtrail.summary_cursor, pgtrail.summary_recount to pgtrail_operator;
grant execute on function pgtrail.refresh_summary(bigint), pgtrail.recount_summary(bigint), pgtrail.rebuild_summary(text) to pgtrail_operator;

-- Who reads events may take them away, which is recorded.
grant execute on function
    pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text)
    to pgtrail_reader, pgtrail_organization_reader, pgtrail_auditor, pgtrail_operator;

-- What is kept and why, anybody who reads events may know; who is under a hold, auditors and operators alone. An operator keeps the log.
grant select on pgtrail.retention_rule, pgtrail.detached_partition to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant select on pgtrail.hold to pgtrail_auditor, pgtrail_operator;
grant select on pgtrail.retention_run to pgtrail_auditor;
grant select, insert, update on pgtrail.retention_run to pgtrail_operator;
grant execute on function pgtrail.partitions(), pgtrail.partition_range(timestamptz),
    pgtrail.retention_of(text, text, text, text, text[], timestamptz) to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant execute on function pgtrail.held_events(text, bigint[], boolean), pgtrail.holds_on(text, int, bigint, timestamptz)
    to pgtrail_auditor, pgtrail_operator;
grant execute on function pgtrail.retention_plan(text, timestamptz, text, timestamptz) to pgtrail_auditor, pgtrail_operator;
grant execute on function
    pgtrail.add_hold(text, text, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz, text),
    pgtrail.release_hold(text, text, text),
    pgtrail.set_retention(text, text, int, text, text, text, text, int, boolean),
    pgtrail.purge_partition(text, text, text, boolean, boolean, bigint, interval, text, text[], bigint, boolean, jsonb),
    pgtrail.split_default(text[], timestamptz[], timestamptz[], interval),
    pgtrail.detach_partition(text, text, interval),
    pgtrail.attach_partition(text, interval),
    pgtrail.analyze_partition(text),
    pgtrail.default_times() to pgtrail_operator;

-- Archives: whoever reads events is told which of them stand elsewhere; an operator makes, restores and removes them. The files that lie in
-- the database itself go through functions: an auditor may read them, and an operator who may also read events.
grant select on pgtrail.archive to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant select on pgtrail.archive_kind, pgtrail.archive_failure, pgtrail.job_run to pgtrail_auditor, pgtrail_operator;
-- Both run jobs, an auditor that of verifying; what they came to is no evidence.
grant insert, update, delete on pgtrail.job_run to pgtrail_auditor, pgtrail_operator;
grant execute on function pgtrail.archive_until(bigint, timestamptz) to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant execute on function pgtrail.stored_files(text), pgtrail.stored_parts(text), pgtrail.read_stored(text, int), pgtrail.note_retrieved(text)
    to pgtrail_auditor, pgtrail_operator;
grant execute on function
    pgtrail.restore_stage(),
    pgtrail.restore_archive(text, text, text, interval),
    pgtrail.archive_places(text, text, timestamptz, timestamptz, boolean, timestamptz),
    pgtrail.record_restore(text, text, bigint, text, text),
    pgtrail.remove_archive(text, text, text, boolean),
    pgtrail.store_file(text, int, bytea),
    pgtrail.store_done(text, bigint),
    pgtrail.remove_stored(text),
    pgtrail.note_archive_failure(text, text, text, jsonb),
    pgtrail.forget_archive_failure(text, text) to pgtrail_operator;

-- Pseudonyms, and the keys that are outside: for whoever answers the requests of people, and for nobody else.
grant select on pgtrail.incarnation to pgtrail_privacy;
grant execute on function
    pgtrail.add_privacy_key(text, bytea, boolean),
    pgtrail.destroy_privacy_key(text),
    pgtrail.privacy_keys(),
    pgtrail.add_pseudonym(text[], text[], text, text, bytea[], bytea[]),
    pgtrail.find_pseudonym(bytea[]),
    pgtrail.forget_pseudonym(text[]),
    pgtrail.reveal(text, text, text),
    pgtrail.revealed(bigint) to pgtrail_privacy;

-- People: who answers their requests reads events as a reader does, and redacts; nobody else can.
grant select on pgtrail.event, pgtrail.chain_head, pgtrail.incarnation, pgtrail.act, pgtrail.purge, pgtrail.archive, pgtrail.archive_kind,
    pgtrail.retention_rule, pgtrail.detached_partition, pgtrail.hold, pgtrail.redaction_entry, pgtrail.redaction, pgtrail.subject_rule,
    pgtrail.subject_restriction to pgtrail_privacy;
grant execute on function pgtrail.partitions(), pgtrail.archive_until(bigint, timestamptz),
    pgtrail.subject_stage(),
    pgtrail.find_subject(text, text[], timestamptz, timestamptz, boolean, boolean),
    pgtrail.find_listed(text),
    pgtrail.redact_begin(interval),
    pgtrail.redact_partition(text, text, jsonb),
    pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval) to pgtrail_privacy;

-- What is personal, whoever reads events may know, and an operator may say; who is under a restriction the verification alone reads. The register
-- of requests names nobody. What no restriction hides is read in the place of the events themselves.
grant select on pgtrail.subject_rule to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant select on pgtrail.open_event to pgtrail_reader, pgtrail_auditor, pgtrail_privacy;
grant select on pgtrail.subject_restriction to pgtrail_auditor;
grant select on pgtrail.subject_request to pgtrail_auditor, pgtrail_operator, pgtrail_privacy;
grant execute on function
    pgtrail.add_subject_rule(text, text, text, text[], text, text, text),
    pgtrail.remove_subject_rule(bigint) to pgtrail_operator, pgtrail_privacy;
grant execute on function
    pgtrail.restrict_subject(text, text, text, text),
    pgtrail.unrestrict_subject(bigint, text, text, text),
    pgtrail.add_request(text, timestamptz, text, text),
    pgtrail.extend_request(text, text),
    pgtrail.close_request(text, text, text, text, text),
    pgtrail.note_request_act(text, bigint, jsonb),
    pgtrail.rectify_event(text, smallint, bigint, text, text, text) to pgtrail_privacy;

-- Archives that have a person's events are read, written anew and taken away by whoever erases there, and what an erasure leaves in files goes.
-- Which groups of an event were redacted, whoever reads events sees in it.
grant select on pgtrail.redaction_entry to pgtrail_reader, pgtrail_auditor, pgtrail_operator;
grant execute on function
    pgtrail.stored_files(text), pgtrail.stored_parts(text), pgtrail.read_stored(text, int), pgtrail.note_retrieved(text),
    pgtrail.store_file(text, int, bytea), pgtrail.store_done(text, bigint), pgtrail.remove_stored(text),
    pgtrail.restore_stage(),
    pgtrail.restage_archive(text),
    pgtrail.sign_act(bigint, text),
    pgtrail.redacted_partitions(),
    pgtrail.rewrite_partition(text, interval),
    pgtrail.rewrite_summary(boolean, interval),
    pgtrail.analyze_partition(text),
    pgtrail.analyze_log() to pgtrail_privacy;

-- What a subject is given is an export, and recorded.
grant execute on function
    pgtrail.subject_view(text),
    pgtrail.record_export(text, text, text[], timestamptz, timestamptz, text[], text[], bigint, bytea, text) to pgtrail_privacy;

-- What an erasure is told besides: which cases hold what was found.
grant execute on function pgtrail.plan_cases() to pgtrail_privacy;

-- Whether what was redacted is what the acts vouch for, a verification reads.
grant select on pgtrail.redaction to pgtrail_auditor;


-- The partitions of a new log: DEFAULT, so that no insert is ever refused for want of one, that of today and the next six.
do $$
begin
    perform pgtrail.create_partition('event_default');
    -- An earlier version that somebody installs knows months alone.
    if to_regproc('pgtrail.create_partitions') is null then
        perform pgtrail.create_months(now(), now() + interval '6 months');
    else
        perform pgtrail.create_partitions(now(), now() + 6 * (r.until - r.since)) from pgtrail.partition_range(now()) r;
    end if;
end
$$;


do $store$
declare
    odd text;
begin
    delete from pgtrail.catalog_object;
    insert into pgtrail.catalog_object (object, definition)
-- Describes every object of the schema pgtrail as (object, definition), one line a fact, from the system catalogs alone: no
-- function of pgtrail is called, no pretty printer whose words change between versions or that fails on what somebody planted
-- (pg_get_expr raises on the WHEN of a row trigger). Of a view what pg_get_viewdef writes, which of a view with two names in FROM is
-- the same in 14 to 18. A migration stores what it prints,
-- verify compares. A partition of pgtrail.event is described without its name and bounds: all must be alike. So must those that were
-- detached, which are known by the trigger that closes them.
-- What inherits from a table of pgtrail is described wherever it is: a partition moved to another schema still holds evidence.
with space (oid) as (
    select n.oid from pg_catalog.pg_namespace n where n.nspname = 'pgtrail'
), role as (
    select r.oid, r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls from pg_catalog.pg_roles r
), relation as (
    select c.oid, c.relkind, c.relispartition, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
        c.relacl, c.reloptions, r.rolname as owner, c.relowner, n.nspname,
        case when n.nspname = 'pgtrail' then c.relname::text else n.nspname || '.' || c.relname end as relname,
        c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = pg_catalog.to_regclass('pgtrail.event'))
            as is_partition,
        c.oid in (select g.tgrelid from pg_catalog.pg_trigger g where g.tgname = 'pgtrail_closed') as is_closed
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join role r on r.oid = c.relowner
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        and (c.relnamespace = (select s.oid from space s) or c.oid in (
            select i.inhrelid from pg_catalog.pg_inherits i
            join pg_catalog.pg_class p on p.oid = i.inhparent and p.relnamespace = (select s.oid from space s)))
), every (oids) as (
    -- By it the indexes of the catalogs are used, however large the rest of the database is.
    select array(select t.oid from relation t)
), fact (oid, line) as (
    select t.oid, pg_catalog.format('table kind %s, schema %s, persistence %s, owner %s, row security %s %s, replica identity %s',
        case when t.is_partition then 'partition ' || t.relkind::text else t.relkind::text end, t.nspname, t.relpersistence, t.owner,
        t.relrowsecurity, t.relforcerowsecurity, t.relreplident)
    from relation t
    union all
    select t.oid, pg_catalog.format('grant %s to %s', pg_catalog.string_agg(a.privilege_type, ', ' order by a.privilege_type),
        coalesce(g.rolname, 'public'))
    from relation t,
        lateral pg_catalog.aclexplode(t.relacl) a
        left join role g on g.oid = a.grantee
    where a.grantee <> t.relowner
    group by t.oid, g.rolname
    union all
    select a.attrelid, pg_catalog.format('column %s %s, collation %s, not null %s, default %s, generated %s',
        a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(c.collname, '-'), a.attnotnull,
        coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '-'), a.attgenerated::text || a.attidentity::text)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_collation c on c.oid = a.attcollation
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = any ((select e.oids from every e)::oid[]) and a.attnum > 0 and not a.attisdropped
    union all
    select a.attrelid, pg_catalog.format('grant %s (%s) to %s', x.privilege_type, a.attname, coalesce(g.rolname, 'public'))
    from pg_catalog.pg_attribute a,
        lateral pg_catalog.aclexplode(a.attacl) x
        left join role g on g.oid = x.grantee
    where a.attrelid = any ((select e.oids from every e)::oid[]) and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    union all
    select c.conrelid, pg_catalog.format('constraint %s %s', c.contype, pg_catalog.pg_get_constraintdef(c.oid))
    from pg_catalog.pg_constraint c
    where c.conrelid = any ((select e.oids from every e)::oid[]) and c.contype in ('p', 'u', 'c', 'f', 'x')
        -- The bounds that a detached partition had, which pgtrail.detached_partition tells: each has its own.
        and not (c.conname = 'pgtrail_bounds' and c.conrelid in (select g.tgrelid from pg_catalog.pg_trigger g where g.tgname = 'pgtrail_closed'))
    union all
    -- Further indexes that are not unique are the DBA's own business.
    select t.oid, pg_catalog.format('index %s, unique %s, valid %s',
        pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), '^.* USING ', ''), i.indisunique, i.indisvalid)
    from relation t
    join pg_catalog.pg_index i on i.indrelid = t.oid
    where (i.indisunique or exists (select from pg_catalog.pg_inherits h where h.inhrelid = i.indexrelid) or not t.is_partition)
        -- REINDEX CONCURRENTLY keeps an invalid twin (_ccnew, _ccold) while it runs, and leaves it when it fails.
        and (i.indisvalid or not exists (
            select from pg_catalog.pg_index v
            where v.indrelid = i.indrelid and v.indisvalid and v.indisunique = i.indisunique
                and pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(v.indexrelid), '^.* USING ', '')
                    = pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), '^.* USING ', '')))
    union all
    select g.tgrelid, pg_catalog.format('trigger %s calls %s(%s), type %s, enabled %s, when %s, columns %s',
        g.tgname, g.tgfoid::pg_catalog.regproc, pg_catalog.encode(g.tgargs, 'escape'), g.tgtype, g.tgenabled,
        coalesce(pg_catalog.md5(g.tgqual::text), '-'), g.tgattr)
    from pg_catalog.pg_trigger g
    where g.tgrelid = any ((select e.oids from every e)::oid[])
    union all
    select t.oid, pg_catalog.format('rule %s on %s, %s, enabled %s', w.rulename, w.ev_type, pg_catalog.md5(w.ev_action::text), w.ev_enabled)
    from relation t
    join pg_catalog.pg_rewrite w on w.ev_class = t.oid
    -- The rule of a view is described as what it selects: its tree has oids, which a restore changes.
    where not (t.relkind in ('v', 'm') and w.ev_type = '1' and w.rulename = '_RETURN')
    union all
    select t.oid, pg_catalog.format('settings %s', coalesce(pg_catalog.array_to_string(t.reloptions, ', '), '-'))
    from relation t
    where t.relkind in ('v', 'm')
    union all
    select t.oid, pg_catalog.format('body %s', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        coalesce(pg_catalog.pg_get_viewdef(t.oid), '-'), 'UTF8')), 'hex'))
    from relation t
    where t.relkind in ('v', 'm')
    union all
    select p.polrelid, pg_catalog.format('policy %s %s %s', p.polname, p.polcmd, p.polpermissive)
    from pg_catalog.pg_policy p
    where p.polrelid = any ((select e.oids from every e)::oid[])
    union all
    select i.inhrelid, pg_catalog.format('inherits from %s', i.inhparent::pg_catalog.regclass)
    from pg_catalog.pg_inherits i
    where i.inhrelid = any ((select e.oids from every e)::oid[])
)
select case when t.is_partition then 'partition ' when t.is_closed and t.nspname = 'pgtrail' then 'detached ' else 'table ' end
        || t.relname as object,
    pg_catalog.string_agg(f.line, E'\n' order by f.line collate "C") as definition
from relation t
join fact f on f.oid = t.oid
group by t.relname, t.nspname, t.is_partition, t.is_closed
union all
select pg_catalog.format('function %s(%s)', p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
    pg_catalog.concat_ws(E'\n',
        pg_catalog.format('kind %s, returns %s, language %s, owner %s, security definer %s, volatility %s, parallel %s, strict %s',
            p.prokind, pg_catalog.pg_get_function_result(p.oid), l.lanname, r.rolname, p.prosecdef, p.provolatile, p.proparallel,
            p.proisstrict),
        'settings ' || coalesce((select pg_catalog.string_agg(s, '; ' order by s) from pg_catalog.unnest(p.proconfig) s), '-'),
        (
            select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
                order by g.rolname, a.privilege_type)
            from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
            left join role g on g.oid = a.grantee
            where a.grantee <> p.proowner),
        'body ' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
            p.prosrc || coalesce(t.aggtransfn::text || t.aggtranstype::pg_catalog.regtype::text || coalesce(t.agginitval, '-'), ''),
            'UTF8')), 'hex'))
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
join role r on r.oid = p.proowner
left join pg_catalog.pg_aggregate t on t.aggfnoid = p.oid
where p.pronamespace = (select s.oid from space s)
union all
select 'schema pgtrail', pg_catalog.concat_ws(E'\n', 'owner ' || r.rolname, (
    select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
        order by g.rolname, a.privilege_type)
    from pg_catalog.aclexplode(n.nspacl) a
    left join role g on g.oid = a.grantee
    where a.grantee <> n.nspowner))
from pg_catalog.pg_namespace n
join role r on r.oid = n.nspowner
where n.nspname = 'pgtrail'
union all
-- Of a log without roles of its own, the owner's rights are the DBA's business. Memberships are left out: whoever installs without
-- being a superuser becomes a member, and so does the installer of every other log on this server.
select 'role ' || r.rolname, pg_catalog.format('attributes login %s, superuser %s, createrole %s, bypassrls %s',
    r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls)
from role r
where r.rolname in ('pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_organization_reader',
    'pgtrail_auditor', 'pgtrail_operator', 'pgtrail_privacy')
    and exists (
        select from pg_catalog.pg_namespace n
        join role o on o.oid = n.nspowner and o.rolname = 'pgtrail_owner'
        where n.nspname = 'pgtrail')
union all
select pg_catalog.format('default privileges of %s for %s', r.rolname, d.defaclobjtype), (
    select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
        order by g.rolname, a.privilege_type)
    from pg_catalog.aclexplode(d.defaclacl) a
    left join role g on g.oid = a.grantee)
from pg_catalog.pg_default_acl d
join role r on r.oid = d.defaclrole
where d.defaclnamespace = (select s.oid from space s)
union all
-- Row types and arrays come with their tables.
select 'type ' || t.typname, pg_catalog.format('type kind %s, owner %s, not null %s, base %s, default %s, constraints %s',
    t.typtype, r.rolname, t.typnotnull, pg_catalog.format_type(nullif(t.typbasetype, 0), t.typtypmod), coalesce(t.typdefault, '-'),
    coalesce((select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(c.oid), '; ' order by c.conname)
        from pg_catalog.pg_constraint c where c.contypid = t.oid), '-'))
from pg_catalog.pg_type t
join role r on r.oid = t.typowner
where t.typnamespace = (select s.oid from space s)
    and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
    and (t.typrelid = 0 or (select c.relkind from pg_catalog.pg_class c where c.oid = t.typrelid) = 'c')
union all
select 'database encoding', pg_catalog.pg_encoding_to_char(d.encoding)
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
union all
select 'event trigger ' || e.evtname, pg_catalog.format('%s, enabled %s', e.evtevent, e.evtenabled)
from pg_catalog.pg_event_trigger e
where e.evtfoid in (select p.oid from pg_catalog.pg_proc p where p.pronamespace = (select s.oid from space s));
    select string_agg(p.object, ', ' order by p.object) into odd from pgtrail.catalog_object p
    where p.object like 'partition %' and p.definition <> (
        select mode() within group (order by q.definition) from pgtrail.catalog_object q where q.object like 'partition %');
    if odd is not null then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('the partitions are not alike: not like the others: %s', odd),
            hint = 'Nothing was changed. Give them the owner, grants, triggers and indexes of the others.';
    end if;
    delete from pgtrail.catalog_object p
    where p.object like 'partition %' and p.object > (
        select min(q.object) from pgtrail.catalog_object q where q.object like 'partition %');
    update pgtrail.catalog_object set object = 'partition' where object like 'partition %';
    insert into pgtrail.catalog_object (object, definition)
    select 'detached', string_agg(l.line, E'\n' order by l.line collate "C")
    from (
        select regexp_replace(p.line, '^table kind partition ', 'table kind ') as line
        from pgtrail.catalog_object c, regexp_split_to_table(c.definition, E'\n') p (line)
        where c.object = 'partition' and p.line !~ '^(inherits from|trigger pgtrail_seal) '
        union all
        select 'trigger pgtrail_closed calls pgtrail.guard(INSERT attach\000), type 6, enabled O, when -, columns '
    ) l;
    select string_agg(distinct d.object, ', ') into odd
    from pgtrail.catalog_object d
    join pgtrail.catalog_object w on w.object = 'detached',
        lateral ((select regexp_split_to_table(w.definition, E'\n') except select regexp_split_to_table(d.definition, E'\n'))
            union all (select regexp_split_to_table(d.definition, E'\n') except select regexp_split_to_table(w.definition, E'\n'))) l (line)
    where d.object like 'detached %' and l.line not like 'index %, unique f,%';
    if odd is not null then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('detached partitions are not like the others: %s', odd),
            hint = 'Nothing was changed. Attach them first: pgtrail partition attach.';
    end if;
    delete from pgtrail.catalog_object where object like 'detached %';
end
$store$;

select pgtrail.record_act('migrate',
    jsonb_build_object('tool_version', '0.1.0', 'roles', 'on', 'code_checksum', '4feb3cb713381a40ee2f5433f33928e3f5535ac1092662bbec3d1b7e4583d1e6',
        'catalog_checksum', 'd51d2c00351ebfa8f40683c72b8209af994a912036bc62c9e7678731d7a6ce2a', 'migrations', jsonb_build_array('0001_log', '0002_proof', '0003_access', '0004_read', '0005_lifecycle', '0006_archive', '0007_people')),
    (select sha256(convert_to(string_agg(object || E'\n' || definition || E'\n', '' order by object), 'UTF8'))
        from pgtrail.catalog_object));
