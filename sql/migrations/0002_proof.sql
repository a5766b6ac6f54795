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
