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
