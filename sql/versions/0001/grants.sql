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

grant select on pgtrail.event, pgtrail.chain_head to pgtrail_reader;

-- An auditor reads all that verify compares, and records that he verified.
grant select on pgtrail.event, pgtrail.chain_head, pgtrail.act, pgtrail.verified_head, pgtrail.catalog_object,
    pgtrail.import_source to pgtrail_auditor;
grant execute on function pgtrail.record_verification(jsonb, text[], smallint[], bigint[], bytea[]) to pgtrail_auditor;

grant select on pgtrail.act, pgtrail.chain_head, pgtrail.import_source, pgtrail.catalog_object to pgtrail_operator;
