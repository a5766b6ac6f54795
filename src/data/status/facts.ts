// The state of a log as lines for people: what is checked with its state, then what there is.
import type { LogStatus } from "../status.js"
import { grouped, plural } from "../words.js"
import type { CheckState } from "./checks.js"
import type { PartitionStatus } from "./partitions.js"

export interface Fact {
  readonly name: string
  /** Null: it is not judged. */
  readonly state: CheckState | null
  readonly value: string
}

/** Organizations and partitions that are shown to people; a log may have tens of thousands. */
const listed = 10

export function facts({ migrations, log, checks, ...server }: LogStatus): Fact[] {
  const fact = (name: string, value: string): Fact => ({ name, state: null, value })
  return [
    fact("server", `PostgreSQL ${server.server_version}${server.standby ? ", standby" : ""}`),
    fact("database", `${server.database}, connected as ${server.user}`),
    ...checks.map(({ name, state, message }): Fact => {
      const roles = name === "schema" && log !== null && !migrations.roles ? ", without roles" : ""
      return { name, state, value: `${message}${roles}` }
    }),
    ...(log === null ? [] : logFacts(log).map(([name, value]) => fact(name, value))),
  ]
}

type Log = NonNullable<LogStatus["log"]>
type Line = readonly [name: string, value: string]

function logFacts(log: Log): Line[] {
  const { bytes, rows_estimate: rows, heads, newest_event: newest } = log
  return [
    ...(log.log_id === ""
      ? []
      : [["log", `${log.log_id}, incarnation ${log.incarnation}, installed ${log.created_at}`] as const]),
    ...(rows === null || bytes === null
      ? []
      : [["events", `about ${grouped(rows)}, ${size(bytes)}`] as const]),
    ...(heads === null
      ? []
      : [
          [
            "heads",
            `${plural(heads.events, "event")} appended, ${plural(heads.organizations, "organization")}, ${plural(heads.lanes, "lane")}${log.bound ? ", those that this role is bound to" : ""}`,
          ] as const,
        ]),
    ...(newest === null ? [] : [["newest event", newest.occurred_at] as const]),
    ...organizationFacts(log.organizations),
    ...partitionFacts(log.partitions ?? []),
    ...(log.detached_partitions === null || log.detached_partitions === "0"
      ? []
      : [
          ["detached partitions", `${log.detached_partitions}, in no query: pgtrail partition list`] as const,
        ]),
    ...(log.acts ?? []).map(
      (act): Line => [`act ${act.seq}`, `${act.kind} at ${act.recorded_at} by ${act.session_user_name}`],
    ),
    ...log.settings.map(({ name, value }): Line => [`setting ${name}`, value]),
    ...(log.accepted_findings === null || log.accepted_findings === "0"
      ? []
      : [["accepted findings", log.accepted_findings] as const]),
  ]
}

function organizationFacts(organizations: Log["organizations"]): Line[] {
  if (organizations === null) return []
  const lines = organizations
    .slice(0, listed)
    .map(
      ({ organization_id: name, events, lanes }): Line => [
        `organization ${name}`,
        `${grouped(events)} appended, ${plural(lanes, "lane")}`,
      ],
    )
  const rest = organizations.length - lines.length
  return rest > 0 ? [...lines, ["organizations", `${grouped(rest)} more: pgtrail organization list`]] : lines
}

/** The newest ones, which are at the end, and DEFAULT, which is last. */
function partitionFacts(partitions: readonly PartitionStatus[]): Line[] {
  const used = partitions.length <= listed ? partitions : partitions.slice(-listed)
  const lines = used.map(partitionFact)
  const rest = partitions.length - lines.length
  return rest > 0 ? [["partitions", `${grouped(rest)} older ones, in --json`], ...lines] : lines
}

function partitionFact(partition: PartitionStatus): Line {
  const { name, since, until, is_default: isDefault, rows_estimate: rows, bytes, dead_rows: dead } = partition
  const range = isDefault ? "every other time" : `${since ?? "the beginning"} to ${until ?? "the end"}`
  const counted = rows === null ? "not analyzed" : `about ${plural(rows, "event")}`
  const waste = dead === "0" ? "" : `, ${plural(dead, "dead row")}`
  return [`partition ${name}`, `${range}, ${counted}, ${size(bytes)}${waste}`]
}

export function size(bytes: string): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"]
  let value = Number(bytes)
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
