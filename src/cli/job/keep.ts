// `pgtrail job run --forever`: the scheduler with the clock of this machine, and its log on stderr.
import { TrailError } from "../../data/errors.js"
import { runForever, type ScheduledJob } from "../../data/job/forever.js"
import { type JobName, jobs } from "../../data/job/jobs.js"
import { visible } from "../../data/words.js"
import { pause, randomJitter } from "./jitter.js"
import { isAway, type JobSurroundings, performJob, type RanJob } from "./perform.js"

export interface KeepOptions extends JobSurroundings {
  readonly names: readonly JobName[]
  readonly jitter: string
}

/** Until a signal comes, which is answered at once; what is at work then is waited for. */
export async function keepJobs(options: KeepOptions): Promise<void> {
  const { session, trail, settings, jitter, names } = options
  const { signal } = session
  const tell = (text: string, isWell = true): void => log(options, text, isWell)
  const planned = names.flatMap((name): ScheduledJob<JobName>[] => {
    const schedule = settings.schedules.get(name)
    return schedule === undefined ? [] : [{ name, schedule }]
  })
  const atWork = new Set<JobName>()
  const heard = (): void => {
    const waits = atWork.size === 0 ? "" : `, waits for ${[...atWork].join(" and ")}`
    tell(`${signal.reason === "SIGINT" ? "SIGINT" : "SIGTERM"}: no further job begins${waits}`)
  }
  signal.addEventListener("abort", heard, { once: true })
  tell(`jobs: ${planned.map(({ name, schedule }) => `${name} (${schedule.text})`).join(", ")}; times are UTC`)
  await runForever<JobName>({
    jobs: planned,
    now: () => Date.now(),
    sleep: (ms) => pause(ms, signal),
    jitter: () => randomJitter(jitter),
    async lastSuccesses() {
      const asking = trail.jobStates()
      asking.catch(() => undefined)
      const states = await Promise.race([asking, until(signal)])
      if (states === undefined) throw new TrailError("cancelled", "stopped")
      return new Map(
        states.flatMap(({ job, last_success: at }) => (at === null ? [] : [[job, Date.parse(at)] as const])),
      )
    },
    async run(name, isAgain) {
      const job = jobs.find((one) => one.name === name)
      if (job === undefined) return true
      if (!isAgain) tell(`${name} begins`)
      atWork.add(name)
      const ran = await performJob(job, { ...options, isAgain })
      atWork.delete(name)
      if (!isAway(ran) || !isAgain) tell(wordsOf(ran), ran.exit_code === 0 || ran.outcome === "busy")
      return !isAway(ran)
    },
    tell: (text) => tell(text, false),
    signal,
  })
  signal.removeEventListener("abort", heard)
  tell("stopped")
}

function wordsOf(ran: RanJob): string {
  const { job, outcome, exit_code: exit, duration_seconds: took, error, message } = ran
  // What went wrong a warning has told already.
  const what = error?.message ?? (exit === 0 ? message : null)
  const why = what === null ? "" : `: ${what}`
  const time = took === null ? "" : ` in ${took} s`
  return `${job.name} ${outcome}, exit code ${exit}${time}${why}${isAway(ran) ? "; tried again" : ""}`
}

/** A line on stderr; with ndjson an object. */
function log({ session }: KeepOptions, text: string, isWell: boolean): void {
  if (isWell && session.quiet) return
  const time = new Date().toISOString()
  const line =
    session.format === "ndjson"
      ? JSON.stringify({ log: { time, message: text } })
      : `${time} ${visible(text)}`
  session.io.stderr.write(`${line}\n`)
}

const until = (signal: AbortSignal): Promise<undefined> =>
  new Promise((go) => {
    if (signal.aborted) go(undefined)
    else signal.addEventListener("abort", () => go(undefined), { once: true })
  })
