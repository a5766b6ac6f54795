// What people type for times, periods, globs, events and resources, and what is refused.
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readDuration } from "../../src/data/duration.js"
import { TrailError } from "../../src/data/errors.js"
import { writeTime } from "../../src/data/query/columns.js"
import { readGlob } from "../../src/data/query/glob.js"
import { describePeriod, readPeriod, readTime } from "../../src/data/query/time.js"
import { readEventName, readLimit, readResource } from "../../src/data/query/typed.js"
import { type TestDatabase, testDatabase } from "../database.js"

const now = new Date("2026-11-21T09:30:15.250Z")

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ empty: true })
})
afterAll(() => db.drop())

function refused(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof TrailError && error.code === "usage") return error.message
    throw error
  }
  return "accepted"
}

describe("a time", () => {
  it.each([
    ["now", "2026-11-21T09:30:15.250000Z"],
    ["today", "2026-11-21T00:00:00.000000Z"],
    ["yesterday", "2026-11-20T00:00:00.000000Z"],
    ["-2h", "2026-11-21T07:30:15.250000Z"],
    ["2h", "2026-11-21T07:30:15.250000Z"],
    ["7d", "2026-11-14T09:30:15.250000Z"],
    ["30m", "2026-11-21T09:00:15.250000Z"],
    ["1w", "2026-11-14T09:30:15.250000Z"],
    ["2026", "2026-01-01T00:00:00.000000Z"],
    ["2026-07", "2026-07-01T00:00:00.000000Z"],
    ["2026-07-10", "2026-07-10T00:00:00.000000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000000Z"],
    ["2026-07-10T12:30Z", "2026-07-10T12:30:00.000000Z"],
    ["2026-07-10 12:30:15.123456+02:00", "2026-07-10T10:30:15.123456Z"],
    ["2026-01-01T00:30:00+0100", "2025-12-31T23:30:00.000000Z"],
    ["2026-07-10T12:30:00-05", "2026-07-10T17:30:00.000000Z"],
    ["0050-01-01", "0050-01-01T00:00:00.000000Z"],
  ])("%s is %s", (typed, time) => {
    expect(readTime(typed, "--since", now)).toBe(time)
  })

  it.each([
    ["2026-07-10T12:30:00", "has no time zone: is it 2026-07-10T12:30:00Z?"],
    ["2026-02-29", "is not in the calendar"],
    ["2026-13", "is not in the calendar"],
    ["0000-01-01", "is not in the calendar"],
    ["9999-12-31T23:59:59-12", "is not in the calendar"],
    ["2026-07-10T24:00Z", "is not on the clock"],
    ["2026-07-10T23:59:60Z", "is not on the clock"],
    ["2026-07-10T12:30:15.1234567Z", "has more than six digits of a second"],
    ["2026-07-10T12:30:15+19:00", "has a time zone that does not exist: +19:00"],
    ["3mo", "has no unit that is known: s, m (minutes), h, d or w"],
    ["7D", "has no unit that is known: s, m (minutes), h, d or w"],
    ["999999999w", "is too long ago"],
    ["07/10/2026", "is not a time that pgtrail reads"],
    ["10.07.2026", "is not a time that pgtrail reads"],
    ["20260710", "is not a time that pgtrail reads"],
    ["2026-7-1", "is not a time that pgtrail reads"],
    ["tomorrow", "is not a time that pgtrail reads"],
    ["+2h", "is not a time that pgtrail reads"],
    ["2", "is not a time that pgtrail reads"],
    ["", "is not a time that pgtrail reads"],
  ])("%s is refused", (typed, why) => {
    expect(refused(() => readTime(typed, "--since", now))).toBe(`--since ${JSON.stringify(typed)} ${why}`)
  })

  it("means the same to Postgres", async () => {
    const times = fc.sample(
      fc.date({ min: new Date("0001-01-02"), max: new Date("9998-01-01"), noInvalidDate: true }),
      {
        numRuns: 200,
        seed: 7,
      },
    )
    const typed = times.map(
      (time, at) => `${time.toISOString().slice(0, 23)}${["Z", "+05:30", "-08", "+0100"][at % 4]}`,
    )
    const rows = await db.query(
      "select to_char(t::timestamptz at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as t from unnest($1::text[]) t",
      [typed],
    )
    expect(typed.map((text) => readTime(text, "t", now))).toEqual(rows.map((row) => row.t))
  })
})

describe("a period", () => {
  it("includes its beginning and not its end", () => {
    const july = readPeriod({ since: "2026-07", until: "2026-08" }, now)
    expect(july).toEqual({ since: "2026-07-01T00:00:00.000000Z", until: "2026-08-01T00:00:00.000000Z" })
    expect(describePeriod(july)).toBe(
      "from 2026-07-01T00:00:00.000000Z up to, not including, 2026-08-01T00:00:00.000000Z",
    )
    expect(describePeriod({ since: july.since })).toBe("from 2026-07-01T00:00:00.000000Z on")
    expect(describePeriod({ until: july.until })).toBe("up to, not including, 2026-08-01T00:00:00.000000Z")
    expect(describePeriod({})).toBeUndefined()
  })

  it("is refused when nothing can lie in it", () => {
    expect(refused(() => readPeriod({ since: "2026-07", until: "2026-07" }, now))).toMatch(
      /^there is no time from --since/,
    )
    expect(refused(() => readPeriod({ since: "today", until: "-24h" }, now))).toMatch(
      /^there is no time from --since/,
    )
  })
})

