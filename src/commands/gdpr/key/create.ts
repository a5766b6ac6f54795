// pgtrail gdpr key create: the first key of pseudonyms, in a file outside the database.
import { arg, command, configurable, file, reference } from "../../../cli/command.js"
import { privacyKey, privacyKeys } from "../../../cli/privacy-keys.js"
import { readSecret } from "../../../cli/secret.js"
import { describeAddedKey } from "../../../data/subject/describe-pseudonym.js"

export default command({
  summary: "make the key with which pseudonyms are made and revealed",
  description:
    "Writes 32 random bytes to --out, for your user alone; the key is never written over and never printed, and the database learns its name and a value by " +
    "which a wrong one is known. A key that was made elsewhere (openssl rand -base64 32) is given by --privacy-key in the place of --out. By an act. " +
    "Where a key is active already, gdpr key rotate makes the next. Needs the role pgtrail_privacy.",
  args: { key: arg("its name; without it k1, k2...", "optional") },
  options: {
    out: file("--out <file>", "where the key goes"),
    privacyKey,
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
  },
  examples: [
    { run: "pgtrail gdpr key create --out /etc/pgtrail/k1.key", shows: "the line for the configuration" },
    {
      run: "pgtrail gdpr key create k1 --privacy-key 'k1=cmd:vault kv get -field=key audit/k1'",
      shows: "a key that is kept elsewhere",
    },
  ],
  async run({ args, options, session }) {
    const made = await (await session.trail()).addPrivacyKey({
      id: args.key,
      out: options.out === undefined ? undefined : session.path(options.out),
      keys: privacyKeys(options.privacyKey, session),
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
