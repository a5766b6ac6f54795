// pgtrail migrate validate: is the installed schema what the last migration left, and if not, what differs.
import { command } from "../../cli/command.js"
import { describeValidation } from "../../data/migrate/describe.js"

export default command({
  summary: "compare the installed schema with what the last migration left",
  description:
    "Compares every table, partition, column, constraint, index, trigger, function, view, grant and owner with the description that the " +
    "last migration stored, and the functions with the text that this pgtrail ships; of a changed function it shows what was " +
    "changed. Changes nothing, also runs on a standby, and needs the role pgtrail_auditor or pgtrail_operator.\n\n" +
    "Exit code 1 when something differs, or when a migration is pending; what is installed is then compared all the same. pgtrail verify " +
    "looks at the same, and at the events.",
  examples: [
    { run: "pgtrail migrate validate", shows: "whether anybody changed the schema" },
    { run: "pgtrail migrate validate --json", shows: "one row a difference" },
  ],
  async run({ session }) {
    const validation = await (await session.trail()).validate()
    const { pending, differences } = validation
    return {
      schema: "pgtrail.catalog_difference/1",
      columns: [{ name: "object" }, { name: "what" }, { name: "expected" }, { name: "actual" }],
      rows: differences.map(({ object, what, expected, actual }) => ({ object, what, expected, actual })),
      text: describeValidation(validation),
      note: () => (pending.length === 0 ? undefined : `pending: ${pending.join(", ")}: pgtrail migrate up`),
      exit: differences.length > 0 || pending.length > 0 ? 1 : 0,
    }
  },
})
