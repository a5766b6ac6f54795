// pgtrail gdpr key rotate: the next key of pseudonyms; the one before is retired, and still reveals.
import { arg, command, configurable, file, reference } from "../../../cli/command.js"
import { privacyKey, privacyKeys } from "../../../cli/privacy-keys.js"
import { readSecret } from "../../../cli/secret.js"
import { describeAddedKey } from "../../../data/subject/describe-pseudonym.js"

export default command({
  summary: "make the next key of pseudonyms, and retire the one before, which still reveals",
  description:
    "From then on pseudonyms are made with the new key, and those of the old one stay as they are: who is pseudonymized before and after has one of each. " +
    "Keep the old key as long as somebody may have to be revealed; gdpr key destroy ends that. --out and --privacy-key as of gdpr key create. By an act. " +
    "Needs the role pgtrail_privacy.",
  args: { key: arg("the name of the new key; without it k2, k3...", "optional") },
  options: {
    out: file("--out <file>", "where the new key goes"),
    privacyKey,
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
  },
  examples: [
    { run: "pgtrail gdpr key rotate --out /etc/pgtrail/k2.key", shows: "the lines for the configuration" },
  ],
  async run({ args, options, session }) {
    const made = await (await session.trail()).addPrivacyKey({
      id: args.key,
      out: options.out === undefined ? undefined : session.path(options.out),
      keys: privacyKeys(options.privacyKey, session),
      rotate: true,
      signingKey: options.key === undefined ? undefined : await readSecret(options.key, session.io),
    })
    return {
      schema: "pgtrail.added_privacy_key/1",
      columns: ["key_id", "act", "file", "retired"].map((name) => ({ name })),
      rows: [{ ...made }],
      text: describeAddedKey(made, options.out),
    }
  },
})
