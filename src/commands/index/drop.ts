// pgtrail index drop: takes an index from every partition.
import { arg, command, configurable, duration, flag } from "../../cli/command.js"
import { indexKinds } from "../../data/event-index/kinds.js"
import { change } from "./add.js"

export default command({
  summary: "take an index from every partition",
  description:
    "CONCURRENTLY, as pgtrail index add makes them: no writer waits. The options and filters that it served find the same events without it, more slowly.",
  args: { kind: arg("search, details, tags, subject or external", "required", indexKinds) },
  options: {
    lockTimeout: configurable(
      duration("--lock-timeout <duration>", "wait so long for a transaction that was there before", "1h"),
    ),
    dryRun: flag("--dry-run", "say which partitions have it; change nothing"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql without -1"),
  },
  examples: [
    { run: "pgtrail index drop search", shows: "appends are cheaper again, --grep is slow" },
    { run: "pgtrail index drop tags --dry-run", shows: "what would go" },
  ],
  run: ({ args, options, session }) => change(session, args.kind, "drop", options),
})
