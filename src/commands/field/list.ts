// pgtrail field list: the columns of an event.
import { command } from "../../cli/command.js"

export default command({
  summary: "list the columns of an event, and the filter that asks for each",
  description:
    "group is what a column is hashed with: the frame is never redacted, identity is personal, content may be, the chain is set by the database. " +
    "filters are the options of query and of all that chooses events.",
  examples: [
    { run: "pgtrail field list", shows: "every column, its type, what it is, and how it is asked for" },
    { run: "pgtrail field values event_type --org acme", shows: "which values a column has" },
  ],
  async run({ session }) {
    const fields = await (await session.trail()).fields()
    const isTable = session.format === "table"
    return {
      schema: "pgtrail.field/1",
      columns: [
        ...["name", "type", "group", "meaning"].map((name) => ({ name })),
        { name: "filters", kind: isTable ? "text" : "json" },
      ],
      rows: fields.map(({ filters, ...field }) => ({
        ...field,
        filters: isTable ? filters.join(" ") : JSON.stringify(filters),
      })),
    }
  },
})
