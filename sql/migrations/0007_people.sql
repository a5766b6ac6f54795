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
