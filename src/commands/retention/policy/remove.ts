// pgtrail retention policy remove: removes a policy, by an act.
import { arg, command, flag, reference, text } from "../../../cli/command.js"
import { changeColumns, changeRow } from "../../../cli/rule-change.js"
import { readSecret } from "../../../cli/secret.js"
import { describeChange } from "../../../data/retention/rule-words.js"

export default command({
  summary: "remove a policy, by an act",
  description:
    "Its events have the next policy that fits, in the end standard, which stays. Where that keeps them for a shorter time, that waits for the grace; " +
    "--confirm with the name of the policy lets it count at once. Needs the role pgtrail_operator, and a signature where the setting " +
    "require-signed-acts is on.",
  args: { name: arg("the policy") },
  options: {
    confirm: text("--confirm <policy>", "its name once more: a shorter period counts at once"),
    dryRun: flag("--dry-run", "say what would be changed; change nothing"),
    key: reference(
      "--key <reference>",
      "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
    ),
  },
  examples: [{ run: "pgtrail retention policy remove acme-auth", shows: "the next policy that fits counts" }],
  async run({ args, options, session }) {
    const { confirm, dryRun } = options
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const change = await (await session.trail()).removeRetentionRule("policy", args.name, {
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
