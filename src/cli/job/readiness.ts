// Which jobs can run with this configuration, and why the others cannot.
import type { Job } from "../../data/job/jobs.js"
import type { Schedule } from "../../data/job/schedule.js"
import type { Session } from "../session.js"
import { missingFor } from "./line.js"
import type { JobSettings } from "./settings.js"

export interface Readiness {
  readonly ready: readonly { readonly job: Job; readonly schedule: Schedule }[]
  readonly left: readonly LeftOut[]
}

export interface LeftOut {
  readonly job: Job
  /** As in "it ...". */
  readonly why: string
  /** Keys of pgtrail.json. */
  readonly missing: readonly string[]
  /** All that it needs is there: whoever names it may run it. */
  readonly isNever: boolean
}

export async function readiness(
  jobs: readonly Job[],
  settings: JobSettings,
  session: Pick<Session, "io" | "typed">,
): Promise<Readiness> {
  const ready: Readiness["ready"][number][] = []
  const left: LeftOut[] = []
  for (const job of jobs) {
    const missing = await missingFor(job, settings, session)
    const schedule = settings.schedules.get(job.name)
    if (missing.length > 0)
      left.push({ job, why: `is not configured: ${missing.join(", ")}`, missing, isNever: false })
    else if (schedule === undefined) left.push({ job, why: "has the schedule never", missing, isNever: true })
    else ready.push({ job, schedule })
  }
  return { ready, left }
}

const examples: Readonly<Record<string, string>> = {
  "archive.create.to": "/srv/archives",
  "backup.create.to": "/srv/backup",
  "checkpoint.create.key": "file:/etc/pgtrail/audit.key",
  "job.checkpoint.folder": "/srv/checkpoints",
}

/** What to write into pgtrail.json, by an example. */
export function keysWords(missing: readonly string[]): string {
  const example: Record<string, unknown> = {}
  for (const key of missing) {
    const words = key.split(".")
    let at = example
    for (const word of words.slice(0, -1)) {
      at[word] ??= {}
      at = at[word] as Record<string, unknown>
    }
    at[words.at(-1) ?? ""] = examples[key] ?? "..."
  }
  const are = missing.length === 1 ? "that is a key" : "these are keys"
  return `${are} of pgtrail.json: ${JSON.stringify(example)}`
}
