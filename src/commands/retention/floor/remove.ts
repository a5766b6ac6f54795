// pgtrail retention floor remove: removes a floor, by an act.
import { arg, command, flag, reference, text } from "../../../cli/command.js"
import { changeColumns, changeRow } from "../../../cli/rule-change.js"
import { readSecret } from "../../../cli/secret.js"
import { describeChange } from "../../../data/retention/rule-words.js"

export default command({
  summary: "remove a floor, by an act",
  description:
    "The policies of its events count alone. Where they keep them for a shorter time, that waits for the grace; --confirm with the name of the floor " +
    "lets it count at once. Needs the role pgtrail_operator, and a signature where the setting require-signed-acts is on.",
  args: { name: arg("the floor") },
  options: {
    confirm: text("--confirm <floor>", "its name once more: its events are kept no longer at once"),
    dryRun: flag("--dry-run", "say what would be changed; change nothing"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
  },
  examples: [{ run: "pgtrail retention floor remove pci", shows: "the policies of its events count alone" }],
  async run({ args, options, session }) {
    const { confirm, dryRun } = options
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const change = await (await session.trail()).removeRetentionRule("floor", args.name, {
      confirm,
      dryRun,
      key,
    })
    return {
      schema: "pgtrail.retention_change/1",
      columns: changeColumns,
      rows: [changeRow(change)],
      text: describeChange(change),
      note: () => (change.act === null ? undefined : `recorded as act ${change.act}`),
    }
  },
})
