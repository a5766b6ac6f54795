// pgtrail gdpr rule add: says what is personal in the log, or what a law keeps, by an act.
import { command, flag, text } from "../../../cli/command.js"
import { TrailError } from "../../../data/errors.js"
import { readPath } from "../../../data/subject/rule-path.js"
import { type NewSubjectRule, ruleWords } from "../../../data/subject/rules.js"

export default command({
  summary: "say what is personal in the log, or what a law keeps, by an act",
  description:
    "One of three. --resource-type: resource_id of events about such a resource names a person. --path: a JSON column has personal data there, in all " +
    'events or in those of a type; a path is a column and its steps, .name, ."any name", [3] for an element, .* or [*] for all. --keep: a law wants to know ' +
    "that somebody did this, so an erasure leaves a token in these events and counts them apart; what a floor of retention keeps needs no rule.\n\n" +
    "Rules are found by gdpr find, export, pseudonymize and erase; a rule that comes later changes nothing that was done. Needs the role pgtrail_privacy or " +
    "pgtrail_operator.",
  options: {
    resourceType: text("--resource-type <type>", "resources of this type are people"),
    path: text("--path <path>", "personal data in request_params, before_state, after_state or details"),
    keep: flag("--keep", "an erasure leaves a token in the events that the other options name"),
    type: text(
      "--type <type>",
      "with --path or --keep: events of this type, and of those that begin with it and a dot",
    ),
    classification: text("--classification <name>", "with --keep: events of this classification"),
    tag: text("--tag <tag>", "with --keep: events with this compliance tag"),
    note: text("--note <text>", "why, or which law; stays in the act, so no personal data"),
  },
  examples: [
    { run: "pgtrail gdpr rule add --resource-type user", shows: "user/4711 is a person" },
    {
      run: "pgtrail gdpr rule add --path details.user.email --type auth",
      shows: "so is this, in auth events",
    },
    {
      run: 'pgtrail gdpr rule add --keep --tag SOX --note "tax law, AO 147"',
      shows: "an erasure leaves a token there",
    },
  ],
  async run({ options, session }) {
    const { act, rule } = await (await session.trail()).addSubjectRule(ruleOf(options))
    return {
      schema: "pgtrail.subject_rule_change/1",
      columns: [{ name: "rule", kind: "number" }, { name: "says" }],
      rows: rule === null ? [] : [{ rule: rule.rule, says: ruleWords(rule) }],
      document: { schema: "pgtrail.subject_rule_change/1", act, rule },
      text:
        rule === null
          ? "nothing was changed: the same rule is in force already"
          : `${ruleWords(rule)}: rule ${rule.rule}`,
      ...(act === null ? {} : { note: `recorded as act ${act}` }),
    }
  },
})

interface Typed {
  readonly resourceType: string | undefined
  readonly path: string | undefined
  readonly keep: boolean
  readonly type: string | undefined
  readonly classification: string | undefined
  readonly tag: string | undefined
  readonly note: string | undefined
}

function ruleOf({ resourceType, path, keep, type, classification, tag, note }: Typed): NewSubjectRule {
  const chosen = [resourceType !== undefined, path !== undefined, keep].filter(Boolean).length
  if (chosen !== 1) {
    throw new TrailError("usage", "a rule is one of --resource-type, --path and --keep", {
      hint: "nothing was changed",
    })
  }
  if (resourceType !== undefined)
    return { kind: "resource", resourceType, eventType: type, classification, tag, note }
  if (path !== undefined)
    return { kind: "path", path: readPath(path), eventType: type, classification, tag, note }
  return { kind: "keep", eventType: type, classification, tag, note }
}
