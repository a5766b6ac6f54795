// pgtrail migrate down: takes migrations back.
import { command, configurable, count, duration, flag, text } from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import type { DownResult } from "../../data/index.js"

export default command({
  summary: "take migrations back, so that an older pgtrail can work on the log",
  description:
    "Takes back the newest migration, or several, each in one transaction, and gives the log the functions, triggers and grants that " +
    "the version before had: the pgtrail of that version then finds its own log. Recorded as an act.\n\n" +
    "Where that would lose what a migration holds (records of purges, incarnations, signatures, readers of one organization) it is " +
    "refused with what that is, unless --confirm names the database. It is refused too where the log is not what its last migration " +
    "left: pgtrail migrate validate. The first migration is the log itself: pgtrail uninstall.",
  options: {
    steps: count("--steps <n>", "how many migrations to take back; one where neither this nor --to is given"),
    to: count("--to <n>", "the migration to go down to"),
    confirm: text("--confirm <database>", "the name of the database: to lose what would be lost"),
    lockTimeout: configurable(
      duration("--lock-timeout <duration>", "how long to wait for locks and for another migration", "10s"),
    ),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would change"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    { run: "pgtrail migrate down", shows: "take the newest migration back" },
    { run: "pgtrail migrate down --to 2 --dry-run", shows: "whether it would work, and what would be lost" },
  ],
  async run({ options: typed, session }) {
    const { steps, to, confirm, dryRun } = typed
    const lockTimeoutMs = readDuration(typed.lockTimeout, "--lock-timeout")
    const options = { steps, to, confirm, dryRun, lockTimeoutMs }
    const trail = await session.trail()
    if (typed.printSql) {
      const sql = await trail.migrateDownSql(options)
      const text = sql === "" ? "-- nothing to do: the log is there already\n" : sql
      return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text }
    }
    session.progress("taking migrations back")
    const result = await trail.migrateDown(options)
    return {
      schema: "pgtrail.migrate_down/1",
      columns: [{ name: "migration" }],
      rows: result.removed.map((migration) => ({ migration })),
      document: { schema: "pgtrail.migrate_down/1", dry_run: dryRun, ...result },
      text: describe(result, dryRun),
    }
  },
})

function describe({ removed, database, level }: DownResult, dryRun: boolean): string {
  if (removed.length === 0) return `nothing to do: the log in database ${database} is at migration ${level}`
  const verb = dryRun ? "would take back" : "took back"
  return [`${verb}, in the log in database ${database}:`, ...removed.map((name) => `  ${name}`)].join("\n")
}
