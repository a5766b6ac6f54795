// pgtrail retention floor set: how long events with a tag are kept at least, by an act.
import { arg, command, flag, reference, required, text } from "../../../cli/command.js"
import { changeColumns, changeRow } from "../../../cli/rule-change.js"
import { readSecret } from "../../../cli/secret.js"
import { describeChange, readDays } from "../../../data/retention/rule-words.js"

export default command({
  summary: "set a floor: how long events with a tag are kept at least, by an act",
  description:
    "Whatever the policy of an event says, it is kept as long as the longest floor of its tags (compliance_tags). A lower floor waits for the " +
    "grace, as the shorter period of a policy does; --confirm with its name lets it count at once. Needs the role pgtrail_operator, and a " +
    "signature where the setting require-signed-acts is on.",
  args: { name: arg("the floor") },
  options: {
    tag: required(text("--tag <tag>", "for events that have this compliance tag")),
    keep: required(text("--keep <days>", "so many days at least: 365d")),
    confirm: text("--confirm <floor>", "its name once more: a lower floor counts at once"),
    dryRun: flag("--dry-run", "say what would be changed; change nothing"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
  },
  examples: [
    { run: "pgtrail retention floor set pci --tag PCI --keep 365d", shows: "a year for what PCI is about" },
  ],
  async run({ args, options, session }) {
    const { tag, confirm, dryRun } = options
    const rule = { name: args.name, tag, keepDays: readDays(options.keep, "--keep") }
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const change = await (await session.trail()).setRetentionRule("floor", rule, { confirm, dryRun, key })
    return {
      schema: "pgtrail.retention_change/1",
      columns: changeColumns,
      rows: [changeRow(change)],
      text: describeChange(change),
      note: () => (change.act === null ? undefined : `recorded as act ${change.act}`),
    }
  },
})
