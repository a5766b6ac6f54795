// pgtrail partition create: makes partitions that are missing.
import { arg, command, flag, patience, type Report, text } from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import { describeCreated } from "../../data/partition/describe.js"

export default command({
  summary: "make the partitions of a time, and take along what DEFAULT holds of it",
  description:
    "The time is a day, a month, a quarter, a week or a year (2025-01-15, 2025-01, 2025-Q1, 2025-W07, 2025): every partition is made that has a part of " +
    "it. The interval of the log decides which those are, and boundaries are UTC. " +
    "Those that are there already stay as they are.\n\n" +
    "Whoever appends goes on meanwhile: what DEFAULT holds is copied before anybody has to wait, and the rest happens in a moment for which it " +
    "waits a tenth of a second at a time, for as long as --patience. Needs the role pgtrail_operator.",
  args: { time: arg("a day, a month, a quarter, a week or a year: 2025-01, 2025") },
  options: {
    until: text("--until <time>", "as the time; all up to this are made, and this too"),
    patience,
    dryRun: flag("--dry-run", "say what would be made; change nothing"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql without -1"),
  },
  examples: [
    { run: "pgtrail partition create 2025-01", shows: "one partition" },
    {
      run: "pgtrail partition create 2025 --dry-run",
      shows: "what a year would take, and how many events would come along",
    },
  ],
  async run({ args, options, session }) {
    const trail = await session.trail()
    const given = {
      until: options.until,
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing: string) => session.progress(doing),
    }
    if (options.printSql) {
      return sqlReport(await trail.createPartitionsSql(args.time, given), "they are there already")
    }
    const done = await trail.createPartitions(args.time, given)
    return {
      schema: "pgtrail.created_partition/1",
      columns: [{ name: "name" }, { name: "since" }, { name: "until" }, { name: "events", kind: "number" }],
      rows: done.created.map((range) => ({ ...range })),
      document: { schema: "pgtrail.created_partitions/1", ...done },
      text: describeCreated(done),
    }
  },
})

/** What --print-sql answers; `none` says why there is nothing. */
export function sqlReport(sql: string, none = ""): Report {
  const text = sql === "" ? `-- nothing to do: ${none}\n` : sql
  return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text }
}
