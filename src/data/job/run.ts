// One run of a job: nobody else's at the same time, and a row that tells how it ended. The work itself is the caller's.
import type { Client } from "pg"
import { type ConnectionTarget, connect, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { type Job, lockOf } from "./jobs.js"
import type { Schedule } from "./schedule.js"
import { oldRunsSql } from "./statements.js"

export interface JobWork {
  readonly exit: number
  /** What it came to, in a line, without secrets. */
  readonly message: string | null
}

export interface JobRunOptions {
  readonly job: Job
  /** By which it is due next; undefined: nobody waits for it. */
  readonly schedule?: Schedule | undefined
  /** Its command; `run` is the id of the row. */
  work(run: string): Promise<JobWork>
}

export interface FinishedJob {
  readonly run: string
  readonly started_at: string
  /** Null where the end could not be recorded: the row then tells of a run that was killed. */
  readonly ended_at: string | null
  /** Null as the end is. */
  readonly duration_seconds: string | null
  readonly due_at: string | null
  readonly exit_code: number
  readonly message: string | null
}

/** Throws `busy` where another run of the job is at work; then, as with every other error, the work was not begun. */
export async function runJob(target: ConnectionTarget, options: JobRunOptions): Promise<FinishedJob> {
  // Held as long as the work takes: the lock is the session's.
  const client = await connect(target)
  try {
    const begun = await begin(client, options).catch((error: unknown) => {
      throw withRight(toTrailError(error))
    })
    const { exit, message } = await options.work(begun.run)
    const ended = await end(client, target, begun.run, { exit, message })
    return { ...begun, ...ended, exit_code: exit, message }
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Which right a job needs, whatever is refused first. */
function withRight(error: unknown): unknown {
  if (!(error instanceof TrailError) || error.code !== "privilege") return error
  const hint =
    "nothing was done; a job needs the role pgtrail_operator: pgtrail grant operator ROLE; all seven need reader and auditor too, and backup pg_read_all_data"
  return new TrailError("privilege", error.message, { hint, cause: error })
}

type Begun = Pick<FinishedJob, "run" | "started_at" | "due_at">

async function begin(client: Client, { job, schedule }: JobRunOptions): Promise<Begun> {
  // It has nothing to say while the work is done, which may be hours.
  await client.query("set idle_session_timeout = 0")
  const { rows: locked } = await client.query<{ locked: string; now: string }>(
    "select pg_try_advisory_lock(1885828210, $1) as locked, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now",
    [String(lockOf(job))],
  )
  if (locked[0]?.locked !== "t") {
    throw new TrailError("busy", `another run of the job ${job.name} is at work`, {
      hint: "nothing was done; pgtrail job list says since when",
    })
  }
  const due = schedule === undefined ? null : dueAfter(schedule, Number(locked[0].now))
  const { rows } = await client.query<{ run: string; started: string; due: string | null }>(
    `insert into pgtrail.job_run (job, due_at) values ($1, to_timestamp($2::double precision / 1000))
     returning run_id as run, to_char(started_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as started,
       to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as due`,
    [job.name, due === null ? null : String(due)],
  )
  await client.query(oldRunsSql)
  const [row] = rows
  return { run: row?.run ?? "", started_at: row?.started ?? "", due_at: row?.due ?? null }
}

/** The server's clock may be a little behind that of whoever began it: the time for which it runs must not be the next one. */
function dueAfter(schedule: Schedule, now: number): number {
  const next = schedule.next(now)
  const slack = Math.min(300_000, (schedule.next(next) - next) / 10)
  return schedule.next(now + slack)
}

type Ended = Pick<FinishedJob, "ended_at" | "duration_seconds">

const unrecorded: Ended = { ended_at: null, duration_seconds: null }

/** Undone work cannot be told, done work should be: where the connection was lost meanwhile, another is tried. */
async function end(
  client: Client,
  target: ConnectionTarget,
  run: string,
  { exit, message }: JobWork,
): Promise<Ended> {
  const note = async (by: Client): Promise<Ended> => {
    const { rows } = await by.query<{ ended_at: string; duration_seconds: string }>(
      `update pgtrail.job_run set ended_at = clock_timestamp(), exit_code = $2, message = $3 where run_id = $1
       returning to_char(ended_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ended_at,
         extract(epoch from ended_at - started_at)::numeric(20, 3) as duration_seconds`,
      [run, String(exit), message],
    )
    return rows[0] ?? unrecorded
  }
  return note(client).catch(() => withClient(target, note).catch(() => unrecorded))
}
