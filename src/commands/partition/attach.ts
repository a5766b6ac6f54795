// pgtrail partition attach: brings a detached partition back, which is an act.
import { arg, command, flag, patience } from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import { sqlReport } from "./create.js"
import { movedReport } from "./detach.js"

export default command({
  summary: "bring a detached partition back, and what arrived of its time since, by an act",
  description: "Queries find its events again. Needs the role pgtrail_operator.",
  args: { name: arg("the partition: event_2025_01") },
  options: {
    patience,
    dryRun: flag("--dry-run", "do everything, roll it back, and say what would happen"),
    printSql: flag("--print-sql", "print the SQL instead of running it"),
  },
  examples: [
    { run: "pgtrail partition attach event_2025_01", shows: "its events are in queries again" },
    { run: "pgtrail partition attach event_2025_01 --print-sql", shows: "what a DBA runs with psql" },
  ],
  async run({ args, options, session }) {
    const trail = await session.trail()
    const given = {
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      signal: session.signal,
      progress: (doing: string) => session.progress(doing),
    }
    if (options.printSql) return sqlReport(await trail.attachPartitionSql(args.name, given))
    return movedReport(await trail.attachPartition(args.name, given), "attach", "attached")
  },
})
