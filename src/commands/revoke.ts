// pgtrail revoke: takes a right on the log back from a role, which is an act.
import { arg, command, flag, list } from "../cli/command.js"
import { rights } from "../data/access/rights.js"
import { changeAccess } from "./grant.js"

export default command({
  summary: "take a right on the log back from a role, by an act",
  description:
    "With --org a reader loses this organization; with the last of them, or without --org, he reads nothing any more. What the role has " +
    "through another role stays, and is warned about: pgtrail status --grants tells who has what, and how. " +
    "The roles are the server's: what is taken back here is taken back for every log of this server.",
  args: {
    right: arg("writer, reader, auditor, operator or privacy", "required", rights),
    role: arg("the role, spelt as the server spells it: app is not App"),
  },
  options: {
    org: list("--org <organization>", "of a reader: this organization alone; may be given several times"),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would change"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    {
      run: "pgtrail revoke reader acme_auditor --org acme",
      shows: "the tenant's auditor no longer reads acme",
    },
    { run: "pgtrail revoke writer app", shows: "the application no longer appends" },
  ],
  run: ({ args, options, session }) => changeAccess(session, "revoke", args, options),
})
