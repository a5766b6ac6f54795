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
