// Which segments one statement reads together.
import { describe, expect, test } from "vitest"
import { firstMost, nextMost, stretchAt, stretches } from "../../src/data/query/stretch.js"

describe("a stretch", () => {
  const partition = (since: number, until: number) => ({
    since: `${since}`,
    until: `${until}`,
    isDefault: false,
    isSettled: true,
  })
  const default_ = (since?: number, until?: number) => ({
    since: since === undefined ? undefined : `${since}`,
    until: until === undefined ? undefined : `${until}`,
    isDefault: true,
    isSettled: true,
  })
  const newest = [
    default_(40),
    ...Array.from({ length: 20 }, (_, at) => partition(39 - at, 40 - at)),
    default_(15, 20),
    partition(14, 15),
    partition(10, 11),
    partition(9, 10),
    default_(undefined, 9),
  ]

  test.each(["newest", "oldest"])(
    "has segments that touch, eight at most, and DEFAULT alone, %s first",
    (order) => {
      const all = order === "newest" ? newest : [...newest].reverse()
      const found = [...stretches(all)]
      expect(found.reduce((sum, { segments: count }) => sum + count, 0)).toBe(all.length)
      const written = found.map(({ since = "", until = "" }) => `${since}-${until}`)
      expect(written).toEqual(
        order === "newest"
          ? ["40-", "32-40", "24-32", "20-24", "15-20", "14-15", "9-11", "-9"]
          : ["-9", "9-11", "14-15", "15-20", "20-28", "28-36", "36-40", "40-"],
      )
    },
  )

  test("is settled where all of its segments are", () => {
    const [first, second, third] = [
      partition(3, 4),
      { ...partition(2, 3), isSettled: false },
      partition(1, 2),
    ]
    expect([...stretches([first, third])].map((one) => one.isSettled)).toEqual([true, true])
    expect(stretchAt([first, second, third], 0, 8)).toMatchObject({ isSettled: false, segments: 3 })
    expect(stretchAt([first, second, third], 0, 1)).toMatchObject({ isSettled: true, segments: 1 })
  })

  test("begins with one partition, unless what is asked names few events", () => {
    for (const filter of [
      {},
      { resource: "file" },
      { resource: ["file/1", "file"] },
      { actor: "a" },
      { session: [] },
    ]) {
      expect(firstMost(filter)).toBe(1)
    }
    for (const filter of [
      { resource: "file/1" },
      { resource: ["a/1", "b/2"] },
      { request: "r" },
      { session: ["s"] },
    ]) {
      expect(firstMost(filter)).toBe(8)
    }
  })

  test("grows as far as the limit needs it", () => {
    const read = (count: number) => ({ segments: count })
    expect(stretchAt([], 0, 8)).toBeUndefined()
    expect(stretchAt(newest, 1, 1)).toEqual({ since: "39", until: "40", isSettled: true, segments: 1 })
    expect(nextMost(read(1), 0, 101)).toBe(8)
    expect(nextMost(read(1), 60, 41)).toBe(1)
    expect(nextMost(read(1), 10, 35)).toBe(4)
    expect(nextMost(read(8), 2, 99)).toBe(8)
    expect(nextMost(read(1), 1, Number.POSITIVE_INFINITY)).toBe(8)
  })
})
