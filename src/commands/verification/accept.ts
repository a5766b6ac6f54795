// pgtrail verification accept: takes a finding as known, by an act.
import { arg, command, required, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"

export default command({
  summary: "accept a finding, with the reason, so that it no longer makes the log fail",
  description:
    "An act of the log, which verify checks as every other. An accepted finding stays in every report, counted apart. It names what was " +
    "found, not the place: the same event altered once more is a new finding. Needs the role pgtrail_operator.",
  args: { finding: arg("id of the finding: its 16 digits, or the first 6 at least") },
  options: {
    reason: required(text("--reason <text>", "why it is accepted: what happened, and who knows of it")),
    key: text("--key <reference>", "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND"),
  },
  examples: [
    {
      run: 'pgtrail verification accept 3fa9c1d2e4b5a697 --reason "INC-4711: altered by hand, restored from the backup"',
      shows: "an incident that is over",
    },
  ],
  async run({ args, options, session }) {
    const { reason } = options
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    const accepted = await trail.acceptFinding(args.finding, { reason, key })
    return {
      schema: "pgtrail.acceptance/1",
      columns: ["finding", "act", "verification", "reason"].map((name) => ({ name })),
      rows: [{ ...accepted }],
      text: `accepted the finding ${accepted.finding} of act ${accepted.verification}; it stays in every report`,
      note: `recorded as act ${accepted.act}`,
    }
  },
})
