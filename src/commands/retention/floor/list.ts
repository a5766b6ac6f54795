// pgtrail retention floor list: the floors, by their tags.
import { command } from "../../../cli/command.js"
import { shortTime } from "../../../data/words.js"

export default command({
  summary: "list the floors, which no policy goes below",
  description:
    "An event is kept as long as its policy says, and as the longest floor of its tags. grace_until: of one that was replaced or removed, until " +
    "then it counts still. json, ndjson, csv and --fields tell who set it, and when. Needs the role pgtrail_reader, pgtrail_auditor or pgtrail_operator.",
  examples: [{ run: "pgtrail retention floor list", shows: "which tags keep events for how long" }],
  async run({ session }) {
    const rules = await (await session.trail()).retentionRules("floor")
    // A line must fit a terminal of 100 columns; who set it is told by its act.
    const isShort = session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.retention_floor/1",
      columns: [
        { name: "name", whole: true },
        { name: "compliance_tag", title: "tag" },
        { name: "keep_days", kind: "number" },
        { name: "state" },
        { name: "grace_until" },
        { name: "set_at", onRequest: isShort },
        { name: "set_by", onRequest: isShort },
        { name: "act", kind: "number" },
      ],
      rows: rules.map((rule) => ({
        ...rule,
        grace_until: isShort ? shortTime(rule.grace_until) : rule.grace_until,
      })),
    }
  },
})
