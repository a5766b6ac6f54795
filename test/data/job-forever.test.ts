// The scheduler by a clock of its own: no test waits. Over 250 lines because the clock is made here.
import { afterEach, describe, expect, test } from "vitest"
import { runForever, type ScheduledJob } from "../../src/data/job/forever.js"
import { readSchedule } from "../../src/data/job/schedule.js"

const ms = (text: string): number => Date.parse(text)
const hour = 3_600_000

/** Time goes on when everybody sleeps; the wall clock can be set. */
class Clock {
  #mono = 0
  #wall: number
  #sleepers: { at: number; go: () => void }[] = []
  readonly controller = new AbortController()

  constructor(start: string) {
    this.#wall = ms(start)
    this.controller.signal.addEventListener("abort", () => {
      for (const { go } of this.#sleepers.splice(0)) go()
    })
  }

  now = (): number => this.#wall + this.#mono
  sleep = (length: number): Promise<void> =>
    new Promise((go) => {
      if (this.controller.signal.aborted) go()
      else this.#sleepers.push({ at: this.#mono + length, go })
    })
  set(by: number): void {
    this.#wall += by
  }
  async pass(length: number): Promise<void> {
    const end = this.#mono + length
    for (;;) {
      await settled()
      const [first] = this.#sleepers.sort((a, b) => a.at - b.at)
      if (first === undefined || first.at > end) break
      this.#sleepers.shift()
      this.#mono = first.at
      first.go()
    }
    this.#mono = end
  }
}

/** Until nothing goes on but what waits for the clock. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((go) => setImmediate(go))
}

let stop: () => Promise<void> = async () => undefined
afterEach(() => stop())

interface Begun {
  readonly clock: Clock
  readonly ran: string[]
  readonly told: string[]
  readonly ended: Promise<void>
}

function begin(
  start: string,
  schedules: Readonly<Record<string, string>>,
  options: {
    successes?: ReadonlyMap<string, number>
    jitter?: number
    run?: (name: string, clock: Clock, isAgain: boolean) => Promise<boolean>
    lastSuccesses?: () => Promise<ReadonlyMap<string, number>>
  } = {},
): Begun {
  const clock = new Clock(start)
  const ran: string[] = []
  const told: string[] = []
  const jobs = Object.entries(schedules).flatMap(([name, text]): ScheduledJob[] => {
    const schedule = readSchedule(text, name)
    return schedule === undefined ? [] : [{ name, schedule }]
  })
  const fresh = new Map(jobs.map(({ name }) => [name, clock.now()]))
  const ended = runForever({
    jobs,
    now: clock.now,
    sleep: clock.sleep,
    jitter: () => options.jitter ?? 0,
    lastSuccesses: options.lastSuccesses ?? (async () => options.successes ?? fresh),
    async run(name, isAgain) {
      ran.push(`${name} ${new Date(clock.now()).toISOString().slice(5, 16)}`)
      return (await options.run?.(name, clock, isAgain)) ?? true
    },
    tell: (text) => told.push(text),
    signal: clock.controller.signal,
  })
  stop = async () => {
    clock.controller.abort("SIGTERM")
    await ended
  }
  return { clock, ran, told, ended }
}

test("each job runs at its times, once each", async () => {
  const { clock, ran } = begin("2026-11-21T09:55:00Z", { hourly: "0 * * * *", daily: "30 10 * * *" })
  await clock.pass(3 * hour)
  expect(ran).toEqual(["hourly 11-21T10:00", "daily 11-21T10:30", "hourly 11-21T11:00", "hourly 11-21T12:00"])
})

test("what was missed while it was not there runs once when it begins, and what succeeded since does not", async () => {
  const successes = new Map([
    ["missed", ms("2026-11-18T04:30:00Z")],
    ["done", ms("2026-11-21T04:31:00Z")],
  ])
  const night = "30 4 * * *"
  const schedules = { missed: night, done: night, fresh: night }
  const { clock, ran } = begin("2026-11-21T09:55:00Z", schedules, { successes })
  await clock.pass(hour)
  expect(ran).toEqual(["missed 11-21T09:55", "fresh 11-21T09:55"])
  await clock.pass(24 * hour)
  expect(ran.slice(2).sort()).toEqual(["done 11-22T04:30", "fresh 11-22T04:30", "missed 11-22T04:30"])
})

test("jitter comes behind the time of the schedule, and moves none of the next", async () => {
  const { clock, ran } = begin("2026-11-21T09:55:00Z", { hourly: "0 * * * *" }, { jitter: 4 * 60_000 })
  await clock.pass(2.5 * hour)
  expect(ran).toEqual(["hourly 11-21T10:04", "hourly 11-21T11:04", "hourly 11-21T12:04"])
})

test("a job that takes longer than its period runs once afterwards, never twice at the same time", async () => {
  let atWork = 0
  const run = async (_: string, clock: Clock): Promise<boolean> => {
    atWork += 1
    expect(atWork).toBe(1)
    await clock.sleep(25 * 60_000)
    atWork -= 1
    return true
  }
  const { clock, ran } = begin("2026-11-21T09:55:00Z", { often: "*/10 * * * *" }, { run })
  await clock.pass(80 * 60_000)
  expect(ran).toEqual(["often 11-21T10:00", "often 11-21T10:30", "often 11-21T11:00"])
})

