// pgtrail status: the state of the log and of its database, for people and for monitoring.
import { command, flag, RawJson, type Report, type Session } from "../cli/command.js"
import { storeContext } from "../cli/store.js"
import { statusThresholds } from "../cli/thresholds.js"
import { TrailError } from "../data/errors.js"
import type { LogStatus } from "../data/index.js"
import type { Thresholds } from "../data/status/checks.js"
import { facts } from "../data/status/facts.js"
import { nagios, nagiosFailure } from "../data/status/nagios.js"
import { prometheus, prometheusDown } from "../data/status/prometheus.js"

const next: Readonly<Partial<Record<LogStatus["migrations"]["state"], string>>> = {
  "not installed": "pgtrail is not installed in this database: pgtrail install",
  pending: "a migration is pending: pgtrail migrate up",
  changed: "a migration was applied from another text than this version has: pgtrail migrate status",
}

export default command({
  summary: "show the state of the log and of its database",
  description:
    "Changes nothing and counts little: rows of partitions are PostgreSQL's estimate, the events of an organization are exact (from " +
    "the heads of its chains). What the role may not read is unknown, not an error: pgtrail_auditor or pgtrail_operator sees all of the " +
    "log, pg_read_all_stats all of the server.\n\n" +
    "Exit code 1 when the log is not installed or a migration is pending; with --exit-code also when a check is a warning or critical, " +
    "and 4 when one could not be looked at.\n\n" +
    "--format prometheus is the text format for node_exporter's textfile collector; pgtrail_up 0 and exit code 3 when the database " +
    "cannot be asked. --format nagios is one line with performance data, and has the exit codes of Nagios plugins instead of pgtrail's: " +
    "0 OK, 1 WARNING, 2 CRITICAL (also when the database cannot be reached), 3 UNKNOWN.\n\n" +
    "Thresholds are configured: status.verification-age.warning in pgtrail.json, or PGTRAIL_STATUS_VERIFICATION_AGE_WARNING; a number, " +
    "a duration (30m, 12h, 2d) or never.",
  options: {
    exitCode: flag("--exit-code", "exit code 1 when a check is a warning or critical, 4 when one is unknown"),
    drift: flag(
      "--no-drift",
      "do not compare the catalog with what the last migration left, which takes most of the time",
    ),
    grants: flag("--grants", "who may do what on the log, and how each role came by it"),
  },
  configuration: statusThresholds,
  formats: ["prometheus", "nagios"],
  examples: [
    { run: "pgtrail status", shows: "checks, sizes, partitions, newest acts" },
    { run: "pgtrail status --grants", shows: "every role that has a right on the log" },
    { run: "pgtrail status --format nagios", shows: "one line for Nagios, Icinga or Zabbix" },
    {
      run: "pgtrail status --format prometheus > /var/lib/node_exporter/pgtrail.prom",
      shows: "metrics for Prometheus",
    },
  ],
  async run({ options, configuration, session }) {
    if (options.grants) return grantsReport(session)
    let status: LogStatus
    try {
      const trail = await session.trail()
      // Every value was read by its own threshold above.
      const thresholds = configuration as Thresholds
      status = await trail.status({ drift: options.drift, thresholds, stores: storeContext(session) })
    } catch (error) {
      return unasked(error, session)
    }
    const form = { prometheus: prometheus(status, new Date()), nagios: nagios(status) }
    const verified = status.log?.verified
    return {
      schema: "pgtrail.status/1",
      columns: [{ name: "name" }, { name: "state" }, { name: "value" }],
      rows: facts(status).map((fact) => ({ ...fact })),
      document: {
        schema: "pgtrail.status/1",
        ...status,
        log: status.log && {
          ...status.log,
          verified: verified && { ...verified, parameters: new RawJson(verified.parameters) },
        },
      },
      forms: { prometheus: form.prometheus, nagios: form.nagios.line },
      ...(isForMachines(session) ? {} : { note: () => noteOf(status) }),
      exit: session.format === "nagios" ? form.nagios.exit : exitOf(status, options.exitCode),
    }
  },
})

const isForMachines = ({ format }: Session): boolean => format === "nagios" || format === "prometheus"

function noteOf({ migrations, checks }: LogStatus): string | undefined {
  const alarming = checks.filter(({ state }) => state === "warning" || state === "critical")
  const names = alarming.map(({ name }) => name).filter((name) => name !== "schema")
  const look = names.length === 0 ? undefined : `look at ${names.join(", ")}`
  return [next[migrations.state], look].filter(Boolean).join("\n") || undefined
}

function exitOf({ migrations, checks }: LogStatus, strict: boolean): 0 | 1 | 4 {
  if (migrations.state !== "current") return 1
  if (!strict) return 0
  if (checks.some(({ state }) => state === "warning" || state === "critical")) return 1
  return checks.some(({ state }) => state === "unknown") ? 4 : 0
}

/** Monitoring must be told in its own form, too, that there is no answer. */
function unasked(error: unknown, session: Session): Report {
  if (!isForMachines(session) || !(error instanceof TrailError)) throw error
  const { line, exit } = nagiosFailure(isDown(error) ? "critical" : "unknown", error.message)
  const isNagios = session.format === "nagios"
  if (!isNagios) session.warn(error.message)
  return {
    schema: "pgtrail.status/1",
    columns: [],
    rows: [],
    forms: { prometheus: prometheusDown, nagios: line },
    exit: isNagios ? exit : 3,
  }
}

const isDown = ({ code }: TrailError): boolean =>
  code === "unreachable" || code === "connection-lost" || code === "no-database" || code === "authentication"

async function grantsReport(session: Session): Promise<Report> {
  if (isForMachines(session)) {
    throw new TrailError("usage", `--grants has no form ${session.format}`, {
      hint: "pgtrail status --grants --json",
    })
  }
  const found = await (await session.trail()).grants()
  const { grants, superusers, roles } = found
  return {
    schema: "pgtrail.grant/1",
    columns: [
      ...["role", "right", "organizations", "via"].map((name) => ({ name })),
      ...["login", "admin", "by_set_role", "superuser"].map((name) => ({ name, kind: "boolean" as const })),
      { name: "odd" },
    ],
    rows: grants.map((grant) => ({ ...grant, organizations: organizationsOf(grant.organizations) })),
    document: { schema: "pgtrail.grant/1", ...found },
    note: () =>
      [
        roles
          ? undefined
          : "the log was installed with --no-roles: it belongs to one role, and the application connects as it",
        `superusers, who may do everything: ${superusers.join(", ")}`,
      ]
        .filter(Boolean)
        .join("\n"),
  }
}

function organizationsOf(organizations: readonly string[] | null | undefined): string {
  if (organizations === null) return "all"
  return organizations === undefined ? "not shown to this role" : organizations.join(", ") || "none"
}
