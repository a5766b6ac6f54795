// pgtrail profile show: the objects of a profile and their state, and what to run instead of what a view cannot answer.
import { arg, command, text } from "../../cli/command.js"
import { describeShown } from "../../cli/profile.js"
import { cures, judge } from "../../cli/profile-state.js"
import { profileNamed } from "../../data/profile/profiles.js"
import { profileNames } from "../../data/profile/shape.js"

export default command({
  summary: "show a profile: its objects and their state, and what to run instead of what",
  description:
    "Compares each view, table and function with what the act that installed it says: definitions, columns, constraints, unique indexes, " +
    "triggers, and what was granted on them; says of each what differs; exit code 1 when one was changed or is missing. What somebody added to a table is taken in by the next installation, what he took away stays told. " +
    "Then the statements that a view cannot answer, with what to run in their place; what to know of the views: what is stored and what is " +
    "not, and which filters reach an index; and the commands that set up what the system does beside writing.",
  args: { profile: arg(`one of ${profileNames.join(", ")}`, "required", profileNames) },
  options: { schema: text("--schema <schema>", "only where it is installed in this schema") },
  examples: [
    { run: "pgtrail profile show memoric", shows: "whether its views are as they were made" },
    { run: "pgtrail profile show mem0 --json", shows: "the same for programs, replacements too" },
  ],
  async run({ args, options, session }) {
    const { name } = profileNamed(args.profile)
    const { schema } = options
    const shown = await (await session.trail()).profile(name, schema)
    const rows = shown.installed.flatMap(({ schema: where, objects }) =>
      objects.map(({ differs, ...object }) => ({
        schema_name: where,
        ...object,
        differs: differs.length === 0 ? null : differs.join(", "),
      })),
    )
    const differing = shown.installed.find(({ objects }) => judge(objects) !== "as installed")
    const nowhere = `not installed${schema === undefined ? "" : ` in schema ${schema}`}`
    return {
      schema: "pgtrail.profile_object/1",
      columns: [
        { name: "schema_name", title: "schema" },
        { name: "kind" },
        { name: "name" },
        { name: "state" },
        { name: "differs" },
      ],
      rows,
      document: {
        schema: "pgtrail.profile_show/1",
        ...shown,
        installed: shown.installed.map(({ schema: where, ...one }) => ({ ...one, schema_name: where })),
      },
      text: describeShown(`${name}: ${shown.summary}`, shown.installed, shown, nowhere),
      note: () =>
        differing !== undefined
          ? cures(differing).join("\n")
          : shown.installed.length === 0
            ? `to install it: pgtrail profile install ${name}`
            : undefined,
      exit: differing === undefined ? 0 : 1,
    }
  },
})
