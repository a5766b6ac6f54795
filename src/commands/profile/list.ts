// pgtrail profile list: the profiles, and where they are installed.
import { shellWord } from "../../cli/again.js"
import { command } from "../../cli/command.js"
import { judge } from "../../cli/profile-state.js"

export default command({
  summary: "list the profiles: other systems' tables over the log, and where they are installed",
  description:
    "A profile is a set of views with another system's names and columns, whose rows are events of the log, and of the tables that it has " +
    "beside them. One that is installed in several schemas has a row for each. Needs to read the acts: the owner of the log, or " +
    "pgtrail_auditor.",
  examples: [{ run: "pgtrail profile list", shows: "what there is, and what is installed" }],
  async run({ session }) {
    const profiles = await (await session.trail()).profiles()
    const rows = profiles.map(({ name, summary, installed, schema, organization, objects }) => ({
      name,
      schema,
      organization,
      state: installed ? judge(objects) : "not installed",
      summary,
    }))
    const changed = rows.filter(({ state }) => !["as installed", "not installed"].includes(state))
    return {
      schema: "pgtrail.profile/1",
      columns: [
        { name: "name", whole: true },
        { name: "schema", whole: true },
        { name: "organization" },
        { name: "state" },
        { name: "summary" },
      ],
      rows,
      note: () =>
        changed
          .map(
            ({ name, schema, state }) =>
              `${name}: ${state}: pgtrail profile show ${name} --schema ${shellWord(schema ?? "")}`,
          )
          .join("\n") || undefined,
    }
  },
})
