// When a job is due: cron's five fields, in UTC, so that no clock is put forward or back by law.
import { Cron } from "croner"
import { TrailError } from "../errors.js"

export interface Schedule {
  readonly text: string
  /** The first time after this one, in milliseconds. */
  next(after: number): number
  /** The last time up to this one; undefined where there was none yet. */
  last(until: number): number | undefined
}

const hint =
  "five fields, in UTC: minute, hour, day of the month, month, day of the week (0 is Sunday): 30 4 * * *"

/**
 * Undefined for `never`. Takes what every cron, systemd and pg_cron mean alike: numbers, ranges, steps and lists, no names, no seconds.
 * `shown` stands in the message. Throws TrailError `usage`.
 */
export function readSchedule(typed: string, shown: string): Schedule | undefined {
  if (typed === "never") return undefined
  const refuse = (why: string): never => {
    throw new TrailError(
      "usage",
      `${shown} takes a schedule such as 30 4 * * * or never, not ${JSON.stringify(typed)}: ${why}`,
      {
        hint,
      },
    )
  }
  const text = typed.trim().replace(/[ \t]+/g, " ")
  if (!/^[\d*,/-]+(?: [\d*,/-]+){4}$/.test(text)) return refuse("it has not five fields of numbers")
  const [, , day = "", , weekday = ""] = text.split(" ")
  if (day !== "*" && weekday !== "*" && `${day}${weekday}`.includes("*"))
    return refuse(
      "crons differ in what a day of the month and a day of the week mean together, one of them */n",
    )
  let cron: Cron
  try {
    cron = new Cron(text, { timezone: "UTC", mode: "5-part", paused: true })
  } catch (error) {
    return refuse(error instanceof Error ? error.message.replace(/^CronPattern: /, "") : "it has no meaning")
  }
  if (cron.nextRun(new Date()) === null) return refuse("that day never comes")
  return {
    text,
    next(after) {
      const found = cron.nextRun(new Date(after))
      // What came once comes again, but for the end of all calendars.
      return found === null ? Number.MAX_SAFE_INTEGER : found.getTime()
    },
    last(until) {
      // It leaves out a time that is to the millisecond this one.
      const [found] = cron.previousRuns(1, new Date(until + 1))
      return found?.getTime()
    },
  }
}

/** The longest time between two that follow each other, of those that come next, in seconds. */
export function longestPeriod(schedule: Schedule, from: number): number {
  let longest = 0
  let at = schedule.next(from)
  for (let step = 0; step < 50; step += 1) {
    const following = schedule.next(at)
    longest = Math.max(longest, following - at)
    at = following
  }
  return Math.round(longest / 1000)
}
