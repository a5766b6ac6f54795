// pgtrail profile show: the objects of a profile and their state, and what to run instead of what a view cannot answer.
import { arg, command, text } from "../../cli/command.js"
import { again, describeShown, judge } from "../../cli/profile.js"
import { profileNamed } from "../../data/profile/profiles.js"
import { profileNames } from "../../data/profile/shape.js"

export default command({
  summary: "show a profile: its objects and their state, and what to run instead of what",
  description:
    "Compares each view, table and function with what the act that installed it says; exit code 1 when one was changed or is missing. " +
    "Then the statements that a view cannot answer, with what to run in their place, and the commands that set up what the system does " +
    "beside writing.",
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
      objects.map((object) => ({ schema_name: where, ...object })),
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
      ],
      rows,
      document: {
        schema: "pgtrail.profile_show/1",
        ...shown,
        installed: shown.installed.map(({ schema: where, ...one }) => ({ ...one, schema_name: where })),
      },
      text: describeShown(
        `${name}: ${shown.summary}`,
        shown.installed,
        shown.replacements,
        shown.next,
        nowhere,
      ),
      note: () =>
        differing !== undefined
          ? `something is not as it was installed; to make it anew: ${again(differing)}`
          : shown.installed.length === 0
            ? `to install it: pgtrail profile install ${name}`
            : undefined,
      exit: differing === undefined ? 0 : 1,
    }
  },
})
