// pgtrail gdpr reveal: whom a pseudonym stands for; that somebody asked is an act, which comes first.
import { arg, command, required, text } from "../../cli/command.js"
import { privacyKey, privacyKeys } from "../../cli/privacy-keys.js"

export default command({
  summary: "tell whom a pseudonym stands for, by an act",
  description:
    "Every use is an act with the reason, which is committed before anything is shown. Takes the key that made the pseudonym, retired ones too; " +
    "when that key was destroyed, nobody can. Needs the role pgtrail_privacy.",
  args: { pseudonym: arg("as it stands in an event: p1:...") },
  options: {
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    privacyKey,
  },
  examples: [
    {
      run: 'pgtrail gdpr reveal p1:t:k1:V2n7mC0mUe1q9b5tF0n0Jw --reason "inquiry 2026-114" --privacy-key k1=file:k1.key',
      shows: "the identifiers that the pseudonym stands for",
    },
  ],
  async run({ args, options, session }) {
    const trail = await session.trail()
    const revealed = await trail.reveal(args.pseudonym, {
      reason: options.reason,
      requestedBy: options.requestedBy,
      keys: privacyKeys(options.privacyKey, session),
    })
    if (revealed.act_names)
      session.warn(
        `what act ${revealed.act} says names the person, and stays: the next time name the number of the request`,
      )
    return {
      schema: "pgtrail.revealed/1",
      columns: [{ name: "kind" }, { name: "value", whole: true }],
      rows: revealed.identifiers.map(({ kind, value }) => ({ kind, value })),
      document: { schema: "pgtrail.revealed/1", ...revealed },
      note: `recorded as act ${revealed.act}`,
    }
  },
})
