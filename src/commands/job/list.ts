// pgtrail job list: the jobs, when each is due, and how it went.
import { command, type Row } from "../../cli/command.js"
import { missingFor } from "../../cli/job/line.js"
import { jobConfiguration, jobSettings } from "../../cli/job/settings.js"
import { type Job, jobs } from "../../data/job/jobs.js"
import type { Schedule } from "../../data/job/schedule.js"
import type { JobState } from "../../data/job/states.js"
import { visible } from "../../data/words.js"

export default command({
  summary: "list the jobs: when each is due, how it went and when it last succeeded",
  description:
    "The schedule is that of this configuration (job.NAME.schedule), in UTC; a job that lacks something in it is not configured here, and may be on another machine. " +
    "due next is the time by this schedule after the newest run: one that is past tells of a job that nobody runs. The outcome is that of the newest run: done, failed, stopped by a " +
    "signal, busy (another run was at work), running, or killed: it began, and never said how it ended. What those that failed said stands below the table, what all said in the " +
    "field message. A row here is no evidence: those are the acts. Needs the role pgtrail_auditor or pgtrail_operator.",
  configuration: jobConfiguration,
  configuredUnder: "job",
  examples: [
    { run: "pgtrail job list", shows: "the seven jobs" },
    { run: "pgtrail job list --fields name,outcome,message", shows: "what each came to" },
    { run: "pgtrail job list --fields name,missing", shows: "what the configuration lacks for each" },
  ],
  async run({ configuration, session }) {
    const settings = jobSettings(configuration)
    const states = await (await session.trail()).jobStates()
    const rows: Row[] = []
    for (const job of jobs) {
      const missing = await missingFor(job, settings, session)
      const state = states.find((one) => one.job === job.name)
      rows.push(rowOf(job, missing, settings.schedules.get(job.name), state))
    }
    const late = states.filter((state) => state.is_late).map(({ job }) => job)
    const failed = jobs.flatMap(({ name }) => failureOf(states.find(({ job }) => job === name)) ?? [])
    return {
      schema: "pgtrail.job_state/1",
      columns: [
        { name: "name" },
        { name: "schedule" },
        { name: "outcome" },
        { name: "exit_code", title: "exit", kind: "number" },
        { name: "started_at" },
        { name: "duration_seconds", title: "seconds", kind: "number" },
        { name: "last_success" },
        { name: "due_at", title: "due next" },
        { name: "session_user_name", title: "by" },
        { name: "message", onRequest: session.format === "table" },
        { name: "missing", onRequest: session.format === "table" },
        { name: "is_late", kind: "boolean", onRequest: session.format === "table" },
        { name: "run", onRequest: session.format === "table" },
      ],
      rows,
      note: () =>
        states.length === 0
          ? "no job was run yet: pgtrail job run --all, or pgtrail job print cron"
          : [
              ...(late.length === 0 ? [] : [`late: ${late.join(", ")}; pgtrail job run NAME`]),
              ...failed,
            ].join("\n") || undefined,
    }
  },
})

function rowOf(
  { name }: Job,
  missing: readonly string[],
  schedule: Schedule | undefined,
  state: JobState | undefined,
): Row {
  const next = schedule?.next(state === undefined ? Date.now() : Date.parse(state.started_at))
  return {
    name,
    schedule: missing.length > 0 ? "not configured" : (schedule?.text ?? "never"),
    outcome: state?.outcome ?? "never run",
    exit_code: state?.exit_code ?? null,
    started_at: state?.started_at ?? null,
    duration_seconds: state?.duration_seconds ?? null,
    last_success: state?.last_success ?? null,
    due_at:
      missing.length > 0 || next === undefined ? null : new Date(next).toISOString().replace(/Z$/, "000Z"),
    session_user_name: state?.session_user_name ?? null,
    message: inLine(state?.message ?? null),
    missing: missing.length === 0 ? null : missing.join(", "),
    is_late: state?.is_late ?? null,
    run: state?.run ?? null,
  }
}

/** A row that an older version wrote has several lines. */
const inLine = (message: string | null): string | null => message?.replaceAll("\n", "; ") ?? null

/** Of the newest run that came to something: one that is at work now does not hide it. */
function failureOf(state: JobState | undefined): string | undefined {
  const last = state?.last
  if (state === undefined || last?.outcome !== "failed") return undefined
  const words = [...visible(inLine(last.message) ?? `exit code ${last.exit_code}`)]
  const shown =
    words.length <= longestFailure ? words.join("") : `${words.slice(0, longestFailure).join("")} ...`
  return `${state.job} failed: ${shown}`
}

const longestFailure = 300
