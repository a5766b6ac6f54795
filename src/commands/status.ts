// pgtrail status: the state of the log and of its database, at a glance.
import { command, RawJson } from "../cli/command.js"
import type { LogStatus } from "../data/index.js"
import { facts, warnings } from "../data/status-facts.js"

const next: Readonly<Partial<Record<LogStatus["migrations"]["state"], string>>> = {
  "not installed": "pgtrail is not installed in this database: pgtrail install",
  pending: "a migration is pending: pgtrail migrate up",
  changed: "a migration was applied from another text than this version has: pgtrail migrate status",
}

export default command({
  summary: "show the state of the log and of its database",
  description:
    "Changes nothing and counts little: rows of partitions are PostgreSQL's estimate, the events of an organization are exact (from " +
    "the heads of its chains). Exit code 1 when the log is not installed or a migration is pending.",
  examples: [{ run: "pgtrail status", shows: "server, schema, sizes, partitions, newest acts" }],
  async run({ session }) {
    const status = await (await session.trail()).status()
    const verified = status.log?.verified
    for (const warning of warnings(status)) session.warn(warning)
    return {
      schema: "pgtrail.status/1",
      columns: [{ name: "name" }, { name: "value" }],
      rows: facts(status).map(([name, value]) => ({ name, value })),
      document: {
        schema: "pgtrail.status/1",
        ...status,
        log: status.log && {
          ...status.log,
          verified: verified && { ...verified, parameters: new RawJson(verified.parameters) },
        },
      },
      note: () => next[status.migrations.state],
      exit: status.migrations.state === "current" ? 0 : 1,
    }
  },
})
