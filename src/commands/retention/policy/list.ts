// pgtrail retention policy list: the policies in the order in which they count.
import { command } from "../../../cli/command.js"
import { shortTime } from "../../../data/words.js"

export default command({
  summary: "list the policies, in the order in which they count",
  description:
    "Of the policies that fit an event the first one counts; standard, which is built in, fits every event. A policy that names nothing is for events " +
    "whose retention_policy is its name. grace_until: of one in force, until then what was kept longer before is kept; of one that was replaced or " +
    "removed, until then it counts still. now_days: what counts now for events as it names them, where that is not keep_days. The table has what is not " +
    "empty, and days for times; json, ndjson, csv and --fields have every column in full. Needs the role pgtrail_reader, pgtrail_auditor or pgtrail_operator.",
  examples: [{ run: "pgtrail retention policy list", shows: "which events are kept for how long" }],
  async run({ session }) {
    const rules = await (await session.trail()).retentionRules("policy")
    // A line must fit a terminal of 100 columns: what no policy has is left out, and who set it is told by its act.
    const isShort = session.format === "table" && session.fields === undefined
    const rows = rules.map((rule) => ({
      ...rule,
      now_days: rule.now_days === rule.keep_days ? null : rule.now_days,
      ...(isShort ? { grace_until: shortTime(rule.grace_until) } : {}),
    }))
    const absent = (name: keyof (typeof rows)[number]): boolean =>
      isShort && rows.every((row) => row[name] === null)
    return {
      schema: "pgtrail.retention_policy/1",
      columns: [
        { name: "name", whole: true },
        { name: "organization_id", title: "organization", onRequest: absent("organization_id") },
        { name: "event_type", title: "type", onRequest: absent("event_type") },
        { name: "data_classification", title: "classification", onRequest: absent("data_classification") },
        { name: "keep_days", kind: "number" },
        { name: "now_days", kind: "number", onRequest: absent("now_days") },
        { name: "archive_after_days", kind: "number", onRequest: absent("archive_after_days") },
        { name: "state" },
        { name: "grace_until", onRequest: absent("grace_until") },
        { name: "set_at", onRequest: isShort },
        { name: "set_by", onRequest: isShort },
        { name: "act", kind: "number" },
      ],
      rows,
    }
  },
})
