// Which of several backups rules keep, as restic means them: each rule for itself, and what any of them keeps stays.
import { TrailError } from "../errors.js"

/** At least one of them is there; a number is at least 1. */
export interface KeepRules {
  readonly last?: number | undefined
  readonly daily?: number | undefined
  readonly weekly?: number | undefined
  readonly monthly?: number | undefined
  readonly yearly?: number | undefined
  readonly within?: Span | undefined
}

export interface Span {
  readonly typed: string
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

/** `2y5m7d3h`, in this order, each part at most once. Throws TrailError `usage`. */
export function readSpan(typed: string, name: string): Span {
  const parts = /^(?=\d)(?:(\d{1,4})y)?(?:(\d{1,5})m)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?$/.exec(typed)
  const [years = 0, months = 0, days = 0, hours = 0] = (parts ?? []).slice(1).map((part) => Number(part ?? 0))
  if (years + months + days + hours > 0) return { typed, years, months, days, hours }
  throw new TrailError("usage", `${name} takes years, months, days and hours, not ${JSON.stringify(typed)}`, {
    hint: "nothing was done; write 2y5m7d3h, 6m or 30d: m is months",
  })
}

/** Why each of them is kept, in the order of `times`, newest first; empty where no rule keeps it. */
export function keptBy(times: readonly number[], rules: KeepRules): string[][] {
  const reasons = times.map((): string[] => [])
  const [newest] = times
  if (newest === undefined) return reasons
  for (const [rule, words, period] of periods) {
    let left = rules[rule] ?? 0
    let last: string | undefined
    for (const [at, time] of times.entries()) {
      if (left === 0) break
      const isOldest = at === times.length - 1
      const bucket = period(time, at)
      // The oldest one stays as long as the rule is not full: the history that is kept is as long as it can be.
      if (bucket === last && !isOldest) continue
      const oldest = bucket === last ? "oldest " : ""
      reasons[at]?.push(`${oldest}${words}`)
      last = bucket
      left -= 1
    }
  }
  const { within } = rules
  if (within !== undefined) {
    const since = before(newest, within)
    for (const [at, time] of times.entries()) {
      if (time >= since) reasons[at]?.push(`within ${within.typed} of the newest`)
    }
  }
  return reasons
}

const iso = (time: number): string => new Date(time).toISOString()

/** A day, a week, a month and a year are those of the calendar in UTC. */
const periods: readonly (readonly [
  rule: Exclude<keyof KeepRules, "within">,
  words: string,
  period: (time: number, at: number) => string,
])[] = [
  ["last", "last", (_, at) => String(at)],
  ["daily", "daily", (time) => iso(time).slice(0, 10)],
  ["weekly", "weekly", (time) => iso(mondayOf(time)).slice(0, 10)],
  ["monthly", "monthly", (time) => iso(time).slice(0, 7)],
  ["yearly", "yearly", (time) => iso(time).slice(0, 4)],
]

function mondayOf(time: number): number {
  const day = new Date(time)
  return time - ((day.getUTCDay() + 6) % 7) * 86_400_000
}

/** A day that a month does not have is its last one: more is kept, not less. */
function before(time: number, { years, months, days, hours }: Span): number {
  const at = new Date(time)
  const day = at.getUTCDate()
  at.setUTCDate(1)
  at.setUTCMonth(at.getUTCMonth() - 12 * years - months)
  const longest = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate()
  at.setUTCDate(Math.min(day, longest))
  const found = at.getTime() - days * 86_400_000 - hours * 3_600_000
  return Number.isNaN(found) ? Number.NEGATIVE_INFINITY : found
}
