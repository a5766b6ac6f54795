// pgtrail install: creates the log in a database, or brings it to this version.
import { choice, command, configurable, duration, flag, type Report, type Session } from "../cli/command.js"
import { readDuration } from "../data/duration.js"
import type { InstallOptions, InstallResult } from "../data/index.js"
import { type PartitionInterval, partitionIntervals } from "../data/migrate/interval.js"

export default command({
  summary: "create the log in a database",
  description:
    "Creates the schema pgtrail, its tables, functions and partitions, and seven roles, pgtrail_owner and those that pgtrail grant " +
    "makes others members of. Does nothing where the log is installed and current; may run any number " +
    "of times, and several at once.",
  options: {
    roles: flag(
      "--no-roles",
      "everything belongs to the connected role, and the application must connect as it; for servers that give no CREATEROLE",
    ),
    partitionInterval: choice(
      "--partition-interval <interval>",
      "how much time a partition has, month where none is named; chosen once, by the first installation",
      partitionIntervals,
    ),
    lockTimeout: configurable(
      duration("--lock-timeout <duration>", "how long to wait for locks and for another installation", "10s"),
    ),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would change"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    { run: "pgtrail install", shows: "install into the database of PGTRAIL_URL" },
    {
      run: "pgtrail install --print-sql > pgtrail.sql",
      shows: "what a DBA reviews, and runs by psql -X -1 -v ON_ERROR_STOP=1 -f pgtrail.sql",
    },
    { run: "pgtrail install --partition-interval week", shows: "for more than some million events a week" },
    { run: "pgtrail install --no-roles", shows: "on a server where you may not create roles" },
  ],
  run: ({ options, session }) => change(session, options),
})

export interface ChangeOptions {
  readonly roles?: boolean
  readonly to?: number | undefined
  readonly partitionInterval?: PartitionInterval | undefined
  readonly lockTimeout: string
  readonly dryRun: boolean
  readonly printSql: boolean
}

/** What `install` and `migrate up` have in common. */
export async function change(session: Session, typed: ChangeOptions, onlyInstalled = false): Promise<Report> {
  const lockTimeoutMs = readDuration(typed.lockTimeout, "--lock-timeout")
  const { roles, to, dryRun, partitionInterval } = typed
  const options: InstallOptions = { roles, to, lockTimeoutMs, dryRun, onlyInstalled, partitionInterval }
  const trail = await session.trail()
  if (typed.printSql) {
    const sql = await trail.installSql(options)
    const text = sql === "" ? "-- nothing to do: the log is current\n" : sql
    return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text }
  }
  session.progress("installing")
  const result = await trail.install(options)
  return {
    schema: "pgtrail.install/1",
    columns: [{ name: "migration" }],
    rows: result.applied.map((migration) => ({ migration })),
    document: { schema: "pgtrail.install/1", dry_run: typed.dryRun, ...result },
    text: describe(result, typed.dryRun),
    note: () =>
      result.pending.length > 0
        ? `still pending: ${result.pending.join(", ")}`
        : result.installed && !typed.dryRun
          ? nextStep(typed.roles !== false)
          : undefined,
  }
}

function describe(
  { applied, pending, changed, installed, database }: InstallResult,
  dryRun: boolean,
): string {
  if (!changed && pending.length > 0) return `nothing to do: the log in database ${database} is there already`
  if (!changed) return `nothing to do: the log in database ${database} is current`
  const done = dryRun ? "would " : ""
  const verb = installed
    ? "install"
    : applied.length > 0
      ? "migrate"
      : "renew functions, triggers and grants of"
  const past = installed
    ? "installed"
    : applied.length > 0
      ? "migrated"
      : "renewed functions, triggers and grants of"
  return [
    `${dryRun ? done + verb : past} the log in database ${database}`,
    ...applied.map((name) => `  ${name}`),
  ].join("\n")
}

function nextStep(roles: boolean): string {
  return roles
    ? "next: let the application append: pgtrail grant writer ROLE"
    : "next: pgtrail append, then pgtrail query and pgtrail verify"
}
