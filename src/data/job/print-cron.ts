// The jobs as lines of a crontab.
import type { JobName } from "./jobs.js"
import type { Schedule } from "./schedule.js"

export interface PrintedJob {
  readonly name: JobName
  readonly schedule: Schedule
  readonly summary: string
}

export interface PrintOptions {
  readonly jobs: readonly PrintedJob[]
  /** Jobs that are not printed, and why. */
  readonly left: readonly { readonly name: JobName; readonly why: string }[]
  /** What starts pgtrail: absolute paths. */
  readonly program: readonly string[]
  /** The configuration, absolute. */
  readonly config: string | undefined
  /** Whose job it is: of the machine, of the database for pg_cron. */
  readonly user: string | undefined
  /** What the jobs write into, and the private keys that they read with the variable of each; absolute. */
  readonly folders?: readonly string[]
  readonly keys?: readonly { readonly variable: string; readonly path: string }[]
  /** For pg_cron, where it is known. */
  readonly database?: string | undefined
  /** `5m`; undefined where none is wanted. */
  readonly jitter: string | undefined
}

export const leftOut = ({ left }: Pick<PrintOptions, "left">): string[] =>
  left.map(({ name, why }) => `# ${name} is left out: it ${why}`)

/** With a user: for /etc/cron.d, where each line names one. */
export function printCron(options: PrintOptions): string {
  const { jobs, program, config, user, jitter } = options
  const words = (name: string): string[] => [
    ...program,
    "job",
    "run",
    name,
    "--quiet",
    ...(jitter === undefined ? [] : ["--jitter", jitter]),
  ]
  return [
    `# The jobs of the audit log, for ${user === undefined ? "crontab -e" : "a file in /etc/cron.d"}. What goes wrong is mailed (MAILTO).`,
    "# Times are UTC: cronie (Fedora, Arch) knows CRON_TZ. Where cron does not, they are those of the machine's time zone.",
    "CRON_TZ=UTC",
    config === undefined
      ? "# Where the log is: PGTRAIL_CONFIG=/etc/pgtrail.json, or PGTRAIL_URL without a password."
      : `PGTRAIL_CONFIG=${config}`,
    ...leftOut(options),
    ...jobs.map(({ name, schedule }) =>
      [
        schedule.text,
        ...(user === undefined ? [] : [user]),
        words(name).map(shellWord).join(" ").replaceAll("%", "\\%"),
      ].join(" "),
    ),
    "",
  ].join("\n")
}

/** As cron's /bin/sh reads it, which knows no $'...'. */
const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
