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
