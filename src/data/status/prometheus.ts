// The state of a log in Prometheus' text format 0.0.4: stable names, seconds and bytes, nothing secret, the database not even named by its URL.
import type { LogStatus } from "../status.js"
import { version } from "../version.js"
import type { CheckState } from "./checks.js"

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: string | number | null | undefined]

const states: readonly CheckState[] = ["ok", "warning", "critical", "unknown"]

/** A server that cannot be asked. */
export const prometheusDown = family("pgtrail_up", "gauge", "Whether the log could be asked", [[{}, 0]])

export function prometheus(status: LogStatus, now: Date): string {
  const { log, server } = status
  const seconds = Math.floor(now.getTime() / 1000)
  const before = (age: string | null | undefined): number | null =>
    age == null ? null : seconds - Number(age)
  const one = (value: string | number | null | undefined): Sample[] => [[{}, value]]
  const partitions = log?.partitions ?? []
  const byPartition = (column: "rows_estimate" | "bytes" | "index_bytes" | "dead_rows"): Sample[] =>
    partitions.map((partition) => [{ partition: partition.name }, partition[column]])
  return [
    family("pgtrail_up", "gauge", "Whether the log could be asked", one(1)),
    family("pgtrail_info", "gauge", "Versions and identity, always 1", [
      [
        {
          version,
          schema: status.migrations.version ?? "",
          server_version: status.server_version,
          database: status.database,
          log_id: log?.log_id ?? "",
          incarnation: log?.incarnation ?? "",
        },
        1,
      ],
    ]),
    family(
      "pgtrail_schema_current",
      "gauge",
      "Whether no migration is pending",
      one(status.migrations.state === "current" ? 1 : 0),
    ),
    family(
      "pgtrail_check_state",
      "gauge",
      "State of each check: 0 ok, 1 warning, 2 critical, 3 unknown",
      status.checks.map(({ name, state }) => [{ check: name }, states.indexOf(state)]),
    ),
    family(
      "pgtrail_drift_differences",
      "gauge",
      "Differences of the catalog from what the last migration left",
      one(log?.drift?.differences),
    ),
    family("pgtrail_events_appended_total", "counter", "Events ever appended", one(log?.heads?.events)),
    family(
      "pgtrail_organizations",
      "gauge",
      "Organizations that have a chain",
      one(log?.heads?.organizations),
    ),
    family("pgtrail_lanes", "gauge", "Lanes of all organizations", one(log?.heads?.lanes)),
    family(
      "pgtrail_newest_event_timestamp_seconds",
      "gauge",
      "When the newest event occurred",
      one(before(log?.newest_event?.age_seconds)),
    ),
    family(
      "pgtrail_partition_rows",
      "gauge",
      "Events of a partition, estimated by the last analyze",
      byPartition("rows_estimate"),
    ),
    family("pgtrail_partition_dead_rows", "gauge", "Dead rows of a partition", byPartition("dead_rows")),
    family("pgtrail_partition_bytes", "gauge", "Bytes of a partition with its indexes", byPartition("bytes")),
    family(
      "pgtrail_partition_index_bytes",
      "gauge",
      "Bytes of a partition's indexes",
      byPartition("index_bytes"),
    ),
    family(
      "pgtrail_partitions_ahead_seconds",
      "gauge",
      "For how long there are partitions already",
      one(log?.ahead_seconds),
    ),
    family(
      "pgtrail_default_rows",
      "gauge",
      "Events in the DEFAULT partition, counted up to 10000",
      one(log?.rows_in_default),
    ),
    family(
      "pgtrail_partitions_due",
      "gauge",
      "Partitions that maintain would make for today, the next two, or events in the DEFAULT partition",
      one(log?.partitions_due?.length),
    ),
    family(
      "pgtrail_partitions_detached",
      "gauge",
      "Partitions that are detached",
      one(log?.detached_partitions),
    ),
    family(
      "pgtrail_invalid_indexes",
      "gauge",
      "Indexes that a failed build left behind",
      one(log?.invalid_indexes?.length),
    ),
    family(
      "pgtrail_last_verification_timestamp_seconds",
      "gauge",
      "When the whole log was last verified",
      one(before(log?.verified?.age_seconds)),
    ),
    family(
      "pgtrail_last_verification_intact",
      "gauge",
      "Whether that verification found nothing",
      one(log?.verified == null ? null : log.verified.verdict === "intact" ? 1 : 0),
    ),
    family(
      "pgtrail_last_verification_findings",
      "gauge",
      "What that verification found and nobody had accepted",
      one(log?.verified?.findings),
    ),
    family(
      "pgtrail_last_checkpoint_timestamp_seconds",
      "gauge",
      "When the last checkpoint was made",
      one(before(log?.checkpoint?.age_seconds)),
    ),
    family(
      "pgtrail_last_backup_timestamp_seconds",
      "gauge",
      "When the last backup of the whole log was recorded",
      one(before(log?.backup?.age_seconds)),
    ),
    family("pgtrail_last_backup_events", "gauge", "Events in that backup", one(log?.backup?.events)),
    family("pgtrail_last_backup_bytes", "gauge", "Bytes of that backup", one(log?.backup?.bytes)),
    family(
      "pgtrail_last_backup_verification_timestamp_seconds",
      "gauge",
      "When one of the newest backups was last verified, as the files beside it tell",
      one(before(log?.backup?.verified[0]?.age_seconds)),
    ),
    family(
      "pgtrail_last_backup_verification_intact",
      "gauge",
      "Whether that verification found nothing",
      one(
        log?.backup?.verified[0] === undefined
          ? null
          : ["intact", "whole"].includes(log.backup.verified[0].verdict)
            ? 1
            : 0,
      ),
    ),
    family("pgtrail_accepted_findings", "gauge", "Findings that were accepted", one(log?.accepted_findings)),
    family(
      "pgtrail_job_last_success_timestamp_seconds",
      "gauge",
      "When a job last succeeded",
      (log?.jobs ?? []).map(({ name, last_success_age_seconds: age }) => [{ job: name }, before(age)]),
    ),
    family(
      "pgtrail_job_exit_code",
      "gauge",
      "Of the last run of a job by pgtrail job that ended",
      (log?.jobs ?? []).map(({ name, exit_code: exit }) => [{ job: name }, exit]),
    ),
    family(
      "pgtrail_job_duration_seconds",
      "gauge",
      "How long that run took",
      (log?.jobs ?? []).map(({ name, duration_seconds: took }) => [{ job: name }, took]),
    ),
    family("pgtrail_standby", "gauge", "Whether the server is a standby", one(status.standby ? 1 : 0)),
    family(
      "pgtrail_standby_lag_seconds",
      "gauge",
      "By how much the standby is behind",
      one(server.standby_lag_seconds),
    ),
    family("pgtrail_connections", "gauge", "Connections to the server", one(server.connections)),
    family(
      "pgtrail_connections_allowed",
      "gauge",
      "Connections that the server allows to ordinary roles",
      one(server.connections_allowed),
    ),
    family(
      "pgtrail_transaction_age",
      "gauge",
      "Transactions since the oldest that is not frozen",
      one(server.transaction_age),
    ),
    family(
      "pgtrail_oldest_transaction_seconds",
      "gauge",
      "Age of the oldest transaction, which holds back vacuum",
      one(server.oldest_transaction_seconds),
    ),
  ].join("")
}

/** What is not known has no sample, and a family without samples is not named. */
function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const lines = samples
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`)
  return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
