// When jobs are due, in UTC, and the same said to systemd.
import fc from "fast-check"
import { expect, test } from "vitest"
import { jobs, lockOf } from "../../src/data/job/jobs.js"
import { calendar } from "../../src/data/job/print-systemd.js"
import { longestPeriod, readSchedule, type Schedule } from "../../src/data/job/schedule.js"

const read = (text: string): Schedule => {
  const schedule = readSchedule(text, "--schedule")
  if (schedule === undefined) throw new Error(`${text} is never`)
  return schedule
}
const ms = (text: string): number => Date.parse(text)

test("each job has a name, a lock and a schedule of its own", () => {
  expect(new Set(jobs.map(({ name }) => name)).size).toBe(7)
  expect(jobs.map(lockOf).sort()).toEqual([-21, -22, -23, -24, -25, -26, -27])
  for (const { schedule } of jobs) expect(read(schedule).next(0)).toBeGreaterThan(0)
})

test("a schedule tells the time after and the time up to another, which may be the very time", () => {
  const schedule = read("30 4 * * *")
  expect(schedule.next(ms("2026-11-21T04:29:59.999Z"))).toBe(ms("2026-11-21T04:30:00Z"))
  expect(schedule.next(ms("2026-11-21T04:30:00Z"))).toBe(ms("2026-11-22T04:30:00Z"))
  expect(schedule.next(ms("2026-11-21T04:30:00.400Z"))).toBe(ms("2026-11-22T04:30:00Z"))
  expect(schedule.last(ms("2026-11-21T04:29:59.999Z"))).toBe(ms("2026-11-20T04:30:00Z"))
  expect(schedule.last(ms("2026-11-21T04:30:00Z"))).toBe(ms("2026-11-21T04:30:00Z"))
  expect(schedule.last(ms("2026-11-21T04:30:00.001Z"))).toBe(ms("2026-11-21T04:30:00Z"))
  expect(readSchedule("never", "x")).toBeUndefined()
})

test("no hour is left out or doubled where clocks are put forward and back", () => {
  const hourly = read("0 * * * *")
  for (const day of ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"]) {
    const times: number[] = []
    for (let at = ms(`${day}T00:00:00Z`) - 1; times.length < 24; at = times.at(-1) ?? 0)
      times.push(hourly.next(at))
    expect(new Set(times).size).toBe(24)
    expect(times.at(-1)).toBe(ms(`${day}T23:00:00Z`))
  }
})

test("the longest time between two is that of the gap", () => {
  const from = ms("2026-11-21T00:00:00Z")
  expect(longestPeriod(read("*/10 * * * *"), from)).toBe(600)
  expect(longestPeriod(read("0 9,10 * * *"), from)).toBe(23 * 3600)
})

test.each([
  ["", "it has not five fields of numbers"],
  ["* * * *", "it has not five fields of numbers"],
  ["* * * * * *", "it has not five fields of numbers"],
  ["@daily", "it has not five fields of numbers"],
  ["0 0 L * *", "it has not five fields of numbers"],
  ["0 4 * * mon", "it has not five fields of numbers"],
  ["61 * * * *", "Invalid value for minute: 61"],
  ["0 0 30 2 *", "that day never comes"],
  ["5/5 * * * *", "stepping with numeric prefix"],
  ["9-3 * * * *", "From value is larger than to value"],
  ["0 0 * * 8", "Invalid value for dayOfWeek"],
  ["0 0 */2 * 1", "crons differ"],
  ["$(reboot) * * * *", "it has not five fields"],
])("refuses the schedule %j", (typed, why) => {
  expect(() => readSchedule(typed, "--schedule")).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringContaining(why) }),
  )
})

const field = (least: number, most: number, step = 20) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min: 2, max: step }).map((every) => `*/${every}`),
    fc.integer({ min: least, max: most }).map(String),
    fc
      .tuple(
        fc.integer({ min: least, max: most }),
        fc.integer({ min: least, max: most }),
        fc.integer({ min: 1, max: 3 }),
      )
      .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}${step === 1 ? "" : `/${step}`}`),
    fc
      .array(fc.integer({ min: least, max: most }), { minLength: 2, maxLength: 3 })
      .map((some) => some.join(",")),
  )

/** Whether systemd would start a timer then: the few forms that pgtrail prints. */
function starts(line: string, time: Date): boolean {
  const [, days, months, dates, hours, minutes] =
    /^(?:([A-Z][a-z,A-Z]*) )?\*-([\d,*]+)-([\d,*]+) ([\d,*]+):([\d,*]+):00 UTC$/.exec(line) ?? []
  expect(months, line).toBeDefined()
  const has = (list: string | undefined, number: number): boolean =>
    list === "*" || (list ?? "").split(",").map(Number).includes(number)
  const day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][time.getUTCDay()] ?? ""
  return (
    (days === undefined || days.split(",").includes(day)) &&
    has(months, time.getUTCMonth() + 1) &&
    has(dates, time.getUTCDate()) &&
    has(hours, time.getUTCHours()) &&
    has(minutes, time.getUTCMinutes())
  )
}

test("systemd is told the same times as cron, whatever the schedule", () => {
  const parts = [field(0, 59), field(0, 23), field(1, 28), field(1, 12, 12), field(0, 7, 7)] as const
  fc.assert(
    fc.property(fc.tuple(...parts), fc.integer({ min: 0, max: 525_600 * 4 }), (fields, minute) => {
      const text = fields.join(" ")
      fc.pre(fields[2] === "*" || fields[4] === "*" || !`${fields[2]}${fields[4]}`.includes("*"))
      const schedule = read(text)
      const from = ms("2026-01-01T00:00:00Z") + minute * 60_000
      const lines = calendar(schedule.text)
      let at = from
      for (let step = 0; step < 5; step += 1) {
        const next = schedule.next(at)
        expect(
          lines.some((line) => starts(line, new Date(next))),
          text,
        ).toBe(true)
        // Nothing between: as many minutes as are quickly looked at.
        for (let between = at + 60_000; between < Math.min(next, at + 3_600_000); between += 60_000)
          expect(
            lines.some((line) => starts(line, new Date(between))),
            text,
          ).toBe(false)
        at = next
      }
    }),
    { numRuns: 150 },
  )
})
