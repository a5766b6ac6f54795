// The state of a log as short lines for people.
import type { LogStatus } from "./status.js"

export type Fact = readonly [name: string, value: string]

/** Organizations that are shown to people; a log may have tens of thousands. */
const listed = 10

export function warnings({ log }: LogStatus): string[] {
  if (log === null || log.rows_in_default === null || log.rows_in_default === "0") return []
  const rows = log.rows_in_default === "10000" ? "10000 or more" : log.rows_in_default
  return [`${rows} events are in the DEFAULT partition: no other partition covers their time`]
}

export function facts({ migrations, log, ...server }: LogStatus): Fact[] {
  const about: Fact[] = [
    ["server", `PostgreSQL ${server.server_version}${server.standby ? ", standby" : ""}`],
    ["database", `${server.database}, connected as ${server.user}`],
    [
      "schema",
      [migrations.version, migrations.state, migrations.roles ? "" : "without roles"]
        .filter(Boolean)
        .join(", "),
    ],
  ]
  if (log === null) return about
  const verified: Fact = [
    "last verified",
    log.verified === null ? "never" : `${log.verified.recorded_at}, act ${log.verified.seq}`,
  ]
  return [
    ...about,
    ["log", `${log.log_id}, incarnation ${log.incarnation}, installed ${log.created_at}`],
    ["events", `about ${log.rows_estimate}, ${size(log.bytes)}`],
    ...organizationFacts(log.organizations),
    ...log.partitions.map(partitionFact),
    ...(log.acts ?? []).map(
      (act): Fact => [`act ${act.seq}`, `${act.kind} at ${act.recorded_at} by ${act.session_user_name}`],
    ),
    ...(log.acts === null ? [] : [verified]),
  ]
}

type Log = NonNullable<LogStatus["log"]>

function organizationFacts(organizations: Log["organizations"]): Fact[] {
  if (organizations === null) return []
  const facts = organizations.slice(0, listed).map((organization): Fact => {
    const { organization_id: name, events, lanes } = organization
    return [`organization ${name}`, `${events} appended, ${lanes === "1" ? "1 lane" : `${lanes} lanes`}`]
  })
  const rest = organizations.length - facts.length
  return rest > 0 ? [...facts, ["organizations", `${rest} more, in --json`]] : facts
}

function partitionFact(partition: Log["partitions"][number]): Fact {
  const { name, since, until, is_default: isDefault, rows_estimate: rows, bytes } = partition
  const range = isDefault ? "every other time" : `${since ?? "the beginning"} to ${until ?? "the end"}`
  return [
    `partition ${name}`,
    `${range}, ${rows === null ? "not analyzed" : `about ${rows} events`}, ${size(bytes)}`,
  ]
}

function size(bytes: string): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"]
  let value = Number(bytes)
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
