// pgtrail job run: runs jobs, once or by their schedules. For cron, systemd and containers.
import { arg, command, configurable, flag, type Row, shell } from "../../cli/command.js"
import { refuseDocument } from "../../cli/following.js"
import { jitterOption, pause, randomJitter } from "../../cli/job/jitter.js"
import { keepJobs } from "../../cli/job/keep.js"
import { exitOf, performJob, type RanJob } from "../../cli/job/perform.js"
import { keysWords, type LeftOut, readiness } from "../../cli/job/readiness.js"
import { jobConfiguration, jobSettings, jobsNamed } from "../../cli/job/settings.js"
import { TrailError } from "../../data/errors.js"
import { jobs } from "../../data/job/jobs.js"

export default command({
  summary: "run jobs: once, or for ever by their schedules; for cron and containers",
  description:
    "A job is a command of pgtrail in a process of its own, with the configuration that this command has: maintain (partition maintain), " +
    "verify, backup (backup create --incremental), retention (retention run), archive (archive create --due, archive remove --expired), summary (summary refresh) and checkpoint " +
    "(checkpoint create). What each needs stands in pgtrail.json: archive.create.to, backup.create.to, checkpoint.create.key, job.checkpoint.folder; --all leaves out a " +
    "job that lacks it, and one whose schedule is never, and says so. verify reads the whole log: an incremental run would not see what was altered after " +
    "it was verified.\n\n" +
    "Each run is recorded, with a line of what it came to, without secrets. The answer is a table of what ran; the exit code is " +
    "the worst of theirs (1, 70, 2, 3, 4, 5), and 5 where another run of the job is at work, which is no failure. With --quiet nothing is said where nothing went wrong. " +
    "--on-failure COMMAND is run by /bin/sh, for at most a minute, once for each job that failed, with PGTRAIL_JOB, PGTRAIL_EXIT_CODE and PGTRAIL_RUN in its " +
    "environment and the messages on its standard input.\n\n" +
    "--forever stays in the foreground and runs each job at its times (job.NAME.schedule, cron's five fields, UTC), at most two at once; " +
    "what was missed while it was not there runs once when it begins. Its log is on stderr. It goes on where the database cannot be reached. SIGTERM, SIGINT and a terminal that closes begin no further job, tell those at work and wait for " +
    "them; a second signal kills.\n\n" +
    "Needs pgtrail_operator: pgtrail grant operator ROLE. verify and checkpoint need pgtrail_auditor too, archive pgtrail_reader, and backup PostgreSQL's pg_read_all_data: for all seven grant operator, reader and auditor, and that.",
  args: { name: arg("job: maintain, verify, backup, retention, archive, summary or checkpoint", "any") },
  options: {
    all: flag("--all", "all jobs that are configured"),
    forever: flag("--forever", "at the times of their schedules, until a signal comes"),
    jitter: configurable(jitterOption("wait a random time up to this before each job: 5m")),
    onFailure: configurable(
      shell(
        "--on-failure <command>",
        "run this for each job that failed, with its messages on standard input",
      ),
    ),
  },
  configuration: jobConfiguration,
  configuredUnder: "job",
  patient: true,
  examples: [
    { run: "pgtrail job run retention --quiet", shows: "nothing, in a crontab" },
    { run: "pgtrail job run --all", shows: "what each came to" },
    {
      run: 'pgtrail job run --all --forever --jitter 5m --on-failure "mail -s audit-log dba@example.com"',
      shows: "its log, in a container",
    },
  ],
  async run({ args, options, configuration, session }) {
    if (args.name.length > 0 === options.all) {
      throw new TrailError(
        "usage",
        options.all ? "--all and names contradict each other" : "no job is named",
        {
          hint: "pgtrail job run NAME, or --all",
        },
      )
    }
    if (options.forever) refuseDocument(session, "--forever")
    const settings = jobSettings(configuration)
    const named = options.all ? jobs : jobsNamed(args.name)
    const { ready, left } = await readiness(named, settings, session)
    const strict = !options.all || (options.forever && ready.length === 0)
    const refused = left.find(({ isNever }) => strict && (options.forever || !isNever))
    if (refused !== undefined) {
      throw new TrailError("config", `the job ${refused.job.name} ${refused.why}`, {
        hint: `nothing was done; ${refused.isNever ? "pgtrail job list" : keysWords(refused.missing)}`,
      })
    }
    const chosen = options.all ? ready.map(({ job }) => job) : named
    const around = { session, settings, onFailure: options.onFailure, trail: await session.trail() }
    if (options.forever) {
      for (const { job, why } of left) session.warn(`the job ${job.name} is left out: it ${why}`)
      await keepJobs({ ...around, names: chosen.map(({ name }) => name), jitter: options.jitter })
      return { schema: "pgtrail.job/1", columns: [], rows: [] }
    }
    const ran: RanJob[] = []
    for (const job of chosen) {
      await pause(randomJitter(options.jitter), session.signal)
      if (session.signal.aborted) break
      ran.push(await performJob(job, around))
      const error = ran.at(-1)?.error
      // One that was named alone is answered like any command.
      if (error !== undefined && chosen.length === 1) throw error
      if (error !== undefined) session.warn(`the job ${job.name} was not begun: ${error.message}`)
    }
    const isSilent =
      session.quiet && session.format === "table" && ran.every(({ exit_code: exit }) => exit === 0)
    return {
      schema: "pgtrail.job/1",
      columns: isSilent ? [] : columns,
      rows: isSilent ? [] : [...ran.map(rowOf), ...left.filter(() => options.all).map(leftOut)],
      exit: exitOf(ran.map(({ exit_code: exit }) => exit)),
    }
  },
})

const columns = [
  { name: "job" },
  { name: "outcome" },
  { name: "exit_code", title: "exit", kind: "number" },
  { name: "started_at" },
  { name: "duration_seconds", title: "seconds", kind: "number" },
  { name: "due_at", title: "due next" },
  { name: "message" },
  { name: "run", onRequest: true },
] as const

function rowOf({
  job,
  outcome,
  exit_code: exit,
  started_at,
  duration_seconds,
  due_at,
  message,
  run,
}: RanJob): Row {
  return {
    job: job.name,
    outcome,
    exit_code: String(exit),
    started_at,
    duration_seconds,
    due_at,
    message,
    run,
  }
}

const leftOut = ({ job, why }: LeftOut): Row => ({
  job: job.name,
  outcome: "left out",
  exit_code: null,
  started_at: null,
  duration_seconds: null,
  due_at: null,
  message: `it ${why}`,
  run: null,
})
