// pgtrail gdpr rule list: what is personal in the log, and what a law keeps.
import { command, flag } from "../../../cli/command.js"
import { ruleWords } from "../../../data/subject/rules.js"

const columns = [
  "rule",
  "kind",
  "says",
  "note",
  "added_at",
  "added_by",
  "event_type",
  "resource_type",
  "path",
  "data_classification",
  "compliance_tag",
  "ended_act",
] as const
const shown = 5

export default command({
  summary: "list the rules that say what is personal, and what a law keeps",
  description:
    "Each rule is the work of an act, by whose number it is removed. Without rules only the columns of the actor are taken for personal, and text that " +
    "names the subject. json, ndjson and csv have every column. Whoever reads events may read them.",
  options: { all: flag("--all", "also those that were removed") },
  examples: [
    {
      run: "pgtrail gdpr rule list",
      shows: "where the log has personal data, and what an erasure only replaces",
    },
  ],
  async run({ options, session }) {
    const rules = await (await session.trail()).subjectRules({ all: options.all })
    const wanted: readonly string[] =
      session.fields ?? (session.format === "table" ? columns.slice(0, shown) : columns)
    return {
      schema: "pgtrail.subject_rule/1",
      columns: columns.map((name) => ({
        name,
        ...(name === "rule" || name === "ended_act" ? { kind: "number" as const } : {}),
        onRequest: !wanted.includes(name),
      })),
      rows: rules.map((rule) => ({ ...rule, says: ruleWords(rule) })),
      note: () =>
        rules.length > 0
          ? undefined
          : options.all
            ? "there was never a rule"
            : "there are no rules: pgtrail gdpr rule add",
    }
  },
})
