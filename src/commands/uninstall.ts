// pgtrail uninstall: takes the log away.
import { command, configurable, duration, flag, type Row, text } from "../cli/command.js"
import { readDuration } from "../data/duration.js"
import type { UninstalledRole, UninstallResult } from "../data/index.js"
import { grouped, plural } from "../data/words.js"

export default command({
  summary: "take the log away, and the roles that nothing else uses",
  description:
    "Drops the schema pgtrail with every event in it. --dry-run says first what that is; without --confirm and the name of the database " +
    "it is refused. Then drops the roles of pgtrail, with their memberships; a role that another database uses is kept.\n\n" +
    "The log cannot record its own end: the hash of its last act and the digest of its heads are printed, to be kept. All is done or " +
    "nothing; only a log of thousands of partitions, more than one transaction can lock, loses its partitions in portions before.",
  options: {
    confirm: text("--confirm <database>", "the name of the database whose log is to be destroyed"),
    keepRoles: flag("--keep-roles", "leave the roles of pgtrail on the server"),
    lockTimeout: configurable(duration("--lock-timeout <duration>", "how long to wait for locks", "10s")),
    dryRun: flag("--dry-run", "say what would go, and change nothing"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    { run: "pgtrail uninstall --dry-run", shows: "what would be lost" },
    { run: "pgtrail uninstall --confirm app", shows: "destroy the log in the database app" },
  ],
  async run({ options: typed, session }) {
    const { confirm, keepRoles, dryRun } = typed
    const lockTimeoutMs = readDuration(typed.lockTimeout, "--lock-timeout")
    const options = { confirm, keepRoles, dryRun, lockTimeoutMs }
    const trail = await session.trail()
    if (typed.printSql) {
      const sql = await trail.uninstallSql(options)
      return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text: sql }
    }
    session.progress("uninstalling")
    const result = await trail.uninstall(options)
    return {
      schema: "pgtrail.uninstall/1",
      columns: [{ name: "name" }, { name: "state" }, { name: "reason" }, { name: "sql" }],
      rows: result.roles.map((role): Row => ({ ...role })),
      document: { schema: "pgtrail.uninstall/1", dry_run: dryRun, ...result },
      text: describe(result, dryRun),
      note: () => (dryRun ? `to do it: pgtrail uninstall --confirm ${result.database}` : undefined),
    }
  },
})

function describe({ database, lost, roles }: UninstallResult, dryRun: boolean): string {
  const { checkpoint, last_act: act } = lost
  const facts: [name: string, value: string][] = [
    ["log", lost.log_id],
    [
      "events",
      `${grouped(lost.events)} of ${plural(lost.organizations, "organization")}, in ${plural(lost.lanes, "lane")}`,
    ],
    ["acts", lost.acts],
    ["last act", act === null ? "none" : `${act.seq}, hash ${act.hash}`],
    ["heads", `sha256 ${lost.heads_digest}`],
    [
      "checkpoint",
      checkpoint === null ? "none" : `the newest of ${checkpoint.recorded_at}, act ${checkpoint.act}`,
    ],
    ...lost.dependents.map((name): [string, string] => ["with it", name]),
  ]
  return [
    `${dryRun ? "would destroy" : "destroyed"} the log in database ${database}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    ...roles.map((role) => describeRole(role, dryRun)),
  ].join("\n")
}

function describeRole({ name, state, reason, sql }: UninstalledRole, dryRun: boolean): string {
  if (state === "dropped") return `role ${name} ${dryRun ? "would be dropped" : "is dropped"}`
  return `role ${name} ${dryRun ? "would be kept" : "is kept"}: ${reason}${sql === null ? "" : `; to drop it: ${sql}`}`
}
