// pgtrail profile remove: the views go, the events stay.
import { arg, command, flag, text } from "../../cli/command.js"
import { describeRemoval, document } from "../../cli/profile.js"
import { profileNamed } from "../../data/profile/profiles.js"
import { profileNames } from "../../data/profile/shape.js"

export default command({
  summary: "take a profile away; its events stay in the log",
  description:
    "Drops the views, functions and sequences of the profile, by an act. The events stay in the log, and show in the views again when the " +
    "profile is installed again. Its tables stay with their rows, unless --tables is given, and the name of the schema to --confirm. " +
    "Where something of yours depends on a view nothing is done. It prints what stays in force beside them (policies, the time zone and the " +
    "rights of a --writer), with the command that ends each, and the command that installs the profile again as it was. Where its schema was " +
    "dropped, the act says so and that is all.",
  args: { profile: arg(`one of ${profileNames.join(", ")}`, "required", profileNames) },
  options: {
    schema: text("--schema <schema>", "where it is installed", "public"),
    tables: flag("--tables", "drop its tables too, with their rows"),
    confirm: text("--confirm <schema>", "the name of the schema whose rows are to be lost"),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would go"),
  },
  examples: [
    { run: "pgtrail profile remove memoric --dry-run", shows: "what would go, and what would stay" },
    {
      run: "pgtrail profile remove ai-firewall --schema firewall --tables --confirm firewall",
      shows: "with its users, devices and configurations",
    },
  ],
  async run({ args, options, session }) {
    const { name } = profileNamed(args.profile)
    session.progress("removing")
    const result = await (await session.trail()).removeProfile(name, options)
    const { dropped, kept, dry_run: dryRun } = result
    return {
      schema: "pgtrail.profile_object/1",
      columns: [{ name: "name" }, { name: "state" }],
      rows: [
        ...dropped.map((object) => ({ name: object, state: dryRun ? "would be dropped" : "dropped" })),
        ...kept.map((object) => ({ name: object, state: dryRun ? "would be kept" : "kept" })),
      ],
      document: document("pgtrail.profile_removal/1", result),
      text: describeRemoval(result),
    }
  },
})
