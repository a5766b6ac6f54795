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
