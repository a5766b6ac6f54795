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
    pgtrail.named_holds(),
    pgtrail.redact_begin(interval),
    pgtrail.redact_partition(text, text, jsonb),
    pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval, bigint[]) to pgtrail_privacy;

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

-- The views that hide restricted events compare by it, and whoever reads a view needs the right to its functions. It reads nothing.
grant execute on function pgtrail.fold_text(text)
    to pgtrail_reader, pgtrail_organization_reader, pgtrail_auditor, pgtrail_operator, pgtrail_privacy;

-- What an erasure is told besides: which cases hold what was found.
grant execute on function pgtrail.plan_cases() to pgtrail_privacy;

-- Whether what was redacted is what the acts vouch for, a verification reads.
grant select on pgtrail.redaction to pgtrail_auditor;

-- Whoever backs the log up reads everything by other rights; that it was done an operator or auditor records.
grant execute on function
    pgtrail.record_backup(text, text, bytea, timestamptz, int, bigint, bigint, int, text, text, boolean, bigint, text)
    to pgtrail_operator, pgtrail_auditor;
