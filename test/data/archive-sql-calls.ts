// How each SECURITY DEFINER function that concerns archives is called by who attacks it: privilege-temp.test.ts.

/** Two parts of a file, whole. */
const stored =
  "begin; select pgtrail.store_file('a/b', 1, 'x'); select pgtrail.store_file('a/b', 2, 'yz'); select pgtrail.store_done('a/b', 3)"
const archiveName = "'event_1999_01-19990101T000000Z-abcdef'"
/** One event, archived: what its record must come to is told here by names that nobody can shadow. */
const archived = `begin; select pgtrail.set_setting('retention-grace', '0d');
  insert into pgtrail.event (organization_id, event_type, occurred_at) values ('p', 'x', '1999-01-01Z');
  select pgtrail.split_default('{event_1999_01}', '{1999-01-01Z}', '{1999-02-01Z}'); select pgtrail.restore_stage();
  insert into pg_temp.pgtrail_restored select * from pgtrail.event where organization_id = 'p';
  create temp table known on commit drop as select encode(pg_catalog.sha256(pg_catalog.record_send(row('pgtrail purge'::pg_catalog.text,
    e.organization_id, e.lane, ('{[' || e.seq || ',' || e.seq + 1 || ')}')::pg_catalog.text, e.previous_hash || e.hash, 1::pg_catalog.int8,
    e.occurred_at, e.occurred_at, e.recorded_at, e.recorded_at))), 'hex') as records
  from pgtrail.event e where e.organization_id = 'p';
  select pgtrail.purge_partition('event_1999_01', 'r', archive => jsonb_build_object('name', ${archiveName}, 'location', 'file:///x',
    'manifest', repeat('ab', 32), 'bytes', 1, 'due', false, 'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'records', k.records)) from pg_temp.known k`

const restored = `${archived}; select pgtrail.archive_until(1), pgtrail.archive_until(max(act_seq)) from pgtrail.purge;
  select pgtrail.record_restore(${archiveName}, 'side', 1, 'r', 'w'); select pgtrail.restore_archive(${archiveName}, 'r', 'w')`

export const archiveCalls: Readonly<Record<string, readonly string[]>> = {
  archive_places: [
    "select * from pgtrail.archive_places('event_default', null, null, null, true, clock_timestamp())",
  ],
  restore_stage: ["begin; select pgtrail.restore_stage(); select pgtrail.restore_stage()"],
  restage_archive: [
    `${archived}; insert into pg_temp.pgtrail_restored select * from pgtrail.event limit 1; select * from pgtrail.restage_archive(${archiveName})`,
  ],
  restore_archive: [restored],
  record_restore: [restored],
  remove_archive: ["false", "true"].map(
    (expired) => `${archived}; select pgtrail.set_retention('policy', 'standard', 30, confirmed => true);
      select pgtrail.add_hold('c', 'r', 'none', 'a', 't', 'i', 'c', 'e'); select pgtrail.remove_archive(${archiveName}, 'r', 'w', ${expired})`,
  ),
  archive_until: [restored],
  store_file: [`${stored}; select pgtrail.store_file('a/c', 1, 'x')`],
  store_done: [stored],
  stored_files: [`${stored}; select * from pgtrail.stored_files('a')`],
  stored_parts: [`${stored}; select * from pgtrail.stored_parts('a/b')`],
  read_stored: [`${stored}; select pgtrail.read_stored('a/b', 2)`],
  note_retrieved: [`${stored}; select pgtrail.note_retrieved('a/b')`],
  remove_stored: [`${stored}; select pgtrail.remove_stored('a/b')`],
  note_archive_failure: [
    "begin; select pgtrail.note_archive_failure('p', 'l', 'r', '{}'); select pgtrail.note_archive_failure('p', 'l', 'r', '{}')",
  ],
  forget_archive_failure: [
    "begin; select pgtrail.note_archive_failure('p', 'l', 'r', '{}'); select pgtrail.forget_archive_failure('p', 'l')",
  ],
  analyze_partition: ["select pgtrail.analyze_partition('event_default')"],
}
