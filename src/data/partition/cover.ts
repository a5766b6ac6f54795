// What part of the calendar somebody names who makes partitions: 2018 is a whole year, and not its first month.
import { TrailError } from "../errors.js"
import { isRelative, readTime } from "../query/time.js"

export interface Cover {
  readonly from: string
  /** A time in its last day, or in a week its last day. */
  readonly to: string
}

const day = 86_400_000
const hint =
  "nothing was made; write a day, a month, a quarter, a week or a year: 2025-01-15, 2025-01, 2025-Q1, 2025-W07, 2025"

/** Also the name of a partition. Throws TrailError `usage` for what is none of them: `today` or `7d` would be another partition tomorrow. */
export function readCover(typed: string, name: string, now: Date): Cover {
  const refuse = (why: string): never => {
    throw new TrailError("usage", `${name} ${JSON.stringify(typed)} ${why}`, { hint })
  }
  const word = typed
    .trim()
    .toLowerCase()
    .replace(/^event_(?=\d{4}(_|$))/, "")
    .replaceAll("_", "-")
  const [, year = "", kind, number = "1"] = /^(\d{4})(?:-?([qw]|(?=\d\d$))-?(\d{1,2}))?$/.exec(word) ?? []
  const amount = Number(number)
  const y = Number(year)
  if (year === "") {
    if (isRelative(typed)) refuse("is not a day, a month, a quarter or a year")
    const at = read(typed, name, now)
    return { from: at, to: at }
  }
  if (y < 1) refuse("is not in the calendar")
  if (kind === undefined) return months(y, 0, 12)
  if (kind === "" && amount >= 1 && amount <= 12) return months(y, amount - 1, 1)
  if (kind === "q" && amount >= 1 && amount <= 4) return months(y, amount * 3 - 3, 3)
  if (kind === "w" && amount >= 1 && amount <= weeksOf(y)) {
    const fourth = at(y, 0, 4 + 7 * (amount - 1))
    const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * day
    return { from: write(monday), to: write(monday + 6 * day) }
  }
  return refuse("is not in the calendar")
}

/** Says what may be written here, in the place of all times that are read elsewhere. */
function read(typed: string, name: string, now: Date): string {
  try {
    return readTime(typed, name, now)
  } catch (error) {
    throw error instanceof TrailError ? new TrailError(error.code, error.message, { hint }) : error
  }
}

const months = (year: number, month: number, count: number): Cover => ({
  from: write(at(year, month, 1)),
  to: write(at(year, month + count, 1) - day),
})

/** Date.UTC takes the years up to 99 for those of the twentieth century. */
const at = (year: number, month: number, dayOfMonth: number): number =>
  new Date(0).setUTCFullYear(year, month, dayOfMonth)

const write = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}.000000Z`

/** A year has 53 weeks where it begins on a Thursday, or on a Wednesday as a leap year. */
function weeksOf(year: number): number {
  const first = new Date(at(year, 0, 1)).getUTCDay()
  const isLeap = new Date(at(year, 1, 29)).getUTCMonth() === 1
  return first === 4 || (isLeap && first === 3) ? 53 : 52
}
