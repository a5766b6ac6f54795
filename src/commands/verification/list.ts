// pgtrail verification list: who verified the log, when, and what was found.
import { command, text } from "../../cli/command.js"
import { readLimit } from "../../data/query/typed.js"

const columns = [
  "act",
  "recorded_at",
  "session_user_name",
  "client_address",
  "verdict",
  "events",
  "findings",
  "accepted",
  "scope",
] as const
const numbers: readonly string[] = ["act", "events", "findings", "accepted"]

export default command({
  summary: "list the verifications that were recorded, newest first",
  description:
    "Each verification is an act of the log, where the role that verified may record one. Findings counts all that it found, accepted " +
    "those that an act has accepted before or since. Needs the role pgtrail_auditor or pgtrail_operator.",
  options: { limit: text("--limit <n>", 'at most this many, or "all"', "100") },
  examples: [{ run: "pgtrail verification list --limit 10", shows: "the last ten" }],
  async run({ options, session }) {
    const limit = readLimit(options.limit)
    const found = await (await session.trail()).verifications({ limit })
    return {
      schema: "pgtrail.verifications/1",
      columns: columns.map((name) => ({ name, kind: numbers.includes(name) ? "number" : "text" })),
      rows: found.map((row) => ({ ...row })),
      note: () =>
        found.length === 0 && limit !== 0 ? "no verification is recorded: pgtrail verify" : undefined,
    }
  },
})
