// What is looked at in a log and its server, and from where on a value is a warning, or critical.
import { TrailError } from "../errors.js"

export type CheckState = "ok" | "warning" | "critical" | "unknown"
type Unit = "duration" | "count" | "percent"

export interface Check {
  readonly name: string
  readonly state: CheckState
  /** Seconds, a count or percent; null where the check has none, or nobody could look. */
  readonly value: string | null
  readonly unit: Unit | null
  /** As configured: `2d`; null: never. */
  readonly warning: string | null
  readonly critical: string | null
  readonly message: string
}

export interface Limits {
  readonly unit: Unit
  readonly warning: string
  readonly critical: string
  /** True: what is below the threshold is worse. */
  readonly atLeast?: boolean
  readonly summary: string
}

/** By name; `pgtrail.json` sets `status.NAME.warning` and `status.NAME.critical`. */
export const limits = {
  "verification-age": {
    unit: "duration",
    warning: "2d",
    critical: "8d",
    summary: "age of the last verification of the whole log, else of the installation",
  },
  "checkpoint-age": {
    unit: "duration",
    warning: "8d",
    critical: "never",
    summary: "age of the last checkpoint, else of the installation",
  },
  "backup-age": {
    unit: "duration",
    warning: "26h",
    critical: "8d",
    summary: "age of the last backup of the whole log, where there ever was one or the job was ever run",
  },
  "retention-age": {
    unit: "duration",
    warning: "2d",
    critical: "never",
    summary: "age of the last run of retention, where there ever was one",
  },
  jobs: {
    unit: "count",
    warning: "1",
    critical: "never",
    summary:
      "jobs whose last run failed or was killed, or that did not run when they were due and a quarter of their period, at least an hour, more",
  },
  archive: {
    unit: "count",
    warning: "1",
    critical: "never",
    summary: "partitions that could not be archived the last time",
  },
  requests: {
    unit: "count",
    warning: "1",
    critical: "never",
    summary: "requests of people that are late, or due within seven days",
  },
  "rows-in-default": {
    unit: "count",
    warning: "1",
    critical: "never",
    summary: "events in the DEFAULT partition, counted up to 10,000",
  },
  "partitions-ahead": {
    unit: "duration",
    warning: "31d",
    critical: "7d",
    atLeast: true,
    summary: "how far ahead there are partitions, less is worse",
  },
  "partitions-due": {
    unit: "count",
    warning: "1",
    critical: "never",
    summary:
      "partitions that pgtrail partition maintain would make for today, the next two, or events in DEFAULT",
  },
  "event-age": {
    unit: "duration",
    warning: "never",
    critical: "never",
    summary: "age of the newest event",
  },
  "standby-lag": {
    unit: "duration",
    warning: "5m",
    critical: "1h",
    summary: "how far a standby is behind",
  },
  "transaction-age": {
    unit: "count",
    warning: "1000000000",
    critical: "1600000000",
    summary: "transactions not frozen yet, of 2,146,000,000 that a server bears",
  },
  "oldest-transaction": {
    unit: "duration",
    warning: "1h",
    critical: "12h",
    summary: "age of the oldest transaction, which holds back vacuum",
  },
  connections: {
    unit: "percent",
    warning: "80",
    critical: "95",
    summary: "percent of the server's connections in use",
  },
  "invalid-indexes": {
    unit: "count",
    warning: "1",
    critical: "never",
    summary: "indexes of the log that a failed build left behind",
  },
} as const satisfies Readonly<Record<string, Limits>>

export type LimitName = keyof typeof limits

/** `verification-age.warning`: `3d`. What is missing keeps its default. */
export type Thresholds = Readonly<Record<string, string>>

/** What `pgtrail.json` can say: path below `status`, meaning and default. */
export function thresholdPaths(): { path: string; summary: string; fallback: string; name: LimitName }[] {
  return (Object.keys(limits) as LimitName[]).flatMap((name) => {
    const { summary, warning, critical } = limits[name]
    return [
      { path: `${name}.warning`, fallback: warning, summary: `${summary}: a warning`, name },
      { path: `${name}.critical`, fallback: critical, summary: "the same: critical", name },
    ]
  })
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds, a count or percent; null for `never`. Throws TrailError `usage`; `shown` stands in the message. */
export function readThreshold(check: LimitName, typed: string, shown: string): number | null {
  if (typed === "never") return null
  const { unit } = limits[check]
  if (unit === "duration") {
    const [, amount, suffix] = /^(\d{1,6})([smhdw])$/.exec(typed) ?? []
    if (amount !== undefined && suffix !== undefined) return Number(amount) * (seconds[suffix] ?? 1)
    throw new TrailError(
      "usage",
      `${shown} takes a duration (30m, 12h, 2d) or never, not ${JSON.stringify(typed)}`,
    )
  }
  const value = Number(typed)
  if (/^\d{1,15}$/.test(typed) && (unit === "count" || value <= 100)) return value
  const wants = unit === "count" ? "a whole number" : "a number from 0 to 100"
  throw new TrailError("usage", `${shown} takes ${wants} or never, not ${JSON.stringify(typed)}`)
}

export function check(name: string, state: CheckState, message: string): Check {
  return { name, state, value: null, unit: null, warning: null, critical: null, message }
}

/** `words` says the value for people; null where nobody could look, and `message` then says why. */
export function measured(
  name: LimitName,
  value: number | null,
  message: string,
  thresholds: Thresholds = {},
): Check {
  const limit: Limits = limits[name]
  const warning = thresholds[`${name}.warning`] ?? limit.warning
  const critical = thresholds[`${name}.critical`] ?? limit.critical
  const passed = (typed: string): boolean => {
    const threshold = readThreshold(name, typed, name)
    if (threshold === null || value === null) return false
    return limit.atLeast === true ? value < threshold : value >= threshold
  }
  const wanted = warning !== "never" || critical !== "never"
  const state: CheckState =
    value === null
      ? wanted
        ? "unknown"
        : "ok"
      : passed(critical)
        ? "critical"
        : passed(warning)
          ? "warning"
          : "ok"
  const edge = state === "critical" ? critical : state === "warning" ? warning : undefined
  const why = edge === undefined ? "" : `, ${state} ${limit.atLeast === true ? "below" : "from"} ${edge}`
  return {
    name,
    state,
    value: value === null ? null : String(value),
    unit: limit.unit,
    warning: warning === "never" ? null : warning,
    critical: critical === "never" ? null : critical,
    message: `${message}${why}`,
  }
}

const order: readonly CheckState[] = ["ok", "unknown", "warning", "critical"]

export function worst(checks: readonly Check[]): CheckState {
  return checks.reduce<CheckState>(
    (state, { state: other }) => (order.indexOf(other) > order.indexOf(state) ? other : state),
    "ok",
  )
}

/** 90061 is "1d 1h"; two units are enough. */
export function ageWords(total: number): string {
  let left = Math.max(0, Math.trunc(total))
  const parts: string[] = []
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const amount = Math.floor(left / size)
    left -= amount * size
    if (amount > 0) parts.push(`${amount}${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length === 0 ? "0s" : parts.join(" ")
}
