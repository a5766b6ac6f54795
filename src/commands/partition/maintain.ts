// pgtrail partition maintain: makes what is due; for cron.
import { command, flag, patience } from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import { describeLeft, describeMaintained } from "../../data/partition/describe.js"
import { sqlReport } from "./create.js"

export default command({
  summary: "make the partitions that are due, and gather statistics that are missing; for cron",
  description:
    "Due are the partition of today and those ahead (setting partitions-ahead), and partitions for events that lie in DEFAULT, which come " +
    "along. Not due is what no rule of retention keeps any more, what lies further ahead, and the time of a detached partition: such events stay " +
    "in DEFAULT, and are told of.\n\n" +
    "Whoever appends goes on meanwhile; see pgtrail partition create. One at a time: exit code 5 where another run is at work. --quiet says nothing " +
    "where nothing went wrong. " +
    "Needs the role pgtrail_operator.",
  options: {
    patience,
    dryRun: flag("--dry-run", "say what is due; change nothing"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql without -1"),
  },
  examples: [
    { run: "pgtrail partition maintain --quiet", shows: "what cron runs every night" },
    { run: "pgtrail partition maintain --dry-run --json", shows: "what is due, and what stays in DEFAULT" },
  ],
  async run({ options, session }) {
    const trail = await session.trail()
    const given = {
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing: string) => session.progress(doing),
    }
    if (options.printSql) return sqlReport(await trail.maintainPartitionsSql(given), "nothing is due")
    const done = await trail.maintainPartitions(given)
    // In a crontab what is printed is mailed.
    const isSilent = session.quiet && session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.created_partition/1",
      columns: isSilent
        ? []
        : [{ name: "name" }, { name: "since" }, { name: "until" }, { name: "events", kind: "number" }],
      rows: isSilent ? [] : done.created.map((range) => ({ ...range })),
      document: { schema: "pgtrail.maintained_partitions/1", ...done },
      ...(isSilent ? {} : { text: describeMaintained(done) }),
      note: () => describeLeft(done),
    }
  },
})
