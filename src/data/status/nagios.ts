// The state of a log as a Nagios plugin prints it: one line, performance data behind a bar, and the exit code that goes with it.
import type { LogStatus } from "../status.js"
import { visible } from "../words.js"
import { type Check, type LimitName, type Limits, limits, readThreshold } from "./checks.js"

export type NagiosExit = 0 | 1 | 2 | 3

const exits = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const
const order = ["critical", "warning", "unknown"] as const

export function nagios(status: LogStatus): { line: string; exit: NagiosExit } {
  const worst = order
    .flatMap((state) => status.checks.filter((check) => check.state === state))
    .map(
      (check) => `${check.state === status.state ? "" : `${check.state}: `}${check.name}: ${check.message}`,
    )
  const said = worst.length === 0 ? summary(status) : worst.join("; ")
  return { line: lineOf(status.state, said, status.checks.map(performance)), exit: exits[status.state] }
}

/** A log that could not be asked. */
export function nagiosFailure(
  state: "critical" | "unknown",
  message: string,
): { line: string; exit: NagiosExit } {
  return { line: lineOf(state, message, []), exit: exits[state] }
}

function lineOf(state: Check["state"], said: string, data: readonly string[]): string {
  // A bar begins the performance data, and whatever follows a line end is not shown.
  const text = visible(said.replace(/\s+/g, " ")).replaceAll("|", "/")
  const known = data.filter((part) => part !== "")
  return `PGTRAIL ${state.toUpperCase()} - ${text}${known.length === 0 ? "" : ` | ${known.join(" ")}`}\n`
}

function summary({ log, migrations }: LogStatus): string {
  const verified =
    log?.verified == null
      ? "not verified yet"
      : `verified ${log.verified.recorded_at}: ${log.verified.verdict}`
  return `${migrations.version}, ${log?.heads?.events ?? "?"} events appended, ${verified}`
}

/** 'label'=value[unit];warning;critical */
function performance({ name, unit, value, warning, critical }: Check): string {
  if (unit === null || value === null || value === String(Number.MAX_SAFE_INTEGER)) return ""
  const limit: Limits = limits[name as LimitName]
  const edge = (typed: string | null): string => {
    const threshold = typed === null ? null : readThreshold(name as LimitName, typed, name)
    return threshold === null ? "" : `${threshold}${limit.atLeast === true ? ":" : ""}`
  }
  const suffix = { duration: "s", percent: "%", count: "" }[unit]
  return `'${name}'=${value}${suffix};${edge(warning)};${edge(critical)}`
}
