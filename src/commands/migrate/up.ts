// pgtrail migrate up: brings an installed log to this version.
import { command, flag, text } from "../../cli/command.js"
import { change } from "../install.js"

export default command({
  summary: "bring an installed log to this version",
  description:
    "Applies the pending migrations, functions, triggers and grants in one transaction. Does nothing where none is pending, and " +
    "refuses where the log is not installed: that a database is the wrong one must not go unnoticed.",
  options: {
    lockTimeout: text(
      "--lock-timeout <duration>",
      "how long to wait for locks and for another migration",
      "10s",
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
