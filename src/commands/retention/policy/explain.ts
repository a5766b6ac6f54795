// pgtrail retention policy explain: which policy an event has, and why.
import { choice, command, list, RawJson, text } from "../../../cli/command.js"
import { classifications } from "../../../data/query/choices.js"
import { describeExplanation, warnExplanation } from "../../../data/retention/explain-words.js"

export default command({
  summary: "explain which policy an event has, why, and when it goes",
  description:
    "For an event of the log (--at), or for events as the options describe them. Tells the policy and why it is that one, the floors of its tags, how " +
    "long it is kept, now and when the grace of a change is over, when its time is over if no rule changes, and which cases hold it. " +
    "Two policies that fit equally are warned of. Needs the role pgtrail_reader; holds are told to pgtrail_auditor and pgtrail_operator.",
  options: {
    at: text("--at <event>", "an event of the log: its id, or ORG/LANE/SEQ"),
    org: text("--org <name>", "events of this organization"),
    type: text("--type <type>", "events of this type"),
    classification: choice(
      "--classification <classification>",
      "events of this classification",
      classifications,
    ),
    policy: text("--policy <name>", "events whose retention_policy it is; standard where it is not given"),
    tag: list("--tag <tag>", "events with this compliance tag; may be given several times"),
  },
  examples: [
    { run: "pgtrail retention policy explain --at acme/0/42", shows: "when this event goes, and why then" },
    {
      run: "pgtrail retention policy explain --org acme --type auth.login --tag PCI",
      shows: "how long such events are kept",
    },
  ],
  async run({ options, session }) {
    const { at, org, type, classification, policy, tag } = options
    const told = await (await session.trail()).explainRetention({
      event: at,
      organization: org,
      type,
      classification,
      policy,
      tags: tag,
    })
    const warning = warnExplanation(told)
    if (warning !== undefined) session.warn(warning)
    return {
      schema: "pgtrail.retention_explanation/1",
      columns: [
        { name: "policy" },
        { name: "keep_days", kind: "number" },
        { name: "later_days", kind: "number" },
        { name: "floor" },
        { name: "cutoff" },
        { name: "goes_at" },
      ],
      rows: [{ ...told, policy: told.policy.name }].map(
        ({ policy, keep_days, later_days, floor, cutoff, goes_at }) => ({
          policy,
          keep_days,
          later_days,
          floor,
          cutoff,
          goes_at,
        }),
      ),
      document: {
        schema: "pgtrail.retention_explanation/1",
        ...told,
        compliance_tags: new RawJson(told.compliance_tags),
      },
      text: describeExplanation(told),
    }
  },
})
