// pgtrail type add: describes an event type, which is an act.
import { arg, choice, command, text } from "../../cli/command.js"
import { severities } from "../../data/query/choices.js"

export default command({
  summary: "add an event type to those that are known, by an act",
  description:
    "For people who read the log: applications need not ask, and events of unknown types are taken too. A name that is known already is " +
    "described anew; what is not given stays as it was. Stays in the act, so no personal data belongs into it. Needs the role pgtrail_operator.",
  args: { name: arg("the type, as events have it") },
  options: {
    category: text("--category <name>", "the group that it belongs to"),
    severity: choice("--severity <severity>", "what such an event should have, info at first", severities),
    description: text("--description <text>", "what happened when an event has it"),
  },
  examples: [
    {
      run: 'pgtrail type add invoice.paid --category billing --description "an invoice was paid in full"',
      shows: "the type is known from now on",
    },
  ],
  async run({ args, options, session }) {
    const { category, severity, description } = options
    const added = await (await session.trail()).addType({ name: args.name, category, severity, description })
    return {
      schema: "pgtrail.added_type/1",
      columns: [{ name: "name" }, { name: "act", kind: "number" }, { name: "anew", kind: "boolean" }],
      rows: [{ ...added }],
      text: `${added.name} is ${added.act === null ? "known so already" : added.anew ? "described anew" : "known now"}`,
      note: () => (added.act === null ? undefined : `recorded as act ${added.act}`),
    }
  },
})
