// How each job stands: its newest run, its last success, and whether it should have run again by now.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import { busyExit, type JobName } from "./jobs.js"
import { statesSql } from "./statements.js"

/** `busy`: another run was at work; `killed`: it began, and never said how it ended. */
export type JobOutcome = "done" | "failed" | "stopped" | "busy" | "running" | "killed"

export interface JobState {
  readonly job: JobName
  readonly run: string
  readonly started_at: string
  readonly ended_at: string | null
  /** Of one that is at work, so far; null of one that was killed. */
  readonly duration_seconds: string | null
  readonly outcome: JobOutcome
  readonly exit_code: string | null
  readonly message: string | null
  readonly session_user_name: string
  readonly last_success: string | null
  readonly last_success_age_seconds: string | null
  /** By the schedule of whoever ran it last. */
  readonly due_at: string | null
  /** Later than a quarter of the time between, and an hour, after it was due. */
  readonly is_late: boolean
  /** The newest run that came to something, which another at work does not hide. */
  readonly last: {
    readonly outcome: JobOutcome
    readonly started_at: string
    readonly exit_code: string | null
    readonly message: string | null
    readonly duration_seconds: string | null
  } | null
}

/** A row for each job that ever ran, in no order. */
export async function jobStates(client: ClientBase): Promise<JobState[]> {
  const { rows } = await client.query<Record<string, string | null>>(statesSql)
  return rows.map((row) => {
    const isRunning = row.is_running === "t"
    return {
      job: row.job as JobName,
      run: row.run ?? "",
      started_at: writeTime(row.started_at ?? ""),
      ended_at: writeTime(row.ended_at ?? null),
      duration_seconds: row.duration_seconds ?? null,
      outcome: isRunning ? "running" : outcomeOf(row.ended_at ?? null, row.exit_code ?? null),
      exit_code: row.exit_code ?? null,
      message: row.message ?? null,
      session_user_name: row.session_user_name ?? "",
      last_success: writeTime(row.last_success ?? null),
      last_success_age_seconds: row.last_success_age_seconds ?? null,
      due_at: writeTime(row.due_at ?? null),
      is_late: row.is_late === "t",
      last:
        row.last_started_at == null
          ? null
          : {
              outcome: outcomeOf(row.last_ended_at ?? null, row.last_exit_code ?? null),
              started_at: writeTime(row.last_started_at),
              exit_code: row.last_exit_code ?? null,
              message: row.last_message ?? null,
              duration_seconds: row.last_duration_seconds ?? null,
            },
    }
  })
}

/** Of one that is not at work. */
export function outcomeOf(endedAt: string | null, exit: string | null): JobOutcome {
  if (endedAt === null || exit === null) return "killed"
  if (exit === "0") return "done"
  if (exit === String(busyExit)) return "busy"
  return exit === "130" || exit === "143" ? "stopped" : "failed"
}
