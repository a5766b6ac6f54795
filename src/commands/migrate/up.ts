// pgtrail migrate up: brings an installed log to this version.
import { command, configurable, count, duration, flag } from "../../cli/command.js"
import { change } from "../install.js"

export default command({
  summary: "bring an installed log to this version",
  description:
    "Applies the pending migrations, each in one transaction with the functions, triggers and grants that belong to it, so that a run " +
    "that is cut off leaves a whole log, and the next goes on. Does nothing where none is pending, and refuses where the log is not " +
    "installed: that a database is the wrong one must not go unnoticed. Refuses too where the log is not what its last migration " +
    "left (pgtrail migrate validate): migrating would make that what must be.\n\n" +
    "Waits for locks a tenth of a second at a time, and again until --lock-timeout is over: nobody who writes is held up for longer than " +
    "that by its waiting.",
  options: {
    to: count("--to <n>", "apply migrations up to this one only"),
    lockTimeout: configurable(
      duration("--lock-timeout <duration>", "how long to wait for locks and for another migration", "10s"),
    ),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would change"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    { run: "pgtrail migrate up", shows: "apply what is pending" },
    { run: "pgtrail migrate up --dry-run", shows: "whether it would work, and what it would apply" },
  ],
  run: ({ options, session }) => change(session, options, true),
})
