// Whether the jobs of `pgtrail job` do what they are for: one that fails every night, or that nobody starts any more, must not go unseen.
import type { ClientBase } from "pg"
import { type JobState, jobStates } from "../job/states.js"
import { visible } from "../words.js"
import { ageWords, type Check, measured, type Thresholds } from "./checks.js"

/** Null where the role may not read them, or an older log has none. */
export async function jobsStatus(client: ClientBase): Promise<{ there: boolean; states: JobState[] | null }> {
  const { rows } = await client.query<{ there: string; reads: string }>(
    `select to_regclass('pgtrail.job_run') is not null as there,
       coalesce(has_table_privilege(to_regclass('pgtrail.job_run'), 'select'), false) as reads`,
  )
  const there = rows[0]?.there === "t"
  return { there, states: rows[0]?.reads === "t" ? await jobStates(client) : null }
}

export function jobChecks(
  { there, states }: { there: boolean; states: readonly JobState[] | null },
  thresholds: Thresholds,
): Check[] {
  // That a migration is pending is told.
  if (!there) return []
  if (states === null) return [measured("jobs", null, "this role may not read the runs of jobs", thresholds)]
  // Who makes its own use of cron has none.
  if (states.length === 0) return [measured("jobs", 0, "none was run by pgtrail job", thresholds)]
  const wrong = states.flatMap((state) => problemOf(state) ?? [])
  const words = wrong.length === 0 ? `${states.length} known, none failed, none late` : wrong.join("; ")
  return [measured("jobs", wrong.length, words, thresholds)]
}

function problemOf({ job, last, is_late: isLate, due_at: due }: JobState): string | undefined {
  const next = `pgtrail job run ${job}`
  if (last?.outcome === "killed") return `${job} was killed, the run of ${last.started_at}: ${next}`
  if (last?.outcome === "stopped") return `${job} was stopped, the run of ${last.started_at}: ${next}`
  if (last?.outcome === "failed") {
    const said =
      last.message === null ? "" : ` (${visible(last.message.replaceAll("\n", "; ")).slice(0, 200)})`
    return `${job} failed with exit code ${last.exit_code}${said}: ${next}`
  }
  if (!isLate || due === null) return undefined
  const age = ageWords((Date.now() - Date.parse(due)) / 1000)
  return `${job} did not run when it was due, ${age} ago: ${next}`
}
