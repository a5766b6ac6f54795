// pgtrail gdpr rule remove: takes a rule of what is personal back, by an act.
import { arg, command } from "../../../cli/command.js"
import { ruleWords } from "../../../data/subject/rules.js"

export default command({
  summary: "remove a rule of what is personal, by an act",
  description:
    "What was exported or erased under the rule stays so; what comes after does without it. The rule stays in gdpr rule list --all. Needs the role " +
    "pgtrail_privacy or pgtrail_operator.",
  args: { rule: arg("the number of the rule") },
  examples: [{ run: "pgtrail gdpr rule remove 12", shows: "rule 12 does not count any more" }],
  async run({ args, session }) {
    const { act, rule } = await (await session.trail()).removeSubjectRule(args.rule)
    return {
      schema: "pgtrail.subject_rule_change/1",
      columns: [{ name: "rule", kind: "number" }, { name: "says" }],
      rows: rule === null ? [] : [{ rule: rule.rule, says: ruleWords(rule) }],
      document: { schema: "pgtrail.subject_rule_change/1", act, rule },
      text: rule === null ? "" : `removed: ${ruleWords(rule)}`,
      note: `recorded as act ${act}`,
    }
  },
})
