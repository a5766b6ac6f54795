// pgtrail migrate status: what is applied, and what is pending.
import { command } from "../../cli/command.js"
import { writeTime } from "../../data/query/columns.js"

const columns = ["number", "name", "state", "applied_at", "applied_by", "duration_ms", "tool_version"]

export default command({
  summary: "list migrations, applied and pending",
  description:
    "Exit code 1 when something is pending, or was applied from another text than this version has.",
  examples: [{ run: "pgtrail migrate status", shows: "whether a deployment must run migrate up" }],
  async run({ session }) {
    const state = await (await session.trail()).schemaState()
    const code = state.codeCurrent ? "applied" : "pending"
    const none = { applied_at: null, applied_by: null, duration_ms: null, tool_version: null }
    const rows = [
      ...state.migrations.map((migration) => ({ ...migration, applied_at: writeTime(migration.applied_at) })),
      { number: "-", name: "functions, triggers and grants", state: code, ...none },
    ]
    const isChanged = rows.some((row) => row.state === "changed")
    const isPending = rows.some((row) => row.state === "pending")
    return {
      schema: "pgtrail.migration/1",
      columns: columns.map((name) => ({
        name,
        ...(name === "duration_ms" ? { kind: "number" as const } : {}),
      })),
      rows,
      note: () =>
        isChanged
          ? "a migration was applied from another text than this version has: use the pgtrail that installed the log"
          : !state.installed
            ? "pgtrail is not installed in this database: pgtrail install"
            : isPending
              ? "pending: pgtrail migrate up"
              : undefined,
      exit: isChanged || isPending ? 1 : 0,
    }
  },
})