test("a long job keeps no other from its turn, and no more than two are at work", async () => {
  let atWork = 0
  let most = 0
  const run = async (name: string, clock: Clock): Promise<boolean> => {
    atWork += 1
    most = Math.max(most, atWork)
    await clock.sleep(name === "long" ? 3 * hour : 60_000)
    atWork -= 1
    return true
  }
  const at = "0 * * * *"
  const { clock, ran } = begin("2026-11-21T09:55:00Z", { long: "0 10 * * *", b: at, c: at, d: at }, { run })
  await clock.pass(2.2 * hour)
  expect(most).toBe(2)
  expect(ran.filter((line) => !line.startsWith("long"))).toHaveLength(9)
})

describe("when the clock is set", () => {
  test("back by less than three hours, nothing that ran runs again", async () => {
    const { clock, ran, told } = begin("2026-11-21T09:55:00Z", { hourly: "0 * * * *", often: "*/10 * * * *" })
    await clock.pass(70 * 60_000)
    const before = ran.length
    clock.set(-2 * hour)
    await clock.pass(100 * 60_000)
    expect(ran).toHaveLength(before)
    await clock.pass(2 * hour)
    expect(new Set(ran).size).toBe(ran.length)
    expect(ran.filter((line) => line.startsWith("hourly"))).toContain("hourly 11-21T12:00")
    expect(told).toEqual([])
  })

  test("back by a year, since it was wrong, jobs go by the new time and one says so", async () => {
    const { clock, ran, told } = begin("2027-11-21T09:55:00Z", { hourly: "0 * * * *" })
    await clock.pass(hour)
    clock.set(-365 * 24 * hour)
    await clock.pass(2 * hour)
    expect(ran.map((line) => line.slice(-5))).toEqual(["10:00", "11:00", "12:00"])
    expect(told).toEqual(["the clock was set back by more than 3 hours: hourly goes by the new time"])
  })

  test("forward by days, or the machine slept, each job runs once", async () => {
    const { clock, ran } = begin("2026-11-21T09:55:00Z", { hourly: "0 * * * *" })
    await clock.pass(10 * 60_000)
    clock.set(72 * hour)
    await clock.pass(60_000)
    expect(ran).toEqual(["hourly 11-21T10:00", "hourly 11-24T10:06"])
    await clock.pass(hour)
    expect(ran).toHaveLength(3)
  })
})

describe("when the database is lost", () => {
  test("it tries again with longer and longer pauses, and goes on by the schedule", async () => {
    let isAway = true
    const { clock, ran } = begin(
      "2026-11-21T09:55:00Z",
      { hourly: "0 * * * *" },
      { run: async () => !isAway },
    )
    await clock.pass(50 * 60_000)
    const tries = ran.length
    expect(tries).toBeGreaterThan(8)
    expect(tries).toBeLessThan(20)
    isAway = false
    await clock.pass(6 * 60_000)
    expect(ran).toHaveLength(tries + 1)
    await clock.pass(hour)
    expect(ran.at(-1)).toBe("hourly 11-21T11:00")
    expect(ran).toHaveLength(tries + 2)
  })

  test("when it begins, it waits for it and says so", async () => {
    let asked = 0
    const lastSuccesses = async (): Promise<ReadonlyMap<string, number>> => {
      asked += 1
      if (asked < 4) throw new Error("the database cannot be reached")
      return new Map()
    }
    const { clock, ran, told } = begin("2026-11-21T09:55:00Z", { hourly: "0 * * * *" }, { lastSuccesses })
    await clock.pass(4 * 60_000)
    expect(told).toEqual(
      [5, 10, 20].map((pause) => `the database cannot be reached; tried again in ${pause} s`),
    )
    expect(ran).toEqual(["hourly 11-21T09:55"])
  })
})

test("a signal begins nothing more, and what is at work is waited for", async () => {
  let finish = (): void => undefined
  let isOver = false
  const run = async (name: string): Promise<boolean> => {
    if (name === "long")
      await new Promise<void>((go) => {
        finish = go
      })
    return true
  }
  const { clock, ran, ended } = begin(
    "2026-11-21T09:55:00Z",
    { long: "0 10 * * *", often: "*/10 * * * *" },
    { run },
  )
  void ended.then(() => {
    isOver = true
  })
  await clock.pass(12 * 60_000)
  clock.controller.abort("SIGTERM")
  await settled()
  expect(isOver).toBe(false)
  const before = ran.length
  finish()
  await ended
  expect(ran).toHaveLength(before)
})
