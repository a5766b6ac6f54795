// Reads the times that people type. Whatever could mean two things is refused: an auditor must not get another hour than he asked for.
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const hint = "write 2026-07, 2026-07-10, 2026-07-10T12:30:00Z, today, yesterday, now, -2h or 7d"

/**
 * A time as `2026-07-10T12:30:00.000000Z`. A year, a month or a day means its beginning in UTC; `2h` and `-2h` are two hours before `now`.
 * `name` stands in the message. Throws TrailError `usage`.
 */
export function readTime(typed: string, name: string, now: Date): string {
  const refuse = (why: string): never => {
    throw new TrailError("usage", `${name} ${quoted(typed)} ${why}`, { hint })
  }
  const word = typed.trim()
  if (word === "now") return write(now)
  if (word === "today") return write(startOfDay(now, 0))
  if (word === "yesterday") return write(startOfDay(now, -1))

  const [, amount, unit] = /^-?(\d{1,9})([a-z]+)$/i.exec(word) ?? []
  if (amount !== undefined && unit !== undefined) {
    const seconds = units[unit] ?? refuse(`has no unit that is known: s, m (minutes), h, d or w`)
    const time = new Date(now.getTime() - Number(amount) * seconds * 1000)
    return Number.isNaN(time.getTime()) || time.getUTCFullYear() < 1 ? refuse("is too long ago") : write(time)
  }

  const [, year, month = "01", day = "01", clock] =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\S.*))?)?)?$/i.exec(word) ??
    refuse("is not a time that pgtrail reads")
  const midnight = new Date(0)
  midnight.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  const exists = midnight.getUTCMonth() === Number(month) - 1 && midnight.getUTCDate() === Number(day)
  if (!exists || Number(year) < 1) refuse("is not in the calendar")
  if (clock === undefined) return write(midnight)

  const [, hour, minute, second = "00", fraction = "", zone] =
    /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i.exec(clock) ??
    refuse("is not a time that pgtrail reads")
  if (zone === undefined) refuse(`has no time zone: is it ${word}Z?`)
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) refuse("is not on the clock")
  if (fraction.length > 6) refuse("has more than six digits of a second")
  const seconds =
    Number(hour) * 3600 +
    Number(minute) * 60 +
    Number(second) -
    (zone === undefined ? 0 : offset(zone, refuse))
  const time = new Date(midnight.getTime() + seconds * 1000)
  const utcYear = time.getUTCFullYear()
  return utcYear < 1 || utcYear > 9999 ? refuse("is not in the calendar") : write(time, fraction)
}

/** Whether it means another time when it is typed later. */
export const isRelative = (typed: string): boolean => !/^\s*\d{4}(-|\s*$)/.test(typed)

function offset(zone: string, refuse: (why: string) => never): number {
  if (/^z$/i.test(zone)) return 0
  const [, sign, hours, minutes = "00"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  if (Number(hours) > 15 || Number(minutes) > 59) refuse(`has a time zone that does not exist: ${zone}`)
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60)
}

function startOfDay(now: Date, days: number): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + days))
}

function write(time: Date, fraction?: string): string {
  const text = time.toISOString()
  return `${text.slice(0, 19)}.${(fraction ?? text.slice(20, 23)).padEnd(6, "0")}Z`
}

export interface Period {
  /** First moment that belongs to it. */
  readonly since?: string | undefined
  /** First moment that no longer belongs to it. */
  readonly until?: string | undefined
}

/**
 * The period that `--since` and `--until` mean. Throws TrailError `usage`, for one that contains no moment too. `usual` is what `since` is
 * where nobody typed it: the message must not blame what is not on the line.
 */
export function readPeriod(typed: Period, now: Date, usual?: string): Period {
  const since = typed.since === undefined ? undefined : readTime(typed.since, "--since", now)
  const until = typed.until === undefined ? undefined : readTime(typed.until, "--until", now)
  // Both have one form and four digits of the year: text sorts like time.
  if (since !== undefined && until !== undefined && since >= until) {
    if (usual !== undefined && typed.since === usual) {
      throw new TrailError(
        "usage",
        `there is no time up to --until ${until}: without --since it begins at ${since} (${usual})`,
        { hint: "give --since too, an earlier time; 0001-01 for all" },
      )
    }
    throw new TrailError(
      "usage",
      `there is no time from --since ${since} up to --until ${until}, which is not included`,
      {
        hint: "give a later --until: the day or month after the last that is wanted",
      },
    )
  }
  return { since, until }
}

/** How a period was understood, for people. Undefined where it has no end on either side. */
export function describePeriod({ since, until }: Period): string | undefined {
  if (since === undefined && until === undefined) return undefined
  const from = since === undefined ? "" : `from ${since} `
  return until === undefined ? `${from}on` : `${from}up to, not including, ${until}`
}
