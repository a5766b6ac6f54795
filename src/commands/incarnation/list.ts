// pgtrail incarnation list: the lives of the log, and what each began without.
import { command } from "../../cli/command.js"

const numbers = ["number", "act", "lanes_lost", "events_lost"]

export default command({
  summary: "list the incarnations of the log, and what each of them lost",
  description:
    "Number 1 is the installation. Every restore, point-in-time recovery, failover or copy since that was recorded is another, with what " +
    "was lost against the checkpoint that was given then.",
  examples: [{ run: "pgtrail incarnation list", shows: "what the log has been through" }],
  async run({ session }) {
    const rows = await (await session.trail()).incarnations()
    return {
      schema: "pgtrail.incarnation/1",
      columns: ["number", "log_id", "reason", "opened_at", "act", "lanes_lost", "events_lost"].map(
        (name) => ({
          name,
          ...(numbers.includes(name) ? { kind: "number" as const } : {}),
        }),
      ),
      rows: rows.map((row) => ({ ...row })),
    }
  },
})
