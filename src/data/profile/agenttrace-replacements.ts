// What AgentTrace's guide tells to run that a view cannot answer, and what to run in its place. test/seeds.md runs each of them.
import type { Profile } from "./shape.js"

const indexed =
  "the indexes of pgtrail.event serve its queries; a view has none, and nothing further is to be run"
const partitioned = "pgtrail.event is partitioned by month already; this line goes into a crontab"
const relations = "schemaname = 'pgtrail' AND relname LIKE 'event\\_%'"

export const replacements: Profile["replacements"] = ({ schema }) => [
  {
    instead: "pg_dump -t audit_events",
    run: `pgtrail backup create --to PLACE\n\\copy (select * from ${schema}.audit_events) to audit_events.csv csv header`,
    why: "audit_events is a view, of which pg_dump keeps no rows; the second writes the rows alone, without the evidence",
  },
  {
    instead: "CREATE TABLE audit_events (...);",
    run: "pgtrail profile install agenttrace",
    why: "the same columns, order, limits and constraints",
  },
  {
    instead: "DELETE FROM audit_events ...",
    run: "pgtrail retention policy set standard --keep 2557d --archive-after 2556d\npgtrail archive create --due --to PLACE\npgtrail retention run",
    why: "DELETE is refused; what leaves the log leaves it by a policy, with a record, and an archive of pgtrail still verifies. audit_events_archive names events, and shows them as long as the log has them",
  },
  {
    instead: "UPDATE audit_events SET ...",
    run: "pgtrail gdpr rectify ORG/LANE/SEQ --set NAME=VALUE --reason WHY --requested-by WHO\npgtrail gdpr erase ID --reason WHY --requested-by WHO",
    why: "the trail is append-only; these record what they change",
  },
  {
    instead: "VACUUM FULL audit_events",
    run: "pgtrail retention run",
    why: "retention drops or empties whole partitions; autovacuum does the rest",
  },
  {
    instead: "ANALYZE audit_events",
    run: "pgtrail partition analyze",
    why: "a view has no statistics; those of pgtrail.event are kept by autovacuum and by this",
  },
  {
    instead: "CREATE INDEX idx_audit_... ON audit_events (...)",
    run: "pgtrail profile install agenttrace",
    why: indexed,
  },
  {
    instead: "CREATE INDEX idx_audit_hash ON audit_events (...)",
    run: "pgtrail verify",
    why: "the chain is in the log: this follows it and computes every hash anew",
  },
  {
    instead: "CREATE INDEX idx_audit_search ON audit_events USING GIN (...)",
    run: "pgtrail index add search",
    why: "it serves the full-text search of pgtrail query --grep TEXT",
  },
  {
    instead: "CREATE TABLE audit_events (...) PARTITION BY RANGE (timestamp)",
    run: "pgtrail partition maintain",
    why: partitioned,
  },
  {
    instead: "CREATE TABLE audit_events_2026_... PARTITION OF audit_events FOR VALUES FROM ... TO ...",
    run: "pgtrail partition maintain",
    why: partitioned,
  },
  {
    instead: "ALTER TABLE audit_events ALTER COLUMN previous_state SET STORAGE EXTERNAL",
    run: "ALTER TABLE pgtrail.event ALTER COLUMN before_state SET STORAGE EXTERNAL",
    why: "as the owner of the log. EXTERNAL stores without compression: the contrary of what the guide promises",
  },
  {
    instead: "ALTER TABLE audit_events ALTER COLUMN new_state SET STORAGE EXTERNAL",
    run: "ALTER TABLE pgtrail.event ALTER COLUMN after_state SET STORAGE EXTERNAL",
    why: "as the owner of the log; a view stores nothing",
  },
  {
    instead: "ALTER TABLE audit_events SET (toast_compression = lz4)",
    run: `ALTER DATABASE :"DBNAME" SET default_toast_compression = lz4`,
    why: "PostgreSQL has no such option of a table; the default of the database counts for new rows",
  },
  {
    instead: "CREATE MATERIALIZED VIEW audit_daily_summary AS ...",
    run: `SELECT * FROM ${schema}.audit_daily_summary`,
    why: "the profile has it, as a view that is counted when it is read; for long times, pgtrail summary show has the days counted already",
  },
  {
    instead: "REFRESH MATERIALIZED VIEW CONCURRENTLY audit_daily_summary",
    run: `SELECT * FROM ${schema}.audit_daily_summary`,
    why: "a view is always up to date",
  },
  {
    instead: "CREATE INDEX ON audit_daily_summary (organization_id, date)",
    run: "pgtrail profile install agenttrace",
    why: `${indexed}; say the organization`,
  },
  {
    instead: "SELECT reltuples::bigint FROM pg_class WHERE relname = 'audit_events'",
    run: "SELECT sum(c.reltuples)::bigint AS reltuples FROM pg_partition_tree('pgtrail.event') p JOIN pg_class c ON c.oid = p.relid WHERE p.isleaf AND c.reltuples > 0",
    why: "a view has no statistics; the partitions of the log have, for all of its events",
  },
  {
    instead: "SELECT ... FROM pg_stat_user_indexes WHERE tablename = 'audit_events' ...",
    run: `SELECT schemaname, relname, indexrelname, idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE ${relations} ORDER BY idx_scan ASC`,
    why: "the columns are called relname and indexrelname in PostgreSQL, and the rows are those of the partitions",
  },
  {
    instead: "SELECT ... FROM pg_stat_user_tables WHERE tablename = 'audit_events'",
    run: `SELECT schemaname, relname, pg_size_pretty(pg_total_relation_size(relid)) AS size, n_dead_tup FROM pg_stat_user_tables WHERE ${relations}`,
    why: "the column is called relname in PostgreSQL; pgtrail partition list tells the same month by month",
  },
  {
    instead: "a hash chain ordered by timestamp",
    run: `SELECT event_id FROM (SELECT event_id, previous_hash, seq, lag(hash) OVER w AS before, lag(seq) OVER w AS seq_before FROM ${schema}.audit_events_chain WINDOW w AS (PARTITION BY organization_id, lane ORDER BY seq)) c WHERE seq = seq_before + 1 AND previous_hash <> before`,
    why: "hash and previous_hash are those of the log, chained by lane and seq; it finds no row. pgtrail verify computes every hash anew",
  },
]