describe("a glob", () => {
  it("is a literal without wildcards", () => {
    expect(readGlob("auth.login")).toMatchObject({ literal: "auth.login" })
    expect(readGlob("100%_\\*")).toMatchObject({ literal: "100%_*" })
  })

  it("matches what its characters say, whatever LIKE thinks of them", async () => {
    // The reference matches character by character and knows nothing of LIKE.
    const matches = (tokens: readonly string[], text: readonly string[]): boolean => {
      const [token, ...rest] = tokens
      if (token === undefined) return text.length === 0
      if (token === "*") return matches(rest, text) || (text.length > 0 && matches(tokens, text.slice(1)))
      const [character, ...others] = text
      if (character === undefined) return false
      return (token === "?" || token.replace("\\", "") === character) && matches(rest, others)
    }
    const letter = fc.constantFrom("a", "b", ".", "%", "_", "😀")
    const token = fc.oneof(letter, fc.constantFrom("*", "?", "\\*", "\\?", "\\\\"))
    const text = fc.array(fc.oneof(letter, fc.constantFrom("*", "?", "\\")), { maxLength: 6 })
    const cases = fc.sample(fc.tuple(fc.array(token, { maxLength: 6 }), text), { numRuns: 3000, seed: 11 })
    const read = cases.map(([tokens]) => readGlob(tokens.join("")))
    const rows = await db.query(
      "select t like p as m from unnest($1::text[], $2::text[]) with ordinality u (t, p, n) order by n",
      [cases.map(([, characters]) => characters.join("")), read.map(({ pattern }) => pattern)],
    )
    const expected = cases.map(([tokens, characters]) => matches(tokens, characters))
    expect(rows.map((row) => row.m === "t")).toEqual(expected)
    expect(expected.filter(Boolean).length).toBeGreaterThan(50)
  })
})

describe("the name of an event", () => {
  it("is a place, whose organization may contain slashes", () => {
    expect(readEventName("acme/0/42")).toEqual({ organization: "acme", lane: "0", seq: "42" })
    expect(readEventName("a/b/3/4/5")).toEqual({ organization: "a/b/3", lane: "4", seq: "5" })
    expect(readEventName("1/2/3")).toEqual({ organization: "1", lane: "2", seq: "3" })
  })

  it("is an id", () => {
    const id = "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"
    expect(readEventName(id.toUpperCase())).toEqual({ id })
  })

  it.each(["", "acme", "acme/1", "acme/0/x", "acme/40000/1", "/0/1", "acme/0/-1"])("is not %s", (typed) => {
    expect(refused(() => readEventName(typed))).toBe(`${JSON.stringify(typed)} names no event`)
  })
})

it("a resource is a type, and an id that may contain slashes", () => {
  expect(readResource("file")).toEqual({ type: "file" })
  expect(readResource("AWS::S3::Object/arn:aws:s3:::b/k")).toEqual({
    type: "AWS::S3::Object",
    id: "arn:aws:s3:::b/k",
  })
  for (const typed of ["", "/1", "file/"])
    expect(refused(() => readResource(typed))).toContain("TYPE or TYPE/ID")
})

it("a limit is a whole number or all", () => {
  expect([readLimit("0"), readLimit("100"), readLimit("all")]).toEqual([0, 100, undefined])
  for (const typed of ["", "-1", "1.5", "1e3", "ALL"])
    expect(refused(() => readLimit(typed))).toContain("whole number or all")
})

it("a duration is a number and a unit", () => {
  expect(["500ms", "10s", "2m", "1h", "7d"].map((typed) => readDuration(typed, "--lock-timeout"))).toEqual([
    500, 10_000, 120_000, 3_600_000, 604_800_000,
  ])
  for (const typed of ["10", "", "0s", "-5s", "1.5s", "10 s", "1M", "25d", "99999999h"]) {
    expect(refused(() => readDuration(typed, "--lock-timeout"))).toContain("--lock-timeout takes a duration")
  }
})

it("a time is written in UTC with six digits, and Postgres reads it back", async () => {
  const times = [
    "2026-07-10 12:00:00+00",
    "2026-07-10 12:00:00.5+00",
    "0044-03-15 00:00:00.000001+00 BC",
    "infinity",
    "-infinity",
    "12026-01-01 00:00:00+00",
  ]
  expect(times.map((time) => writeTime(time))).toEqual([
    "2026-07-10T12:00:00.000000Z",
    "2026-07-10T12:00:00.500000Z",
    "0044-03-15T00:00:00.000001Z BC",
    "infinity",
    "-infinity",
    "12026-01-01T00:00:00.000000Z",
  ])
  const rows = await db.query(
    "select bool_and(a::timestamptz = b::timestamptz) as same from unnest($1::text[], $2::text[]) u (a, b)",
    [times, times.map((time) => writeTime(time))],
  )
  expect(rows).toEqual([{ same: "t" }])
})
