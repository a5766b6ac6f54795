// pgtrail retention list: the runs of retention.
import { command, text } from "../../cli/command.js"
import { readLimit } from "../../data/query/typed.js"

const numbers = ["events", "held", "unsound", "remaining", "bytes_freed"] as const

export default command({
  summary: "list the runs of retention, newest first, and how each ended",
  description:
    "done; limit: it stopped at its own; failed, with why; running; killed: it began, and never said how it ended. remaining are events that it left, and empty where it did not look at all partitions. What a run purged " +
    "before stays purged, and is recorded by the acts. A row here is no evidence: those are the acts. Needs the role pgtrail_auditor or " +
    "pgtrail_operator.",
  options: { limit: text("--limit <n>", 'at most this many, or "all"', "30") },
  examples: [{ run: "pgtrail retention list --limit 7", shows: "the last week" }],
  async run({ options, session }) {
    const limit = readLimit(options.limit)
    const runs = await (await session.trail()).retentionRuns({ limit })
    return {
      schema: "pgtrail.past_retention_run/1",
      columns: [
        { name: "started_at" },
        { name: "ended_at" },
        { name: "outcome" },
        ...numbers.map((name) => ({ name, kind: "number" }) as const),
        { name: "session_user_name", title: "by" },
        { name: "message" },
        { name: "acts", onRequest: session.format === "table" },
        { name: "run", onRequest: session.format === "table" },
      ],
      rows: runs.map(({ acts, ...run }) => ({ ...run, acts: acts.join(" ") })),
      note: () =>
        runs.length === 0 && limit !== 0 ? "there was no run yet: pgtrail retention run" : undefined,
    }
  },
})
