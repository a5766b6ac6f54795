// The scheduler of `pgtrail job run --forever`: each job at its times, once for those that were missed. Clock, sleep and work are the caller's.
import type { Schedule } from "./schedule.js"

export interface ScheduledJob<Name extends string = string> {
  readonly name: Name
  readonly schedule: Schedule
}

export interface ForeverOptions<Name extends string = string> {
  readonly jobs: readonly ScheduledJob<Name>[]
  /** Milliseconds of the wall clock. */
  now(): number
  /** Comes back early when the signal is aborted. */
  sleep(ms: number): Promise<void>
  /** Milliseconds to wait after the time of the schedule. */
  jitter(): number
  /** When each last succeeded, in milliseconds. Throws where the database cannot be asked. */
  lastSuccesses(): Promise<ReadonlyMap<Name, number>>
  /** Never throws. False: the database could not be reached, and nothing was begun. `isAgain`: nor was it the last time. */
  run(name: Name, isAgain: boolean): Promise<boolean>
  /** What is worth a line in a log. */
  tell(text: string): void
  readonly signal: AbortSignal
}

/** A long one must not keep the others from their turn, nor all of them fill a small container. */
const atOnce = 2
/** The clock is looked at that often: it may be set meanwhile. */
const longestSleep = 60_000
/** A clock that was set back by more than this was wrong; by less, what ran already does not run again. */
const longestCorrection = 3 * 3_600_000
const firstPause = 5_000
const longestPause = 300_000

/** Until the signal is aborted, and what is at work then has ended. */
export async function runForever<Name extends string>(options: ForeverOptions<Name>): Promise<void> {
  const turns = new Turns(atOnce)
  const known = await asked(options)
  if (known === undefined) return
  await Promise.all(options.jobs.map((job) => keep(job, known.get(job.name), turns, options)))
}

/** Undefined where it was stopped before the database answered. */
async function asked<Name extends string>({
  lastSuccesses,
  tell,
  sleep,
  signal,
}: ForeverOptions<Name>): Promise<ReadonlyMap<Name, number> | undefined> {
  for (let pause = firstPause; !signal.aborted; pause = Math.min(longestPause, pause * 2)) {
    try {
      return await lastSuccesses()
    } catch (error) {
      if (signal.aborted) return undefined
      const why = error instanceof Error ? error.message : String(error)
      tell(`${why}; tried again in ${pause / 1000} s`)
      await sleep(pause)
    }
  }
  return undefined
}

async function keep<Name extends string>(
  { name, schedule }: ScheduledJob<Name>,
  lastSuccess: number | undefined,
  turns: Turns,
  options: ForeverOptions<Name>,
): Promise<void> {
  const { now, signal } = options
  const missed = schedule.last(now())
  // The newest time of the schedule that is done with.
  let served = missed ?? now()
  const serve = async (): Promise<void> => {
    const isBegun = await take(name, turns, schedule.next(served), options)
    // Times that came while it was at work itself are not made up for.
    if (isBegun) served = Math.max(served, schedule.last(now()) ?? served)
  }
  if (missed !== undefined && (lastSuccess === undefined || lastSuccess < missed)) await serve()
  while (!signal.aborted) {
    const due = await come(name, schedule, served, options)
    if (due === undefined) return
    // However many times were missed while it waited, or the machine slept: it runs once.
    served = Math.max(due, schedule.last(now()) ?? due)
    await serve()
  }
}

/** The time that has come; undefined where it was stopped before. */
async function come<Name extends string>(
  name: Name,
  schedule: Schedule,
  after: number,
  { now, sleep, jitter, tell, signal }: ForeverOptions<Name>,
): Promise<number | undefined> {
  let due = schedule.next(after)
  let latest = after
  const later = jitter()
  while (!signal.aborted) {
    const at = now()
    if (at < latest - longestCorrection) {
      tell(`the clock was set back by more than 3 hours: ${name} goes by the new time`)
      due = schedule.next(at)
      latest = at
    }
    latest = Math.max(latest, at)
    if (at >= due + later) return due
    await sleep(Math.min(longestSleep, due + later - at))
  }
  return undefined
}

/** Tries until the database can be reached, or the job is due again; false where it was not begun. */
async function take<Name extends string>(
  name: Name,
  turns: Turns,
  until: number,
  { run, sleep, now, signal }: ForeverOptions<Name>,
): Promise<boolean> {
  let isAgain = false
  for (let pause = firstPause; ; pause = Math.min(longestPause, pause * 2)) {
    const isBegun = await turns.take(async () => signal.aborted || (await run(name, isAgain)))
    if (isBegun || signal.aborted) return isBegun
    isAgain = true
    await sleep(pause)
    if (signal.aborted || now() >= until) return false
  }
}

/** So many at once, the others in the order in which they came. */
class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#free = most
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#free -= 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
