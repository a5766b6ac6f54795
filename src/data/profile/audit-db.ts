// Seed 003, the Audit Database: audit_log is a view of events, what pgtrail owns beside them are views of it, the rest are tables.
import { errorCompanions } from "./audit-db-errors.js"
import { auditLog } from "./audit-db-log.js"
import { presetCompanions } from "./audit-db-preset.js"
import { retentionCompanions } from "./audit-db-retention.js"
import { tableCompanions } from "./audit-db-tables.js"
import { viewCompanions } from "./audit-db-views.js"
import type { Place, Profile, Replacement } from "./shape.js"

function replacements({ schema }: Place): Replacement[] {
  return [
    {
      instead: "pg_dump -t audit_log",
      run: "pgtrail backup create --to PLACE",
      why: "audit_log is a view: pg_dump -t writes its definition and no row. The same holds of audit_integrity_log, audit_retention_policy, config_change_event, pseudonym_mapping and archive_storage",
    },
    {
      instead: "drizzle-kit migrate (drizzle/migrations/0000_burly_namor.sql to 0006_silly_tyger_tiger.sql)",
      run: "pgtrail profile install audit-db",
      why: "the names are taken by the profile; migrations that came later are compared with it",
    },
    {
      instead: "createAuditLogPartitions, dropExpiredPartitions, PartitionMaintenanceScheduler",
      run: "pgtrail partition maintain\npgtrail retention run",
      why: "pgtrail.event is partitioned already, and what leaves it leaves it by a policy, with a record. Both go into a crontab: pgtrail job print cron",
    },
    {
      instead: "INSERT INTO audit_integrity_log ...",
      run: `pgtrail verify\nSELECT * FROM ${schema}.audit_integrity_log`,
      why: "a verification records itself, and each of its findings is a row",
    },
    {
      instead: "INSERT INTO config_change_event ...",
      run: `pgtrail setting set NAME VALUE\nSELECT * FROM ${schema}.config_change_event`,
      why: "the changes are the acts of pgtrail; an application's own belong into audit_log",
    },
    {
      instead: "INSERT INTO pseudonym_mapping ...",
      run: "pgtrail gdpr pseudonymize ID --strategy hash --reason WHY --requested-by WHO\npgtrail gdpr reveal PSEUDONYM --reason WHY --privacy-key k1=file:k1.key",
      why: "originals are encrypted with a key that is outside of the database, and each look at one is recorded",
    },
    {
      instead: "INSERT INTO archive_storage ...",
      run: "pgtrail archive create --due --to table:",
      why: "an archive verifies, and its events leave the log with a record",
    },
    {
      instead: "INSERT INTO error_aggregation ...",
      run: `INSERT INTO ${schema}.error_log (id, aggregation_key, message) VALUES ('ID', 'KEY', 'MESSAGE')`,
      why: "a trigger counts: an application that counted too would count twice",
    },
  ]
}

export const auditDb: Profile = {
  name: "audit-db",
  summary: "Audit Database: audit_log with its presets, alerts, reports, errors and roles",
  views: [auditLog],
  alsoReads: ["act"],
  companions: [
    ...presetCompanions,
    ...retentionCompanions,
    ...viewCompanions,
    ...errorCompanions,
    ...tableCompanions,
  ],
  replacements,
  next: [
    // 2555 days are what the seed says, and what the policy standard has from the start.
    "pgtrail retention policy set standard --keep 2555d",
    "pgtrail archive create --due --to table:",
    "pgtrail verify",
    "pgtrail index add external   # where id = 5 reaches an index; again in a crontab, for new partitions",
    "pgtrail profile install audit-db --writer ROLE",
  ],
}
