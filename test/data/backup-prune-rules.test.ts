// The rules by which backups are kept: restic's meaning, by the calendar in UTC.
import { describe, expect, test } from "vitest"
import { type KeepRules, keptBy, readSpan } from "../../src/data/backup/prune-rules.js"
import { TrailError } from "../../src/data/errors.js"

const times = (...typed: readonly string[]): number[] => typed.map((time) => Date.parse(time))
const within = (typed: string) => readSpan(typed, "--keep-within")

describe("a rule", () => {
  const kept = (typed: readonly string[], rules: KeepRules): string[] => {
    const reasons = keptBy(times(...typed), rules)
    return typed.filter((_, at) => (reasons[at] ?? []).length > 0)
  }

  test("of days keeps the newest of each day in UTC that has one, not of each that passed", () => {
    const days = [
      "2026-11-22T23:59:59Z",
      "2026-11-22T00:00:00Z",
      "2026-11-21T23:59:59Z",
      "2026-11-15T01:00:00Z",
      "2026-11-14T01:00:00Z",
    ]
    expect(kept(days, { daily: 3 })).toEqual([days[0], days[2], days[3]])
  })

  test("of weeks begins them on Monday, also across a year", () => {
    // 2026-12-28 is a Monday, and 2027-01-03 the Sunday of that week.
    const weeks = [
      "2027-01-04T00:00:00Z",
      "2027-01-03T23:00:00Z",
      "2026-12-28T00:00:00Z",
      "2026-12-27T23:00:00Z",
      "2026-01-01T00:00:00Z",
    ]
    expect(kept(weeks, { weekly: 3 })).toEqual([weeks[0], weeks[1], weeks[3]])
  })

  test("of months and years keeps the newest of each, and the oldest of all as long as it is not full", () => {
    const all = [
      "2026-11-22T01:00:00Z",
      "2026-11-01T01:00:00Z",
      "2026-10-31T01:00:00Z",
      "2025-12-31T01:00:00Z",
      "2025-06-01T01:00:00Z",
    ]
    expect(kept(all, { monthly: 2 })).toEqual([all[0], all[2]])
    expect(kept(all, { yearly: 2 })).toEqual([all[0], all[3]])
    expect(kept(all, { yearly: 3 })).toEqual([all[0], all[3], all[4]])
    expect(keptBy(times(...all), { yearly: 3 }).at(-1)).toEqual(["oldest yearly"])
  })

  test("of a span counts back from the newest, and takes the last day of a month that is shorter", () => {
    const all = ["2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z", "2026-02-28T11:59:59Z"]
    expect(kept(all, { within: within("1m") })).toEqual(all.slice(0, 2))
    expect(kept(all, { within: within("1m1h") })).toEqual(all)
    expect(kept(all, { within: within("30d") })).toEqual(all.slice(0, 1))
    expect(
      kept(["2026-11-22T00:00:00Z", "1970-01-01T00:00:00Z"], { within: within("9999y99999m") }),
    ).toHaveLength(2)
  })

  test("keeps what another one does not, and each tells its reason", () => {
    const all = times("2026-11-22T01:00:00Z", "2026-11-21T01:00:00Z", "2026-10-31T01:00:00Z")
    expect(keptBy(all, { last: 1, daily: 2, monthly: 2, within: within("1d") })).toEqual([
      ["last", "daily", "monthly", "within 1d of the newest"],
      ["daily", "within 1d of the newest"],
      ["monthly"],
    ])
  })

  test("whose span cannot be read is refused", () => {
    for (const typed of ["", "5", "0d", "1d2y", "1w", "-1d", "1d1d", "1.5d", " 1d"]) {
      expect(() => within(typed)).toThrow(TrailError)
    }
  })
})
