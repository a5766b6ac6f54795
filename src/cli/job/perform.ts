// Runs one job from the command line: its commands in processes of their own, its row, and who is told when it fails.
import { TrailError } from "../../data/errors.js"
import type { Trail } from "../../data/index.js"
import { busyExit, type Job } from "../../data/job/jobs.js"
import type { FinishedJob, JobWork } from "../../data/job/run.js"
import { type JobOutcome, outcomeOf } from "../../data/job/states.js"
import { type ExitCode, exitCodeOf } from "../exit.js"
import type { Session } from "../session.js"
import { type Ended, runChild } from "./child.js"
import { linesOf } from "./line.js"
import { cleaned, messageOf, secretsAround } from "./message.js"
import { tellFailure } from "./on-failure.js"
import type { JobSettings } from "./settings.js"

export interface RanJob extends Omit<FinishedJob, "run" | "started_at" | "ended_at"> {
  readonly job: Job
  readonly run: string | null
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly outcome: JobOutcome
  readonly duration_seconds: string | null
  /** What stopped it from beginning. */
  readonly error: TrailError | undefined
  /** All that it said and that is worth to be told, without secrets. */
  readonly said: string
}

export interface JobSurroundings {
  readonly session: Session
  readonly trail: Trail
  readonly settings: JobSettings
  readonly onFailure: string | undefined
  /** The database could not be reached the last time either. */
  readonly isAgain?: boolean
}

/** A server that comes back, or a database that is renamed while it is changed for another; what else is wrong the next run finds again. */
const away: readonly string[] = ["unreachable", "connection-lost", "read-only", "no-database"]

export const isAway = ({ error }: RanJob): boolean => error !== undefined && away.includes(error.code)

/** Throws nothing but bugs: a job that could not begin has its error. Says by warnings what failed. */
export async function performJob(job: Job, around: JobSurroundings): Promise<RanJob> {
  const ran = await begun(job, around)
  const { session, onFailure, isAgain } = around
  if (ran.ended_at === null && ran.error === undefined)
    session.warn(`the end of the job ${job.name} could not be recorded: pgtrail job list tells it as killed`)
  if (ran.exit_code === 0 || ran.outcome === "busy" || session.signal.aborted) return ran
  // Somebody was told when it could not be reached the first time.
  if (isAgain === true && isAway(ran)) return ran
  if (ran.error === undefined)
    session.warn(`the job ${job.name} ended with exit code ${ran.exit_code}\n${ran.said}`)
  if (onFailure !== undefined) {
    const { exit_code: exit, run, said } = ran
    const failed = { job: job.name, exit, run: run ?? "", messages: said === "" ? "" : `${said}\n` }
    const problem = await tellFailure(onFailure, failed, session.io)
    if (problem !== undefined) session.warn(problem)
  }
  return ran
}

async function begun(job: Job, { session, trail, settings }: JobSurroundings): Promise<RanJob> {
  const secrets = secretsAround(session.io, session.argv, trail.target)
  const started = performance.now()
  let said = ""
  let isBegun = false
  const over = new AbortController()
  const work = async (): Promise<JobWork> => {
    // Nobody waits for it any more.
    if (session.signal.aborted) return { exit: 143, message: null }
    isBegun = true
    const { exit, ended } = await all(linesOf(job, settings, new Date()), session)
    const stderr = ended.map((one) => one.stderr).join("")
    said = cleaned(`${stderr}${ended.map((one) => one.stdout).join("")}`, secrets)
    const told = ended.map(({ heading, ...one }) => ({ ...one, stdout: heading }))
    return { exit, message: messageOf(told, secrets) }
  }
  const schedule = settings.schedules.get(job.name)
  try {
    const running = trail.runJob({ job, schedule, work })
    // A server that does not answer must not keep a process that is to stop.
    running.catch(() => undefined)
    const done = await Promise.race([running, stoppedBefore(() => isBegun, session.signal, over.signal)])
    return {
      ...done,
      job,
      outcome: outcomeOf(done.started_at, String(done.exit_code)),
      // As job list has it, but where the end could not be recorded.
      duration_seconds: done.duration_seconds ?? ((performance.now() - started) / 1000).toFixed(3),
      error: undefined,
      said,
    }
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const exit = error.code === "cancelled" ? 143 : exitCodeOf(error.code)
    return {
      job,
      run: null,
      started_at: null,
      ended_at: null,
      due_at: null,
      exit_code: exit,
      message: error.message,
      outcome: exit === busyExit ? "busy" : exit === 143 ? "stopped" : "failed",
      duration_seconds: null,
      error,
      said: `${error.message}${error.hint === undefined ? "" : `\n${error.hint}`}`,
    }
  } finally {
    over.abort()
  }
}

/** The next line runs even where one before failed, unless somebody stops it. */
async function all(
  lines: readonly (readonly string[])[],
  session: Session,
): Promise<{ exit: number; ended: Ended[] }> {
  const ended: Ended[] = []
  for (const line of lines) {
    if (session.signal.aborted && ended.length > 0) break
    ended.push(await runChild(line, session))
  }
  return { exit: worstExit(ended.map(({ exit }) => exit)), ended }
}

/** Settles only where the work was not begun: what was begun is waited for. */
async function stoppedBefore(isBegun: () => boolean, signal: AbortSignal, over: AbortSignal): Promise<never> {
  await new Promise<void>((go) => {
    if (signal.aborted) go()
    else signal.addEventListener("abort", () => go(), { once: true, signal: over })
  })
  if (isBegun()) return new Promise(() => undefined)
  throw new TrailError("cancelled", "stopped before it was begun", { hint: "nothing was done" })
}

/** What was found comes first, then what could not be looked at, then what is not done; `killed` is any other code. */
const order = [1, 70, 2, 3, "killed", 4, busyExit, 0] as const

export function worstExit(exits: readonly number[]): number {
  const rank = (exit: number): number => {
    const at = (order as readonly unknown[]).indexOf(exit)
    return at === -1 ? order.indexOf("killed") : at
  }
  return [...exits].sort((a, b) => rank(a) - rank(b))[0] ?? 0
}

/** One that was killed has none of pgtrail's own codes: the work could not be done. */
export function exitOf(exits: readonly number[]): ExitCode {
  const worst = worstExit(exits)
  return (order as readonly unknown[]).includes(worst) ? (worst as ExitCode) : 3
}
