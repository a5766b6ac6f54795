// pgtrail job print: the jobs as text for cron, systemd or pg_cron. Opens no connection.
import { resolve } from "node:path"
import { arg, command, configurable, text } from "../../cli/command.js"
import { findFile } from "../../cli/config/file.js"
import { jitterOf, jitterOption } from "../../cli/job/jitter.js"
import { filesOf } from "../../cli/job/line.js"
import { readiness } from "../../cli/job/readiness.js"
import { jobConfiguration, jobSettings } from "../../cli/job/settings.js"
import type { Session } from "../../cli/session.js"
import { TrailError } from "../../data/errors.js"
import { jobs } from "../../data/job/jobs.js"
import { type PrintOptions, printCron } from "../../data/job/print-cron.js"
import { printPgCron } from "../../data/job/print-pg-cron.js"
import { printSystemd } from "../../data/job/print-systemd.js"

const forms = ["cron", "systemd", "pg_cron"] as const

export default command({
  summary: "print the jobs for cron, systemd or pg_cron",
  description:
    "Ready text, with the absolute paths of this program and of the configuration that it reads now, and no secret: what PGTRAIL_URL says is not in it. " +
    "Each line runs pgtrail job run NAME --quiet. Jobs that are not configured are left out, and named. systemd: one service and a timer for each job, each below the name of its " +
    "file; the folders that the configuration names can be written into, and how to hand over keys stands there. pg_cron: SQL for what SQL alone can do, which is summary; why the others cannot stands there.",
  args: { form: arg("cron, systemd or pg_cron", "required", forms) },
  options: {
    user: text(
      "--user <name>",
      "whose jobs they are: of the machine, for /etc/cron.d and systemd; of the database, for pg_cron",
    ),
    jitter: configurable(jitterOption("wait a random time up to this before each job: 5m")),
  },
  configuration: jobConfiguration,
  configuredUnder: "job",
  examples: [
    { run: "pgtrail job print cron", shows: "lines for crontab -e" },
    {
      run: "pgtrail job print systemd --user postgres --jitter 5m",
      shows: "a service, and a timer for each job",
    },
  ],
  async run({ args, options, configuration, session }) {
    const form = forms.find((known) => known === args.form)
    const { user, jitter } = options
    if (form === undefined)
      throw new TrailError(
        "usage",
        `the jobs are printed for ${forms.join(", ")}, not ${JSON.stringify(args.form)}`,
      )
    if (user !== undefined && form !== "pg_cron" && !/^[a-zA-Z_][\w.-]*\$?$/.test(user))
      throw new TrailError(
        "usage",
        `--user takes the name of a user of the machine, not ${JSON.stringify(user)}`,
      )
    const settings = jobSettings(configuration)
    const { ready, left } = await readiness(jobs, settings, session)
    const found = await findFile(session.typed.config, session.io)
    const about: PrintOptions = {
      jobs: ready.map(({ job, schedule }) => ({ name: job.name, summary: job.summary, schedule })),
      left: left.map(({ job, why }) => ({ name: job.name, why })),
      program: session.io.program ?? ["pgtrail"],
      config: found === undefined ? undefined : resolve(session.io.cwd, found.shown),
      user,
      ...(form === "systemd"
        ? await filesOf(
            ready.map(({ job }) => job),
            settings,
            session,
          )
        : {}),
      ...(form === "pg_cron" ? { database: databaseOf(session) } : {}),
      jitter: jitterOf(jitter) === 0 ? undefined : jitter,
    }
    const printed =
      form === "cron"
        ? printCron(about)
        : form === "systemd"
          ? printSystemd(about)
          : printPgCron(about, Date.now())
    return {
      schema: "pgtrail.job_text/1",
      columns: [{ name: "form" }, { name: "text" }],
      rows: [{ form, text: printed }],
      text: printed,
    }
  },
})

/** Undefined where no database is named, or one that only comes to be when it is opened. */
function databaseOf(session: Pick<Session, "connection">): string | undefined {
  try {
    const connection = session.connection()
    return "target" in connection ? connection.target.database : undefined
  } catch {
    return undefined
  }
}
