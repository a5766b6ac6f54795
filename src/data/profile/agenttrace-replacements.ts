// What AgentTrace's guide tells to run that a view cannot answer, and what to run in its place.
import type { Profile } from "./shape.js"

export const replacements: Profile["replacements"] = ({ schema }) => [
  {
    instead: "pg_dump -t audit_events",
    run: `psql -c "\\copy (select * from ${schema}.audit_events) to 'audit_events.csv' csv header"`,
    why: "audit_events is a view, of which pg_dump keeps no rows; the evidence itself: pgtrail export create, or pgtrail backup create",
  },
  {
    instead:
      "INSERT INTO audit_events_archive SELECT * FROM audit_events WHERE ...; DELETE FROM audit_events WHERE ...",
    run: "pgtrail retention policy set standard --keep 2557d --archive-after 365d, and in a crontab: pgtrail archive create --due --to PLACE",
    why: "DELETE is refused; an archive of pgtrail leaves the table with a record and still verifies. Rows of audit_events_archive are a copy that no erasure of personal data reaches",
  },
  {
    instead: "UPDATE audit_events or DELETE FROM audit_events",
    run: "pgtrail gdpr rectify, pgtrail gdpr erase or pgtrail retention run",
    why: "the trail is append-only; these record what they change",
  },
  {
    instead: "VACUUM FULL audit_events",
    run: "nothing",
    why: "retention drops or empties whole partitions; autovacuum does the rest",
  },
  {
    instead: "ANALYZE audit_events",
    run: "pgtrail partition maintain",
    why: "a view has no statistics; those of pgtrail.event are kept by autovacuum and by this",
  },
  {
    instead: "CREATE INDEX idx_audit_... ON audit_events (...)",
    run: "nothing; for the full-text search: pgtrail index add search, then pgtrail query --grep TEXT",
    why: "the indexes of pgtrail.event serve its queries; a view has none",
  },
  {
    instead: "CREATE TABLE audit_events_2026_01 PARTITION OF audit_events ...",
    run: "pgtrail partition maintain, in a crontab",
    why: "pgtrail.event is partitioned by month already",
  },
  {
    instead: "ALTER TABLE audit_events ALTER COLUMN new_state SET STORAGE EXTERNAL",
    run: "nothing",
    why: "a view stores nothing; PostgreSQL compresses the states in pgtrail.event",
  },
  {
    instead: "ALTER TABLE audit_events SET (toast_compression = lz4)",
    run: "alter system set default_toast_compression = 'lz4'",
    why: "PostgreSQL has no such option of a table; the default of the server counts for new rows",
  },
  {
    instead: "REFRESH MATERIALIZED VIEW CONCURRENTLY audit_daily_summary",
    run: "nothing",
    why: "audit_daily_summary is counted when it is read; for long times, pgtrail summary show has the days counted already",
  },
  {
    instead: "CREATE INDEX ON audit_daily_summary (organization_id, date)",
    run: "nothing",
    why: "the indexes of pgtrail.event serve it: say the organization",
  },
  {
    instead: "SELECT reltuples::bigint FROM pg_class WHERE relname = 'audit_events'",
    run: "select sum(c.reltuples)::bigint from pg_class c join pg_inherits i on i.inhrelid = c.oid where i.inhparent = 'pgtrail.event'::regclass and c.reltuples > 0",
    why: "a view has no statistics; the partitions of the log have, for all of its events",
  },
  {
    instead: "pg_stat_user_indexes or pg_stat_user_tables WHERE tablename = 'audit_events'",
    run: "pgtrail partition list, and: select relname, indexrelname, idx_scan from pg_stat_user_indexes where schemaname = 'pgtrail' and relname like 'event%'",
    why: "the columns are called relname and indexrelname in PostgreSQL, and the rows are those of the partitions",
  },
  {
    instead: "a hash chain ordered by timestamp",
    run: `select event_id from (select event_id, previous_hash, seq, lag(hash) over w as before, lag(seq) over w as seq_before from ${schema}.audit_events_chain window w as (partition by organization_id, lane order by seq)) c where seq = seq_before + 1 and previous_hash <> before`,
    why: "hash and previous_hash are those of the log, chained by lane and seq; it finds no row. pgtrail verify computes every hash anew",
  },
]
