// pgtrail retention policy set: how long events are kept, by an act.
import { arg, choice, command, flag, reference, required, text } from "../../../cli/command.js"
import { changeColumns, changeRow } from "../../../cli/rule-change.js"
import { readSecret } from "../../../cli/secret.js"
import { classifications } from "../../../data/query/choices.js"
import { describeChange, readDays, warnEquals } from "../../../data/retention/rule-words.js"

export default command({
  summary: "set a policy: how long events are kept, by an act",
  description:
    "Sets the policy of this name anew, all that it says, or makes it. It is for events of which all is true that --org, --type and --classification name; with none of " +
    "them, for events whose retention_policy is its name. Of those that fit an event one counts: a policy that names the organization " +
    "before one that does not, then the longest type, then one that names the classification, then that of the event's own retention_policy, " +
    "then standard; of equal ones the longer. A floor is never gone below.\n\n" +
    "A shorter period waits for the grace (setting retention-grace): until then what was kept longer is kept. --confirm with the name of the policy " +
    "lets it count at once. The period of an organization stays within the settings organization-keep-least and organization-keep-most. Needs the " +
    "role pgtrail_operator, and a signature where the setting require-signed-acts is on.",
  args: { name: arg("the policy") },
  options: {
    keep: required(text("--keep <days>", "after so many days nothing of an event is left anywhere: 400d")),
    archiveAfter: text(
      "--archive-after <days>",
      "after so many days an event leaves the table, into an archive: pgtrail archive create --due; without it never",
    ),
    org: text("--org <name>", "for events of this organization"),
    classification: choice(
      "--classification <classification>",
      "for events of this classification",
      classifications,
    ),
    type: text("--type <type>", "for events of this type, and of those that begin with it and a dot"),
    confirm: text("--confirm <policy>", "its name once more: a shorter period counts at once"),
    dryRun: flag("--dry-run", "say what would be changed; change nothing"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
  },
  examples: [
    { run: "pgtrail retention policy set standard --keep 400d", shows: "events that no other policy is for" },
    {
      run: "pgtrail retention policy set acme-auth --org acme --type auth --keep 90d",
      shows: "auth and auth.login of acme, and not authz",
    },
  ],
  async run({ args, options, session }) {
    const { org, classification, type, archiveAfter, confirm, dryRun } = options
    const rule = {
      name: args.name,
      keepDays: readDays(options.keep, "--keep"),
      organization: org,
      classification,
      type,
      archiveAfterDays: archiveAfter === undefined ? undefined : readDays(archiveAfter, "--archive-after"),
    }
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const change = await (await session.trail()).setRetentionRule("policy", rule, { confirm, dryRun, key })
    const warning = warnEquals(change)
    if (warning !== undefined) session.warn(warning)
    return {
      schema: "pgtrail.retention_change/1",
      columns: changeColumns,
      rows: [changeRow(change)],
      text: describeChange(change),
      note: () => (change.act === null ? undefined : `recorded as act ${change.act}`),
    }
  },
})
