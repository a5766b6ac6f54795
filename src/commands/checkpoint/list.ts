// pgtrail checkpoint list: the checkpoints that were made, as the acts have them.
import { command } from "../../cli/command.js"

const columns = ["seq", "recorded_at", "lanes", "events", "digest", "key"]

export default command({
  summary: "list the checkpoints that were made of the log, newest first",
  description:
    "What the acts say of them. The files are outside the database: one that is missing there was never written, or is kept back.",
  examples: [{ run: "pgtrail checkpoint list", shows: "which checkpoints an auditor should have" }],
  async run({ session }) {
    const rows = await (await session.trail()).checkpoints()
    return {
      schema: "pgtrail.recorded_checkpoint/1",
      columns: columns.map((name) => ({
        name,
        ...(["seq", "lanes", "events"].includes(name) ? { kind: "number" as const } : {}),
      })),
      rows: rows.map((row) => ({ ...row })),
      note: () =>
        rows.length === 0
          ? "there is no checkpoint of this log: pgtrail checkpoint create --key REFERENCE --out FILE"
          : undefined,
    }
  },
})
